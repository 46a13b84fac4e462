"""A gallery to search, the bundled Parquet file or a folder of somebody's own pictures, and its index."""

import hashlib
import io
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
from PIL import Image

from hug.data.images import SUFFIXES, list_pictures, open_picture
from hug.files import write_parquet
from hug.model import HUG
from hug.retrieval.index import TABLE, Index

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

    @cached_property
    def key(self) -> str:
        """16 hex digits over ids and pictures; files count by size and time of change, bytes by content."""
        digest = hashlib.sha256()
        for id, picture in zip(self.ids, self.pictures.sources, strict=True):
            digest.update(id.encode() + b"\0")
            if isinstance(picture, bytes):
                digest.update(hashlib.sha256(picture).digest())
            else:
                facts = picture.stat()
                digest.update(f"{picture}:{facts.st_size}:{facts.st_mtime_ns}".encode())
        return digest.hexdigest()[:16]

    def index(self, model: HUG, checkpoint: Path, cache: Path) -> Index:
        """The checkpoint's own index if it is of just these pictures by these weights, else one below `cache`.

        That is made, with a progress bar, when it isn't there or is damaged.
        """
        own = own_index(checkpoint, model)
        if own is not None and own.ids == self.ids:
            return own
        folder = cache / f"index-{self.key}-{model.weights_hash[:16]}"
        try:
            return Index.load(folder)
        except ValueError:
            Index.build(model, self.pictures, self.ids, self.meta, progress=True).save(folder)
            return Index.load(folder)  # half precision, as at every later start


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
    """A folder of pictures, or a Parquet file with columns id, image (bytes, path) and labels of any names.

    Labels are texts, whole numbers, or yes and no; other columns are left out.
    Raises ValueError when there is nothing there or the file has other columns.
    """
    path = Path(path)
    if path.is_dir():
        files = list_pictures(path).pictures
        if not files:
            raise ValueError(f"{path} has no pictures ({', '.join(SUFFIXES)})")
        return GallerySource(list(files), Pictures(list(files.values())), {})
    if not path.is_file():
        raise ValueError(f"no gallery at {path}; give a folder of pictures or a Parquet gallery")
    try:
        table = pd.read_parquet(path)
        images = [row["bytes"] for row in table["image"]]
        ids = list(table["id"])
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise ValueError(f"{path} is not a gallery: it needs the columns id and image (bytes, path)") from error
    if not ids:
        raise ValueError(f"{path} holds no picture")
    labels = table.drop(columns=["id", "image"]).select_dtypes(LABELS)
    meta = {str(name): list(values.astype(str)) for name, values in labels.items()}
    return GallerySource(ids, Pictures(images), meta)


def write_gallery(path: Path, ids: Sequence[str], pictures: Sequence[Image.Image], labels: pd.DataFrame) -> None:
    """Pictures as WebP inside Parquet, readable with `datasets` (its Image feature is struct{bytes, path})."""
    images = []
    for name, picture in zip(ids, pictures, strict=True):
        buffer = io.BytesIO()
        picture.save(buffer, "WEBP", quality=85, method=6)
        images.append({"bytes": buffer.getvalue(), "path": f"{name}.webp"})
    table = labels.reset_index(drop=True).assign(image=images)
    table.insert(0, "id", list(ids))
    write_parquet(path, table)
