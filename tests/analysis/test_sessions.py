from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from analysis import session
from analysis.session import QueryError, Session, Sessions
from hug.backbones import BACKBONES
from hug.checkpoint import save_model
from hug.config import OBJECTIVES
from tests.hug.conftest import PixelBackbone, small_model
from tests.small import source


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    monkeypatch.setitem(BACKBONES, "pixels", PixelBackbone)
    for name in ("calibrated", "paper"):
        save_model(small_model(OBJECTIVES[name], backbone="pixels"), tmp_path / name)
    return {name: tmp_path / name for name in ("calibrated", "paper")}


@pytest.fixture
def sessions(session: Session, places: dict[str, Path], tmp_path: Path) -> Sessions:
    return Sessions({**places, "gone": tmp_path / "gone"}, source(), tmp_path / "cache", [session])


def test_models_load_when_asked_for_and_stay(sessions: Sessions, session: Session) -> None:
    assert sessions.names == ("tiny", "calibrated", "paper", "gone") and sessions.default == "tiny"
    assert sessions.get() is session is sessions.get("tiny")
    paper = sessions.get("paper")
    assert paper.model.objective.name == "paper" and sessions.get("paper") is paper
    assert paper.index.ids == session.index.ids  # one gallery, encoded on demand
    assert paper.trace(paper.picture("noise/0"), "red").chance is None


def test_labels_tell_the_objective_without_loading(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "load", lambda *_: pytest.fail("loaded"))
    assert [sessions.label(n) for n in sessions.names] == [
        "tiny · calibrated",
        "calibrated · calibrated",
        "paper · paper",
        "gone",
    ]


def test_at_most_a_few_are_in_memory(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "MODELS", 2)
    first = sessions.get("calibrated")
    sessions.get("paper")
    assert sessions.get("calibrated") is not first
    assert len(sessions._loaded) == 1


@pytest.mark.parametrize("name", ["nobody", "../secret", "owner/name", 5])
def test_what_is_not_on_the_shelf_is_refused(sessions: Sessions, name: str) -> None:
    with pytest.raises(QueryError, match="choose one of tiny, calibrated"):
        sessions.get(name)


def test_a_model_that_can_t_be_used_says_why(sessions: Sessions, places: dict[str, Path]) -> None:
    with pytest.raises(QueryError, match="no checkpoint folder at .*gone"):
        sessions.get("gone")
    (places["paper"] / "model.safetensors").write_bytes(b"x")
    with pytest.raises(QueryError, match="'paper' can't be used: .* is damaged"):
        sessions.get("paper")


def test_an_empty_shelf_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="make release"):
        Sessions({})


def test_given_models_come_before_the_bundled_ones(places: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    source().pictures[0].save(tmp_path / "pictures" / "0.png")
    sessions = Sessions.load([places["paper"], places["calibrated"]], tmp_path / "pictures", tmp_path / "cache")
    assert sessions.names[:2] == ("paper", "calibrated") and "garments" in sessions.names
    assert sessions.get("calibrated").index.ids == ["0"]


def test_models_in_folders_of_one_name_are_both_asked(places: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    source().pictures[0].save(tmp_path / "pictures" / "0.png")
    twin = tmp_path / "twin" / "paper"
    shutil.copytree(places["calibrated"], twin)
    sessions = Sessions.load([places["paper"], twin, twin], tmp_path / "pictures", tmp_path / "cache")
    assert sessions.names[:2] == ("paper", "paper (twin)")
    other = sessions.get("paper (twin)")
    assert other.name == "paper (twin)" and other.model.objective.name == "calibrated"
    assert sessions.get().model.objective.name == "paper"


def test_places_are_absolute_from_where_they_were_given(
    places: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pictures").mkdir()
    source().pictures[0].save(tmp_path / "pictures" / "0.png")
    monkeypatch.chdir(tmp_path)
    sessions = Sessions.load(["paper", "calibrated"], "pictures", tmp_path / "cache")
    monkeypatch.chdir("/")
    assert sessions.gallery == tmp_path / "pictures"
    assert sessions.get("calibrated").index.ids == ["0"] and sessions.get().picture("0")


def test_prepared_studies_of_other_weights_are_told(session: Session, tmp_path: Path) -> None:
    assert session.prepared is None
    assert dataclasses.replace(session, folder=tmp_path).prepared is None
    (tmp_path / "analysis").mkdir()
    (tmp_path / "analysis" / "about.json").write_text("{")
    with pytest.raises(QueryError, match="analysis measure"):
        _ = dataclasses.replace(session, folder=tmp_path).prepared


def test_a_model_that_was_let_in_is_asked_by_name_and_named_to_nobody(
    sessions: Sessions, places: dict[str, Path]
) -> None:
    sessions.admit("mine-1", places["paper"])
    assert sessions.get("mine-1").model.objective.name == "paper" and "mine-1" not in sessions.names
    with pytest.raises(QueryError) as told:
        sessions.get("mine-2")
    assert "mine-1" not in str(told.value)
    with pytest.raises(ValueError, match="'paper' is taken"):
        sessions.admit("paper", places["paper"])
    sessions.dismiss("mine-1")
    with pytest.raises(QueryError):
        sessions.get("mine-1")
    sessions.dismiss("paper")  # what everybody may ask stays
    assert sessions.get("paper")
