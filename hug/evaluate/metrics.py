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


def macro(statistic: Callable[[np.ndarray], float]) -> Callable[[np.ndarray, np.ndarray], float]:
    """The statistic of ranks as its average over categories, given as one code a rank: for `bootstrap_rows`."""

    def average(ranks: np.ndarray, codes: np.ndarray) -> float:
        return float(np.mean([statistic(ranks[codes == code]) for code in np.unique(codes)]))

    return average


# ---- agreement and detection ----


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Rank correlation in [-1, 1]; NaN for no pairs and when one side is constant."""
    x, y = _aligned(x, y)
    if not len(x) or np.ptp(x) == 0 or np.ptp(y) == 0:
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
    """Share of pairs with a > b, ties half: the paired coordination test; 0.5 is chance.

    This is the paired AUROC: `auroc` compares every positive with every negative, this one only with its own.
    """
    a, b = _aligned(a, b)
    return float(np.mean((a > b) + 0.5 * (a == b))) if len(a) else float("nan")


def bootstrap_rows(
    statistic: Callable[..., float],
    *arrays: np.ndarray,
    groups: np.ndarray | None = None,
    draws: int = 1000,
    seed: int = 0,
) -> Interval:
    """The statistic of aligned arrays with its percentile interval, resampling rows; NaN for no rows.

    With `groups` whole groups are resampled (all severities of one picture): their rows are not independent.
    Draws in which the statistic is NaN don't count. Raises ValueError when the lengths differ.
    """
    arrays = tuple(np.asarray(a) for a in arrays)
    labels = np.arange(len(arrays[0])) if groups is None else np.asarray(groups)
    if {len(a) for a in arrays} != {len(labels)}:
        raise ValueError(f"the arrays have {[len(a) for a in arrays]} rows, their groups {len(labels)}; align them")
    if not len(labels):
        return Interval(np.nan, np.nan, np.nan)
    value = statistic(*arrays)
    rng = np.random.default_rng(seed)
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
    Raises ValueError for fewer queries than bins.
    """
    doubt, ranks = _aligned(doubt, ranks)
    if not 2 <= bins <= len(ranks):
        raise ValueError(f"{bins} bins of {len(ranks)} queries; give at least 2 bins and a query for each")
    order = np.argsort(doubt, kind="stable")
    recalls = np.array([recall_at(ranks[part], k) for part in np.array_split(order, bins)])
    if np.ptp(recalls) == 0:
        return recalls, float("nan")
    return recalls, float(pearsonr(np.arange(bins), recalls).statistic)


def risk_coverage(confidence: np.ndarray, correct: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coverage (1/n … 1) and the share of errors among the queries answered, the most confident first.

    Equal confidences count as their mean error, the expectation over all their orders: a constant confidence
    has the overall risk everywhere, whatever the order of the queries.
    """
    confidence, correct = _aligned(confidence, correct)
    _, tied, count = np.unique(-confidence, return_inverse=True, return_counts=True)
    mean_error = np.bincount(tied, 1 - correct) / count  # of each distinct confidence, the largest first
    wrong = np.repeat(mean_error, count)
    answered = np.arange(1, len(wrong) + 1)
    return answered / len(wrong), np.cumsum(wrong) / answered


def aurc(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Area under the risk-coverage curve: mean risk over all coverages; smaller is better."""
    return float(risk_coverage(confidence, correct)[1].mean()) if len(confidence) else float("nan")


def miss_auroc(doubt: np.ndarray, ranks: np.ndarray, k: int = 10) -> float:
    """Chance that a query that missed (rank above k) is more doubtful than one that hit."""
    doubt, ranks = _aligned(doubt, ranks)
    return auroc(doubt[ranks > k], doubt[ranks <= k])


def top1_score(distances: np.ndarray) -> np.ndarray:
    """(Q,) baseline doubt: the distance of the first result."""
    return distances.min(1)


def top_margin(distances: np.ndarray) -> np.ndarray:
    """(Q,) baseline doubt: minus the gap between the first and the second result; -inf where there is no second."""
    if distances.shape[1] < 2:
        return np.full(len(distances), -np.inf)
    first = np.partition(distances, 1, axis=1)
    return first[:, 0] - first[:, 1]


def entropy(distances: np.ndarray, scale: float) -> np.ndarray:
    """(Q,) baseline doubt: entropy of softmax(-scale * d) over the candidates, in nats.

    Infinite distances (removed references) have no share. Raises ValueError for a scale that isn't positive.
    """
    if not scale > 0:
        raise ValueError(f"the scale must be positive, got {scale}")
    logits = -scale * distances
    logits = logits - logits.max(1, keepdims=True)
    p = np.exp(logits)
    p = p / p.sum(1, keepdims=True)
    return -np.sum(p * np.log(np.where(p > 0, p, 1)), axis=1)


# ---- calibration ----


def reliability(p: np.ndarray, y: np.ndarray, bins: int = 15) -> pd.DataFrame:
    """Equal-width bins of predicted probability, empty ones left out: low, high, count, predicted, observed."""
    p, y = _aligned(p, y)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("a predicted probability lies outside 0-1; give probabilities, not scores")
    place = np.clip((p * bins).astype(int), 0, bins - 1)
    rows = []
    for n in np.unique(place):
        inside = place == n
        rows.append((n / bins, (n + 1) / bins, int(inside.sum()), p[inside].mean(), y[inside].mean()))
    return pd.DataFrame(rows, columns=["low", "high", "count", "predicted", "observed"])


def expected_calibration_error(p: np.ndarray, y: np.ndarray, bins: int = 15) -> float:
    """ECE over equal-width bins: mean |predicted - observed|, weighted by count; NaN for no queries."""
    table = reliability(p, y, bins)
    if table.empty:
        return float("nan")
    return float(((table.predicted - table.observed).abs() * table["count"]).sum() / table["count"].sum())


def brier(p: np.ndarray, y: np.ndarray) -> float:
    """Mean squared error of a predicted probability."""
    p, y = _aligned(p, y)
    return float(np.mean((p - y) ** 2)) if len(p) else float("nan")


def _aligned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two vectors of numbers, row by row the same query or picture; NumPy would stretch one of length 1."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"expected two vectors of one length, got shapes {x.shape} and {y.shape}")
    return x, y
