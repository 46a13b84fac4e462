"""The plain statistics that the fast ones must agree with, each of the rows as they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.stats import pearsonr, rankdata

from hug.evaluate.bootstrap import Interval
from hug.evaluate.metrics import recall_by_bin, reliability, risk_coverage


def auroc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Chance that a positive scores above a negative, ties half; NaN when one side is empty."""
    p, n = len(positive), len(negative)
    if not p or not n:
        return float("nan")
    ranks = rankdata(np.concatenate([positive, negative]))
    return float((ranks[:p].sum() - p * (p + 1) / 2) / (p * n))


def macro_mean(values: np.ndarray, codes: np.ndarray) -> float:
    return float(np.mean([values[codes == code].mean() for code in np.unique(codes)]))


def pearson_by_bin(uncertainty: np.ndarray, ranks: np.ndarray, k: int = 10, bins: int = 10) -> float:
    recall = recall_by_bin(uncertainty, ranks, k, bins).recall
    return float("nan") if np.ptp(recall) == 0 else float(pearsonr(np.arange(bins), recall).statistic)


def aurc(confidence: np.ndarray, correct: np.ndarray) -> float:
    return float(risk_coverage(confidence, correct)[1].mean()) if len(confidence) else float("nan")


def calibration_error(p: np.ndarray, y: np.ndarray, bins: int = 15) -> float:
    table = reliability(p, y, bins)
    return float(((table.predicted - table.observed).abs() * table["count"]).sum() / table["count"].sum())


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
