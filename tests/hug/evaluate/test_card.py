"""A checkpoint's card says what its files say, and no more."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import yaml

from hug.checkpoint import save_model
from hug.config import OBJECTIVES
from hug.evaluate.card import METRICS, STUDIES, model_card
from hug.evaluate.measurements import FILE, definition
from hug.files import write_json
from tests.hug.conftest import small_model
from tests.hug.evaluate.measured import measurements

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(small_model(OBJECTIVES["calibrated"]), tmp_path)
    return tmp_path


def weights(folder: Path) -> str:
    return str(json.loads((folder / "config.json").read_text())["weights"])


def measure(folder: Path, place: str = ".", **changes: str) -> None:
    own = measurements("calibrated", **{"recall.10.all": (61.8, 60.1, 63.2), "ece.all": 0.05})
    own = dataclasses.replace(own, **{"weights": weights(folder), **changes})
    write_json(folder / place / FILE, own.to_dict())


def test_every_measurement_names_its_protocol(folder: Path) -> None:
    measure(folder)
    measure(folder, "results/fiq-1", protocol="fiq-noref", split="val")
    card = model_card(folder, weights(folder), "owner/name")
    first, second = card.index("**Protocol "), card.index("**Protocol fiq-noref**, split val")
    assert first < second and card.count("| 61.800 | 60.100 to 63.200 |") == 2
    metadata = yaml.safe_load(card.split("---")[1])
    assert metadata["license"] == "apache-2.0" and "composed-image-retrieval" in metadata["tags"]
    (index,) = metadata["model-index"]
    assert len(index["results"]) == 2 and "protocol fiq-noref" in index["results"][1]["dataset"]["name"]
    never = card.split("## Never measured")[1]
    assert "fiq-std" in never and "fiq-noref" not in never


def test_other_weights_and_nothing_measured(folder: Path) -> None:
    assert "Nothing was measured of these weights." in model_card(folder, weights(folder))
    measure(folder, weights="other")
    card = model_card(folder, weights(folder))
    assert "61.800" not in card and "Nothing was measured" in card and "| trained on | unknown |" in card


def test_the_shipped_card_has_its_training_and_its_studies() -> None:
    shipped = ROOT / "checkpoints" / "garments"
    card = model_card(shipped, weights(shipped), "owner/garments")
    assert "| trained parameters | 1,096,321 |" in card and "| steps × batch | 800 × 64 |" in card
    assert "| trained on | garments-1 |" in card and "by the studies in `analysis/`" in card
    assert all(definition(id).title in card for id in STUDIES) and "{" not in card.split("```")[2]


def test_every_metric_of_a_card_has_a_title() -> None:
    assert all(definition(id).title for id in METRICS)
