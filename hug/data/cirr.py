"""The reader of CIRR, release rc2, in the three trees in which people keep it.

Annotations are `captions/cap.rc2.{split}.json` and `image_splits/split.rc2.{split}.json`, in the folder itself or in
its subfolder `cirr`; pictures lie where the split file says (`./dev/dev-244-0-img0.png`), below the folder itself or
below its subfolder `img_raw`. The test split is CIRR's test1, whose targets are hidden.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import AfterValidator, BaseModel, TypeAdapter

from hug.data.annotations import Id, check_hidden, inside, parsed, some
from hug.data.collection import ALL, Collection, Triplet
from hug.data.images import PictureFolder

FILES = {"train": "train", "val": "val", "test": "test1"}  # split -> how CIRR's files name it
ANNOTATIONS = (".", "cirr")  # where annotations are looked for
PICTURES = ("img_raw", ".")  # where pictures are looked for

Place = Annotated[str, AfterValidator(lambda place: inside(place.removeprefix("./")))]


class ImageSet(BaseModel):
    """Six pictures that look alike, among which CIRR ranks too; the reference is one of them."""

    members: list[Id]


class Entry(BaseModel):
    """One annotation; further keys are left alone. Recall is by `target_hard`, never by `target_soft`."""

    pairid: int
    reference: Id
    target_hard: Id | None = None
    target_soft: dict[str, float] = {}  # the hard target, others as good (1, 0.5, 0.2) and wrong ones (-1)
    caption: str
    img_set: ImageSet


ENTRIES, PLACES = TypeAdapter(list[Entry]), TypeAdapter(dict[Id, Place])


def recognise(root: Path) -> bool:
    """Whether a folder is laid out so."""
    return any(any((root / folder / "image_splits").glob("split.rc2.*.json")) for folder in ANNOTATIONS)


def splits(root: Path) -> tuple[str, ...]:
    """Splits that have annotations, in the order train, val, test."""
    return tuple(s for s, name in FILES.items() if any(_places(root, name)))


def read(root: str | Path, split: str, categories: Sequence[str] = ()) -> Collection:
    """One split: one gallery named "all", in the order of the split file; empty captions are kept.

    A triplet has CIRR's `pairid` as its id, and as its subset the members of its image set without the reference.
    Pictures are not needed to read annotations. Raises ValueError naming the file and what is wrong with it.
    """
    root = Path(root)
    if tuple(categories) not in ((), (ALL,)):
        raise ValueError(f"CIRR has no categories, so there is no {some(categories)}; leave --categories out")
    path = _annotation(root, "captions", "cap", split)
    places = parsed(_annotation(root, "image_splits", "split", split), PLACES)
    entries = parsed(path, ENTRIES)
    _check(path, entries, places, split)
    triplets = tuple(
        Triplet(e.reference, e.target_hard, (e.caption,), ALL, str(e.pairid),
                tuple(m for m in e.img_set.members if m != e.reference))
        for e in entries
    )  # fmt: skip
    folders = [PictureFolder(root / part) for part in PICTURES]
    return Collection(root.resolve().name, split, triplets, {ALL: tuple(places)}, partial(_find, folders, places))


def _find(folders: Sequence[PictureFolder], places: Mapping[str, str], id: str) -> Path | None:
    place = str(PurePosixPath(places[id]).with_suffix("")) if id in places else ""
    files = (folder.find(place) for folder in folders if place)
    return next((file for file in files if file), None)


def _places(root: Path, name: str) -> list[Path]:
    places = [root / folder / "image_splits" / f"split.rc2.{name}.json" for folder in ANNOTATIONS]
    return [place for place in places if place.is_file()]


def _annotation(root: Path, folder: str, prefix: str, split: str) -> Path:
    name = f"{prefix}.rc2.{FILES.get(split, split)}.json"
    for part in ANNOTATIONS:
        if (path := root / part / folder / name).is_file():
            return path
    there = sorted(p.name for part in ANNOTATIONS for p in (root / part / folder).glob(f"{prefix}.*.json"))
    raise ValueError(f"{root / folder / name} not found; there is {', '.join(there) or 'nothing of the kind'}")


def _check(path: Path, entries: Sequence[Entry], places: Mapping[str, str], split: str) -> None:
    """Every id has a place, every pairid is there once, every target is where it is looked for."""
    if not entries:
        raise ValueError(f"{path}: there is no entry")
    check_hidden(path, [e.target_hard for e in entries], split)
    named = dict.fromkeys(
        i for e in entries for i in (e.reference, e.target_hard, *(e.img_set.members if split != "train" else ())) if i
    )
    unknown = [i for i in named if i not in places]
    if unknown:
        raise ValueError(f"{path}: {len(unknown)} ids are not in the split file: {some(unknown)}")
    count: dict[int, int] = {}
    for entry in entries:
        count[entry.pairid] = count.get(entry.pairid, 0) + 1
    twice = [str(pair) for pair, times in count.items() if times > 1]
    if twice:
        raise ValueError(f"{path}: {len(twice)} pairids occur more than once: {some(twice)}")
    outside = [e for e in entries if e.target_hard and e.target_hard not in e.img_set.members]
    if outside and split != "train":
        pairs = some(str(e.pairid) for e in outside)
        raise ValueError(f"{path}: {len(outside)} targets are not members of their image set: pairids {pairs}")
