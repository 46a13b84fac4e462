"""The protocol `garments`: recall, baselines and the uncertainty measures of one checkpoint, in one table.

Validation serves the doubt model and its scale; the test split is only measured.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hug.backbones.cache import TokenCache
from hug.config import DataConfig
from hug.data import read_fashioniq
from hug.doubt import DoubtModel
from hug.evaluate.baselines import baseline_ranks
from hug.evaluate.hard import hard_measures
from hug.evaluate.measures import macro, mean_reciprocal_rank, recall_at
from hug.evaluate.ranks import Ranked, log_variances, rank_split, ranks_without_variance
from hug.evaluate.subfeatures import subfeature_measures
from hug.evaluate.uncertainty import (
    Row,
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
from hug.features import Features, evaluation_features
from hug.files import write_json, write_parquet
from hug.model import HUG

PROTOCOL = "garments"
CUTS = (1, 10, 50)


def evaluate(
    model: HUG,
    data: DataConfig,
    folder: Path | None,
    split: str = "test",
    point: HUG | None = None,
    photos: Path | None = None,
    severity_pictures: int = 40,
    about: dict[str, Any] | None = None,
    subfeature_pictures: int = 40,
) -> dict[str, Any]:
    """Measure a model on `split` of a data set in Fashion-IQ's layout; write the results beside the checkpoint.

    `point` adds the row "point matching" (a checkpoint trained with that objective); `photos` a folder of real
    photographs for measure 1; `severity_pictures` and `subfeature_pictures` clean pictures a category serve
    measures 1 and 5; `about` goes into the record (command, seed, commit). With `folder=None` nothing
    is written. Returns the content of `measurements.json`.
    """
    cache = TokenCache(Path(data.cache), model.backbone)
    parts = {
        name: evaluation_features(read_fashioniq(data.root, name, data.categories), model.backbone, data.cache)
        for name in ("train", "val", split)
    }
    validation = rank_split(model, parts["val"])
    doubt, scale = fit_doubt(validation)
    ranked = rank_split(model, parts[split])
    rows = recall_rows("HUG", by_category(ranked), parts[split])
    rows += baseline_rows(ranked, parts["train"], parts[split], point)
    rows += gallery_measures(parts[split], ranked) + words_measures(parts[split], ranked)
    rows += coordination_measures(model, parts[split], cache)
    rows += retrieval_measures(parts[split], ranked, doubt, scale) + hard_measures(parts[split], ranked)
    pictures, keys = clean_pictures(parts[split].collection, severity_pictures)
    rows += severity_measures(model, pictures, keys, cache, f"severity-{parts[split].collection.name}-{split}")
    rows += subfeature_measures(model, parts[split].collection, ranked, cache, subfeature_pictures)
    if photos is not None:
        found = severity_measures(model, *folder_pictures(photos), cache, "severity-photographs")
        rows += [{**r, "measure": f"photographs: {r['measure']}"} for r in found]
    result = {
        "protocol": PROTOCOL, "split": split, "weights": model.weights_hash, "backbone": model.backbone.fingerprint,
        "objective": model.objective.name, "data": data_version(Path(data.root)),
        "galleries": {r.category: gallery_record(r) for r in ranked}, **(about or {}), "rows": rows,
    }  # fmt: skip
    if folder is not None:
        write_json(folder / "measurements.json", result)
        write_json(folder / "calibration.json", {"within": 10, "weights": model.weights_hash, **doubt.to_dict()})
        write_parquet(folder / "validation.parquet", validation_table(parts["val"], validation))
    return result


def fit_doubt(validation: Sequence[Ranked]) -> tuple[DoubtModel, float]:
    """The doubt model, and the scale of the entropy baseline: the inverse spread of validation distances."""
    finite = np.concatenate([r.distances[np.isfinite(r.distances)] for r in validation])
    return DoubtModel.fit(*hits(validation)), float(1 / max(finite.std(), 1e-9))


def recall_rows(name: str, ranks: dict[str, np.ndarray], features: Features) -> list[Row]:
    """R@1, R@10, R@50 and MRR, averages over categories; with the truth also on clean, specific, fitting queries.

    `ranks` are by category, in the order of the triplets.
    """
    rows = _recall(name, ranks, "all")
    fine = fine_queries(features)
    if fine is None:
        return rows
    category = np.array([t.category for t in features.collection.triplets])
    return rows + _recall(name, {c: r[fine[category == c]] for c, r in ranks.items()}, "clean")


def _recall(name: str, ranks: dict[str, np.ndarray], which: str) -> list[Row]:
    codes = np.repeat(np.arange(len(ranks)), [len(r) for r in ranks.values()])
    everything = np.concatenate(list(ranks.values()))
    if not len(everything):
        return []
    of = {f"R@{k}": partial(_percent, k=k) for k in CUTS} | {"MRR": mean_reciprocal_rank}
    return [measured(f"{name} {label}, {which}", macro(f), everything, codes, draws=200) for label, f in of.items()]


def _percent(ranks: np.ndarray, k: int) -> float:
    return 100 * recall_at(ranks, k)


def baseline_rows(ranked: Sequence[Ranked], train: Features, test: Features, point: HUG | None) -> list[Row]:
    """Every baseline on the same frozen tokens."""
    found = baseline_ranks(train, test)
    if point is not None:
        found["point matching"] = by_category(rank_split(point, test, use_var=False))
    found["means without variance"] = {r.category: ranks_without_variance(r) for r in ranked}
    return [r for name, ranks in found.items() for r in recall_rows(name, ranks, test)]


def by_category(ranked: Sequence[Ranked]) -> dict[str, np.ndarray]:
    return {r.category: r.ranks for r in ranked}


def gallery_record(ranked: Ranked) -> dict[str, Any]:
    digest = hashlib.sha256("\n".join(ranked.gallery).encode()).hexdigest()[:16]
    return {"size": len(ranked.gallery), "hash": digest, "queries": len(ranked.ranks)}


def data_version(root: Path) -> dict[str, Any]:
    """Version and hash of generated data; empty for other data."""
    path = root / "version.json"
    if not path.exists():
        return {}
    raw = json.loads(path.read_text())
    return {key: raw[key] for key in ("version", "sha256", "seed") if key in raw}


def validation_table(features: Features, validation: Sequence[Ranked]) -> pd.DataFrame:
    """One row a validation query and a candidate: the values behind histograms and percentiles."""
    tables = []
    for r in validation:
        logs = log_variances(r.query)
        table = pd.DataFrame(np.exp(logs), columns=["var_r", "var_t", "var_m", "var_q"])
        table.insert(0, "side", "query")
        table.insert(1, "category", r.category)
        table.insert(2, "id", [features.collection.triplets[n].reference for n in r.rows])
        table["rank"] = r.ranks
        candidates = pd.DataFrame({"side": "image", "category": r.category, "id": list(r.gallery)})
        candidates["var_c"] = r.candidates.overall.numpy()
        tables += [table, candidates]
    return pd.concat(tables, ignore_index=True)


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
        lines.append(f"{r['measure']:<{width}}  {r['value']:>8.3f}{interval}")
    return "\n".join(lines)
