"""Hand values, scipy and scikit-learn where they have the same function, and laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import brier_score_loss, roc_auc_score

from hug.evaluate.metrics import (
    aurc,
    auroc,
    bootstrap_rows,
    brier,
    entropy,
    expected_calibration_error,
    mean_reciprocal_rank,
    miss_auroc,
    paired_accuracy,
    recall_at,
    recall_by_bin,
    reliability,
    risk_coverage,
    spearman,
    top1_score,
    top_margin,
)

RNG = np.random.default_rng(0)


def test_recall_by_hand():
    ranks = np.array([1, 2, 10, 11])
    assert (recall_at(ranks, 1), recall_at(ranks, 10), recall_at(ranks, 50)) == (0.25, 0.75, 1.0)
    assert mean_reciprocal_rank(ranks) == pytest.approx((1 + 0.5 + 0.1 + 1 / 11) / 4)
    assert np.isnan(recall_at(np.array([]), 1))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_auroc_is_scikit_learns_with_ties(positive: list[int], negative: list[int]):
    labels = [1] * len(positive) + [0] * len(negative)
    assert auroc(np.array(positive), np.array(negative)) == pytest.approx(roc_auc_score(labels, positive + negative))


@given(st.lists(st.floats(0.01, 10), min_size=2, max_size=20), st.lists(st.floats(0.01, 10), min_size=2, max_size=20))
def test_auroc_has_a_sign_and_needs_no_scale(positive: list[float], negative: list[float]):
    p, n = np.round(positive, 3), np.round(negative, 3)
    assert auroc(p, n) == pytest.approx(auroc(np.log(p), np.log(n)))
    assert auroc(p, n) == pytest.approx(1 - auroc(n, p))


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


def test_paired_accuracy_by_hand():
    assert paired_accuracy(np.array([2, 1, 1, 0]), np.array([1, 2, 1, -1])) == pytest.approx(2.5 / 4)


def test_a_paired_test_sees_what_an_unpaired_one_does_not():
    text = RNG.normal(0, 10, 500)  # differences between texts dwarf the effect
    assert paired_accuracy(text + 0.1, text) == 1 and auroc(text + 0.1, text) < 0.55


def test_bootstrap_covers_the_truth_as_often_as_it_says():
    inside = 0
    for seed in range(60):
        sample = np.random.default_rng(seed).normal(1, 1, 60)
        interval = bootstrap_rows(lambda x: float(x.mean()), sample, draws=200, seed=seed)
        inside += interval.low <= 1 <= interval.high
    assert 50 <= inside <= 60


def test_groups_are_resampled_whole():
    values = np.repeat(RNG.normal(size=20), 50)
    groups = np.repeat(np.arange(20), 50)
    wide = bootstrap_rows(lambda x: float(x.mean()), values, groups=groups, draws=200)
    narrow = bootstrap_rows(lambda x: float(x.mean()), values, draws=200)
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


def test_an_interval_holds_the_value_repeats_and_is_the_textbook_s():
    x = RNG.normal(size=400)
    first, again = (bootstrap_rows(lambda v: float(v.mean()), x, seed=3) for _ in range(2))
    assert first == again and first.low < first.value < first.high
    assert first.high - first.low == pytest.approx(2 * 1.96 * x.std() / 20, rel=0.1)


def test_every_group_of_one_row_is_the_plain_bootstrap():
    x = RNG.normal(size=50)
    mean = lambda v: float(v.mean())  # noqa: E731
    plain, grouped = bootstrap_rows(mean, x, draws=100), bootstrap_rows(mean, x, groups=np.arange(50), draws=100)
    assert (plain.low, plain.high) == pytest.approx((grouped.low, grouped.high))


def test_draws_without_a_value_do_not_spoil_the_interval():
    few = bootstrap_rows(spearman, np.arange(3), np.array([1, 1, 2]), draws=200)
    assert -1 <= few.low <= few.high <= 1
    assert np.isnan(bootstrap_rows(spearman, np.array([]), np.array([])).value)


def test_honest_doubt_has_falling_recall():
    doubt = np.arange(1000)
    ranks = np.where(RNG.random(1000) * 1000 > doubt, 1, 99)
    recalls, pearson = recall_by_bin(doubt, ranks)
    assert len(recalls) == 10 and pearson < -0.9
    assert recall_by_bin(-doubt, ranks)[1] > 0.9
    assert np.isnan(recall_by_bin(doubt, np.ones(1000))[1])


def test_bins_by_hand_and_equal_doubts_in_the_order_of_the_queries():
    ranks = np.array([1, 1, 99, 1, 99, 99])
    recalls, _ = recall_by_bin(np.zeros(6), ranks, k=10, bins=3)
    assert recalls.tolist() == [1, 0.5, 0]
    recalls, _ = recall_by_bin(np.array([5, 4, 3, 2, 1, 0]), ranks, k=10, bins=3)
    assert recalls.tolist() == [0, 0.5, 1]


@given(st.lists(st.integers(1, 40), min_size=10, max_size=60), st.integers(0, 99))
def test_bins_see_only_the_order_of_the_doubt(ranks: list[int], seed: int):
    doubt = np.random.default_rng(seed).permutation(len(ranks)).astype(float) + 1
    plain, scaled = recall_by_bin(doubt, np.array(ranks))[0], recall_by_bin(np.log(doubt), np.array(ranks))[0]
    assert plain.tolist() == scaled.tolist()
    assert plain @ [len(b) for b in np.array_split(ranks, 10)] == pytest.approx(sum(r <= 10 for r in ranks))


def test_risk_coverage_by_hand():
    coverage, risk = risk_coverage(np.array([3, 1, 2]), np.array([True, False, False]))
    assert coverage.tolist() == pytest.approx([1 / 3, 2 / 3, 1]) and risk.tolist() == pytest.approx([0, 0.5, 2 / 3])
    correct = RNG.random(500) < 0.5
    assert aurc(correct.astype(float), correct) < aurc(RNG.random(500), correct) < aurc(-correct.astype(float), correct)


def test_risk_coverage_equals_a_loop():
    confidence, correct = RNG.permutation(30).astype(float), RNG.random(30) < 0.6
    coverage, risk = risk_coverage(confidence, correct)
    for n in range(1, 31):
        answered = sorted(range(30), key=lambda i: -confidence[i])[:n]
        assert coverage[n - 1] == pytest.approx(n / 30)
        assert risk[n - 1] == pytest.approx(np.mean([not correct[i] for i in answered]))
    assert aurc(confidence, correct) == pytest.approx(risk.mean())


def test_the_order_of_equally_confident_queries_is_no_merit():
    """Sorting by confidence alone gave 0.21 or 0.79 here, by the order in which the queries came."""
    for correct in ([1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 0, 1]):
        assert aurc(np.zeros(4), np.array(correct)) == pytest.approx(0.5)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=30))
def test_the_area_is_the_same_in_any_order_and_scale(pairs: list[tuple[int, bool]]):
    confidence, correct = np.array([p[0] for p in pairs], float), np.array([p[1] for p in pairs])
    area = aurc(confidence, correct)
    assert area == pytest.approx(aurc(np.exp(confidence[::-1]), correct[::-1]))
    assert risk_coverage(confidence, correct)[1][-1] == pytest.approx(1 - correct.mean())


def test_miss_auroc_is_one_when_doubt_is_the_rank():
    ranks = np.array([1, 5, 20, 30])
    assert miss_auroc(ranks, ranks) == 1 and miss_auroc(-ranks, ranks) == 0


def test_baseline_doubts_are_larger_where_results_are_worse():
    clear, vague = np.array([[0.1, 5.0, 6.0, np.inf]]), np.array([[4.9, 5.0, 5.1, np.inf]])
    for doubt in (top1_score, top_margin, lambda d: entropy(d, 1.0)):
        assert doubt(vague)[0] > doubt(clear)[0]
    assert entropy(np.zeros((1, 4)), 1.0)[0] == pytest.approx(np.log(4))


def test_baseline_doubts_by_hand():
    d = np.array([[3.0, 1.0, np.inf, 1.5]])
    assert (top1_score(d)[0], top_margin(d)[0]) == (1.0, -0.5)
    p = np.exp(-2 * np.array([3.0, 1.0, 1.5]))
    p /= p.sum()
    assert entropy(d, 2.0)[0] == pytest.approx(-(p * np.log(p)).sum())
    assert np.isneginf(top_margin(np.array([[1.0]])))[0]  # no second result: nothing to confuse it with


def test_baseline_doubts_come_out_the_same_in_chunks():
    d = RNG.random((7, 5))
    for doubt in (top1_score, top_margin, lambda x: entropy(x, 3.0)):
        np.testing.assert_array_equal(doubt(d), np.concatenate([doubt(d[:3]), doubt(d[3:])]))


def test_calibration_of_an_honest_and_of_a_boasting_forecast():
    p = RNG.random(20_000)
    y = RNG.random(20_000) < p
    assert expected_calibration_error(p, y) < 0.02
    assert expected_calibration_error(np.full(100, 0.9), np.arange(100) < 40) == pytest.approx(0.5)
    assert reliability(p, y)["count"].sum() == 20_000
    assert brier(p, y) == pytest.approx(brier_score_loss(y, p))
    assert len(reliability(np.array([0.0, 1.0]), np.array([0, 1]))) == 2


def test_calibration_equals_a_loop_over_equal_width_bins():
    p, y = RNG.random(300), RNG.random(300) < 0.4
    total = 0.0
    for n in range(15):
        inside = [i for i in range(300) if n / 15 <= p[i] < (n + 1) / 15]
        total += abs(sum(p[i] - y[i] for i in inside)) / 300
    assert expected_calibration_error(p, y) == pytest.approx(total)
    table = reliability(p, y, bins=4)
    assert ((table.low <= table.predicted) & (table.predicted <= table.high)).all()
    assert (table.observed * table["count"]).sum() == pytest.approx(y.sum())


def test_nothing_to_measure_is_nan():
    none = np.array([])
    for value in (brier(none, none), expected_calibration_error(none, none), aurc(none, none), auroc(none, [1])):
        assert np.isnan(value)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: spearman(np.arange(3), np.arange(4)), "one length"),
        (lambda: paired_accuracy(np.arange(3), np.array([1])), "one length"),
        (lambda: miss_auroc(np.arange(3), np.array([1])), "one length"),
        (lambda: aurc(np.arange(3), np.array([1])), "one length"),
        (lambda: brier(np.zeros(3), np.zeros(1)), "one length"),
        (lambda: bootstrap_rows(spearman, np.arange(4), np.arange(9)), "align"),
        (lambda: bootstrap_rows(spearman, np.arange(4), np.arange(4), groups=np.arange(2)), "align"),
        (lambda: recall_by_bin(np.arange(4), np.ones(4)), "10 bins of 4 queries"),
        (lambda: expected_calibration_error(np.array([7.0]), np.ones(1)), "outside 0-1"),
        (lambda: expected_calibration_error(np.array([np.nan]), np.ones(1)), "outside 0-1"),
        (lambda: entropy(np.array([[1.0, np.inf]]), 0.0), "must be positive"),
    ],
)
def test_what_cannot_be_measured_is_refused(call, says: str):
    with pytest.raises(ValueError, match=says):
        call()
