"""What several studies share, computed once: ranked queries, corrupted and edited pictures, coordination pairs.

Letters: N pictures, Q queries, E edits, A aspects, K components, D dimensions of one component.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from torch import Tensor

from analysis import training_log
from analysis.session import Session
from hug.calibration import Calibration, variances
from hug.config import DataConfig
from hug.data.cache import TokenCache, content_key
from hug.data.captions import joined
from hug.data.collection import Collection
from hug.data.corruptions import TRAINED, UNSEEN, corrupt
from hug.data.datasets import read
from hug.data.features import Features, Texts, evaluation_features, texts_of
from hug.data.images import open_picture, readable_pictures
from hug.data.truth import CONTROL, DEGRADED, STYLES, UNTOUCHED, CoordinationPair, Truth
from hug.evaluate.bootstrap import DRAWS
from hug.evaluate.certainty import MissScores, Promises, fit_calibration, promises
from hug.evaluate.protocols import default_protocol
from hug.evaluate.ranking import RankedSplit, encode_pictures, encode_queries, rank_split
from hug.gaussians import Query
from hug.model import HUG
from hug.retrieval.index import Index

log = logging.getLogger(__name__)
NO_DATA = "no data set was given (--root), and a gallery alone has no queries"
NO_TRUTH = "only generated data knows the truth that this needs"
SEVERITIES = range(6)
KINDS = (*TRAINED, *UNSEEN)  # of faults


class Skipped(Exception):
    """A study that these data can't supply; the message says why."""


@dataclass(frozen=True)
class Effort:
    """How much is computed."""

    pictures: int = 40  # clean pictures a category that are corrupted and edited
    texts: int = 600  # queries whose words are changed
    explained: int = 60  # queries whose explanations are put to the test
    permutations: int = 9999  # of signs
    label_permutations: int = 999
    draws: int = DRAWS  # of the bootstrap


QUICK = Effort(pictures=20, label_permutations=99, draws=100)


@dataclass(frozen=True)
class CoordinationQueries:
    """Each text with the reference it fits, and with the one that lacks what it presupposes."""

    pairs: Sequence[CoordinationPair]
    texts: list[str]
    fits: Query
    lacks: Query


@dataclass(frozen=True)
class Experiments:
    """One model with its gallery and, where there is one, a data set. Raises Skipped where a study asks for more."""

    session: Session
    data: DataConfig | None = None
    split: str = "test"
    effort: Effort = Effort()
    photographs: Path | None = None  # folder of real pictures to corrupt

    @staticmethod
    def load(
        checkpoint: str | Path,
        data: DataConfig | None = None,
        split: str = "test",
        effort: Effort | None = None,
        photographs: Path | None = None,
    ) -> Experiments:
        """Raises ValueError for a missing or damaged checkpoint, an index of other weights, or nothing to study."""
        session = Session.load(checkpoint, pictures=False)
        if session.stored is None and data is None:
            what = "run `python -m hug index`, or give a data set with --root"
            raise ValueError(f"{session.folder} has no gallery; {what}")
        return Experiments(session, data, split, effort or Effort(), photographs)

    @property
    def model(self) -> HUG:
        return self.session.model

    @property
    def folder(self) -> Path:
        """The checkpoint's."""
        assert self.session.folder is not None  # it was loaded from one
        return self.session.folder

    # ---- the gallery ----

    @cached_property
    def index(self) -> Index:
        """The checkpoint's gallery; the galleries of the data set where it has none."""
        if self.session.stored is not None:
            return self.session.stored
        ranking, truth, backbone = self.ranking, self.collection.truth, self.model.backbone
        meta = {"category": [r.category for r in ranking.categories for _ in r.gallery]}
        if truth is not None:
            labels = truth.labels.loc[ranking.gallery, ["category", *truth.aspects, "degradation", "severity"]]
            meta = {str(label): list(values.astype(str)) for label, values in labels.items()}
        return Index(ranking.gallery, ranking.candidates, meta, self.model.weights_hash, backbone.fingerprint)

    @cached_property
    def levels(self) -> np.ndarray:
        """(N, K) log mean variance of each component of the gallery's pictures."""
        return component_levels(self.index.gaussians.var)

    @cached_property
    def clean_rows(self) -> np.ndarray:
        """Rows of the gallery known to be undegraded; all where nobody knows."""
        faults = self.index.meta.get("degradation")
        return np.arange(len(self.index)) if faults is None else np.flatnonzero(np.array(faults) == "none")

    # ---- the data set ----

    @cached_property
    def collection(self) -> Collection:
        return read(self._config, self.split)

    @property
    def _config(self) -> DataConfig:
        if self.data is None:
            raise Skipped(NO_DATA)
        return self.data

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """Name and split of the data set, and what tells it from others; empty without one."""
        if self.data is None:
            return {}
        return {"name": Path(self.data.root).resolve().name, "split": self.split, **self.collection.provenance}

    @cached_property
    def cache(self) -> TokenCache:
        return TokenCache(Path(self._config.cache), self.model.backbone)

    @cached_property
    def features(self) -> Features:
        text = default_protocol(self.collection).text
        return evaluation_features(self.collection, self.model.backbone, self.cache.folder, text)

    @cached_property
    def ranking(self) -> RankedSplit:
        """Every query of the split against its gallery, by the data's own protocol."""
        return rank_split(self.model, self.features)

    @cached_property
    def validation(self) -> RankedSplit:
        """Every query of the validation split, on which the calibration is fitted."""
        if self.split == "val":
            return self.ranking
        try:
            collection = read(self._config, "val")
        except ValueError as error:
            raise Skipped(f"there is no validation split to fit the calibration on ({error})") from error
        text = default_protocol(collection).text
        return rank_split(self.model, evaluation_features(collection, self.model.backbone, self.cache.folder, text))

    @cached_property
    def calibration(self) -> Calibration:
        """What validation says of an answer."""
        return fit_calibration(self.validation, self.model, union=False)

    @cached_property
    def promises(self) -> Promises:
        """What is promised of every query; on validation fitted in halves."""
        return promises(self.ranking, self.validation, self.calibration)

    @cached_property
    def chance(self) -> np.ndarray:
        """(Q,) chance that the target is among the first ten."""
        return self.promises.chance

    @cached_property
    def uncertainties(self) -> dict[str, np.ndarray]:
        """(Q,) everything that could predict a miss, by name."""
        return MissScores(self.ranking, self.validation, self.calibration, self.promises, {}).scores

    @cached_property
    def queries(self) -> pd.DataFrame:
        """One row a query: row (of the triplets), category, reference, target, text, rank, r, t, m, q (variances)."""
        triplets = [self.collection.triplets[n] for n in self.ranking.rows]
        columns = {name: [getattr(t, name) for t in triplets] for name in ("category", "reference", "target")}
        texts = [self.ranking.protocol.text(t.captions) for t in triplets]
        means = {name: var.mean((1, 2)).numpy() for name, var in variances(self.ranking.query).items()}
        return pd.DataFrame({"row": self.ranking.rows, **columns, "text": texts, "rank": self.ranking.ranks, **means})

    @property
    def visible_queries(self) -> pd.DataFrame:
        """Those whose reference the gallery can show; all of them where those are fewer than 60."""
        inside = self.queries[self.queries.reference.isin(set(self.index.ids))]
        return inside if len(inside) >= 60 else self.queries

    def encode(self, references: Sequence[str], texts: Sequence[str]) -> Query:
        """Queries of pictures of the split with any words; their frozen tokens go into the cache."""
        features = Features(self.collection, self.features.pictures, self.texts(texts), {}, None)
        return encode_queries(self.model, features, references, texts)

    def texts(self, texts: Sequence[str]) -> Texts:
        """Any words as frozen tokens."""
        return texts_of(texts, self.cache)

    # ---- what only some data know ----

    @property
    def truth(self) -> Truth:
        if self.collection.truth is None:
            raise Skipped(NO_TRUTH)
        return self.collection.truth

    @cached_property
    def coordination(self) -> CoordinationQueries:
        pairs = self.truth.coordination_pairs
        if not pairs:
            raise Skipped(NO_TRUTH)
        texts = [joined(p.captions) for p in pairs]
        fits, lacks = (self.encode([getattr(p, side) for p in pairs], texts) for side in ("fits", "lacks"))
        return CoordinationQueries(pairs, texts, fits, lacks)

    @cached_property
    def deltas(self) -> dict[str, pd.DataFrame]:
        """Style of removal -> columns id, aspect, component (0-based), delta (change of a component's level).

        Beside the aspects, removed in that style, stand CONTROL + aspect and DEGRADED. An aspect is removed wherever
        its zone is, also where there is nothing to see: a chest without a logo.
        """
        aspects = self.truth.aspects
        controls = self._edited_levels("control", (UNTOUCHED, *(CONTROL + a for a in aspects), DEGRADED), STYLES[0])
        untouched = controls.pop(UNTOUCHED)
        tables = {}
        for style in STYLES:
            levels = {**self._edited_levels(style, aspects, style), **controls}
            deltas = np.stack([level - untouched for level in levels.values()], axis=1)  # (N, 2A + 1, K)
            places = [self.clean_ids, list(levels), range(deltas.shape[2])]
            index = pd.MultiIndex.from_product(places, names=["id", "aspect", "component"])
            tables[style] = pd.Series(deltas.ravel(), index, name="delta").reset_index()
        return tables

    def _edited_levels(self, name: str, edits: Sequence[str], style: str) -> dict[str, np.ndarray]:
        """Edit -> levels (N, K) of the pictures of `clean_ids` after it."""
        pictures = self.truth.edits(self.clean_ids, edits, style)
        cache = f"interventions-{self.collection.name}-{self.split}-{name}"
        tokens = self.cache.tokens(cache, pictures.keys, pictures.load)
        levels = component_levels(encode_pictures(self.model, tokens, range(len(tokens))).var)  # (N * E, K)
        return {edit: levels[n :: len(edits)] for n, edit in enumerate(edits)}

    # ---- corrupted pictures ----

    @cached_property
    def clean_ids(self) -> list[str]:
        """`effort.pictures` undegraded pictures a category, evenly over each gallery; any where nobody knows."""
        truth, sample = self.collection.truth, list[str]()
        for gallery in self.collection.galleries.values():
            ids = [i for i in gallery if truth is None or i in truth.clean_ids]
            sample += [ids[n] for n in np.linspace(0, len(ids) - 1, min(self.effort.pictures, len(ids))).astype(int)]
        return sample

    def corrupted(self, kind: str) -> np.ndarray:
        """(6 * N, P, Cv) tokens of `clean_ids` with one fault at severities 0-5, severity by severity."""
        paths = [self.collection.path(i) for i in self.clean_ids]
        return self._corrupted(paths, kind, f"severity-{self.collection.name}-{self.split}")

    @cached_property
    def corrupted_variances(self) -> dict[str, np.ndarray]:
        """Kind of fault -> (6, N) mean variances of `clean_ids` at each severity."""
        return {kind: self._variances(self.corrupted(kind)) for kind in KINDS}

    @cached_property
    def photograph_variances(self) -> dict[str, np.ndarray]:
        """The same of every picture below the folder of photographs, never trained on; empty without one.

        What can't be read is logged with its reason, and left out.
        """
        if self.photographs is None:
            return {}
        listing = readable_pictures(self.photographs)
        paths = sorted(listing.pictures.values())
        for place, why in listing.left_out.items():
            log.warning("left out: %s: %s", place, why)
        if not paths:
            raise ValueError(f"no picture that can be read below {self.photographs}")
        return {kind: self._variances(self._corrupted(paths, kind, "severity-photographs")) for kind in KINDS}

    def _variances(self, tokens: np.ndarray) -> np.ndarray:
        gaussians = encode_pictures(self.model, tokens, range(len(tokens)))
        return gaussians.overall.numpy().reshape(len(SEVERITIES), -1)

    def _corrupted(self, paths: Sequence[Path], kind: str, name: str) -> np.ndarray:
        keys = [content_key(path) for path in paths]
        names = [f"{key}:{kind}:{severity}:{n}" for severity in SEVERITIES for n, key in enumerate(keys)]

        def load(place: int) -> Image.Image:
            severity, n = divmod(place, len(paths))
            return corrupt(open_picture(paths[n]), kind, severity, seed=n)

        return self.cache.tokens(f"{name}-{kind}", names, load)

    @cached_property
    def loss_scales(self) -> dict[str, float]:
        """The learned numbers of the losses (a, b) from the training log."""
        records = training_log.read(self.folder)
        scales = [r["scales"] for r in records if "scales" in r]
        if not scales:
            raise Skipped(
                "training.jsonl names no learned scales" if records else
                "the loss has two learned numbers, and this checkpoint has no training.jsonl to read them from"
            )  # fmt: skip
        return {name: float(value) for name, value in scales[-1].items()}


def component_levels(var: Tensor) -> np.ndarray:
    """(N, K) log of the mean over D of variances (N, K, D)."""
    return var.double().mean(-1).log().numpy()


def spread_rows(size: int, count: int) -> np.ndarray:
    """`count` rows evenly over `size`, all where there are fewer."""
    return np.linspace(0, size - 1, min(count, size)).round().astype(int)
