"""Hand values, scipy and scikit-learn where they have the same function, and laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from hug.evaluate.metrics import (
    entropy,
    macro_mean,
    recall_by_bin,
    reliability,
    risk_coverage,
    spearman,
    top1_score,
    top_margin,
)

RNG = np.random.default_rng(0)


def test_recall_by_hand_counts_every_category_alike():
    ranks, codes = np.array([1, 2, 10, 11, 1]), np.array([0, 0, 0, 0, 7])
    assert [macro_mean(ranks <= k, codes) for k in (1, 10, 50)] == [(0.25 + 1) / 2, (0.75 + 1) / 2, 1.0]


def test_spearman_has_the_sign_of_the_agreement():
    x = np.arange(10)
    assert spearman(x, x**3) == pytest.approx(1) and spearman(x, -x) == pytest.approx(-1)
    assert np.isnan(spearman(x, np.ones(10)))
    assert np.isnan(spearman(np.array([]), np.array([])))
    assert spearman(x > 4, x) > 0.8  # truth values are numbers too


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=40))
def test_spearman_is_scipy_s_and_needs_no_scale(pairs: list[tuple[int, int]]):
    x, y = np.array(pairs, float).T
    if np.ptp(x) and np.ptp(y):
        assert spearman(x, y) == pytest.approx(spearmanr(x, y).statistic)
        assert spearman(np.exp(x), 3 * y - 1) == pytest.approx(spearman(x, y))
        assert spearman(-x, y) == pytest.approx(-spearman(x, y))


def test_bins_by_hand_and_equal_uncertainties_in_the_order_of_the_queries():
    ranks = np.array([1, 1, 99, 1, 99, 99])
    assert recall_by_bin(np.zeros(6), ranks, k=10, bins=3).recall.tolist() == [1, 0.5, 0]
    table = recall_by_bin(np.array([5, 4, 3, 2, 1, 0]), ranks, k=10, bins=3)
    assert table.recall.tolist() == [0, 0.5, 1] and table.uncertainty.tolist() == [0.5, 2.5, 4.5]
    assert table["count"].tolist() == [2, 2, 2]


@given(st.lists(st.integers(1, 40), min_size=10, max_size=60), st.integers(0, 99))
def test_bins_see_only_the_order_of_the_uncertainty(ranks: list[int], seed: int):
    values = np.random.default_rng(seed).permutation(len(ranks)).astype(float) + 1
    plain, scaled = recall_by_bin(values, np.array(ranks)), recall_by_bin(np.log(values), np.array(ranks))
    assert plain.recall.tolist() == scaled.recall.tolist()
    assert plain.recall @ plain["count"] == pytest.approx(sum(r <= 10 for r in ranks))


def test_risk_coverage_by_hand():
    coverage, risk = risk_coverage(np.array([3, 1, 2]), np.array([True, False, False]))
    assert coverage.tolist() == pytest.approx([1 / 3, 2 / 3, 1]) and risk.tolist() == pytest.approx([0, 0.5, 2 / 3])


def test_risk_coverage_equals_a_loop():
    confidence, correct = RNG.permutation(30).astype(float), RNG.random(30) < 0.6
    coverage, risk = risk_coverage(confidence, correct)
    for n in range(1, 31):
        answered = sorted(range(30), key=lambda i: -confidence[i])[:n]
        assert coverage[n - 1] == pytest.approx(n / 30)
        assert risk[n - 1] == pytest.approx(np.mean([not correct[i] for i in answered]))


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=30))
def test_the_curve_is_the_same_in_any_order_and_scale(pairs: list[tuple[int, bool]]):
    confidence, correct = np.array([p[0] for p in pairs], float), np.array([p[1] for p in pairs])
    risk, other = risk_coverage(confidence, correct)[1], risk_coverage(np.exp(confidence[::-1]), correct[::-1])[1]
    assert risk.mean() == pytest.approx(other.mean()) and risk[-1] == pytest.approx(1 - correct.mean())


def test_uncertainties_of_distances_are_larger_where_results_are_worse():
    clear, vague = np.array([[0.1, 5.0, 6.0, np.inf]]), np.array([[4.9, 5.0, 5.1, np.inf]])
    for uncertainty in (top1_score, top_margin, lambda d: entropy(d, 1.0)):
        assert uncertainty(vague)[0] > uncertainty(clear)[0]
    assert entropy(np.zeros((1, 4)), 1.0)[0] == pytest.approx(np.log(4))


def test_uncertainties_of_distances_by_hand():
    d = np.array([[3.0, 1.0, np.inf, 1.5]])
    assert (top1_score(d)[0], top_margin(d)[0]) == (1.0, -0.5)
    p = np.exp(-2 * np.array([3.0, 1.0, 1.5]))
    p /= p.sum()
    assert entropy(d, 2.0)[0] == pytest.approx(-(p * np.log(p)).sum())
    assert np.isneginf(top_margin(np.array([[1.0]])))[0]  # no second result: nothing to confuse it with


def test_uncertainties_of_distances_come_out_the_same_in_chunks():
    d = RNG.random((7, 5))
    for uncertainty in (top1_score, top_margin, lambda x: entropy(x, 3.0)):
        np.testing.assert_array_equal(uncertainty(d), np.concatenate([uncertainty(d[:3]), uncertainty(d[3:])]))


def test_reliability_equals_a_loop_over_equal_width_bins():
    p, y = RNG.random(300), RNG.random(300) < 0.4
    table = reliability(p, y, bins=4).set_index("bin")
    for n in range(4):
        inside = [i for i in range(300) if n / 4 <= p[i] < (n + 1) / 4]
        row = table.loc[n + 1]
        assert (row["count"], row.predicted, row.observed) == pytest.approx(
            (len(inside), np.mean(p[inside]), np.mean(y[inside]))
        )
    ends = reliability(np.array([0.0, 1.0]), np.array([0, 1]))
    assert list(ends.bin) == [1, 15] and list(ends.observed) == [0, 1]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: spearman(np.arange(3), np.arange(4)), "one length"),
        (lambda: risk_coverage(np.arange(3), np.array([1])), "one length"),
        (lambda: recall_by_bin(np.arange(4), np.ones(4)), "10 bins of 4 queries"),
        (lambda: reliability(np.array([7.0]), np.ones(1)), "outside 0-1"),
        (lambda: reliability(np.array([np.nan]), np.ones(1)), "outside 0-1"),
        (lambda: entropy(np.array([[1.0, np.inf]]), 0.0), "must be positive"),
    ],
)
def test_what_cannot_be_measured_is_refused(call, says: str):
    with pytest.raises(ValueError, match=says):
        call()
