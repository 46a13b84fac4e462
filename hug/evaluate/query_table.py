"""One row a query, stored beside a checkpoint: what histograms, percentiles and comparisons of two models read."""

from pathlib import Path

import numpy as np
import pandas as pd

from hug.evaluate.bootstrap import Interval, interval
from hug.evaluate.certainty import Promises
from hug.evaluate.metrics import macro_mean
from hug.evaluate.ranking import RankedSplit, log_variances

KEYS = ["category", "row"]  # of a query
VARIANCES = ("var_r", "var_t", "var_m", "var_q")


def query_table(ranking: RankedSplit, promised: Promises, weights: str) -> pd.DataFrame:
    """Columns category, row (of the category's queries), rank, chance (of a hit), set (size of the 90 % answer set),
    mean variances, clean.

    `clean` (specific fitting words, both pictures clean) is there where it is known. The hash of the weights is in
    the table's attributes.
    """
    rows = np.concatenate([np.arange(len(r.rows), dtype="int32") for r in ranking.categories])
    category = pd.Categorical.from_codes(ranking.codes, [r.category for r in ranking.categories])
    table = pd.DataFrame({"category": category, "row": rows, "rank": ranking.ranks.astype("int32")})
    table["chance"], table["set"] = promised.chance.astype("float32"), promised.sizes[0.9].astype("int32")
    table[list(VARIANCES)] = np.exp(log_variances(ranking.query)).astype("float32")
    if "clean" in ranking.selections:
        table["clean"] = ranking.selections["clean"]
    table.attrs = {"weights": weights}
    return table


def read_queries(folder: Path, split: str, weights: str) -> pd.DataFrame | None:
    """The stored table; None when there is none, or other weights wrote it. Raises ValueError when it is damaged."""
    path = folder / f"{split}.parquet"
    if not path.exists():
        return None
    try:
        table = pd.read_parquet(path)
        missing = {"category", "row", "rank", "chance", *VARIANCES} - set(table)
        if missing:
            raise ValueError(f"it lacks {', '.join(sorted(missing))}")
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is damaged ({error}); run python -m hug evaluate again") from error
    return table if table.attrs.get("weights") == weights else None


def paired_recall(own: pd.DataFrame | None, baseline: pd.DataFrame | None, k: int = 10) -> Interval | None:
    """R@k in percent of one model above another's on the same clean queries, average over categories, paired.

    None when a table is missing, or they don't hold the same queries, or nobody knows which are clean.
    """
    if own is None or baseline is None or len(own) != len(baseline) or "clean" not in {*own} & {*baseline}:
        return None
    both = own[own.clean].merge(baseline[[*KEYS, "rank"]], on=KEYS, suffixes=("", "_baseline"))
    if len(both) != int(own.clean.sum()):
        return None
    difference = 100.0 * ((both["rank"] <= k).astype(int) - (both.rank_baseline <= k).astype(int)).to_numpy()
    return interval(macro_mean, difference, pd.factorize(both.category)[0])


def validation_table(ranking: RankedSplit) -> pd.DataFrame:
    """One row a validation query and a candidate: the values behind histograms and percentiles."""
    names, triplets = np.array([r.category for r in ranking.categories]), ranking.collection.triplets
    ids, values = [triplets[n].reference for n in ranking.rows], np.exp(log_variances(ranking.query)).T
    columns = {
        "side": "query",
        "category": names[ranking.codes],
        "id": ids,
        **dict(zip(VARIANCES, values, strict=True)),
    }
    images = [
        pd.DataFrame({"side": "image", "category": r.category, "id": r.gallery, "var_c": r.candidates.overall.numpy()})
        for r in ranking.categories
    ]
    return pd.concat([pd.DataFrame({**columns, "rank": ranking.ranks}), *images], ignore_index=True)
