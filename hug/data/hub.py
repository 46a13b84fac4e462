"""A data set of the Hub, or a folder laid out like one, by the library `datasets`.

It is named `hub:owner/name`, `hub:owner/name@revision` or `hub:FOLDER`. Either it has the configurations `pictures`
(id, image, category) and `triplets` (reference, target, captions, category), as `python -m hug export` writes them, or
one configuration whose rows hold the pictures themselves in the columns `reference` and `target`, beside `caption` or
`captions`.

What is read is kept in the folder of `datasets`' caches: picture files, and one index that is written last. A large
data set, or one that doesn't say its size, is streamed: its archives are never on the disk.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from hug.data.annotations import check_hidden, first_error, some
from hug.data.collection import ALL, SPLITS, Collection, Triplet
from hug.data.table import Row, named_columns
from hug.files import write_json

PREFIX = "hub:"
FORMAT = 1
LARGE = 2 * 2**30  # bytes above which a data set is streamed
ON_HUB = {"train": "train", "val": "validation", "test": "test"}
SUFFIXES = {b"\xff\xd8": ".jpg", b"\x89P": ".png", b"RI": ".webp", b"GI": ".gif", b"BM": ".bmp"}  # by content
PICTURES, TRIPLETS = "pictures", "triplets"  # configurations


class Stored(BaseModel):
    """What was read of one split."""

    format: int
    rows: list[Row]
    galleries: dict[str, list[str]]
    files: dict[str, str]  # id -> name of its file


class Source:
    """One data set, opened by `datasets`; every failure of it is a ValueError of one sentence."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        name, _, revision = self.root.removeprefix(PREFIX).partition("@")
        self.path, self.revision = name, revision or None

    def configurations(self) -> list[str]:
        from datasets import get_dataset_config_names

        return self._ask(lambda: get_dataset_config_names(self.path, revision=self.revision))

    def splits(self, config: str | None) -> list[str]:
        from datasets import get_dataset_split_names

        return self._ask(lambda: get_dataset_split_names(self.path, config, revision=self.revision))

    def rows(self, config: str | None, split: str) -> Iterator[dict[str, Any]]:
        """Rows of a split, pictures as bytes; streamed where they are many."""
        rows = iter(self._ask(lambda: self._open(config, split)))
        while (row := self._ask(lambda: next(rows, None))) is not None:
            yield row

    def _open(self, config: str | None, split: str) -> Any:
        from datasets import Image, load_dataset, load_dataset_builder

        info = load_dataset_builder(self.path, config, revision=self.revision).info
        size = info.dataset_size or info.download_size
        streaming = size is None or size > LARGE
        rows = load_dataset(self.path, config, split=split, revision=self.revision, streaming=streaming)
        for name, feature in (rows.features or {}).items():
            if isinstance(feature, Image):
                rows = rows.cast_column(name, Image(decode=False))
        return rows

    def stamp(self) -> list[Any]:
        """What tells this data set from another: files of a folder by size and time of change."""
        folder = Path(self.path)
        files = sorted(folder.rglob("*")) if folder.is_dir() else []
        facts = [(str(p), p.stat().st_size, p.stat().st_mtime_ns) for p in files if p.is_file()]
        return [str(folder.resolve()) if facts else self.path, self.revision, facts]

    def _ask(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except Exception as error:  # the library raises what its file systems and clients raise
            reason = " ".join(str(error).split())[:200]
            raise ValueError(f"{self.root} can't be read by datasets: {type(error).__name__}: {reason}") from error


def recognise(root: Path) -> bool:
    """Whether a name begins with "hub:"."""
    return str(root).startswith(PREFIX)


def splits(root: Path) -> tuple[str, ...]:
    """Splits that it has, in the order train, val, test. Raises ValueError when it can't be read."""
    source = Source(root)
    there = source.splits(_configuration(source))
    return tuple(s for s in SPLITS if s in there or ON_HUB[s] in there)


def read(root: str | Path, split: str, categories: Sequence[str] = ()) -> Collection:
    """One split, fetched where it isn't there yet. Raises ValueError with what is wrong, in a sentence."""
    source = Source(Path(root))
    folder = _place(source, split)
    index = _stored(folder) or _fetch(source, split, folder)
    unknown = [c for c in categories if c not in index.galleries]
    if unknown:
        raise ValueError(f"{root} has no category {some(unknown)}; there is {some(index.galleries)}")
    galleries = {c: tuple(index.galleries[c]) for c in categories or index.galleries}
    triplets = tuple(
        Triplet(r.reference, r.target, r.captions, r.category, r.id, r.subset)
        for r in index.rows
        if r.category in galleries
    )
    lost = [t.target for t in triplets if t.target and t.target not in set(galleries[t.category])]
    if lost and split != "train":
        raise ValueError(f"{root}: {len(lost)} targets are not in the gallery that is searched: {some(lost)}")
    name = Path(source.path).name
    return Collection(name, split, triplets, galleries, partial(_find, folder, index.files))


def _find(folder: Path, files: dict[str, str], id: str) -> Path | None:
    path = folder / files[id] if id in files else None
    return path if path and path.is_file() else None


def _place(source: Source, split: str) -> Path:
    from datasets import config

    digest = hashlib.blake2b(json.dumps([FORMAT, source.stamp(), split]).encode(), digest_size=12).hexdigest()
    return Path(config.HF_DATASETS_CACHE) / "hug" / f"{Path(source.path).name}-{digest}"


def _stored(folder: Path) -> Stored | None:
    try:
        index = Stored.model_validate_json((folder / "index.json").read_bytes())
    except (OSError, ValidationError):
        return None
    return index if index.format == FORMAT else None


def _configuration(source: Source) -> str | None:
    """The configuration with the triplets; None where there is only one. Raises ValueError where nothing tells."""
    configurations = source.configurations()
    if TRIPLETS in configurations:
        return TRIPLETS
    if len(configurations) == 1:
        return configurations[0]
    raise ValueError(f"{source.root} has the configurations {some(configurations)}, and none named {TRIPLETS}")


def _fetch(source: Source, split: str, folder: Path) -> Stored:
    """Every row and picture of a split; the index is written last, so that what was interrupted begins again."""
    config = _configuration(source)
    there = source.splits(config)
    name = next((n for n in (split, ON_HUB.get(split, split)) if n in there), None)
    if name is None:
        raise ValueError(f"{source.root} has no split {split!r}; there is {some(there)}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pictures = Files(folder)
    raw = [pictures.taken_out(row) for row in source.rows(config, name)]
    if not raw:
        raise ValueError(f"{source.root}: there is no row in the split {name!r}")
    try:
        rows = TypeAdapter(list[Row]).validate_python([named_columns(row) for row in raw])
    except ValidationError as error:
        raise ValueError(f"{source.root}: {first_error(error)}; columns are {some(raw[0])}") from None
    check_hidden(Path(source.root), [row.target for row in rows], split)
    galleries = pictures.gallery(source.rows(PICTURES, name)) if config == TRIPLETS else _named_by(rows)
    index = Stored(format=FORMAT, rows=rows, galleries=galleries, files=pictures.names)
    write_json(folder / "index.json", index.model_dump(mode="json"))
    return index


def _named_by(rows: Iterable[Row]) -> dict[str, list[str]]:
    """References and targets, category by category, in their order."""
    galleries: dict[str, dict[str, None]] = {}
    for row in rows:
        for id in (row.reference, row.target, *row.subset):
            if id:
                galleries.setdefault(row.category, {})[id] = None
    return {category: list(ids) for category, ids in galleries.items()}


class Files:
    """Pictures put into a folder as they come, each once."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.names = folder, dict[str, str]()

    def put(self, content: bytes, id: str = "") -> str:
        """The id: the one that is named, or else a hash of the content."""
        id = id or hashlib.blake2b(content, digest_size=12).hexdigest()
        if id not in self.names:
            self.names[id] = f"{len(self.names):07d}{SUFFIXES.get(content[:2], '.png')}"
            (self.folder / self.names[id]).write_bytes(content)
        return id

    def taken_out(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row with ids in place of pictures; `reference_id` and `target_id` name them where they are there."""
        pictures = {name: value for name, value in row.items() if isinstance(value, dict) and "bytes" in value}
        ids = {name: self.put(_bytes(value), str(row.get(f"{name}_id") or "")) for name, value in pictures.items()}
        return {name: value for name, value in {**row, **ids}.items() if value is not None}

    def gallery(self, rows: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
        galleries: dict[str, list[str]] = {}
        for row in rows:
            id = self.put(_bytes(row["image"]), str(row["id"]))
            galleries.setdefault(str(row.get("category") or ALL), []).append(id)
        return galleries


def _bytes(value: dict[str, Any]) -> bytes:
    return value["bytes"] if value["bytes"] is not None else Path(value["path"]).read_bytes()
