"""What every question needs, opened once: a model, an index, the pictures, and which of its numbers to trust."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from analysis import encoding
from analysis.labels import describe, fault
from analysis.names import distinct_names
from analysis.sharing import shared_folder, shared_name
from analysis.sources import untrusted
from analysis.thumbnails import thumbnail
from hug.backbones import Words
from hug.bounded import refusing
from hug.calibration import Calibration
from hug.checkpoint import load, local_folder, shown_name
from hug.console import given_checkpoint, given_path
from hug.data.identity import content_hash
from hug.gaussians import Query
from hug.model import HUG
from hug.retrieval.gallery import GallerySource, own_index, read_gallery
from hug.retrieval.index import Index, SearchOptions
from hug.retrieval.trace import QueryTrace, reasons_before, trace

if TYPE_CHECKING:
    from analysis.store import StudyStore

ROOT = Path(__file__).parents[1]
BUNDLED_CHECKPOINT = ROOT / "checkpoints" / "garments"
BUNDLED_GALLERY = ROOT / "assets" / "gallery.parquet"
RUNS = Path(os.environ.get("HUG_RUNS") or ROOT / "runs").resolve()  # whatever is made here and can be made again
CACHE = RUNS / "galleries"  # indexes of own galleries, and small copies of pictures

MAX_WORDS = 400  # characters
TOGETHER = 32  # sentences encoded in one pass
DEFAULT_K = 20
MODELS = 3  # in memory at once


class QueryError(ValueError):
    """A question that can't be answered, in a sentence fit for the person who asked."""


@dataclass(frozen=True)
class Session:
    """One model, with one gallery unless it was opened for studies."""

    name: str
    model: HUG
    stored: Index | None  # read it as `index`
    source: GallerySource | None  # pictures and labels of the gallery
    calibration: Calibration | None = None
    untrusted: Mapping[str, float] = field(default_factory=dict)  # source at chance on the test split -> its metric
    cache: Path = CACHE
    folder: Path | None = None  # the checkpoint's, with whatever else lies there

    @staticmethod
    def load(
        checkpoint: str | Path | None = None,
        gallery: str | Path | GallerySource | None = None,
        cache: Path = CACHE,
        pictures: bool = True,
    ) -> Session:
        """A checkpoint folder or Hub id with a folder of pictures or a Parquet gallery; the bundled ones by default.

        A gallery the checkpoint has no index of is encoded, with a progress bar, and stored below `cache`; what can't
        be read is in `left_out`. Without `pictures` the gallery is what the checkpoint's own index holds, if it has
        one: enough for studies.
        Raises ValueError naming what is missing, half written or empty.
        """
        folder = local_folder(checkpoint or BUNDLED_CHECKPOINT)
        model, source = load(folder), None
        if pictures:
            source = gallery if isinstance(gallery, GallerySource) else read_gallery(gallery or BUNDLED_GALLERY)
        with refusing(f"what lies beside the weights in {folder}"):
            index = source.index(model, folder, cache) if source else own_index(folder, model)
            calibration = Calibration.load(folder, model)
            at_chance = untrusted(folder, model) if pictures else {}  # a study may be what repairs the studies
        return Session(shown_name(folder), model, index, source, calibration, at_chance, cache, folder)

    @property
    def index(self) -> Index:
        """Raises ValueError in a session without a gallery."""
        if self.stored is None:
            raise ValueError(f"{self.folder or self.name} has no gallery; run `python -m hug index`")
        return self.stored

    @cached_property
    def left_out(self) -> dict[str, str]:
        """Files and rows of the gallery that are no picture that can be searched, each with the reason."""
        return self.source.unreadable(self.index) if self.source else {}

    # ---- asking ----

    def trace(self, picture: Image.Image, words: str, options: SearchOptions | None = None) -> QueryTrace:
        """Answer one question; `options` as `search` makes them, its defaults when there are none.

        Raises QueryError when the words are too long.
        """
        words = self.read(words)
        return self.rank(self.tokens(picture), self.query(picture, words), words, options)

    def rank(self, tokens: Tensor, query: Query, words: str, options: SearchOptions | None = None) -> QueryTrace:
        """The same for a picture (1, P, Cv) and a query (B = 1) that were encoded before."""
        reasons = self.reasons(tokens, query, words)
        return trace(self.index, query, words, options or self.search(), self.calibration, reasons)

    def reasons(self, tokens: Tensor, query: Query, words: str) -> list[str]:
        """What is known before a search against promising anything of it, a clause each."""
        return reasons_before(
            self.calibration, self.strange, self.model.backbone, tokens, query, words, self.words(words)
        )

    @cached_property
    def strange(self) -> bool:
        """Whether the gallery holds another kind of picture than the calibration knows."""
        return self.calibration is not None and self.calibration.strange_gallery(self.index.gaussians.mu)

    def search(
        self,
        k: Any = None,
        category: str = "",
        exclude: str = "",
        ignored: Collection[int] = (),
        use_var: bool = True,
        dynamic: bool = True,
    ) -> SearchOptions:
        """How one question is ranked here; `category` and `exclude` (an id) may be empty, k is `default_k` by default.

        `ignored` are components from 1. With `dynamic` the sources are merged by Eq. 11, else with 1/3 each.
        Raises QueryError when k doesn't fit the gallery, no component is left, or a component, the category or the
        picture to leave out doesn't exist.
        """
        _text(category=category or "", exclude=exclude or "")
        if category and category not in self.categories:
            raise QueryError(
                f"There is no category {_short(category)!r}; this gallery has: {', '.join(self.categories) or 'none'}."
            )
        if exclude and exclude not in self._rows:
            raise QueryError(f"There is no picture {_short(exclude)!r} in this gallery to leave out.")
        where = {"category": category} if category else None
        merge = None if dynamic == (self.model.config.fusion == "dynamic") else dynamic
        return SearchOptions(self._count(k), [exclude or None], where, self._components(ignored), use_var, merge)

    def read(self, words: str) -> str:
        """The words as they are read, with single spaces. Raises QueryError when they are too long."""
        _text(words=words)
        words = " ".join(words.split())
        if len(words) > MAX_WORDS:
            raise QueryError(f"The words have {len(words)} characters; at most {MAX_WORDS} are read.")
        return words

    def query(self, picture: Image.Image, words: str) -> Query:
        """The encoded query (B = 1), cached by content."""
        key = (self.weights, content_hash(picture), words)
        return encoding.QUERIES.get(key, lambda: self.queries(self.tokens(picture), [words]))

    def queries(self, tokens: Tensor, texts: Sequence[str]) -> Query:
        """B encoded queries of one picture's tokens (1, P, Cv) with B sentences."""
        batches = (self.model.backbone.words(texts[n : n + TOGETHER]) for n in range(0, len(texts), TOGETHER))
        if len(texts) == 1:
            batches = (self.words(text) for text in texts)
        with torch.no_grad():
            return Query.cat([self.model.query_tokens(tokens.expand(len(b), -1, -1), b) for b in batches])

    def tokens(self, picture: Image.Image) -> Tensor:
        """(1, P, Cv) frozen tokens of a picture, cached by content; models on the same backbone share them."""
        backbone = self.model.backbone
        key = (backbone.fingerprint, content_hash(picture))
        return encoding.TOKENS.get(key, lambda: backbone.images([picture]))

    def words(self, text: str) -> Words:
        """A text (B = 1) as the backbone gives it, cached."""
        backbone = self.model.backbone
        return encoding.WORDS.get((backbone.fingerprint, text), lambda: backbone.words([text]))

    def _count(self, k: Any) -> int:
        if k is None:
            return self.default_k
        size, number = len(self.index), isinstance(k, int | float) and not isinstance(k, bool)
        if not (number and k in range(1, size + 1)):
            raise QueryError(f"k must be a whole number from 1 to the gallery's size, {size}; got {_short(str(k))}.")
        return int(k)

    def _components(self, ignored: Collection[int]) -> tuple[int, ...] | None:
        """Components (from 0) that count; None for all."""
        count = self.model.config.components
        if not set(ignored) <= set(range(1, count + 1)):
            raise QueryError(f"Sub-features are numbered from 1 to {count}.")
        if len(set(ignored)) == count:
            raise QueryError("Every sub-feature is ignored: keep at least one.")
        return tuple(n for n in range(count) if n + 1 not in ignored) if ignored else None

    @cached_property
    def weights(self) -> str:
        """The model's hash, made once. Raises ValueError when other weights made the index."""
        self.index.check(self.model)
        return self.model.weights_hash

    @cached_property
    def prepared(self) -> StudyStore | None:
        """The studies computed beforehand, those with pictures only where they are of this gallery; None without any.

        Raises QueryError when they are damaged or of other weights, saying what to run.
        """
        from analysis.store import StudyStore  # it knows the studies, which know this module

        if self.folder is None:
            return None
        try:
            gallery = self.stored.gallery_hash if self.stored else None
            with refusing(f"{self.folder}/analysis"):
                return StudyStore.load(self.folder, self.model.weights_hash, gallery)
        except (ValueError, OSError) as problem:
            raise QueryError(str(problem)) from problem

    @property
    def default_k(self) -> int:
        return min(DEFAULT_K, len(self.index))

    @cached_property
    def categories(self) -> list[str]:
        """Categories in order of appearance; none for a gallery without."""
        return [name for name in dict.fromkeys(self.index.meta.get("category", [])) if name]

    def category(self, id: str) -> str:
        """Category of a picture; empty where the gallery has none."""
        return self.index.meta["category"][self._rows[id]] if self.categories else ""

    def ids(self, category: str | None = None) -> list[str]:
        """Ids of a category, or of the whole gallery, in the gallery's order."""
        return [i for i in self.index.ids if not category or self.category(i) == category]

    def labels(self, id: str) -> dict[str, str]:
        """All labels of a picture, by their names; empty texts where they lack."""
        return {name: values[self._rows[id]] for name, values in self.index.meta.items()}

    def describe(self, id: str) -> str:
        """What a picture shows and what is wrong with it, in plain words; empty without such labels."""
        return ", ".join(filter(None, (describe(self.labels(id)), fault(self.labels(id)))))

    @cached_property
    def variances(self) -> np.ndarray:
        """(N,) mean variances of the gallery's pictures, rising."""
        return np.sort(self.index.gaussians.overall.float().cpu().numpy())

    # ---- pictures ----

    @cached_property
    def pictures(self) -> dict[str, int]:
        """Id -> number of its picture in the source; none in a session without pictures."""
        return {id: n for n, id in enumerate(self.source.ids)} if self.source else {}

    def picture(self, id: str) -> Image.Image:
        """The picture of that id. Raises QueryError when the gallery has none."""
        if self.source is None or id not in self.pictures:
            raise QueryError(f"There is no picture {_short(id)!r} in this gallery.")
        return self.source.pictures[self.pictures[id]]

    @property
    def thumbnails(self) -> Path:
        """Folder of the small copies that the page shows."""
        assert self.source is not None  # whoever shows pictures has opened them
        return self.cache / f"thumbnails-{self.source.key}"

    def thumbnail(self, id: str) -> Path:
        """A small WebP copy of a picture, made when first asked for; NO_PICTURE where it can't be read or written."""
        path = self.thumbnails / f"{self.pictures[id]:06d}.webp"
        return path if path.exists() else thumbnail(lambda: self.picture(id), path)

    @cached_property
    def _rows(self) -> dict[str, int]:
        """Id -> row in the index."""
        return {id: n for n, id in enumerate(self.index.ids)}


class Sessions:
    """The models one can ask, by the names of their folders, with one gallery for all; a few in memory at a time."""

    def __init__(
        self,
        places: Mapping[str, str | Path],
        gallery: GallerySource | None = None,
        cache: Path = CACHE,
        loaded: Sequence[Session] = (),
    ) -> None:
        """`places` names checkpoint folders (or Hub ids); those of `loaded` stay in memory. The first is the default.

        Raises ValueError when there is no model at all.
        """
        self.names = tuple(dict.fromkeys([*(session.name for session in loaded), *places]))
        if not self.names:
            raise ValueError(f"no model: {BUNDLED_CHECKPOINT.parent} holds no checkpoint; run `make release`")
        self.default = self.names[0]
        self._places, self._gallery, self._cache = dict(places), gallery, cache
        self.gallery: str | Path = BUNDLED_GALLERY  # where the pictures come from
        self.trainings: Path | None = None  # below which models are that their owners shared
        self._fixed = {session.name: session for session in loaded}
        self._loaded: dict[str, Session] = {}
        self._lock = Lock()

    @staticmethod
    def load(
        checkpoints: Sequence[str | Path] | None = None, gallery: str | Path | None = None, cache: Path = CACHE
    ) -> Sessions:
        """The models of `checkpoints` (folders or Hub ids), then the bundled ones; the first is loaded now.

        Raises ValueError as `Session.load` does.
        """
        gallery = given_path(gallery or BUNDLED_GALLERY)  # a training reads it in another process
        source = read_gallery(gallery)
        bundled = [path.parent for path in sorted(BUNDLED_CHECKPOINT.parent.glob("*/config.json"))]
        places = distinct_names([*map(given_checkpoint, checkpoints or [BUNDLED_CHECKPOINT]), *bundled])
        default = Session.load(places.pop(next(iter(places))), source, cache)
        sessions = Sessions(places, source, cache, [default])
        sessions.gallery = gallery
        return sessions

    def admit(self, name: str, place: str | Path) -> None:
        """Let a model be asked by whoever knows its name, which its owner alone is told.

        Raises ValueError for a name that is here already.
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
        """The session of that model, loaded when it isn't in memory; the default one without a name.

        Raises QueryError for a model that isn't here or can't be used, with the reason.
        """
        name = name or self.default
        if name in self._fixed:
            return self._fixed[name]
        place = self._places.get(name) or (self.trainings and shared_folder(self.trainings, name))
        if place is None:
            raise QueryError(f"There is no model {_short(str(name))!r} here; choose one of {', '.join(self.names)}.")
        with self._lock:
            try:
                session = self._loaded.pop(name, None) or Session.load(place, self._gallery, self._cache)
            except (ValueError, OSError) as problem:
                raise QueryError(f"The model {name!r} can't be used: {problem}.") from problem
            session = session if session.name == name else replace(session, name=name)
            self._loaded[name] = session  # the last is the one asked for last
            while len(self._loaded) + len(self._fixed) > MODELS and len(self._loaded) > 1:
                self._loaded.pop(next(iter(self._loaded)))
        return session

    def link_name(self, name: str) -> str:
        """What a link may call a model; empty for one of somebody's own that isn't shared."""
        own = name not in self.names and name in self._places
        return shared_name(Path(self._places[name])) if own else name

    def label(self, name: str) -> str:
        """Name and objective, read without loading the model."""
        if name in self._fixed:
            return f"{name} · {self._fixed[name].model.objective.name}"
        try:
            config = json.loads((local_folder(self._places[name]) / "config.json").read_text())
            return f"{name} · {config['objective']['name']}"
        except (ValueError, OSError, KeyError, TypeError):
            return name  # asking it tells what is wrong


def _text(**values: Any) -> None:
    """Raises QueryError for a value that is no text."""
    for name, value in values.items():
        if not isinstance(value, str):
            raise QueryError(f"{name} must be text, got {type(value).__name__}.")


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "…"
