"""The words of the code are those of the field: no private vocabulary, and no participles for things."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from statistics import median

from tests.test_imports import ROOT, modules

# Anywhere in a name.
RETIRED = frozenset(
    ["doubt", "doubts", "doubtful", "spoil", "spoils", "spoiled", "company", "workbench", "shelf", "crossing"]
)
# As a whole name: what is known of a thing is no name for it.
PARTICIPLES = frozenset(
    [
        "asked", "bench", "checked", "chosen", "drawn", "found", "given", "ground", "kept", "known", "made", "moved",
        "opened", "others", "picked", "placed", "ranked", "said", "shown", "standing", "told", "trail", "trust",
    ]
)  # fmt: skip


def identifiers(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of everything that a file names itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr
        elif isinstance(node, ast.alias) and node.asname:
            yield 0, node.asname


def retired(name: str) -> bool:
    words = re.findall(r"[a-z]+", re.sub(r"([A-Z]+)", r"_\1", name).lower())
    return bool(RETIRED & set(words)) or name.strip("_").lower() in PARTICIPLES


def test_no_name_is_a_retired_word() -> None:
    names = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for _, path in modules(ROOT)
        for line, name in [(0, path.stem), *identifiers(ast.parse(path.read_text()))]
        if retired(name)
    ]
    assert not names


def test_planted_names_are_caught() -> None:
    tree = ast.parse("def spoil_view(found, k):\n    self.kept = 1\n    for doubt_of in x: given = Workbench()\n")
    names = {name for _, name in identifiers(tree) if retired(name)}
    assert names == {"spoil_view", "kept", "found", "doubt_of", "given"}
    assert not retired("founder") and not retired("sorted_ids") and not retired("expected_calibration_error")


def test_functions_and_files_stay_short() -> None:
    sizes = {str(path.relative_to(ROOT)): path.read_text() for _, path in modules(ROOT)}
    functions = [
        (node.end_lineno - node.lineno + 1, f"{name}: {node.name}")
        for name, text in sizes.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    ]
    assert [each for each in functions if each[0] > 60] == []
    assert median(length for length, _ in functions) <= 8
    assert [name for name, text in sizes.items() if text.count("\n") > 400] == []
