"""Trainings started from the app: each in a process of its own that outlives the page and the app, stops and resumes.

A job is a checkpoint folder, `root/{owner's hash}/{id}`: `job.json` holds what to run and how far it is, `log.txt` what
was printed; a file `stopping` asks for the end. The record has a checksum and a copy, `.job.json`; a job that has lost
both is DAMAGED: it is listed, and its weights can still be had.

Who starts a job takes the folder's `job.lock` and the root's
`running.lock`, and the process that runs it inherits both: they are held from before it exists until it ends, however
it ends. A job on record as running whose lock is free was interrupted, and no two jobs run together.
"""

import builtins
import ctypes
import hashlib
import json
import os
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from filelock import lock_descriptor
from pydantic import TypeAdapter

from hug.files import PARTIAL, write_json

RUNNING, STOPPING, STOPPED = "running", "stopping", "stopped"
FINISHED, FAILED, INTERRUPTED, DAMAGED = "finished", "failed", "interrupted", "damaged"
MOST = 5  # jobs an owner may keep
IN_ALL = 50  # of all owners
DAY = 86_400.0  # seconds
RESERVE = 2**20  # bytes of the disk that a job holds, so that it can say that the disk is full
RECORDS = ("job.json", ".job.json")
BAR = re.compile(r"\d+ ?%\|?|\d+ of \d+$")  # a progress bar
COMMAND = re.compile(r"^python -m \w+ \w+: ")
LAST_WORD = re.compile(rf"{COMMAND.pattern}|[\w.]*(Error|Exception|Interrupt)\b")  # a command's own word, or Python's
BUSY = "a training is running on this machine, and only one can; try again when it has ended"


class JobError(ValueError):
    """What can't be done with a job, in a sentence fit for the person who asked."""


@dataclass(frozen=True)
class Step:
    """One command of a job; the names of a job's steps differ."""

    name: str
    argv: tuple[str, ...]  # what follows `python -m`; run in the project's folder


@dataclass(frozen=True)
class Job:
    """A job as it is now; times are Unix seconds."""

    id: str
    folder: Path
    about: dict[str, Any]  # what the caller wants to remember
    steps: tuple[Step, ...]
    done: tuple[str, ...]  # names of the steps that ended well or were skipped on purpose
    status: str
    step: str  # the step that runs or ran last; empty before the first
    created: float
    ended: float | None = None  # None while it runs, and after an interruption
    error: str = ""  # why it FAILED, in one line; else empty
    pid: int = 0  # of the process that runs it; 0 until that is up
    format: Literal[1] = 1  # of the record


RECORD = TypeAdapter(Job)  # how `job.json` is checked


class Jobs:
    """The jobs below one folder. An owner reaches their own only, by ids that can't be guessed."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root).resolve()

    def start(
        self, owner: str, make_steps: Callable[[Path], Sequence[Step]], about: Mapping[str, Any], room: int = 0
    ) -> Job:
        """Run the steps given for the job's folder. Nothing is written before it may run.

        Raises JobError while any job runs, when the owner has MOST jobs or all owners together have IN_ALL, and when
        the disk has less than `room` bytes, and RESERVE, free.
        """
        home = self._home(owner)
        self.root.mkdir(parents=True, exist_ok=True)
        self._require_room(room)
        with _claim(self.root / "running.lock", BUSY, 1.0) as running:
            if len(list(home.glob("mine-*"))) >= MOST:
                raise JobError(f"{MOST} trainings are kept, not more; remove one first")
            if len(list(self.root.glob("*/mine-*"))) >= IN_ALL:
                raise JobError(
                    f"{IN_ALL} trainings are kept on this machine, not more; try again when some were removed"
                )
            folder = home / f"mine-{secrets.token_hex(8)}"
            folder.mkdir(parents=True)
            try:
                steps = tuple(make_steps(folder))
                return _launch(Job(folder.name, folder, dict(about), steps, (), RUNNING, "", time.time()), running)
            except BaseException as error:
                shutil.rmtree(folder, ignore_errors=True)
                if isinstance(error, OSError):
                    raise JobError(f"the training could not begin: {error.strerror}") from error
                raise

    def stop(self, owner: str, id: str) -> Job:
        """Ask a running job to end; it is STOPPING until its step has ended. Raises JobError when it doesn't run."""
        if (job := self.get(owner, id)).status not in (RUNNING, STOPPING):
            raise JobError("this training isn't running")
        (job.folder / "stopping").touch()
        if pid := _read(job.folder).pid:  # else the process isn't up: it looks for the file once its pid is on record
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        return _look(job.folder)

    def resume(self, owner: str, id: str, skip: Sequence[str] = ()) -> Job:
        """Go on with the first step that isn't done; names in `skip` count as done. Raises JobError like `start`."""
        if (job := self.get(owner, id)).status in (RUNNING, STOPPING, FINISHED):
            raise JobError(f"this training is {job.status} already")
        if job.status == DAMAGED:
            raise JobError(f"{job.error}: it can't go on")
        self._require_room(0)
        with _claim(self.root / "running.lock", BUSY) as running:
            job = self.get(owner, id)
            done = tuple(s.name for s in job.steps if s.name in (*job.done, *skip))
            try:
                return _launch(replace(job, done=done, status=RUNNING, ended=None, error="", pid=0), running)
            except OSError as error:
                raise JobError(f"the training could not begin: {error.strerror}") from error

    def get(self, owner: str, id: str) -> Job:
        """A job as it is now. Raises JobError when the owner has none of that id."""
        if id not in (folder.name for folder in self._home(owner).glob("mine-*")):
            raise JobError("there is no such training")
        return _look(self._home(owner) / id)

    def list(self, owner: str) -> builtins.list[Job]:
        """The owner's jobs, newest first."""
        jobs = []
        for folder in self._home(owner).glob("mine-*"):
            with suppress(FileNotFoundError):  # removed meanwhile
                jobs.append(_look(folder))
        return sorted(jobs, key=lambda job: job.created, reverse=True)

    def remove(self, owner: str, id: str) -> None:
        """Delete a job with all its files. Raises JobError while it runs."""
        with _claim((folder := self.get(owner, id).folder) / "job.lock", "this training is running; stop it first"):
            _delete(folder)

    def expire(self, age: float) -> int:
        """Remove jobs of anybody's that nothing happened to for `age` seconds, and empty folders; how many went."""
        gone = 0
        for folder in self.root.glob("*/mine-*"):
            try:
                if time.time() - max(p.stat().st_mtime for p in (folder, *folder.iterdir())) <= age:
                    continue
                with _claim(folder / "job.lock", "it runs", 0.1):
                    _delete(folder)
                    gone += 1
            except (JobError, OSError):
                continue
        for home in self.root.glob("*/"):
            with suppress(OSError):  # not empty
                home.rmdir()
        return gone

    def log(self, owner: str, id: str, lines: int = 40) -> str:
        """The last lines that the job printed; of a progress bar its last state."""
        with suppress(OSError):
            return "\n".join(_printed((self.get(owner, id).folder / "log.txt").read_bytes())[-lines:])
        return ""

    def running(self) -> bool:
        """Whether any job of anybody runs."""
        return _held(self.root / "running.lock")

    def _require_room(self, room: int) -> None:
        free, needs = shutil.disk_usage(self.root).free, room + RESERVE
        if free < needs:
            raise JobError(
                f"the disk has {free / 1e9:.2f} GB free, and this training needs {needs / 1e9:.2f}; make room first"
            )

    def _home(self, owner: str) -> Path:
        if not owner:
            raise JobError("a training needs an owner")
        return self.root / hashlib.sha256(owner.encode()).hexdigest()[:16]


@contextmanager
def _claim(path: Path, refusal: str, patience: float = 2.0) -> Iterator[int]:
    """A descriptor that holds the lock. Raises JobError(refusal) when others hold it for `patience` seconds."""
    descriptor, until = os.open(path, os.O_RDWR | os.O_CREAT, 0o644), time.monotonic() + patience
    try:
        while not lock_descriptor(descriptor, blocking=False):  # others may just be looking, or about to end
            if time.monotonic() > until:
                raise JobError(refusal)
            time.sleep(0.01)
        yield descriptor
    finally:
        os.close(descriptor)  # not unlocked: a process that inherited the descriptor goes on holding the lock


def _delete(folder: Path) -> None:
    """At once, so that nobody reads half a job; what a kill leaves of it is swept when the app starts."""
    shutil.rmtree(folder.rename(folder.with_name(f".{folder.name}{PARTIAL}")), ignore_errors=True)


def _held(path: Path) -> bool:
    with suppress(JobError, FileNotFoundError), _claim(path, "held", 0.1):
        return False
    return path.exists()


def _launch(job: Job, running: int) -> Job:
    with _claim(job.folder / "job.lock", BUSY) as own, (job.folder / "log.txt").open("ab") as log:
        (job.folder / "stopping").unlink(missing_ok=True)
        (job.folder / ".reserve").write_bytes(bytes(RESERVE))  # given up when the disk is full, so that this is told
        _write(job)
        # One core is left to the app's queries: threads that wait for a core others use cost more than they bring.
        threads = str(max(1, (os.cpu_count() or 2) - 1))
        process = subprocess.Popen(
            [sys.executable, "-m", "hug.train.jobs", str(job.folder)], cwd=Path(__file__).parents[2],
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": threads}, pass_fds=(own, running),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    threading.Thread(target=process.wait, daemon=True).start()  # or it stays a zombie for as long as the app runs
    return job


def _look(folder: Path) -> Job:
    """The record, and whether it still holds; without one what can be said of its folder."""
    request = folder / "stopping"
    try:
        job = _read(folder)
    except JobError as error:
        return Job(folder.name, folder, {}, (), (), DAMAGED, "", folder.stat().st_mtime, error=str(error))
    if job.status == RUNNING and _held(folder / "job.lock"):
        return replace(job, status=STOPPING if request.exists() else RUNNING)
    if job.status == RUNNING and (job := _read(folder)).status == RUNNING:  # read again: it may have ended since
        return replace(job, status=STOPPED if request.exists() else INTERRUPTED)
    return job


def _read(folder: Path) -> Job:
    for name in RECORDS:
        with suppress(OSError, ValueError, TypeError):
            record = json.loads((folder / name).read_text("utf-8"))
            if record.pop("crc32", None) in (None, _checksum(record)):  # earlier releases wrote none
                return RECORD.validate_python({**record, "id": folder.name, "folder": folder})
    raise JobError("the record of this training is damaged; its weights can be packed, then remove it")


def _write(job: Job) -> Job:
    record = RECORD.dump_python(job, exclude={"id", "folder"})
    for name in RECORDS:
        write_json(job.folder / name, {**record, "crc32": _checksum(record)})
    return job


def _checksum(record: Mapping[str, Any]) -> str:
    return f"{zlib.crc32(json.dumps(record, sort_keys=True).encode()):08x}"


def _printed(text: bytes) -> list[str]:
    """Lines that aren't blank; of what a carriage return overwrites only the last."""
    lines = text.decode("utf-8", "replace").split("\n")
    return [[p for p in line.split("\r") if p.strip()][-1].rstrip() for line in lines if line.strip()]


def _last_word(text: bytes) -> str:
    """Why a step failed by what it printed last: the line of the command or of an exception, never a progress bar."""
    lines = _printed(text)
    words = [line for line in lines if LAST_WORD.match(line)] or [line for line in lines if not BAR.search(line)]
    return COMMAND.sub("", words[-1])[:300] if words else ""


@dataclass
class _Runner:
    """`python -m hug.train.jobs FOLDER`: runs the steps that aren't done, one after another."""

    job: Job
    stops: bool = False  # a request to stop has come
    process: subprocess.Popen[bytes] | None = None
    tail: bytes = b""  # what a step printed last

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self.stop)
        self.record(pid=os.getpid())
        os.nice(10)  # queries of the app are answered first
        status, error = FINISHED, ""
        for step in (s for s in self.job.steps if s.name not in self.job.done):
            self.stops = self.stops or (self.job.folder / "stopping").exists()
            error = "" if self.stops else self.execute(step)
            if self.stops or error:  # what was cut short isn't done: training exits with 0 then, too
                status, error = (STOPPED, "") if self.stops else (FAILED, error)
                break
            self.record(done=(*self.job.done, step.name))
        (self.job.folder / ".reserve").unlink(missing_ok=True)
        self.record(status=status, error=error, ended=time.time(), pid=0)

    def record(self, **changes: Any) -> None:
        self.job = replace(self.job, **changes)
        try:
            _write(self.job)
        except OSError:
            (self.job.folder / ".reserve").unlink(missing_ok=True)
            _write(self.job)

    def execute(self, step: Step) -> str:
        """Run a step; why it failed, or an empty string."""
        self.record(step=step.name)
        self.tail, libc = b"", ctypes.CDLL(None)
        self.print(f"== {step.name}: {shlex.join(('python', '-m', *step.argv))}\n".encode())
        # Killed outright, we leave no step behind: on Linux the kernel ends it (1 is PR_SET_PDEATHSIG). Process ids on
        # record would be no help, being others' by the time of a resume; and what steps write is written atomically.
        follow = (lambda: libc.prctl(1, signal.SIGKILL)) if sys.platform == "linux" else None
        self.process = subprocess.Popen(
            [sys.executable, "-m", *step.argv], process_group=0, preexec_fn=follow,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        if self.stops:  # a request that came while the process was made found nobody to pass it to
            self.process.terminate()
        reader = threading.Thread(target=self.read, args=(self.process,), daemon=True)
        reader.start()
        code = self.process.wait()
        with suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)  # workers that a step left behind
        reader.join(10)
        if code < 0:
            memory = "; perhaps the machine lacks memory" if -code == signal.SIGKILL else ""
            return f"{step.name} broke off: {signal.strsignal(-code)}{memory}"
        return (_last_word(self.tail) or f"{step.name} ended with {code}") if code else ""

    def read(self, process: subprocess.Popen[bytes]) -> None:
        """What a step prints, into the log and the tail."""
        assert process.stdout is not None
        while text := os.read(process.stdout.fileno(), 65536):
            self.tail = (self.tail + text)[-65536:]
            self.print(text)
        process.stdout.close()

    def print(self, text: bytes) -> None:
        """Into the log; a full disk costs these lines, and no more."""
        with suppress(OSError):
            os.write(sys.stdout.fileno(), text)

    def stop(self, *_: object) -> None:
        self.stops = True
        if self.process:
            self.process.terminate()


if __name__ == "__main__":
    _Runner(_read(Path(sys.argv[1]))).run()
    os._exit(0)  # the locks are free as soon as the end is on record; what Python tidies up would take longer
