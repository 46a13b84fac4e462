"""Every weighted statistic is the plain one of the rows it counts, draw by draw."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pytest
import torch

from hug.evaluate import measures, subfeatures, weighted
from hug.evaluate.weighted import Statistic, interval

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
    "mean": (weighted.mean(X), lambda r: float(X[r].mean())),
    "macro mean": (weighted.macro_mean(X, CODES), lambda r: measures.macro(np.mean)(X[r], CODES[r])),  # type: ignore[arg-type]
    "auroc": (weighted.auroc(X, HIT), lambda r: measures.auroc(X[r][HIT[r]], X[r][~HIT[r]])),
    "spearman": (weighted.spearman(X, Y), lambda r: measures.spearman(X[r], Y[r])),
    "pearson": (
        weighted.pearson_by_bin(X, HIT),
        lambda r: measures.recall_by_bin(X[r], np.where(HIT[r], 1, 99))[1],
    ),
    "aurc": (weighted.aurc(X, HIT), lambda r: measures.aurc(X[r], HIT[r])),
    "ece": (weighted.calibration_error(P, HIT), lambda r: measures.expected_calibration_error(P[r], HIT[r])),
    "brier": (weighted.mean(np.square(P - HIT)), lambda r: measures.brier(P[r], HIT[r])),
    "correlation": (weighted.mean_correlation(LEVELS), correlation),
    "eta squared": (weighted.eta_squared(LABELS, LEVELS[:, 0], STRATA), eta),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_draw_is_the_plain_statistic_of_its_rows(name: str):
    statistic, plain = PAIRS[name]
    counts = np.stack([np.ones(N), *RNG.multinomial(N, np.full(N, 1 / N), 20)]).astype(float)
    expected = [plain(np.repeat(np.arange(N), c.astype(int))) for c in counts]
    np.testing.assert_allclose(statistic(counts), expected, rtol=1e-9, atol=1e-12)


def test_no_positive_or_a_constant_is_nan_in_that_draw_only():
    counts = np.array([[1.0, 1, 0], [1, 0, 2]])
    found = weighted.auroc(np.arange(3.0), np.array([False, False, True]))(counts)
    assert np.isnan(found[0]) and found[1] == 1
    assert np.isnan(weighted.spearman(np.arange(3.0), np.array([4.0, 4, 5]))(counts)).tolist() == [True, False]


def test_the_interval_is_the_slow_bootstrap_s():
    fast = interval(weighted.auroc(X, HIT), N, draws=2000)
    slow = measures.bootstrap(lambda x, h: measures.auroc(x[h], x[~h]), X, HIT, draws=2000)
    assert fast.value == pytest.approx(slow.value)
    assert (fast.low, fast.high) == pytest.approx((slow.low, slow.high), abs=0.015)


def test_groups_are_resampled_whole():
    values, groups = np.repeat(RNG.normal(size=20), 50), np.repeat(np.arange(20), 50)
    wide, narrow = interval(weighted.mean(values), 1000, groups), interval(weighted.mean(values), 1000)
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)
    slow = measures.bootstrap(lambda x: float(x.mean()), values, groups=groups)
    assert (wide.low, wide.high) == pytest.approx((slow.low, slow.high), abs=0.1)


def test_a_paired_lead_is_tighter_than_its_parts():
    common = RNG.random(800) < 0.5
    better = common | (RNG.random(800) < 0.05)
    found = interval(weighted.lead(weighted.mean(better), [weighted.mean(common), weighted.mean(0 * common)]), 800)
    assert found.value == pytest.approx(better.mean() - common.mean()) and 0 < found.low < found.value < found.high
    alone = interval(weighted.mean(common), 800)
    assert found.high - found.low < 0.6 * (alone.high - alone.low)


def test_nothing_to_resample_is_nan_and_what_is_not_aligned_is_refused():
    assert np.isnan(interval(weighted.mean(np.array([])), 0).value)
    for call in (
        lambda: weighted.auroc(np.arange(3), np.ones(2)),
        lambda: weighted.spearman(np.arange(3), np.arange(1)),
        lambda: interval(weighted.mean(np.arange(4)), 4, groups=np.arange(2)),
    ):
        with pytest.raises(ValueError, match="one length|its group"):
            call()


def test_six_thousand_queries_are_resampled_in_little_time():
    doubt, hit = RNG.random(6000), RNG.random(6000) < 0.6
    start = time.process_time()
    for statistic in (weighted.auroc(doubt, hit), weighted.pearson_by_bin(doubt, hit), weighted.aurc(doubt, hit)):
        interval(statistic, 6000)
    assert time.process_time() - start < 10  # about one second; a loop over draws takes far more
