"""Numbers on numbers: recall, rank agreement, detection, calibration. NumPy only; the sign always means something.

Ranks are 1-based. "Doubt" is larger where the model should be less sure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import pearsonr, rankdata, spearmanr


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


# ---- retrieval ----


def recall_at(ranks: np.ndarray, k: int) -> float:
    """Share of queries whose target is among the first k, in [0, 1]; NaN for no queries."""
    return float(np.mean(np.asarray(ranks) <= k)) if len(ranks) else float("nan")


def mean_reciprocal_rank(ranks: np.ndarray) -> float:
    return float(np.mean(1 / np.asarray(ranks, float))) if len(ranks) else float("nan")


# ---- agreement and detection ----


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Rank correlation in [-1, 1]; NaN when one side is constant."""
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(spearmanr(x, y).statistic)


def auroc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Chance that a positive scores above a negative, ties half; NaN when one side is empty."""
    p, n = len(positive), len(negative)
    if not p or not n:
        return float("nan")
    ranks = rankdata(np.concatenate([positive, negative]))
    return float((ranks[:p].sum() - p * (p + 1) / 2) / (p * n))


def paired_accuracy(a: np.ndarray, b: np.ndarray) -> float:
    """Share of pairs with a > b, ties half: the paired coordination test; 0.5 is chance."""
    a, b = np.asarray(a), np.asarray(b)
    return float(np.mean((a > b) + 0.5 * (a == b))) if len(a) else float("nan")


def bootstrap(
    statistic: Callable[..., float],
    *arrays: np.ndarray,
    groups: np.ndarray | None = None,
    draws: int = 500,
    seed: int = 0,
) -> Interval:
    """The statistic of aligned arrays with its percentile interval, resampling rows.

    With `groups` whole groups are resampled (all severities of one picture): their rows are not independent.
    """
    arrays = tuple(np.asarray(a) for a in arrays)
    value = statistic(*arrays)
    rng = np.random.default_rng(seed)
    labels = np.arange(len(arrays[0])) if groups is None else np.asarray(groups)
    _, inverse = np.unique(labels, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(inverse))[:-1])
    drawn = []
    for _ in range(draws):
        picked = rng.integers(0, len(members), len(members))
        rows = np.concatenate([members[n] for n in picked]) if groups is not None else order[picked]
        drawn.append(statistic(*(a[rows] for a in arrays)))
    low, high = np.nanpercentile(drawn, [2.5, 97.5]) if not np.isnan(drawn).all() else (np.nan, np.nan)
    return Interval(float(value), float(low), float(high))


# ---- does the doubt predict the miss ----


def recall_by_bin(doubt: np.ndarray, ranks: np.ndarray, k: int = 10, bins: int = 10) -> tuple[np.ndarray, float]:
    """R@k in equal-count bins of rising doubt, and Pearson(bin, R@k): -1 is what honest doubt gives.

    Equal doubts keep the order of the queries. NaN when recall is the same in all bins.
    """
    order = np.argsort(doubt, kind="stable")
    recalls = np.array([recall_at(np.asarray(ranks)[part], k) for part in np.array_split(order, bins)])
    if np.ptp(recalls) == 0:
        return recalls, float("nan")
    return recalls, float(pearsonr(np.arange(bins), recalls).statistic)


def risk_coverage(confidence: np.ndarray, correct: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coverage (1/n … 1) and the share of errors among the queries answered, the most confident first."""
    order = np.argsort(-np.asarray(confidence), kind="stable")
    wrong = 1 - np.asarray(correct, float)[order]
    answered = np.arange(1, len(wrong) + 1)
    return answered / len(wrong), np.cumsum(wrong) / answered


def aurc(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Area under the risk-coverage curve: mean risk over all coverages; smaller is better."""
    return float(risk_coverage(confidence, correct)[1].mean())


def miss_auroc(doubt: np.ndarray, ranks: np.ndarray, k: int = 10) -> float:
    """Chance that a query that missed (rank above k) is more doubtful than one that hit."""
    missed = np.asarray(ranks) > k
    return auroc(np.asarray(doubt)[missed], np.asarray(doubt)[~missed])


def top1_score(distances: np.ndarray) -> np.ndarray:
    """(Q,) baseline doubt: the distance of the first result."""
    return distances.min(1)


def top_margin(distances: np.ndarray) -> np.ndarray:
    """(Q,) baseline doubt: minus the gap between the first and the second result."""
    first = np.partition(distances, 1, axis=1)
    return first[:, 0] - first[:, 1]


def entropy(distances: np.ndarray, scale: float) -> np.ndarray:
    """(Q,) baseline doubt: entropy of softmax(-scale * d) over the candidates, in nats."""
    logits = -scale * distances
    logits = logits - logits.max(1, keepdims=True)
    p = np.exp(logits)
    p = p / p.sum(1, keepdims=True)
    return -np.sum(p * np.log(np.where(p > 0, p, 1)), axis=1)


# ---- calibration ----


def reliability(p: np.ndarray, y: np.ndarray, bins: int = 15) -> pd.DataFrame:
    """Equal-width bins of predicted probability, empty ones left out: low, high, count, predicted, observed."""
    p, y = np.asarray(p, float), np.asarray(y, float)
    place = np.clip((p * bins).astype(int), 0, bins - 1)
    rows = []
    for n in np.unique(place):
        inside = place == n
        rows.append((n / bins, (n + 1) / bins, int(inside.sum()), p[inside].mean(), y[inside].mean()))
    return pd.DataFrame(rows, columns=["low", "high", "count", "predicted", "observed"])


def expected_calibration_error(p: np.ndarray, y: np.ndarray, bins: int = 15) -> float:
    """ECE over equal-width bins: mean |predicted - observed|, weighted by count."""
    table = reliability(p, y, bins)
    return float(((table.predicted - table.observed).abs() * table["count"]).sum() / table["count"].sum())


def brier(p: np.ndarray, y: np.ndarray) -> float:
    """Mean squared error of a predicted probability."""
    return float(np.mean((np.asarray(p, float) - np.asarray(y, float)) ** 2))
