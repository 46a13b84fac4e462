"""The index that belongs to a gallery and a model: the checkpoint's own, one kept from earlier, or a new one."""

from __future__ import annotations

import hashlib
from pathlib import Path

from hug.model import HUG
from hug.retrieval.gallery import GallerySource
from hug.retrieval.index import Index


def own_index(folder: Path, model: HUG, source: GallerySource) -> Index | None:
    """The checkpoint's own index, if it has one of just these pictures by these weights."""
    if not (folder / "gallery.json").exists():
        return None
    index = Index.load(folder)
    try:
        index.check(model)
    except ValueError:
        return None  # left from an earlier training in the same folder
    return index if index.ids == source.ids else None


def kept_index(kept: Path, model: HUG, source: GallerySource) -> Index:
    """An index kept from an earlier start, or a new one; a damaged one is made again."""
    folder = kept / f"index-{pictures_key(source)}-{model.weights_hash[:16]}"
    try:
        return Index.load(folder)
    except ValueError:
        Index.build(model, source.pictures, source.ids, source.meta, progress=True).save(folder)
        return Index.load(folder)  # half precision, as at every later start


def pictures_key(source: GallerySource) -> str:
    """16 hex digits over ids and pictures; files count by size and time of change, bytes by content."""
    digest = hashlib.sha256()
    for id, picture in zip(source.ids, source.pictures.sources, strict=True):
        digest.update(id.encode() + b"\0")
        if isinstance(picture, bytes):
            digest.update(hashlib.sha256(picture).digest())
        else:
            seen = picture.stat()
            digest.update(f"{picture}:{seen.st_size}:{seen.st_mtime_ns}".encode())
    return digest.hexdigest()[:16]
