"""The reader of Fashion-IQ's layout, in which the generated garments are written too.

A tree holds `images/{id}.png|.jpg|.jpeg|.webp`, `captions/cap.{category}.{split}.json` and
`image_splits/split.{category}.{split}.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from hug.data.collection import Collection, Triplet
from hug.data.images import SUFFIXES

CATEGORIES = ("dress", "shirt", "toptee")
SPLITS = ("train", "val", "test")


def recognise(root: Path) -> bool:
    """Whether a folder is laid out so."""
    return (root / "captions").is_dir() and any((root / "image_splits").glob("split.*.*.json"))


def read(root: str | Path, split: str, categories: Sequence[str] = CATEGORIES) -> Collection:
    """One split of a tree in Fashion-IQ's layout; entries with an empty caption are kept.

    Pictures are not needed to read annotations, except for a picture that a triplet names and no split file lists.
    Raises ValueError naming the file and what is wrong with it.
    """
    root = Path(root)
    if not categories:
        raise ValueError("no category to read; give at least one, such as 'dress'")
    galleries = {c: _gallery(_annotation(root, "image_splits", "split", c, split)) for c in categories}
    listed = {i for gallery in galleries.values() for i in gallery}
    triplets: list[Triplet] = []
    for category in categories:
        path = _annotation(root, "captions", "cap", category, split)
        entries = tuple(_triplets(path, category))
        _check_ids(path, entries, listed, set(galleries[category]), root, split)
        triplets.extend(entries)
    return Collection(root.resolve().name, split, tuple(triplets), galleries, partial(_find, root))


def _find(root: Path, id: str) -> Path | None:
    folder = root / "images"
    return next((path for suffix in SUFFIXES if (path := folder / f"{id}{suffix}").is_file()), None)


def _annotation(root: Path, folder: str, prefix: str, category: str, split: str) -> Path:
    path = root / folder / f"{prefix}.{category}.{split}.json"
    if not path.is_file():
        there = sorted(p.name for p in (root / folder).glob(f"{prefix}.*.json"))
        raise ValueError(f"{path} not found; there is {', '.join(there) or 'nothing of the kind'}")
    return path


def _list(path: Path) -> list[Any]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # malformed JSON, or bytes that are not UTF-8
        raise ValueError(f"{path}: not valid JSON ({error})") from error
    if not isinstance(entries, list):
        raise ValueError(f"{path}: expected a list, got {type(entries).__name__}")
    return entries


def _id(value: Any, where: str) -> str:
    """An id becomes part of a file name, so it must stay inside the folder of pictures."""
    if not isinstance(value, str) or not value or "\\" in value or "\0" in value:
        raise ValueError(f"{where}: expected the id of a picture, got {value!r}")
    if value.startswith("/") or ".." in PurePosixPath(value).parts:
        raise ValueError(f"{where}: the id {value!r} leads out of the folder of pictures")
    return value


def _gallery(path: Path) -> tuple[str, ...]:
    ids = [_id(value, f"{path}: entry {n}") for n, value in enumerate(_list(path))]
    if not ids:
        raise ValueError(f"{path}: the gallery is empty")
    if len(set(ids)) < len(ids):
        once: set[str] = set()
        twice = sorted({i for i in ids if i in once or once.add(i)})  # type: ignore[func-returns-value]
        raise ValueError(f"{path}: {len(twice)} duplicate ids: {', '.join(twice[:10])}")
    return tuple(ids)


def _triplets(path: Path, category: str) -> Iterator[Triplet]:
    for n, entry in enumerate(_list(path)):
        where = f"{path}: entry {n}"
        if not isinstance(entry, dict):
            raise ValueError(f"{where}: expected an object, got {type(entry).__name__}")
        missing = [key for key in ("candidate", "target", "captions") if key not in entry]
        if missing:
            raise ValueError(f"{where}: missing key {missing[0]!r}")
        captions = entry["captions"]
        if not isinstance(captions, list) or len(captions) != 2 or not all(isinstance(c, str) for c in captions):
            raise ValueError(f"{where}: expected two captions, got {captions!r}")
        reference, target = _id(entry["candidate"], where), _id(entry["target"], where)
        yield Triplet(reference, target, (captions[0], captions[1]), category)


def _check_ids(
    path: Path, triplets: tuple[Triplet, ...], listed: set[str], gallery: set[str], root: Path, split: str
) -> None:
    """An unlisted id must at least be a picture; outside training a target must be findable in its gallery."""
    ids = dict.fromkeys(i for t in triplets for i in (t.reference, str(t.target)))
    unknown = [i for i in ids if i not in listed and _find(root, i) is None]
    if unknown:
        raise ValueError(f"{path}: {len(unknown)} ids are in no split file and no picture: {', '.join(unknown)}")
    lost = [str(t.target) for t in triplets if t.target not in gallery] if split != "train" else []
    if lost:
        raise ValueError(f"{path}: {len(lost)} targets are not in the gallery that is searched: {', '.join(lost)}")
