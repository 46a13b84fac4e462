"""Hand values, scipy and scikit-learn where they have the same function, and laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score

from hug.evaluate.measures import (
    aurc,
    auroc,
    bootstrap,
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


def test_paired_accuracy_by_hand():
    assert paired_accuracy(np.array([2, 1, 1, 0]), np.array([1, 2, 1, -1])) == pytest.approx(2.5 / 4)


def test_a_paired_test_sees_what_an_unpaired_one_does_not():
    text = RNG.normal(0, 10, 500)  # differences between texts dwarf the effect
    assert paired_accuracy(text + 0.1, text) == 1 and auroc(text + 0.1, text) < 0.55


def test_bootstrap_covers_the_truth_as_often_as_it_says():
    inside = 0
    for seed in range(60):
        sample = np.random.default_rng(seed).normal(1, 1, 60)
        interval = bootstrap(lambda x: float(x.mean()), sample, draws=200, seed=seed)
        inside += interval.low <= 1 <= interval.high
    assert 50 <= inside <= 60


def test_groups_are_resampled_whole():
    values = np.repeat(RNG.normal(size=20), 50)
    groups = np.repeat(np.arange(20), 50)
    wide = bootstrap(lambda x: float(x.mean()), values, groups=groups, draws=200)
    narrow = bootstrap(lambda x: float(x.mean()), values, draws=200)
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)


def test_honest_doubt_has_falling_recall():
    doubt = np.arange(1000)
    ranks = np.where(RNG.random(1000) * 1000 > doubt, 1, 99)
    recalls, pearson = recall_by_bin(doubt, ranks)
    assert len(recalls) == 10 and pearson < -0.9
    assert recall_by_bin(-doubt, ranks)[1] > 0.9
    assert np.isnan(recall_by_bin(doubt, np.ones(1000))[1])


def test_risk_coverage_by_hand():
    coverage, risk = risk_coverage(np.array([3, 1, 2]), np.array([True, False, False]))
    assert coverage.tolist() == pytest.approx([1 / 3, 2 / 3, 1]) and risk.tolist() == pytest.approx([0, 0.5, 2 / 3])
    correct = RNG.random(500) < 0.5
    assert aurc(correct.astype(float), correct) < aurc(RNG.random(500), correct) < aurc(-correct.astype(float), correct)


def test_miss_auroc_is_one_when_doubt_is_the_rank():
    ranks = np.array([1, 5, 20, 30])
    assert miss_auroc(ranks, ranks) == 1 and miss_auroc(-ranks, ranks) == 0


def test_baseline_doubts_are_larger_where_results_are_worse():
    clear, vague = np.array([[0.1, 5.0, 6.0, np.inf]]), np.array([[4.9, 5.0, 5.1, np.inf]])
    for doubt in (top1_score, top_margin, lambda d: entropy(d, 1.0)):
        assert doubt(vague)[0] > doubt(clear)[0]
    assert entropy(np.zeros((1, 4)), 1.0)[0] == pytest.approx(np.log(4))


def test_calibration_of_an_honest_and_of_a_boasting_forecast():
    p = RNG.random(20_000)
    y = RNG.random(20_000) < p
    assert expected_calibration_error(p, y) < 0.02
    assert expected_calibration_error(np.full(100, 0.9), np.arange(100) < 40) == pytest.approx(0.5)
    assert reliability(p, y)["count"].sum() == 20_000
    assert brier(p, y) == pytest.approx(brier_score_loss(y, p))
    assert len(reliability(np.array([0.0, 1.0]), np.array([0, 1]))) == 2
