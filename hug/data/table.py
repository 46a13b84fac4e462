"""A table of triplets, a row each, as CSV, TSV or JSON lines, beside the pictures that it names.

A folder has one file a split (`train.csv`, `val.jsonl`, …) or one file `triplets.csv` with a column `split`; such a
file may be named itself, too. Columns: `reference` (or `candidate`), `target`, `caption` (or `captions`, in JSON a
list, or `caption1`, `caption2`, …), and where there are such `id`, `category` and `subset`. Pictures are named by their
paths below the folder or its subfolder `images`, with or without suffix; an id is without.

A gallery is what `gallery.csv` or `gallery.{split}.csv` lists (columns `id` and, where there are such, `category`);
without it, the references and targets of the split, in their order.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter, ValidationError

from hug.data.annotations import Id, check_hidden, first_error, some
from hug.data.collection import ALL, SPLITS, Collection, Triplet
from hug.data.images import SUFFIXES as PICTURE_SUFFIXES
from hug.data.images import PictureFolder

SUFFIXES = (".csv", ".tsv", ".jsonl")
WHOLE = "triplets"  # the name of a file of all splits


def _listed(value: Any) -> Any:
    """A field that may hold one or several."""
    return value if isinstance(value, list | tuple) else [value]


def _words(value: Any) -> Any:
    return value.split() if isinstance(value, str) else value


R = TypeVar("R")
Name = Annotated[Id, BeforeValidator(lambda value: value.removeprefix("./") if isinstance(value, str) else value)]


class Row(BaseModel):
    """One triplet; further columns are left alone."""

    reference: Name
    target: Annotated[Name | None, BeforeValidator(lambda value: value or None)] = None
    captions: Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)]
    category: str = ALL
    id: Annotated[str, BeforeValidator(str)] = ""
    split: str = ""
    subset: Annotated[tuple[Name, ...], BeforeValidator(_words)] = ()


class Member(BaseModel):
    """One picture of a gallery."""

    id: Name
    category: str = ALL


ROWS, MEMBERS = TypeAdapter(list[Row]), TypeAdapter(list[Member])


def recognise(root: Path) -> bool:
    """Whether a path is such a file, or a folder with one."""
    if root.suffix.lower() in SUFFIXES:
        return root.is_file()
    return any(_file(root, name) for name in (WHOLE, *SPLITS))


def splits(root: Path) -> tuple[str, ...]:
    """Splits that have rows, in the order train, val, test. Raises ValueError for a file that can't be read."""
    whole = _whole(root)
    if whole is None:
        return tuple(s for s in SPLITS if _file(root, s))
    named = {row.split for row in _rows(whole, ROWS)}
    return tuple(s for s in SPLITS if s in named)


def read(root: str | Path, split: str, categories: Sequence[str] = ()) -> Collection:
    """One split. Raises ValueError naming the file, the first row that is wrong, and what is wrong with it."""
    root = Path(root)
    path, rows = _split_rows(root, split)
    folder = root if root.is_dir() else root.parent
    check_hidden(path, [row.target for row in rows], split)
    members = _members(folder, split)
    written = _written([n for r in rows for n in (r.reference, r.target, *r.subset) if n] + [m.id for m in members])
    id_of = {name: id for id, names in written.items() for name in names}
    triplets = tuple(
        Triplet(id_of[r.reference], r.target and id_of[r.target], r.captions, r.category, r.id,
                tuple(id_of[n] for n in r.subset))
        for r in rows
    )  # fmt: skip
    galleries = _galleries(path, [(m.category, id_of[m.id]) for m in members], triplets)
    unknown = [c for c in categories if c not in galleries]
    if unknown:
        raise ValueError(f"{path}: there is no category {some(unknown)}; there is {some(galleries)}")
    names = tuple(categories) or tuple(galleries)
    triplets = tuple(t for t in triplets if t.category in names)
    if not triplets:
        raise ValueError(f"{path}: there is no triplet of {some(names)}")
    lost = [t.target for t in triplets if t.target and t.target not in galleries[t.category]]
    if lost and split != "train":
        raise ValueError(f"{path}: {len(lost)} targets are not in the gallery that is searched: {some(lost)}")
    places = [PictureFolder(folder / "images"), PictureFolder(folder)]
    name = folder.resolve().name if root.is_dir() else path.stem
    return Collection(name, split, triplets, {c: galleries[c] for c in names}, partial(_find, places, written))


def _find(folders: Sequence[PictureFolder], written: Mapping[str, list[str]], id: str) -> Path | None:
    for name in written.get(id, ()):  # as it is written, before any other suffix
        for folder in folders:
            if (path := folder.root / name).is_file():
                return path
    return next((path for path in (folder.find(id) for folder in folders) if path), None)


def _written(names: Iterable[str]) -> dict[str, list[str]]:
    """Id -> how the table writes it, suffix first: `a` and `a.jpg` are one picture, `a.jpg` and `a.png` are two."""
    groups: dict[str, dict[str, None]] = {}
    for name in names:
        bare = name.removesuffix(suffix) if (suffix := Path(name).suffix).lower() in PICTURE_SUFFIXES else name
        groups.setdefault(bare, {})[name] = None
    ids: dict[str, list[str]] = {}
    for bare, variants in groups.items():
        if len(set(variants) - {bare}) <= 1:
            ids[bare] = sorted(variants, key=len, reverse=True)
        else:
            ids.update({name: [name] for name in variants})
    return ids


def _file(folder: Path, name: str) -> Path | None:
    return next((p for suffix in SUFFIXES if (p := folder / f"{name}{suffix}").is_file()), None)


def _whole(root: Path) -> Path | None:
    """The file of all splits, where there is one."""
    return root if root.is_file() else _file(root, WHOLE)


def _split_rows(root: Path, split: str) -> tuple[Path, list[Row]]:
    path = _whole(root)
    if path is None:
        path = _file(root, split)
        if path is None:
            there = some(p.name for name in SPLITS if (p := _file(root, name)))
            raise ValueError(f"{root} has no {split}{SUFFIXES[0]} or {split}{SUFFIXES[2]}; there is {there}")
        return path, _rows(path, ROWS)
    rows = _rows(path, ROWS)
    splits = dict.fromkeys(row.split for row in rows)
    if "" in splits:
        raise ValueError(f"{path}: every row needs a split (train, val or test), or name a file for each, as train.csv")
    if split not in splits:
        raise ValueError(f"{path}: there is no row of the split {split!r}; there is {some(splits)}")
    return path, [row for row in rows if row.split == split]


def _members(folder: Path, split: str) -> list[Member]:
    """The gallery's own table; empty where there is none."""
    path = _file(folder, f"gallery.{split}") or _file(folder, "gallery")
    return _rows(path, MEMBERS) if path else []


def _galleries(
    path: Path, members: Iterable[tuple[str, str]], triplets: Sequence[Triplet]
) -> dict[str, tuple[str, ...]]:
    """Category -> ids: of the gallery's table, or else references and targets of the triplets."""
    pairs = list(members) or [(t.category, i) for t in triplets for i in (t.reference, t.target, *t.subset) if i]
    galleries: dict[str, dict[str, None]] = {t.category: {} for t in triplets}
    for category, id in pairs:
        galleries.setdefault(category, {})[id] = None
    empty = [c for c, ids in galleries.items() if not ids]
    if empty:
        raise ValueError(f"{path}: the gallery's table has no picture of {some(empty)}")
    return {c: tuple(ids) for c, ids in galleries.items()}


def _rows(path: Path, adapter: TypeAdapter[list[R]]) -> list[R]:
    raw = list(_json_lines(path) if path.suffix.lower() == ".jsonl" else _separated(path))
    if not raw:
        raise ValueError(f"{path}: there is no row")
    try:
        return adapter.validate_python([named_columns(row) for row in raw])
    except ValidationError as error:
        columns = some(dict.fromkeys(chain.from_iterable(raw)))
        raise ValueError(f"{path}: {first_error(error)}; entries count from 0, columns are {columns}") from None


def named_columns(row: dict[str, Any]) -> dict[str, Any]:
    """A row with Fashion-IQ's `candidate` as `reference`, and `caption`, `caption1`, `caption2` … as `captions`."""
    row = {"reference": row["candidate"], **row} if "candidate" in row else row
    names = [name for name in row if re.fullmatch(r"caption_?\d*", name)]
    return row if "captions" in row or not names else {**row, "captions": [row[name] for name in names]}


def _text(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not text in a Unicode encoding; save it as UTF-8") from None


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(_text(path).split("\n"), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise ValueError(f"{path}: line {number} is not JSON ({error})") from None
            if not isinstance(row, dict):
                raise ValueError(f"{path}: line {number} is not an object")
            yield {str(key): value for key, value in row.items() if value is not None}


def _separated(path: Path) -> Iterator[dict[str, Any]]:
    reader = csv.DictReader(
        io.StringIO(_text(path), newline=""), delimiter="\t" if path.suffix.lower() == ".tsv" else ","
    )
    try:
        for row in reader:
            if None in row or None in row.values():
                raise ValueError(f"{path}: line {reader.line_num} has another number of fields than the first")
            yield {name.strip().lower(): value for name, value in row.items()}
    except csv.Error as error:
        raise ValueError(f"{path}: what follows line {reader.line_num} can't be read ({error})") from None
