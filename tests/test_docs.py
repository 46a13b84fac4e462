"""What the documents name exists: functions, tests and files."""

from __future__ import annotations

import re
from pathlib import Path
from pkgutil import resolve_name

ROOT = Path(__file__).parents[1]
MODULES = {path.stem for path in (ROOT / "hug").glob("*.py")} | {"evaluate", "train", "garments", "backbones"}


def spans(path: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", path.read_text())


def test_every_test_named_in_the_paper_s_table_exists() -> None:
    file, named = "", []
    for span in spans(ROOT / "docs" / "paper.md"):
        match = re.fullmatch(r"(test_\w+\.py)?::(test_\w+)", span)
        if match:
            file = match[1] or file
            named.append((file, match[2]))
    assert len(named) > 15
    sources = {p.name: p.read_text() for p in (ROOT / "tests" / "hug").rglob("test_*.py")}
    missing = [f"{f}::{t}" for f, t in named if f"def {t}(" not in sources.get(f, "")]
    assert not missing


def test_every_function_named_in_the_paper_s_table_exists() -> None:
    missing, seen = [], 0
    for span in spans(ROOT / "docs" / "paper.md"):
        match = re.fullmatch(r"(\w+)\.(\w+)(?:\.(\w+))?(?:\(.*\))?", span)
        if not match or match[1] not in MODULES or match[2] == "py":
            continue
        seen += 1
        try:
            resolve_name(".".join(["hug", *filter(None, match.groups())]))
        except (ImportError, AttributeError):
            missing.append(span)
    assert not missing and seen > 8


def test_every_file_named_in_the_readme_s_tree_exists() -> None:
    tree = (ROOT / "README.md").read_text().split("## What is where")[1].split("```")[1]
    folders: list[str] = []
    for line in tree.strip().splitlines():
        name, depth = line.split()[0], (len(line) - len(line.lstrip())) // 2
        folders = [*folders[:depth], name]
        assert ROOT.joinpath(*folders).exists(), name


def test_equations_are_all_mapped() -> None:
    table = (ROOT / "docs" / "paper.md").read_text()
    rows = " ".join(re.findall(r"^\| ([\d, ]+) \|", table, re.M))
    numbers = {int(n) for n in re.findall(r"\d+", rows)}
    assert numbers >= {2, 3, 4, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17}


def test_every_file_and_name_in_the_architecture_exists() -> None:
    missing = []
    for span in spans(ROOT / "docs" / "architecture.md"):
        path, _, name = span.partition(": ")
        if re.fullmatch(r"(hug|analysis|ui|tests|benchmarks|docs)/[\w/.-]*", path) and "{" not in path:
            file = ROOT / path.split(" ")[0]
            known = file.exists() and (not name or re.search(rf"\b{name.split('.')[-1]}\b", file.read_text()))
            missing += [] if known else [span]
    assert not missing
