"""The training command, killed fifty times and on disks that fill: it ends with the weights and log of a whole run.

A disk is a small file system in memory, which needs root: `unshare -Urm make soak` is enough.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from hug.__main__ import main
from hug.backbones import load_backbone
from hug.data.garments import Sizes, build
from hug.train.jobs import FAILED, RUNNING, STOPPING, Jobs, Step
from tests.hug.train.test_crashes import assert_equal, history

FORK = multiprocessing.get_context("fork")  # what a kill costs is then the training, not the import of torch
KILLS = int(os.environ.get("HUG_SOAK_KILLS", "50"))
DISKS = 12  # of so many sizes, from no room to enough
MIB = 2**20
FULL = "is full; make room, then run the same again"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, their features and a whole run: what all others must end with."""
    home = tmp_path_factory.mktemp("training")
    build(home / "data", Sizes((16, 8, 8), (8, 8, 8)), 0, "tiny", progress=False)
    load_backbone("embedded")  # kept for the processes that are forked
    torch.set_num_threads(1)
    for name in ("first", "whole"):  # the first encodes the pictures as well
        started = time.monotonic()
        assert trained(home, home / name).wait() == 0, said(home / name)
    (home / "seconds").write_text(str(time.monotonic() - started))
    return home


def argv(home: Path, folder: Path) -> list[str]:
    return [
        "train", "--root", str(home / "data"), "--cache", str(home / "cache"), "--out", str(folder), "--size", "tiny",
        "--steps", "12", "--batch", "4", "--save-every", "1", "--validate-every", "3", "--threads", "1",
    ]  # fmt: skip


class Training:
    """The command in a process of its own; what it says is appended to a file beside its folder."""

    def __init__(self, home: Path, folder: Path) -> None:
        def work() -> None:
            with log(folder).open("a") as out:
                os.dup2(out.fileno(), 1)
                os.dup2(out.fileno(), 2)
                sys.stdout = sys.stderr = out
                code = main(argv(home, folder))
                out.flush()
            os._exit(code)

        self.process = FORK.Process(target=work)
        self.process.start()

    def wait(self, seconds: float | None = 1200) -> int | None:
        """The exit code, or None when it still runs."""
        self.process.join(seconds)
        return self.process.exitcode

    def kill(self) -> bool:
        """Whether it was still there to be killed."""
        self.process.kill()
        return self.wait() == -signal.SIGKILL


def trained(home: Path, folder: Path) -> Training:
    return Training(home, folder)


def log(folder: Path) -> Path:
    return folder.parent / f"{folder.name}.log"


def said(folder: Path) -> str:
    return log(folder).read_text()[-1000:]


@contextmanager
def disk(place: Path, size: int) -> Iterator[Path]:
    """An empty file system of so many bytes."""
    place.mkdir(parents=True)
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "hug-soak", str(place)], capture_output=True)
    if made.returncode:
        pytest.skip("a file system can't be made here; `unshare -Urm make soak` may")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)  # a process that ends may hold it yet


@contextmanager
def filled(place: Path, free: int) -> Iterator[None]:
    """So much of a file system taken by another file that `free` bytes are left."""
    ballast = place / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb") as file:
        stat = os.statvfs(place)
        left = stat.f_bavail * stat.f_frsize - free
        for _ in range(left // 65536):
            file.write(bytes(65536))
    try:
        yield
    finally:
        ballast.unlink()


def test_killed_at_any_moment_it_ends_as_if_it_had_not_been(home: Path, tmp_path: Path) -> None:
    """Each kill comes after a random part of what a whole run takes; runs that end are compared and begun anew."""
    random.seed(0)
    whole, kills, runs = float((home / "seconds").read_text()), 0, 0
    started = time.monotonic()
    while kills < KILLS:
        folder = tmp_path / f"run-{runs}"
        while True:
            training = trained(home, folder)
            if kills < KILLS and training.wait(random.random() * whole / 2) is None and training.kill():
                kills += 1
                continue
            assert training.wait() == 0, said(folder)
            break
        assert_equal(folder, home / "whole")
        runs += 1
        print(f"{kills} kills, {runs} runs that ended as the whole one", flush=True)
    print(f"{kills} kills in {runs} runs, 0 lost; {time.monotonic() - started:.0f} s", flush=True)


def test_a_full_disk_is_told_and_costs_nothing(home: Path, tmp_path: Path) -> None:
    """Disks with room for anything from nothing to the whole run; once there is room, the same command goes on."""
    needs, refused = 2 * sum(p.stat().st_size for p in (home / "whole").iterdir()), 0
    for number in range(DISKS):
        with disk(tmp_path / str(number), 4 * needs) as place:
            folder = place / "run"
            with filled(place, needs * number // DISKS):
                code = trained(home, folder).wait()
                assert code in (0, 1), said(folder)
            if code:
                refused += 1
                assert (told := said(folder).strip().splitlines() or [""]) and FULL in told[-1], (number, told)
                assert trained(home, folder).wait() == 0, said(folder)
            assert_equal(folder, home / "whole")
    print(f"{DISKS} disks, full in {refused}: each told, 0 lost", flush=True)
    assert refused > DISKS // 4


def test_a_job_on_a_full_disk_says_so(home: Path, tmp_path: Path) -> None:
    """With nothing left but its reserve, a training of the page ends with the disk as its reason, and goes on later."""
    with disk(tmp_path / "jobs", 64 * MIB) as place:
        jobs = Jobs(place)
        with filled(place, 4 * MIB):  # the reserve, the weights, and no state
            job = jobs.start("soak", lambda folder: [Step("train", ("hug", *argv(home, folder)))], {})
            while (job := jobs.get("soak", job.id)).status in (RUNNING, STOPPING):
                time.sleep(0.5)
            assert job.status == FAILED and FULL in job.error, (job, jobs.log("soak", job.id))
        jobs.resume("soak", job.id)
        while (job := jobs.get("soak", job.id)).status in (RUNNING, STOPPING):
            time.sleep(0.5)
        assert not job.error, job.error
        ours, theirs = (load_file(folder / "state.safetensors") for folder in (job.folder, home / "whole"))
        assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in theirs)
        assert history(job.folder)[1:] == history(home / "whole")[1:]  # the first tells the command, which differs
    print("a job on a full disk says so and goes on", flush=True)
