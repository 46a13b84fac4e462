"""How candidates are ranked, and what comes out: the same whoever holds the gallery."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import torch
from torch import Tensor

from hug.gaussians import Gaussians, Query

Where: TypeAlias = Mapping[str, str | int | Collection[str | int]] | Tensor | np.ndarray
Exclude: TypeAlias = Sequence[str | Iterable[str] | None] | None


@dataclass(frozen=True)
class SearchOptions:
    """How candidates are ranked for B queries."""

    k: int = 10  # candidates; above the gallery's size all of it
    exclude: Exclude = None  # an id, several or None a query; unknown ones ignored
    where: Where | None = None  # candidates by label (a value or several), or by a Boolean mask (N,)
    components: Iterable[int] | None = None  # those that count, from 0; all by default
    use_var: bool = True  # without, only means and the bias count
    dynamic: bool | None = None  # of a trace: merge by Eq. 11 or with 1/3 each; None as the model does. Moves no rank


@dataclass(frozen=True)
class Ranking:
    """The first k candidates of B queries; where fewer remain, positions are -1 and distances infinite."""

    ids: list[list[str]]  # B rows of at most k
    distances: Tensor  # (B, k)
    positions: Tensor  # (B, k) row in the index

    def __len__(self) -> int:
        return len(self.ids)

    def first(self, k: int) -> Ranking:
        """The first k of these."""
        return Ranking([row[:k] for row in self.ids], self.distances[:, :k], self.positions[:, :k])


class Gallery(Protocol):
    """A gallery wherever it lies: `Index` in memory, `MilvusIndex` on a server or cluster."""

    def __len__(self) -> int: ...

    def rank(self, query: Query | Gaussians, options: SearchOptions) -> Ranking: ...

    def candidates(self, ranking: Ranking) -> Gaussians: ...


def check_count(k: object) -> None:
    """Raises ValueError for a number of candidates that is no whole number above 0."""
    if isinstance(k, bool) or not isinstance(k, int):
        raise ValueError(f"k must be a whole number, got {k!r}")
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")


def excluded_ids(exclude: Exclude, count: int) -> list[list[str]]:
    """The ids that each query must not get. Raises ValueError when there is no entry for each of `count` queries."""
    if exclude is None:
        exclude = [None] * count
    if isinstance(exclude, str) or len(exclude) != count:
        raise ValueError(f"exclude needs a list with an id, several ids or None for each of {count} queries")
    return [[names] if isinstance(names, str) else list(names or ()) for names in exclude]


def wanted_labels(where: Mapping[str, str | int | Collection[str | int]], labels: Collection[str]) -> dict[str, set]:
    """Label -> the values that may be ranked, as text. Raises ValueError for a label that isn't one of `labels`."""
    values = {}
    for label, wanted in where.items():
        if label not in labels:
            raise ValueError(f"unknown label {label!r}; this gallery has {sorted(labels) or 'none'}")
        several = isinstance(wanted, Collection) and not isinstance(wanted, str)
        values[label] = {str(value) for value in (wanted if several else [wanted])}  # type: ignore[union-attr]
    return values


def chosen_components(components: Iterable[int] | None, count: int) -> list[int]:
    """The components that count, sorted. Raises ValueError for none and for one that isn't of 0 to `count` - 1."""
    places = list(range(count)) if components is None else sorted(set(components))
    if not all(isinstance(place, int) for place in places):
        raise ValueError(f"components are whole numbers from 0, got {places}")
    if not places or places[0] < 0 or places[-1] >= count:
        raise ValueError(f"components must be some of 0-{count - 1}, got {places}")
    return places


def check_query(query: Query | Gaussians, components: int, dim: int) -> None:
    """Raises ValueError for a query of other sizes, or one with a number that isn't finite."""
    if query.mu.shape[1:] != (components, dim):
        k, d = query.mu.shape[1:]
        raise ValueError(f"the query has {k} components of {d} numbers, the gallery {components} of {dim}")
    if not (torch.isfinite(query.mu).all() and torch.isfinite(query.var).all()):
        raise ValueError("the query holds a number that is not finite; train the model again")
