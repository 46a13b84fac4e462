"""The hard gallery: the target among the pictures that differ from it in one attribute only."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd

from hug.data.features import Features
from hug.data.truth import Truth
from hug.evaluate.bootstrap import DRAWS, macro_mean
from hug.evaluate.ranking import Ranked, target_ranks
from hug.evaluate.uncertainty import Row, fine_queries, measured, row


def hard_gallery(features: Features, ranked: Sequence[Ranked]) -> pd.DataFrame:
    """One row a query with specific fitting words on clean pictures: category, target, rank, size.

    Candidates are the target and its near misses in the gallery, clean or not; the reference is removed. `size`
    counts them, target included; a query without a near miss is left out. Distances are those of `ranked`.
    Raises ValueError for data without truth.
    """
    truth, fine = features.collection.truth, fine_queries(features)
    if truth is None or fine is None:
        raise ValueError(f"{features.collection.name} has no truth; near misses are known of generated data only")
    parts = [_hard_category(r, truth, fine) for r in ranked]
    return pd.concat(parts, ignore_index=True)


def _hard_category(ranked: Ranked, truth: Truth, fine: np.ndarray) -> pd.DataFrame:
    place = {i: n for n, i in enumerate(ranked.gallery)}

    @cache
    def candidates(target: int) -> np.ndarray:
        """Places in the gallery, in its order: ties go by it."""
        return np.array(sorted([target, *(place[i] for i in truth.near_misses(ranked.gallery[target]) if i in place)]))

    rows = []
    for q in np.flatnonzero(fine[ranked.rows]):
        target = int(ranked.targets[q])
        places = candidates(target)
        distances = ranked.distances[q, places][None]  # (1, C); a removed reference is at infinity
        size = int(np.isfinite(distances).sum())
        if size > 1:
            rank = int(target_ranks(distances, np.searchsorted(places, [target]))[0])
            rows.append((ranked.category, ranked.gallery[target], rank, size))
    return pd.DataFrame(rows, columns=["category", "target", "rank", "size"])


def hard_measures(features: Features, ranked: Sequence[Ranked], draws: int = DRAWS) -> list[Row]:
    """R@1 (percent) and MRR in the hard gallery, averages over categories; no rows for data without truth.

    Intervals resample targets: queries of one target share their candidates. Chance is the mean of 1/size.
    """
    if features.collection.truth is None:
        return []
    table = hard_gallery(features, ranked)
    if table.empty:
        return []
    count, targets, ranks = len(table), table.target.to_numpy(), table["rank"].to_numpy()
    codes = np.unique(table.category, return_inverse=True)[1]
    return [
        measured("R@1, hard gallery", macro_mean(100 * (ranks == 1), codes), count, targets, draws),
        measured("MRR, hard gallery", macro_mean(1 / ranks, codes), count, targets, draws),
        row("R@1 by chance, hard gallery", 100 * float((1 / table["size"]).mean()), count=count),
        row("mean size of the hard gallery", float(table["size"].mean()), count=count),
    ]
