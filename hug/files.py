"""Writes that a crash leaves whole, on the disk, by one writer a folder; the commit, and the hash of ids."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import lock_descriptor

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

PARTIAL = ".partial"  # how the hidden folders of unfinished writes end
FULL = (errno.ENOSPC, errno.EDQUOT)
WINDOWS = os.name == "nt"  # folders can be neither locked nor synchronised there


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path that takes the file's place when all went well, and else goes away.

    File and folder are on the disk when it returns. OSErrors name the file that was to be written.
    """
    try:
        new = [folder for folder in path.parents if not folder.exists()]
        path.parent.mkdir(parents=True, exist_ok=True)
        with _scratch(path) as folder:
            temporary = folder / path.name
            yield temporary
            os.chmod(temporary, 0o644)  # what safetensors writes is readable by its owner only
            _sync(temporary)
            os.replace(temporary, path)
        for folder in (path.parent, *(folder.parent for folder in new)):
            _sync(folder)
    except OSError as error:
        if error.filename is None or PARTIAL in str(error.filename):
            error.filename = str(path)
        raise


@contextmanager
def _scratch(path: Path) -> Iterator[Path]:
    """A hidden folder beside a file, locked while it is used: what libraries leave in it is swept with it."""
    descriptor = None
    while descriptor is None:  # a sweep may take it before it is locked
        folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=PARTIAL))
        descriptor = _hold(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def _hold(folder: Path) -> int | None:
    """A descriptor that locks a folder; None where others do, or it is gone."""
    if WINDOWS:
        return os.open(os.devnull, os.O_RDONLY)
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return None
    if lock_descriptor(descriptor, blocking=False) and folder.exists():
        return descriptor
    os.close(descriptor)
    return None


def _sync(path: Path) -> None:
    """See to it that what was written is on the disk, of a folder the names in it."""
    if WINDOWS:
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove what killed writers left in a folder and below; what is being written is locked and stays.

    What goes away meanwhile, or belongs to somebody else, is no error.
    """
    for place, folders, _ in [] if WINDOWS else os.walk(folder):
        for name in [name for name in folders if name.startswith(".") and name.endswith(PARTIAL)]:
            folders.remove(name)  # not entered
            with suppress(OSError):
                if (descriptor := _hold(left := Path(place, name))) is not None:
                    shutil.rmtree(left, ignore_errors=True)
                    os.close(descriptor)


@contextmanager
def only_writer(folder: Path) -> Iterator[None]:
    """Keep other processes from writing a folder, made where it lacks, and sweep what killed ones left.

    Raises ValueError with the process that writes it. The lock ends with its process, however that ends.
    """
    new, lock = not folder.exists(), folder / ".lock"
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if not lock_descriptor(descriptor, blocking=False):
            process = os.read(descriptor, 20).decode("ascii", "replace") or "another one"
            raise ValueError(f"{folder} is being written by process {process}; wait for its end, or use another folder")
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        try:
            sweep(folder)
            yield
        finally:
            os.ftruncate(descriptor, 0)
            if new and [*folder.iterdir()] == [lock]:  # nothing came of it
                shutil.rmtree(folder)
    finally:
        os.close(descriptor)


def reason(error: BaseException) -> str:
    """Why something failed, in a sentence: of a disk what to do, else the error's own words."""
    if isinstance(error, OSError) and error.errno in (*FULL, errno.EIO):
        what = "is full; make room" if error.errno in FULL else "fails to read or write; use another one"
        place = f" of {error.filename}" if error.filename else ""
        return f"the disk{place} {what}, then run the same again"
    return str(error) or type(error).__name__


def write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, "utf-8")


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=1) + "\n")


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """A safetensors file of contiguous copies."""
    from safetensors import SafetensorError  # not at the top: who only writes JSON needs no torch
    from safetensors.torch import save_file

    with replacing(path) as temporary:
        try:
            save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, temporary, metadata)
        except SafetensorError as error:
            if number := re.search(r"os error (\d+)", str(error)):
                raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error
            raise


def write_parquet(path: Path, table: pd.DataFrame) -> None:
    with replacing(path) as temporary:
        table.to_parquet(temporary, index=False, compression="zstd")


def ids_hash(ids: Sequence[str]) -> str:
    """16 hex digits that name the ids of a gallery in their order."""
    return hashlib.sha256("\n".join(ids).encode()).hexdigest()[:16]


def commit() -> str:
    """The commit of the code that runs, with a mark when it was changed since; "unknown" outside a checkout."""
    try:
        run = partial(subprocess.check_output, cwd=Path(__file__).parent, stderr=subprocess.DEVNULL, text=True)
        head = run(["git", "rev-parse", "--short=12", "HEAD"]).strip()
        return head + ("-changed" if run(["git", "status", "--porcelain", "--", "."]) else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
