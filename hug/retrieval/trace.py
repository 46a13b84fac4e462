"""Every intermediate of one query, tensors and plain numbers only: what the app shows and the studies read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from hug.backbones import Backbone, Words
from hug.backbones.reading import not_understood
from hug.calibration import NAMES, AnswerSet, Calibration, mean_variances
from hug.gaussians import DistanceParts, Gaussians, Query, distance_parts, merge
from hug.posterior import Posterior
from hug.retrieval.index import Index
from hug.retrieval.options import Gallery, Ranking, SearchOptions

CPU = torch.device("cpu")
LEVEL = 0.9  # of the answer set, unless another is asked for
MOST = 100_000  # candidates that are ranked whole, for their posterior
UNCALIBRATED = "this model has no calibration; run python -m hug evaluate"
TOO_LARGE = "the gallery is too large, or not in memory, to be ranked whole"
STRANGE = "the gallery holds another kind of picture than the one that validation knows"
OTHER = "the picture looks like {}, and validation knows dresses, shirts and tops"
UNREAD = "the words are not understood"
ELSEWHERE = "the words are about something else than those that validation knows"


@dataclass(frozen=True)
class Certainty:
    """What can be promised of one answer; neither number where a reason stands in `withheld`."""

    chance: float | None = None  # that the target is among the first ten
    answer_set: AnswerSet | None = None
    withheld: tuple[str, ...] = ()  # why nothing is promised, a clause each
    posterior: Posterior | None = None  # over all candidates that may be ranked, by their positions in the index
    scope: str = ""  # of the calibration: "category" or "all"

    def answer_set_at(self, level: float, calibration: Calibration | None) -> AnswerSet | None:
        """The answer set of a level; None where nothing is promised."""
        if self.answer_set is None or self.answer_set.level == level:
            return self.answer_set
        if calibration is None or self.posterior is None:
            return None
        candidates = self.posterior.probability.shape[1]
        return AnswerSet(level, int(calibration.answer_set(self.posterior, candidates, level, self.scope)[0]))


@dataclass(frozen=True)
class QueryTrace:
    """One query, on the CPU whatever device answered it: its words, its results, how sure the model is and why."""

    words: str
    query: Query  # B = 1
    ranking: Ranking  # B = 1, k ids
    candidates: Gaussians  # the k ranked candidates
    parts: DistanceParts  # (1, k, K): the ranked candidates' distances taken apart
    percentiles: Mapping[str, float | None]  # r, t, m, q -> 0-100 among validation queries; None when not calibrated
    certainty: Certainty
    options: SearchOptions

    @property
    def chance(self) -> float | None:
        """Calibrated probability that the target is among the first ten; None where it is withheld."""
        return self.certainty.chance

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
    reasons: Sequence[str] = (),
    level: float = LEVEL,
) -> QueryTrace:
    """Answer one query (B = 1) and keep everything on the way.

    `reasons` are what is known beforehand against promising anything, such as a gallery of another kind of picture.
    The calibration knows the model's own merge: under another one (`options.dynamic`) the percentile of the merge is
    unknown, and the chance, which is of the ranking, stays.
    """
    options, query = options or SearchOptions(), query.to(CPU)
    percentiles: dict[str, float | None] = dict.fromkeys(NAMES)
    if calibration:
        percentiles |= {name: calibration.percentile(name, value) for name, value in mean_variances(query).items()}
    if options.dynamic is not None:
        var, weights = merge(query.var_r, query.var_t, query.var_m, dynamic=options.dynamic)
        query, percentiles["q"] = replace(query, var=var, weights=weights), None
    whole = calibration is not None and options.k > 0 and isinstance(index, Index) and len(index) <= MOST
    ranking = index.rank(query, replace(options, k=len(index)) if whole else options)
    certainty = Certainty(withheld=(TOO_LARGE if calibration else UNCALIBRATED,))
    if calibration and isinstance(index, Index) and len(index) <= MOST:
        certainty = certain(calibration, index, query, ranking, words, options, reasons, level)
    ranking = ranking.first(options.k)
    candidates = index.candidates(ranking).to(CPU)
    parts = distance_parts(query, candidates)
    return QueryTrace(words, query, ranking, candidates, parts, percentiles, certainty, options)


def reasons_before(
    calibration: Calibration | None,
    strange: bool,
    backbone: Backbone,
    tokens: Tensor,
    query: Query,
    words: str,
    encoded: Words,
) -> list[str]:
    """What is known before a search against promising anything of it, a clause each.

    `strange`: the gallery holds another kind of picture than validation's; `tokens` (1, P, Cv) are the reference's,
    `encoded` are the words as the backbone gives them.
    """
    reasons, other = [STRANGE] if strange else [], calibration and calibration.other_thing(backbone, tokens, query.mu_r)
    if other:
        reasons.append(OTHER.format(other))
    if not_understood(backbone, words):
        reasons.append(UNREAD)
    elif calibration and words.strip() and calibration.about_something_else(encoded)[0]:
        reasons.append(ELSEWHERE)
    return reasons


def certain(
    calibration: Calibration,
    index: Index,
    query: Query,
    ranking: Ranking,
    words: str,
    options: SearchOptions,
    reasons: Sequence[str] = (),
    level: float = LEVEL,
) -> Certainty:
    """What validation promises of one ranking (B = 1), of all its candidates, and why it doesn't."""
    distances = ranking.distances.numpy()
    candidates = int(np.isfinite(distances).sum())
    scope = scope_of(index, ranking)
    withheld = list(reasons) + calibration.reasons(candidates, scope)
    if options.components is not None:
        withheld.append("sub-features are left out, and the chance is that of all of them together")
    if not options.use_var:
        withheld.append("the candidates' variance is left out, and the chance is that of the ranking with it")
    if not words.strip():
        withheld.append("no words were given, and the chance was never measured without words")
    if query.mu_r is not None and calibration.new_pictures(query.mu_r)[0]:
        withheld.append("the picture is of another kind than those that validation knows")
    if not candidates:
        return Certainty(None, None, tuple(withheld), None, scope)
    probability = calibration.posterior(distances[:, :candidates]).probability  # they are in order already
    posterior = Posterior(probability, ranking.positions[:, :candidates].numpy())
    if withheld:
        return Certainty(None, None, tuple(withheld), posterior, scope)
    chance = float(calibration.chance(posterior, candidates, calibration.within, scope)[0])
    size = int(calibration.answer_set(posterior, candidates, level, scope)[0])
    return Certainty(chance, AnswerSet(level, size), (), posterior, scope)


def scope_of(index: Index, ranking: Ranking) -> str:
    """ "all" where pictures of several categories are ranked, else "category"."""
    labels = index.meta.get("category")
    if labels is None:
        return "category"
    places = ranking.positions[0]
    return "all" if len({labels[n] for n in places[places >= 0].tolist()}) > 1 else "category"
