from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from analysis import component as study
from analysis.component import levels, top_bottom
from analysis.query import variances
from hug.gaussians import Gaussians
from hug.retrieval.index import Index
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
    table = variances(trace).set_index("component")
    assert table.picture[3] == pytest.approx(float(trace.query.var_r[0, 2].mean()))
    assert table.fit[3] == pytest.approx(float(trace.query.var_m[0, 2].mean()))
    whole = dict(zip(("picture", "words", "fit", "overall"), trace.means.values(), strict=True))
    assert table.mean().to_dict() == pytest.approx(whole)


@pytest.fixture(scope="module")
def index() -> Index:
    rng = np.random.default_rng(0)
    var = torch.from_numpy(rng.integers(1, 6, (41, 3, 2)) / 8).float()  # few distinct values: many ties
    meta = {"category": [str(c) for c in rng.choice(["dress", "shirt", "toptee"], 41, p=[0.6, 0.35, 0.05])]}
    return Index([f"p{n}" for n in rng.permutation(41)], Gaussians(torch.zeros_like(var), var, torch.zeros(41)), meta)


@pytest.mark.parametrize("category", [None, "", "dress", "shirt"])
@pytest.mark.parametrize("component", [0, 1, 3])
@pytest.mark.parametrize("leave_out", [0.0, 0.2, 0.77])
def test_ids_and_values_belong_together_under_every_filter(
    index: Index, category: str | None, component: int, leave_out: float
) -> None:
    """A readable loop over the gallery finds the same pictures in the same order."""
    var = index.gaussians.var.numpy()
    value = var.mean((1, 2)) if component == 0 else var[:, component - 1].mean(1)
    overall = {i: v for i, v in zip(index.ids, var.mean((1, 2)), strict=True)}
    own = {i: v for i, v in zip(index.ids, value, strict=True)}
    group = [i for i, c in zip(index.ids, index.meta["category"], strict=True) if not category or c == category]
    rest = sorted(group, key=lambda i: overall[i])[: len(group) - int(leave_out * len(group))]
    rest = [i for i in index.ids if i in rest]

    table = levels(index, component, category, leave_out)
    assert list(table.id) == rest
    assert all(
        r.value == pytest.approx(own[r.id]) and r.overall == pytest.approx(overall[r.id]) for r in table.itertuples()
    )

    for count in (1, 4, 100):
        ends = top_bottom(index, category, component, leave_out, count)
        highest, lowest = ends[ends.end == "highest"], ends[ends.end == "lowest"]
        assert list(highest.id) == sorted(rest, key=lambda i: -own[i])[: min(count, (len(rest) + 1) // 2)]
        lower = [i for i in sorted(rest, key=lambda i: own[i]) if i not in set(highest.id)]
        assert list(lowest.id) == lower[: min(count, len(rest) // 2)]
        assert all(r.value == pytest.approx(own[r.id]) for r in ends.itertuples())
        assert list(highest.place) == list(range(1, len(highest) + 1))
        if len(lowest):
            assert highest.value.min() >= lowest.value.max()


def test_ties_keep_the_gallery_s_order() -> None:
    var = torch.full((6, 2, 1), 0.5)
    index = Index(list("fedcba"), Gaussians(torch.zeros_like(var), var, torch.zeros(6)))
    ends = top_bottom(index, None, 1, leave_out=0.34, count=2)
    assert list(levels(index, 1, leave_out=0.34).id) == ["f", "e", "d", "c"]  # of equal ones the later go
    assert list(ends.id) == ["f", "e", "d", "c"]


def test_one_picture_is_at_one_end_only(index: Index) -> None:
    alone = Index(["x"], index.gaussians[[0]], {"category": ["dress"]})
    assert list(top_bottom(alone, "dress", 1, 0.9).end) == ["highest"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((None, 4), "choose one of 1-3"), ((None, -1), "choose one of 1-3"), (("hat", 1), "no category 'hat'"),
        ((None, 1, 1.0), r"\[0, 1\)"), ((None, 1, -0.1), r"\[0, 1\)"), ((None, 1, 0.2, 0), "at least 1"),
    ],
)  # fmt: skip
def test_what_does_not_exist_is_refused(index: Index, arguments: tuple, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        top_bottom(index, *arguments)
