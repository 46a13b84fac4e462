"""Is what is promised of an answer kept? The chance, the answer sets, and everything else that could predict a miss.

Fitted on validation, measured on another split; on validation itself fitted on one half and measured on the other.
Letters: Q queries, N candidates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from hug.backbones import Backbone, WordTokens
from hug.backbones.kinds import Classifier, log_odds, tells
from hug.calibration import WITHIN, Calibration, part_of_gallery
from hug.data.collection import Collection
from hug.data.features import Features, tokens_of
from hug.evaluate import metrics as measure
from hug.evaluate.baselines import frequent_ids, pooled_texts
from hug.evaluate.bootstrap import DRAWS, Statistic
from hug.evaluate.measurements import WORDS, Metric, best_lead
from hug.evaluate.ranking import CategoryRanking, RankedSplit, without_variance
from hug.gaussians import distance
from hug.model import HUG
from hug.novelty import FALSE_ALARMS

SAMPLE, TOGETHER = 1000, 128  # texts (and pictures) that tell what a data set is about; encoded at once
LEAST = 20  # queries that a prediction of misses needs
LEVELS = (0.8, 0.9, 0.95)  # of answer sets that are measured
UNION_PART = 1800  # pictures of all categories: the bundled gallery's number
SIZES = (30, 100, 300)  # random parts of the galleries in which the chance is measured too
BASELINES = ("top1", "margin", "entropy", "kinds", "sentence")  # what knows no uncertainty


@dataclass(frozen=True)
class Promises:
    """What a calibration promised Q queries of a split, gallery after gallery."""

    chance: np.ndarray  # (Q,) of a hit
    sizes: Mapping[float, np.ndarray]  # level -> (Q,) how many of the first results the set holds
    mass: np.ndarray  # (Q,) posterior mass of the first ten, uncorrected


def fit_calibration(
    validation: RankedSplit, model: HUG | None = None, features: Features | None = None, union: bool = True
) -> Calibration:
    """From every query of a validation split; `union`: also for searches in all its categories at once; with its
    `features` also of what its texts talk and its pictures show."""
    galleries = {"category": [(r.distances, r.targets) for r in validation.categories]}
    if union and len(validation.categories) > 1:
        galleries["all"] = [_in_union(validation, n) for n in range(len(validation.categories))]
    provenance = validation.collection.provenance
    subject: dict[str, Any] = {}
    if model and features:
        texts, garments = _mean_words(model.backbone, validation.collection), _garments(model.backbone, features)
        subject = {"texts": texts, "garments": garments}
    weights = model.weights_hash if model else ""
    candidates, protocol = validation.candidates, validation.protocol.name
    return Calibration.fit(galleries, candidates, weights, protocol, provenance, **subject)


@torch.no_grad()
def _garments(backbone: Backbone, features: Features) -> float | None:
    """Log-odds below which few of the pictures are; None where the backbone can't tell what doesn't belong there."""
    if not tells(backbone, features.collection.galleries) or not isinstance(backbone, Classifier):
        return None
    rows = np.linspace(0, len(features.pictures.ids) - 1, min(SAMPLE, len(features.pictures.ids))).astype(int)
    parts = (tokens_of(features.pictures.tokens, part.tolist()) for part in np.array_split(rows, 8))
    odds = [log_odds(backbone.classify(part)) for part in parts]
    return float(np.quantile(torch.cat(odds).numpy(), FALSE_ALARMS))


def _mean_words(backbone: Backbone, collection: Collection) -> np.ndarray | None:
    """(U, Ct) mean words of some of the collection's texts, whole and by caption; None where words are ids."""
    if backbone.word_kind == "ids":
        return None
    texts = sorted({text for t in collection.triplets for text in (*t.captions, " and ".join(t.captions)) if text})
    some = np.random.default_rng(0).permutation(len(texts))[:SAMPLE]
    words = [backbone.words([texts[n] for n in part]) for part in np.array_split(some, len(some) // TOGETHER + 1)]
    return np.concatenate([part.mean.numpy() for part in words if isinstance(part, WordTokens)])


def _in_union(split: RankedSplit, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances of one category's queries to the pictures of all categories, and their targets' positions."""
    own = split.categories[number]
    parts = [
        own.distances if r is own else distance(own.query, r.candidates).numpy().astype(own.distances.dtype)
        for r in split.categories
    ]
    return np.concatenate(parts, axis=1), own.targets + sum(p.shape[1] for p in parts[:number])


def promises(ranking: RankedSplit, validation: RankedSplit, calibration: Calibration) -> Promises:
    """Of every query; of validation itself by calibrations fitted on the other half of it.

    Queries of one target are in one half: what makes it hard to find would be known already.
    """
    galleries = [(r.distances, r.targets) for r in ranking.categories]
    halves = [[(d[t % 2 == part], t[t % 2 == part]) for d, t in galleries] for part in (0, 1)]
    if ranking is not validation or not all(sum(len(t) for _, t in half) for half in halves):
        return _promises([d for d, _ in galleries], calibration)
    rows = np.concatenate([t % 2 for _, t in galleries])
    fitted = [Calibration.fit({"category": [g for g in half if len(g[1])]}) for half in halves]
    own = [_promises([d for d, _ in half], other) for half, other in zip(halves, reversed(fitted), strict=True)]
    order = np.argsort(np.concatenate([np.flatnonzero(rows == part) for part in (0, 1)]))
    sizes = {level: np.concatenate([p.sizes[level] for p in own])[order] for level in LEVELS}
    chance, mass = (np.concatenate([getattr(p, name) for p in own])[order] for name in ("chance", "mass"))
    return Promises(chance, sizes, mass)


def _promises(galleries: Sequence[np.ndarray], calibration: Calibration) -> Promises:
    """Of queries whose distances (Q, N) are given gallery by gallery."""
    chance, mass = list[np.ndarray](), list[np.ndarray]()
    sizes: dict[float, list[np.ndarray]] = {level: [] for level in LEVELS}
    for distances in galleries:
        posterior, count = calibration.posterior(distances), distances.shape[1]
        chance.append(calibration.chance(posterior, count))
        mass.append(posterior.first(WITHIN))
        for level in LEVELS:
            sizes[level].append(calibration.answer_set(posterior, count, level))
    return Promises(np.concatenate(chance), {k: np.concatenate(v) for k, v in sizes.items()}, np.concatenate(mass))


# ---- everything that could predict a miss ----


@dataclass(frozen=True)
class MissScores:
    """(Q,) scores of a split's queries, larger where a miss is likelier, by name; beside the model's own, baselines."""

    ranking: RankedSplit
    validation: RankedSplit
    calibration: Calibration
    promises: Promises
    features: Mapping[str, Features]  # "validation" and "ranking"; empty where the words' baseline is not wanted

    @cached_property
    def scores(self) -> dict[str, np.ndarray]:
        """The first two are the model's; `means` is its posterior without variances; the rest are baselines."""
        own = {"chance": 1 - self.promises.chance, "overall": self.ranking.query.overall.numpy()}
        own["means"] = self._means()
        alone: dict[str, Statistic] = {"top1": measure.top1_score, "margin": measure.top_margin}
        alone["entropy"] = partial(measure.entropy, scale=_scale(self.validation))
        own |= {
            by: np.concatenate([score(r.distances) for r in self.ranking.categories]) for by, score in alone.items()
        }
        if self.ranking.kinds is not None and self.validation.kinds is not None:
            own["kinds"] = _rates(self.validation, self.ranking)
        if self.features and len(set(self.validation.ranks <= WITHIN)) == 2:  # a hit and a miss to learn from
            own["sentence"] = self._sentence()
        return own

    def _means(self) -> np.ndarray:
        """What the posterior says when both sides' variances are left out; tau is fitted anew."""
        rankings = [[without_variance(r) for r in split.categories] for split in (self.validation, self.ranking)]
        calibration = Calibration.fit({"category": [(r.distances, r.targets) for r in rankings[0]]})
        return 1 - np.concatenate([calibration.posterior(r.distances).first(WITHIN) for r in rankings[1]])

    def _sentence(self) -> np.ndarray:
        """A logistic model on the words' frozen tokens, averaged: no picture, and nothing that was trained here."""
        train, own = (
            _sentences(self.features[name], split)
            for name, split in (("validation", self.validation), ("ranking", self.ranking))
        )
        return 1 - _logistic(train, self.validation.ranks <= WITHIN).predict_proba(own)[:, 1]


def _logistic(features: np.ndarray, hit: np.ndarray) -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=500)).fit(features, hit)


def _sentences(features: Features, split: RankedSplit) -> np.ndarray:
    """(Q, Ct) mean of each query's word tokens."""
    triplets = [split.collection.triplets[n] for n in split.rows]
    texts = [split.protocol.text(t.captions) for t in triplets]
    return pooled_texts(features.texts, texts, frequent_ids(features.texts)).numpy()


def _rates(validation: RankedSplit, ranking: RankedSplit) -> np.ndarray:
    """(Q,) share of misses among validation queries of the same kind of wording: a table of a few numbers."""
    rate = pd.Series(validation.ranks > WITHIN).groupby(validation.kinds).mean()
    return pd.Series(ranking.kinds).map(rate).fillna(rate.mean()).to_numpy(float)


def _scale(validation: RankedSplit) -> float:
    """Of the entropy baseline: the inverse spread of validation distances."""
    finite = np.concatenate([r.distances[np.isfinite(r.distances)] for r in validation.categories])
    return float(1 / max(finite.std(), 1e-9))


# ---- as metrics ----


def miss_selections(ranking: RankedSplit) -> dict[str, np.ndarray]:
    """all, clean, and by kind of wording where known -> its queries (Q,) of which some miss.

    A miss: the target is not among the first ten. A selection of fewer than 20 queries, or with all found or all
    missed, is left out.
    """
    miss, selections = ranking.ranks > WITHIN, dict(ranking.selections)
    if ranking.kinds is not None:
        selections["unvague"] = ranking.kinds != "vague"
    selections |= ranking.selections_by_kind
    return {
        which: rows
        for which, rows in selections.items()
        if rows.sum() >= LEAST and miss[rows].any() and not miss[rows].all()
    }


def miss_prediction(
    ranking: RankedSplit, scores: Mapping[str, np.ndarray], draws: int = DRAWS
) -> dict[tuple[str, str], Metric]:
    """(selection, score) -> AUROC for a miss, of scores (Q,) by name as `MissScores` gives them."""
    miss = ranking.ranks > WITHIN
    return {
        (which, by): Metric.estimate(f"auroc.miss.{by}.{which}", measure.auroc, score[rows], miss[rows], draws=draws)
        for which, rows in miss_selections(ranking).items()
        for by, score in scores.items()
    }


def selective_metrics(ranking: RankedSplit, every: MissScores, draws: int = DRAWS) -> list[Metric]:
    """R@10 by bins of the overall uncertainty, risk-coverage, calibration, miss prediction beside its baselines."""
    metrics, predicted = list[Metric](), miss_prediction(ranking, every.scores, draws)
    for which, rows in miss_selections(ranking).items():
        ranks, scores = ranking.ranks[rows], {by: values[rows] for by, values in every.scores.items()}
        hit, miss, overall, own = ranks <= WITHIN, ranks > WITHIN, scores["overall"], every.promises.chance[rows]
        estimates: dict[str, tuple[Statistic, *tuple[np.ndarray, ...]]] = {
            "pearson.bin": (measure.pearson_by_bin, overall, ranks),
            "spearman.rank": (measure.spearman, overall, ranks),
            "aurc": (measure.aurc, -overall, hit),
            "ece": (measure.calibration_error, own, hit),
            "brier": (np.mean, np.square(own - hit)),
        }
        metrics += [Metric.estimate(f"{id}.{which}", *parts, draws=draws) for id, parts in estimates.items()]
        metrics += [predicted[which, by] for by in scores]
        rivals = {WORDS["by"][by]: scores[by] for by in BASELINES if by in scores}
        metrics.append(best_lead(f"auroc.miss.lead.{which}", measure.auroc, miss, scores["chance"], rivals, draws))
    return metrics


def set_metrics(ranking: RankedSplit, validation: RankedSplit, every: Promises, draws: int = DRAWS) -> list[Metric]:
    """Do answer sets hold what they promise, in the least sure fifth and for each kind of wording too, and how large?

    Beside them one fixed number of results for all queries: the rank within which so many validation targets lie.
    """
    metrics = list[Metric]()
    fifth = np.digitize(every.chance, np.quantile(every.chance, [0.2, 0.4, 0.6, 0.8]))
    for level in LEVELS:
        sizes, percent = every.sizes[level], f"{100 * level:.0f}"
        fixed = int(np.quantile(validation.ranks, level, method="higher"))
        for name, inside in (("set", ranking.ranks <= sizes), ("fixed", ranking.ranks <= fixed)):
            held = 100.0 * inside
            worst = min((held[fifth == n].mean() for n in range(5) if (fifth == n).any()), default=np.nan)
            metrics.append(Metric.estimate(f"{name}.coverage.{percent}", np.mean, held, draws=draws))
            metrics.append(Metric(f"{name}.coverage.{percent}.worst", float(worst), count=len(held)))
            for kind in sorted(set(ranking.kinds)) if ranking.kinds is not None else ():
                own = held[ranking.kinds == kind]
                metrics.append(Metric.estimate(f"{name}.coverage.{percent}.{kind}", np.mean, own, draws=draws))
        metrics.append(Metric.estimate(f"set.size.{percent}.median", np.median, sizes.astype(float), draws=draws))
        metrics.append(Metric.estimate(f"set.size.{percent}.mean", np.mean, sizes.astype(float), draws=draws))
        metrics.append(Metric(f"fixed.size.{percent}", fixed, count=len(validation.ranks)))
    return metrics


def posterior_metrics(ranking: RankedSplit, calibration: Calibration, draws: int = DRAWS) -> list[Metric]:
    """tau; the chance for other k and in smaller galleries; whether it is noticed that the target isn't there."""
    metrics = [Metric("posterior.tau", round(calibration.tau, 4))]
    for size in (*SIZES, None):
        parts = [
            (r.distances, r.targets) if size is None else part_of_gallery(r.distances, r.targets, size)
            for r in ranking.categories
            if size is None or 1.5 * size <= r.distances.shape[1]
        ]
        for k in (1, 10, 50) if size is None else (10,):
            pairs = [_chance_and_hit(calibration, distances, targets, k) for distances, targets in parts]
            if pairs:
                chance, hit = (np.concatenate(column) for column in zip(*pairs, strict=True))
                id = f"ece.first.{k}" if size is None else f"ece.size.{size}"
                metrics.append(Metric.estimate(id, measure.calibration_error, chance, hit, draws=draws))
    present, absent = (np.concatenate([_nearness(r, calibration, gone) for r in ranking.categories]) for gone in (0, 1))
    labels = np.repeat([False, True], len(present))
    return [*metrics, Metric.estimate("auroc.absent", measure.auroc, -np.r_[present, absent], labels, draws=draws)]


def union_metrics(ranking: RankedSplit, calibration: Calibration, draws: int = DRAWS) -> list[Metric]:
    """Are chance and answer sets kept when all categories are searched at once, in the whole and in a part of it?"""
    if "all" not in calibration.scopes or len(ranking.categories) < 2:
        return []
    whole, metrics = [_in_union(ranking, n) for n in range(len(ranking.categories))], list[Metric]()
    most = whole[0][0].shape[1]
    for size in (most, *(n for n in (UNION_PART,) if n < most)):
        chance, hit, inside, sizes = [], [], [], []
        for distances, targets in whole:
            own, places = (distances, targets) if size == most else part_of_gallery(distances, targets, size)
            posterior = calibration.posterior(own)
            ranks = posterior.ranks(places)
            held = calibration.answer_set(posterior, size, 0.9, "all")
            chance.append(calibration.chance(posterior, size, WITHIN, "all"))
            hit.append(ranks <= WITHIN)
            inside.append(100.0 * (ranks <= held))
            sizes.append(held.astype(float))
        columns = [np.concatenate(column) for column in (chance, hit, inside, sizes)]
        metrics += [
            Metric.estimate(f"union.ece.{size}", measure.calibration_error, columns[0], columns[1], draws=draws),
            Metric.estimate(f"union.coverage.{size}", np.mean, columns[2], draws=draws),
            Metric.estimate(f"union.size.{size}", np.median, columns[3], draws=draws),
        ]
    return metrics


def _chance_and_hit(
    calibration: Calibration, distances: np.ndarray, targets: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """(Q,) chance of the first k, and whether the target is among them."""
    posterior = calibration.posterior(distances)
    return calibration.chance(posterior, distances.shape[1], k), posterior.ranks(targets) <= k


def _nearness(r: CategoryRanking, calibration: Calibration, gone: int) -> np.ndarray:
    """(Q,) log of the sum of exp(-tau * d) over the candidates, with or without the target: what none comes near."""
    distances = np.array(r.distances, float)
    if gone:
        distances[np.arange(len(r.targets)), r.targets] = np.inf
    return np.logaddexp.reduce(-calibration.tau * distances, axis=1)


def certainty_metrics(
    ranking: RankedSplit, validation: RankedSplit, every: MissScores, calibration: Calibration, draws: int
) -> list[Metric]:
    """All of this file."""
    metrics: Sequence[Metric] = selective_metrics(ranking, every, draws)
    return [
        *metrics,
        *set_metrics(ranking, validation, every.promises, draws),
        *posterior_metrics(ranking, calibration, draws),
        *union_metrics(ranking, calibration, draws),
    ]
