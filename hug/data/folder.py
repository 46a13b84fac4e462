"""A plain folder of pictures: galleries without triplets, in one split, test, since nothing can be trained on it."""

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from hug.data.annotations import some
from hug.data.collection import ALL, Collection
from hug.data.images import SUFFIXES, list_pictures

SPLITS = ("test",)


def recognise(root: Path) -> bool:
    """Whether there is a picture anywhere below a folder."""
    return any(Path(name).suffix.lower() in SUFFIXES for _, _, names in os.walk(root) for name in names)


def splits(root: Path) -> tuple[str, ...]:
    return SPLITS


def read(root: str | Path, split: str, categories: Sequence[str] = ()) -> Collection:
    """A gallery for each folder where every picture lies in one, else one gallery named "all"; ids are paths.

    Raises ValueError for another split than test, a folder without pictures, and a category that isn't there.
    """
    root = Path(root)
    if split not in SPLITS:
        raise ValueError(
            f"{root} is a folder of pictures without triplets, so it has no split {split!r}; training and recall need "
            "annotations: Fashion-IQ's layout, CIRR's, or a table of triplets"
        )
    pictures = list_pictures(root).pictures
    if not pictures:
        raise ValueError(f"{root} has no pictures ({', '.join(SUFFIXES)})")
    galleries: dict[str, list[str]] = {}
    for id, path in pictures.items():
        parts = PurePosixPath(path.relative_to(root)).parts
        galleries.setdefault(parts[0] if len(parts) > 1 else "", []).append(id)
    if "" in galleries:
        galleries = {ALL: list(pictures)}
    unknown = [c for c in categories if c not in galleries]
    if unknown:
        raise ValueError(f"{root} has no folder {some(unknown)}; there is {some(galleries)}")
    wanted = {c: tuple(galleries[c]) for c in categories or galleries}
    return Collection(root.resolve().name, split, (), wanted, pictures.get)
