"""What the Hub would send is asked first: a small server stands for the Hub and counts the files it gives."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from huggingface_hub import constants

from hug.backbones import BackboneError
from hug.backbones.published import Published
from hug.bounded import JSON_BYTES, TENSOR_BYTES
from hug.checkpoint import CheckpointError, local_folder
from hug.hub import TooLargeError, check, download

SHA = "0123456789abcdef0123456789abcdef01234567"
SMALL = {"config.json": b"{}", "model.safetensors": b"weights", "run.sh": b"exit"}


class Hub:
    """A repository `owner/name`, its files with the sizes that are told of them."""

    def __init__(self) -> None:
        self.content: dict[str, bytes] = dict(SMALL)
        self.told: dict[str, int] = {}  # where it is another size
        self.given: list[str] = []

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body for a request."""
        sizes = {**{name: len(content) for name, content in self.content.items()}, **self.told}
        ids = {name: hashlib.sha1(name.encode()).hexdigest() for name in sizes}
        if path.startswith("/api/models/owner/name/tree/"):
            tree = [{"type": "file", "path": name, "size": sizes[name], "oid": ids[name]} for name in sizes]
            return 200, {}, json.dumps(tree).encode()
        if path.startswith("/api/models/owner/name"):
            files = [{"rfilename": name, "size": sizes[name], "blobId": ids[name]} for name in sizes]
            return 200, {}, json.dumps({"id": "owner/name", "sha": SHA, "siblings": files}).encode()
        name = path.removeprefix(f"/owner/name/resolve/{SHA}/")
        if name in self.content:
            return 200, {"ETag": f'"{ids[name]}"', "X-Repo-Commit": SHA}, self.content[name]
        return 404, {"X-Error-Code": "RepoNotFound"}, b""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    there = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.do_HEAD(body=True)

        def do_HEAD(self, body: bool = False) -> None:
            path = urlsplit(self.path).path
            status, head, content = there.answer(path)
            self.send_response(status)
            for name, value in {**head, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if body:
                if "/resolve/" in path:
                    there.given.append(path.rpartition("/")[2])
                self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    place = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", place)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    yield there
    server.shutdown()
    thread.join()
    server.server_close()


def fetched(each: int = 100, whole: int = 1000) -> Path:
    return download("owner/name", None, ["*.json", "*.safetensors"], each, whole)


def test_what_is_within_bounds_comes_and_nothing_else(repository: Hub) -> None:
    folder = fetched()
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == {n: SMALL[n] for n in SMALL if n != "run.sh"}
    assert sorted(repository.given) == ["config.json", "model.safetensors"] and folder.name == SHA
    assert fetched() == folder and len(repository.given) == 2  # it is here


@pytest.mark.parametrize(
    ("told", "bounds", "says"),
    [
        ({"model.safetensors": 101}, {}, "model.safetensors has 0.00 GB; at most 0.00 GB"),
        (
            {"config.json": JSON_BYTES + 1},
            {"each": 10**12, "whole": 10**12},
            "config.json has 0.27 GB; at most 0.27 GB",
        ),
        ({"more.safetensors": 99}, {"whole": 104}, "owner/name has 0.00 GB; at most 0.00 GB"),
        ({f"{n}.json": 0 for n in range(10_001)}, {}, "has 10003 files; at most 10000"),
        ({"more.safetensors": 10**17}, {"each": 10**18, "whole": 10**18}, "100000000.00 GB to download and "),
    ],
    ids=["a file", "a text", "all", "files", "disk"],
)
def test_what_is_not_is_refused_before_anything_comes(
    repository: Hub, told: dict[str, int], bounds: dict[str, int], says: str
) -> None:
    repository.told = told
    with pytest.raises(TooLargeError) as refused:
        fetched(**bounds)
    assert says in str(refused.value) and "\n" not in str(refused.value) and not repository.given


def test_what_is_outside_the_patterns_does_not_count(repository: Hub) -> None:
    repository.told = {"film.bin": 10**15}
    assert fetched().name == SHA


def test_a_file_whose_size_is_not_told_is_refused() -> None:
    with pytest.raises(TooLargeError, match="a.safetensors has an untold size; at most 0.00 GB"):
        check("owner/name", SHA, {"a.safetensors": None}, 100, 100)


def test_checkpoints_and_backbones_have_their_bounds(repository: Hub) -> None:
    repository.told = {"model.safetensors": TENSOR_BYTES + 1}
    with pytest.raises(
        CheckpointError, match="^owner/name: model.safetensors has 4.29 GB; at most 4.29 GB are downloaded$"
    ):
        local_folder("owner/name")
    repository.told = {"model.safetensors": 2**40}
    with pytest.raises(BackboneError, match="^clip: owner/name: model.safetensors has 1099.51 GB"):
        Published.find("clip", "owner/name")
    assert not repository.given


def test_without_a_network_the_copy_that_is_here_serves(repository: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fetched()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert fetched() == folder
    shutil.rmtree(constants.HF_HUB_CACHE)
    with pytest.raises(CheckpointError, match="the Hub gave none: OfflineModeIsEnabled"):
        local_folder("owner/name")


def test_a_repository_that_is_not_there_is_told(repository: Hub) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint folder at owner/nothing, and the Hub gave none"):
        local_folder("owner/nothing")
