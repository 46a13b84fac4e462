"""What the generated data promise, measured on the split itself: without these the other measures say little.

A perfect reader knows every attribute of every picture, and either the words or the reference: nobody who has only
one of the two can find more targets than this, so a high recall needs both.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from hug.data.features import Features
from hug.data.truth import Truth
from hug.evaluate.bootstrap import DRAWS, macro_mean
from hug.evaluate.uncertainty import Row, fine_queries, measured, row

CHANGES = (1, 2, 3)  # attributes in which a target differs from its reference


def guard_measures(features: Features, draws: int = DRAWS) -> list[Row]:
    """Rows of the guards that the data alone decide; none for real data."""
    truth = features.collection.truth
    if truth is None or truth.queries.empty:
        return []
    triplets, kept = truth.queries, truth.labels.loc[list(features.collection.ids)]
    parts = [_Part(features, c, truth) for c in features.collection.galleries]
    near = np.concatenate([part.near_misses() for part in parts])
    return [
        *_readers(features, parts, draws),
        row("near misses of a target, least", int(near.min()), count=len(near)),
        row("near misses of a target, median", float(np.median(near)), count=len(near)),
        row("degraded pictures, percent", 100 * float((kept.degradation != "none").mean()), count=len(kept)),
        row("vague queries, percent", 100 * float((triplets.kind == "vague").mean()), count=len(triplets)),
        row("conflicting queries, percent", 100 * float((triplets.kind == "conflict").mean()), count=len(triplets)),
    ]


class _Part:
    """One category: attributes of its gallery, its queries by their places in the gallery."""

    def __init__(self, features: Features, category: str, truth: Truth) -> None:
        gallery = features.collection.galleries[category]
        self.looks = truth.labels.loc[list(gallery)]
        codes = np.stack([pd.factorize(self.looks[a])[0] for a in truth.aspects], axis=1)  # (N, 6)
        self.apart = (codes[:, None] != codes[None]).sum(-1)  # (N, N)
        place = {i: n for n, i in enumerate(gallery)}
        asked = [t for t in features.collection.triplets if t.category == category]
        self.references = np.array([place[t.reference] for t in asked], int)
        self.targets = np.array([place[str(t.target)] for t in asked], int)
        self.says: list[Mapping[str, list[str]]] = list(truth.queries.says[truth.queries.category == category])

    def near_misses(self) -> np.ndarray:
        """(Q,) pictures that differ from each query's target in one attribute only."""
        return (self.apart[self.targets] == 1).sum(1)

    def by_words(self) -> np.ndarray:
        """(Q,) chance that the target is among ten of the pictures that the words allow, the reference removed."""
        return np.array([
            self._drawn(np.logical_and.reduce([self.looks[a].isin(v) for a, v in says.items()], initial=True), q)
            for q, says in enumerate(self.says)
        ])  # fmt: skip

    def by_reference(self, changes: int) -> np.ndarray:
        """(Q,) the same among the pictures that differ from the reference in as many attributes."""
        return np.array([self._drawn(self.apart[r] == changes, q) for q, r in enumerate(self.references)])

    def _drawn(self, allowed: np.ndarray, query: int) -> float:
        allowed = np.broadcast_to(allowed, len(self.looks)).copy()
        allowed[self.references[query]] = False
        return min(1.0, 10 / allowed.sum()) if allowed[self.targets[query]] else 0.0


def _readers(features: Features, parts: list[_Part], draws: int) -> list[Row]:
    """R@10 in percent of both readers, clean queries, averages over categories."""
    fine = fine_queries(features)
    assert fine is not None  # generated data have a truth
    category = np.array([t.category for t in features.collection.triplets])
    order = np.concatenate([np.flatnonzero(category == c) for c in features.collection.galleries])
    keep, codes = fine[order], np.repeat(np.arange(len(parts)), [len(p.targets) for p in parts])
    count = int(keep.sum())
    if not count:
        return []

    def reader(what: str, chances: list[np.ndarray]) -> Row:
        values = 100 * np.concatenate(chances)[keep]
        name = f"{what} only, perfect reader R@10, clean"
        return measured(name, macro_mean(values, codes[keep]), count, draws=draws)

    guesses = {n: reader("reference", [p.by_reference(n) for p in parts]) for n in CHANGES}
    best = max(guesses, key=lambda n: float(guesses[n]["value"] or 0))
    return [
        {**guesses[best], "note": f"guessing {best} changed attribute{'s' * (best > 1)}"},
        reader("words", [p.by_words() for p in parts]),
    ]
