"""Trainings in processes of their own: real processes, and waiting for states, never for a time."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from hug.files import sweep
from hug.train import jobs as jobs_module
from hug.train.jobs import (
    DAMAGED,
    FAILED,
    FINISHED,
    INTERRUPTED,
    MOST,
    RUNNING,
    STOPPED,
    STOPPING,
    Job,
    JobError,
    Jobs,
    Step,
)
from hug.train.state import Log

ROOT = Path(__file__).parents[3]
MODULES = {
    # writes that it began, holds a lock, and ends well once a file is there or when asked to
    "patient": """
import signal, sys, time
from pathlib import Path
from filelock import FileLock
here = Path(sys.argv[1])
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
with FileLock(here / "alive.lock"):
    with (here / "begun").open("a") as file:
        file.write("begun\\n")
    while not (here / "go").exists():
        time.sleep(0.01)
""",
    "bars": "import sys; sys.stderr.write('one\\n\\r10 %\\r20 %\\rValueError: ' + 400 * 'x' + '\\n\\n'); sys.exit(3)",
    "told": "import sys; sys.exit('python -m hug train: the disk is 100% full\\ntrain:   2%|▎  | 12/600')",
    "raised": "import sys; sys.stdout.write('1 of 2'); sys.stdout.flush(); {}['the key']",
    "chatty": "import sys; print(300_000 * 'x '); sys.exit('no word\\n 99%|█\\r')",
    "mute": "raise SystemExit(7)",
    "shot": "import os; os.kill(os.getpid(), 9)",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for what the steps say to each other; their modules can be imported."""
    (tmp_path / "modules").mkdir()
    for name, text in MODULES.items():
        (tmp_path / "modules" / f"hugtest_{name}.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    (tmp_path / "data.json").write_text("{}")
    return tmp_path


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    jobs = Jobs(tmp_path / "jobs")
    yield jobs
    for owner in ("ann", "bob", "cem"):
        for job in jobs.list(owner):
            if job.status in (RUNNING, STOPPING):
                jobs.stop(owner, job.id)
                until(lambda job=job, owner=owner: jobs.get(owner, job.id).status not in (RUNNING, STOPPING))


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 300
    while not holds():
        assert time.monotonic() < end, "waited for five minutes"
        time.sleep(0.02)


def ended(jobs: Jobs, job: Job, owner: str = "ann") -> Job:
    until(lambda: jobs.get(owner, job.id).status not in (RUNNING, STOPPING))
    return jobs.get(owner, job.id)


def easy(here: Path, name: str) -> Step:
    """Writes {name}.json."""
    return Step(name, ("json.tool", str(here / "data.json"), str(here / f"{name}.json")))


def patient(here: Path, name: str = "train") -> Step:
    return Step(name, ("hugtest_patient", str(here)))


def begun(here: Path) -> int:
    return (here / "begun").read_text().count("\n") if (here / "begun").exists() else 0


def start(jobs: Jobs, *steps: Step, owner: str = "ann") -> Job:
    return jobs.start(owner, lambda folder: steps, {"seed": 3})


def record(jobs: Jobs, job: Job, **changes: object) -> None:
    content = json.loads((job.folder / "job.json").read_text())
    del content["crc32"]
    (job.folder / "job.json").write_text(json.dumps({**content, **changes}))


def kept(jobs: Jobs, count: int) -> list[Job]:
    """Copies of a finished job, each begun a second after the one before; nothing runs."""
    first = ended(jobs, start(jobs))
    made = [first]
    for n in range(1, count):
        folder = first.folder.with_name(f"mine-{n:016x}")
        folder.mkdir()
        (folder / "job.json").write_text((first.folder / "job.json").read_text())
        made.append(replace(first, id=folder.name, folder=folder))
        record(jobs, made[-1], created=first.created + n)
    return made


def test_steps_run_in_order_and_are_done(jobs: Jobs, here: Path):
    folders: list[Path] = []

    def steps(folder: Path) -> Sequence[Step]:
        folders.append(folder)
        assert folder.is_dir()
        copy = Step("copy", ("json.tool", str(folder / "data.json"), str(folder / "copy.json")))
        return [Step("data", ("json.tool", str(here / "data.json"), str(folder / "data.json"))), copy]

    job = jobs.start("ann", steps, {"seed": 3, "words": ["é"]})
    assert job.status == RUNNING and job.done == () and job.folder == folders[0]
    assert jobs.get("ann", job.id).status == RUNNING  # from the first moment on, before its process is up
    job = ended(jobs, job)
    assert (job.status, job.done, job.step, job.error) == (FINISHED, ("data", "copy"), "copy", "")
    assert job.about == {"seed": 3, "words": ["é"]} and (job.folder / "copy.json").exists()
    assert job.ended is not None and job.ended >= job.created and job.pid == 0
    log = jobs.log("ann", job.id).splitlines()
    assert [line.split(" -m")[0] for line in log] == ["== data: python", "== copy: python"]
    assert jobs.log("ann", job.id, lines=1).splitlines() == log[-1:]
    with pytest.raises(JobError, match="finished already"):
        jobs.resume("ann", job.id)
    with pytest.raises(JobError, match="isn't running"):
        jobs.stop("ann", job.id)


@pytest.mark.parametrize(
    ("module", "says"),
    [
        ("bars", f"ValueError: {400 * 'x'}"[:300]),
        ("mute", "train ended with 7"),
        ("shot", "train broke off: Killed; perhaps the machine lacks memory"),
        ("told", "the disk is 100% full"),
        ("raised", "KeyError: 'the key'"),
        ("chatty", "no word"),
        ("nowhere", "No module named hugtest_nowhere"),
    ],
)
def test_a_failure_is_its_last_line_and_may_be_skipped(jobs: Jobs, here: Path, module: str, says: str):
    job = ended(jobs, start(jobs, Step("train", (f"hugtest_{module}",)), easy(here, "index")))
    assert (job.status, job.step, job.done) == (FAILED, "train", ())
    assert job.error.endswith(says) and len(job.error) <= 300
    assert not (here / "index.json").exists()
    if module == "bars":
        assert jobs.log("ann", job.id).splitlines()[1:] == ["one", f"ValueError: {400 * 'x'}"]
        job = ended(jobs, jobs.resume("ann", job.id, skip=["train"]))
        assert (job.status, job.done, job.error) == (FINISHED, ("train", "index"), "")


def test_a_stopped_step_runs_again_and_done_ones_do_not(jobs: Jobs, here: Path):
    job = start(jobs, easy(here, "data"), patient(here), easy(here, "index"))
    until(lambda: begun(here))
    reloaded = Jobs(jobs.root).get("ann", job.id)  # a page that was reloaded, an app that was started again
    assert (reloaded.status, reloaded.step, reloaded.done) == (RUNNING, "train", ("data",))
    assert os.getpriority(os.PRIO_PROCESS, reloaded.pid) >= min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
    with pytest.raises(JobError, match="running already"):
        jobs.resume("ann", job.id)
    with pytest.raises(JobError, match="stop it first"):
        jobs.remove("ann", job.id)
    assert jobs.stop("ann", job.id).status in (STOPPING, STOPPED)
    job = ended(jobs, job)
    assert (job.status, job.step, job.done, job.error) == (STOPPED, "train", ("data",), "")
    (here / "go").touch()
    job = jobs.resume("ann", job.id)
    assert job.status == RUNNING and job.ended is None
    job = ended(jobs, job)
    assert (job.status, job.done) == (FINISHED, ("data", "train", "index")) and begun(here) == 2
    assert jobs.log("ann", job.id).count("== data") == 1 and jobs.log("ann", job.id).count("== train") == 2


def test_a_step_is_stopping_for_as_long_as_it_takes(jobs: Jobs, here: Path):
    late = here / "modules/hugtest_late.py"
    late.write_text(MODULES["patient"].replace("sys.exit(0)", "None"))
    job = start(jobs, Step("train", ("hugtest_late", str(here))))
    until(lambda: begun(here))
    assert jobs.stop("ann", job.id).status == STOPPING
    assert jobs.stop("ann", job.id).status == STOPPING  # asking twice is no error
    assert Jobs(jobs.root).list("ann")[0].status == STOPPING and jobs.running()
    (here / "go").touch()
    assert ended(jobs, job).done == ()  # it ended with 0, but who knows how far it was


def test_a_stop_before_the_first_step_and_a_signal_from_the_system(jobs: Jobs, here: Path):
    job = start(jobs, patient(here))
    jobs.stop("ann", job.id)  # the process isn't up yet, or just
    job = ended(jobs, job)
    assert (job.status, job.done) == (STOPPED, ())
    before = begun(here)
    job = jobs.resume("ann", job.id)
    until(lambda: begun(here) > before)
    os.kill(jobs.get("ann", job.id).pid, signal.SIGTERM)
    assert ended(jobs, job).status == STOPPED


def test_a_killed_process_is_interrupted_takes_its_step_along_and_resumes(jobs: Jobs, here: Path):
    job = start(jobs, patient(here), easy(here, "index"))
    until(lambda: begun(here))
    assert jobs.get("ann", job.id).status == RUNNING and jobs.running()
    os.kill(jobs.get("ann", job.id).pid, signal.SIGKILL)
    job = ended(jobs, job)
    assert (job.status, job.step, job.ended) == (INTERRUPTED, "train", None)
    until(lambda: not jobs.running())
    if sys.platform == "linux":
        with FileLock(here / "alive.lock", timeout=300):  # its step is gone, too
            pass
    with pytest.raises(JobError, match="isn't running"):
        jobs.stop("ann", job.id)
    (here / "go").touch()
    job = ended(jobs, jobs.resume("ann", job.id))
    assert (job.status, job.done) == (FINISHED, ("train", "index")) and begun(here) == 2


def test_one_at_a_time_on_the_machine(jobs: Jobs, here: Path):
    assert not jobs.running()
    other = ended(jobs, start(jobs, Step("train", ("hugtest_mute",)), owner="bob"), "bob")
    job = start(jobs, patient(here))
    assert jobs.running() and Jobs(jobs.root).running()
    with pytest.raises(JobError, match="only one can"):
        start(Jobs(jobs.root), easy(here, "data"), owner="bob")
    with pytest.raises(JobError, match="only one can"):
        jobs.resume("bob", other.id)
    assert len(jobs.list("bob")) == 1 and jobs.get("bob", other.id).status == FAILED
    (here / "go").touch()
    assert ended(jobs, job).status == FINISHED
    assert ended(jobs, jobs.resume("bob", other.id), "bob").status == FAILED  # at once: no lock is left behind


def test_a_job_outlives_the_app(jobs: Jobs, here: Path):
    app = (
        "import sys; from pathlib import Path; from hug.train.jobs import Jobs, Step\n"
        "step = Step('train', ('hugtest_patient', sys.argv[2]))\n"
        "Jobs(Path(sys.argv[1])).start('ann', lambda folder: [step], {})"
    )
    subprocess.run([sys.executable, "-c", app, str(jobs.root), str(here)], check=True, cwd=ROOT)
    (job,) = jobs.list("ann")
    assert job.status == RUNNING
    until(lambda: begun(here))
    (here / "go").touch()
    assert ended(jobs, job).status == FINISHED


def test_an_owner_reaches_their_own_jobs_only(jobs: Jobs):
    job = ended(jobs, start(jobs))
    assert job.status == FINISHED and jobs.list("bob") == []
    bad = ("mine-0000000000000000", "", ".", "..", "*", "mine-*", f"../{job.folder.parent.name}/{job.id}", f"{job.id}/")
    calls = (jobs.get, jobs.stop, jobs.resume, jobs.remove, jobs.log)
    for call in calls:
        for owner, id in (("bob", job.id), *(("ann", id) for id in bad)):
            with pytest.raises(JobError, match="^there is no such training$"):
                call(owner, id)
        with pytest.raises(JobError, match="needs an owner"):
            call("", job.id)
    for nobody in (lambda: start(jobs, owner=""), lambda: jobs.list("")):
        with pytest.raises(JobError, match="needs an owner"):
            nobody()
    assert jobs.get("ann", job.id) == job


def test_list_is_newest_first(jobs: Jobs):
    first, second, third = kept(jobs, 3)
    assert [j.id for j in jobs.list("ann")] == [j.id for j in (third, second, first)]


DAMAGES: dict[str, Callable[[Path], object]] = {
    "cut off": lambda path: path.write_text("{"),
    "no text": lambda path: path.write_bytes(b"\xff\x00"),
    "a list": lambda path: path.write_text("[]"),
    "gone": lambda path: path.unlink(),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "another number": lambda path: path.write_text(path.read_text().replace('"seed": 3', '"seed": 7')),
    "another state": lambda path: path.write_text(path.read_text().replace('"finished"', '"running"')),
    "another format": lambda path: path.write_text(path.read_text().replace('"format": 1', '"format": 9')),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_record_is_read_from_its_copy_and_without_one_the_job_stays(
    jobs: Jobs, damage: Callable[[Path], object]
):
    job = ended(jobs, start(jobs))
    (job.folder / "model.safetensors").write_bytes(b"weights")
    damage(job.folder / "job.json")
    assert jobs.list("ann") == [jobs.get("ann", job.id)] == [job]
    damage(job.folder / ".job.json")
    (left,) = jobs.list("ann")
    assert (left.id, left.status, left.folder) == (
        job.id,
        DAMAGED,
        job.folder,
    ) and "weights can be packed" in left.error
    with pytest.raises(JobError, match="it can't go on"):
        jobs.resume("ann", job.id)
    with pytest.raises(JobError, match="isn't running"):
        jobs.stop("ann", job.id)
    assert jobs.log("ann", job.id) == "" and (left.folder / "model.safetensors").exists()
    jobs.remove("ann", job.id)
    assert jobs.list("ann") == []


def test_a_record_of_an_earlier_release_is_read(jobs: Jobs):
    job = ended(jobs, start(jobs))
    content = json.loads((job.folder / "job.json").read_text())
    del content["crc32"]
    (job.folder / "job.json").write_text(json.dumps(content))
    assert jobs.get("ann", job.id) == job


def test_without_room_on_the_disk_nothing_begins(jobs: Jobs, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(JobError, match=r"GB free, and this training needs 1000000000\.00; make room first"):
        jobs.start("ann", lambda folder: [], {}, room=10**18)
    assert not [*jobs.root.glob("*/mine-*")] and not jobs.running()
    job = ended(jobs, start(jobs, Step("train", ("hugtest_nowhere",))))
    free = shutil.disk_usage(jobs.root)._replace(free=2000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    with pytest.raises(JobError, match="has 0.00 GB free"):
        jobs.resume("ann", job.id)
    assert not (job.folder / ".reserve").exists()


def test_a_record_that_the_disk_refuses_is_written_from_the_reserve(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    """While the reserve lies there the disk is full for the record; what the step said is its last word."""
    job = ended(jobs, start(jobs, Step("train", ("hugtest_nowhere",))))
    write = jobs_module.write_json

    def refused(path: Path, value: object) -> None:
        if (path.parent / ".reserve").exists() and '"step": "train"' in json.dumps(value):
            raise OSError(errno.ENOSPC, "full")
        write(path, value)

    (job.folder / ".reserve").touch()
    monkeypatch.setattr(jobs_module, "write_json", refused)
    monkeypatch.setattr(os, "nice", lambda _: None)
    before = signal.getsignal(signal.SIGTERM)
    jobs_module._Runner(replace(job, status=RUNNING, error="", ended=None)).run()
    signal.signal(signal.SIGTERM, before)
    job = jobs.get("ann", job.id)
    assert job.status == FAILED and job.error.endswith("No module named hugtest_nowhere")
    assert not (job.folder / ".reserve").exists() and "== train" in capfd.readouterr().out


def test_so_many_are_kept_and_room_is_made_by_removing(jobs: Jobs):
    made = kept(jobs, MOST)
    with pytest.raises(JobError, match="remove one first"):
        start(jobs)
    jobs.remove("ann", made[0].id)
    assert not made[0].folder.exists() and len(list(made[0].folder.parent.iterdir())) == MOST - 1
    with pytest.raises(JobError, match="no such training"):
        jobs.get("ann", made[0].id)
    assert ended(jobs, start(jobs)).status == FINISHED


def test_what_a_kill_leaves_of_a_removed_job_is_swept(jobs: Jobs, monkeypatch: pytest.MonkeyPatch):
    job = ended(jobs, start(jobs))
    monkeypatch.setattr(jobs_module.shutil, "rmtree", lambda *_, **__: None)  # killed between the two
    jobs.remove("ann", job.id)
    monkeypatch.undo()
    assert jobs.list("ann") == [] and len([*job.folder.parent.iterdir()]) == 1
    sweep(jobs.root)
    assert [*job.folder.parent.iterdir()] == []


def test_so_many_are_kept_of_all_owners(jobs: Jobs, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("hug.train.jobs.IN_ALL", 2)
    made = [ended(jobs, start(jobs, owner=owner), owner) for owner in ("ann", "bob")]
    with pytest.raises(JobError, match="2 trainings are kept on this machine"):
        start(jobs, owner="cem")
    assert len(list(jobs.root.glob("*/"))) == 2  # none for whom it was refused
    jobs.remove("ann", made[0].id)
    assert ended(jobs, start(jobs, owner="cem"), "cem").status == FINISHED


def test_a_refused_start_is_quick_and_leaves_nothing(jobs: Jobs, here: Path):
    job = start(jobs, patient(here))
    until(lambda: begun(here))  # and nothing more is written of it
    before, began = sorted(jobs.root.rglob("*")), time.monotonic()
    for n in range(3):
        with pytest.raises(JobError, match="only one can"):
            start(jobs, owner=f"stranger {n}")
    assert time.monotonic() - began < 12 and sorted(jobs.root.rglob("*")) == before
    (here / "go").touch()
    ended(jobs, job)


def test_what_nothing_happened_to_for_long_expires_and_what_runs_does_not(jobs: Jobs, here: Path):
    old, new = (ended(jobs, start(jobs, owner=owner), owner) for owner in ("ann", "bob"))
    runs = start(jobs, patient(here), owner="cem")
    for folder in (old.folder, runs.folder):
        for path in (*folder.iterdir(), folder):
            os.utime(path, (0, 0))
    (jobs.root / "0123456789abcdef").mkdir()  # left by an earlier version
    assert jobs.expire(3600) == 1
    assert not old.folder.parent.exists() and new.folder.exists() and runs.folder.exists()
    assert not (jobs.root / "0123456789abcdef").exists()
    (here / "go").touch()
    ended(jobs, runs, "cem")


def test_what_cannot_be_begun_leaves_nothing(jobs: Jobs):
    def wrong(folder: Path) -> Sequence[Step]:
        (folder / "half").touch()
        raise ValueError("no such size")

    with pytest.raises(ValueError, match="no such size"):
        jobs.start("ann", wrong, {})
    with pytest.raises(TypeError):
        jobs.start("ann", lambda folder: [], {"a": object()})
    assert not [p for p in jobs.root.rglob("*") if p.name.startswith("mine-")] and not jobs.running()


def test_a_real_training_is_stopped_and_resumed(jobs: Jobs, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # threads that wait for each other are slow on a busy machine

    def steps(folder: Path) -> Sequence[Step]:
        data = ("--root", f"{folder}/data", "--cache", f"{folder}/cache", "--categories", "dress")
        train = ("--out", str(folder), "--size", "tiny", "--objective", "paper", "--batch", "4", "--save-every", "1")
        return [
            Step("data", ("hug", "render", "--version", "tiny", "--workers", "2", "--out", f"{folder}/data")),
            Step("train", ("hug", "train", *data, *train, "--steps", "60", "--validate-every", "60")),
        ]

    job = jobs.start("ann", steps, {})
    until(lambda: (job.folder / "state.safetensors").exists() or jobs.get("ann", job.id).status != RUNNING)
    jobs.stop("ann", job.id)
    job = ended(jobs, job)
    assert (job.status, job.done) == (STOPPED, ("data",)), jobs.log("ann", job.id)
    stopped = Log(job.folder / "training.jsonl").records()[-1]
    assert stopped["kind"] == "stop" and 0 < stopped["step"] < 60
    job = ended(jobs, jobs.resume("ann", job.id))
    assert (job.status, job.done) == (FINISHED, ("data", "train")), job.error
    kinds = [r["kind"] for r in Log(job.folder / "training.jsonl").records()]
    assert kinds[0] == "start" and "resume" in kinds and kinds[-1] == "end"
    assert (job.folder / "model.safetensors").exists() and "finished at step 60" in jobs.log("ann", job.id, 1)


def test_who_only_looks_at_jobs_waits_for_no_torch() -> None:
    code = "import sys, hug.train.jobs; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
