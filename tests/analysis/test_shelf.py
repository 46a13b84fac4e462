from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from analysis import workbench
from analysis.workbench import QuestionError, Shelf, Workbench
from hug.backbones import BACKBONES
from hug.config import OBJECTIVES
from hug.hub import save_model
from tests.benches import source
from tests.hug.conftest import PixelBackbone, small_model


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    monkeypatch.setitem(BACKBONES, "pixels", PixelBackbone)
    for name in ("calibrated", "paper"):
        save_model(small_model(OBJECTIVES[name], backbone="pixels"), tmp_path / name)
    return {name: tmp_path / name for name in ("calibrated", "paper")}


@pytest.fixture
def shelf(bench: Workbench, places: dict[str, Path], tmp_path: Path) -> Shelf:
    return Shelf({**places, "gone": tmp_path / "gone"}, source(), tmp_path / "kept", [bench])


def test_models_load_when_asked_for_and_stay(shelf: Shelf, bench: Workbench) -> None:
    assert shelf.names == ("tiny", "calibrated", "paper", "gone") and shelf.default == "tiny"
    assert shelf.bench() is bench is shelf.bench("tiny")
    paper = shelf.bench("paper")
    assert paper.model.objective.name == "paper" and shelf.bench("paper") is paper
    assert paper.index.ids == bench.index.ids  # one gallery, encoded on demand
    assert paper.trace(paper.picture("noise/0"), "red", 3).chance is None


def test_labels_tell_the_objective_without_loading(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Workbench, "load", lambda *_: pytest.fail("loaded"))
    assert [shelf.label(n) for n in shelf.names] == [
        "tiny · calibrated",
        "calibrated · calibrated",
        "paper · paper",
        "gone",
    ]


def test_at_most_a_few_are_in_memory(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbench, "MODELS", 2)
    first = shelf.bench("calibrated")
    shelf.bench("paper")
    assert shelf.bench("calibrated") is not first
    assert len(shelf._loaded) == 1


@pytest.mark.parametrize("name", ["nobody", "../secret", "owner/name", 5])
def test_what_is_not_on_the_shelf_is_refused(shelf: Shelf, name: str) -> None:
    with pytest.raises(QuestionError, match="choose one of tiny, calibrated"):
        shelf.bench(name)


def test_a_model_that_can_t_be_used_says_why(shelf: Shelf, places: dict[str, Path]) -> None:
    with pytest.raises(QuestionError, match="no checkpoint folder at .*gone"):
        shelf.bench("gone")
    (places["paper"] / "model.safetensors").write_bytes(b"x")
    with pytest.raises(QuestionError, match="'paper' can't be used: .* is damaged"):
        shelf.bench("paper")


def test_an_empty_shelf_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="make release"):
        Shelf({})


def test_given_models_come_before_the_bundled_ones(places: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    source().pictures[0].save(tmp_path / "pictures" / "0.png")
    shelf = Shelf.open([places["paper"], places["calibrated"]], tmp_path / "pictures", tmp_path / "kept")
    assert shelf.names[:2] == ("paper", "calibrated") and "garments" in shelf.names
    assert shelf.bench("calibrated").index.ids == ["0"]


def test_prepared_studies_of_other_weights_are_told(bench: Workbench, tmp_path: Path) -> None:
    assert bench.prepared is None
    assert dataclasses.replace(bench, folder=tmp_path).prepared is None
    (tmp_path / "analysis").mkdir()
    (tmp_path / "analysis" / "about.json").write_text("{")
    with pytest.raises(QuestionError, match="analysis prepare"):
        _ = dataclasses.replace(bench, folder=tmp_path).prepared


def test_a_model_that_was_let_in_is_asked_by_name_and_named_to_nobody(shelf: Shelf, places: dict[str, Path]) -> None:
    shelf.admit("mine-1", places["paper"])
    assert shelf.bench("mine-1").model.objective.name == "paper" and "mine-1" not in shelf.names
    with pytest.raises(QuestionError) as told:
        shelf.bench("mine-2")
    assert "mine-1" not in str(told.value)
    with pytest.raises(ValueError, match="'paper' is taken"):
        shelf.admit("paper", places["paper"])
    shelf.dismiss("mine-1")
    with pytest.raises(QuestionError):
        shelf.bench("mine-1")
    shelf.dismiss("paper")  # what everybody may ask stays
    assert shelf.bench("paper")
