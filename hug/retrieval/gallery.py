"""A gallery to search, the bundled Parquet file or a folder of somebody's own pictures, and its index."""

import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image
from pyarrow import ArrowException

from hug.bounded import check_table
from hug.data.identity import content_hash
from hug.data.images import SUFFIXES, PictureError, list_pictures, open_picture, printable
from hug.files import ids_hash, write_parquet
from hug.model import HUG
from hug.retrieval.encode import encode
from hug.retrieval.index import Index
from hug.retrieval.samples import SampleQuery, read_samples
from hug.retrieval.storage import TABLE

SAMPLE, NEAR = 8, 0.02  # pictures encoded again; share of their means' size by which another machine may differ
LABELS = ("string", "category", "integer", "bool")  # kinds of columns that are labels


class Pictures(Sequence[Image.Image]):
    """Pictures opened when asked for, from files or from bytes."""

    def __init__(self, sources: Sequence[Path | bytes]) -> None:
        self.sources = sources

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, place: int) -> Image.Image:  # type: ignore[override]
        return open_picture(self.sources[place])


@dataclass(frozen=True)
class GallerySource:
    """Ids, lazily opened pictures and labels, in one order."""

    ids: list[str]
    pictures: Pictures
    meta: dict[str, list[str]]  # label -> N values
    left_out: Mapping[str, str] = field(default_factory=dict)  # file or row that is no picture -> why
    name: str = ""  # where it was read from
    samples: tuple[SampleQuery, ...] = ()  # questions about it whose answer is known

    @cached_property
    def contents(self) -> list[str]:
        """N content hashes; empty for a file that can't be read."""
        hashes = []
        for source in self.pictures.sources:
            try:
                hashes.append(content_hash(source))
            except OSError:
                hashes.append("")
        return hashes

    @cached_property
    def key(self) -> str:
        """16 hex digits over ids and the content of the pictures."""
        return ids_hash([*self.ids, *self.contents])

    def index(self, model: HUG, checkpoint: Path, cache: Path) -> Index:
        """The checkpoint's own index if it is of just these pictures by these weights, else one below `cache`.

        That is made, with a progress bar, as far as it isn't there. Labels are always those of this gallery.
        """
        own = own_index(checkpoint, model)
        if own is not None and own.ids == self.ids and self._pictures_of(own, model):
            return own if own.meta == self.meta else replace(own, meta=self.meta)
        place = ids_hash([self.name]) if self.name else self.key
        folder = cache / f"index-{place}-{model.weights_hash[:16]}"
        encode(
            model, self.pictures.sources, self.ids, self.meta, self.contents, folder, [own] if own is not None else []
        )
        return Index.load(folder)  # half precision, as at every later start

    def _pictures_of(self, index: Index, model: HUG) -> bool:
        """Whether an index with these ids is of these pictures.

        One without content hashes was made by an earlier version: a few pictures, spread over it, are encoded again
        and compared.
        """
        if index.contents:
            return index.contents == self.contents
        rows = sorted({round(n * (len(self.ids) - 1) / (SAMPLE - 1)) for n in range(SAMPLE)})
        try:
            mu = model.target([self.pictures[row] for row in rows]).mu.cpu()
        except PictureError:
            return False
        stored = index.gaussians.mu[rows].float().cpu()
        return mu.shape == stored.shape and bool((mu - stored).abs().mean() < NEAR * mu.abs().mean())

    def unreadable(self, index: Index) -> dict[str, str]:
        """What is not in its index: what was left out at reading, and what could not be decoded, each with why."""
        entered, left_out = set(index.ids), dict(self.left_out)
        for id, source in zip(self.ids, self.pictures.sources, strict=True):
            if id not in entered:
                place = printable(source) if isinstance(source, Path) else f"{self.name}, id {id}"
                left_out[place] = _why(source)
        return left_out


def _why(source: Path | bytes) -> str:
    try:
        open_picture(source)
    except PictureError as error:
        return str(error)
    return "could not be read when the gallery was encoded; encode it again"


def own_index(checkpoint: Path, model: HUG) -> Index | None:
    """The checkpoint's own index; None without, or when it is left from an earlier training in the same folder."""
    if not (checkpoint / TABLE).exists():
        return None
    index = Index.load(checkpoint)
    with suppress(ValueError):
        index.check(model)
        return index
    return None


def read_gallery(path: str | Path) -> GallerySource:
    """A folder of pictures, or a Parquet file of them: nothing is decoded yet.

    Of a Parquet file the column `image` (bytes, path of a file, or both in a struct) or else `path` is needed; `id` is
    a text or a number, the row's where it lacks; all other columns of texts, whole numbers, or yes and no are labels,
    empty where they lack. What holds no picture is left out with its reason.
    Raises ValueError when there is nothing there or no picture in it.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        listing = list_pictures(path)
        files = listing.pictures
        source = GallerySource(list(files), Pictures(list(files.values())), {}, listing.left_out, printable(path))
    elif path.is_file():
        source = _read_parquet(path)
    else:
        raise ValueError(f"no gallery at {printable(path)}; give a folder of pictures or a Parquet gallery")
    if not source.ids:
        kinds = f" ({', '.join(SUFFIXES)})" if path.is_dir() else ""
        why = "".join(f"; {line}" for line in left_out_lines(source.left_out, most=3))
        raise ValueError(f"{printable(path)} has no pictures{kinds}{why}")
    return source


def left_out_lines(left_out: Mapping[str, str], most: int | None = None) -> list[str]:
    """What was left out, one line each with its reason; with `most` no more than that, and how many there are."""
    lines = [f"{place}: {why}" for place, why in left_out.items()]
    return lines if most is None or len(lines) <= most else [*lines[:most], f"and {len(lines) - most} more"]


def _read_parquet(path: Path) -> GallerySource:
    name = printable(path)
    try:
        check_table(path)
        table = pd.read_parquet(path, dtype_backend="numpy_nullable")
    except (ValueError, TypeError, KeyError, OSError, ArrowException) as error:
        raise ValueError(f"{name} is not a Parquet file that can be read ({str(error).splitlines()[0]})") from error
    table.columns = table.columns.astype(str)
    column = next((column for column in ("image", "path") if column in table), None)
    if column is None:
        columns = ", ".join(table.columns) or "none"
        raise ValueError(f"{name} needs a column image (bytes or path) or path; it has the columns {columns}")
    ids = _ids(table["id"]) if "id" in table else [str(n) for n in range(len(table))]
    sources = [_source(value, path.parent) for value in table[column]]
    left_out, rows, entered = dict[str, str](), list[int](), set[str]()
    for n, (id, source) in enumerate(zip(ids, sources, strict=True)):
        if isinstance(source, str):
            left_out[f"{name}, row {n} ({id})"] = source
        elif id in entered:
            left_out[f"{name}, row {n} ({id})"] = "its id is that of an earlier row"
        else:
            rows.append(n)
            entered.add(id)
    pictures = Pictures([source for n in rows if not isinstance(source := sources[n], str)])
    labels = table.iloc[rows].drop(columns=["id", column], errors="ignore").select_dtypes(LABELS)
    meta = {str(label): list(values.astype("string").fillna("")) for label, values in labels.items()}
    samples = read_samples(path, entered)
    return GallerySource([ids[n] for n in rows], pictures, meta, left_out, name, samples)


def _ids(values: pd.Series) -> list[str]:
    """Ids as texts: 7.0 is "7", and a missing one is the number of its row, as "row 3"."""
    texts = []
    for n, value in enumerate(values):
        if pd.api.types.is_scalar(value) and pd.isna(value):
            texts.append(f"row {n}")
        elif isinstance(value, bytes):
            texts.append(value.decode("utf-8", "backslashreplace"))
        else:
            texts.append(str(int(value)) if isinstance(value, float) and value.is_integer() else str(value))
    return texts


def _source(value: Any, folder: Path) -> Path | bytes | str:
    """A picture's bytes or file, relative to the Parquet file's folder; a text says why there is neither."""
    if isinstance(value, Mapping):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes) and value:
        return value
    if not isinstance(value, str) or not value:
        return "has no picture"
    path = folder / Path(value).expanduser()
    return path if path.is_file() else f"there is no file {printable(value)}"


def write_gallery(
    path: Path, ids: Sequence[str], pictures: Sequence[Image.Image], labels: pd.DataFrame, quality: int = 85
) -> None:
    """Pictures as WebP of a quality (1 to 100) inside Parquet.

    `datasets` reads it (its Image feature is struct{bytes, path}).
    """
    images = []
    for name, picture in zip(ids, pictures, strict=True):
        buffer = io.BytesIO()
        picture.save(buffer, "WEBP", quality=quality, method=6)
        images.append({"bytes": buffer.getvalue(), "path": f"{name}.webp"})
    table = labels.reset_index(drop=True).assign(image=images)
    table.insert(0, "id", list(ids))
    write_parquet(path, table)
