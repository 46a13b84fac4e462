"""Every intermediate of one query, tensors and plain numbers only: what the app shows and the studies read."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch

from hug.calibration import NAMES, Calibration, mean_variances
from hug.gaussians import DistanceParts, Gaussians, Query, distance_parts, merge
from hug.retrieval.options import Gallery, Ranking, SearchOptions

CPU = torch.device("cpu")


@dataclass(frozen=True)
class QueryTrace:
    """One query, on the CPU whatever device answered it: its words, its results, how sure the model is and why."""

    words: str
    query: Query  # B = 1
    ranking: Ranking  # B = 1, k ids
    candidates: Gaussians  # the k ranked candidates
    parts: DistanceParts  # (1, k, K): the ranked candidates' distances taken apart
    percentiles: Mapping[str, float | None]  # r, t, m, q -> 0-100 among validation queries; None when not calibrated
    chance: float | None  # calibrated probability that the target is among the first ten; None when `few`
    options: SearchOptions
    few: bool = False  # all candidates are among the first ten: a chance would say nothing

    @property
    def means(self) -> dict[str, float]:
        """Mean variance of each source and of the merge (the paper's overall uncertainty), by r, t, m, q."""
        return mean_variances(self.query)


def trace(
    index: Gallery,
    query: Query,
    words: str = "",
    options: SearchOptions | None = None,
    calibration: Calibration | None = None,
) -> QueryTrace:
    """Answer one query (B = 1) and keep everything on the way.

    The calibration knows the model's own merge: under another one (`options.dynamic`) the percentile of the merge is
    unknown, and the chance stays that of the model's own. Where no more candidates may be ranked than the chance is
    about, all of them are among the first and there is none.
    """
    options, query = options or SearchOptions(), query.to(CPU)
    percentiles: dict[str, float | None] = dict.fromkeys(NAMES)
    if calibration:
        percentiles |= {name: calibration.percentile(name, value) for name, value in mean_variances(query).items()}
    chance = calibration.chance(query) if calibration else None
    if options.dynamic is not None:
        var, weights = merge(query.var_r, query.var_t, query.var_m, dynamic=options.dynamic)
        query, percentiles["q"] = replace(query, var=var, weights=weights), None
    enough = calibration.within + 1 if calibration else 0  # candidates for a chance to mean something
    ranking = index.rank(query, replace(options, k=max(options.k, enough) if options.k > 0 else options.k))
    few, ranking = len(ranking.ids[0]) < enough, ranking.first(options.k)
    candidates = index.candidates(ranking).to(CPU)
    parts = distance_parts(query, candidates)
    return QueryTrace(words, query, ranking, candidates, parts, percentiles, None if few else chance, options, few)
