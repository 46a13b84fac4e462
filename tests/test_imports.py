"""The import rule, read from the import statements: who may import whom (`docs/architecture.md`)."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("hug", "analysis", "ui", "app")  # each may import those before it, and itself
# Parts of hug from the ground up: each may import those of earlier lines, and those of its own without a circle.
LAYERS = (
    {"config", "gaussians", "posterior", "novelty", "files", "bounded", "console", "hub"},
    {"data", "backbones"},
    {"model"},
    {"losses", "calibration", "retrieval", "checkpoint"},
    {"evaluate"},
    {"train", "sharing"},
)
ABOVE = {"", "__main__", "commands"}  # the package itself re-exports, its command line calls everything


def modules(root: Path) -> Iterator[tuple[str, Path]]:
    """Dotted name and file of every module of the four packages."""
    for package in PACKAGES:
        for path in [*sorted((root / package).rglob("*.py")), *sorted(root.glob(f"{package}.py"))]:
            parts = path.relative_to(root).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def imported(path: Path, module: str) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything a file imports, inside functions and through `import_module` too."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                base = ".".join(filter(None, [*package.split(".")[: len(package.split(".")) - node.level + 1], base]))
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
            "import_module",
            "__import__",
        ):
            yield from ((node.lineno, a.value) for a in node.args[:1] if isinstance(a, ast.Constant))


def breaches(root: Path) -> list[str]:
    """Every import that breaks the rule, as "file:line: what is wrong"."""
    found, known = [], dict(modules(root))
    edges: dict[str, set[str]] = {}
    for module, path in known.items():
        for line, name in imported(path, module):
            target = next((n for n in (name, name.rpartition(".")[0]) if n in known), None)
            if target is None or target == module:
                continue
            problem = _problem(module, target)
            if problem:
                found.append(f"{path.relative_to(root)}:{line}: {problem}")
            elif _layer(module) == _layer(target) is not None and _part(module) != _part(target):
                edges.setdefault(module, set()).add(target)
    return found + [
        f"hug: {a} and {b} import each other" for a in edges for b in edges[a] if a < b and a in edges.get(b, ())
    ]


def _problem(module: str, target: str) -> str | None:
    ours, theirs = module.split(".")[0], target.split(".")[0]
    if ours != theirs:
        wrong = PACKAGES.index(theirs) > PACKAGES.index(ours)
        return f"{ours} must not import {theirs} ({target})" if wrong else None
    if ours != "hug" or _part(module) in ABOVE or _part(module) == _part(target):
        return None
    for name in (module, target):
        if _layer(name) is None:
            return f"{name} has no place in the rule; importing {target} from {module} needs one in LAYERS"
    if _layer(target) > _layer(module):  # type: ignore[operator]
        return f"{module} must not import {target}: it lies above"
    return None


def _part(module: str) -> str:
    return (module.split(".") + [""])[1]


def _layer(module: str) -> int | None:
    return next((n for n, layer in enumerate(LAYERS) if module.startswith("hug.") and _part(module) in layer), None)


def test_imports_point_one_way() -> None:
    assert breaches(ROOT) == []


def test_every_part_of_hug_has_a_place() -> None:
    parts = {_part(module) for module, _ in modules(ROOT) if module.split(".")[0] == "hug"}
    assert parts - ABOVE <= set().union(*LAYERS)


def test_nothing_outside_its_room_imports_the_generator() -> None:
    """Data sets are met through `hug.data.datasets` and `Collection`, whoever made them."""
    room, door = "hug.data.garments", "hug.data.datasets"
    outside = [
        f"{module}: {name}"
        for module, path in modules(ROOT)
        if not module.startswith(room) and module != door
        for _, name in imported(path, module)
        if f"{name}.".startswith(f"{room}.")
    ]
    assert not outside


def test_every_library_imported_is_pinned() -> None:
    """What a Space installs is what the code imports; nothing comes in only because something else brings it."""
    homes = packages_distributions()
    names = {name.split(".")[0] for module, path in modules(ROOT) for _, name in imported(path, module)}
    needed = {
        homes[n][0].lower().replace("_", "-") for n in names - {*PACKAGES, *sys.stdlib_module_names} if n in homes
    }
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines if "==" in line}
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    optional = {line.split("==")[0] for lines in extras.values() for line in lines}
    assert needed - pinned - optional - {"gradio-client"} == set()  # gradio-client is gradio's own, pinned by it


def test_planted_breaches_are_caught(tmp_path: Path) -> None:
    files = {
        "hug/__init__.py": "from hug.train import train\n",
        "hug/config.py": "import json\n",
        "hug/data.py": "from hug.config import DataConfig\n\ndef late():\n    from hug import retrieval\n",
        "hug/backbones/__init__.py": "from ..model import HUG\n",
        "hug/retrieval.py": "from hug.checkpoint import load\n",
        "hug/checkpoint.py": "from hug.retrieval import Index\n",
        "hug/model.py": "import importlib\nimportlib.import_module('hug.train')\n",
        "hug/losses.py": "import analysis.query\n",
        "hug/train/__init__.py": "from hug import load\n",
        "hug/utils.py": "from hug import config\n",
        "analysis/query.py": "import hug\nfrom ui import page\n",
        "ui/page.py": "import analysis.query, hug.losses\n",
        "app.py": "from ui.page import build\n",
    }  # fmt: skip
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "ui/__init__.py").write_text("")
    found = breaches(tmp_path)
    places = {line.split(": ")[0] for line in found}
    assert places == {
        "hug/data.py:4", "hug/backbones/__init__.py:1", "hug/model.py:2", "hug/losses.py:1",
        "hug/train/__init__.py:1", "hug/utils.py:1", "analysis/query.py:2", "hug",
    }  # fmt: skip
    assert "hug: hug.checkpoint and hug.retrieval import each other" in found
