"""What a protocol asks of a category, and at which rank the target comes. Letters: Q queries, N candidates, S members.

Nothing here knows of a model: the ranks of any method's distances are counted by the same lines.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hug.data.collection import Collection, Triplet
from hug.evaluate.protocols import Protocol

MISSED = int(np.iinfo(np.int32).max)  # the rank of a target that can't be found


@dataclass(frozen=True)
class CategoryQueries:
    """The queries of one category against its gallery, in the order of their annotation."""

    category: str
    gallery: tuple[str, ...]
    rows: np.ndarray  # (Q,) index into collection.triplets
    ids: tuple[str, ...]  # Q, of the annotation, or "{category}-{n}" with n from 0
    references: list[str]  # Q ids
    texts: list[str]  # Q
    targets: np.ndarray  # (Q,) position in the gallery; -1 where it is hidden
    places: np.ndarray  # (Q,) position of the reference in the gallery; -1 where it isn't there
    members: np.ndarray  # (Q, S) positions of the subset; -1 fills up, and S is 0 for data without subsets
    keep_reference: bool

    def without_references(self, distances: np.ndarray) -> np.ndarray:
        """Distances (Q, N) with each query's reference at +inf, where the protocol removes it; changed in place."""
        if not self.keep_reference:
            present = np.flatnonzero(self.places >= 0)
            distances[present, self.places[present]] = np.inf
        return distances


def category_queries(
    collection: Collection, category: str, protocol: Protocol, limit: int | None = None
) -> CategoryQueries:
    """The first `limit` queries of a category; those whose target is hidden only where the protocol is of such."""
    own = [(n, t) for n, t in enumerate(collection.triplets) if t.category == category]
    named = [(n, t.id or f"{category}-{number}", t) for number, (n, t) in enumerate(own)]
    entries = [each for each in named if protocol.hidden or each[2].target is not None][:limit]
    triplets = [t for _, _, t in entries]
    gallery = protocol.gallery(collection, category)
    place = {i: n for n, i in enumerate(gallery)}
    return CategoryQueries(
        category, gallery, np.array([n for n, _, _ in entries], int), tuple(id for _, id, _ in entries),
        [t.reference for t in triplets], [protocol.text(t.captions) for t in triplets],
        np.array([-1 if t.target is None else place[t.target] for t in triplets], int),
        np.array([place.get(t.reference, -1) for t in triplets], int),
        _members(triplets, place), protocol.keep_reference,
    )  # fmt: skip


def _members(triplets: Sequence[Triplet], place: dict[str, int]) -> np.ndarray:
    rows = [[place[i] for i in t.subset if i in place] for t in triplets]
    members = np.full((len(rows), max(map(len, rows), default=0)), -1)
    for row, places in zip(members, rows, strict=True):
        row[: len(places)] = places
    return members


def target_ranks(distances: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(Q,) 1-based rank of each query's target; ties go by gallery order; a target at +inf is MISSED.

    Raises ValueError for a distance that is no number: it would be behind nothing.
    """
    if np.isnan(distances).any():
        raise ValueError("a distance is not a number (NaN)")
    own = distances[np.arange(len(targets)), targets][:, None]  # (Q, 1)
    before = np.arange(distances.shape[1])[None] < targets[:, None]  # (Q, N)
    ranks = 1 + ((distances < own) | ((distances == own) & before)).sum(1)
    return np.where(np.isposinf(own[:, 0]), MISSED, ranks)


def subset_ranks(distances: np.ndarray, targets: np.ndarray, members: np.ndarray) -> np.ndarray:
    """(Q,) 1-based rank of each target among the members (Q, S) of its subset; MISSED where it is none of them."""
    own, members = _of_members(distances, members)
    inside = members == targets[:, None]  # (Q, S)
    if not inside.any():
        return np.full(len(targets), MISSED)
    return np.where(inside.any(1), target_ranks(own, inside.argmax(1)), MISSED)


def _of_members(distances: np.ndarray, members: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(Q, S) distances of members, and their positions in the gallery's order, by which ties go; +inf fills up."""
    members = np.sort(members, axis=1)
    own = np.take_along_axis(distances, np.maximum(members, 0), axis=1)
    own[members < 0] = np.inf
    return own, members


def nearest(distances: np.ndarray, count: int) -> np.ndarray:
    """(Q, up to count) positions, nearest first, ties by gallery order; what is at +inf is never among them.

    Raises ValueError when a query has fewer candidates than `count`.
    """
    order = np.argsort(distances, axis=1, kind="stable")[:, :count]
    if order.shape[1] < count or not np.isfinite(np.take_along_axis(distances, order, axis=1)).all():
        raise ValueError(f"a query has fewer than {count} candidates")
    return order


def nearest_members(distances: np.ndarray, members: np.ndarray, count: int) -> np.ndarray:
    """(Q, count) positions in the gallery of the nearest members (Q, S), as `nearest` gives them."""
    own, members = _of_members(distances, members)
    return np.take_along_axis(members, nearest(own, count), axis=1)
