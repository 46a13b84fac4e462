"""What was prepared is read back; what is stale, damaged or of other weights is refused with what to run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from analysis.ground import Ground

from analysis.registry import STUDIES
from analysis.store import ABOUT, FOLDER, Prepared, prepare
from hug.config import OBJECTIVES, DataConfig
from tests.hug.conftest import small_model

QUICK = ("samples", "similar", "attributes", "severity")


@pytest.fixture(scope="module")
def checkpoint(studied: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint with the quick studies of its gallery."""
    folder = tmp_path_factory.mktemp("prepared") / "tiny"
    shutil.copytree(studied, folder)
    prepare(Ground.load(folder), names=QUICK)
    return folder


@pytest.fixture
def copy(checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoint, tmp_path / "tiny"))


def test_tables_come_back_as_they_were_computed(checkpoint: Path) -> None:
    ground = Ground.load(checkpoint)
    found = Prepared.load(checkpoint, ground.model)
    assert found is not None and found.weights == ground.model.weights_hash
    assert found.gallery == ground.index.gallery_hash and found.data == {}
    for name in ("samples", "similar"):
        expected, table = STUDIES[name].table(ground), found.table(name)
        assert tuple(table.columns) == STUDIES[name].columns
        for column in table:
            if pd.api.types.is_numeric_dtype(table[column]):
                np.testing.assert_allclose(table[column], expected[column], rtol=1e-6)
            else:
                assert list(table[column]) == list(expected[column])
        assert STUDIES[name].say(table) == STUDIES[name].say(expected)


def test_a_table_is_a_copy(checkpoint: Path) -> None:
    found = Prepared.load(checkpoint, small_model(OBJECTIVES["calibrated"]))
    assert found is not None
    own = found.table("similar")
    own["correlation"] = 9
    assert (found.table("similar").correlation < 2).all()


def test_what_is_skipped_says_why(checkpoint: Path) -> None:
    found = Prepared.load(checkpoint, small_model(OBJECTIVES["calibrated"]))
    assert found is not None and set(found.tables) == {"samples", "similar", "attributes"}
    with pytest.raises(KeyError, match="--root"):
        found.table("severity")
    with pytest.raises(KeyError, match="not computed yet"):
        found.table("map")
    with pytest.raises(KeyError, match="no study 'dance'"):
        found.table("dance")


def test_nothing_prepared_is_none(studied: Path) -> None:
    assert Prepared.load(studied, small_model(OBJECTIVES["calibrated"])) is None


def test_other_weights_are_refused_with_what_to_run(checkpoint: Path) -> None:
    with pytest.raises(ValueError, match="made by the weights .*run `python -m analysis prepare --checkpoint"):
        Prepared.load(checkpoint, small_model(OBJECTIVES["paper"]))


def test_another_gallery_is_refused(copy: Path) -> None:
    table = json.loads((copy / "gallery.json").read_text())
    (copy / "gallery.json").write_text(json.dumps(table | {"gallery": "0" * 16}))
    with pytest.raises(ValueError, match="made for the gallery"):
        Prepared.load(copy, small_model(OBJECTIVES["calibrated"]))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


@pytest.mark.parametrize("damage", ["cut", "gone", "json", "format", "study"])
def test_damage_is_told(copy: Path, damage: str) -> None:
    folder = copy / FOLDER
    about = json.loads((folder / ABOUT).read_text())
    if damage == "cut":
        cut(folder / "similar.parquet")
    elif damage == "gone":
        (folder / "similar.parquet").unlink()
    elif damage == "json":
        cut(folder / ABOUT)
    elif damage == "format":
        (folder / ABOUT).write_text(json.dumps(about | {"format": 99}))
    else:
        about["skipped"].pop("map")
        (folder / ABOUT).write_text(json.dumps(about))
    with pytest.raises(ValueError, match="python -m analysis prepare"):
        Prepared.load(copy, small_model(OBJECTIVES["calibrated"]))


def test_one_study_again_keeps_the_others(copy: Path) -> None:
    before = (copy / FOLDER / "samples.parquet").stat().st_mtime_ns
    again = prepare(Ground.load(copy), names=["similar"])
    assert set(again.tables) == {"samples", "similar", "attributes"}
    assert (copy / FOLDER / "samples.parquet").stat().st_mtime_ns == before
    assert "--root" in again.skipped["severity"]
    with pytest.raises(ValueError, match="unknown study 'dance'"):
        prepare(Ground.load(copy), names=["dance"])


def test_another_data_set_starts_anew(copy: Path, shop: Path) -> None:
    again = prepare(Ground.load(copy, DataConfig(root=str(shop), cache=str(copy / "cache"))), names=["similar"])
    assert set(again.tables) == {"similar"} and again.data["split"] == "test" and again.data["version"] == "test"


def test_nothing_to_study_is_told(copy: Path) -> None:
    (copy / "gallery.json").unlink()
    with pytest.raises(ValueError, match="python -m hug index"):
        Ground.load(copy)
