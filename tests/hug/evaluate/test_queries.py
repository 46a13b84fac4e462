"""Ranks are those of a readable sort, whatever ties, references and subsets there are."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hug.data.collection import Collection, Triplet
from hug.evaluate.protocols import PROTOCOLS
from hug.evaluate.queries import MISSED, category_queries, nearest, nearest_members, subset_ranks, target_ranks


@st.composite
def asked(draw: st.DrawFn) -> tuple[Collection, np.ndarray]:
    """A gallery, queries with a subset of it, and distances with many ties."""
    size, count = draw(st.integers(7, 12)), draw(st.integers(1, 5))
    ids = tuple(f"p{n}" for n in range(size))
    triplets = []
    for n in range(count):
        order = draw(st.permutations(ids))
        triplets.append(Triplet(order[0], order[1], ("x",), "all", str(n), tuple(draw(st.permutations(order[1:6])))))
    distances = draw(arrays(float, (count, size), elements=st.integers(0, 3).map(float)))
    return Collection("c", "val", tuple(triplets), {"all": ids}, lambda _: None), distances


def rank(collection: Collection, row: np.ndarray, query: int, candidates: list[str]) -> int:
    """By sorting ids by distance and then by their place, and looking the target up."""
    ids = collection.galleries["all"]
    ordered = sorted(candidates, key=lambda i: (row[ids.index(i)], ids.index(i)))
    return ordered.index(str(collection.triplets[query].target)) + 1


@given(asked(), st.booleans())
def test_ranks_are_those_of_a_plain_sort(case: tuple[Collection, np.ndarray], keep: bool):
    collection, distances = case
    protocol = dataclasses.replace(PROTOCOLS["cirr-val"], keep_reference=keep)
    queries = category_queries(collection, "all", protocol)
    within = subset_ranks(distances, queries.targets, queries.members)
    ranks = target_ranks(queries.without_references(distances.copy()), queries.targets)
    for n, triplet in enumerate(collection.triplets):
        everyone = [i for i in collection.galleries["all"] if keep or i != triplet.reference]
        assert ranks[n] == rank(collection, distances[n], n, everyone)
        assert within[n] == rank(collection, distances[n], n, list(triplet.subset))


@given(asked())
def test_the_nearest_are_the_first_of_a_plain_sort(case: tuple[Collection, np.ndarray]):
    collection, distances = case
    queries = category_queries(collection, "all", PROTOCOLS["cirr-val"])
    removed = queries.without_references(distances.copy())
    near, members = nearest(removed, 3), nearest_members(removed, queries.members, 3)
    ids = collection.galleries["all"]
    for n, triplet in enumerate(collection.triplets):
        for places, candidates in ((near[n], [i for i in ids if i != triplet.reference]), (members[n], triplet.subset)):
            ordered = sorted(candidates, key=lambda i: (distances[n, ids.index(i)], ids.index(i)))  # noqa: B023
            assert [ids[place] for place in places] == ordered[:3]


def test_what_has_no_rank_is_missed_or_refused():
    row = np.array([[np.inf, 1.0, 2.0]])
    assert target_ranks(row, np.array([0])).tolist() == [MISSED]  # asked for its own reference
    assert subset_ranks(row, np.array([1]), np.array([[0, 2]])).tolist() == [MISSED]
    assert subset_ranks(row, np.array([1]), np.empty((1, 0), int)).tolist() == [MISSED]
    assert subset_ranks(row, np.array([1]), np.array([[2, -1, 1]])).tolist() == [1]
    with pytest.raises(ValueError, match="not a number"):
        target_ranks(np.array([[np.nan, 1.0]]), np.array([0]))
    with pytest.raises(ValueError, match="fewer than 3 candidates"):
        nearest(row, 3)


def test_queries_are_named_by_their_annotation_or_their_place():
    triplets = (
        Triplet("a", "b", ("x",), "one"), Triplet("a", None, ("x",), "two"),
        Triplet("b", "a", ("x",), "one"), Triplet("b", "a", ("x",), "two", "named"),
    )  # fmt: skip
    both = ("a", "b")
    collection = Collection("c", "val", triplets, {"one": both, "two": both}, lambda _: None)
    assert category_queries(collection, "one", PROTOCOLS["fiq-std"]).ids == ("one-0", "one-1")
    shown = category_queries(collection, "two", PROTOCOLS["fiq-std"])
    assert shown.ids == ("named",) and shown.rows.tolist() == [3]
    hidden = category_queries(collection, "two", PROTOCOLS["cirr-test"])
    assert hidden.ids == ("two-0", "named") and hidden.targets.tolist() == [-1, 0]
