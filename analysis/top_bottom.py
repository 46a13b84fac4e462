"""Pictures of one component, live: every one with its variance, and the ends.

Components are numbered from 1; 0 is the whole picture.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from hug.retrieval.index import Index

LEAVE_OUT = 0.2  # share of the pictures with the highest overall uncertainty; ours, the paper gives no number
COUNT = 20


def levels(index: Index, component: int, category: str | None = None, leave_out: float = 0.0) -> pd.DataFrame:
    """One row a picture in the gallery's order: id, value (mean variance of the component), overall.

    `leave_out` drops that share of the pictures, those with the highest overall uncertainty; of equal ones the
    later go first. Raises ValueError for a component or category that doesn't exist, or a share outside [0, 1).
    """
    k = index.gaussians.mu.shape[1]
    if not 0 <= component <= k:
        raise ValueError(f"there is no component {component}; choose one of 1-{k}, or 0 for the whole")
    if not 0 <= leave_out < 1:
        raise ValueError(f"the share to leave out must lie in [0, 1), got {leave_out}")
    rows = _rows(index, category)
    overall, value = (component_variances(index, c) for c in (0, component))
    rest = rows[np.sort(np.argsort(overall[rows], kind="stable")[: len(rows) - int(leave_out * len(rows))])]
    return pd.DataFrame({"id": [index.ids[n] for n in rest], "value": value[rest], "overall": overall[rest]})


def top_bottom(
    index: Index, category: str | None, component: int, leave_out: float = LEAVE_OUT, count: int = COUNT
) -> pd.DataFrame:
    """Columns end (highest, lowest), place (1 = most extreme), id, value, overall.

    Equal values keep the gallery's order; no picture is at both ends, so a small gallery gives shorter lists.
    Raises ValueError as `levels` does, and for a count below 1.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    table = levels(index, component, category, leave_out)
    high, low = (np.argsort(sign * table.value.to_numpy(), kind="stable") for sign in (-1, 1))
    highest = high[: min(count, (len(table) + 1) // 2)]
    lowest = low[~np.isin(low, highest)][: min(count, len(table) // 2)]
    ends = pd.concat([table.iloc[highest].assign(end="highest"), table.iloc[lowest].assign(end="lowest")])
    ends["place"] = ends.groupby("end").cumcount() + 1
    return ends[["end", "place", *table.columns]].reset_index(drop=True)


def component_variances(index: Index, component: int) -> np.ndarray:
    """(N,) mean variance of the gallery's pictures in one component, or in all."""
    gaussians = index.gaussians
    return (gaussians.var[:, component - 1].mean(-1) if component else gaussians.overall).cpu().numpy()


def _rows(index: Index, category: str | None) -> np.ndarray:
    if not category:
        return np.arange(len(index))
    categories = index.meta.get("category", [])
    if category not in categories:
        raise ValueError(f"there is no category {category!r}; this gallery has {sorted(set(categories)) or 'none'}")
    return np.flatnonzero(np.array(categories) == category)
