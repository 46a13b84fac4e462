"""One row a query, stored beside a checkpoint: what histograms, percentiles and comparisons of two models read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from hug.data.features import Features
from hug.evaluate.bootstrap import interval, macro_mean
from hug.evaluate.metrics import Interval
from hug.evaluate.ranking import Ranked, log_variances
from hug.evaluate.uncertainty import fine_queries

VARIANCES = ("var_r", "var_t", "var_m", "var_q")


def query_file(split: str) -> str:
    return f"{split}.parquet"


def query_table(features: Features, ranked: Sequence[Ranked], chance: np.ndarray, weights: str) -> pd.DataFrame:
    """Columns category, row (of the category's captions), rank, chance (of a hit), mean variances, clean.

    `chance` (Q,) is in the order of `ranked`; `clean` (specific fitting words, both pictures clean) is there where it
    is known. The hash of the weights is in the table's attributes.
    """
    first = {r.category: r.rows for r in ranked}
    table = pd.DataFrame({
        "category": np.concatenate([np.full(len(r.rows), r.category, object) for r in ranked]),
        "row": np.concatenate([np.arange(len(first[r.category])) for r in ranked]).astype("int32"),
        "rank": np.concatenate([r.ranks for r in ranked]).astype("int32"),
        "chance": chance.astype("float32"),
    })  # fmt: skip
    table["category"] = table.category.astype("category")
    table[list(VARIANCES)] = np.exp(np.concatenate([log_variances(r.query) for r in ranked])).astype("float32")
    fine = fine_queries(features)
    if fine is not None:
        table["clean"] = np.concatenate([fine[r.rows] for r in ranked])
    table.attrs = {"weights": weights}
    return table


def read_queries(folder: Path, split: str, weights: str) -> pd.DataFrame | None:
    """The stored table; None when there is none, or other weights wrote it. Raises ValueError when it is damaged."""
    path = folder / query_file(split)
    if not path.exists():
        return None
    try:
        table = pd.read_parquet(path)
        lacking = {"category", "row", "rank", "chance", *VARIANCES} - set(table)
        if lacking:
            raise ValueError(f"it lacks {', '.join(sorted(lacking))}")
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is damaged ({error}); run python -m hug evaluate again") from error
    return table if table.attrs.get("weights") == weights else None


def paired_recall(table: pd.DataFrame, other: pd.DataFrame, k: int = 10) -> Interval | None:
    """R@k in percent of one model above another's on the same clean queries, average over categories, paired.

    None when the tables don't hold the same queries, or nobody knows which are clean.
    """
    keys = ["category", "row"]
    if "clean" not in table or "clean" not in other or len(table) != len(other):
        return None
    both = table.merge(other[[*keys, "rank"]], on=keys, suffixes=("", "_other"))
    both = both[both.clean]
    if len(both) != int(table.clean.sum()):
        return None
    difference = 100.0 * ((both["rank"] <= k).astype(int) - (both.rank_other <= k).astype(int)).to_numpy()
    codes = np.unique(both.category.astype(str), return_inverse=True)[1]
    return interval(macro_mean(difference, codes), len(both))


def validation_table(features: Features, validation: Sequence[Ranked]) -> pd.DataFrame:
    """One row a validation query and a candidate: the values behind histograms and percentiles."""
    tables = []
    for r in validation:
        table = pd.DataFrame(np.exp(log_variances(r.query)), columns=list(VARIANCES))
        table.insert(0, "side", "query")
        table.insert(1, "category", r.category)
        table.insert(2, "id", [features.collection.triplets[n].reference for n in r.rows])
        table["rank"] = r.ranks
        candidates = pd.DataFrame({"side": "image", "category": r.category, "id": list(r.gallery)})
        candidates["var_c"] = r.candidates.overall.numpy()
        tables += [table, candidates]
    return pd.concat(tables, ignore_index=True)
