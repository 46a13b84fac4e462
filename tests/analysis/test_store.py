"""What was measured is read back; what is stale, damaged or of other weights is refused by itself, with what to run."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis import store as storage
from analysis.experiments import Experiments
from analysis.registry import STUDIES, Study
from analysis.store import ABOUT, FOLDER, StaleStudies, StudyStore, measure
from hug.config import OBJECTIVES, DataConfig
from hug.evaluate.measurements import Metric
from tests.hug.conftest import small_model

QUICK = ("samples", "similar", "attributes", "severity")
WEIGHTS = small_model(OBJECTIVES["calibrated"]).weights_hash


@pytest.fixture(scope="module")
def checkpoint(studied: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint with the quick studies of its gallery."""
    folder = tmp_path_factory.mktemp("stored") / "tiny"
    shutil.copytree(studied, folder)
    measure(Experiments.load(folder), names=QUICK)
    return folder


@pytest.fixture
def copy(checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoint, tmp_path / "tiny"))


def load(folder: Path) -> StudyStore:
    store = StudyStore.load(folder, WEIGHTS)
    assert store is not None
    return store


def test_tables_come_back_as_they_were_computed(checkpoint: Path) -> None:
    experiments, store = Experiments.load(checkpoint), load(checkpoint)
    assert store.origin.weights == experiments.model.weights_hash == WEIGHTS
    assert store.origin.gallery == experiments.index.gallery_hash and store.origin.data == {}
    for name in ("samples", "similar"):
        expected, table = STUDIES[name].measure(experiments), store.table(name)
        assert list(table) == list(expected)
        for column in table:
            if pd.api.types.is_numeric_dtype(table[column]):
                np.testing.assert_allclose(table[column], expected[column], rtol=1e-6)
            else:
                assert list(table[column]) == list(expected[column])
        assert STUDIES[name].say(table) == STUDIES[name].say(expected)


def test_metrics_come_back_with_what_made_them(store: StudyStore, experiments: Experiments) -> None:
    metrics = {m.id: m for m in store.metrics}
    table = STUDIES["coordination"].measure(experiments)
    for metric in STUDIES["coordination"].metrics(experiments, table):
        assert metrics[metric.id] == metric
    record = store.records["coordination"]
    assert record.data["split"] == "test" and record.data["version"] == "test"
    assert record.effort["pictures"] == experiments.effort.pictures and record.commit


def test_a_table_is_a_copy(checkpoint: Path) -> None:
    store = load(checkpoint)
    own = store.table("similar")
    own["correlation"] = 9
    assert (store.table("similar").correlation < 2).all()


def test_what_is_skipped_says_why(checkpoint: Path) -> None:
    store = load(checkpoint)
    assert set(store.tables) == {"samples", "similar", "attributes"}
    with pytest.raises(KeyError, match="--root"):
        store.table("severity")
    with pytest.raises(KeyError, match="not computed yet"):
        store.table("map")
    with pytest.raises(KeyError, match="no study 'dance'"):
        store.table("dance")


def test_nothing_measured_is_none(studied: Path) -> None:
    assert StudyStore.load(studied, WEIGHTS) is None


def test_other_weights_are_refused_with_what_to_run(checkpoint: Path) -> None:
    with pytest.raises(StaleStudies, match="made by the weights .*run `python -m analysis measure --checkpoint"):
        StudyStore.load(checkpoint, small_model(OBJECTIVES["paper"]).weights_hash)


def test_another_gallery_is_refused(copy: Path) -> None:
    table = json.loads((copy / "gallery.json").read_text())
    (copy / "gallery.json").write_text(json.dumps(table | {"gallery": "0" * 16}))
    with pytest.raises(StaleStudies, match="made for the gallery"):
        load(copy)


def test_a_searched_gallery_decides_over_the_studies_that_show_pictures(checkpoint: Path) -> None:
    own = load(checkpoint).origin.gallery
    assert not StudyStore.load(checkpoint, WEIGHTS, own).stale  # type: ignore[union-attr]
    store = StudyStore.load(checkpoint, WEIGHTS, "0" * 16)
    assert store is not None and set(store.stale) == {"samples"} and "similar" in store.tables
    with pytest.raises(KeyError, match=f"made for the gallery {own}, here is 0000000000000000"):
        store.table("samples")


# ---- a study is stale by itself ----


def test_a_new_study_leaves_the_others_valid(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = dataclasses.replace(STUDIES["similar"], name="dance", title="A dance")
    monkeypatch.setitem(STUDIES, "dance", study)
    store = load(checkpoint)
    assert set(store.tables) == {"samples", "similar", "attributes"} and not store.stale
    assert store.skipped["dance"] == "not computed yet"


def test_a_study_that_is_gone_leaves_the_others_valid(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(STUDIES, "similar")
    assert set(load(checkpoint).tables) == {"samples", "attributes"}


def test_a_study_of_another_version_is_stale_alone(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newer = dataclasses.replace(STUDIES["similar"], version=STUDIES["similar"].version + 1)
    monkeypatch.setitem(STUDIES, "similar", newer)
    store = load(copy)
    assert set(store.tables) == {"samples", "attributes"} and set(store.stale) == {"similar"}
    with pytest.raises(KeyError, match="similar is of version 1, the study now of 2; run `python -m analysis measure"):
        store.table("similar")
    before = (copy / FOLDER / "samples.parquet").stat().st_mtime_ns
    again = measure(Experiments.load(copy), names=["similar"])
    assert set(again.tables) == {"samples", "similar", "attributes"} and not again.stale
    assert (copy / FOLDER / "samples.parquet").stat().st_mtime_ns == before


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_damaged_table_is_stale_alone(copy: Path, damage: str) -> None:
    path = copy / FOLDER / "similar.parquet"
    cut(path) if damage == "cut" else path.unlink()
    store = load(copy)
    assert set(store.tables) == {"samples", "attributes"}
    with pytest.raises(
        KeyError, match="similar.parquet is missing, cut off or of another run; run `python -m analysis"
    ):
        store.table("similar")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def without(about: dict[str, Any]) -> dict[str, Any]:
    about["studies"]["similar"].pop("weights")
    return about


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-20],
        lambda text: "[]",
        lambda text: json.dumps(json.loads(text) | {"format": 1}),
        lambda text: json.dumps(without(json.loads(text))),
    ],
)
def test_a_damaged_record_is_told(copy: Path, change: Any) -> None:
    about = copy / FOLDER / ABOUT
    about.write_text(change(about.read_text()))
    with pytest.raises(ValueError, match="python -m analysis measure"):
        load(copy)


# ---- measuring again ----


def test_one_study_again_keeps_the_others(copy: Path) -> None:
    before = (copy / FOLDER / "samples.parquet").stat().st_mtime_ns
    again = measure(Experiments.load(copy), names=["similar"])
    assert set(again.tables) == {"samples", "similar", "attributes"}
    assert (copy / FOLDER / "samples.parquet").stat().st_mtime_ns == before
    assert "--root" in again.skipped["severity"]
    with pytest.raises(ValueError, match="unknown study 'dance'"):
        measure(Experiments.load(copy), names=["dance"])


def test_another_data_set_starts_anew(copy: Path, shop: Path) -> None:
    data = DataConfig(root=str(shop), cache=str(copy / "cache"))
    again = measure(Experiments.load(copy, data), names=["similar"])
    assert set(again.tables) == {"similar"} and not (copy / FOLDER / "samples.parquet").exists()
    assert again.origin.data["split"] == "test" and again.origin.data["version"] == "test"


def test_a_study_s_metrics_are_stored_beside_its_table(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def planted(experiments: Experiments, table: pd.DataFrame) -> list[Metric]:
        return [Metric("correlation.components", float(table.correlation.max()), count=len(table))]

    study: Study = dataclasses.replace(STUDIES["similar"], metrics=planted)
    monkeypatch.setitem(storage.STUDIES, "similar", study)
    store = measure(Experiments.load(copy), names=["similar"])
    (metric,) = store.metrics
    assert metric.value == pytest.approx(store.table("similar").correlation.max()) and metric.count == 80
    assert load(copy).metrics == store.metrics


def test_nothing_to_study_is_told(copy: Path) -> None:
    (copy / "gallery.json").unlink()
    with pytest.raises(ValueError, match="python -m hug index"):
        Experiments.load(copy)
