"""Recall of a ranked split as a protocol reports it: hits by category, the field's means, and hashes of what was asked.

Percentages are of a category's queries; a mean is over categories, each counted once. Letters: Q queries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hug.data.collection import Collection
from hug.evaluate.protocols import Protocol
from hug.evaluate.queries import CategoryQueries
from hug.files import ids_hash

Cut = Mapping[int, float]  # cut -> number


@dataclass(frozen=True)
class CategoryScore:
    """Hits of one category at each cut, and at each cut of its subsets where the protocol has them."""

    category: str
    queries: int
    gallery: int
    gallery_hash: str
    texts_hash: str
    hits: Mapping[int, int]
    subset_hits: Mapping[int, int]

    def percent(self, hits: Mapping[int, int]) -> dict[int, float]:
        return {cut: 100.0 * number / self.queries for cut, number in hits.items()}

    @property
    def recall(self) -> dict[int, float]:
        return self.percent(self.hits)

    @property
    def subset_recall(self) -> dict[int, float]:
        return self.percent(self.subset_hits)

    def to_dict(self) -> dict[str, Any]:
        subset = {"hits": _keys(self.subset_hits), "recall": _keys(self.subset_recall)} if self.subset_hits else None
        return {
            "queries": self.queries, "gallery": self.gallery,
            "hits": _keys(self.hits), "recall": _keys(self.recall), **({"subset": subset} if subset else {}),
            "gallery_hash": self.gallery_hash, "texts_hash": self.texts_hash,
        }  # fmt: skip


@dataclass(frozen=True)
class Scores:
    """All categories of a split under one protocol."""

    protocol: str
    data: str
    split: str
    averaged: tuple[tuple[str, int], ...]  # of the protocol
    categories: tuple[CategoryScore, ...]

    @property
    def recall(self) -> dict[int, float]:
        """Cut -> mean over categories, in percent."""
        return _mean([c.recall for c in self.categories])

    @property
    def subset_recall(self) -> dict[int, float]:
        return _mean([c.subset_recall for c in self.categories])

    @property
    def average(self) -> float | None:
        """The field's one number: the mean of R@10 and R@50, or with subsets of R@5 and R_subset@1.

        None where the subset's recall is not known.
        """
        recall = {"gallery": self.recall, "subset": self.subset_recall}
        parts = [recall[within].get(cut) for within, cut in self.averaged]
        values = [part for part in parts if part is not None]
        return float(np.mean(values)) if len(values) == len(parts) else None

    def gap(self, other: "Scores") -> dict[str, float]:
        """How far this lies above another method, in percentage points of the mean recall at each cut."""
        return {f"R@{cut}": value - other.recall[cut] for cut, value in self.recall.items()}

    def to_dict(self) -> dict[str, Any]:
        means: dict[str, Any] = {"recall": _keys(self.recall)}
        if self.subset_recall:
            means["subset"] = _keys(self.subset_recall)
        if self.average is not None:
            means["average"] = self.average
        return {
            "protocol": self.protocol, "data": self.data, "split": self.split,
            "categories": {c.category: c.to_dict() for c in self.categories}, "means": means,
        }  # fmt: skip

    def lines(self) -> list[str]:
        """A plain table: a row a category, a column a cut, the means below."""
        cuts, subset = list(self.recall), list(self.subset_recall)
        head = [*(f"R@{k}" for k in cuts), *(f"Rs@{k}" for k in subset)]
        width = max(len(c.category) for c in self.categories) + 2
        rows = [f"protocol {self.protocol}, {self.data}, split {self.split}"]
        rows += [f"{'':<{width}}{'queries':>8}{'gallery':>9}" + "".join(f"{name:>8}" for name in head)]
        for c in self.categories:
            values = [*c.recall.values(), *c.subset_recall.values()]
            numbers = "".join(f"{v:>8.2f}" for v in values)
            hashes = f"  gallery {c.gallery_hash}, texts {c.texts_hash}"
            rows.append(f"{c.category:<{width}}{c.queries:>8}{c.gallery:>9}{numbers}{hashes}")
        values = [*self.recall.values(), *self.subset_recall.values()]
        rows.append(f"{'mean':<{width}}{'':>17}" + "".join(f"{v:>8.2f}" for v in values))
        if self.average is not None:
            names = " and ".join(f"R{'s' if within == 'subset' else ''}@{cut}" for within, cut in self.averaged)
            rows.append(f"average of {names}: {self.average:.2f}")
        return rows


def category_score(
    queries: CategoryQueries, protocol: Protocol, ranks: np.ndarray, subset_ranks: np.ndarray | None
) -> CategoryScore:
    """Of ranks (Q,) in the gallery and, where they can be known, (Q,) among the members of the subset."""
    hits = {cut: int((ranks <= cut).sum()) for cut in protocol.cuts}
    subset_hits = {}
    if subset_ranks is not None:
        subset_hits = {cut: int((subset_ranks <= cut).sum()) for cut in protocol.subset_cuts}
    return CategoryScore(
        queries.category, len(ranks), len(queries.gallery), ids_hash(queries.gallery), ids_hash(queries.texts),
        hits, subset_hits,
    )  # fmt: skip


def scores_of(collection: Collection, protocol: Protocol, categories: Sequence[CategoryScore]) -> Scores:
    """Raises ValueError for a category without a query: it has no recall."""
    empty = [c.category for c in categories if not c.queries]
    if empty:
        raise ValueError(f"{', '.join(empty)} of {collection.name} has no query whose target is shown")
    return Scores(protocol.name, collection.name, collection.split, protocol.averaged, tuple(categories))


def _mean(parts: Sequence[Cut]) -> dict[int, float]:
    return {cut: float(np.mean([part[cut] for part in parts])) for cut in parts[0]}


def _keys(values: Mapping[int, float]) -> dict[str, float]:
    return {str(cut): value for cut, value in values.items()}
