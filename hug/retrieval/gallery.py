"""A gallery to search: the bundled Parquet file, or a folder of somebody's own pictures."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from PIL import Image

from hug.data.images import open_picture, read_folder
from hug.files import write_parquet

LABELS = ("category", "colour", "pattern", "sleeve", "neckline", "length", "logo", "degradation", "severity")


class Pictures(Sequence[Image.Image]):
    """Pictures opened when asked for, from files or from bytes."""

    def __init__(self, sources: Sequence[Path | bytes]) -> None:
        self.sources = sources

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, place: int) -> Image.Image:  # type: ignore[override]
        return open_picture(self.sources[place])

    def __iter__(self) -> Iterator[Image.Image]:
        return (open_picture(source) for source in self.sources)


@dataclass(frozen=True)
class GallerySource:
    """Ids, lazily opened pictures and labels, in one order."""

    ids: list[str]
    pictures: Pictures
    meta: dict[str, list[str]]  # "category" and, for generated pictures, their attributes


def read_gallery(path: str | Path) -> GallerySource:
    """A folder of pictures or a Parquet file with columns id, image (bytes, path) and labels.

    Raises ValueError when there is nothing there or the file has other columns.
    """
    path = Path(path)
    if path.is_dir():
        found = read_folder(path)
        return GallerySource(list(found), Pictures(list(found.values())), {})
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
    labels = [c for c in LABELS if c in table]
    return GallerySource(ids, Pictures(images), {label: list(table[label].astype(str)) for label in labels})


def write_gallery(path: Path, ids: Sequence[str], pictures: Sequence[Image.Image], labels: pd.DataFrame) -> None:
    """Pictures as WebP inside Parquet, readable with `datasets` (its Image feature is struct{bytes, path})."""
    images = []
    for name, picture in zip(ids, pictures, strict=True):
        buffer = io.BytesIO()
        picture.save(buffer, "WEBP", quality=85, method=6)
        images.append({"bytes": buffer.getvalue(), "path": f"{name}.webp"})
    table = labels.reset_index(drop=True).copy()
    table.insert(0, "id", list(ids))
    table["image"] = images
    write_parquet(path, table)
