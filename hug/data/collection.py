"""One split of a data set: triplets, galleries, where its pictures lie, and its truth where that is known."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import astuple, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from hug.data.truth import Truth

SPLITS = ("train", "val", "test")
ALL = "all"  # the gallery of data without categories


@dataclass(frozen=True)
class Triplet:
    """A reference picture, what should change, and the picture that was meant."""

    reference: str
    target: str | None  # None where a test split hides it
    captions: tuple[str, ...]  # as annotated: two in Fashion-IQ, one in CIRR
    category: str
    id: str = ""  # of the annotation, where it has one
    subset: tuple[str, ...] = ()  # ids that are ranked by themselves (CIRR)


@dataclass(frozen=True)
class Collection:
    """One split: its triplets and, per category, the ids to search in file order."""

    name: str
    split: str
    triplets: tuple[Triplet, ...]
    galleries: dict[str, tuple[str, ...]]
    locate: Callable[[str], Path | None] = field(repr=False)  # id -> file of the picture
    version: dict[str, Any] = field(default_factory=dict)  # version, seed, sha256 of generated data
    truth: Truth | None = None
    layout: str = ""  # of the folder, a name in `hug.data.datasets.DATASETS`

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Every id once, in gallery order, then those that only triplets name."""
        pairs = (i for t in self.triplets for i in (t.reference, t.target) if i is not None)
        return tuple(dict.fromkeys([*(i for gallery in self.galleries.values() for i in gallery), *pairs]))

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """What tells this data from other data: the version of generated data, else a hash of all annotations."""
        if self.version:
            return self.version
        annotations = json.dumps([[astuple(t) for t in self.triplets], self.galleries], sort_keys=True)
        return {"sha256": hashlib.sha256(annotations.encode()).hexdigest()}

    def path(self, id: str) -> Path:
        """File of a picture. Raises ValueError when there is none."""
        path = self.locate(id)
        if path is None:
            raise ValueError(f"{self.name}: there is no picture {id!r}")
        return path

    def require_pictures(self) -> None:
        """Raises ValueError with the full list of the missing pictures: none is ever left out silently."""
        missing = [i for i in self.ids if self.locate(i) is None]
        if missing:
            count = f"{len(missing)} of {len(self.ids)}"
            raise ValueError(f"{count} pictures are missing in {self.name}: {', '.join(missing)}")
