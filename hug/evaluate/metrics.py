"""Numbers on numbers: recall, agreement, risk and calibration; the sign always means something.

Ranks are 1-based. An uncertainty is larger where the model should be less sure. Letters: Q queries, N candidates.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import softmax


def macro_mean(values: np.ndarray, codes: np.ndarray) -> float:
    """The average over categories (one code a row) of their means."""
    category = np.unique(codes, return_inverse=True)[1]
    return float(np.mean(np.bincount(category, values) / np.bincount(category)))


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's correlation; NaN for no pairs and when one side is constant."""
    x, y = _aligned(x, y)
    if not len(x) or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Rank correlation in [-1, 1], ties at their mean rank; NaN as `correlation` is."""
    return correlation(stats.rankdata(x), stats.rankdata(y))


def mean_correlation(levels: np.ndarray) -> float:
    """Mean absolute correlation between the columns of (N, K); columns that never vary are left out.

    NaN for fewer than two columns that vary.
    """
    levels = levels[:, np.ptp(levels, axis=0) > 0]
    pairs = np.triu_indices(levels.shape[1], 1)
    return float(np.abs(np.corrcoef(levels, rowvar=False)[pairs]).mean()) if len(pairs[0]) else float("nan")


def auroc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Chance that a positive row scores above a negative one, ties half; NaN when one side is empty."""
    scores, truth = _aligned(scores, positive)
    p, n = truth.sum(), (1 - truth).sum()
    return float((stats.rankdata(scores) @ truth / p - (p + 1) / 2) / n) if p and n else float("nan")


def lead(statistic: Callable[[np.ndarray, np.ndarray], float]) -> Callable[..., float]:
    """The statistic of (own, shared) above the largest of its rivals': paired, all see the same rows."""
    return lambda shared, own, *rivals: statistic(own, shared) - max(statistic(rival, shared) for rival in rivals)


def recall_by_bin(uncertainty: np.ndarray, ranks: np.ndarray, k: int = 10, bins: int = 10) -> pd.DataFrame:
    """R@k in equal-count bins of rising uncertainty: columns recall, uncertainty (mean), count.

    Equal uncertainties keep the order of the queries. Raises ValueError for fewer queries than bins.
    """
    uncertainty, ranks = _aligned(uncertainty, ranks)
    if not 2 <= bins <= len(ranks):
        raise ValueError(f"{bins} bins of {len(ranks)} queries; give at least 2 bins and a query for each")
    parts = np.array_split(np.argsort(uncertainty, kind="stable"), bins)
    rows = [(np.mean(ranks[part] <= k), uncertainty[part].mean(), len(part)) for part in parts]
    return pd.DataFrame(rows, columns=["recall", "uncertainty", "count"])


def pearson_by_bin(uncertainty: np.ndarray, ranks: np.ndarray) -> float:
    """Correlation of the bin with its R@10, over ten bins of `recall_by_bin`; honest uncertainty gives -1."""
    recall = recall_by_bin(uncertainty, ranks).recall.to_numpy()
    return correlation(np.arange(len(recall)), recall)


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
    """Area under the curve of `risk_coverage`; smaller is better."""
    return float(risk_coverage(confidence, correct)[1].mean())


def reliability(p: np.ndarray, y: np.ndarray, bins: int = 15) -> pd.DataFrame:
    """Equal-width bins of predicted probability, empty ones left out: bin (from 1), count, predicted, observed."""
    p, y = _aligned(p, y)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError("a predicted probability lies outside 0-1; give probabilities, not scores")
    table = pd.DataFrame({"bin": np.clip((p * bins).astype(int), 0, bins - 1) + 1, "predicted": p, "observed": y})
    means = table.groupby("bin").agg(count=("observed", "size"), predicted=("predicted", "mean"),
                                     observed=("observed", "mean"))  # fmt: skip
    return means.reset_index()


def calibration_error(p: np.ndarray, y: np.ndarray) -> float:
    """ECE: mean gap of predicted and observed over the bins of `reliability`, weighted by their sizes."""
    table = reliability(p, y)
    return float(np.average((table.predicted - table.observed).abs(), weights=table["count"]))


# ---- uncertainties that anybody has without a variance, from distances (Q, N) ----


def top1_score(distances: np.ndarray) -> np.ndarray:
    """(Q,) the distance of the first result."""
    return distances.min(1)


def top_margin(distances: np.ndarray) -> np.ndarray:
    """(Q,) minus the gap between the first and the second result; -inf where there is no second."""
    if distances.shape[1] < 2:
        return np.full(len(distances), -np.inf)
    first = np.partition(distances, 1, axis=1)
    return first[:, 0] - first[:, 1]


def entropy(distances: np.ndarray, scale: float) -> np.ndarray:
    """(Q,) entropy of softmax(-scale * d) over the candidates, in nats.

    Infinite distances (removed references) have no share. Raises ValueError for a scale that isn't positive.
    """
    if not scale > 0:
        raise ValueError(f"the scale must be positive, got {scale}")
    return stats.entropy(softmax(-scale * distances, axis=1), axis=1)


def _aligned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two vectors of numbers, row by row the same query or picture; NumPy would stretch one of length 1."""
    x, y = np.asarray(x, float), np.asarray(y, float)
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(f"expected two vectors of one length, got shapes {x.shape} and {y.shape}")
    return x, y
