"""Every weighted statistic is the plain one of the rows it counts, draw by draw."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
import torch

from hug.evaluate import bootstrap, metrics, subfeatures
from hug.evaluate.bootstrap import Statistic, interval

RNG = np.random.default_rng(0)
N = 60
X, Y = RNG.integers(0, 12, N).astype(float), RNG.integers(0, 9, N).astype(float)  # with ties
HIT, CODES = RNG.random(N) < 0.4, RNG.integers(0, 3, N)
P = RNG.random(N)
LEVELS = RNG.normal(size=(N, 5)) @ RNG.normal(size=(5, 5))
LABELS, STRATA = RNG.choice(["mini", "midi", "maxi"], N), RNG.choice(["dress", "shirt"], N)


def eta(rows: np.ndarray) -> float:
    found = subfeatures.eta_squared(LABELS[rows], LEVELS[rows][:, :1], 1, strata=STRATA[rows])
    return float(found.eta2[0])


def correlation(rows: np.ndarray) -> float:
    return subfeatures.component_correlation(torch.from_numpy(np.exp(LEVELS[rows]))[..., None])


PAIRS: dict[str, tuple[Statistic, Callable[[np.ndarray], float]]] = {
    "mean": (bootstrap.mean(X), lambda r: float(X[r].mean())),
    "macro mean": (bootstrap.macro_mean(X, CODES), lambda r: metrics.macro(np.mean)(X[r], CODES[r])),  # type: ignore[arg-type]
    "auroc": (bootstrap.auroc(X, HIT), lambda r: metrics.auroc(X[r][HIT[r]], X[r][~HIT[r]])),
    "spearman": (bootstrap.spearman(X, Y), lambda r: metrics.spearman(X[r], Y[r])),
    "pearson": (
        bootstrap.pearson_by_bin(X, HIT),
        lambda r: metrics.recall_by_bin(X[r], np.where(HIT[r], 1, 99))[1],
    ),
    "aurc": (bootstrap.aurc(X, HIT), lambda r: metrics.aurc(X[r], HIT[r])),
    "ece": (bootstrap.calibration_error(P, HIT), lambda r: metrics.expected_calibration_error(P[r], HIT[r])),
    "brier": (bootstrap.mean(np.square(P - HIT)), lambda r: metrics.brier(P[r], HIT[r])),
    "correlation": (bootstrap.mean_correlation(LEVELS), correlation),
    "eta squared": (bootstrap.eta_squared(LABELS, LEVELS[:, 0], STRATA), eta),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_draw_is_the_plain_statistic_of_its_rows(name: str):
    statistic, plain = PAIRS[name]
    counts = np.stack([np.ones(N), *RNG.multinomial(N, np.full(N, 1 / N), 20)]).astype(float)
    expected = [plain(np.repeat(np.arange(N), c.astype(int))) for c in counts]
    np.testing.assert_allclose(statistic(counts), expected, rtol=1e-9, atol=1e-12)


def test_no_positive_or_a_constant_is_nan_in_that_draw_only():
    counts = np.array([[1.0, 1, 0], [1, 0, 2]])
    found = bootstrap.auroc(np.arange(3.0), np.array([False, False, True]))(counts)
    assert np.isnan(found[0]) and found[1] == 1
    assert np.isnan(bootstrap.spearman(np.arange(3.0), np.array([4.0, 4, 5]))(counts)).tolist() == [True, False]


def test_the_interval_is_the_slow_bootstrap_s():
    fast = interval(bootstrap.auroc(X, HIT), N, draws=2000)
    slow = metrics.bootstrap(lambda x, h: metrics.auroc(x[h], x[~h]), X, HIT, draws=2000)
    assert fast.value == pytest.approx(slow.value)
    assert (fast.low, fast.high) == pytest.approx((slow.low, slow.high), abs=0.015)


def test_groups_are_resampled_whole():
    values, groups = np.repeat(RNG.normal(size=20), 50), np.repeat(np.arange(20), 50)
    wide, narrow = interval(bootstrap.mean(values), 1000, groups), interval(bootstrap.mean(values), 1000)
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)
    slow = metrics.bootstrap(lambda x: float(x.mean()), values, groups=groups)
    assert (wide.low, wide.high) == pytest.approx((slow.low, slow.high), abs=0.1)


def test_a_paired_lead_is_tighter_than_its_parts():
    common = RNG.random(800) < 0.5
    better = common | (RNG.random(800) < 0.05)
    found = interval(bootstrap.lead(bootstrap.mean(better), [bootstrap.mean(common), bootstrap.mean(0 * common)]), 800)
    assert found.value == pytest.approx(better.mean() - common.mean()) and 0 < found.low < found.value < found.high
    alone = interval(bootstrap.mean(common), 800)
    assert found.high - found.low < 0.6 * (alone.high - alone.low)


def test_nothing_to_resample_is_nan_and_what_is_not_aligned_is_refused():
    assert np.isnan(interval(bootstrap.mean(np.array([])), 0).value)
    for call in (
        lambda: bootstrap.auroc(np.arange(3), np.ones(2)),
        lambda: bootstrap.spearman(np.arange(3), np.arange(1)),
        lambda: interval(bootstrap.mean(np.arange(4)), 4, groups=np.arange(2)),
    ):
        with pytest.raises(ValueError, match="one length|its group"):
            call()


def test_six_thousand_queries_are_resampled_in_little_time():
    doubt, hit = RNG.random(6000), RNG.random(6000) < 0.6
    start = time.process_time()
    for statistic in (bootstrap.auroc(doubt, hit), bootstrap.pearson_by_bin(doubt, hit), bootstrap.aurc(doubt, hit)):
        interval(statistic, 6000)
    assert time.process_time() - start < 10  # about one second; a loop over draws takes far more
