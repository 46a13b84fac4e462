"""The hard gallery: the target among the pictures that differ from it in one aspect only."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd

from hug.data.features import Features
from hug.data.truth import Truth
from hug.evaluate.bootstrap import DRAWS, macro_mean
from hug.evaluate.measurements import Metric
from hug.evaluate.ranking import CategoryRanking, target_ranks


def hard_gallery(truth: Truth, rankings: Sequence[CategoryRanking]) -> pd.DataFrame:
    """One row a query with specific fitting words on clean pictures: category, target, rank, size.

    Candidates are the target and its near misses in the gallery, clean or not; the reference is removed. `size`
    counts them, target included; a query without a near miss is left out. Distances are those of `rankings`.
    """
    return pd.concat([_hard_category(r, truth) for r in rankings], ignore_index=True)


def _hard_category(ranking: CategoryRanking, truth: Truth) -> pd.DataFrame:
    place = {i: n for n, i in enumerate(ranking.gallery)}

    @cache
    def candidates(target: int) -> np.ndarray:
        """Places in the gallery, in its order: ties go by it."""
        near = [place[i] for i in truth.near_misses(ranking.gallery[target]) if i in place]
        return np.array(sorted([target, *near]))

    rows = []
    for q in np.flatnonzero(truth.clean_queries[ranking.rows]):
        target = int(ranking.targets[q])
        places = candidates(target)
        distances = ranking.distances[q, places][None]  # (1, C); a removed reference is at infinity
        size = int(np.isfinite(distances).sum())
        if size > 1:
            rank = int(target_ranks(distances, np.searchsorted(places, [target]))[0])
            rows.append((ranking.category, ranking.gallery[target], rank, size))
    return pd.DataFrame(rows, columns=["category", "target", "rank", "size"])


def hard_metrics(features: Features, rankings: Sequence[CategoryRanking], draws: int = DRAWS) -> list[Metric]:
    """R@1 (percent) and MRR in the hard gallery, averages over categories; nothing for data without truth.

    Intervals resample targets: queries of one target share their candidates. By chance it is the mean of 1/size.
    """
    if features.collection.truth is None:
        return []
    table = hard_gallery(features.collection.truth, rankings)
    if table.empty:
        return []
    count, targets, ranks = len(table), table.target.to_numpy(), table["rank"].to_numpy()
    codes = np.unique(table.category, return_inverse=True)[1]
    return [
        Metric.estimate("recall.1.hard", macro_mean(100 * (ranks == 1), codes), count, targets, draws),
        Metric.estimate("mrr.hard", macro_mean(1 / ranks, codes), count, targets, draws),
        Metric("recall.1.hard.random", 100 * float((1 / table["size"]).mean()), count=count),
        Metric("size.hard", float(table["size"].mean()), count=count),
    ]
