"""What `python -m hug evaluate` measures of one checkpoint: recall beside its baselines, and the chance of a hit.

Validation serves the calibration and its scale; the test split is only measured. Measured on validation itself, the
calibration is fitted on one half of the queries and measured on the other, in turn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hug.calibration import HitModel, log_variance_features
from hug.config import DataConfig
from hug.data.collection import Collection
from hug.data.datasets import read
from hug.data.features import Features, evaluation_features
from hug.evaluate import bootstrap
from hug.evaluate.baselines import baseline_ranks
from hug.evaluate.bootstrap import DRAWS, Statistic, macro_mean
from hug.evaluate.data_checks import data_checks
from hug.evaluate.hard_gallery import hard_metrics
from hug.evaluate.measurements import FILE, WORDS, Measurements, Metric
from hug.evaluate.metrics import entropy, top1_score, top_margin
from hug.evaluate.query_table import query_table, validation_table
from hug.evaluate.ranking import CategoryRanking, rank_split, ranks_without_variance
from hug.files import write_json, write_parquet
from hug.model import HUG

PROTOCOL = "garments"
WITHIN = 10  # a query hits when its target is among so many
CUTS = (1, 10, 50)
DISTANCE_ALONE = ("top1", "margin", "entropy")  # uncertainties that need no variance
LEAST = 20  # queries that a prediction of misses needs


@dataclass(frozen=True)
class Effort:
    """How much is resampled, and whether the baselines are measured: they need the training split's tokens."""

    draws: int = DRAWS
    baselines: bool = True


QUICK = Effort(draws=100, baselines=False)


def evaluate(
    model: HUG,
    data: DataConfig,
    folder: Path | None,
    split: str = "test",
    point: HUG | None = None,
    effort: Effort = Effort(),  # noqa: B008 (frozen)
    command: str = "unknown",
    commit: str = "unknown",
) -> Measurements:
    """Measure a model on `split` of a data set; write measurements, calibration and the tables of queries to `folder`.

    `point` adds the baseline "point matching" (a checkpoint trained with that objective). With `folder=None` nothing
    is written.
    """
    names = dict.fromkeys((*(("train",) if effort.baselines else ()), "val", split))
    parts = {name: evaluation_features(read(data, name), model.backbone, data.cache) for name in names}
    test, validation = parts[split], rank_split(model, parts["val"])
    rankings = validation if split == "val" else rank_split(model, test)
    calibration, scale = fit_calibration(validation)
    chance = chance_in_halves(rankings) if split == "val" else calibration.probability(features_and_hits(rankings)[0])
    ranks = np.concatenate([r.ranks for r in rankings])
    metrics = recall_metrics({"": ranks}, test.collection, rankings, effort.draws)
    if effort.baselines:
        metrics += baseline_metrics(rankings, parts["train"], test, point, effort.draws)
    metrics += data_checks(test, effort.draws)
    metrics += selective_metrics(test.collection, rankings, chance, scale, effort.draws)
    metrics += hard_metrics(test, rankings, effort.draws)
    measurements = Measurements(
        PROTOCOL, split, model.weights_hash, model.backbone.fingerprint, model.objective.name, test.collection.version,
        {r.category: gallery_record(r) for r in rankings}, command, commit, asdict(effort), tuple(metrics),
    )  # fmt: skip
    if folder is not None:
        write_json(folder / FILE, measurements.to_dict())
        fitted = {"within": WITHIN, "weights": model.weights_hash, **asdict(calibration)}
        write_json(folder / "calibration.json", fitted)
        write_parquet(folder / "validation.parquet", validation_table(parts["val"].collection, validation))
        write_parquet(folder / f"{split}.parquet", query_table(test.collection, rankings, chance, model.weights_hash))
    return measurements


def gallery_record(ranking: CategoryRanking) -> dict[str, Any]:
    digest = hashlib.sha256("\n".join(ranking.gallery).encode()).hexdigest()[:16]
    return {"size": len(ranking.gallery), "hash": digest, "queries": len(ranking.ranks)}


# ---- calibration ----


def features_and_hits(rankings: Sequence[CategoryRanking]) -> tuple[np.ndarray, np.ndarray]:
    """Log variances (Q, 4K) and hits (Q,) of all queries."""
    features = np.concatenate([log_variance_features(r.query) for r in rankings])
    return features, np.concatenate([r.ranks for r in rankings]) <= WITHIN


def fit_calibration(validation: Sequence[CategoryRanking]) -> tuple[HitModel, float]:
    """The model of a hit, and the scale of the entropy baseline: the inverse spread of validation distances."""
    finite = np.concatenate([r.distances[np.isfinite(r.distances)] for r in validation])
    return HitModel.fit(*features_and_hits(validation)), float(1 / max(finite.std(), 1e-9))


def chance_in_halves(validation: Sequence[CategoryRanking]) -> np.ndarray:
    """(Q,) chance of a hit of every validation query by a calibration that was fitted on the other half of them.

    Queries of one target are in one half: what makes it hard to find would be known already.
    """
    features, hit = features_and_hits(validation)
    targets = [f"{r.category} {target}" for r in validation for target in r.targets]
    second = np.unique(targets, return_inverse=True)[1] % 2 == 1
    chance = np.empty(len(hit))
    for half in (second, ~second):
        if half.any():
            chance[half] = HitModel.fit(features[~half], hit[~half]).probability(features[half])
    return chance


# ---- recall ----


def selections(collection: Collection, rankings: Sequence[CategoryRanking]) -> dict[str, np.ndarray]:
    """(Q,) true for the queries in question: all, and the clean ones with specific fitting words where known."""
    rows = np.concatenate([r.rows for r in rankings])
    everything = {"all": np.ones(len(rows), bool)}
    return everything if collection.truth is None else {**everything, "clean": collection.truth.clean_queries[rows]}


def recall_metrics(
    methods: Mapping[str, np.ndarray],
    collection: Collection,
    rankings: Sequence[CategoryRanking],
    draws: int = DRAWS,
) -> list[Metric]:
    """R@1, R@10, R@50 and MRR, averages over categories, of ranks (Q,) by method; HUG's own method is empty."""
    codes = np.repeat(np.arange(len(rankings)), [len(r.rows) for r in rankings])
    metrics = []
    for method, ranks in methods.items():
        for which, rows in selections(collection, rankings).items():
            own, count, end = codes[rows], int(rows.sum()), f"{which}.{method}" if method else which
            values = {f"recall.{k}.{end}": 100 * (ranks[rows] <= k) for k in CUTS} | {f"mrr.{end}": 1 / ranks[rows]}
            metrics += [
                Metric.estimate(id, macro_mean(v, own), count, None, draws) for id, v in values.items() if count
            ]
    return metrics


def baseline_metrics(
    rankings: Sequence[CategoryRanking], train: Features, test: Features, point: HUG | None, draws: int = DRAWS
) -> list[Metric]:
    """Every baseline on the same frozen tokens, and HUG's lead over the best of them but point matching.

    The lead is R@10 in percent on clean queries, a paired difference; left out where nobody knows which are clean.
    """
    methods = baseline_ranks(train, test)
    names = list(methods)
    if point is not None:
        methods["point"] = np.concatenate([r.ranks for r in rank_split(point, test, use_var=False)])
    methods["means"] = np.concatenate([ranks_without_variance(r) for r in rankings])
    metrics = recall_metrics(methods, test.collection, rankings, draws)
    clean = selections(test.collection, rankings).get("clean")
    if clean is None or not clean.any():
        return metrics
    codes = np.repeat(np.arange(len(rankings)), [len(r.rows) for r in rankings])[clean]

    def recall(ranks: np.ndarray) -> Statistic:
        return macro_mean(100 * (ranks[clean] <= WITHIN), codes)

    rivals = {name: recall(methods[name]) for name in names}
    own = recall(np.concatenate([r.ranks for r in rankings]))
    return [*metrics, best_lead("recall.10.clean.lead", own, rivals, "method", len(codes), draws)]


def best_lead(id: str, first: Statistic, rivals: Mapping[str, Statistic], place: str, count: int, draws: int) -> Metric:
    """A paired bootstrap difference to the best rival in every draw; `note` names the best of all rows.

    `place` is the kind of word that a rival's name is in a metric's id.
    """
    whole = np.ones((1, count))
    best = max(rivals, key=lambda name: float(rivals[name](whole)[0]))
    return Metric.estimate(id, bootstrap.lead(first, list(rivals.values())), count, None, draws, WORDS[place][best])


# ---- does the uncertainty predict the miss ----


def uncertainties(rankings: Sequence[CategoryRanking], chance: np.ndarray, scale: float) -> dict[str, np.ndarray]:
    """(Q,) everything that could predict a miss, larger where it is likelier; `scale` is that of the entropy."""
    alone = zip(DISTANCE_ALONE, (top1_score, top_margin, lambda d: entropy(d, scale)), strict=True)
    return {
        "chance": 1 - chance,
        "overall": np.concatenate([r.query.overall.numpy() for r in rankings]),
        **{name: np.concatenate([of(r.distances) for r in rankings]) for name, of in alone},
    }


def miss_statistics(
    collection: Collection, rankings: Sequence[CategoryRanking], chance: np.ndarray, scale: float
) -> dict[str, dict[str, Statistic]]:
    """all, clean -> uncertainty -> its AUROC for "the target is not among the first ten".

    A selection of fewer than 20 queries, or with all found or all missed, is left out.
    """
    ranks, scores = np.concatenate([r.ranks for r in rankings]), uncertainties(rankings, chance, scale)
    statistics = {}
    for which, rows in selections(collection, rankings).items():
        miss = ranks[rows] > WITHIN
        if rows.sum() >= LEAST and miss.any() and not miss.all():
            statistics[which] = {by: bootstrap.auroc(score[rows], miss) for by, score in scores.items()}
    return statistics


def miss_table(
    collection: Collection, rankings: Sequence[CategoryRanking], chance: np.ndarray, scale: float, draws: int = DRAWS
) -> pd.DataFrame:
    """Columns which, by, auroc, low, high, count."""
    statistics = miss_statistics(collection, rankings, chance, scale)
    sizes = {which: int(rows.sum()) for which, rows in selections(collection, rankings).items()}
    rows = [
        (which, by, *bootstrap.interval(statistic, sizes[which], None, draws), sizes[which])
        for which, part in statistics.items()
        for by, statistic in part.items()
    ]
    return pd.DataFrame(rows, columns=["which", "by", "auroc", "low", "high", "count"])


def selective_metrics(
    collection: Collection, rankings: Sequence[CategoryRanking], chance: np.ndarray, scale: float, draws: int = DRAWS
) -> list[Metric]:
    """R@10 by bins of the overall uncertainty, risk-coverage, calibration, miss prediction beside its baselines."""
    ranks = np.concatenate([r.ranks for r in rankings])
    overall = np.concatenate([r.query.overall.numpy() for r in rankings])
    metrics = []
    for which, misses in miss_statistics(collection, rankings, chance, scale).items():
        rows = selections(collection, rankings)[which]
        hit, count = ranks[rows] <= WITHIN, int(rows.sum())
        statistics = {
            "pearson.bin": bootstrap.pearson_by_bin(overall[rows], hit),
            "spearman.rank": bootstrap.spearman(overall[rows], ranks[rows]),
            "aurc": bootstrap.aurc(-overall[rows], hit),
            "ece": bootstrap.calibration_error(chance[rows], hit),
            "brier": bootstrap.mean(np.square(chance[rows] - hit)),
            **{f"auroc.miss.{by}": statistic for by, statistic in misses.items()},
        }
        metrics += [Metric.estimate(f"{name}.{which}", of, count, None, draws) for name, of in statistics.items()]
        rivals = {by: misses[by] for by in DISTANCE_ALONE}
        metrics.append(best_lead(f"auroc.miss.lead.{which}", misses["chance"], rivals, "by", count, draws))
    return metrics
