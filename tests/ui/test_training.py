"""A training from the page: what a browser sends is checked, and the command is the one that a terminal would take."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest

from analysis.__main__ import parser as analysis_parser
from analysis.session import ROOT, QueryError
from hug.__main__ import parser
from hug.commands.train import training_config
from hug.config import OBJECTIVES
from ui import training
from ui.training import MOST_STEPS, SWITCHES, TERMS, Settings, help_of, preset


def sent(**changes: Any) -> dict[str, Any]:
    """What the form sends at its start, with some controls changed."""
    first = Settings()
    values: dict[str, Any] = {
        "data": first.data, "size": first.size, "objective": first.objective, "fusion": first.fusion,
        "steps": first.steps, "batch": first.batch, "lr": first.lr, "seed": first.seed,
    }  # fmt: skip
    objective = changes.get("objective", first.objective)
    known = OBJECTIVES.get(objective, OBJECTIVES["calibrated"])
    values |= {name: getattr(known, name) for name in (*TERMS, *SWITCHES)}
    return {**values, **changes}


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_preset_is_not_typed_again(objective: str) -> None:
    settings = Settings.of(sent(objective=objective))
    assert settings.changes == {} and settings.about["changed"] == {}
    where = "python -m hug train --root runs/garments-0 --out runs/mine --size tiny"
    assert settings.command() == f"{where} --objective {objective} --steps 600 --validate-every 100"


def test_what_is_trained_is_what_the_form_says() -> None:
    changes = {
        "objective": "paper", "fusion": "static", "steps": 90, "batch": 32, "lr": 2e-4, "seed": 7, "size": "bundled",
        "cord": 0.3, "nll": 0.5, "fc_modality": False, "cord_fits": True,
    }  # fmt: skip
    typed = shlex.split(Settings.of(sent(**changes)).command("runs/x"))
    config = training_config(parser().parse_args(typed[3:]))
    assert (config.model.fusion, config.model.components) == ("static", 32)
    assert (config.training.steps, config.training.batch, config.training.lr, config.training.seed) == (90, 32, 2e-4, 7)
    for name in (*TERMS, *SWITCHES):
        assert getattr(config.objective, name) == changes.get(name, getattr(OBJECTIVES["paper"], name)), name


def test_every_step_of_a_job_is_a_command_that_exists(tmp_path: Path) -> None:
    steps = Settings().job(ROOT / "runs" / "jobs" / "a" / "mine-1", "assets/gallery.parquet")
    assert tuple(step.name for step in steps) == ("data", "train", "index", "measure", "prepare")
    for step in steps:
        package, *typed = step.argv
        (parser() if package == "hug" else analysis_parser()).parse_args(typed)  # exits where it doesn't fit
    folders = [step.argv[step.argv.index("--checkpoint") + 1] for step in steps[2:]]
    assert set(folders) == {"runs/jobs/a/mine-1"} == {steps[1].argv[steps[1].argv.index("--out") + 1]}


def test_what_is_made_goes_where_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "RUNS", tmp_path)
    for step in Settings().job(tmp_path / "jobs" / "mine-1", "assets/gallery.parquet"):
        assert not any(part.startswith("runs") for part in step.argv)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"data": "../secret"}, "The data set must be one of tiny"),
        ({"size": "huge"}, "The size must be one of"),
        ({"objective": None}, "The objective must be one of"),
        ({"fusion": ["dynamic"]}, "The merge must be one of"),
        ({"steps": 0}, f"Steps must be a whole number from 1 to {MOST_STEPS}"),
        ({"steps": MOST_STEPS + 1}, "Steps must be"),
        ({"steps": 10.5}, "Steps must be a whole number"),
        ({"steps": None}, "Steps must be"),
        ({"steps": "90; rm"}, "Steps must be"),
        ({"lr": float("nan")}, "Learning rate must be a number"),
        ({"seed": -1}, "Seed must be"),
        ({"batch": True}, "Batch must be"),
        ({"cord": -0.1}, "Cord must be a number from 0 to 10"),
        ({"nll": float("inf")}, "Nll must be"),
        ({"spec": True}, "Spec must be a number"),
        ({"variance": "no"}, "Variance must be on or off"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(QueryError) as refused:
        Settings.of(sent(**changes))
    assert str(refused.value).startswith(says)


def test_every_weight_and_switch_is_explained() -> None:
    assert len(preset("paper")) == len(TERMS) + len(SWITCHES)
    assert all(len(help_of(name)) > 10 for name in (*TERMS, *SWITCHES))


def test_the_room_that_a_training_needs_is_for_what_is_not_there_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "RUNS", tmp_path)
    assert Settings(data="garments-0").room > 1e9 > Settings(data="tiny").room > training.OWN_BYTES
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "garments-0-train-1.npy").touch()
    assert Settings(data="garments-0").room == training.OWN_BYTES
