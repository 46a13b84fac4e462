"""What a person types and reads: paths are made absolute, names told apart, and any console is good enough."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from hug import checkpoint
from hug.checkpoint import CheckpointError, local_folder
from hug.console import BUNDLED, forgive_console, given_checkpoint, given_path, is_path, require_writable


def test_a_path_is_absolute_from_where_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert given_path("photos") == given_path("./a/../photos") == tmp_path / "photos"
    assert given_path("~/photos") == tmp_path / "home" / "photos"
    assert given_checkpoint("owner/name") == "owner/name"
    (tmp_path / "owner" / "name").mkdir(parents=True)
    assert given_checkpoint("owner/name") == tmp_path / "owner" / "name"


@pytest.mark.parametrize(
    "name",
    ["mine", "./mine", "../mine", "~/mine", "/mine", "a/b/c", "mine/", "runs/mine", "checkpoints/x", "C:\\x"],
)
def test_what_looks_like_a_path_is_one_and_is_not_looked_for_on_the_hub(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkpoint, "download", lambda *_, **__: pytest.fail("the Hub was asked"))
    assert is_path(name)
    with pytest.raises(CheckpointError, match="no checkpoint folder at"):
        local_folder(name)


def test_a_folder_beside_makes_a_mistyped_name_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not is_path("models/mine")
    (tmp_path / "models").mkdir()
    assert is_path("models/mine")


def test_a_path_object_is_never_a_hub_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "download", lambda *_, **__: pytest.fail("the Hub was asked"))
    with pytest.raises(CheckpointError, match="no checkpoint folder at owner/name"):
        local_folder(Path("owner/name"))


def test_the_default_checkpoint_does_not_depend_on_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert (local_folder(BUNDLED) / "config.json").exists()


def test_a_folder_that_can_t_be_written_is_told_with_the_setting(tmp_path: Path) -> None:
    new = require_writable(tmp_path / "new" / "deep", "--out")
    assert new == tmp_path / "new" / "deep" and not any(tmp_path.iterdir())  # asking leaves nothing
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "below", "/proc/below"):
        with pytest.raises(ValueError, match="can't be written .*; name another folder with --out"):
            require_writable(place, "--out")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_any_console_shows_any_letter(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    console = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr(sys, "stdout", console)
    forgive_console()
    sys.stdout.write("“größe” → \udce9")
    sys.stdout.flush()
    assert b"gr" in console.buffer.getvalue()  # type: ignore[attr-defined]
