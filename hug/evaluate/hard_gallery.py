"""The hard gallery: the target among the pictures that differ from it in one aspect only."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from hug.data.truth import Truth
from hug.evaluate.bootstrap import DRAWS
from hug.evaluate.data_checks import aspects_apart
from hug.evaluate.measurements import Metric
from hug.evaluate.metrics import macro_mean
from hug.evaluate.queries import target_ranks
from hug.evaluate.ranking import CategoryRanking, RankedSplit


def hard_gallery(truth: Truth, rankings: Iterable[CategoryRanking]) -> pd.DataFrame:
    """One row a query with specific fitting words on clean pictures: category, target, rank, size.

    Candidates are the target and its near misses in the gallery, clean or not; the reference is removed. `size`
    counts them, target included; a query without a near miss is left out. Distances are those of `rankings`.
    """
    return pd.concat([_hard_category(r, truth) for r in rankings], ignore_index=True)


def _hard_category(ranking: CategoryRanking, truth: Truth) -> pd.DataFrame:
    queries = np.flatnonzero(truth.clean_queries[ranking.rows])
    targets = ranking.targets[queries]
    near = aspects_apart(truth, ranking.gallery)[targets] == 1  # (Q, N)
    near[np.arange(len(targets)), targets] = True
    distances = np.where(near, ranking.distances[queries], np.inf)  # a removed reference is at infinity
    table = pd.DataFrame({
        "category": ranking.category, "target": np.array(ranking.gallery, object)[targets],
        "rank": target_ranks(distances, targets), "size": np.isfinite(distances).sum(1),
    })  # fmt: skip
    return table[table["size"] > 1]


def hard_metrics(ranking: RankedSplit, draws: int = DRAWS) -> list[Metric]:
    """R@1 (percent) and MRR in the hard gallery, averages over categories; nothing for data without truth.

    Intervals resample targets: queries of one target share their candidates. By chance it is the mean of 1/size.
    """
    truth = ranking.collection.truth
    table = pd.DataFrame() if truth is None else hard_gallery(truth, ranking.categories)
    if table.empty:
        return []
    ranks, category = table["rank"].to_numpy(), pd.factorize(table.category)[0]
    values = {"recall.1.hard": 100.0 * (ranks == 1), "mrr.hard": 1 / ranks}
    targets = table.target.to_numpy()
    return [
        *(Metric.estimate(id, macro_mean, v, category, groups=targets, draws=draws) for id, v in values.items()),
        Metric("recall.1.hard.random", 100 * float((1 / table["size"]).mean()), count=len(table)),
        Metric("size.hard", float(table["size"].mean()), count=len(table)),
    ]
