"""A checkpoint is loaded whole or refused with the reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from hug.checkpoint import CheckpointError, load, save_model, shown_name
from hug.config import OBJECTIVES, PRESETS, SIZES, ModelConfig, ObjectiveConfig
from tests.hug.conftest import IdBackbone, PixelBackbone, PretrainedBackbone, noise_pictures, small_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(small_model(OBJECTIVES["calibrated"]), tmp_path / "model")
    return tmp_path / "model"


def test_what_is_loaded_is_what_was_saved(folder: Path):
    before, after = small_model(OBJECTIVES["calibrated"]).eval(), load(folder, PixelBackbone())
    assert after.weights_hash == before.weights_hash and not after.training
    assert after.config == before.config and after.objective == before.objective
    assert torch.equal(before.target(noise_pictures(1)).var, after.target(noise_pictures(1)).var)


def test_saving_leaves_no_half_written_file(folder: Path):
    assert {p.name for p in folder.iterdir()} == {"config.json", "model.safetensors"}


@pytest.mark.parametrize(
    ("name", "weights", "objective"),
    [("garments", "11a88e112f710221", "released"), ("garments-paper", "de4ff8b2d01ff648", "paper")],
)
def test_the_checkpoints_of_the_first_release_load_as_they_are(name: str, weights: str, objective: str):
    model = load(Path(__file__).parents[2] / "checkpoints" / name)
    assert model.weights_hash == weights and model.backbone.name == "embedded"
    assert model.config == SIZES["bundled"] and model.objective == PRESETS[objective].objective


@pytest.mark.parametrize("kind", [IdBackbone, PretrainedBackbone])
def test_a_reader_of_ids_is_saved_with_its_embeddings(tmp_path: Path, kind: type):
    before = small_model(OBJECTIVES["paper"], kind())
    with torch.no_grad():
        for value in before.parameters():
            value.add_(0.01)
    save_model(before, tmp_path / "model")
    after = load(tmp_path / "model", kind())
    assert after.weights_hash == before.weights_hash and after.config == before.config
    picture = noise_pictures(1)
    assert torch.equal(before.query(picture, ["is red"]).mu, after.query(picture, ["is red"]).mu)


def test_every_field_is_written(folder: Path):
    written = json.loads((folder / "config.json").read_text())
    assert written["model"].keys() == ModelConfig.model_fields.keys()
    assert written["objective"].keys() == ObjectiveConfig.model_fields.keys()


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_named(folder: Path, name: str):
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=f"{name} is missing"):
        load(folder, PixelBackbone())


def test_a_half_written_file_is_refused(folder: Path):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(CheckpointError, match="damaged"):
        load(folder, PixelBackbone())


def change(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"format": 99}, "config.format: input should be 2, got 99"),
        ({"extra": 1}, "unknown key 'extra'"),
        ({"model": {"componets": 3}}, "config.model: unknown key 'componets'"),
        ({"model": {"components": "many"}}, "config.model.components: input should be a valid integer, got 'many'"),
        ({"weights": "0" * 16}, "different models"),
        ({"format": 1, "backbone": {"name": "pixels", "fingerprint": "other"}}, "trained on backbone other"),
        ({"format": 1, "backbone": {"name": "pixels"}}, "config.json"),
        ({"backbone": 3}, "config.json"),
    ],
)
def test_a_configuration_that_does_not_fit_is_refused(folder: Path, changes: dict, says: str):
    change(folder, **changes)
    with pytest.raises(CheckpointError, match=says):
        load(folder, PixelBackbone())


def test_a_configuration_of_the_first_format_is_read(folder: Path):
    change(folder, format=1, backbone={"name": "pixels", "fingerprint": "pixels-1"})
    assert load(folder, PixelBackbone()).weights_hash == small_model(OBJECTIVES["calibrated"]).weights_hash


def test_the_backbone_is_stored_with_what_pictures_and_texts_went_through(folder: Path):
    stored = json.loads((folder / "config.json").read_text())["backbone"]
    assert stored == {
        "kind": "pixels", "source": "", "revision": "", "fingerprint": "pixels-1",
        "preprocessing": {"size": 4, "fit": "stretch", "word_pieces": 6, "captions": "as typed"},
    }  # fmt: skip


def test_another_preprocessing_is_named(folder: Path):
    class Padded(PixelBackbone):
        fingerprint = "pixels-2"
        preprocessing = PixelBackbone.preprocessing.replace(fit="black")

    with pytest.raises(CheckpointError, match="trained with pictures 4 px, stretched; .* here takes .* with black"):
        load(folder, Padded())


def test_a_model_of_the_hub_has_its_name_there_not_a_commit(tmp_path: Path):
    download = tmp_path / "models--owner--garments-l" / "snapshots" / ("0123456789" * 4)
    assert shown_name(download) == shown_name("owner/garments-l") == "garments-l"
    assert shown_name(tmp_path / "runs" / "mine") == "mine"


def test_weights_of_another_size_are_refused(folder: Path):
    raw = json.loads((folder / "config.json").read_text())
    change(folder, model=raw["model"] | {"components": 8})
    with pytest.raises(CheckpointError, match="doesn't fit"):
        load(folder, PixelBackbone())


def test_a_config_that_is_not_json_is_refused(folder: Path):
    (folder / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="config.json"):
        load(folder, PixelBackbone())


@pytest.mark.parametrize("source", ["nowhere/at/all", "/nowhere", "nothing"])
def test_a_folder_that_is_not_there(source: str):
    with pytest.raises(CheckpointError, match="no checkpoint folder"):
        load(source, PixelBackbone())
