"""The page as it is served: behind its boundary, with old uploads swept and half-sent requests hung up on."""

from __future__ import annotations

import json
import os
import socket
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError

import gradio as gr
import pytest

from ui import server
from ui.requests import Page
from ui.server import hosts, serve
from ui.visits import Visits


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of uploads, in which an app that was killed left something."""
    base, before = tmp_path_factory.mktemp("temporary"), os.environ.get("GRADIO_TEMP_DIR")
    os.environ["GRADIO_TEMP_DIR"] = str(base)
    left = base / f"hug-{os.getuid()}" / "someone" / "private.png"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x")
    os.utime(left, (0, 0))
    yield left.parents[1]
    os.environ.pop("GRADIO_TEMP_DIR") if before is None else os.environ.update(GRADIO_TEMP_DIR=before)


@pytest.fixture(scope="module")
def address(place: Path) -> Iterator[tuple[str, int]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "HEAD", 0.3)
        patch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
        with Page(analytics_enabled=False) as page:
            box = gr.Textbox()
            box.change(lambda text: text, box, box, api_name="say")
        app, url, _ = serve(page, "127.0.0.1", None, wait=False, quiet=True)
        page.server.config.timeout_keep_alive = 600  # so that it is not the server itself that hangs up
        assert isinstance(app.state_holder, Visits) and page.state_holder is app.state_holder
        yield "127.0.0.1", int(url.rstrip("/").rpartition(":")[2])
        page.close(verbose=False)


def get(address: tuple[str, int], path: str, **sent: str) -> tuple[int, str, str]:
    call = urllib.request.Request(f"http://{address[0]}:{address[1]}{path}", headers=sent)
    try:
        with urllib.request.urlopen(call, timeout=60) as answer:
            return answer.status, answer.headers["content-security-policy"], answer.read().decode()
    except HTTPError as refused:
        return refused.code, refused.headers["content-security-policy"], refused.read().decode()


def test_what_a_killed_app_left_is_gone(address: tuple[str, int], place: Path) -> None:
    until = time.monotonic() + 60
    while (place / "someone" / "private.png").exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert not (place / "someone" / "private.png").exists()


def test_the_page_is_there_under_its_own_name_alone(address: tuple[str, int]) -> None:
    status, policy, page = get(address, "/")
    assert status == 200 and "connect-src 'self'" in policy and "gradio" in page
    assert get(address, "/config", Host="evil.example")[0] == 421
    assert get(address, "/gradio_api/deep_link?session_hash=a")[0] == 404
    assert get(address, "/monitoring")[0] == 404


def test_no_secret_is_told(address: tuple[str, int]) -> None:
    config = json.loads(get(address, "/config")[2])
    assert not [c for c in config["components"] if c["props"].get("secret")]


@pytest.mark.parametrize(
    "begins", [b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ", b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET"]
)
def test_a_connection_without_a_whole_request_is_hung_up_on(address: tuple[str, int], begins: bytes) -> None:
    with socket.create_connection(address, timeout=60) as line:
        if begins:
            line.sendall(begins)
        while line.recv(2**16):  # until it is closed; a minute without that is a failure
            pass


def test_names_come_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRADIO_SERVER_NAME", raising=False)
    monkeypatch.delenv("HUG_HOSTS", raising=False)
    assert hosts(None, False) == [] and hosts("box.lan", False) == ["box.lan"] and hosts(None, True) == ["*"]
    monkeypatch.setenv("HUG_HOSTS", "hug.example,*.other")
    assert hosts(None, True) == ["hug.example", "*.other"]
