"""Is the variance the error of the match? The squared error of a positive's means against the variance of both."""

import numpy as np
import torch
from torch import Tensor

from hug.evaluate import metrics as measure
from hug.evaluate.bootstrap import DRAWS
from hug.evaluate.measurements import Metric
from hug.evaluate.ranking import CategoryRanking, RankedSplit

LEAST = 20  # queries that a figure needs


def error_metrics(ranking: RankedSplit, draws: int = DRAWS) -> list[Metric]:
    """Of all queries, and by kind where known: z² of the positives (1 where the variance is the error's), and the rank
    correlation over queries between the squared error and the variance, both means over components."""
    z2, error, var = (np.concatenate(column) for column in zip(*map(errors, ranking.categories), strict=True))
    metrics = []
    for which, rows in selections(ranking).items():
        if rows.sum() >= LEAST:
            metrics.append(Metric.estimate(f"z2.{which}", np.mean, z2[rows], draws=draws))
            pair = error[rows], var[rows]
            metrics.append(Metric.estimate(f"spearman.error.{which}", measure.spearman, *pair, draws=draws))
    return metrics


def errors(ranking: CategoryRanking) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(Q,) of the positives: z², squared error and variance, each the mean over components and dimensions."""
    targets = ranking.candidates[torch.as_tensor(ranking.targets)]
    error, var = (ranking.query.mu - targets.mu).square(), ranking.query.var + targets.var  # (Q, K, D)
    return (_mean(error / var), _mean(error), _mean(var))


def _mean(values: Tensor) -> np.ndarray:
    return np.asarray(values.mean((1, 2)).double())


def selections(ranking: RankedSplit) -> dict[str, np.ndarray]:
    """all, clean, by kind of wording, and specific words with a degraded picture -> its queries (Q,)."""
    which, truth = {**ranking.selections, **ranking.selections_by_kind}, ranking.collection.truth
    if truth is not None and ranking.kinds is not None:
        which["only_degraded"] = (ranking.kinds == "specific") & ~truth.clean_queries[ranking.rows]
    return which
