"""Uploads are deleted after an hour, whatever ended the app before."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ui.uploads import Uploads, folder, sweep


def old(path: Path, hours: float, size: int = 5) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    then = time.time() - 3600 * hours
    os.utime(path, (then, then))
    os.utime(path.parent, (then, then))
    return path


def test_what_is_older_than_an_hour_goes_whoever_left_it(tmp_path: Path) -> None:
    gone = [
        old(tmp_path / ("a" * 64) / "mine.png", 1.1), old(tmp_path / "tmpaborted", 30), old(tmp_path / "d" / ".hid", 2),
        old(tmp_path / "deep_links" / "x" / "state.json", 2),
    ]  # fmt: skip
    fresh, served = old(tmp_path / "b" / "new.png", 0.5), old(tmp_path / "c" / "shown.webp", 5)
    (tmp_path / "link").symlink_to(fresh)
    assert sweep(tmp_path, keep={str(served)}) == 4
    assert not any(path.exists() for path in gone) and fresh.exists() and served.exists()
    for path in gone:
        os.utime(path.parent, (0, 0))
    sweep(tmp_path, keep={str(served)})
    assert {p.name for p in tmp_path.iterdir()} - {"deep_links"} == {"b", "c", "link"}


def test_the_oldest_go_first_beyond_the_bound(tmp_path: Path) -> None:
    paths = [old(tmp_path / str(n), hours=n / 100, size=100) for n in range(5)]
    assert sweep(tmp_path, most=250) == 3
    assert [path.exists() for path in paths] == [True, True, False, False, False]


def test_a_link_out_of_the_folder_leads_nowhere(tmp_path: Path) -> None:
    outside = old(tmp_path / "outside" / "precious", 9)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "way").symlink_to(outside.parent)
    sweep(tmp_path / "in", age=0, most=0)
    assert outside.exists()


def test_uploads_stay_within_the_bound_between_sweeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.uploads.TURN", 0.0)
    uploads = Uploads(tmp_path, most=40)
    for n in range(10):
        uploads.add("a.bin", b"%016d" % n)
    assert sum(p.stat().st_size for p in tmp_path.rglob("*") if p.is_file()) <= 40


@pytest.mark.parametrize(
    "name", ["..", "", "/etc/passwd", "a/../../b.png", ".bashrc", "x" * 500 + ".png", "a\0b", "ü.png"]
)
def test_a_name_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    path = Uploads(tmp_path).add(name, b"hello")
    assert path.parent.parent == tmp_path and path.name and not path.name.startswith(".") and len(path.name) <= 120


def test_the_folder_is_private_and_gradio_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    place = folder()
    assert place.parent == tmp_path and place.stat().st_mode & 0o077 == 0
    assert os.environ["GRADIO_TEMP_DIR"] == str(place) and folder() == place


def test_a_folder_of_somebody_else_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    place = folder()
    monkeypatch.setattr("ui.uploads.os.getuid", lambda: 4242)
    place.rename(tmp_path / "hug-4242")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with pytest.raises(OSError, match="belongs to somebody else.*set GRADIO_TEMP_DIR"):
        folder()
    (tmp_path / "hug-4242").rmdir()
    (tmp_path / "hug-4242").write_text("a file")
    with pytest.raises(OSError, match="set GRADIO_TEMP_DIR"):
        folder()
