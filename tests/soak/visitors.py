"""Visitors of a served page, as browsers and programs come, and what the server takes for them."""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

ROOT = Path(__file__).parents[2]
SERVE = """
import sys
from pathlib import Path
from analysis.session import Sessions
from tests.small import small_session
from ui.page import build, launch
place, port = Path(sys.argv[1]), int(sys.argv[2])
launch(build(Sessions({}, loaded=[small_session(place)])), "127.0.0.1", port, quiet=True)
"""
API = "/gradio_api"
PATIENCE = 300  # seconds; how long an answer took is measured, and what never comes is an error
# A connection is used again within a second only: the server hangs up on an idle one after five, and a request that
# crosses with that is lost, which a browser would send again.
LIMITS = httpx.Limits(keepalive_expiry=1.0)
META = {"_type": "gradio.FileData"}


@contextmanager
def served(place: Path, *app: str) -> Iterator[tuple[str, int]]:
    """Address and process id of a page: of the small model, or of the app with these flags."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["app.py", "--port", str(port), *app] if app else ["-c", SERVE, str(place), str(port)]
    env = {
        **os.environ,
        "HUG_RUNS": str(place / "runs"),
        "GRADIO_TEMP_DIR": str(place),
        "GRADIO_ANALYTICS_ENABLED": "0",
    }
    with (place / "server.log").open("w") as log:
        process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=env, stdout=log, stderr=log)
        try:
            url, until = f"http://127.0.0.1:{port}", time.monotonic() + 1200
            while True:
                assert process.poll() is None and time.monotonic() < until, (place / "server.log").read_text()[-2000:]
                try:
                    httpx.get(f"{url}/theme.css", timeout=2)
                    break
                except httpx.HTTPError:
                    time.sleep(0.2)
            yield url, process.pid
        finally:
            process.terminate()
            process.wait(120)


def memory(pid: int) -> float:
    """Resident MB of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def picture() -> bytes:
    """A picture that nobody sent before."""
    buffer = io.BytesIO()
    Image.frombytes("RGB", (64, 64), random.randbytes(64 * 64 * 3)).save(buffer, "PNG")
    return buffer.getvalue()


class Visitor:
    """One page that is open, from an address of its own."""

    def __init__(self, url: str, config: dict[str, Any], number: int) -> None:
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        self.client = httpx.AsyncClient(
            base_url=url, headers={"X-Forwarded-For": f"100.64.0.1, {address}"}, timeout=PATIENCE, limits=LIMITS
        )
        self.session, self.config = f"s{random.getrandbits(50):x}", config
        self.values = {c["id"]: c["props"].get("value") for c in config["components"]}

    async def visit(self) -> None:
        """Open the page, keep it open, upload, ask on the page and as a program, leave."""
        async with self.client:
            assert (await self.client.get("/")).status_code == 200
            async with self.client.stream("GET", f"{API}/heartbeat/{self.session}") as heart:
                assert heart.status_code == 200
                await self.run(self.find("load"))
                file = await self.upload(picture())
                reference = self.find("upload")
                body = {"fn_index": reference["id"], "data": [], "session_hash": self.session}
                assert (await self.client.post(f"{API}/run/predict", json=body)).status_code == 200
                await self.run(self.find("click", "search"), {"reference": file, "words": "is red"})
                await self.call("retrieve", [file, "is red"])

    def find(self, event: str, elem_id: str = "") -> dict[str, Any]:
        """The first listener of an event, of a component."""
        ids = {c["id"] for c in self.config["components"] if c["props"].get("elem_id") == elem_id}
        heard = (
            d
            for d in self.config["dependencies"]
            for id, name in d["targets"]
            if name == event and (not elem_id or id in ids)
        )
        return next(heard)

    async def upload(self, content: bytes) -> dict[str, Any]:
        answer = await self.client.post(f"{API}/upload", files={"files": ("a.png", content)})
        assert answer.status_code == 200, answer.text
        return {"path": answer.json()[0], "meta": META}

    async def run(self, listener: dict[str, Any], changes: dict[str, Any] | None = None) -> None:
        """As the page asks: join the queue, read until it is done."""
        named = {c["props"].get("elem_id"): c["id"] for c in self.config["components"]}
        values = {**self.values, **{named[name]: value for name, value in (changes or {}).items()}}
        data = [values.get(id) for id in listener["inputs"]]
        body = {"fn_index": listener["id"], "data": data, "session_hash": self.session}
        answer = await self.client.post(f"{API}/queue/join", json=body)
        assert answer.status_code == 200, answer.text
        async with self.client.stream("GET", f"{API}/queue/data", params={"session_hash": self.session}) as stream:
            async for line in stream.aiter_lines():
                message = json.loads(line[6:]) if line.startswith("data: ") else {}
                if message.get("msg") == "process_completed":
                    assert message["success"], message["output"]
                    return
        raise AssertionError("the stream ended before the answer")

    async def call(self, name: str, data: list[Any]) -> None:
        answer = await self.client.post(f"{API}/call/{name}", json={"data": data})
        assert answer.status_code == 200, answer.text
        event = answer.json()["event_id"]
        told = (await self.client.get(f"{API}/call/{name}/{event}")).text
        assert "event: complete" in told, told[:300]  # after heartbeats, where it waited


async def crowd(url: str, count: int, at_once: int = 6, first: int = 0) -> None:
    """So many visitors, a few at a time."""
    config = httpx.get(f"{url}/config", timeout=PATIENCE).json()
    numbers = iter(range(first, first + count))

    async def come() -> None:
        for number in numbers:
            await Visitor(url, config, number).visit()

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(come())
