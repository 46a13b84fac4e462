"""The whole protocol on a very small generated data set."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hug.checkpoint import save_model
from hug.config import OBJECTIVES, DataConfig
from hug.data.features import evaluation_features
from hug.data.garments import read
from hug.evaluate.baselines import BASELINES
from hug.evaluate.certainty import fit_calibration, promises
from hug.evaluate.evaluation import QUICK, Effort, evaluate
from hug.evaluate.measurements import Measurements
from hug.evaluate.protocols import PROTOCOLS
from hug.evaluate.query_table import read_queries
from hug.evaluate.ranking import RankedSplit, rank_split, target_ranks, without_variance
from hug.retrieval.trace import Calibration
from tests.hug.conftest import PixelBackbone, small_model


@pytest.fixture(scope="module")
def evaluated(garments: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Measurements]:
    folder = tmp_path_factory.mktemp("checkpoint")
    model, point = small_model(OBJECTIVES["calibrated"]).eval(), small_model(OBJECTIVES["point"]).eval()
    save_model(model, folder)
    data = DataConfig(root=str(garments), cache=str(tmp_path_factory.mktemp("cache")))
    return folder, evaluate(model, data, folder, "test", point, Effort(draws=50), "x", "c0ffee")


def test_every_metric_is_there_once_with_protocol_and_galleries(evaluated: tuple[Path, Measurements]):
    folder, measurements = evaluated
    assert Measurements.load(folder) == measurements
    assert measurements.protocol == "garments-1" and measurements.data["version"] == "test"
    assert {g["size"] for g in measurements.galleries.values()} == {15}
    ids = [m.id for m in measurements.metrics]
    assert len(ids) == len(set(ids)) and len({m.title for m in measurements.metrics}) == len(ids)
    for method in ("", *(f".{name}" for name in (*BASELINES, "point", "means"))):
        assert {f"recall.10.all{method}", f"recall.50.clean{method}", f"mrr.all{method}"} <= set(ids)
    for id in ("ece.all", "pearson.bin.all", "auroc.miss.chance.all", "auroc.miss.lead.all", "recall.10.clean.lead",
               "recall.1.hard", "mrr.hard", "near_misses.least", "recall.10.clean.words.reader"):  # fmt: skip
        assert id in ids


def test_an_estimate_lies_in_its_interval(evaluated: tuple[Path, Measurements]):
    for m in evaluated[1].metrics:
        assert m.low is None or m.low <= m.high, m
        if m.low is not None and not m.id.startswith(("ece", "auroc.miss.lead")):
            assert m.low <= m.value <= m.high, m


def test_every_query_is_stored_with_the_weights_it_was_asked_of(evaluated: tuple[Path, Measurements]):
    folder, measurements = evaluated
    table = read_queries(folder, "test", measurements.weights)
    assert table is not None and len(table) == 45 and read_queries(folder, "test", "others") is None
    assert read_queries(folder, "val", measurements.weights) is None
    recall = 100 * (table["rank"] <= 10).groupby(table.category, observed=True).mean().mean()
    values = {m.id: m.value for m in measurements.metrics}
    assert recall == pytest.approx(values["recall.10.all"])
    assert table.chance.between(0, 1).all() and table.clean.sum() > 0
    assert ((table.chance - (table["rank"] <= 10)) ** 2).mean() == pytest.approx(values["brier.all"])
    (folder / "test.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match="test.parquet is damaged"):
        read_queries(folder, "test", measurements.weights)


def test_measured_on_validation_no_query_helps_to_fit_its_own_chance(garments: Path, tmp_path: Path):
    model = small_model(OBJECTIVES["calibrated"]).eval()
    data = DataConfig(root=str(garments), cache=str(tmp_path / "cache"))
    measurements = evaluate(model, data, tmp_path, "val", effort=dataclasses.replace(QUICK, draws=20))
    assert measurements.split == "val" and measurements.effort["draws"] == 20
    ids = {m.id for m in measurements.metrics}
    assert "ece.all" in ids and "recall.10.all.words" not in ids
    ranking = rank_split(model, evaluation_features(read(garments, "val"), PixelBackbone(), data.cache))
    stored = read_queries(tmp_path, "val", measurements.weights)
    assert stored is not None and np.allclose(stored.chance, halves(ranking), atol=1e-6)
    first, *rest = ranking.categories
    same, targets = first.targets == first.targets[0], first.targets.copy()
    others = [
        n for n in range(first.targets[0] % 2, len(first.gallery), 2) if np.isfinite(first.distances[same, n]).all()
    ]
    targets[same] = others[-1] if others[-1] != first.targets[0] else others[0]  # other answers about one target
    turned = dataclasses.replace(ranking, categories=(dataclasses.replace(first, targets=targets), *rest))
    changed = halves(turned) != halves(ranking)
    assert changed.any() and not changed[: len(same)][same].any()


def halves(validation: RankedSplit) -> np.ndarray:
    return promises(validation, validation, fit_calibration(validation)).chance


def test_the_protocol_says_what_is_ranked_and_hidden_targets_are_not(garments: Path, tmp_path: Path):
    model, data = small_model(OBJECTIVES["calibrated"]).eval(), DataConfig(root=str(garments), cache=str(tmp_path))
    quick, standard = dataclasses.replace(QUICK, draws=5), PROTOCOLS["fiq-std"]
    measurements = evaluate(model, data, None, "test", effort=quick, protocol=standard)
    ids = {m.id for m in measurements.metrics}
    assert measurements.protocol == "fiq-std" and "recall.50.all" in ids and "recall.1.all" not in ids
    features = evaluation_features(read(garments, "val"), PixelBackbone(), tmp_path)
    for protocol in (standard, PROTOCOLS["fiq-noref"]):
        ranking = rank_split(model, features, protocol)
        removed = sum(int(np.isinf(r.distances).sum()) for r in ranking.categories)
        assert removed == (0 if protocol.keep_reference else len(ranking.ranks))
    first, *rest = features.collection.triplets
    hidden = dataclasses.replace(features.collection, triplets=(dataclasses.replace(first, target=None), *rest))
    fewer = rank_split(model, dataclasses.replace(features, collection=hidden))
    assert 0 not in fewer.rows and len(fewer.rows) == len(ranking.rows) - 1


def test_the_text_names_what_was_measured(evaluated: tuple[Path, Measurements]):
    text = evaluated[1].text()
    assert "protocol garments-1, split test" in text.splitlines()[0] and "dress 15 (" in text
    assert text.splitlines()[1] == evaluated[1].preprocessing
    assert len(text.splitlines()) == 3 + len(evaluated[1].metrics)


def test_the_calibration_answers_for_its_own_weights_only(evaluated: tuple[Path, Measurements]):
    folder, _ = evaluated
    calibration = Calibration.load(folder, small_model(OBJECTIVES["calibrated"]))
    assert calibration is not None and calibration.within == 10
    assert calibration.percentile("t", 0.0) == 0 and calibration.percentile("t", 1.1) == 100
    middle = float(np.median(calibration.values["t"]))
    assert 45 <= calibration.percentile("t", middle) <= 55
    assert {*calibration.scopes} == {"category", "all"} and calibration.protocol == "garments-1"
    assert [s.size for s in calibration.scopes["all"]] == [30, 45] and calibration.novelty is None
    with pytest.raises(ValueError, match="other weights"):
        Calibration.load(folder, small_model(OBJECTIVES["paper"]))


def test_validation_values_lie_beside_the_checkpoint(evaluated: tuple[Path, Measurements]):
    table = pd.read_parquet(evaluated[0] / "validation.parquet")
    assert set(table.side) == {"query", "image"} and (table.side == "image").sum() == 45
    assert table[table.side == "query"][["var_r", "var_t", "var_m", "var_q", "rank"]].notna().all().all()


def test_target_ranks_by_hand():
    d = np.array([[3.0, 1.0, 2.0], [1.0, 1.0, 1.0], [np.inf, 5.0, 4.0]])
    assert target_ranks(d, np.array([0, 1, 1])).tolist() == [3, 2, 2]


def test_ranks_are_those_of_a_readable_loop(garments: Path, tmp_path: Path):
    model = small_model(OBJECTIVES["calibrated"]).eval()
    features = evaluation_features(read(garments, "val"), PixelBackbone(), tmp_path)
    ranking = rank_split(model, features).categories[1]
    assert ranking.category == "shirt"
    for n, row in enumerate(ranking.rows):
        triplet = features.collection.triplets[row]
        others = [i for i in ranking.gallery if i != triplet.reference]
        ordered = sorted(others, key=lambda i: ranking.distances[n, ranking.gallery.index(i)])  # noqa: B023
        assert ordered.index(triplet.target) + 1 == ranking.ranks[n]


def test_truth_is_aligned_with_the_triplets(garments: Path):
    collection = read(garments, "test", ("shirt", "dress"))
    assert collection.truth is not None
    truth = collection.truth.queries
    assert len(truth) == len(collection.triplets)
    assert list(truth.category) == [t.category for t in collection.triplets]
    assert set(collection.ids) <= set(collection.truth.labels.index)
    clean = collection.truth.labels.degradation == "none"
    for triplet, both in zip(collection.triplets, truth.clean, strict=True):
        assert both == (clean[triplet.reference] and clean[triplet.target])
    assert collection.truth.coordination_pairs
    assert all(p.category in ("shirt", "dress") and "-test-" in p.fits for p in collection.truth.coordination_pairs)


def test_ranks_without_variance_are_those_of_a_fresh_ranking(garments: Path, tmp_path: Path):
    model = small_model(OBJECTIVES["calibrated"]).eval()
    features = evaluation_features(read(garments, "val"), PixelBackbone(), tmp_path)
    both = (rank_split(model, features, use_var=use_var).categories for use_var in (True, False))
    pairs = zip(*both, strict=True)
    assert all(np.array_equal(without_variance(a).ranks, b.ranks) for a, b in pairs)
