"""The whole protocol on a very small generated data set."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hug.checkpoint import save_model
from hug.config import OBJECTIVES, DataConfig
from hug.data.corruptions import TRAINED, UNSEEN
from hug.data.features import evaluation_features
from hug.data.garments import ASPECTS, read
from hug.evaluate.aims import AIMS, GUARDS
from hug.evaluate.baselines import BASELINES
from hug.evaluate.page import read_measurements, results_page
from hug.evaluate.ranking import rank_split, ranks_without_variance, target_ranks
from hug.evaluate.run import QUICK, Effort, evaluate, in_halves, table_text
from hug.evaluate.tables import read_queries
from hug.retrieval.trace import Calibration
from tests.hug.conftest import PixelBackbone, noise_pictures, small_model


@pytest.fixture(scope="module")
def measured(garments: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("checkpoint")
    photos = tmp_path_factory.mktemp("photos")
    for n, picture in enumerate(noise_pictures(3)):
        picture.save(photos / f"{n}.png")
    model, point = small_model(OBJECTIVES["calibrated"]).eval(), small_model(OBJECTIVES["point"]).eval()
    save_model(model, folder)
    data = DataConfig(root=str(garments), cache=str(tmp_path_factory.mktemp("cache")))
    effort = Effort(draws=50, severity_pictures=3, subfeature_pictures=2)
    return folder, evaluate(model, data, folder, "test", point, photos, {"command": "x"}, effort)


def test_every_measure_is_there_with_protocol_and_galleries(measured: tuple[Path, dict]):
    folder, result = measured
    assert json.loads((folder / "measurements.json").read_text())["weights"] == result["weights"]
    assert result["protocol"] == "garments" and result["data"]["version"] == "test"
    assert {g["size"] for g in result["galleries"].values()} == {15}
    names = [r["measure"] for r in result["rows"]]
    assert len(names) == len(set(names))
    for baseline in (*BASELINES, "point matching", "means without variance", "HUG"):
        assert f"{baseline} R@10, all" in names
    for kind in (*TRAINED, *UNSEEN):
        assert any(n.startswith(f"spearman severity/σ_c, {kind}") for n in names)
        assert any(n.startswith(f"photographs: AUROC degraded/clean σ_c, {kind}") for n in names)
    for name in ("paired conflict/fit σ_m", "AUROC vague/specific σ_t", "ECE of doubt, all", "Pearson(bin, R@10), all"):
        assert name in names
    for style in ("unseen style", "trained style"):
        assert f"tracked aspects ({style})" in names
        for aspect in ASPECTS:
            assert {f"{what} of {aspect}, best component ({style})" for what in ("delta", "margin")} <= set(names)
    for name in ("mean |correlation| of components", "R@1, hard gallery", "MRR, hard gallery"):
        assert name in names


def test_every_aim_finds_its_measure(measured: tuple[Path, dict]):
    names = {r["measure"] for r in measured[1]["rows"]}
    assert {name for aim in (*AIMS, *GUARDS) for name in aim.rows} <= names
    page = results_page(read_measurements([measured[0]]))
    assert f"`{measured[1]['weights']}`" in page and "`x`" in page
    for category, gallery in measured[1]["galleries"].items():
        assert f"| {category} | 15 | `{gallery['hash']}` |" in page


def test_what_an_aim_reads_has_an_interval(measured: tuple[Path, dict]):
    rows = {r["measure"]: r for r in measured[1]["rows"]}
    for aim in AIMS:
        for row in (rows[name] for name in aim.rows):
            assert row["low"] is not None and row["low"] <= row["high"], row


def test_every_query_is_stored_with_the_weights_it_was_asked_of(measured: tuple[Path, dict]):
    folder, result = measured
    table = read_queries(folder, "test", result["weights"])
    assert table is not None and len(table) == 45 and read_queries(folder, "test", "others") is None
    assert read_queries(folder, "val", result["weights"]) is None
    recall = 100 * (table["rank"] <= 10).groupby(table.category, observed=True).mean().mean()
    assert recall == pytest.approx(next(r["value"] for r in result["rows"] if r["measure"] == "HUG R@10, all"))
    assert table.chance.between(0, 1).all() and table.clean.sum() > 0
    brier = ((table.chance - (table["rank"] <= 10)) ** 2).mean()
    assert brier == pytest.approx(next(r["value"] for r in result["rows"] if r["measure"] == "Brier of doubt, all"))
    (folder / "test.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match="test.parquet is damaged"):
        read_queries(folder, "test", result["weights"])


def test_measured_on_validation_no_query_helps_to_fit_its_own_doubt(garments: Path, tmp_path: Path):
    model = small_model(OBJECTIVES["calibrated"]).eval()
    data = DataConfig(root=str(garments), cache=str(tmp_path / "cache"))
    effort = dataclasses.replace(QUICK, draws=20, severity_pictures=1, subfeature_pictures=2)
    result = evaluate(model, data, tmp_path, "val", about={}, effort=effort)
    assert result["split"] == "val" and result["effort"]["draws"] == 20
    names = {r["measure"] for r in result["rows"]}
    assert "ECE of doubt, all" in names and "words only R@10, all" not in names
    ranked = rank_split(model, evaluation_features(read(garments, "val"), PixelBackbone(), data.cache))
    stored = read_queries(tmp_path, "val", result["weights"])
    assert stored is not None and np.allclose(stored.chance, in_halves(ranked), atol=1e-6)
    turned = [dataclasses.replace(r, ranks=r.ranks.copy()) for r in ranked]
    same = ranked[0].targets == ranked[0].targets[0]
    turned[0].ranks[same] = np.where(ranked[0].ranks[same] <= 10, 99, 1)  # the answers about one target
    changed = in_halves(turned) != in_halves(ranked)
    assert changed.any() and not changed[: len(same)][same].any()


def test_words_alone_cannot_tell_a_conflict(measured: tuple[Path, dict]):
    value = next(r["value"] for r in measured[1]["rows"] if r["measure"] == "paired conflict/fit σ_t")
    assert value == 0.5


def test_the_table_names_what_was_measured(measured: tuple[Path, dict]):
    text = table_text(measured[1])
    assert "protocol garments, split test" in text.splitlines()[0] and "dress 15 (" in text
    assert len(text.splitlines()) == 2 + len(measured[1]["rows"])


def test_the_calibration_answers_for_its_own_weights_only(measured: tuple[Path, dict]):
    folder, _ = measured
    calibration = Calibration.load(folder, small_model(OBJECTIVES["calibrated"]))
    assert calibration is not None and calibration.within == 10
    assert calibration.percentile("t", 0.0) == 0 and calibration.percentile("t", 1.1) == 100
    middle = float(np.median(calibration.values["t"]))
    assert 45 <= calibration.percentile("t", middle) <= 55
    model = small_model(OBJECTIVES["calibrated"]).eval()
    query = model.query([Image.new("RGB", (32, 32), "red")], ["is blue"])
    assert 0 < calibration.chance(query) < 1
    with pytest.raises(ValueError, match="other weights"):
        Calibration.load(folder, small_model(OBJECTIVES["paper"]))


def test_validation_values_lie_beside_the_checkpoint(measured: tuple[Path, dict]):
    table = pd.read_parquet(measured[0] / "validation.parquet")
    assert set(table.side) == {"query", "image"} and (table.side == "image").sum() == 45
    assert table[table.side == "query"][["var_r", "var_t", "var_m", "var_q", "rank"]].notna().all().all()


def test_target_ranks_by_hand():
    d = np.array([[3.0, 1.0, 2.0], [1.0, 1.0, 1.0], [np.inf, 5.0, 4.0]])
    assert target_ranks(d, np.array([0, 1, 1])).tolist() == [3, 2, 2]


def test_ranks_are_those_of_a_readable_loop(garments: Path, tmp_path: Path):
    model = small_model(OBJECTIVES["calibrated"]).eval()
    features = evaluation_features(read(garments, "val"), PixelBackbone(), tmp_path)
    ranked = rank_split(model, features)[1]
    assert ranked.category == "shirt"
    for n, row in enumerate(ranked.rows):
        triplet = features.collection.triplets[row]
        others = [i for i in ranked.gallery if i != triplet.reference]
        ordered = sorted(others, key=lambda i: ranked.distances[n, ranked.gallery.index(i)])  # noqa: B023
        assert ordered.index(triplet.target) + 1 == ranked.ranks[n]


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
    pairs = zip(rank_split(model, features), rank_split(model, features, use_var=False), strict=True)
    assert all(np.array_equal(ranks_without_variance(a), b.ranks) for a, b in pairs)
