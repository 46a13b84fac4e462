"""What generated data promise, measured on the split itself: without these the other metrics say little.

A perfect reader knows every aspect of every picture, and either the words or the reference: nobody who has only
one of the two can find more targets than this, so a high recall needs both.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hug.data.collection import Collection
from hug.data.truth import Truth
from hug.evaluate.bootstrap import DRAWS
from hug.evaluate.measurements import Metric
from hug.evaluate.metrics import macro_mean
from hug.evaluate.protocols import default_protocol
from hug.evaluate.queries import category_queries

CHANGES = (1, 2, 3)  # aspects in which a target differs from its reference


def data_checks(collection: Collection, draws: int = DRAWS) -> list[Metric]:
    """Metrics of the guards that the data alone decide; nothing for real data."""
    truth = collection.truth
    if truth is None or not collection.triplets:
        return []
    pictures, kinds = truth.labels.loc[list(collection.ids)], truth.queries.kind
    parts = [_Part(collection, category, truth) for category in collection.galleries]
    near = np.concatenate([part.near_misses() for part in parts])
    return [
        *_readers(parts, draws),
        Metric("near_misses.least", int(near.min()), count=len(near)),
        Metric("near_misses.median", float(np.median(near)), count=len(near)),
        Metric("percent.degraded", 100 * float((pictures.degradation != "none").mean()), count=len(pictures)),
        Metric("percent.vague", 100 * float((kinds == "vague").mean()), count=len(kinds)),
        Metric("percent.conflicting", 100 * float((kinds == "conflict").mean()), count=len(kinds)),
    ]


def aspects_apart(truth: Truth, ids: Sequence[str]) -> np.ndarray:
    """(N, N) in how many aspects two pictures differ; near misses differ in one."""
    looks = truth.labels.loc[list(ids)]
    codes = np.stack([pd.factorize(looks[a])[0] for a in truth.aspects], axis=1)  # (N, A)
    return (codes[:, None] != codes[None]).sum(-1)


class _Part:
    """One category: aspects of its gallery, its queries by their places in the gallery."""

    def __init__(self, collection: Collection, category: str, truth: Truth) -> None:
        self.looks = truth.labels.loc[list(collection.galleries[category])]
        self.apart = aspects_apart(truth, collection.galleries[category])
        queries = category_queries(collection, category, default_protocol(collection))
        self.references, self.targets = queries.places, queries.targets
        self.says = list(truth.queries.says.iloc[queries.rows])
        self.clean = truth.clean_queries[queries.rows]

    def near_misses(self) -> np.ndarray:
        """(Q,) pictures that differ from each query's target in one aspect only."""
        return (self.apart[self.targets] == 1).sum(1)

    def by_words(self) -> np.ndarray:
        """(Q,) chance that the target is among ten of the pictures that the words allow, the reference removed."""
        every = np.ones(len(self.looks), bool)
        allowed = [np.logical_and.reduce([every, *(self.looks[a].isin(v) for a, v in says.items())])
                   for says in self.says]  # fmt: skip
        return self._hits(np.array(allowed).reshape(-1, len(every)))

    def by_reference(self, changes: int) -> np.ndarray:
        """(Q,) the same among the pictures that differ from the reference in as many aspects."""
        return self._hits(self.apart[self.references] == changes)

    def _hits(self, allowed: np.ndarray) -> np.ndarray:
        queries = np.arange(len(allowed))
        allowed[queries, self.references] = False
        chance = np.minimum(1, 10 / np.maximum(allowed.sum(1), 1))
        return np.where(allowed[queries, self.targets], chance, 0.0)


def _readers(parts: list[_Part], draws: int) -> list[Metric]:
    """R@10 in percent of both readers, clean queries, averages over categories."""
    clean = np.concatenate([part.clean for part in parts])
    codes = np.repeat(np.arange(len(parts)), [len(part.targets) for part in parts])[clean]
    if not clean.any():
        return []

    def reader(method: str, chances: list[np.ndarray], note: str = "") -> Metric:
        values, id = 100 * np.concatenate(chances)[clean], f"recall.10.clean.{method}.reader"
        return Metric.estimate(id, macro_mean, values, codes, draws=draws, note=note)

    guesses = [
        reader("reference", [part.by_reference(n) for part in parts],
               f"guessing {n} changed attribute{'s' * (n > 1)}")
        for n in CHANGES
    ]  # fmt: skip
    return [max(guesses, key=lambda m: m.value), reader("words", [part.by_words() for part in parts])]
