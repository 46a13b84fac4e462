"""Checkpoints are told apart, whatever their folders are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.names import distinct_names


def test_folders_of_one_name_are_both_there() -> None:
    places = ["/a/x", "/b/x", "/c/b/x", "/c/y"]
    assert distinct_names(places) == {"x": "/a/x", "x (b)": "/b/x", "x (b 2)": "/c/b/x", "y": "/c/y"}


def test_one_folder_given_twice_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "x")
    monkeypatch.chdir(tmp_path)
    assert distinct_names(["x", tmp_path / "x", "./x", "link"]) == {"x": "x"}
