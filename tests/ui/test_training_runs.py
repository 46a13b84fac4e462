"""What the Train tab says of a training, in every state it can be in."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import ZipFile

import pytest

from analysis.sharing import share
from hug.evaluate.measurements import definition
from hug.train.jobs import DAMAGED, FAILED, FINISHED, INTERRUPTED, RUNNING, STOPPED, STOPPING, Job, Step
from tests.analysis.test_training_log import RUN, START, checked
from tests.hug.evaluate.measured import measurements
from ui.components import NOTHING
from ui.tabs.train import ACTIONS
from ui.training import Settings
from ui.training_runs import CURVES, MEASURES, STATUS, Run, comparison, duration
from ui.training_runs import STEPS as PROGRESS

STEPS = ("data", "train", "index", "measure", "prepare")


def job(folder: Path, status: str, step: str = "train", done: tuple[str, ...] = ("data",), error: str = "") -> Job:
    steps = tuple(Step(name, ("hug", name)) for name in STEPS)
    folder.mkdir(exist_ok=True)
    return Job(folder.name, folder, Settings().about, steps, done, status, step, 1.0, None, error)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A training at step 40 of 100, with weights."""
    folder = tmp_path / "mine-1"
    folder.mkdir()
    (folder / "training.jsonl").write_text("".join(json.dumps(r) + "\n" for r in RUN))
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def test_a_training_that_runs_says_how_long_it_takes(run: Path) -> None:
    said = Run(job(run, RUNNING)).state
    assert "Step 40 of 100, about 30 seconds left." in said and "best R@10 on validation 50.0 % (step 20)" in said
    assert "840 MB" in said and said.count('class="done"') == 1 and said.count('class="now"') == 1


@pytest.mark.parametrize("step", ["", *STEPS])
def test_every_step_says_what_is_done(tmp_path: Path, step: str) -> None:
    assert PROGRESS[step][1] in Run(job(tmp_path / "mine-2", RUNNING, step, ())).state


@pytest.mark.parametrize("status", [STOPPING, STOPPED, FINISHED, INTERRUPTED])
def test_every_end_is_told(run: Path, status: str) -> None:
    assert STATUS[status] in Run(job(run, status)).state


def test_a_failure_is_told_and_escaped(run: Path) -> None:
    said = Run(job(run, FAILED, error="python -m hug train: <b>the loss is nan</b>")).state
    assert "&lt;b&gt;the loss is nan" in said and "<b>" not in said and 'class="wrong"' in said


def possible(job: Job) -> set[str]:
    return {name for name, (_, fits) in ACTIONS.items() if fits(Run(job))}


def test_only_what_fits_can_be_pressed(run: Path, tmp_path: Path) -> None:
    assert possible(job(run, RUNNING)) == {"stop"}
    assert possible(job(run, STOPPING)) == set()
    assert possible(job(run, STOPPED)) == {"resume", "finish", "pack", "remove"}
    assert possible(job(tmp_path / "mine-3", STOPPED)) == {"resume", "remove"}  # no weights yet
    assert possible(job(run, FAILED, "prepare", STEPS[:-1])) == {"resume", "pack", "remove"}
    assert possible(job(run, FINISHED, "prepare", STEPS)) == {"use", "share", "pack", "remove"}
    share(run)
    assert possible(job(run, FINISHED, "prepare", STEPS)) == {"use", "unshare", "pack", "remove"}


def test_curves_are_those_of_the_log(run: Path, tmp_path: Path) -> None:
    values = {name: json.loads(Run(job(run, RUNNING)).curve(name)) for name in CURVES}
    assert all(value["figure"]["data"] for value in values.values())
    assert "50.0 % at step 20" in values["train-recalls"]["after"]
    assert {Run(job(tmp_path / "mine-4", RUNNING)).curve(name) for name in CURVES} == {NOTHING}
    (run / "training.jsonl").write_text(json.dumps(START) + "\n")
    first = [json.loads(Run(job(run, RUNNING)).curve(name)) for name in CURVES]
    assert all(
        "figure" not in value and "hug-say" in value["before"] for value in first
    )  # a sentence says what is still to come


def test_two_trainings_are_compared(run: Path, tmp_path: Path) -> None:
    first, second = Run(job(run, FINISHED)), Run(job(tmp_path / "mine-5", RUNNING))
    assert comparison([first]) == NOTHING
    values = measurements("calibrated", **{"recall.10.clean": 61.5})
    (run / "measurements.json").write_text(json.dumps(values.to_dict()))
    (second.job.folder / "training.jsonl").write_text("\n".join(json.dumps(r) for r in [START, checked(50, 0.75)]))
    value = json.loads(comparison([second, first]))  # newest first, as they are listed
    assert "2. calibrated 75.0 %; 1. calibrated 50.0 %" in value["after"] and "61.5" in value["after"]


def test_every_compared_metric_is_one() -> None:
    assert [definition(id).title for id in MEASURES]


def test_what_is_packed_is_a_checkpoint(run: Path) -> None:
    (run / "analysis").mkdir()
    for name in ("config.json", "state.safetensors", "job.json", "analysis/map.parquet"):
        (run / name).write_text("x")
    path = Run(job(run, STOPPED)).archive(run.parent / "downloads")
    with ZipFile(path) as archive:
        assert sorted(archive.namelist()) == sorted(
            f"mine-1/{n}" for n in ("config.json", "model.safetensors", "training.jsonl", "analysis/map.parquet")
        )
    assert Run(job(run, STOPPED)).archive(run.parent / "downloads") != path  # nobody can guess where
    assert not list(run.glob("*.zip"))


def test_the_stamp_changes_with_what_can_be_seen(run: Path) -> None:
    before = Run(job(run, RUNNING)).stamp
    assert Run(job(run, RUNNING)).stamp == before != Run(job(run, STOPPED)).stamp
    with (run / "training.jsonl").open("a") as log:
        log.write("\n")
    assert Run(job(run, RUNNING)).stamp != before


@pytest.mark.parametrize(
    ("seconds", "said"), [(3, "10 seconds"), (44, "40 seconds"), (60, "1 minute"), (95, "2 minutes"), (7000, "2 hours")]
)
def test_times_are_for_people(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_a_training_with_a_damaged_record_is_shown_and_its_weights_are_packed(run: Path, tmp_path: Path) -> None:
    damaged = Run(Job(run.name, run, {}, (), (), DAMAGED, "", 1.0, error="the record of this training is damaged"))
    assert damaged.label == "mine-1 · damaged" and "The record of this training is damaged." in damaged.state
    assert [name for name, (_, when) in ACTIONS.items() if when(damaged)] == ["pack", "remove"]
    assert "damaged" in comparison([damaged, Run(job(tmp_path / "mine-2", FINISHED))])
    with ZipFile(damaged.archive(tmp_path / "packed")) as archive:
        assert "mine-1/model.safetensors" in archive.namelist()
