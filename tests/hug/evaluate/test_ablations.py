"""A run is told by what it sets otherwise, and no two grounds share a table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hug.config import OBJECTIVES, Config, TrainConfig
from hug.evaluate.ablations import COLUMNS, ablations_table, configuration, difference
from hug.files import write_json, write_text
from tests.hug.evaluate.measured import line, measurements

RELEASED = Config(objective=OBJECTIVES["calibrated"], training=TrainConfig(steps=2400))


def trained(folder: Path, config: Config) -> Path:
    start = {"kind": "start", "step": 0, "config": config.model_dump(mode="json")}
    write_text(folder / "training.jsonl", json.dumps(start) + '\n{"kind": "step"}\n')
    return folder


def test_the_log_tells_what_differs(tmp_path: Path):
    base = configuration(trained(tmp_path / "a", RELEASED))
    other = Config(objective=OBJECTIVES["paper"], training=TrainConfig(steps=700, threads=1))
    own = configuration(trained(tmp_path / "b", other))
    said = difference(base, own)
    assert said.startswith("objective paper (instead of calibrated); ") and "steps 700 (instead of 2400)" in said
    assert "cord_log off (instead of on)" in said and "threads" not in said
    assert difference(base, base) == ""


def test_what_only_one_run_sets_is_told():
    assert difference({"model.k": 1}, {"model.k": 1, "objective.new": True}) == "new on (instead of unset)"
    assert difference({"objective.old": 0.5}, {}) == "old unset (instead of 0.5)"


def test_the_configuration_of_a_checkpoint_does_without_a_log(tmp_path: Path):
    write_json(tmp_path / "config.json", {"model": {"dim": 32}, "objective": {"spec": 0.0}})
    assert configuration(tmp_path) == {"model.dim": 32, "objective.spec": 0.0}
    with pytest.raises(ValueError, match="doesn't tell its configuration"):
        configuration(tmp_path / "none")


def test_a_row_has_every_measure_or_says_that_it_lacks_it(tmp_path: Path):
    values = {name: 0.5 for name in COLUMNS.values()} | {"paired conflict/fit σ_m": (0.75, 0.72, 0.78)}
    first, second = (
        trained(tmp_path / "a", RELEASED),
        trained(tmp_path / "b", RELEASED.replace(training=TrainConfig(steps=2400, seed=1))),
    )
    del values["ECE of doubt, all"]
    table = ablations_table([(first, measurements("calibrated", **values)), (second, measurements("calibrated"))])
    cells = line(table, "a")
    assert cells[1:4] == ["2400", "the released one", "500, 40 a category"]
    assert "0.750 [0.720, 0.780]" in cells and cells.count("not measured") == 1
    assert line(table, "b")[2] == "seed 1 (instead of 0)"


def test_other_data_are_refused(tmp_path: Path):
    runs = [(trained(tmp_path / name, Config()), measurements("calibrated")) for name in "ab"]
    runs[1][1]["data"] = {"version": "w"}
    with pytest.raises(ValueError, match="b and a were measured with different data"):
        ablations_table(runs)
