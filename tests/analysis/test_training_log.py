"""What a training's log says: time left, best, tables that agree with it, and nothing before it began."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis import training_log


def step(number: int, seconds: float, loss: float = 2.0) -> dict[str, Any]:
    return {
        "kind": "step", "step": number, "seconds": seconds, "memory": 800.0 + number, "loss": loss, "lr": 1e-3,
        "terms": {"hc": loss / 2, "fc": 0.1}, "scales": {"a": 2.0 + number, "b": -3.0, "a_fine": 9.0, "b_fine": -1.0},
        "var": {"c": 0.2, "r": 0.3, "t": 0.1, "m": 0.05},
    }  # fmt: skip


def checked(number: int, recall: float, spearman: float | None = 0.2) -> dict[str, Any]:
    return {
        "kind": "validation", "step": number, "recall": {"1": recall / 3, "10": recall, "50": 0.9},
        "uncertainty_rank_spearman": spearman,
    }  # fmt: skip


START = {"kind": "start", "step": 0, "config": {"training": {"steps": 100}}}
RUN = [START, step(20, 10.0, 4.0), checked(20, 0.5), step(40, 20.0, 3.0), checked(40, 0.4, None)]


def test_time_left_is_that_of_the_last_stretch() -> None:
    assert training_log.progress(RUN).left == pytest.approx(30.0)  # 60 steps of half a second
    resumed = [*RUN, {"kind": "resume", "step": 40}]
    assert training_log.progress(resumed).left is None  # nothing is known of its speed yet
    assert training_log.progress([*resumed, step(60, 40.0)]).left == pytest.approx(80.0)  # two seconds a step now


def test_the_best_and_the_memory_are_those_of_the_log() -> None:
    now = training_log.progress(RUN)
    assert (now.step, now.steps, now.best, now.best_step, now.memory) == (40, 100, 0.5, 20, 840.0)
    before = training_log.progress([])
    assert (before.step, before.steps, before.left, before.best, before.memory) == (0, 0, None, None, None)


def test_tables_hold_what_the_log_holds() -> None:
    losses = training_log.losses(RUN)
    assert list(losses[losses.term == "loss"].value) == [4.0, 3.0] and set(losses.term) == {"loss", "hc", "fc"}
    assert list(training_log.recalls(RUN).query("measure == 'R@10'").value) == [0.5, 0.4]
    assert (training_log.recalls(RUN).measure == "doubt and rank (Spearman)").sum() == 1  # one of two is known
    assert set(training_log.variances(RUN).source) == {"candidate", "picture", "words", "fit"}
    assert len(training_log.scales(RUN)) == 8


@pytest.mark.parametrize("name", ["losses", "scales", "variances", "recalls"])
@pytest.mark.parametrize("records", [RUN, [START], []], ids=["a run", "its start", "nothing"])
def test_every_curve_is_drawn_and_told(name: str, records: list[dict[str, Any]]) -> None:
    table = getattr(training_log, name)(records)
    figure = getattr(training_log, f"draw_{name}")(table)
    assert len(figure.data) == table.iloc[:, 1].nunique() and getattr(training_log, f"say_{name}")(table).endswith(".")
    assert np.isfinite(table.value).all()
    looks = {(trace.line.color, trace.line.dash) for trace in figure.data}
    assert len(looks) == len(figure.data)  # never colour alone, and no two alike


def test_runs_are_compared_by_their_recall() -> None:
    table = training_log.compared({"1. paper": RUN, "2. point": [START, checked(20, 0.7)], "3. new": [START]})
    assert list(table.run) == ["1. paper", "1. paper", "2. point"]
    assert training_log.say_compared(table) == "Best R@10 on validation: 2. point 70.0 %; 1. paper 50.0 %."
    assert len(training_log.draw_compared(table).data) == 2
    assert training_log.say_compared(training_log.compared({})).startswith("No run")


def test_a_log_that_a_crash_cut_off_is_read_up_to_there(tmp_path: Path) -> None:
    assert training_log.read(tmp_path) == []
    lines = [json.dumps(r) for r in RUN]
    (tmp_path / "training.jsonl").write_text("\n".join(lines) + '\n{"kind": "step", "st')
    assert training_log.read(tmp_path) == RUN
