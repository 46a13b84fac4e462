"""A training that is killed or refused by the disk at any of its writes resumes to the same weights and the same log.

Every point at which something reaches the disk is counted in one whole run; then, for every eighth (`make soak`: for
each), a process of its own is ended there, another resumes, and the result is compared with the whole run's.
"""

from __future__ import annotations

import errno
import multiprocessing
import os
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from hug.config import OBJECTIVES, SIZES, Config, TrainConfig
from hug.data.features import Features
from hug.train import state
from hug.train.state import Log
from hug.train.trainer import train
from tests.hug.conftest import small_model
from tests.hug.train.conftest import features_of

FORK = multiprocessing.get_context("fork")
TRAINING = TrainConfig(
    steps=3, batch=4, validate_every=2, save_every=1, precision="float32", threads=1, lr=3e-3, seed=1
)
CALLS = ((tempfile, "mkdtemp"), (os, "fsync"), (os, "replace"))
DIED = 9
STRIDE = int(os.environ.get("HUG_CRASH_STRIDE", "8"))  # make soak goes through every point


class Points:
    """Counts the points of a process, and at the one asked for ends it or lets the call fail."""

    def __init__(self, folder: Path, at: int | None, error: int | None) -> None:
        self.folder, self.at, self.error, self.passed = folder, at, error, 0
        for module, name in CALLS:
            setattr(module, name, self.counted(getattr(module, name)))
        self.line = state._line
        state._line = self.torn  # type: ignore[assignment]

    def here(self) -> bool:
        self.passed += 1
        return self.passed - 1 == self.at

    def end(self) -> None:
        if self.error is None:
            os._exit(DIED)
        raise OSError(self.error, os.strerror(self.error))

    def counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*args: Any, **kwargs: Any) -> Any:
            if self.here():
                self.end()
            return call(*args, **kwargs)

        return counting

    def torn(self, record: dict[str, Any]) -> str:
        """A line, of which at its point only a half reaches the file."""
        line = self.line(record)
        if self.here():
            with (self.folder / "training.jsonl").open("a") as file:
                file.write(line[: len(line) // 2])
            self.end()
        return line


def run(folder: Path, features: Features) -> None:
    config = Config(model=SIZES["tiny"], objective=OBJECTIVES["calibrated"], training=TRAINING)
    model = small_model(OBJECTIVES["calibrated"], dropout=0.1)
    assert train(config, features, features, folder, model=model, progress=False).finished


def in_a_process(folder: Path, features: Features, at: int | None = None, error: int | None = None) -> int:
    """Train there in a forked process, again after an `error`; its exit code, 10 and its points when it finished."""

    def work() -> None:
        torch.set_num_threads(1)
        points = Points(folder, at, error)
        try:
            try:
                run(folder, features)
            except OSError as failure:
                if error is None or failure.errno != error:
                    raise
                run(folder, features)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(10 + points.passed)

    process = FORK.Process(target=work)
    process.start()
    process.join(300)
    assert process.exitcode is not None
    return process.exitcode


def history(folder: Path) -> list[Any]:
    """What the log says of the run, without times and without where it was resumed."""
    records, damaged = Log(folder / "training.jsonl").read()
    assert damaged == 0
    timely = ("time", "seconds", "memory")
    return [{k: v for k, v in r.items() if k not in timely} for r in records if r["kind"] != "resume"]


def assert_equal(folder: Path, whole: Path) -> None:
    for name in ("model.safetensors", "state.safetensors"):
        ours, theirs = load_file(folder / name), load_file(whole / name)
        assert ours.keys() == theirs.keys() and all(torch.equal(ours[k], theirs[k]) for k in theirs), name
    assert (folder / "config.json").read_bytes() == (whole / "config.json").read_bytes()
    assert history(folder) == history(whole)
    assert not [*folder.rglob("*.partial")]


@pytest.fixture(scope="module")
def features() -> Features:
    return features_of(20)  # more than ten, so that the second validation is better than the first


@pytest.fixture(scope="module")
def whole(features: Features, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A run that nothing interrupts, and how many points it has."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    points = in_a_process(folder, features) - 10
    recalls = [r["recall"]["10"] for r in history(folder) if r["kind"] == "validation"]
    assert points > 40 and len(recalls) == 2 and recalls[0] < recalls[1]  # the best weights are written over
    return folder, points


def test_killed_at_any_point_it_resumes_to_the_same_run(tmp_path: Path, features: Features, whole: tuple[Path, int]):
    for at in range(whole[1] % STRIDE, whole[1], STRIDE):
        folder = tmp_path / str(at)
        assert in_a_process(folder, features, at) == DIED, at
        assert in_a_process(folder, features) > 10, at
        assert_equal(folder, whole[0])


def test_a_disk_that_refuses_any_write_costs_no_more(tmp_path: Path, features: Features, whole: tuple[Path, int]):
    """The failure names the disk and ends the run; once there is room, it goes on to the same result."""
    for at in range(whole[1] % STRIDE, whole[1], STRIDE):
        folder = tmp_path / str(at)
        assert in_a_process(folder, features, at, (errno.ENOSPC, errno.EIO)[at % 2]) > 10, at
        assert_equal(folder, whole[0])


def test_it_may_be_killed_again_and_again(tmp_path: Path, features: Features, whole: tuple[Path, int]):
    """One folder; each attempt comes further than the one before."""
    folder, at = tmp_path / "run", 0
    while (ended := in_a_process(folder, features, at)) == DIED:
        at += STRIDE
    assert ended > 10 and at > 10
    assert_equal(folder, whole[0])
