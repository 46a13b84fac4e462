"""Constructed annotations: small enough to count by hand, laid out as the official ones."""

from __future__ import annotations

import json
from pathlib import Path

from tests.hug.conftest import noise_pictures


def write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def fashioniq_tree(root: Path, split: str = "val", size: int = 60, pictures: bool = False) -> Path:
    """Three categories of `size` ids ("dress0", …), three queries each: n asks for n + 10, or n + 50 the last."""
    for category in ("dress", "shirt", "toptee"):
        ids = [f"{category}{n}" for n in range(size)]
        entries = [
            {"candidate": ids[n], "target": ids[n + (50 if n == 2 else 10)], "captions": ["is red", f"has {n} dots"]}
            for n in range(3)
        ]
        write(root / "image_splits" / f"split.{category}.{split}.json", ids)
        write(root / "captions" / f"cap.{category}.{split}.json", entries)
        _pictures(root / "images", ids if pictures else [])
    return root


def cirr_tree(root: Path, split: str = "val", size: int = 60, queries: int = 8, pictures: bool = False) -> Path:
    """`size` ids ("p0", …); query n is of picture n, its target n + 1, its members n to n + 5 out of order."""
    name, ids = {"test": "test1"}.get(split, split), [f"p{n}" for n in range(size)]
    entries: list[dict[str, object]] = []
    for n in range(queries):
        members = [ids[n + step] for step in (3, 1, 0, 5, 2, 4)]
        entry = {"pairid": 100 + n, "reference": ids[n], "caption": f"show {n} dogs", "img_set": {"members": members}}
        entries.append(entry if split == "test" else {**entry, "target_hard": ids[n + 1]})
    write(root / "image_splits" / f"split.rc2.{name}.json", {i: f"./dev/{i}.png" for i in ids})
    write(root / "captions" / f"cap.rc2.{name}.json", entries)
    _pictures(root / "dev", ids if pictures else [])
    return root


def _pictures(folder: Path, ids: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for id, picture in zip(ids, noise_pictures(len(ids), seed=len(ids)), strict=True):
        picture.save(folder / f"{id}.png")
