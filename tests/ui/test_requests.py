from __future__ import annotations

import base64
import errno
import io
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from analysis.session import QueryError
from hug.data.images import MAX_BYTES, PictureError
from ui.requests import UNEXPECTED, check_address, read_picture, safely

META = {"_type": "gradio.FileData"}


def data_url(picture: Image.Image, format: str = "PNG") -> str:
    buffer = io.BytesIO()
    picture.save(buffer, format)
    return f"data:image/{format.lower()};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def test_a_picture_comes_as_a_file_or_as_a_data_url(tmp_path: Path) -> None:
    red = Image.new("RGB", (4, 3), "red")
    red.save(tmp_path / "red.png")
    for sent in ({"path": str(tmp_path / "red.png"), "url": None}, {"path": None, "url": data_url(red)}):
        assert read_picture(sent).tobytes() == red.tobytes()


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (None, QueryError),
        ("red.png", PictureError),
        ({}, PictureError),
        ({"url": "http://example.org/red.png"}, PictureError),
        ({"url": "data:image/png;base64,%%%"}, PictureError),
        ({"url": "data:image/png,plain"}, PictureError),
        ({"url": "data:image/png;base64,aGVsbG8="}, PictureError),
        ({"url": data_url(Image.new("RGB", (2, 2)), "GIF")}, PictureError),
        ({"url": "data:image/png;base64," + "A" * (MAX_BYTES * 4 // 3 + 8)}, PictureError),
        ({"url": data_url(Image.new("L", (5001, 5000)))}, PictureError),
    ],
)
def test_anything_else_is_refused(sent: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        read_picture(sent)


def test_no_path_and_no_address_is_read_for_a_visitor() -> None:
    for sent in (
        {"path": "/etc/passwd"},  # without the mark Gradio would not check that it was uploaded
        {"path": "/etc/passwd", "meta": {}},
        {"path": "http://example.org/a.png", "meta": META},
        {"path": "file:///etc/passwd", "meta": META},
    ):
        with pytest.raises(gr.Error):
            check_address(sent)
    uploaded = {"path": "/somewhere/a.png", "meta": META}
    assert check_address(uploaded) is uploaded  # Gradio checks this one
    assert check_address("data:image/png;base64,AA==") == {"url": "data:image/png;base64,AA=="}


def failing(problem: Exception) -> Any:
    @safely
    def callback() -> None:
        raise problem

    return callback


def test_an_expected_failure_is_said_escaped() -> None:
    with pytest.raises(gr.Error) as caught:
        failing(QueryError("no <b>hat</b>"))()
    assert caught.value.message == "no &lt;b&gt;hat&lt;/b&gt;"
    assert not caught.value.print_exception


def test_an_unexpected_failure_is_logged_and_said_without_detail(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(gr.Error) as caught:
        failing(RuntimeError("secret /path"))()
    assert caught.value.message == UNEXPECTED
    assert "secret /path" in caplog.text


def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    def keep() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path))

    with pytest.raises(gr.Error) as failure:
        safely(keep)()
    assert "disk is full" in str(failure.value) and str(tmp_path) not in str(failure.value)
