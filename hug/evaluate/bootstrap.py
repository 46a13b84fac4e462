"""Percentile intervals from resampled rows, and tests of many columns. Letters: N rows, M columns."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import binomtest, false_discovery_control

Statistic = Callable[..., Any]  # of aligned columns -> a number, NaN where it has none, or values (M,)
FLIPS = 1000  # sign flips at once, to bound memory
DRAWS = 500


class Interval(NamedTuple):
    """A value with its 95 % percentile interval."""

    value: float
    low: float
    high: float


def interval(
    statistic: Statistic, *columns: np.ndarray, groups: np.ndarray | None = None, draws: int = DRAWS, seed: int = 0
) -> Interval:
    """The statistic of aligned columns, (N,) or (N, M) each, with its interval; NaN without rows.

    Whole `groups` (N,) are resampled: all severities of a picture, all queries of a target. Statistics of the same
    rows meet the same draws. Of sums of absolute values (calibration error, correlation) a resample has more than the
    sample, since its noise adds: such an interval lies somewhat high.
    """
    if not len(columns[0]):
        return Interval(np.nan, np.nan, np.nan)
    return Interval(*(float(np.squeeze(v)) for v in _bounds(statistic, columns, groups, draws, seed)))


def mean_intervals(values: np.ndarray, draws: int = DRAWS, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means (M,) of (N, M) values with the bounds low (M,) and high (M,) of their intervals; rows are resampled whole.

    Raises ValueError for no rows or numbers that aren't finite.
    """
    return _bounds(lambda rows: rows.mean(0), (_finite(values),), None, draws, seed)


def _bounds(
    statistic: Statistic, columns: tuple[np.ndarray, ...], groups: np.ndarray | None, draws: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    columns, count = tuple(map(np.asarray, columns)), len(columns[0])
    codes = np.arange(count) if groups is None else np.unique(groups, return_inverse=True)[1]
    if len(codes) != count:
        raise ValueError(f"{len(codes)} groups for {count} rows; give each row its group")
    members = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    rng, values = np.random.default_rng(seed), []
    for _ in range(draws):
        picks = rng.integers(0, len(members), len(members))
        rows = picks if groups is None else np.concatenate([members[n] for n in picks])
        values.append(statistic(*(column[rows] for column in columns)))
    if np.isnan(values).all():
        return statistic(*columns), *np.full((2, *np.shape(values[0])), np.nan)
    return statistic(*columns), *np.nanpercentile(values, [2.5, 97.5], axis=0)


# ---- tests ----


def sign_flip(values: np.ndarray, permutations: int = 9999, seed: int = 0, one_sided: bool = False) -> np.ndarray:
    """p (M,) that the mean of each column of (N, M) is zero (one-sided: not above), from flipped signs of whole rows.

    Raises ValueError as `mean_intervals` does.
    """
    values = _finite(values)
    size = (lambda sums: sums) if one_sided else np.abs
    observed = size(values.sum(0)) - 1e-9 * np.abs(values).sum(0)  # sums in another order are still ties
    rng, reached = np.random.default_rng(seed), np.zeros(values.shape[1])
    for start in range(0, permutations, FLIPS):
        signs = rng.choice([-1.0, 1.0], (min(FLIPS, permutations - start), len(values)))
        reached += (size(signs @ values) >= observed).sum(0)
    return (1 + reached) / (1 + permutations)


def adjusted(p: np.ndarray) -> np.ndarray:
    """Benjamini-Hochberg over all entries, in their shape."""
    return false_discovery_control(np.ravel(p)).reshape(np.shape(p))


def wilson(share: np.ndarray, count: np.ndarray) -> np.ndarray:
    """(2, M) 95 % bounds of M shares of `count` observations each (Wilson's score interval)."""
    pairs = zip(np.round(share * count).astype(int).tolist(), count.tolist(), strict=True)
    return np.array([binomtest(hits, n).proportion_ci(method="wilson") for hits, n in pairs]).T


def _finite(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, float)
    if values.ndim != 2 or not len(values) or not np.isfinite(values).all():
        raise ValueError(f"expected finite (N, M) values with at least one row, got shape {values.shape}")
    return values
