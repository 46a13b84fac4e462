"""Readable loops that statistics and intervals must agree with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import pearsonr

from hug.evaluate.bootstrap import Interval


def macro_mean(values: np.ndarray, codes: np.ndarray) -> float:
    return float(np.mean([values[codes == code].mean() for code in np.unique(codes)]))


def mean_correlation(levels: np.ndarray) -> float:
    """Mean absolute correlation of the columns that vary, pair by pair; NaN for fewer than two."""
    columns = [column for column in levels.T if np.ptp(column) > 0]
    pairs = [(a, b) for n, a in enumerate(columns) for b in columns[n + 1 :]]
    return float(np.mean([abs(pearsonr(a, b).statistic) for a, b in pairs])) if pairs else float("nan")


def bootstrap(
    statistic: Callable[..., float],
    *arrays: np.ndarray,
    groups: np.ndarray | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> Interval:
    """Percentile interval of a statistic of aligned arrays, draw by draw; with `groups` whole groups are resampled."""
    labels = np.arange(len(arrays[0])) if groups is None else groups
    rng, names, values = np.random.default_rng(seed), np.unique(labels), []
    for _ in range(draws):
        rows = np.concatenate([np.flatnonzero(labels == name) for name in rng.choice(names, len(names))])
        values.append(statistic(*(a[rows] for a in arrays)))
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return Interval(statistic(*arrays), float(low), float(high))
