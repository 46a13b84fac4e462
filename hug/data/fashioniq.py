"""The reader of Fashion-IQ's layout, in which the generated garments are written too.

A tree holds `images/{id}` with the suffix of any picture, `captions/cap.{category}.{split}.json` and
`image_splits/split.{category}.{split}.json`.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, TypeAdapter

from hug.data.annotations import Id, check_hidden, parsed, some
from hug.data.collection import SPLITS, Collection, Triplet
from hug.data.images import PictureFolder

CATEGORIES = ("dress", "shirt", "toptee")


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
    listed, pictures = {i for gallery in galleries.values() for i in gallery}, PictureFolder(root / "images")
    triplets: list[Triplet] = []
    for category in categories:
        path = _annotation(root, "captions", "cap", category, split)
        annotated = parsed(path, ENTRIES)
        check_hidden(path, [e.target for e in annotated], split)
        entries = tuple(Triplet(e.candidate, e.target, e.captions, category) for e in annotated)
        _check_ids(path, entries, listed, set(galleries[category]), pictures, split)
        triplets.extend(entries)
    return Collection(root.resolve().name, split, tuple(triplets), galleries, pictures.find)


def splits(root: Path) -> tuple[str, ...]:
    """Splits that have annotations, in the order train, val, test."""
    return tuple(s for s in SPLITS if any((root / "image_splits").glob(f"split.*.{s}.json")))


def _annotation(root: Path, folder: str, prefix: str, category: str, split: str) -> Path:
    path = root / folder / f"{prefix}.{category}.{split}.json"
    if not path.is_file():
        there = sorted(p.name for p in (root / folder).glob(f"{prefix}.*.json"))
        raise ValueError(f"{path} not found; there is {', '.join(there) or 'nothing of the kind'}")
    return path


class Entry(BaseModel):
    """One annotation; further keys are left alone."""

    candidate: Id
    target: Id | None = None  # a test split hides it
    captions: tuple[str, str]


GALLERY, ENTRIES = TypeAdapter(list[Id]), TypeAdapter(list[Entry])


def _gallery(path: Path) -> tuple[str, ...]:
    ids = parsed(path, GALLERY)
    if not ids:
        raise ValueError(f"{path}: the gallery is empty")
    twice = sorted(id for id, times in Counter(ids).items() if times > 1)
    if twice:
        raise ValueError(f"{path}: {len(twice)} duplicate ids: {', '.join(twice[:10])}")
    return tuple(ids)


def _check_ids(
    path: Path, triplets: tuple[Triplet, ...], listed: set[str], gallery: set[str], pictures: PictureFolder, split: str
) -> None:
    """An unlisted id must at least be a picture; outside training a target must be findable in its gallery."""
    ids = dict.fromkeys(i for t in triplets for i in (t.reference, t.target) if i is not None)
    unknown = [i for i in ids if i not in listed and pictures.find(i) is None]
    if unknown:
        raise ValueError(f"{path}: {len(unknown)} ids are in no split file and no picture: {some(unknown)}")
    lost = [t.target for t in triplets if t.target is not None and t.target not in gallery] if split != "train" else []
    if lost:
        raise ValueError(f"{path}: {len(lost)} targets are not in the gallery that is searched: {some(lost)}")
