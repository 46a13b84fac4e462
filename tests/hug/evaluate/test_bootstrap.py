"""Statistics are those of SciPy and scikit-learn, intervals those of a plain bootstrap; tests are SciPy's."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, false_discovery_control, pearsonr, permutation_test, spearmanr
from scipy.stats import bootstrap as scipy_bootstrap
from sklearn.metrics import roc_auc_score

from hug.evaluate import metrics
from hug.evaluate.bootstrap import Statistic, adjusted, interval, mean_intervals, sign_flip, wilson
from tests.hug.evaluate import naive

RNG = np.random.default_rng(0)
N = 60
X, Y = RNG.integers(0, 12, N).astype(float), RNG.integers(0, 9, N).astype(float)  # with ties
HIT, CODES = RNG.random(N) < 0.4, RNG.integers(0, 3, N)
LEVELS = RNG.normal(size=(N, 5)) @ RNG.normal(size=(5, 5))


PAIRS: dict[str, tuple[Statistic, tuple[np.ndarray, ...], Callable[..., float]]] = {
    "macro mean": (metrics.macro_mean, (X, CODES), naive.macro_mean),
    "auroc": (metrics.auroc, (X, HIT), lambda x, hit: roc_auc_score(hit, x)),
    "spearman": (metrics.spearman, (X, Y), lambda x, y: float(spearmanr(x, y).statistic)),
    "correlation": (metrics.correlation, (X, Y), lambda x, y: float(pearsonr(x, y).statistic)),
    "mean correlation": (metrics.mean_correlation, (LEVELS,), naive.mean_correlation),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_statistic_is_the_libraries_in_every_draw(name: str):
    statistic, columns, plain = PAIRS[name]
    for seed in range(20):
        rows = np.random.default_rng(seed).integers(0, N, N)
        draw = [column[rows] for column in columns]
        assert statistic(*draw) == pytest.approx(plain(*draw), rel=1e-9, abs=1e-12)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_auroc_is_scikit_learn_s_with_ties_and_has_a_sign(positive: list[int], negative: list[int]):
    labels, scores = np.array([1] * len(positive) + [0] * len(negative)), np.array(positive + negative)
    own = metrics.auroc(scores, labels == 1)
    assert own == pytest.approx(roc_auc_score(labels, scores))
    assert own == pytest.approx(metrics.auroc(np.exp(scores), labels == 1))
    assert own == pytest.approx(1 - metrics.auroc(scores, labels == 0))


def test_no_positive_or_a_constant_is_nan():
    assert np.isnan(metrics.auroc(np.arange(2.0), np.array([False, False])))
    assert metrics.auroc(np.array([0.0, 2, 2]), np.array([False, True, True])) == 1
    assert np.isnan(metrics.spearman(np.arange(2.0), np.array([4.0, 4])))
    assert np.isnan(metrics.correlation(np.full(3, 0.1), np.arange(3.0)))


def test_draws_without_a_value_do_not_ruin_the_interval():
    few = interval(metrics.spearman, np.arange(3), np.array([1, 1, 2]), draws=200)
    assert -1 <= few.low <= few.high <= 1
    assert np.isnan(interval(metrics.spearman, np.arange(3), np.ones(3), draws=20)).all()


def test_honest_uncertainty_has_falling_recall():
    uncertainty = np.arange(1000)
    ranks = np.where(RNG.random(1000) * 1000 > uncertainty, 1, 99)
    assert metrics.pearson_by_bin(uncertainty, ranks) < -0.9
    assert metrics.pearson_by_bin(-uncertainty, ranks) > 0.9
    assert np.isnan(metrics.pearson_by_bin(uncertainty, np.ones(1000)))


def test_the_order_of_equally_confident_queries_is_no_merit():
    """Sorting by confidence alone gave 0.21 or 0.79 here, by the order in which the queries came."""
    for correct in ([1, 1, 0, 0], [0, 0, 1, 1], [0, 1, 0, 1]):
        assert metrics.aurc(np.zeros(4), np.array(correct)) == pytest.approx(0.5)


def test_the_area_is_smaller_where_confidence_is_right():
    correct = RNG.random(500) < 0.5
    good, none, bad = (metrics.aurc(c, correct) for c in (1.0 * correct, RNG.random(500), -1.0 * correct))
    assert good < none < bad


def test_calibration_of_an_honest_and_of_a_boasting_forecast():
    p = RNG.random(20_000)
    y = RNG.random(20_000) < p
    assert metrics.calibration_error(p, y) < 0.02
    assert metrics.calibration_error(np.full(100, 0.9), np.arange(100) < 40) == pytest.approx(0.5)


def test_the_interval_is_the_slow_bootstrap_s():
    fast = interval(metrics.auroc, X, HIT, draws=1000)
    slow = naive.bootstrap(metrics.auroc, X, HIT)
    assert fast.value == pytest.approx(slow.value)
    assert (fast.low, fast.high) == pytest.approx((slow.low, slow.high), abs=0.02)


def test_an_interval_holds_the_value_repeats_and_is_the_textbook_s():
    x = RNG.normal(size=400)
    first, again = (interval(np.mean, x, draws=1000, seed=3) for _ in range(2))
    assert first == again and first.low < first.value < first.high
    assert first.high - first.low == pytest.approx(2 * 1.96 * x.std() / 20, rel=0.1)


def test_the_interval_covers_the_truth_as_often_as_it_says():
    inside = 0
    for seed in range(60):
        sample = np.random.default_rng(seed).normal(1, 1, 60)
        bounds = interval(np.mean, sample, draws=200, seed=seed)
        inside += bounds.low <= 1 <= bounds.high
    assert 50 <= inside <= 60


def test_groups_are_resampled_whole():
    values, groups = np.repeat(RNG.normal(size=20), 50), np.repeat(np.arange(20), 50)
    wide, narrow = interval(np.mean, values, groups=groups), interval(np.mean, values)
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)
    slow = naive.bootstrap(np.mean, values, groups=groups)
    assert (wide.low, wide.high) == pytest.approx((slow.low, slow.high), abs=0.1)
    assert interval(np.mean, X, groups=np.arange(N)) == interval(np.mean, X)


def test_a_paired_lead_is_tighter_than_its_parts():
    common = RNG.random(800) < 0.5
    better = common | (RNG.random(800) < 0.05)
    lead = interval(metrics.lead(metrics.macro_mean), np.zeros(800), better, common, 0 * common)
    assert lead.value == pytest.approx(better.mean() - common.mean()) and 0 < lead.low < lead.value < lead.high
    alone = interval(np.mean, common)
    assert lead.high - lead.low < 0.6 * (alone.high - alone.low)


def test_nothing_to_resample_is_nan_and_what_is_not_aligned_is_refused():
    assert np.isnan(interval(np.mean, np.array([])).value)
    for call in (
        lambda: metrics.auroc(np.arange(3), np.ones(2)),
        lambda: metrics.spearman(np.arange(3), np.arange(1)),
        lambda: metrics.aurc(np.arange(3), np.arange(1)),
        lambda: interval(np.mean, np.arange(4), groups=np.arange(2)),
    ):
        with pytest.raises(ValueError, match="one length|its group"):
            call()


def test_correlation_by_hand_and_without_constant_components():
    level = np.array([0.1, 0.4, 0.2, 0.3])
    levels = np.log(np.stack([level, level**2, 0.05 / level, np.full(4, 0.5)], axis=1))  # (4, 4)
    assert metrics.mean_correlation(levels) == pytest.approx(1.0)
    assert np.isnan(metrics.mean_correlation(levels[:, 2:]))
    assert metrics.mean_correlation(np.random.default_rng(0).random((500, 6))) < 0.1


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
        own = interval(np.mean, values[:, column], draws=4000)
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
    low, high = wilson(np.array([hits / count]), np.array([count]))
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
