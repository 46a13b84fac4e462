"""What the Train tab says of a training, in every state it can be in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from hug.train.jobs import FAILED, FINISHED, INTERRUPTED, RUNNING, STOPPED, STOPPING, Job, Step
from tests.analysis.test_training_log import RUN, START, checked
from ui import train_shown as shown
from ui import train_wording as wording
from ui.components import NOTHING
from ui.tabs.train import Buttons
from ui.training import Settings

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
    said = shown.standing(job(run, RUNNING))
    assert "Step 40 of 100, about 30 seconds left." in said and "best R@10 on validation 50.0 % (step 20)" in said
    assert "840 MB" in said and said.count('class="done"') == 1 and said.count('class="now"') == 1


@pytest.mark.parametrize("step", ["", *STEPS])
def test_every_step_says_what_is_done(tmp_path: Path, step: str) -> None:
    assert wording.DOING[step] in shown.standing(job(tmp_path / "mine-2", RUNNING, step, ()))


@pytest.mark.parametrize("status", [STOPPING, STOPPED, FINISHED, INTERRUPTED])
def test_every_end_is_told(run: Path, status: str) -> None:
    assert wording.STATUS[status] in shown.standing(job(run, status))


def test_a_failure_is_told_and_escaped(run: Path) -> None:
    said = shown.standing(job(run, FAILED, error="python -m hug train: <b>the loss is nan</b>"))
    assert "&lt;b&gt;the loss is nan" in said and "<b>" not in said and 'class="wrong"' in said


def names(found: list[Any]) -> set[str]:
    return {name for name, button in zip(Buttons.__annotations__, found, strict=True) if button.visible}


def test_only_what_fits_can_be_pressed(run: Path, tmp_path: Path) -> None:
    assert names(Buttons.states(None)) == set()
    assert names(Buttons.states(job(run, RUNNING))) == {"stop"}
    assert names(Buttons.states(job(run, STOPPING))) == set()
    assert names(Buttons.states(job(run, STOPPED))) == {"resume", "finish", "pack", "remove"}
    assert names(Buttons.states(job(tmp_path / "mine-3", STOPPED))) == {"resume", "remove"}  # no weights yet
    assert names(Buttons.states(job(run, FAILED, "prepare", STEPS[:-1]))) == {"resume", "pack", "remove"}
    assert names(Buttons.states(job(run, FINISHED, "prepare", STEPS))) == {"use", "pack", "remove"}


def test_curves_are_those_of_the_log(run: Path, tmp_path: Path) -> None:
    values = [json.loads(value) for value in shown.curves(job(run, RUNNING))]
    assert [v["figure"] is not None for v in values] == [True] * 4 and "50.0 % at step 20" in values[1]["after"]
    assert shown.curves(None) == [NOTHING] * 4 == shown.curves(job(tmp_path / "mine-4", RUNNING))
    (run / "training.jsonl").write_text(json.dumps(START) + "\n")
    begun = [json.loads(value) for value in shown.curves(job(run, RUNNING))]
    assert all(v["figure"] is None and v["after"] for v in begun)  # a sentence says what is still to come


def test_two_trainings_are_compared(run: Path, tmp_path: Path) -> None:
    first, second = job(run, FINISHED), job(tmp_path / "mine-5", RUNNING)
    assert shown.comparison([first]) == NOTHING
    rows = [{"measure": "HUG R@10, clean", "value": 61.5}]
    (run / "measurements.json").write_text(json.dumps({"rows": rows}))
    (second.folder / "training.jsonl").write_text("\n".join(json.dumps(r) for r in [START, checked(50, 0.75)]))
    value = json.loads(shown.comparison([second, first]))  # newest first, as they are listed
    assert "2. calibrated 75.0 %; 1. calibrated 50.0 %" in value["after"] and "61.5" in value["after"]


def test_what_is_packed_is_a_checkpoint(run: Path) -> None:
    (run / "analysis").mkdir()
    for name in ("config.json", "state.safetensors", "job.json", "analysis/map.parquet"):
        (run / name).write_text("x")
    path = shown.packed(job(run, STOPPED))
    with ZipFile(path) as archive:
        assert sorted(archive.namelist()) == sorted(
            f"mine-1/{n}" for n in ("config.json", "model.safetensors", "training.jsonl", "analysis/map.parquet")
        )
    assert shown.packed(job(run, STOPPED)) == path  # again, over the old one


def test_the_stamp_changes_with_what_can_be_seen(run: Path) -> None:
    before = shown.stamp(job(run, RUNNING))
    assert shown.stamp(job(run, RUNNING)) == before != shown.stamp(job(run, STOPPED)) and shown.stamp(None) == []
    with (run / "training.jsonl").open("a") as log:
        log.write("\n")
    assert shown.stamp(job(run, RUNNING)) != before


@pytest.mark.parametrize(
    ("seconds", "said"), [(3, "10 seconds"), (44, "40 seconds"), (60, "1 minute"), (95, "2 minutes"), (7000, "2 hours")]
)
def test_times_are_for_people(seconds: float, said: str) -> None:
    assert shown.spoken(seconds) == said
