"""A write that fails or is cut short leaves the old content; what returned is on the disk; a folder has one writer."""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from hug.files import (
    commit,
    only_writer,
    reason,
    replacing,
    sweep,
    write_json,
    write_parquet,
    write_tensors,
    write_text,
)

FORK = multiprocessing.get_context("fork")


def picture(path: Path) -> None:
    with replacing(path) as temporary:
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(temporary, "PNG")


def archive(path: Path) -> None:
    with replacing(path) as temporary, ZipFile(temporary, "w") as file:
        file.writestr("a", "b")


WRITERS: dict[str, Callable[[Path], None]] = {
    "text": lambda path: write_text(path, "new"),
    "json": lambda path: write_json(path, {"a": 1}),
    "tensors": lambda path: write_tensors(path, {"a": torch.ones(2)}),
    "parquet": lambda path: write_parquet(path, pd.DataFrame({"a": [1]})),
    "picture": picture,
    "archive": archive,
}
writers = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)


def test_what_cannot_be_written_keeps_the_old_file(tmp_path: Path):
    path = tmp_path / "x.json"
    write_json(path, {"a": 1})
    before = path.read_text()
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert path.read_text() == before and [*tmp_path.iterdir()] == [path]


@writers
@pytest.mark.parametrize("call", ["replace", "fsync", "chmod"])
def test_a_failing_call_keeps_the_old_file_and_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None], call: str
):
    def fails(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "x"
    path.write_text("old")
    monkeypatch.setattr(os, call, fails)
    with pytest.raises(OSError) as failure:
        write(path)
    assert path.read_text() == "old" and [*tmp_path.iterdir()] == [path]
    assert reason(failure.value) == f"the disk of {path} is full; make room, then run the same again"


@writers
def test_a_full_disk_is_told_by_every_writer(tmp_path: Path, write: Callable[[Path], None]):
    """A limit on the size of files stands for the disk: the system refuses the write itself."""
    path = tmp_path / "x"
    path.write_text("old")

    def limited() -> None:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))
        try:
            write(path)
        except OSError as error:
            os._exit(0 if error.errno == errno.EFBIG and error.filename == str(path) else 2)
        os._exit(1)

    process = FORK.Process(target=limited)
    process.start()
    process.join(60)
    assert process.exitcode == 0 and path.read_text() == "old" and [*tmp_path.iterdir()] == [path]


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells which file a descriptor is of")
@writers
def test_file_and_folder_are_on_the_disk_before_it_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], None]
):
    """The content before the name, then every folder that has a new name in it."""
    real = {name: getattr(os, name) for name in ("fsync", "replace")}
    calls: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda fd: calls.append(os.readlink(f"/proc/self/fd/{fd}")) or real["fsync"](fd))
    monkeypatch.setattr(os, "replace", lambda a, b: calls.append("replace") or real["replace"](a, b))
    path = tmp_path / "new" / "newer" / "x"
    write(path)
    assert calls[0].endswith(".partial/x") and calls[1] == "replace"
    assert calls[2:] == [str(path.parent), str(path.parent.parent), str(tmp_path)]


@writers
def test_what_a_killed_writer_leaves_is_swept(tmp_path: Path, write: Callable[[Path], None]):
    path = tmp_path / "x"

    def killed() -> None:
        os.replace = lambda *_: os._exit(9)
        write(path)

    process = FORK.Process(target=killed)
    process.start()
    process.join(60)
    assert process.exitcode == 9 and not path.exists() and [p.name[:3] for p in tmp_path.iterdir()] == [".x."]
    write(path)
    sweep(tmp_path)
    assert [*tmp_path.iterdir()] == [path]


def test_what_is_being_written_is_not_swept(tmp_path: Path):
    with replacing(tmp_path / "x") as temporary:
        temporary.write_text("slow")
        sweep(tmp_path)
    assert (tmp_path / "x").read_text() == "slow" and len([*tmp_path.iterdir()]) == 1


def test_only_our_own_leftovers_are_swept(tmp_path: Path):
    kept = ["a.partial", ".hidden", ".a.json.abc.json", "b"]
    for name in kept:
        (tmp_path / name).mkdir()
    (tmp_path / "b" / ".x.json.12.partial").mkdir()
    sweep(tmp_path)
    assert sorted(p.name for p in tmp_path.rglob("*")) == sorted(kept)


def test_a_sweep_goes_on_whatever_it_meets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What others remove meanwhile, what is a link, what can't be opened: the rest is swept."""
    outside = tmp_path / "outside" / ".o.1.partial"
    outside.mkdir(parents=True)
    swept = tmp_path / "swept"
    left = [swept / "a" / ".x.1.partial", swept / "b" / ".y.2.partial", swept / "c" / "d" / ".z.3.partial"]
    for folder in left:
        (folder / ".inner.4.partial").mkdir(parents=True)
    (swept / "link").symlink_to(outside.parent)
    real = os.open

    def opened(path: object, *rest: Any, **options: Any) -> int:
        if path == left[0]:
            raise PermissionError(errno.EACCES, "somebody else's")
        if path == left[1]:
            shutil.rmtree(left[1].parent)
        return real(path, *rest, **options)

    monkeypatch.setattr(os, "open", opened)
    sweep(swept)
    monkeypatch.undo()
    assert left[0].exists() and not left[2].exists() and outside.exists()
    sweep(swept)
    sweep(tmp_path / "nowhere")
    assert not left[0].exists()


def test_a_folder_has_one_writer_until_that_has_ended_however_it_ends(tmp_path: Path):
    code = (
        "import sys, time; from pathlib import Path; from hug.files import only_writer\n"
        "with only_writer(Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(600)"
    )
    folder = tmp_path / "run"
    with subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "held\n"
        with pytest.raises(ValueError, match=f"{folder} is being written by process {holder.pid}; wait"):
            only_writer(folder).__enter__()
        holder.kill()
    with only_writer(folder):
        assert (folder / ".lock").read_text() == str(os.getpid())
        with pytest.raises(ValueError, match=f"process {os.getpid()}"):
            only_writer(folder).__enter__()
    with only_writer(folder):
        pass


def test_tensors_may_be_views(tmp_path: Path):
    whole = torch.arange(6.0).view(2, 3)
    write_tensors(tmp_path / "x.safetensors", {"a": whole.T, "b": whole[1]})
    assert [p.name for p in tmp_path.iterdir()] == ["x.safetensors"]


def test_a_reason_is_a_sentence():
    assert "another one" in reason(OSError(errno.EIO, "x", "/d"))
    assert reason(ValueError("no such size")) == "no such size" and reason(ValueError()) == "ValueError"


def test_the_commit_is_named_or_unknown():
    name = commit()
    assert name == "unknown" or len(name.removesuffix("-changed")) == 12
