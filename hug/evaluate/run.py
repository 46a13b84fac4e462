"""The protocol `garments`: recall, baselines and the uncertainty measures of one checkpoint, in one table.

Validation serves the doubt model and its scale; the test split is only measured. Measured on validation itself, the
doubt is fitted on one half of the queries and measured on the other, in turn.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hug.calibration import HitModel
from hug.config import DataConfig
from hug.data.cache import TokenCache
from hug.data.datasets import read
from hug.data.features import Features, evaluation_features
from hug.evaluate.baselines import BASELINES, baseline_ranks
from hug.evaluate.bootstrap import DRAWS, Statistic, macro_mean
from hug.evaluate.data_checks import guard_measures
from hug.evaluate.hard import hard_measures
from hug.evaluate.ranking import Ranked, rank_split, ranks_without_variance
from hug.evaluate.subfeatures import subfeature_measures
from hug.evaluate.tables import query_file, query_table, validation_table
from hug.evaluate.uncertainty import (
    Row,
    best_lead,
    clean_pictures,
    coordination_measures,
    fine_queries,
    folder_pictures,
    gallery_measures,
    hits,
    measured,
    retrieval_measures,
    severity_measures,
    words_measures,
)
from hug.files import write_json, write_parquet
from hug.model import HUG

PROTOCOL = "garments"
CUTS = (1, 10, 50)
LEAD = "HUG R@10 above the best baseline, clean"


@dataclass(frozen=True)
class Effort:
    """How much is resampled and drawn; pictures are clean ones a category, for measures 1 and 5."""

    draws: int = DRAWS
    severity_pictures: int = 40
    subfeature_pictures: int = 40
    permutations: int = 999  # of the labels of η²
    baselines: bool = True  # they need the training split's tokens and don't depend on the checkpoint


QUICK = Effort(draws=100, severity_pictures=10, subfeature_pictures=20, permutations=99, baselines=False)


def evaluate(
    model: HUG,
    data: DataConfig,
    folder: Path | None,
    split: str = "test",
    point: HUG | None = None,
    photos: Path | None = None,
    about: dict[str, Any] | None = None,
    effort: Effort = Effort(),  # noqa: B008 (frozen)
) -> dict[str, Any]:
    """Measure a model on `split` of a data set in Fashion-IQ's layout; write the results beside the checkpoint.

    `point` adds the row "point matching" (a checkpoint trained with that objective); `photos` a folder of real
    photographs for measure 1; `about` goes into the record (command, seed, commit). With `folder=None` nothing is
    written. Returns the content of `measurements.json`.
    """
    cache, draws = TokenCache(Path(data.cache), model.backbone), effort.draws
    parts = {
        name: evaluation_features(read(data, name), model.backbone, data.cache)
        for name in dict.fromkeys((*(("train",) if effort.baselines else ()), "val", split))
    }
    test = parts[split]
    validation = rank_split(model, parts["val"])
    ranked = validation if split == "val" else rank_split(model, test)
    doubt, scale = fit_doubt(validation)
    chance = in_halves(ranked) if split == "val" else doubt.probability(hits(ranked)[0])
    rows = recall_rows("HUG", by_category(ranked), test, draws)
    if effort.baselines:
        rows += baseline_rows(ranked, parts["train"], test, point, draws)
    rows += guard_measures(test, draws)
    rows += gallery_measures(test, ranked, draws) + words_measures(test, ranked, draws)
    rows += coordination_measures(model, test, cache, draws)
    rows += retrieval_measures(test, ranked, chance, scale, draws) + hard_measures(test, ranked, draws)
    pictures, keys = clean_pictures(test.collection, effort.severity_pictures)
    rows += severity_measures(model, pictures, keys, cache, f"severity-{test.collection.name}-{split}", draws)
    rows += subfeature_measures(
        model, test.collection, ranked, cache, effort.subfeature_pictures, draws, effort.permutations
    )
    if photos is not None:
        found = severity_measures(model, *folder_pictures(photos), cache, "severity-photographs", draws)
        rows += [{**r, "measure": f"photographs: {r['measure']}"} for r in found]
    result = {
        "protocol": PROTOCOL, "split": split, "weights": model.weights_hash, "backbone": model.backbone.fingerprint,
        "objective": model.objective.name, "data": test.collection.version,
        "galleries": {r.category: gallery_record(r) for r in ranked}, **(about or {}), "effort": asdict(effort),
        "rows": rows,
    }  # fmt: skip
    if folder is not None:
        write_json(folder / "measurements.json", result)
        write_json(folder / "calibration.json", {"within": 10, "weights": model.weights_hash, **doubt.to_dict()})
        write_parquet(folder / "validation.parquet", validation_table(parts["val"], validation))
        write_parquet(folder / query_file(split), query_table(test, ranked, chance, model.weights_hash))
    return result


def fit_doubt(validation: Sequence[Ranked]) -> tuple[HitModel, float]:
    """The doubt model, and the scale of the entropy baseline: the inverse spread of validation distances."""
    finite = np.concatenate([r.distances[np.isfinite(r.distances)] for r in validation])
    return HitModel.fit(*hits(validation)), float(1 / max(finite.std(), 1e-9))


def in_halves(validation: Sequence[Ranked]) -> np.ndarray:
    """(Q,) chance of a hit of every validation query by a doubt model that was fitted on the other half of them.

    Queries of one target are in one half: what makes it hard to find would be known already.
    """
    features, hit = hits(validation)
    targets = [f"{r.category} {target}" for r in validation for target in r.targets]
    second = np.unique(targets, return_inverse=True)[1] % 2 == 1
    chance = np.empty(len(hit))
    for half in (second, ~second):
        if half.any():
            chance[half] = HitModel.fit(features[~half], hit[~half]).probability(features[half])
    return chance


# ---- recall ----


def recall_rows(name: str, ranks: dict[str, np.ndarray], features: Features, draws: int = DRAWS) -> list[Row]:
    """R@1, R@10, R@50 and MRR, averages over categories; with the truth also on clean, specific, fitting queries.

    `ranks` are by category, in the order of the triplets.
    """
    clean = clean_ranks(ranks, features)
    return _recall(name, ranks, "all", draws) + ([] if clean is None else _recall(name, clean, "clean", draws))


def clean_ranks(ranks: dict[str, np.ndarray], features: Features) -> dict[str, np.ndarray] | None:
    """Those of clean queries with specific, fitting words; None where nobody knows."""
    fine = fine_queries(features)
    if fine is None:
        return None
    category = np.array([t.category for t in features.collection.triplets])
    return {c: r[fine[category == c]] for c, r in ranks.items()}


def _recall(name: str, ranks: dict[str, np.ndarray], which: str, draws: int) -> list[Row]:
    everything, codes = _together(ranks)
    if not len(everything):
        return []
    of = {f"R@{k}": macro_mean(100 * (everything <= k), codes) for k in CUTS}
    of["MRR"] = macro_mean(1 / everything, codes)
    return [measured(f"{name} {label}, {which}", f, len(everything), draws=draws) for label, f in of.items()]


def _together(ranks: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """All ranks (Q,) and their categories' codes (Q,)."""
    return np.concatenate(list(ranks.values())), np.repeat(np.arange(len(ranks)), [len(r) for r in ranks.values()])


def baseline_rows(
    ranked: Sequence[Ranked], train: Features, test: Features, point: HUG | None, draws: int = DRAWS
) -> list[Row]:
    """Every baseline on the same frozen tokens, and HUG's lead over the best of them but point matching."""
    found = baseline_ranks(train, test)
    lead = lead_rows(by_category(ranked), {name: found[name] for name in BASELINES}, test, draws)
    if point is not None:
        found["point matching"] = by_category(rank_split(point, test, use_var=False))
    found["means without variance"] = {r.category: ranks_without_variance(r) for r in ranked}
    return [r for name, ranks in found.items() for r in recall_rows(name, ranks, test, draws)] + lead


def lead_rows(
    ranks: dict[str, np.ndarray], others: dict[str, dict[str, np.ndarray]], features: Features, draws: int = DRAWS
) -> list[Row]:
    """R@10 in percent above the best of the others on clean queries, as a paired difference; `note` names it."""

    def statistic(of: dict[str, np.ndarray]) -> Statistic:
        everything, codes = _together(clean_ranks(of, features) or {})
        return macro_mean(100 * (everything <= 10), codes)

    clean = clean_ranks(ranks, features)
    if clean is None or not (count := sum(map(len, clean.values()))):
        return []
    return [best_lead(LEAD, statistic(ranks), {name: statistic(r) for name, r in others.items()}, count, draws)]


def by_category(ranked: Sequence[Ranked]) -> dict[str, np.ndarray]:
    return {r.category: r.ranks for r in ranked}


# ---- the record ----


def gallery_record(ranked: Ranked) -> dict[str, Any]:
    digest = hashlib.sha256("\n".join(ranked.gallery).encode()).hexdigest()[:16]
    return {"size": len(ranked.gallery), "hash": digest, "queries": len(ranked.ranks)}


def table_text(result: dict[str, Any]) -> str:
    """The measurements as a plain table, with protocol, gallery sizes and hashes above it."""
    galleries = ", ".join(f"{c} {g['size']} ({g['hash']})" for c, g in result["galleries"].items())
    head = (
        f"protocol {result['protocol']}, split {result['split']}, galleries: {galleries}, weights {result['weights']}"
    )
    lines = [head, ""]
    width = max(len(str(r["measure"])) for r in result["rows"])
    for r in result["rows"]:
        interval = f"  [{r['low']:.3f}, {r['high']:.3f}]" if r["low"] is not None else ""
        note = f"  ({r['note']})" if r.get("note") else ""
        lines.append(f"{r['measure']:<{width}}  {r['value']:>8.3f}{interval}{note}")
    return "\n".join(lines)
