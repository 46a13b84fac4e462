"""Every aim and guard is judged by its own rule, and what is missing is said."""

from __future__ import annotations

import math

from hug.evaluate.aims import AIMS, GUARDS, Aim, aims_table, found, is_met

from hug.evaluate.metrics import Interval
from tests.hug.evaluate.measured import line, measurements


def test_aims_are_met_by_their_own_comparison():
    assert is_met(Aim("", ("x",), "≥", 0.8), 0.8) and not is_met(Aim("", ("x",), "≥", 0.8), 0.79)
    assert is_met(Aim("", ("x",), "≤", -0.9), -0.95) and not is_met(Aim("", ("x",), "≤", -0.9), -0.5)
    assert not is_met(Aim("", ("x",), ">", 0), 0.0) and is_met(Aim("", ("x",), "≥", 25), 25.0)
    assert is_met(Aim("", ("x",), "=", 0.5), 0.5) and not is_met(Aim("", ("x",), "=", 0.5), 0.501)
    assert is_met(Aim("", ("x",), "=", 0.5, 0.05), 0.45) and not is_met(Aim("", ("x",), "=", 0.5, 0.05), 0.44)
    assert not any(
        is_met(Aim("", ("x",), comparison, 0, 1), math.nan) for comparison in ("≥", "≤", ">", "=", "≥ paper")
    )


def test_of_several_rows_the_largest_is_judged_and_named():
    m = measurements("paper", **{"reference R@10, clean": 8.0, "reader R@10, clean": (11.0, 10.0, 12.0)})
    best = found(Aim("", ("reference R@10, clean", "reader R@10, clean"), "≤", 15), m)
    assert best == (11.0, 10.0, 12.0, "reader")
    assert found(Aim("", ("reader R@10, clean", "gone"), "≤", 15), m) is None


def test_a_lead_says_over_whom():
    m = measurements("calibrated", lead=(30.0, 28.0, 32.0))
    m["rows"][0]["note"] = "sum of both"
    table = aims_table({"calibrated": m}, [Aim("lead", ("lead",), "≥", 25)])
    assert line(table, "lead") == ["| lead", "≥ 25", "30 [28, 32] (sum of both) met |"]


def test_the_table_shows_interval_verdict_and_what_is_missing():
    recall = {"HUG R@10, clean": (90.0, 88.5, 91.25)}
    measured = {
        "paper": measurements("paper", **recall, **{"ECE of doubt, all": 0.05}),
        "calibrated": measurements("calibrated", **{"HUG R@10, clean": 89.0, "ECE of doubt, all": 0.03}),
    }
    table = aims_table(measured, AIMS, {"calibrated": Interval(-1.0, -2.5, 0.5)})
    assert line(table, "R@10, clean queries") == [
        "| R@10, clean queries", "≥ 88", "90 [88.5, 91.2] met", "89 met |",
    ]  # fmt: skip
    not_below = line(table, "R@10, clean queries, not below `paper`")
    assert not_below[1:] == ["≥ 0", "–", "-1.000 [-2.500, 0.500] **missed** |"]
    assert line(table, "ECE of doubt, all queries")[2:] == ["0.050 **missed**", "0.030 met |"]
    assert found(Aim("", ("HUG R@10, clean",), "≥", 88), measured["paper"]) == (90.0, 88.5, 91.25, "")
    assert line(table, "AUROC vague/specific, σ_t")[2:] == ["not measured", "not measured |"]
    assert len(table.splitlines()) == 2 + len(AIMS)


def test_without_paper_the_comparison_is_not_measured():
    table = aims_table({"calibrated": measurements("calibrated", **{"HUG R@10, clean": 89.0})})
    assert line(table, "R@10, clean queries, not below `paper`")[2] == "not measured |"


def test_counts_are_told_as_counts():
    table = aims_table({"x": measurements("calibrated", **{"tracked aspects (unseen style)": (1, 1, 2)})})
    assert line(table, "aspects tracked, of six, unseen removal style")[2] == "1 [1, 2] **missed** |"


def test_guards_have_two_sides():
    shares = {"vague queries, percent": 15.02, "degraded pictures, percent": 26.0, "paired conflict/fit σ_t": 0.49}
    table = aims_table({"x": measurements("calibrated", **shares)}, GUARDS)
    assert line(table, "vague queries, percent")[1:] == ["= 15 ± 0.500", "15.0 met |"]
    assert line(table, "degraded pictures, percent")[2] == "26 **missed** |"
    assert line(table, "conflicting/fitting, paired, σ_t: the words tell nothing")[1:] == [
        "= 0.500", "0.490 **missed** |",
    ]  # fmt: skip
