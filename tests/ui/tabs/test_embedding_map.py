from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from analysis import atlas
from analysis.session import Session, Sessions
from tests.studied import answered, elsewhere, without_studies
from ui.state import QueryResult, Tab
from ui.tabs import embedding_map


def view(session: Session, tabs: dict[str, Tab], result: QueryResult | None = None, **choices: Any) -> dict[str, Any]:
    """What the tab shows, by elem_id; JSON values as objects."""
    controls: dict[str, Any] = {"of": 0, "colouring": "", "category": "", "point": None, **choices}
    refresh = tabs["map"].refresh
    assert refresh is not None
    values = refresh["fn"](session.name, result or elsewhere(answered(session)), *controls.values())
    shown = {component.elem_id: value for component, value in values.items()}
    return {name: json.loads(v) if isinstance(v, str) and v.startswith("{") else v for name, v in shown.items()}


@pytest.mark.parametrize("colouring", ["category", "colour", "sleeve", atlas.OVERALL, f"{atlas.COMPONENT}2"])
@pytest.mark.parametrize("category", ["", "shirt"])
@pytest.mark.parametrize("of", [0, 2])
def test_a_point_that_is_sent_is_the_right_picture(
    studied_session: Session, tabs: dict[str, Tab], of: int, category: str, colouring: str
) -> None:
    result = answered(studied_session)
    shown = view(studied_session, tabs, result, of=of, category=category, colouring=colouring)
    table = studied_session.prepared.table("map")  # type: ignore[union-attr]
    truth = table[table.component == of].set_index("id")
    seen = set()
    for trace in shown["map"]["figure"]["data"]:
        x, y = (_numbers(trace[axis]) for axis in "xy")
        for place, id in enumerate(trace.get("customdata") or []):
            assert (x[place], y[place]) == pytest.approx((truth.x[id], truth.y[id]))
            assert not category or studied_session.category(id) == category
            seen.add(id)
    assert seen == set(studied_session.ids(category))


def _numbers(sent: Any) -> list[float]:
    """A list, or plotly's binary form of one."""
    if isinstance(sent, list):
        return sent
    import base64

    import numpy as np

    return list(np.frombuffer(base64.b64decode(sent["bdata"]), dtype=sent["dtype"]))


def test_a_link_reopens_the_same_view(studied_session: Session, tabs: dict[str, Tab]) -> None:
    point = studied_session.index.ids[7]
    choices = {"of": 3, "colouring": "sleeve", "category": "dress", "point": point}
    link = view(studied_session, tabs, **choices)["map-link"]
    params = dict(parse_qsl(unescape(re.search(r'href="\?([^"]*)"', link)[1])))  # type: ignore[index]
    assert params.pop("tab") == "map"
    model, of, colouring, *values, notice = tabs["map"].restore(params)
    assert [of["value"], colouring["value"], *values] == list(choices.values())
    assert notice == "" and model == studied_session.name


@pytest.mark.parametrize("name", ["component", "colour", "category", "point"])
def test_a_wrong_value_is_told_and_left_out(tabs: dict[str, Tab], name: str) -> None:
    model, of, colouring, category, point, notice = tabs["map"].restore({name: "<nowhere>"})
    assert (of["value"], category, point) == (0, "", None)
    assert name in notice and "&lt;nowhere&gt;" in notice


def test_neighbours_follow_the_picture(studied_session: Session, tabs: dict[str, Tab]) -> None:
    point = studied_session.index.ids[3]
    near = view(studied_session, tabs, point=point)["neighbours"]
    expected = [point, *atlas.neighbours(studied_session.index, point).id]
    assert [card["id"] for card in near["cards"]] == expected
    assert f"Neighbours of {point}" in near["before"]
    assert "Click a point" in view(studied_session, tabs)["neighbours"]["empty"]


def test_the_page_says_that_a_query_s_place_is_approximate(studied_session: Session, tabs: dict[str, Tab]) -> None:
    shown = view(studied_session, tabs, answered(studied_session))["map"]
    assert "an approximation" in shown["after"] and '"name": "query"' in json.dumps(shown["figure"])
    assert "approximat" not in view(studied_session, tabs)["map"]["after"]


def test_a_browser_learns_only_what_the_gallery_has(studied_session: Session) -> None:
    sessions, id = Sessions({}, loaded=[studied_session]), studied_session.index.ids[0]
    assert embedding_map.thumbnail(sessions, [studied_session.name, id]).endswith(".webp")
    for sent in (
        ["other", id],
        [studied_session.name, "../../etc/passwd"],
        [id],
        "x",
        None,
        [studied_session.name, None],
    ):
        assert embedding_map.thumbnail(sessions, sent) == ""  # type: ignore[arg-type]


def test_without_studies_there_is_no_map_but_neighbours(studied_session: Session, tmp_path: Path) -> None:
    bare = without_studies(studied_session, tmp_path)
    assert embedding_map.drawing(bare, answered(bare), 0, "category", "") == ""
    assert embedding_map.maps(bare) == [0]
    assert json.loads(embedding_map.neighbours(bare, bare.index.ids[0], 0))["cards"]
