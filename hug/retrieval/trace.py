"""Every intermediate of one query, tensors and plain numbers only: what the app shows and the studies read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from hug.calibration import HitModel, log_variance_features
from hug.gaussians import SOURCES, DistanceParts, Gaussians, Query, distance_parts
from hug.model import HUG
from hug.retrieval.index import Index, Ranking

NAMES = (*SOURCES, "q")  # r reference picture, t words, m coordination, q merged


@dataclass(frozen=True)
class Calibration:
    """What validation says of a query's doubt: the chance of a hit, and where each source stands."""

    doubt: HitModel
    within: int  # the chance is that the target is among the first `within`
    values: Mapping[str, np.ndarray]  # r, t, m, q -> sorted mean variances of the validation queries

    @staticmethod
    def load(folder: str | Path, model: HUG) -> Calibration | None:
        """From a checkpoint folder; None when it has not been evaluated.

        Raises ValueError when it is damaged or was made for other weights.
        """
        folder = Path(folder)
        path, table = folder / "calibration.json", folder / "validation.parquet"
        if not (path.exists() and table.exists()):
            return None
        try:
            raw = json.loads(path.read_text())
            if raw["weights"] != model.weights_hash:
                raise ValueError("it was made for other weights")
            frame = pd.read_parquet(table)
            queries = frame[frame.side == "query"]
            values = {name: np.sort(queries[f"var_{name}"].to_numpy()) for name in NAMES}
            return Calibration(HitModel.from_dict(raw), int(raw["within"]), values)
        except (KeyError, ValueError, TypeError, OSError) as error:
            raise ValueError(f"{folder}: no calibration ({error}); run `python -m hug evaluate` again") from error

    def percentile(self, name: str, value: float) -> float:
        """0-100: share of validation queries with a smaller mean variance of this source; ties count half."""
        known = self.values[name]
        below, upto = np.searchsorted(known, [value], "left")[0], np.searchsorted(known, [value], "right")[0]
        return float(50 * (below + upto) / len(known))

    def chance(self, query: Query) -> float:
        """Probability in (0, 1) that the target of one query is among the first `within`, from its variances."""
        return float(self.doubt.probability(log_variance_features(query))[0])


@dataclass(frozen=True)
class QueryTrace:
    """One query: what was asked, what was found, how sure the model is and why."""

    words: str
    query: Query  # B = 1
    ranking: Ranking  # B = 1, k ids
    candidates: Gaussians  # the k ranked candidates
    parts: DistanceParts  # (1, k, K): the ranked candidates' distances taken apart
    percentiles: dict[str, float | None]  # r, t, m, q -> 0-100 among validation queries; None when not calibrated
    chance: float | None  # calibrated probability that the target is among the first ten
    components: tuple[int, ...] | None = None  # (0-based) those that were ranked by; None for all
    use_var: bool = True  # whether the candidates' variance was part of the distance

    @property
    def means(self) -> dict[str, float]:
        """Mean variance of each source and of the merge (the paper's overall uncertainty), by r, t, m, q."""
        return mean_variances(self.query)


def trace(
    model: HUG,
    index: Index,
    picture: Image.Image,
    words: str,
    k: int = 20,
    *,
    exclude: str | Iterable[str] | None = None,
    where: Any = None,
    components: Iterable[int] | None = None,
    use_var: bool = True,
    calibration: Calibration | None = None,
) -> QueryTrace:
    """Answer one query and keep everything on the way; keywords as in `Index.search`.

    Raises ValueError when the index was made by other weights.
    """
    index.check(model)
    query = model.query([picture], [words])
    return traced(
        index, query, words, k,
        exclude=exclude, where=where, components=components, use_var=use_var, calibration=calibration,
    )  # fmt: skip


def traced(
    index: Index,
    query: Query,
    words: str,
    k: int = 20,
    *,
    exclude: str | Iterable[str] | None = None,
    where: Any = None,
    components: Iterable[int] | None = None,
    use_var: bool = True,
    calibration: Calibration | None = None,
) -> QueryTrace:
    """The same for a query (B = 1) that was encoded before: nothing is encoded again."""
    kept = None if components is None else tuple(sorted(set(components)))
    ranking = index.search(query, k, exclude=[exclude], where=where, components=kept, use_var=use_var)
    found = ranking.positions[0][ranking.positions[0] >= 0]
    candidates = index.gaussians[found]
    means = mean_variances(query)
    return QueryTrace(
        words=words,
        query=query,
        ranking=ranking,
        candidates=candidates,
        parts=distance_parts(query, candidates),
        percentiles={n: calibration.percentile(n, v) if calibration else None for n, v in means.items()},
        chance=calibration.chance(query) if calibration else None,
        components=kept,
        use_var=use_var,
    )


def mean_variances(query: Query) -> dict[str, float]:
    """r, t, m, q -> mean over components and dimensions, of one query."""
    return {n: float(v.mean()) for n, v in zip(NAMES, (query.var_r, query.var_t, query.var_m, query.var), strict=True)}
