"""Where an evaluation writes is settled before anything is encoded, and it never replaces another calibration."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from hug.checkpoint import save_model
from hug.config import OBJECTIVES, DataConfig
from hug.evaluate import plan as planning
from hug.evaluate.evaluation import QUICK, evaluate
from hug.evaluate.measurements import Measurements
from hug.evaluate.plan import plan_evaluation, results_folder
from hug.model import HUG
from hug.retrieval.trace import Calibration
from tests.hug.conftest import small_model
from tests.hug.evaluate.trees import cirr_tree, fashioniq_tree

FAST = dataclasses.replace(QUICK, draws=5)


@pytest.fixture(scope="module")
def model() -> HUG:
    return small_model(OBJECTIVES["calibrated"]).eval()


@pytest.fixture(scope="module")
def calibrated(garments: Path, model: HUG, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A checkpoint calibrated on the generated data, and a cache."""
    folder, cache = tmp_path_factory.mktemp("checkpoint"), tmp_path_factory.mktemp("cache")
    save_model(model, folder)
    evaluate(model, DataConfig(root=str(garments), cache=str(cache)), folder, "val", effort=FAST)
    return folder, cache


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


def test_other_data_or_protocols_or_categories_never_touch_a_calibration(
    garments: Path, model: HUG, calibrated: tuple[Path, Path], tmp_path: Path
):
    folder, cache = shutil.copytree(calibrated[0], tmp_path / "checkpoint"), str(calibrated[1])
    before = contents(folder)
    own = DataConfig(root=str(garments), cache=cache)
    clothes = DataConfig(root=str(fashioniq_tree(tmp_path / "my shop", pictures=True)), cache=cache)
    similar = DataConfig(root=str(cirr_tree(tmp_path / "cirr", pictures=True)), cache=cache)
    evaluate(model, clothes, folder, "val", effort=FAST, protocol="fiq-std")
    evaluate(model, clothes, folder, "val", effort=FAST)
    measured = evaluate(model, similar, folder, None, effort=FAST)
    ids = {m.id: m.value for m in measured.metrics}
    assert ids["average.subset"] == pytest.approx((ids["recall.5.all"] + ids["recall.1.subset"]) / 2)
    evaluate(model, own, folder, "val", effort=FAST, protocol="fiq-std")
    evaluate(model, own.replace(categories=("dress",)), folder, "val", effort=FAST)
    assert contents(folder) == before
    places = sorted((folder / "results").iterdir())
    names = [(p.name.split("-")[0], "-".join(p.name.split("-")[-2:])) for p in places]
    assert sorted(names) == [
        ("cirr", "cirr-val"), ("my", "fiq-noref"), ("my", "fiq-std"), ("test", "fiq-std"), ("test", "garments-1"),
    ]  # fmt: skip
    assert Measurements.load(places[0]) == measured and Calibration.load(places[0], model) is not None
    assert {p.name for p in places[0].iterdir()} == {
        "measurements.json", "calibration.json", "calibration.safetensors", "validation.parquet", "val.parquet",
    }  # fmt: skip
    assert evaluate(model, own, folder, "test", effort=FAST).split == "test"  # its own data: in place
    assert contents(folder)["measurements.json"] != before["measurements.json"] and len(places) == 5


def test_a_shipped_calibration_is_of_its_own_data_under_the_old_name(garments: Path, tmp_path: Path):
    shipped = Path(__file__).parents[3] / "checkpoints" / "garments" / "measurements.json"
    raw = json.loads(shipped.read_text())  # as the first release wrote it
    del raw["validation"], raw["preprocessing"], raw["notes"]
    (tmp_path / shipped.name).write_text(json.dumps({**raw, "protocol": "garments"}))
    measured = Measurements.load(tmp_path)
    assert measured is not None and measured.protocol == "garments" and measured.validation == {}
    plan = plan_evaluation(DataConfig(root=str(garments)), None, None, False)
    assert results_folder(tmp_path, tmp_path, plan, measured.weights).parent == tmp_path / "results"
    assert plan.validation is not None
    same = dataclasses.replace(plan, validation=dataclasses.replace(plan.validation, version={**measured.data}))
    assert results_folder(tmp_path, tmp_path, same, measured.weights) == tmp_path


def test_what_is_uncalibrated_or_of_other_weights_is_written_in_place(
    garments: Path, model: HUG, calibrated: tuple[Path, Path], tmp_path: Path
):
    plan = plan_evaluation(DataConfig(root=str(garments)), "val", "fiq-std", False)
    (tmp_path / "new").mkdir()
    assert results_folder(tmp_path / "new", tmp_path / "new", plan, "abc") == tmp_path / "new"
    folder = calibrated[0]
    assert results_folder(folder, folder, plan, "others") == folder
    assert results_folder(folder, folder, plan, model.weights_hash).parent == folder / "results"
    assert results_folder(folder, folder, plan, model.weights_hash, recalibrate=True) == folder


def test_an_unknown_calibration_is_not_replaced(
    garments: Path, model: HUG, calibrated: tuple[Path, Path], tmp_path: Path
):
    folder = shutil.copytree(calibrated[0], tmp_path / "checkpoint")
    plan = plan_evaluation(DataConfig(root=str(garments)), "val", None, False)
    (folder / "measurements.json").write_text("{")
    with pytest.raises(ValueError, match=r"can't be read.*--recalibrate"):
        results_folder(folder, folder, plan, model.weights_hash)
    (folder / "measurements.json").unlink()
    with pytest.raises(ValueError, match="a calibration but no measurements.json"):
        results_folder(folder, folder, plan, model.weights_hash)
    assert results_folder(folder, folder, plan, model.weights_hash, recalibrate=True) == folder
    assert results_folder(folder, folder, plan, model.weights_hash, out=tmp_path / "out") == tmp_path / "out"


def test_the_hub_s_cache_is_not_written_into(
    garments: Path, calibrated: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    plan, snapshot = plan_evaluation(DataConfig(root=str(garments)), "val", None, False), tmp_path / "hub/models/a"
    snapshot.mkdir(parents=True)
    for name in ("owner/name", str(snapshot)):
        monkeypatch.setattr(planning, "HF_HUB_CACHE", str(tmp_path / "hub"))
        with pytest.raises(ValueError, match="is in the Hub's cache.*--out"):
            results_folder(name, snapshot, plan, "abc")
        assert results_folder(name, snapshot, plan, "abc", out=tmp_path / "out") == tmp_path / "out"
    with pytest.raises(ValueError, match="measured on other data; name another folder"):
        results_folder("owner/name", snapshot, _renamed(plan), small_hash(calibrated[0]), out=calibrated[0])


def _renamed(plan: planning.Plan) -> planning.Plan:
    return dataclasses.replace(plan, protocol=dataclasses.replace(plan.protocol, name="fiq-std"))


def small_hash(folder: Path) -> str:
    measured = Measurements.load(folder)
    assert measured is not None
    return measured.weights


def test_a_place_that_cannot_be_written_is_refused_at_once(garments: Path, tmp_path: Path):
    plan = plan_evaluation(DataConfig(root=str(garments)), "val", None, False)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"results can't be written .*; name another folder with --out"):
        results_folder(tmp_path, tmp_path, plan, "abc", out=tmp_path / "file" / "results")


def test_missing_splits_and_pictures_are_found_before_anything_is_encoded(tmp_path: Path):
    clothes = DataConfig(root=str(fashioniq_tree(tmp_path / "fiq", pictures=True)))
    plan = plan_evaluation(clothes, None, None, baselines=True)
    assert plan.collection.split == "val" and plan.validation is plan.collection and plan.training is None
    assert len(plan.notes) == 1 and "baselines of words are left out" in plan.notes[0]
    (tmp_path / "fiq/images/dress7.png").unlink()
    with pytest.raises(ValueError, match="1 of 180 pictures are missing"):
        plan_evaluation(clothes, None, None, baselines=False)
    reduced = plan_evaluation(clothes.replace(missing="drop", cache=str(tmp_path)), None, "fiq-std", baselines=False)
    assert reduced.protocol.name == "fiq-std-reduced-1-of-180"
    assert reduced.notes[0].startswith("val: 1 of 180 pictures are missing or unreadable, so 0 of 9 queries")
    hidden = DataConfig(root=str(cirr_tree(tmp_path / "cirr", "test", pictures=True)))
    assert plan_evaluation(hidden, None, "cirr-test", baselines=True).validation is None
    with pytest.raises(ValueError, match="shows no target"):
        plan_evaluation(hidden, "test", "cirr-val", baselines=True)


def test_without_training_pictures_the_reference_alone_is_a_baseline(model: HUG, tmp_path: Path):
    data = DataConfig(root=str(fashioniq_tree(tmp_path / "fiq", pictures=True)), cache=str(tmp_path / "cache"))
    measured = evaluate(model, data, None, "val", effort=dataclasses.replace(FAST, baselines=True))
    values = {m.id: m.value for m in measured.metrics}
    assert {"recall.10.all.reference", "recall.10.all.means"} <= set(values)
    assert not {"recall.10.all.words", "recall.10.all.sum", "recall.10.clean.lead"} & set(values)
    assert "note: the baselines of words are left out" in measured.text()
    rows = [values[f"category.recall.10.{c}"] for c in ("dress", "shirt", "toptee")]
    assert values["recall.10.all"] == pytest.approx(sum(rows) / 3)
    assert values["average.gallery"] == pytest.approx((values["recall.10.all"] + values["recall.50.all"]) / 2)
