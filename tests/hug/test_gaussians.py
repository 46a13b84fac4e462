"""Distance, its parts, and the merge: laws, hand values, and a naive loop."""

import pytest
import torch

from hug.gaussians import Gaussians, Query, distance, distance_parts, merge


def some(count: int, k: int = 3, d: int = 4, seed: int = 0) -> Gaussians:
    g = torch.Generator().manual_seed(seed)
    return Gaussians(
        torch.randn(count, k, d, generator=g), torch.rand(count, k, d, generator=g), torch.randn(count, generator=g)
    )


def a_query(count: int, k: int = 3, d: int = 4, seed: int = 1) -> Query:
    g = torch.Generator().manual_seed(seed)
    sources = [torch.rand(count, k, d, generator=g) for _ in range(3)]
    var, weights = merge(*sources)
    return Query(torch.randn(count, k, d, generator=g), var, *sources, weights)


def naive_distance(q: Query, c: Gaussians) -> torch.Tensor:
    out = torch.zeros(len(q), len(c))
    for i in range(len(q)):
        for j in range(len(c)):
            total = 0.0
            for k in range(q.mu.shape[1]):
                total += float((q.mu[i, k] - c.mu[j, k]).square().sum() + q.var[i, k].sum() + c.var[j, k].sum())
            out[i, j] = total / (q.mu.shape[1] * q.mu.shape[2]) + c.bias[j]
    return out


def test_distance_equals_a_readable_loop():
    q, c = a_query(4), some(5)
    torch.testing.assert_close(distance(q, c), naive_distance(q, c))


def test_distance_is_the_expected_squared_distance_of_samples():
    q, c = a_query(1, k=2, d=2), some(1, k=2, d=2)
    g = torch.Generator().manual_seed(0)
    x = q.mu + q.var.sqrt() * torch.randn(200_000, 2, 2, generator=g)
    y = c.mu + c.var.sqrt() * torch.randn(200_000, 2, 2, generator=g)
    sampled = (x - y).square().mean(0).sum() / 4 + c.bias[0]
    assert distance(q, c).item() == pytest.approx(sampled.item(), rel=0.02)


def test_parts_sum_to_the_distance():
    q, c = a_query(4), some(5)
    parts = distance_parts(q, c)
    torch.testing.assert_close(parts.total, distance(q, c))
    assert parts.components.shape == (4, 5, 3)


def test_without_variance_only_means_and_bias_count():
    q, c = a_query(2), some(3)
    parts = distance_parts(q, c)
    torch.testing.assert_close(distance(q, c, use_var=False), parts.means.sum(-1) + c.bias)


def test_query_variance_never_changes_the_order_within_one_query():
    q, c = a_query(3), some(20)
    louder = Query(q.mu, torch.rand_like(q.var), q.var_r, q.var_t, q.var_m, q.weights)
    assert torch.equal(distance(q, c).argsort(1), distance(louder, c).argsort(1))


def test_hand_value():
    one = torch.ones(1, 1, 2)
    q = Query(0 * one, 0.5 * one, one, one, one, torch.ones(1, 3, 1, 2) / 3)
    c = Gaussians(2 * one, 0.25 * one, torch.tensor([0.125]))
    # (2*4 + 2*0.5 + 2*0.25) / 2 + 0.125
    assert distance(q, c).item() == pytest.approx(4.75 + 0.125)


def test_weights_sum_to_one_and_equal_variances_share_equally():
    v = torch.full((2, 3, 4), 0.2)
    var, weights = merge(v, v, v)
    torch.testing.assert_close(weights, torch.full((2, 3, 3, 4), 1 / 3))
    torch.testing.assert_close(var, v)
    _, weights = merge(torch.rand(2, 3, 4), torch.rand(2, 3, 4), torch.rand(2, 3, 4))
    torch.testing.assert_close(weights.sum(1), torch.ones(2, 3, 4))


def test_merge_by_hand():
    r, t, m = (torch.full((1, 1, 1), v) for v in (0.1, 0.2, 0.7))
    w = torch.tensor([-0.1, -0.2, -0.7]).exp()
    var, weights = merge(r, t, m)
    assert var.item() == pytest.approx(float((w * torch.tensor([0.1, 0.2, 0.7])).sum() / w.sum()))
    assert weights[0, :, 0, 0].tolist() == pytest.approx((w / w.sum()).tolist())


def test_static_merge_is_the_mean():
    sources = [torch.rand(2, 3, 4) for _ in range(3)]
    var, _ = merge(*sources, dynamic=False)
    torch.testing.assert_close(var, torch.stack(sources).mean(0))


def test_merged_variance_is_monotone_in_each_source_below_one():
    grid = torch.linspace(1e-4, 1, 200)[:, None, None]
    fixed = torch.full_like(grid, 0.1)
    var, _ = merge(fixed, grid, fixed)
    assert (var.flatten().diff() > 0).all()


def test_merged_variance_is_not_monotone_above_one_which_is_why_it_is_bounded():
    fixed = torch.full((4, 1, 1), 0.1)
    var, _ = merge(fixed, torch.tensor([0.1, 1.0, 3.0, 10.0])[:, None, None], fixed)
    assert var.flatten().tolist() == pytest.approx([0.10, 0.25, 0.18, 0.10], abs=0.01)


def test_rows_and_concatenation_are_inverse():
    c = some(5)
    again = Gaussians.cat([c[:2], c[2:]])
    assert torch.equal(again.mu, c.mu) and torch.equal(again.var, c.var) and torch.equal(again.bias, c.bias)
    q = a_query(5)
    assert torch.equal(Query.cat([q[:2], q[2:]]).weights, q.weights)
    assert len(q[[0, 3]]) == 2
