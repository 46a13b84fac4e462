"""What `python -m hug evaluate` measures of one checkpoint: recall beside its baselines, and the chance of a hit.

Validation serves the calibration and its scale; the test split is only measured. Measured on validation itself, the
calibration is fitted on one half of the queries and measured on the other, in turn.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hug.calibration import WITHIN
from hug.config import DataConfig
from hug.data.features import Features, evaluation_features
from hug.evaluate import metrics as measure
from hug.evaluate.baselines import baseline_ranks
from hug.evaluate.bootstrap import DRAWS
from hug.evaluate.certainty import MissScores, certainty_metrics, fit_calibration, promises
from hug.evaluate.data_checks import data_checks
from hug.evaluate.errors import error_metrics
from hug.evaluate.hard_gallery import hard_metrics
from hug.evaluate.measurements import FILE, WORDS, Measurements, Metric, best_lead
from hug.evaluate.plan import Plan, plan_evaluation, results_folder
from hug.evaluate.protocols import Protocol
from hug.evaluate.query_table import query_table, validation_table
from hug.evaluate.ranking import CategoryRanking, RankedSplit, rank_split, without_variance
from hug.evaluate.submission import write_submission
from hug.evaluate.trec import write_trec
from hug.files import ids_hash, write_json, write_parquet
from hug.model import HUG


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
    split: str | None = "test",
    point: HUG | None = None,
    effort: Effort = Effort(),  # noqa: B008 (frozen)
    command: str = "unknown",
    commit: str = "unknown",
    protocol: Protocol | str | None = None,
) -> Measurements:
    """Measure a model on `split` of a data set; write measurements, calibration and the tables of queries.

    They are written to its checkpoint `folder`, or to its `results` where that was calibrated on other data; with
    `folder=None` nothing is. `point` adds the baseline "point matching" (a checkpoint trained with that objective).
    Without a protocol it is the data's own.
    """
    plan = plan_evaluation(data, split, protocol, effort.baselines)
    place = results_folder(folder, folder, plan, model.weights_hash) if folder else None
    return measure_plan(plan, model, data.cache, place, point, effort, command, commit)


def measure_plan(
    plan: Plan,
    model: HUG,
    cache: str,
    folder: Path | None,
    point: HUG | None,
    effort: Effort,
    command: str,
    commit: str,
    trec: int = 0,
) -> Measurements:
    """Carry out a plan; with a folder, write there what it measured, and the first `trec` ids of each query as a run.

    Raises ValueError for a protocol whose targets are hidden: see `answer_plan`.
    """
    if plan.validation is None:
        raise ValueError(f"protocol {plan.protocol.name} hides its targets, so nothing can be measured")
    protocol, split = plan.protocol, plan.collection.split
    features = partial(evaluation_features, backbone=model.backbone, folder=cache, text=protocol.text)
    train = features(plan.training) if plan.training else None
    validation_features = features(plan.validation)
    validation = rank_split(model, validation_features, protocol)
    test = features(plan.collection)
    ranking = validation if plan.collection is plan.validation else rank_split(model, test, protocol)
    calibration = fit_calibration(validation, model, validation_features)
    promised = promises(ranking, validation, calibration)
    words = (
        {}
        if model.backbone.word_kind == "ids" or not effort.baselines
        else {"validation": validation_features, "ranking": test}
    )
    every = MissScores(ranking, validation, calibration, promised, words)
    metrics = recall_metrics({"": ranking.ranks}, ranking, effort.draws) + protocol_metrics(ranking, effort.draws)
    if effort.baselines:
        metrics += baseline_metrics(ranking, train, test, point, effort.draws)
    metrics += data_checks(test.collection, effort.draws)
    metrics += certainty_metrics(ranking, validation, every, calibration, effort.draws)
    metrics += error_metrics(ranking, effort.draws)
    metrics += hard_metrics(ranking, effort.draws)
    measurements = Measurements(
        protocol.name, split, model.weights_hash, model.backbone.fingerprint, model.objective.name,
        test.collection.provenance, {r.category: gallery_record(r) for r in ranking.categories}, command, commit,
        asdict(effort), tuple(metrics), model.backbone.preprocessing.text(), plan.notes, plan.validation.provenance,
    )  # fmt: skip
    if folder is not None:
        write_json(folder / FILE, measurements.to_dict())
        calibration.save(folder)
        write_parquet(folder / "validation.parquet", validation_table(validation))
        write_parquet(folder / f"{split}.parquet", query_table(ranking, promised, model.weights_hash))
        if trec:
            write_trec(ranking, folder, trec)
    return measurements


def answer_plan(plan: Plan, model: HUG, cache: str, folder: Path) -> list[Path]:
    """The files of a plan whose targets are hidden, for those who know them."""
    features = evaluation_features(plan.collection, model.backbone, cache, plan.protocol.text)
    return write_submission(rank_split(model, features, plan.protocol), folder)


def gallery_record(ranking: CategoryRanking) -> dict[str, Any]:
    return {"size": len(ranking.gallery), "hash": ids_hash(ranking.gallery), "queries": len(ranking.ranks)}


# ---- recall ----


def recall_metrics(methods: Mapping[str, np.ndarray], ranking: RankedSplit, draws: int = DRAWS) -> list[Metric]:
    """R@k at the protocol's cuts and MRR, averages over categories, of ranks (Q,) by method; HUG's own is empty."""
    metrics = []
    for method, all_ranks in methods.items():
        for which, rows in ranking.selections.items():
            ranks, end = all_ranks[rows], f"{which}.{method}" if method else which
            values = {f"recall.{k}.{end}": 100.0 * (ranks <= k) for k in ranking.protocol.cuts}
            values[f"mrr.{end}"] = 1 / ranks
            if rows.any():
                codes = ranking.codes[rows]
                metrics += [Metric.estimate(id, measure.macro_mean, v, codes, draws=draws) for id, v in values.items()]
    return metrics


def protocol_metrics(ranking: RankedSplit, draws: int = DRAWS) -> list[Metric]:
    """What the field reports beside the means: recall of each category, of subsets, and the one average."""
    metrics, protocol = list[Metric](), ranking.protocol
    for part in ranking.categories if len(ranking.categories) > 1 else ():
        hits = {f"category.recall.{k}.{part.category}": 100.0 * (part.ranks <= k) for k in protocol.cuts}
        metrics += [Metric.estimate(id, np.mean, each, draws=draws) for id, each in hits.items() if len(each)]
    for k in protocol.subset_cuts:
        hits_within = 100.0 * (ranking.subset_ranks <= k)
        metrics.append(
            Metric.estimate(f"recall.{k}.subset", measure.macro_mean, hits_within, ranking.codes, draws=draws)
        )
    ranks = {"gallery": ranking.ranks, "subset": ranking.subset_ranks}
    both = np.mean([100.0 * (ranks[within] <= k) for within, k in protocol.averaged], axis=0)
    id = f"average.{protocol.averaged[-1][0]}"
    metrics.append(Metric.estimate(id, measure.macro_mean, both, ranking.codes, draws=draws))
    return metrics


def baseline_metrics(
    ranking: RankedSplit, train: Features | None, test: Features, point: HUG | None, draws: int = DRAWS
) -> list[Metric]:
    """Every baseline on the same frozen tokens, and HUG's lead over the best of them but point matching.

    Without training pictures those of words are left out, and so is the lead. It is R@10 in percent on clean queries,
    a paired difference; left out where nobody knows which are clean.
    """
    baselines = baseline_ranks(train, test, ranking.protocol)
    methods = dict(baselines)
    if point is not None:
        methods["point"] = rank_split(point, test, ranking.protocol, use_var=False).ranks
    methods["means"] = np.concatenate([without_variance(r).ranks for r in ranking.categories])
    metrics = recall_metrics(methods, ranking, draws)
    clean = ranking.selections.get("clean")
    if train is None or clean is None or not clean.any():
        return metrics
    own, *rivals = (100.0 * (ranks[clean] <= WITHIN) for ranks in (ranking.ranks, *baselines.values()))
    names = dict(zip((WORDS["method"][name] for name in baselines), rivals, strict=True))
    return [*metrics, best_lead("recall.10.clean.lead", measure.macro_mean, ranking.codes[clean], own, names, draws)]
