"""Intervals and tests of many columns agree with SciPy's of one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap, false_discovery_control, permutation_test

from analysis.intervals import adjusted, mean_intervals, sign_flip, wilson


def test_the_bootstrap_is_scipy_s() -> None:
    values = np.random.default_rng(0).exponential(1, (60, 3))
    mean, low, high = mean_intervals(values, 4000)
    np.testing.assert_allclose(mean, values.mean(0))
    for column in range(3):
        theirs = bootstrap(
            (values[:, column],), np.mean, n_resamples=4000, method="percentile", rng=np.random.default_rng(1)
        ).confidence_interval
        assert (low[column], high[column]) == pytest.approx((theirs.low, theirs.high), abs=0.03)


def test_the_sign_flip_test_is_scipy_s_exact_one() -> None:
    values = np.random.default_rng(0).normal(0.4, 1, (9, 4))
    p = sign_flip(values, 20_000)
    for column in range(4):
        exact = permutation_test((values[:, column],), lambda x, axis: x.mean(axis), permutation_type="samples")
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
def test_wilson_s_interval_is_scipy_s(hits: int, count: int) -> None:
    low, high = wilson(np.array([hits / count]), np.array([count]))
    theirs = binomtest(hits, count).proportion_ci(method="wilson")
    assert (low[0], high[0]) == pytest.approx((theirs.low, theirs.high), abs=1e-6)


@pytest.mark.parametrize("values", [np.zeros((0, 2)), np.zeros(3), np.array([[1.0], [np.nan]])])
def test_what_has_no_mean_is_refused(values: np.ndarray) -> None:
    for function in (mean_intervals, sign_flip):
        with pytest.raises(ValueError, match="finite"):
            function(values)
