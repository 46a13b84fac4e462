"""What studies stand on: a model, its gallery and, where there is one, a data set; each part computed once.

Letters: N pictures, Q queries, K components, D dimensions of one component.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from hug.calibration import HitModel
from hug.checkpoint import load, local_folder
from hug.config import DataConfig
from hug.data.cache import TokenCache, content_key
from hug.data.captions import joined
from hug.data.collection import Collection
from hug.data.datasets import read
from hug.data.features import (
    Features,
    Texts,
    evaluation_features,
    texts_of,
)
from hug.data.images import open_picture
from hug.data.truth import CoordinationPair, Truth
from hug.evaluate.ranking import Ranked, encode_queries, rank_split
from hug.evaluate.run import fit_doubt, in_halves
from hug.evaluate.subfeatures import component_levels, interventions, responses
from hug.evaluate.uncertainty import clean_ids, degraded_tokens, encoded_pairs, hits
from hug.gaussians import Gaussians, Query
from hug.model import HUG
from hug.retrieval.index import TABLE, Index

NO_DATA = "no data set was given (--root), and a gallery alone has no queries"
NO_TRUTH = "only generated data knows the truth that this needs"


class Skipped(Exception):
    """A study that these data can't supply; the message says why."""


@dataclass(frozen=True)
class Effort:
    """How much is computed. `pictures` a category as in `hug evaluate`, so that the frozen tokens are shared."""

    pictures: int = 40  # clean pictures a category for degradations and interventions
    texts: int = 600  # queries whose words are changed
    explained: int = 60  # queries whose explanations are put to the test
    permutations: int = 9999
    label_permutations: int = 999
    draws: int = 1000  # bootstrap


@dataclass(frozen=True)
class Ground:
    """One model with what is known about it. Raises Skipped where a study asks for more."""

    model: HUG
    folder: Path
    stored: Index | None = None  # the checkpoint's own gallery
    data: DataConfig | None = None
    split: str = "test"
    effort: Effort = Effort()

    @staticmethod
    def load(
        checkpoint: str | Path, data: DataConfig | None = None, split: str = "test", effort: Effort | None = None
    ) -> Ground:
        """Raises ValueError for a missing or damaged checkpoint, an index of other weights, or nothing to study."""
        folder = local_folder(checkpoint)
        model = load(folder)
        stored = Index.load(folder) if (folder / TABLE).exists() else None
        if stored is None and data is None:
            raise ValueError(f"{folder} has no gallery; run `python -m hug index`, or give a data set with --root")
        if stored is not None:
            stored.check(model)
        return Ground(model, folder, stored, data, split, effort or Effort())

    # ---- the gallery ----

    @cached_property
    def index(self) -> Index:
        """The checkpoint's gallery; the galleries of the data set where it has none."""
        if self.stored is not None:
            return self.stored
        ids = [i for r in self.ranked for i in r.gallery]
        meta = {"category": [r.category for r in self.ranked for _ in r.gallery]}
        truth = self.collection.truth
        if truth is not None:
            labels = truth.labels.loc[ids, ["category", *truth.aspects, "degradation", "severity"]]
            meta = {str(label): list(values.astype(str)) for label, values in labels.items()}
        candidates = Gaussians.cat([r.candidates for r in self.ranked])
        return Index(ids, candidates, meta, self.model.weights_hash, self.model.backbone.fingerprint)

    @cached_property
    def levels(self) -> np.ndarray:
        """(N, K) log mean variance of each component of the gallery's pictures."""
        return component_levels(self.index.gaussians.var)

    @cached_property
    def clean(self) -> np.ndarray:
        """(N,) rows of the gallery known to be undegraded; all where nobody knows."""
        faults = self.index.meta.get("degradation")
        return np.arange(len(self.index)) if faults is None else np.flatnonzero(np.array(faults) == "none")

    # ---- the data set ----

    @cached_property
    def collection(self) -> Collection:
        if self.data is None:
            raise Skipped(NO_DATA)
        return read(self.data, self.split)

    @cached_property
    def cache(self) -> TokenCache:
        if self.data is None:
            raise Skipped(NO_DATA)
        return TokenCache(Path(self.data.cache), self.model.backbone)

    @cached_property
    def features(self) -> Features:
        return evaluation_features(self.collection, self.model.backbone, self.cache.folder)

    @cached_property
    def ranked(self) -> list[Ranked]:
        """Every query of the split against its gallery."""
        return rank_split(self.model, self.features)

    @cached_property
    def validation(self) -> list[Ranked]:
        """Every query of the validation split, on which the doubt model is fitted."""
        if self.split == "val":
            return self.ranked
        if self.data is None:
            raise Skipped(NO_DATA)
        try:
            collection = read(self.data, "val")
        except ValueError as error:
            raise Skipped(f"there is no validation split to fit the doubt model on ({error})") from error
        return rank_split(self.model, evaluation_features(collection, self.model.backbone, self.cache.folder))

    @cached_property
    def doubt(self) -> tuple[HitModel, float]:
        """The doubt model of validation, and the scale of the entropy baseline."""
        return fit_doubt(self.validation)

    @cached_property
    def chance(self) -> np.ndarray:
        """(Q,) promised chance that the target is among the first ten; on validation fitted in halves."""
        return in_halves(self.ranked) if self.split == "val" else self.doubt[0].probability(hits(self.ranked)[0])

    @cached_property
    def query(self) -> Query:
        """All Q queries of the split, in the order of `questions`."""
        return Query.cat([r.query for r in self.ranked])

    @cached_property
    def questions(self) -> pd.DataFrame:
        """One row a query: row (of the triplets), category, reference, target, text, rank, r, t, m, q (variances)."""
        rows = np.concatenate([r.rows for r in self.ranked])
        triplets = [self.collection.triplets[n] for n in rows]
        table = pd.DataFrame({"row": rows, "category": [t.category for t in triplets]})
        table["reference"], table["target"] = [t.reference for t in triplets], [t.target for t in triplets]
        table["text"] = [joined(t.captions) for t in triplets]
        table["rank"] = np.concatenate([r.ranks for r in self.ranked])
        for name, var in zip("rtmq", (*self.query.sources.unbind(1), self.query.var), strict=True):
            table[name] = var.mean((1, 2)).numpy()
        return table

    def asked(self, references: list[str], texts: list[str]) -> Query:
        """Queries of pictures of the split with any words; their frozen tokens are kept in the cache."""
        known = Features(self.collection, self.features.pictures, self.texts(texts), {}, None)
        return encode_queries(self.model, known, references, texts)

    def texts(self, texts: list[str]) -> Texts:
        """Any words as frozen tokens."""
        return texts_of(texts, self.cache)

    # ---- what only some data know ----

    @cached_property
    def truth(self) -> Truth:
        if self.collection.truth is None:
            raise Skipped(NO_TRUTH)
        return self.collection.truth

    @cached_property
    def pairs(self) -> tuple[Sequence[CoordinationPair], Query, Query]:
        """Each presupposing text with the reference it fits and one that lacks what it takes for granted."""
        found = self.truth.coordination_pairs
        return (found, *encoded_pairs(self.model, self.features, found, self.cache))

    @cached_property
    def deltas(self) -> pd.DataFrame:
        """Interventions in the style never trained with: columns id, aspect, component (0-based), delta."""
        _ = self.truth
        return interventions(self.model, self.collection, self.cache, self.effort.pictures)

    @cached_property
    def responses(self) -> pd.DataFrame:
        return responses(self.deltas, self.effort.permutations)

    # ---- degraded pictures ----

    @cached_property
    def clean_ids(self) -> list[str]:
        return clean_ids(self.collection, self.effort.pictures)

    def degraded(self, kind: str) -> np.ndarray:
        """(6 * N, P, Cv) frozen tokens of `clean_ids` at severities 0-5; the cache is that of `hug evaluate`."""
        paths = [self.collection.path(i) for i in self.clean_ids]
        pictures: list[Callable[[], Image.Image]] = [partial(open_picture, p) for p in paths]
        name = f"severity-{self.collection.name}-{self.split}"
        return degraded_tokens(pictures, [content_key(p) for p in paths], self.cache, kind, name)

    @cached_property
    def scales(self) -> dict[str, float]:
        """The learned numbers of the losses (a, b) from the training log."""
        path = self.folder / "training.jsonl"
        if not path.exists():
            raise Skipped(
                "the loss has two learned numbers, and this checkpoint has no training.jsonl to read them from"
            )
        records = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        found = [r["scales"] for r in records if "scales" in r]
        if not found:
            raise Skipped(f"{path.name} names no learned scales")
        return {name: float(value) for name, value in found[-1].items()}
