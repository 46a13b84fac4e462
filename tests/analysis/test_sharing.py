"""What a link grants is chosen: a model of one's own is asked by nobody else before it is shared."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.session import QueryError, Session, Sessions
from analysis.sharing import FILE, share, shared_folder, shared_name, stop_sharing
from hug.backbones import BACKBONES
from hug.checkpoint import save_model
from hug.config import OBJECTIVES
from tests.hug.conftest import PixelBackbone, small_model
from tests.small import source

OWN = "mine-0123456789abcdef"


@pytest.fixture
def sessions(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sessions:
    """With a training of somebody's, as the Train tab lets it in for its owner."""
    monkeypatch.setitem(BACKBONES, "pixels", PixelBackbone)
    folder = tmp_path / "jobs" / "owner" / OWN
    save_model(small_model(OBJECTIVES["paper"], backbone="pixels"), folder)
    sessions = Sessions({}, source(), tmp_path / "cache", [session])
    sessions.trainings = tmp_path / "jobs"
    sessions.admit(OWN, folder)
    return sessions


def test_a_link_names_a_model_of_one_s_own_only_when_it_is_shared(sessions: Sessions, tmp_path: Path) -> None:
    folder = tmp_path / "jobs" / "owner" / OWN
    assert sessions.link_name("tiny") == "tiny" and sessions.link_name(OWN) == ""
    name = share(folder)
    assert sessions.link_name(OWN) == name == share(folder) and OWN not in name
    assert sessions.link_name(name) == name


def test_who_has_the_link_asks_the_model_and_never_learns_its_own_name(sessions: Sessions, tmp_path: Path) -> None:
    folder = tmp_path / "jobs" / "owner" / OWN
    name = share(folder)
    visited = sessions.get(name)
    assert visited.name == name and visited.model.objective.name == "paper"
    assert sessions.get(OWN).name == OWN
    stop_sharing(folder)
    with pytest.raises(QueryError, match="no model"):  # though it is in memory
        sessions.get(name)
    assert share(folder) != name  # an old link stays dead


@pytest.mark.parametrize(
    "name", ["shared-0123456789abcdef", "shared-", "../owner/" + OWN, "*", "shared-*", "", "mine-1"]
)
def test_nothing_else_leads_to_it(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "owner" / OWN
    folder.mkdir(parents=True)
    share(folder)
    assert shared_folder(tmp_path, name) is None


def test_a_damaged_note_shares_nothing(tmp_path: Path) -> None:
    for content in (b"", b"../..", b"\xff\xfe", b"shared-x"):
        (tmp_path / FILE).write_bytes(content)
        assert shared_name(tmp_path) == ""
