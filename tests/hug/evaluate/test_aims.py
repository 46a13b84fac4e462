"""The page of results: every aim is judged by its own rule, and what is missing is said."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from hug.evaluate.aims import AIMS, Aim, aims_table, found, is_met, read_measurements, results_page
from hug.files import write_json


def measurements(objective: str, **values: float | tuple[float, float, float]) -> dict[str, Any]:
    rows = []
    for name, value in values.items():
        v, low, high = value if isinstance(value, tuple) else (value, None, None)
        rows.append({"measure": name, "value": v, "low": low, "high": high, "count": 9})
    return {
        "protocol": "garments", "split": "test", "weights": "abc", "backbone": "pixels-1", "objective": objective,
        "data": {"version": "v", "sha256": "0123456789abcdef99", "seed": 0}, "command": "python -m hug evaluate",
        "commit": "c0ffee", "galleries": {"dress": {"size": 15, "hash": "beef", "queries": 7}}, "rows": rows,
    }  # fmt: skip


def line(page: str, start: str) -> list[str]:
    return next([c.strip() for c in row.split(" | ")] for row in page.splitlines() if row.startswith(f"| {start} |"))


def test_aims_are_met_by_their_own_comparison():
    assert is_met(Aim("", ("x",), "≥", 0.8), 0.8) and not is_met(Aim("", ("x",), "≥", 0.8), 0.79)
    assert is_met(Aim("", ("x",), "≤", -0.9), -0.95) and not is_met(Aim("", ("x",), "≤", -0.9), -0.5)
    assert not is_met(Aim("", ("x",), "lead >", 0), 0.0) and is_met(Aim("", ("x",), "lead ≥", 25), 25.0)
    assert not any(is_met(Aim("", ("x",), comparison, 0), math.nan) for comparison in ("≥", "≤", "lead >"))


def test_a_lead_is_over_the_best_of_the_others():
    m = measurements("paper", a=70.0, b=30.0, c=50.0)
    lead = found(Aim("", ("a", "b", "c"), "lead ≥", 25), m, None)
    assert lead is not None and lead.value == 20
    assert found(Aim("", ("a", "b", "gone"), "lead ≥", 25), m, None) is None


def test_the_table_shows_interval_verdict_and_what_is_missing():
    recall = {"HUG R@10, clean": (90.0, 88.5, 91.25)}
    table = aims_table({
        "paper": measurements("paper", **recall, **{"ECE of doubt, all": 0.05}),
        "calibrated": measurements("calibrated", **{"HUG R@10, clean": 89.0, "ECE of doubt, all": 0.03}),
    })  # fmt: skip
    assert line(table, "R@10, clean queries") == [
        "| R@10, clean queries", "≥ 88", "90 [88.5, 91.2] met", "89 met |",
    ]  # fmt: skip
    assert line(table, "R@10, clean queries, not below `paper`")[2:] == ["–", "-1.000 **missed** |"]
    assert line(table, "ECE of doubt, all queries")[2:] == ["0.050 **missed**", "0.030 met |"]
    assert line(table, "AUROC vague/specific, σ_t")[2:] == ["not measured", "not measured |"]
    assert len(table.splitlines()) == 2 + len(AIMS)


def test_without_paper_the_comparison_is_not_measured():
    table = aims_table({"calibrated": measurements("calibrated", **{"HUG R@10, clean": 89.0})})
    assert line(table, "R@10, clean queries, not below `paper`")[2] == "not measured |"


def test_the_page_names_its_ground():
    page = results_page({"paper": measurements("paper", **{"mean |correlation| of components": math.nan})})
    for part in ("garments, split test", "v, seed 0, `0123456789abcdef`", "`abc`", "`c0ffee`", "| dress | 15 | `beef`"):
        assert part in page
    assert "| mean \\|correlation\\| of components | undefined |" in page
    assert "| paper | words only | not measured |" in page


def test_other_ground_is_refused():
    one, other = measurements("paper"), measurements("calibrated")
    other["data"] = {"version": "w"}
    with pytest.raises(ValueError, match="paper and calibrated were measured with different data"):
        results_page({"paper": one, "calibrated": other})
    with pytest.raises(ValueError, match="at least one checkpoint"):
        results_page({})


def test_measurements_are_read_by_objective_and_folder(tmp_path: Path):
    for name, objective in (("a", "paper"), ("b", "calibrated"), ("c", "calibrated")):
        (tmp_path / name).mkdir()
        write_json(tmp_path / name / "measurements.json", measurements(objective, x=1.0))
    read = read_measurements([tmp_path / "a", tmp_path / "b", tmp_path / "c"])
    assert list(read) == ["paper", "calibrated (b)", "calibrated (c)"]
    assert read["paper"] == json.loads((tmp_path / "a" / "measurements.json").read_text())
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
