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
class Dropped:
    """What a reduced split lacks: its galleries are not those of a protocol, so that the protocol's name says so."""

    pictures: int  # left out, missing or unreadable
    listed: int  # pictures that the split names
    queries: int  # left out, with a reference or a target that was
    annotated: int  # queries of the split

    @property
    def label(self) -> str:
        """A part of the protocol's name."""
        return f"reduced-{self.pictures}-of-{self.listed}"

    def __str__(self) -> str:
        pictures = f"{self.pictures:,} of {self.listed:,} pictures are missing or unreadable"
        return f"{pictures}, so {self.queries:,} of {self.annotated:,} queries are left out"


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
    dropped: Dropped | None = None  # where pictures were left out

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Every id once, in gallery order, then those that only triplets name."""
        pairs = (i for t in self.triplets for i in (t.reference, t.target) if i is not None)
        return tuple(dict.fromkeys([*(i for gallery in self.galleries.values() for i in gallery), *pairs]))

    @cached_property
    def needed(self) -> tuple[str, ...]:
        """Ids whose pictures are read: all; of a training split those that triplets name, unless a truth names more."""
        if self.split != "train" or self.truth is not None:
            return self.ids
        pairs = {i for t in self.triplets for i in (t.reference, t.target)}
        return tuple(i for i in self.ids if i in pairs)

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """Needed ids without a file, as the disk is at the first call."""
        return tuple(i for i in self.needed if self.locate(i) is None)

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
        """Raises ValueError with how many pictures are missing and the first of them: none is left out silently."""
        if self.missing:
            few = ", ".join(self.missing[:10]) + (", …" if len(self.missing) > 10 else "")
            raise ValueError(
                f"{len(self.missing)} of {len(self.needed)} pictures are missing in {self.name}: {few}; "
                "python -m hug doctor lists them all, --missing drop goes on without them"
            )
