"""What every question needs, loaded once: a model, an index, the pictures, and how far its doubt can be trusted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from PIL import Image

from hug.files import replacing
from hug.gallery import GallerySource, read_gallery
from hug.hub import load, local_folder
from hug.index import Index
from hug.model import HUG
from hug.trace import Calibration, QueryTrace, trace

ROOT = Path(__file__).parents[1]
BUNDLED_CHECKPOINT = ROOT / "checkpoints" / "garments"
BUNDLED_GALLERY = ROOT / "assets" / "gallery.parquet"
KEPT = ROOT / "runs" / "galleries"  # indexes of own galleries, and small copies of pictures

MAX_WORDS = 400  # characters
DEFAULT_K = 20
THUMBNAIL = 256  # pixels, long side
TRUST = 0.55  # without an interval, a measure at or below this counts as chance
TESTS = {  # source -> the measure that shows whether its doubt means anything; 0.5 is chance
    "r": "AUROC degraded/clean σ_c, gallery",
    "t": "AUROC vague/specific σ_t",
    "m": "paired conflict/fit σ_m",
}


class QuestionError(ValueError):
    """A question that can't be answered, in a sentence fit for the person who asked."""


@dataclass(frozen=True)
class Workbench:
    """One model with one gallery."""

    name: str
    model: HUG
    index: Index
    source: GallerySource
    calibration: Calibration | None = None
    untrusted: Mapping[str, float] = field(default_factory=dict)  # source at chance on the test split -> its measure
    kept: Path = KEPT

    @staticmethod
    def load(checkpoint: str | Path | None = None, gallery: str | Path | None = None, kept: Path = KEPT) -> Workbench:
        """A checkpoint folder or Hub id with a folder of pictures or a Parquet gallery; the bundled ones by default.

        A gallery the checkpoint has no index of is encoded, with a progress bar, and kept below `kept`.
        Raises ValueError naming what is missing, half written or empty.
        """
        folder = local_folder(checkpoint or BUNDLED_CHECKPOINT)
        model = load(folder)
        source = read_gallery(gallery or BUNDLED_GALLERY)
        index = _own_index(folder, model, source) or _kept_index(kept, model, source)
        calibration = Calibration.load(folder, model)
        return Workbench(folder.resolve().name, model, index, source, calibration, untrusted(folder, model), kept)

    def trace(
        self,
        picture: Image.Image,
        words: str,
        k: int | None = None,
        category: str | None = None,
        exclude: str | None = None,
    ) -> QueryTrace:
        """Answer one question; `category` and `exclude` may be empty, k is `default_k` by default.

        Raises QuestionError when the words are too long, k doesn't fit the gallery, or the category or the
        picture to leave out doesn't exist.
        """
        for name, value in (("words", words), ("category", category or ""), ("exclude", exclude or "")):
            if not isinstance(value, str):
                raise QuestionError(f"{name} must be text, got {type(value).__name__}.")
        words = " ".join(words.split())
        if len(words) > MAX_WORDS:
            raise QuestionError(f"The words have {len(words)} characters; at most {MAX_WORDS} are read.")
        if category and category not in self.categories:
            known = ", ".join(self.categories) or "none"
            raise QuestionError(f"There is no category {_short(category)!r}; this gallery has: {known}.")
        if exclude and exclude not in self._places:
            raise QuestionError(f"There is no picture {_short(exclude)!r} in this gallery to leave out.")
        return trace(
            self.model,
            self.index,
            picture,
            words,
            self._count(k),
            exclude=exclude or None,
            where={"category": category} if category else None,
            calibration=self.calibration,
        )

    @property
    def default_k(self) -> int:
        return min(DEFAULT_K, len(self.index))

    @cached_property
    def categories(self) -> list[str]:
        """Categories in order of appearance; empty for a gallery without."""
        return list(dict.fromkeys(self.index.meta.get("category", [])))

    def category(self, id: str) -> str:
        """Category of a picture; empty where the gallery has none."""
        return self.index.meta["category"][self._places[id]] if self.categories else ""

    def ids(self, category: str | None = None) -> list[str]:
        """Ids of a category, or of the whole gallery, in the gallery's order."""
        return [i for i in self.index.ids if not category or self.category(i) == category]

    def picture(self, id: str) -> Image.Image:
        """The picture of that id.

        Raises QuestionError when the gallery has none.
        """
        if id not in self._pictures:
            raise QuestionError(f"There is no picture {_short(id)!r} in this gallery.")
        return self.source.pictures[self._pictures[id]]

    @property
    def thumbnails(self) -> Path:
        """Folder of the small copies that the page shows."""
        return self.kept / f"thumbnails-{self._key}"

    def thumbnail(self, id: str) -> Path:
        """A small WebP copy of a picture, made when first asked for."""
        path = self.thumbnails / f"{self._pictures[id]:06d}.webp"
        if not path.exists():
            small = self.picture(id)
            small.thumbnail((THUMBNAIL, THUMBNAIL))
            with replacing(path) as temporary:
                small.save(temporary, "WEBP", quality=85)
        return path

    def _count(self, k: Any) -> int:
        if k is None:
            return self.default_k
        whole = isinstance(k, int | float) and not isinstance(k, bool) and k == k // 1
        if not (whole and 1 <= k <= len(self.index)):
            size = len(self.index)
            raise QuestionError(f"k must be a whole number from 1 to the gallery's size, {size}; got {_short(str(k))}.")
        return int(k)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {id: n for n, id in enumerate(self.index.ids)}

    @cached_property
    def _pictures(self) -> dict[str, int]:
        return {id: n for n, id in enumerate(self.source.ids)}

    @cached_property
    def _key(self) -> str:
        return _pictures_key(self.source)


def untrusted(folder: Path, model: HUG) -> dict[str, float]:
    """Sources whose doubt is at chance (or inverted) on the test split of this very model, with the measure.

    A source counts as better than chance when the interval of its measure lies above 0.5. Without measurements
    of these weights nothing is known and nothing is returned.
    """
    path = folder / "measurements.json"
    try:
        found = json.loads(path.read_text())
        if found["weights"] != model.weights_hash or found["split"] != "test":
            return {}
        rows = {row["measure"]: row for row in found["rows"]}
    except FileNotFoundError:
        return {}
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise ValueError(f"{path} is damaged ({error}); run `python -m hug evaluate` again") from error
    return {source: rows[name]["value"] for source, name in TESTS.items() if name in rows and _at_chance(rows[name])}


def _at_chance(row: Mapping[str, Any]) -> bool:
    return row["low"] <= 0.5 if row.get("low") is not None else row["value"] <= TRUST


def _own_index(folder: Path, model: HUG, source: GallerySource) -> Index | None:
    """The checkpoint's own index, if it has one of just these pictures by these weights."""
    if not (folder / "gallery.json").exists():
        return None
    index = Index.load(folder)
    try:
        index.check(model)
    except ValueError:
        return None  # left from an earlier training in the same folder
    return index if index.ids == source.ids else None


def _kept_index(kept: Path, model: HUG, source: GallerySource) -> Index:
    """An index kept from an earlier start, or a new one; a damaged one is made again."""
    folder = kept / f"index-{_pictures_key(source)}-{model.weights_hash[:16]}"
    try:
        return Index.load(folder)
    except ValueError:
        Index.build(model, source.pictures, source.ids, source.meta, progress=True).save(folder)
        return Index.load(folder)  # half precision, as at every later start


def _pictures_key(source: GallerySource) -> str:
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


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "…"
