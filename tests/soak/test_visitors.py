"""Five thousand visitors, and whatever anybody can send: memory stays flat, and every answer is one."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from pathlib import Path

import httpx

from tests.soak.visitors import PATIENCE, Visitor, crowd, memory, picture, served

VISITORS = int(os.environ.get("HUG_SOAK_VISITORS", "5000"))
WARM = 300  # visitors after which as much state is kept as may be
CALLS = int(os.environ.get("HUG_SOAK_CALLS", "4000"))
MINUTES = float(os.environ.get("HUG_SOAK_MINUTES", "5"))
CLIENTS = 8
SLOWEST = float(os.environ.get("HUG_SOAK_SLOWEST", "30"))  # seconds; more where the machine does other work as well


def test_memory_is_flat_over_all_visitors(tmp_path: Path) -> None:
    with served(tmp_path) as (url, pid):
        asyncio.run(crowd(url, WARM))
        sizes, step = [memory(pid)], 100
        print(f"{WARM} visitors: {sizes[0]:.0f} MB", flush=True)
        for first in range(WARM, VISITORS, step):
            started = time.monotonic()
            asyncio.run(crowd(url, min(step, VISITORS - first), first=first))
            sizes.append(memory(pid))
            pace = step / (time.monotonic() - started)
            print(f"{min(first + step, VISITORS)} visitors: {sizes[-1]:.0f} MB, {pace:.1f} a second", flush=True)
        assert max(sizes) < 1.05 * sizes[0], sizes


PATHS = (
    "/", "/config", "/gradio_api/queue/join", "/gradio_api/upload", "/gradio_api/component_server",
    "/gradio_api/cancel",
    "/gradio_api/run/predict", "/gradio_api/call/retrieve", "/gradio_api/call/uncertainty", "/gradio_api/deep_link",
    "/gradio_api/file=/etc/passwd", "/gradio_api/file=", "/gradio_api/queue/data?session_hash=a", "/monitoring",
    "/gradio_api/process_recording", "/gradio_api/proxy=http://127.0.0.1/", "/gradio_api/reset",
    "/gradio_api/heartbeat/%2e%2e",
)  # fmt: skip


def anything(depth: int = 0) -> object:
    """A JSON value that no form would send."""
    leaves = (
        None,
        True,
        -1,
        2**70,
        1e308,
        "",
        "\0",
        "../..",
        "<img src=x>",
        "=1+1",
        "ü" * 99,
        f"data:image/png;base64,{'A' * 99}",
    )
    if depth > 3 or random.random() < 0.6:
        return random.choice(leaves)
    if random.random() < 0.5:
        return [anything(depth + 1) for _ in range(random.randrange(4))]
    return {str(random.choice(leaves)): anything(depth + 1) for _ in range(random.randrange(4))}


def test_whatever_is_sent_is_answered_and_tells_nothing(tmp_path: Path) -> None:
    random.seed(0)
    with served(tmp_path) as (url, pid):
        asyncio.run(crowd(url, 20))
        before, counts = memory(pid), dict[int, int]()
        with httpx.Client(base_url=url, timeout=30) as client:
            for n in range(CALLS):
                path = random.choice(PATHS)
                client.headers["X-Forwarded-For"] = f"10.9.{n >> 8 & 255}.{n & 255}"
                known = {
                    "fn_index": random.randrange(-2, 200),
                    "data": [anything() for _ in range(random.randrange(20))],
                }
                body = random.choice(
                    (known, {**known, "session_hash": f"f{n}"}, {**known, "component_id": n % 300}, anything())
                )
                if random.random() < 0.25:
                    answer = client.get(path) if "data?" not in path else client.head(path)
                else:
                    answer = client.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})
                counts[answer.status_code] = counts.get(answer.status_code, 0) + 1
                assert (
                    "Traceback" not in answer.text and "root:" not in answer.text and str(tmp_path) not in answer.text
                )
                assert answer.headers["x-content-type-options"] == "nosniff"
        asyncio.run(crowd(url, 5, first=90_000))  # and the page answers as before
        print(f"{CALLS} calls: {dict(sorted(counts.items()))}, {before:.0f} to {memory(pid):.0f} MB", flush=True)
        assert memory(pid) < 1.2 * before


def test_eight_clients_while_a_training_runs(tmp_path: Path) -> None:
    """Of the bundled model: every question is answered, and the slowest within half a minute on a quiet machine."""
    took: list[float] = []

    async def ask(url: str, config: dict[str, object], number: int, until: float) -> None:
        visitor = Visitor(url, config, 50_000 + number)
        async with visitor.client:
            while time.monotonic() < until:
                file, started = await visitor.upload(picture()), time.monotonic()
                await visitor.call(random.choice(("retrieve", "uncertainty")), [file, "is red"])
                took.append(time.monotonic() - started)

    async def ask_all(url: str) -> None:
        config, until = httpx.get(f"{url}/config", timeout=PATIENCE).json(), time.monotonic() + 60 * MINUTES
        async with asyncio.TaskGroup() as group:
            for number in range(CLIENTS):
                group.create_task(ask(url, config, number, until))

    from hug.train.jobs import Jobs, Step

    jobs = Jobs(tmp_path / "runs" / "jobs")
    data, cache = str(tmp_path / "tiny"), str(tmp_path / "cache")
    steps = [
        Step("data", ("hug", "render", "--version", "tiny", "--out", data)),
        Step("train", ("hug", "train", "--root", data, "--out", str(tmp_path / "run"), "--size", "tiny",
                       "--steps", "20000", "--cache", cache)),
    ]  # fmt: skip
    with served(tmp_path, "--host", "127.0.0.1") as (url, _):
        job = jobs.start("soak", lambda folder: steps, {})
        try:
            asyncio.run(ask_all(url))
            assert jobs.get("soak", job.id).status == "running", jobs.log("soak", job.id)
        finally:
            jobs.stop("soak", job.id)
    took.sort()
    half, most = (took[round(part * (len(took) - 1))] for part in (0.5, 0.95))
    print(
        f"{len(took)} answers to {CLIENTS} clients in {MINUTES:g} minutes, 0 errors: "
        f"p50 {half:.2f} s, p95 {most:.2f} s, slowest {took[-1]:.1f} s",
        flush=True,
    )
    assert took[-1] < SLOWEST
