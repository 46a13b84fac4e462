"""The pass that leaves nobody out: half precision, ties in thousands, any order, any block, against all distances."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hug.gaussians import Gaussians, distance
from hug.retrieval import exact
from hug.retrieval.exact import Scan, products, room, summed
from hug.retrieval.index import Index
from tests.hug.test_gaussians import a_query, some

NOBODY = torch.empty(0, dtype=torch.long)


def all_of(components: int) -> list[int]:
    return list(range(components))


def naive(q, c, k: int, components: list[int], use_var: bool, mask: torch.Tensor) -> list[list[int]]:
    """Every distance in float64, in the gallery's order where equal."""
    a, b = q.mu[:, None, components].double(), c.mu[None][:, :, components].double()
    table = (a - b).square().sum((2, 3))
    if use_var:
        table += c.var[:, components].double().sum((1, 2))
    table = table / (q.mu.shape[1] * q.mu.shape[2]) + c.bias.double()
    return [[n for n in np.argsort(row, kind="stable").tolist() if mask[n]][:k] for row in table.numpy()]


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10**6), count=st.integers(1, 90), queries=st.integers(1, 70), k=st.integers(1, 100),
    chosen=st.sets(st.integers(0, 4), min_size=1), use_var=st.booleans(), half=st.booleans(),
    scores=st.integers(1, 300),
)  # fmt: skip
def test_it_finds_what_all_distances_say(seed, count, queries, k, chosen, use_var, half, scores):
    """Few different candidates, many times each: most distances are equal."""
    rng = np.random.default_rng(seed)
    different, components = some(7, k=5, d=3, seed=seed), sorted(chosen)
    c = different[torch.from_numpy(rng.integers(0, 7, count))]
    if half:
        c = Gaussians(c.mu.half(), c.var, c.bias)
    mask = torch.from_numpy(rng.random(count) < 0.8)
    q = a_query(queries, k=5, d=3, seed=seed + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "SCORES", scores)
        patch.setattr(exact, "CROWD", 1)
        distances, positions = Scan(c).nearest(q, min(k, count), components, use_var, mask, NOBODY, NOBODY)
    expected = naive(q, c, min(k, count), components, use_var, mask)
    assert [[p for p in row if p >= 0] for row in positions.tolist()] == expected
    table = distance(q, Gaussians(c.mu.float(), c.var, c.bias), use_var, components)
    for row, places in enumerate(expected):
        torch.testing.assert_close(distances[row, : len(places)], table[row, places], atol=1e-5, rtol=1e-5)
        assert torch.isinf(distances[row, len(places) :]).all()


def test_a_gallery_sorted_from_far_to_near_is_searched_as_any_other(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(exact, "SCORES", 64)
    monkeypatch.setattr(exact, "CROWD", 1)
    q, c = a_query(1), some(3000)
    c = c[distance(q, c)[0].argsort(descending=True)]
    _, positions = Scan(c).nearest(q, 4, all_of(3), True, None, NOBODY, NOBODY)
    assert positions.tolist() == [[2999, 2998, 2997, 2996]]


def test_candidates_too_near_for_float32_are_told_apart():
    """Far from the origin the squared norms swallow the difference in float32: float64 decides, not the order."""
    q = a_query(1, k=2, d=8)
    base = q.mu[0] + 100
    near = [base - step * 1e-4 for step in range(200)]
    c = Gaussians(torch.stack(near), torch.full((200, 2, 8), 0.1), torch.zeros(200))
    _, positions = Scan(c).nearest(q, 10, [0, 1], True, None, NOBODY, NOBODY)
    assert positions[0].tolist() == naive(q, c, 10, [0, 1], True, torch.ones(200, dtype=torch.bool))[0]


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_products_are_inner_products(count: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(exact, "PIECE", 7)
    mu, q = some(20, k=6, d=4).mu.to(dtype), torch.randn(count, 12, generator=torch.Generator().manual_seed(0))
    part = mu[:, 2:5]  # a view with gaps
    torch.testing.assert_close(products(q, part), q @ part.float().flatten(1).T)


def test_sums_of_variances_are_all_that_search_reads():
    c, q = some(9, k=5, d=3), a_query(4, k=5, d=3)
    compact = summed(c)
    assert compact.var.shape == c.var.shape and compact.var.stride(-1) == 0 and summed(compact) is compact
    torch.testing.assert_close(distance(q, compact, components=[1, 4]), distance(q, c, components=[1, 4]))
    torch.testing.assert_close(compact.overall, c.overall)
    filled = room((9, 5, 3), torch.float16, torch.device("cpu"))
    assert (
        filled.mu.dtype == torch.float16
        and filled.var.shape == (9, 5, 3)
        and filled.var.untyped_storage().size() == 180
    )


def test_choices_of_components_are_remembered_and_bounded():
    c, q = some(9, k=5, d=3), a_query(1, k=5, d=3)
    scan = Scan(c)
    for chosen in ([0], [1], [2], [3], [4], [0, 1], [0]):
        _, positions = scan.nearest(q, 9, chosen, True, None, NOBODY, NOBODY)
        assert positions[0].tolist() == naive(q, c, 9, chosen, True, torch.ones(9, dtype=torch.bool))[0]
    assert len(scan._offsets) == exact.OFFSETS


def test_plain_vectors_rank_as_the_index_does():
    index, q = Index([str(n) for n in range(30)], some(30, k=5, d=3)), a_query(3, k=5, d=3)
    for components, use_var in ((None, True), ([0, 3], True), ([2], False)):
        scores = q.vectors(components, use_var) @ index.vectors().T
        assert scores.shape == (3, 30) and index.vectors(slice(4, 6)).shape == (2, 5 * 3 + 2 * 5 + 1)
        ranking = index.search(q, 30, components=components, use_var=use_var)
        assert scores.argsort(1, descending=True).tolist() == ranking.positions.tolist()
        same = (scores.gather(1, ranking.positions) + ranking.distances).diff(dim=1)  # a constant of the query
        torch.testing.assert_close(same, torch.zeros_like(same), atol=1e-5, rtol=0)
