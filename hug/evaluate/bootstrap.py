"""The bootstrap of many resamples at once, so that every metric can afford its interval, and tests of many columns.

A bootstrap sample is how often it holds each row: counts (R, N) of R draws over N rows. Each statistic here takes
the rows once and answers all draws in a few array operations; with every count at 1 it is the plain statistic.
Letters: R draws, N rows, M columns, U distinct values, K components.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest, false_discovery_control

Statistic = Callable[[np.ndarray], np.ndarray]  # counts (R, N) -> values (R,) or (R, M); NaN where a draw has none
CHUNK = 100  # draws at once: 6,000 rows of them are 5 MB
FLIPS = 1000  # sign flips at once
DRAWS = 500


class Interval(NamedTuple):
    """A value with its 95 % percentile interval."""

    value: float
    low: float
    high: float


def interval(
    statistic: Statistic, count: int, groups: np.ndarray | None = None, draws: int = DRAWS, seed: int = 0
) -> Interval:
    """The statistic of all rows with its interval; NaN without rows.

    Whole `groups` (N,) are resampled: all severities of a picture, all queries of a target. Statistics of the same
    rows meet the same draws. Of sums of absolute values (calibration error, correlation) a resample has more than the
    sample, since its noise adds: such an interval lies somewhat high.
    """
    if not count:
        return Interval(np.nan, np.nan, np.nan)
    value, low, high = _bounds(statistic, count, groups, draws, seed)
    return Interval(float(value), float(low), float(high))


def mean_intervals(values: np.ndarray, draws: int = DRAWS, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means (M,) of (N, M) values with the bounds low (M,) and high (M,) of their intervals; rows are resampled whole.

    Raises ValueError for no rows or numbers that aren't finite.
    """
    values = _finite(values)
    return _bounds(lambda counts: counts @ values / len(values), len(values), None, draws, seed)


def _bounds(
    statistic: Statistic, count: int, groups: np.ndarray | None, draws: int, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    value = statistic(np.ones((1, count)))[0]
    resamples = np.concatenate([statistic(counts) for counts in _resamples(count, groups, draws, seed)])
    if np.isnan(resamples).all():
        return value, np.full_like(value, np.nan), np.full_like(value, np.nan)
    low, high = np.nanpercentile(resamples, [2.5, 97.5], axis=0)
    return value, low, high


def _resamples(count: int, groups: np.ndarray | None, draws: int, seed: int) -> list[np.ndarray]:
    """Counts (up to CHUNK, N), chunk by chunk; rows of one group have the same count."""
    codes = np.arange(count) if groups is None else np.unique(groups, return_inverse=True)[1]
    if len(codes) != count:
        raise ValueError(f"{len(codes)} groups for {count} rows; give each row its group")
    size, rng = int(codes.max()) + 1, np.random.default_rng(seed)
    chunks = []
    for start in range(0, draws, CHUNK):
        many = min(CHUNK, draws - start)
        places = rng.integers(0, size, (many, size)) + size * np.arange(many)[:, None]
        chunks.append(np.bincount(places.ravel(), minlength=many * size).reshape(many, size)[:, codes].astype(float))
    return chunks


# ---- means ----


def mean(values: np.ndarray) -> Statistic:
    values = np.asarray(values, float)
    return lambda counts: _ratio(counts @ values, counts.sum(1))


def macro_mean(values: np.ndarray, codes: np.ndarray) -> Statistic:
    """The average over categories (one code a row) of their means."""
    values, codes = np.asarray(values, float), np.asarray(codes)
    parts = [(codes == code, mean(values[codes == code])) for code in np.unique(codes)]
    return lambda counts: _mean_finite(np.stack([of(counts[:, rows]) for rows, of in parts]))


def lead(first: Statistic, rivals: Sequence[Statistic]) -> Statistic:
    """The first above the largest of its rivals, in every draw anew: paired, all see the same rows."""
    return lambda counts: first(counts) - np.max([rival(counts) for rival in rivals], axis=0)


# ---- order and agreement ----


def auroc(scores: np.ndarray, positive: np.ndarray) -> Statistic:
    """Chance that a positive row scores above a negative one, ties half."""
    sums, tied = _distinct(scores)
    truth = np.asarray(positive, bool)
    _aligned(tied, truth)

    def statistic(counts: np.ndarray) -> np.ndarray:
        p, n = sums(counts * truth), sums(counts * ~truth)  # (R, U)
        below = np.cumsum(n, axis=1) - n / 2
        return _ratio((p * below).sum(1), p.sum(1) * n.sum(1))

    return statistic


def spearman(x: np.ndarray, y: np.ndarray) -> Statistic:
    """Rank correlation, ties at their mean rank."""
    parts = [_distinct(x), _distinct(y)]
    _aligned(parts[0][1], parts[1][1])

    def statistic(counts: np.ndarray) -> np.ndarray:
        return _pearson(counts, *(_mid_ranks(sums(counts))[:, tied] for sums, tied in parts))

    return statistic


def correlation(x: np.ndarray, y: np.ndarray) -> Statistic:
    """Pearson's correlation; NaN where one side is constant."""
    both = [np.asarray(v, float) - v[0] for v in (x, y)]  # a constant is zero, and so is its spread
    return lambda counts: _pearson(counts, *both)


def _pearson(counts: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(R,) correlation of x and y, (N,) or (R, N), in each draw."""
    size = counts.sum(1, keepdims=True)
    a, b = (v - (counts * v).sum(1, keepdims=True) / size for v in (x, y))  # (R, N)
    both, own, other = ((counts * u * v).sum(1) for u, v in ((a, b), (a, a), (b, b)))
    return _ratio(both, np.sqrt(own * other))


def pearson_by_bin(uncertainty: np.ndarray, hit: np.ndarray, bins: int = 10) -> Statistic:
    """Pearson(bin, share of hits) over equal-count bins of rising uncertainty, as in `metrics.recall_by_bin`."""
    order = np.argsort(uncertainty, kind="stable")
    hits_in_order = np.asarray(hit, float)[order]
    _aligned(order, hits_in_order)
    place = np.arange(bins) - (bins - 1) / 2

    def statistic(counts: np.ndarray) -> np.ndarray:
        counts = counts[:, order]
        ends, hits = (
            np.pad(np.cumsum(c, axis=1), ((0, 0), (1, 0))) for c in (counts, counts * hits_in_order)
        )  # (R, N + 1)
        rates = np.empty((len(counts), bins))
        for n, (rows, reached) in enumerate(zip(ends, hits, strict=True)):
            size, more = divmod(int(rows[-1]), bins)
            edges = np.arange(bins + 1) * size + np.minimum(np.arange(bins + 1), more)
            rates[n] = np.diff(np.interp(edges, rows, reached)) / np.diff(edges)
        off = rates - rates.mean(1, keepdims=True)
        return _ratio(off @ place, np.sqrt(np.square(off).sum(1) * np.square(place).sum()))

    return statistic


def aurc(confidence: np.ndarray, correct: np.ndarray) -> Statistic:
    """Area under the risk-coverage curve, equal confidences at their mean error; smaller is better."""
    sums, tied = _distinct(-np.asarray(confidence, float))
    wrong = 1 - np.asarray(correct, float)
    _aligned(tied, wrong)

    def statistic(counts: np.ndarray) -> np.ndarray:
        size, errors = sums(counts), sums(counts * wrong)  # (R, U)
        end = np.cumsum(size, axis=1).astype(int)
        before = end - size.astype(int)
        harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, end[:, -1].max() + 1))])
        rate = np.divide(errors, size, out=np.zeros_like(errors), where=size > 0)
        carried = np.cumsum(errors, axis=1) - errors - before * rate  # the risk at place t is rate + carried / t
        return _ratio((carried * (harmonic[end] - harmonic[before]) + errors).sum(1), end[:, -1])

    return statistic


# ---- calibration ----


def calibration_error(p: np.ndarray, y: np.ndarray, bins: int = 15) -> Statistic:
    """ECE over equal-width bins of the predicted probability."""
    p, y = np.asarray(p, float), np.asarray(y, float)
    _aligned(p, y)
    inside = np.clip((p * bins).astype(int), 0, bins - 1)[:, None] == np.arange(bins)  # (N, bins)
    gaps = inside * (p - y)[:, None]
    return lambda counts: _ratio(np.abs(counts @ gaps).sum(1), counts.sum(1))


# ---- components ----


def mean_correlation(levels: np.ndarray) -> Statistic:
    """Mean absolute correlation between the columns of (N, K); columns that never vary are left out."""
    levels = levels[:, np.ptp(levels, axis=0) > 0]
    levels = levels - levels.mean(0) if len(levels) else levels
    pairs = ~np.eye(levels.shape[1], dtype=bool)

    def of(count: np.ndarray) -> float:
        centred = levels - count @ levels / count.sum()
        covariance = (centred * count[:, None]).T @ centred
        spread = np.sqrt(covariance.diagonal())
        with np.errstate(invalid="ignore"):  # a draw in which a component doesn't vary
            return float(np.nanmean(np.abs(covariance / np.outer(spread, spread))[pairs]))

    if len(levels) < 2 or levels.shape[1] < 2:
        return lambda counts: np.full(len(counts), np.nan)
    return lambda counts: np.array([of(count) for count in counts])


def eta_squared(labels: np.ndarray, values: np.ndarray, strata: np.ndarray) -> Statistic:
    """Share of the variance of (N,) values within strata that labels explain."""
    group, stratum = (x == np.unique(x)[:, None] for x in map(np.asarray, (labels, strata)))  # (G, N), (S, N)
    values = np.asarray(values, float) - np.mean(values)
    shared = (group[:, None] & stratum[None]).reshape(-1, len(values))  # (G * S, N)

    def statistic(counts: np.ndarray) -> np.ndarray:
        size = counts @ stratum.T  # (R, S)
        centre = _ratio((counts * values) @ stratum.T, size)
        total = counts @ np.square(values) - np.nansum(size * np.square(centre), axis=1)
        members = (counts @ shared.T).reshape(len(counts), len(group), -1)  # (R, G, S)
        sums = (counts * values) @ group.T - np.nansum(members * centre[:, None], axis=2)  # (R, G)
        return _ratio(np.nansum(_ratio(np.square(sums), members.sum(2)), axis=1), total)

    return statistic


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


def wilson(hits: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % bounds of the share of `hits` among `count` observations (Wilson's score interval)."""
    pairs = zip(np.asarray(hits, int).tolist(), np.asarray(count, int).tolist(), strict=True)
    low, high = zip(*(binomtest(h, n).proportion_ci(method="wilson") for h, n in pairs), strict=True)
    return np.array(low), np.array(high)


# ---- parts ----


def _distinct(values: np.ndarray) -> tuple[Statistic, np.ndarray]:
    """A function that sums counts (R, N) over equal values, smallest value first (R, U); and each row's value (N,)."""
    tied = np.unique(values, return_inverse=True)[1]
    order = np.argsort(tied, kind="stable")
    starts = np.flatnonzero(np.diff(tied[order], prepend=-1))
    return lambda counts: np.add.reduceat(counts[:, order], starts, axis=1), tied


def _mid_ranks(sizes: np.ndarray) -> np.ndarray:
    """(R, U) the mean rank of each distinct value from how often it occurs."""
    return np.cumsum(sizes, axis=1) - (sizes - 1) / 2


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a / b, NaN where b is 0."""
    return np.divide(a, b, out=np.full(np.shape(a), np.nan), where=b > 0)


def _mean_finite(values: np.ndarray) -> np.ndarray:
    """Means over the first axis of what isn't NaN; NaN where nothing is."""
    finite = ~np.isnan(values)
    return _ratio(np.where(finite, values, 0).sum(0), finite.sum(0))


def _aligned(x: np.ndarray, y: np.ndarray) -> None:
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"expected two vectors of one length, got shapes {x.shape} and {y.shape}")


def _finite(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, float)
    if values.ndim != 2 or not len(values) or not np.isfinite(values).all():
        raise ValueError(f"expected finite (N, M) values with at least one row, got shape {values.shape}")
    return values
