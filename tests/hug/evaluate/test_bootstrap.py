"""Every statistic of resamples is the plain one of the rows it counts, draw by draw; tests are SciPy's."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, false_discovery_control, pearsonr, permutation_test
from scipy.stats import bootstrap as scipy_bootstrap
from sklearn.metrics import brier_score_loss, roc_auc_score

from hug.evaluate import bootstrap, metrics
from hug.evaluate.bootstrap import Statistic, adjusted, interval, mean_intervals, sign_flip, wilson
from tests.hug.evaluate import naive

RNG = np.random.default_rng(0)
N = 60
X, Y = RNG.integers(0, 12, N).astype(float), RNG.integers(0, 9, N).astype(float)  # with ties
HIT, CODES = RNG.random(N) < 0.4, RNG.integers(0, 3, N)
P = RNG.random(N)
LEVELS = RNG.normal(size=(N, 5)) @ RNG.normal(size=(5, 5))
LABELS, STRATA = RNG.choice(["mini", "midi", "maxi"], N), RNG.choice(["dress", "shirt"], N)


def eta(rows: np.ndarray) -> float:
    """Share of the sum of squares within strata that lies between the labels."""
    values, within, between = LEVELS[rows, 0], 0.0, 0.0
    centred = values.copy()
    for stratum in np.unique(STRATA[rows]):
        centred[STRATA[rows] == stratum] -= values[STRATA[rows] == stratum].mean()
    for label in np.unique(LABELS[rows]):
        own = centred[LABELS[rows] == label]
        between += own.sum() ** 2 / len(own)
    within = float(np.square(centred).sum())
    return between / within


PAIRS: dict[str, tuple[Statistic, Callable[[np.ndarray], float]]] = {
    "mean": (bootstrap.mean(X), lambda r: float(X[r].mean())),
    "macro mean": (bootstrap.macro_mean(X, CODES), lambda r: naive.macro_mean(X[r], CODES[r])),
    "auroc": (bootstrap.auroc(X, HIT), lambda r: naive.auroc(X[r][HIT[r]], X[r][~HIT[r]])),
    "spearman": (bootstrap.spearman(X, Y), lambda r: metrics.spearman(X[r], Y[r])),
    "correlation": (bootstrap.correlation(X, Y), lambda r: float(pearsonr(X[r], Y[r]).statistic)),
    "pearson by bin": (
        bootstrap.pearson_by_bin(X, HIT),
        lambda r: naive.pearson_by_bin(X[r], np.where(HIT[r], 1, 99)),
    ),
    "aurc": (bootstrap.aurc(X, HIT), lambda r: naive.aurc(X[r], HIT[r])),
    "ece": (bootstrap.calibration_error(P, HIT), lambda r: naive.calibration_error(P[r], HIT[r])),
    "brier": (bootstrap.mean(np.square(P - HIT)), lambda r: brier_score_loss(HIT[r], P[r])),
    "mean correlation": (bootstrap.mean_correlation(LEVELS), lambda r: naive.mean_correlation(LEVELS[r])),
    "eta squared": (bootstrap.eta_squared(LABELS, LEVELS[:, 0], STRATA), eta),
}


def value(statistic: Statistic, count: int) -> float:
    return float(statistic(np.ones((1, count)))[0])


@pytest.mark.parametrize("name", PAIRS)
def test_a_draw_is_the_plain_statistic_of_its_rows(name: str):
    statistic, plain = PAIRS[name]
    counts = np.stack([np.ones(N), *RNG.multinomial(N, np.full(N, 1 / N), 20)]).astype(float)
    expected = [plain(np.repeat(np.arange(N), c.astype(int))) for c in counts]
    np.testing.assert_allclose(statistic(counts), expected, rtol=1e-9, atol=1e-12)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_auroc_is_scikit_learn_s_with_ties_and_has_a_sign(positive: list[int], negative: list[int]):
    labels, scores = np.array([1] * len(positive) + [0] * len(negative)), np.array(positive + negative)
    own = value(bootstrap.auroc(scores, labels == 1), len(labels))
    assert own == pytest.approx(roc_auc_score(labels, scores))
    assert own == pytest.approx(value(bootstrap.auroc(np.exp(scores), labels == 1), len(labels)))
    assert own == pytest.approx(1 - value(bootstrap.auroc(scores, labels == 0), len(labels)))


def test_no_positive_or_a_constant_is_nan_in_that_draw_only():
    counts = np.array([[1.0, 1, 0], [1, 0, 2]])
    auroc = bootstrap.auroc(np.arange(3.0), np.array([False, False, True]))(counts)
    assert np.isnan(auroc[0]) and auroc[1] == 1
    assert np.isnan(bootstrap.spearman(np.arange(3.0), np.array([4.0, 4, 5]))(counts)).tolist() == [True, False]
    assert np.isnan(bootstrap.correlation(np.full(3, 0.1), np.arange(3.0))(counts)).all()


def test_draws_without_a_value_do_not_ruin_the_interval():
    few = interval(bootstrap.spearman(np.arange(3), np.array([1, 1, 2])), 3, draws=200)
    assert -1 <= few.low <= few.high <= 1


def test_honest_uncertainty_has_falling_recall():
    uncertainty = np.arange(1000)
    hit = RNG.random(1000) * 1000 > uncertainty
    assert value(bootstrap.pearson_by_bin(uncertainty, hit), 1000) < -0.9
    assert value(bootstrap.pearson_by_bin(-uncertainty, hit), 1000) > 0.9
    assert np.isnan(value(bootstrap.pearson_by_bin(uncertainty, np.ones(1000, bool)), 1000))


def test_the_order_of_equally_confident_queries_is_no_merit():
    """Sorting by confidence alone gave 0.21 or 0.79 here, by the order in which the queries came."""
    for correct in ([1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 0, 1]):
        assert value(bootstrap.aurc(np.zeros(4), np.array(correct)), 4) == pytest.approx(0.5)


def test_the_area_is_smaller_where_confidence_is_right():
    correct = RNG.random(500) < 0.5
    good, none, bad = (
        value(bootstrap.aurc(c, correct), 500) for c in (correct.astype(float), RNG.random(500), -correct.astype(float))
    )
    assert good < none < bad


def test_calibration_of_an_honest_and_of_a_boasting_forecast():
    p = RNG.random(20_000)
    y = RNG.random(20_000) < p
    assert value(bootstrap.calibration_error(p, y), 20_000) < 0.02
    boast = bootstrap.calibration_error(np.full(100, 0.9), np.arange(100) < 40)
    assert value(boast, 100) == pytest.approx(0.5)


def test_the_interval_is_the_slow_bootstrap_s():
    fast = interval(bootstrap.auroc(X, HIT), N, draws=2000)
    slow = naive.bootstrap(lambda x, h: naive.auroc(x[h], x[~h]), X, HIT, draws=2000)
    assert fast.value == pytest.approx(slow.value)
    assert (fast.low, fast.high) == pytest.approx((slow.low, slow.high), abs=0.015)


def test_an_interval_holds_the_value_repeats_and_is_the_textbook_s():
    x = RNG.normal(size=400)
    first, again = (interval(bootstrap.mean(x), 400, draws=1000, seed=3) for _ in range(2))
    assert first == again and first.low < first.value < first.high
    assert first.high - first.low == pytest.approx(2 * 1.96 * x.std() / 20, rel=0.1)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    inside = 0
    for seed in range(60):
        sample = np.random.default_rng(seed).normal(1, 1, 60)
        bounds = interval(bootstrap.mean(sample), 60, draws=200, seed=seed)
        inside += bounds.low <= 1 <= bounds.high
    assert 50 <= inside <= 60


def test_groups_are_resampled_whole():
    values, groups = np.repeat(RNG.normal(size=20), 50), np.repeat(np.arange(20), 50)
    wide, narrow = interval(bootstrap.mean(values), 1000, groups), interval(bootstrap.mean(values), 1000)
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)
    slow = naive.bootstrap(lambda x: float(x.mean()), values, groups=groups)
    assert (wide.low, wide.high) == pytest.approx((slow.low, slow.high), abs=0.1)
    assert interval(bootstrap.mean(X), N, np.arange(N)) == interval(bootstrap.mean(X), N)


def test_a_paired_lead_is_tighter_than_its_parts():
    common = RNG.random(800) < 0.5
    better = common | (RNG.random(800) < 0.05)
    lead = interval(bootstrap.lead(bootstrap.mean(better), [bootstrap.mean(common), bootstrap.mean(0 * common)]), 800)
    assert lead.value == pytest.approx(better.mean() - common.mean()) and 0 < lead.low < lead.value < lead.high
    alone = interval(bootstrap.mean(common), 800)
    assert lead.high - lead.low < 0.6 * (alone.high - alone.low)


def test_nothing_to_resample_is_nan_and_what_is_not_aligned_is_refused():
    assert np.isnan(interval(bootstrap.mean(np.array([])), 0).value)
    for call in (
        lambda: bootstrap.auroc(np.arange(3), np.ones(2)),
        lambda: bootstrap.spearman(np.arange(3), np.arange(1)),
        lambda: bootstrap.aurc(np.arange(3), np.arange(1)),
        lambda: interval(bootstrap.mean(np.arange(4)), 4, groups=np.arange(2)),
    ):
        with pytest.raises(ValueError, match="one length|its group"):
            call()


def test_six_thousand_queries_are_resampled_in_little_time():
    values, hit = RNG.random(6000), RNG.random(6000) < 0.6
    start = time.process_time()
    for statistic in (bootstrap.auroc(values, hit), bootstrap.pearson_by_bin(values, hit), bootstrap.aurc(values, hit)):
        interval(statistic, 6000)
    assert time.process_time() - start < 10  # about one second; a loop over draws takes far more


def test_correlation_by_hand_and_without_constant_components():
    level = np.array([0.1, 0.4, 0.2, 0.3])
    levels = np.log(np.stack([level, level**2, 0.05 / level, np.full(4, 0.5)], axis=1))  # (4, 4)
    assert value(bootstrap.mean_correlation(levels), 4) == pytest.approx(1.0)
    assert np.isnan(value(bootstrap.mean_correlation(levels[:, 2:]), 4))
    assert value(bootstrap.mean_correlation(np.random.default_rng(0).random((500, 6))), 500) < 0.1


# ---- many columns ----


def test_the_bootstrap_of_columns_is_scipy_s() -> None:
    values = np.random.default_rng(0).exponential(1, (60, 3))
    mean, low, high = mean_intervals(values, 4000)
    np.testing.assert_allclose(mean, values.mean(0))
    for column in range(3):
        theirs = scipy_bootstrap(
            (values[:, column],), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(1)
        ).confidence_interval
        assert (low[column], high[column]) == pytest.approx((theirs.low, theirs.high), abs=0.03)
        own = interval(bootstrap.mean(values[:, column]), 60, draws=4000)
        assert (low[column], high[column]) == pytest.approx((own.low, own.high))


@pytest.mark.parametrize(("one_sided", "alternative"), [(False, "two-sided"), (True, "greater")])
def test_the_sign_flip_test_is_scipy_s_exact_one(one_sided: bool, alternative: str) -> None:
    values = np.random.default_rng(0).normal(0.4, 1, (9, 4))
    p = sign_flip(values, 20_000, one_sided=one_sided)
    for column in range(4):
        exact = permutation_test(
            (values[:, column],), lambda x, axis: x.mean(axis), permutation_type="samples", alternative=alternative
        )
        assert p[column] == pytest.approx(exact.pvalue, abs=0.012)


def test_a_constant_column_of_zeros_is_not_a_discovery() -> None:
    assert sign_flip(np.zeros((10, 1)), 99)[0] == 1


def test_the_interval_covers_the_truth_and_the_test_keeps_its_level() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(0, 1, (40, 400))  # 400 columns of which every mean is zero
    _, low, high = mean_intervals(values, 400)
    assert 0.90 <= ((low <= 0) & (high >= 0)).mean() <= 0.98
    assert (sign_flip(values, 999) <= 0.05).mean() <= 0.08
    assert (adjusted(sign_flip(values, 9999)) <= 0.05).sum() <= 1


def test_adjusting_goes_over_all_entries() -> None:
    p = np.array([[0.001, 0.04], [0.03, 0.9]])
    np.testing.assert_allclose(adjusted(p).ravel(), false_discovery_control(p.ravel()))
    np.testing.assert_allclose(adjusted(p), [[0.004, 0.04 * 4 / 3], [0.04 * 4 / 3, 0.9]])  # by hand


@pytest.mark.parametrize(("hits", "count"), [(0, 7), (3, 7), (7, 7), (450, 600)])
def test_wilson_s_interval_is_the_textbook_s(hits: int, count: int) -> None:
    low, high = wilson(np.array([hits]), np.array([count]))
    share, z = hits / count, 1.959964
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    assert (low[0], high[0]) == pytest.approx((middle - half, middle + half), abs=1e-6)
    assert (low[0], high[0]) == tuple(binomtest(hits, count).proportion_ci(method="wilson"))


@pytest.mark.parametrize("values", [np.zeros((0, 2)), np.zeros(3), np.array([[1.0], [np.nan]])])
def test_what_has_no_mean_is_refused(values: np.ndarray) -> None:
    for function in (mean_intervals, sign_flip):
        with pytest.raises(ValueError, match="finite"):
            function(values)
