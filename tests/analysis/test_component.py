from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis import component as study
from hug.retrieval.trace import QueryTrace

TRACKING = pd.DataFrame(
    {
        "attribute": ["sleeve"] * 3 + ["logo"] * 3,
        "component": [2, 1, 3, 3, 1, 2],
        "delta": [1.9, 0.5, 0.1, 0.2, 0.1, -0.3],
        "margin": [1.5, 0.1, -0.2, -0.1, -0.2, -0.6],
        "next_aspect": ["colour"] * 6,
        "next_delta": [0.4, 0.4, 0.3, 0.3, 0.3, 0.3],
        "control": [0.1] * 6,
        "eta2": [0.61, 0.3, 0.0, 0.01, 0.0, 0.0],
        "eta2_p": [0.0004, 0.01, 0.9, 0.5, 0.8, 0.9],
        "p": [0.0002, 0.2, 1.0, 1.0, 1.0, 1.0],
        "tracked": [True, False, False, False, False, False],
        "place": [1, 2, 3, 1, 2, 3],
    }
)
INTERVENTIONS = pd.DataFrame(
    {
        "aspect": ["sleeve", "logo", "control:sleeve", "control:logo", "degraded", "sleeve"],
        "component": [1, 1, 1, 1, 1, 2],
        "delta": [0.2, 1.0, 0.05, 0.1, 2.0, 9.0],
        "low": [0.1, 0.8, 0.0, 0.0, 1.8, 8.0],
        "high": [0.3, 1.2, 0.1, 0.2, 2.2, 10.0],
        "p": [0.2, 0.0005, 0.5, 0.4, 0.0001, 0.0001],
    }
)


def test_the_answer_names_the_component_and_its_evidence() -> None:
    sentence = study.say_trackers(study.trackers(TRACKING, "sleeve"), "sleeve")
    assert sentence.startswith("Component 2 tracks sleeve:")
    for evidence in ("+1.90", "colour", "+0.40", "+0.10", "61 %", "p < 0.001"):
        assert evidence in sentence


def test_it_says_plainly_that_none_does() -> None:
    sentence = study.say_trackers(study.trackers(TRACKING, "logo"), "logo")
    assert sentence.startswith("None does") and "nearest is component 3" in sentence
    assert "Nothing was measured" in study.say_trackers(study.trackers(TRACKING, "fabric"), "fabric")


def test_a_long_list_is_cut_and_counted() -> None:
    many = pd.concat([TRACKING.head(1).assign(component=c, place=c) for c in range(1, 10)])
    assert "Components 1, 2, 3, 4, 5 and 4 more track sleeve" in study.say_trackers(
        study.trackers(many, "sleeve"), "sleeve"
    )


def test_a_removal_stands_beside_its_control() -> None:
    part = study.removals_of(INTERVENTIONS, 1)
    assert list(part.aspect) == ["degraded", "logo", "sleeve"]
    assert part.control.tolist()[1:] == [0.1, 0.05] and np.isnan(part.control[0])
    sentence = study.say_removals(part)
    assert "logo raises it most: +1.00" in sentence and "+0.10" in sentence and "sleeve, +0.20" in sentence
    bars = study.draw_removals(part).data
    assert list(bars[0].x) == part.delta.tolist() and list(bars[1].x)[1:] == part.control.tolist()[1:]


def test_nothing_significant_is_said_to_be_nothing() -> None:
    weak = INTERVENTIONS.assign(p=0.5)
    assert study.say_removals(study.removals_of(weak, 1)).startswith("Removing no single aspect")
    weak = study.attributes_of(pd.DataFrame({"attribute": ["a"], "component": [1], "eta2": [0.2], "p": [0.3]}), 1)
    assert study.say_attributes(weak).startswith("No attribute explains")


@pytest.mark.parametrize("measure", list(study.MEASURES))
def test_every_cell_of_the_matrix_knows_what_it_is(measure: str) -> None:
    figure = study.draw_matrix(TRACKING, measure, 2, "logo")
    (cells,) = figure.data
    for y, row in enumerate(cells.y):
        for x, column in enumerate(cells.x):
            own = TRACKING[(TRACKING.attribute == row) & (TRACKING.component == column)].iloc[0]
            assert cells.customdata[y][x] == f"{row}:{column}"
            assert cells.z[y][x] == own[measure]
            assert (cells.text[y][x] == "●") == own.tracked
    (frame,) = figure.layout.shapes
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (1.5, 2.5, 0.5, 1.5)


def test_the_histogram_counts_every_picture_and_marks_the_query() -> None:
    table = pd.DataFrame({"id": list("abcd"), "value": [0.001, 0.002, 0.01, 0.1], "overall": [0.0] * 4})
    figure = study.draw_histogram(table, 0.02)
    assert sum(figure.data[0].y) == 4
    assert figure.layout.shapes[0].x0 == pytest.approx(np.log10(0.02))
    sentence = study.say_histogram(table, {"picture": 0.02, "words": 0.1, "fit": 0.5, "overall": 0.2})
    assert "Of 4 pictures" in sentence and "0.02, more than 75 %" in sentence


@pytest.mark.parametrize("low, high", [(0.06, 0.48), (0.00037, 0.0021), (0.001, 0.9), (0.4, 0.45)])
def test_the_histogram_s_axis_has_a_few_numbers_inside_it(low: float, high: float) -> None:
    figure = study.draw_histogram(pd.DataFrame({"value": [low, high]}))
    ticks = figure.layout.xaxis.tickvals
    assert 2 < len(ticks) < 8 and np.log10(low) - 0.05 <= min(ticks) and max(ticks) <= np.log10(high) + 0.05


def test_a_gallery_of_one_value_still_has_a_histogram() -> None:
    table = pd.DataFrame({"id": ["a"], "value": [0.5], "overall": [0.5]})
    assert sum(study.draw_histogram(table).data[0].y) == 1
    assert study.say_histogram(table.head(0), None).startswith("No picture is left")


def test_marks_are_the_query_s_own_variances(trace: QueryTrace) -> None:
    third = study.variances(trace.query, 3)
    assert third["picture"] == pytest.approx(float(trace.query.var_r[0, 2].mean()))
    assert third["fit"] == pytest.approx(float(trace.query.var_m[0, 2].mean()))
    whole = study.variances(trace.query, 0)
    assert whole == pytest.approx(dict(zip(("picture", "words", "fit", "overall"), trace.means.values(), strict=True)))
