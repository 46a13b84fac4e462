"""What every question needs, loaded once: a model, an index, the pictures, and how far its doubt can be trusted."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from PIL import Image
from torch import Tensor

from analysis import encoding
from analysis.kept import kept_index, own_index, pictures_key
from hug.checkpoint import load, local_folder
from hug.evaluate.measurements import Metric
from hug.files import replacing
from hug.gaussians import Query, merge
from hug.model import HUG
from hug.retrieval.gallery import GallerySource, read_gallery
from hug.retrieval.index import Index
from hug.retrieval.trace import Calibration, QueryTrace, traced

if TYPE_CHECKING:
    from analysis.store import StudyStore

ROOT = Path(__file__).parents[1]
BUNDLED_CHECKPOINT = ROOT / "checkpoints" / "garments"
BUNDLED_GALLERY = ROOT / "assets" / "gallery.parquet"
RUNS = Path(os.environ.get("HUG_RUNS") or ROOT / "runs").resolve()  # whatever is made here and can be made again
KEPT = RUNS / "galleries"  # indexes of own galleries, and small copies of pictures

MAX_WORDS = 400  # characters
DEFAULT_K = 20
MODELS = 3  # in memory at once
THUMBNAIL = 256  # pixels, long side
TRUST = 0.55  # without an interval, a measure at or below this counts as chance
TESTS = {  # source -> the measure that shows whether its doubt means anything; 0.5 is chance
    "r": "auroc.corruption.gallery",
    "t": "auroc.vague",
    "m": "accuracy.coordination.fit",
}


class QueryError(ValueError):
    """A question that can't be answered, in a sentence fit for the person who asked."""


@dataclass(frozen=True)
class Session:
    """One model with one gallery."""

    name: str
    model: HUG
    index: Index
    source: GallerySource
    calibration: Calibration | None = None
    untrusted: Mapping[str, float] = field(default_factory=dict)  # source at chance on the test split -> its measure
    kept: Path = KEPT
    folder: Path | None = None  # the checkpoint's, with whatever else lies there

    @staticmethod
    def load(
        checkpoint: str | Path | None = None, gallery: str | Path | GallerySource | None = None, kept: Path = KEPT
    ) -> Session:
        """A checkpoint folder or Hub id with a folder of pictures or a Parquet gallery; the bundled ones by default.

        A gallery the checkpoint has no index of is encoded, with a progress bar, and kept below `kept`.
        Raises ValueError naming what is missing, half written or empty.
        """
        folder = local_folder(checkpoint or BUNDLED_CHECKPOINT)
        model = load(folder)
        source = gallery if isinstance(gallery, GallerySource) else read_gallery(gallery or BUNDLED_GALLERY)
        index = own_index(folder, model, source) or kept_index(kept, model, source)
        calibration = Calibration.load(folder, model)
        doubted = untrusted(folder, model)
        return Session(folder.resolve().name, model, index, source, calibration, doubted, kept, folder)

    def trace(
        self,
        picture: Image.Image,
        words: str,
        k: int | None = None,
        category: str | None = None,
        exclude: str | None = None,
        *,
        components: Collection[int] | None = None,
        use_var: bool = True,
        dynamic: bool = True,
    ) -> QueryTrace:
        """Answer one question; `category` and `exclude` may be empty, k is `default_k` by default.

        `components` (0-based) are the ones that count, all by default; without `use_var` the candidates' variance
        doesn't; without `dynamic` the sources are merged with 1/3 each, and the percentile of the merge is unknown,
        because validation merged dynamically (the chance is that of the dynamic merge).
        Raises QueryError when the words are too long, k doesn't fit the gallery, no component is left, or the
        category or the picture to leave out doesn't exist.
        """
        words = self.checked(words, category, exclude)
        query = self.query(picture, words)
        count = self._count(k)
        found = self._traced(query, words, count, category, exclude, components, use_var)
        if dynamic == (self.model.config.fusion == "dynamic"):
            return found
        other = self._traced(_merged(query, dynamic), words, count, category, exclude, components, use_var)
        return replace(other, percentiles={**found.percentiles, "q": None}, chance=found.chance)

    def query(self, picture: Image.Image, words: str) -> Query:
        """The encoded query (B = 1), remembered by content."""
        return encoding.query(self.model, self.weights, picture, words)

    def tokens(self, picture: Image.Image) -> Tensor:
        """(1, P, Cv) frozen tokens of a picture, remembered by content."""
        return encoding.image_tokens(self.model, picture)

    def checked(self, words: str, category: str | None = None, exclude: str | None = None) -> str:
        """The words as they are read, with single spaces.

        Raises QueryError when they are too long or the category or the picture to leave out doesn't exist.
        """
        for name, value in (("words", words), ("category", category or ""), ("exclude", exclude or "")):
            if not isinstance(value, str):
                raise QueryError(f"{name} must be text, got {type(value).__name__}.")
        words = " ".join(words.split())
        if len(words) > MAX_WORDS:
            raise QueryError(f"The words have {len(words)} characters; at most {MAX_WORDS} are read.")
        if category and category not in self.categories:
            known = ", ".join(self.categories) or "none"
            raise QueryError(f"There is no category {_short(category)!r}; this gallery has: {known}.")
        if exclude and exclude not in self._places:
            raise QueryError(f"There is no picture {_short(exclude)!r} in this gallery to leave out.")
        return words

    def _traced(
        self,
        query: Query,
        words: str,
        k: int,
        category: str | None,
        exclude: str | None,
        components: Collection[int] | None,
        use_var: bool,
    ) -> QueryTrace:
        if components is not None and not components:
            raise QueryError("Every sub-feature is ignored: keep at least one.")
        return traced(
            self.index,
            query,
            words,
            k,
            exclude=exclude or None,
            where={"category": category} if category else None,
            components=components,
            use_var=use_var,
            calibration=self.calibration,
        )

    @cached_property
    def weights(self) -> str:
        """The model's hash, made once.

        Raises ValueError when other weights made the index.
        """
        self.index.check(self.model)
        return self.model.weights_hash

    @cached_property
    def prepared(self) -> StudyStore | None:
        """The studies computed beforehand; None when there are none.

        Raises QueryError when they are damaged or of other weights, saying what to run.
        """
        from analysis.store import StudyStore  # it knows the studies, which know this module

        if self.folder is None:
            return None
        try:
            return StudyStore.load(self.folder, self.model.weights_hash)
        except (ValueError, OSError) as problem:
            raise QueryError(str(problem)) from problem

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

    def describe(self, id: str) -> str:
        """What a generated picture shows, by its labels; empty where the gallery has none."""
        labels = {name: values[self._places[id]] for name, values in self.index.meta.items()}
        if "colour" not in labels:
            return labels.get("category", "")
        worn = labels["sleeve"] if labels["sleeve"] == "sleeveless" else f"{labels['sleeve']} sleeves"
        fault = "" if labels.get("degradation", "none") == "none" else f", {labels['degradation']}"
        return f"{labels['colour']} {labels['pattern']} {labels['category']}, {worn}, {labels['length']}{fault}"

    def picture(self, id: str) -> Image.Image:
        """The picture of that id.

        Raises QueryError when the gallery has none.
        """
        if id not in self._pictures:
            raise QueryError(f"There is no picture {_short(id)!r} in this gallery.")
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
            raise QueryError(f"k must be a whole number from 1 to the gallery's size, {size}; got {_short(str(k))}.")
        return int(k)

    @cached_property
    def _places(self) -> dict[str, int]:
        return {id: n for n, id in enumerate(self.index.ids)}

    @cached_property
    def _pictures(self) -> dict[str, int]:
        return {id: n for n, id in enumerate(self.source.ids)}

    @cached_property
    def _key(self) -> str:
        return pictures_key(self.source)


def _merged(query: Query, dynamic: bool) -> Query:
    """The same query with the other merge of its sources; means, and so ranks, stay."""
    var, weights = merge(query.var_r, query.var_t, query.var_m, dynamic=dynamic)
    return replace(query, var=var, weights=weights)


def untrusted(folder: Path, model: HUG) -> dict[str, float]:
    """Sources whose uncertainty is at chance (or inverted) on the test split of this very model, with the metric.

    A source counts as better than chance when the interval of its metric lies above 0.5. Without studies of these
    weights on the test split nothing is known and nothing is returned. Raises ValueError when they are damaged.
    """
    from analysis.store import StaleStudies, StudyStore  # it knows the studies, which know this module

    try:
        store = StudyStore.load(folder, model.weights_hash)
    except StaleStudies:
        return {}
    if store is None or store.origin.data.get("split") != "test":
        return {}
    metrics = {m.id: m for m in store.metrics}
    return {source: metrics[id].value for source, id in TESTS.items() if id in metrics and _at_chance(metrics[id])}


def _at_chance(metric: Metric) -> bool:
    return metric.low <= 0.5 if metric.low is not None else metric.value <= TRUST


class Sessions:
    """The models one can ask, by the names of their folders, with one gallery for all; a few in memory at a time."""

    def __init__(
        self,
        places: Mapping[str, str | Path],
        gallery: GallerySource | None = None,
        kept: Path = KEPT,
        loaded: Sequence[Session] = (),
    ) -> None:
        """`places` names checkpoint folders (or Hub ids); those of `loaded` stay in memory. The first is the default.

        Raises ValueError when there is no model at all.
        """
        self.names = tuple(dict.fromkeys([*(session.name for session in loaded), *places]))
        if not self.names:
            raise ValueError(f"no model: {BUNDLED_CHECKPOINT.parent} holds no checkpoint; run `make release`")
        self.default = self.names[0]
        self._places, self._gallery, self._kept = dict(places), gallery, kept
        self.gallery: str | Path = BUNDLED_GALLERY  # where the pictures come from
        self._fixed = {session.name: session for session in loaded}
        self._loaded: dict[str, Session] = {}
        self._lock = Lock()

    @staticmethod
    def load(
        checkpoints: Sequence[str | Path] | None = None, gallery: str | Path | None = None, kept: Path = KEPT
    ) -> Sessions:
        """The models of `checkpoints` (folders or Hub ids), then the bundled ones; the first is loaded now.

        Raises ValueError as `Session.load` does.
        """
        source = read_gallery(gallery or BUNDLED_GALLERY)
        bundled = [path.parent for path in sorted(BUNDLED_CHECKPOINT.parent.glob("*/config.json"))]
        asked: list[str | Path] = [*(checkpoints or [BUNDLED_CHECKPOINT]), *bundled]
        default = Session.load(asked[0], source, kept)
        places: dict[str, str | Path] = {}
        for place in asked[1:]:
            name = Path(place).resolve().name
            if name != default.name:
                places.setdefault(name, place)
        sessions = Sessions(places, source, kept, [default])
        sessions.gallery = gallery or BUNDLED_GALLERY
        return sessions

    def admit(self, name: str, place: str | Path) -> None:
        """Let a model be asked by whoever knows its name, which is told to nobody.

        Raises ValueError for a name of the sessions's own.
        """
        if name in self.names:
            raise ValueError(f"the name {name!r} is taken")
        with self._lock:
            self._places[name] = place

    def dismiss(self, name: str) -> None:
        """Forget a model that was let in."""
        with self._lock:
            if name not in self.names:
                self._places.pop(name, None)
            self._loaded.pop(name, None)

    def get(self, name: str | None = None) -> Session:
        """The workbench of that model, loaded when it isn't in memory; the default one without a name.

        Raises QueryError for a model that isn't here or can't be used, with the reason.
        """
        name = name or self.default
        if name in self._fixed:
            return self._fixed[name]
        if name not in self._places:
            raise QueryError(f"There is no model {_short(str(name))!r} here; choose one of {', '.join(self.names)}.")
        with self._lock:
            session = self._loaded.pop(name, None) or self._load(name)
            self._loaded[name] = session  # the last is the one asked for last
            while len(self._loaded) + len(self._fixed) > MODELS and len(self._loaded) > 1:
                self._loaded.pop(next(iter(self._loaded)))
        return session

    def _load(self, name: str) -> Session:
        try:
            return Session.load(self._places[name], self._gallery, self._kept)
        except (ValueError, OSError) as problem:
            raise QueryError(f"The model {name!r} can't be used: {problem}.") from problem

    def label(self, name: str) -> str:
        """Name and objective, read without loading the model."""
        if name in self._fixed:
            return f"{name} · {self._fixed[name].model.objective.name}"
        try:
            config = json.loads((local_folder(self._places[name]) / "config.json").read_text())
            return f"{name} · {config['objective']['name']}"
        except (ValueError, OSError, KeyError, TypeError):
            return name  # asking it tells what is wrong


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "…"
