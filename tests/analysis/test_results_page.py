"""The page of results tells its ground, refuses what can't be compared, and compares query by query where it can."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hug.evaluate.page import Measured, above_paper, read_measurements, results_page
from hug.evaluate.tables import VARIANCES

from hug.files import write_json, write_parquet
from tests.hug.evaluate.measured import line, measurements


def of(tmp_path: Path, *contents: dict) -> dict[str, Measured]:
    return {c["objective"]: Measured(tmp_path / c["objective"], c) for c in contents}


def test_the_page_names_its_ground(tmp_path: Path):
    content = measurements("paper", **{"mean |correlation| of components": math.nan})
    page = results_page(of(tmp_path, content))
    for part in ("garments, split test", "v, seed 0, `0123456789abcdef`", "`abc`", "`c0ffee`", "| dress | 15 | `beef`"):
        assert part in page
    assert "| mean \\|correlation\\| of components | undefined |" in page
    assert "| paper | words only | not measured |" in page and "## Guards" in page and "## Ablations" not in page


def test_other_ground_is_refused(tmp_path: Path):
    one, other = measurements("paper"), measurements("calibrated")
    other["data"] = {"version": "w"}
    with pytest.raises(ValueError, match="paper and calibrated were measured with different data"):
        results_page(of(tmp_path, one, other))
    with pytest.raises(ValueError, match="at least one checkpoint"):
        results_page({})


def stored(folder: Path, ranks: np.ndarray, weights: str = "abc") -> None:
    table = pd.DataFrame({"category": "dress", "row": np.arange(len(ranks)), "rank": ranks, "chance": 0.5})
    table[list(VARIANCES)] = 0.1
    table["clean"] = np.arange(len(ranks)) % 4 != 0
    table.attrs = {"weights": weights}
    write_parquet(folder / "test.parquet", table)


def test_recall_is_compared_with_papers_query_by_query(tmp_path: Path):
    recall = {"HUG R@10, clean": 88.0}
    both = of(tmp_path, measurements("paper", **recall), measurements("calibrated", **recall))
    alone = above_paper(both)["calibrated"]
    assert alone is not None and alone.value == 0 and math.isnan(alone.low)  # nothing stored: no interval
    ranks = np.where(np.arange(400) % 10 < 8, 1, 99)
    better = ranks.copy()
    better[[9, 18, 19]] = 1  # clean misses that now hit
    stored(tmp_path / "paper", ranks)
    stored(tmp_path / "calibrated", better)
    found = above_paper(of(tmp_path, *(m.content for m in both.values())))["calibrated"]
    assert found is not None and found.value == pytest.approx(100 * 3 / 300)
    assert 0 <= found.low < found.value < found.high < 3


def test_queries_of_other_weights_are_not_compared(tmp_path: Path):
    recall = {"HUG R@10, clean": 88.0}
    both = of(tmp_path, measurements("paper", **recall), measurements("calibrated", **{"HUG R@10, clean": 90.0}))
    for name in ("paper", "calibrated"):
        stored(tmp_path / name, np.ones(40, int), "abc" if name == "paper" else "older")
    found = above_paper(both)["calibrated"]
    assert found is not None and found.value == 2 and math.isnan(found.low)
    assert above_paper(of(tmp_path, measurements("calibrated", **recall))) == {}


def test_measurements_are_read_by_objective_and_folder(tmp_path: Path):
    for name, objective in (("a", "paper"), ("b", "calibrated"), ("c", "calibrated")):
        (tmp_path / name).mkdir()
        write_json(tmp_path / name / "measurements.json", measurements(objective, x=1.0))
    read = read_measurements([tmp_path / "a", tmp_path / "b", tmp_path / "c"])
    assert list(read) == ["paper", "calibrated (b)", "calibrated (c)"]
    assert read["paper"].content == json.loads((tmp_path / "a" / "measurements.json").read_text())
    with pytest.raises(ValueError, match="give each once"):
        read_measurements([tmp_path / "b", tmp_path / "b"])


def test_unreadable_measurements_are_refused_in_one_line(tmp_path: Path):
    with pytest.raises(ValueError, match="run python -m hug evaluate on it"):
        read_measurements([tmp_path])
    (tmp_path / "measurements.json").write_text("{")
    with pytest.raises(ValueError, match="is not JSON"):
        read_measurements([tmp_path])
    (tmp_path / "measurements.json").write_text('{"rows": []}')
    with pytest.raises(ValueError, match="lacks objective, protocol"):
        read_measurements([tmp_path])


def test_runs_measured_elsewhere_stand_apart(tmp_path: Path):
    for name, split in (("released", "test"), ("other", "val")):
        folder = tmp_path / name
        folder.mkdir()
        content = measurements("calibrated", **{"HUG R@10, clean": 88.0}) | {"split": split}
        write_json(folder / "measurements.json", content)
        objective = {"name": "calibrated", "spec": 0.1 if split == "test" else 0.0}
        write_json(folder / "config.json", {"model": {"components": 32}, "objective": objective})
    page = results_page(read_measurements([tmp_path / "released"]), [tmp_path / "other"])
    section = page.split("## Ablations")[1].split("## Every measure")[0]
    first, second = section.split("On the validation split")
    assert line(first, "released")[1:5] == ["unknown", "the released one", "500, 40 a category", "88"]
    assert "other" not in first and line(second, "other")[2] == "spec 0.0 (instead of 0.1)"
    assert "Not to be compared" in second
