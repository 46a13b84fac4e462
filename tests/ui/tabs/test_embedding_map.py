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
from tests.studied import asked, without_studies
from ui import wording
from ui.tabs import embedding_map as tab

OUTPUTS = ("missing", "of", "colouring", "chart", "near", "link")


def view(session: Session, **chosen: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"asked": None, "of": 0, "colouring": "", "category": "", "point": None, **chosen}
    values = tab._view(Sessions({}, loaded=[session]), session.name, *given.values())
    shown = dict(zip(OUTPUTS, values, strict=True))
    return {name: json.loads(v) if isinstance(v, str) and v.startswith("{") else v for name, v in shown.items()}


@pytest.mark.parametrize("colouring", ["category", "colour", "sleeve", atlas.OVERALL, f"{atlas.COMPONENT}2"])
@pytest.mark.parametrize("category", ["", "shirt"])
@pytest.mark.parametrize("of", [0, 2])
def test_a_point_that_is_sent_is_the_right_picture(
    studied_session: Session, of: int, category: str, colouring: str
) -> None:
    shown = view(studied_session, of=of, category=category, colouring=colouring, asked=asked(studied_session))
    table = studied_session.prepared.table("map")  # type: ignore[union-attr]
    truth = table[table.component == of].set_index("id")
    seen = set()
    for trace in shown["chart"]["figure"]["data"]:
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


def test_a_link_reopens_the_same_view(studied_session: Session, tabs: dict[str, Any]) -> None:
    point = studied_session.index.ids[7]
    chosen = {"of": 3, "colouring": "sleeve", "category": "dress", "point": point}
    link = view(studied_session, **chosen)["link"]
    found = dict(parse_qsl(unescape(re.search(r'href="\?([^"]*)"', link)[1])))  # type: ignore[index]
    assert found.pop("tab") == "map"
    model, of, colouring, *values, notice = tabs["map"].opened(found)
    assert [of["value"], colouring["value"], *values] == list(chosen.values())
    assert notice == "" and model == studied_session.name


@pytest.mark.parametrize("name", ["component", "colour", "category", "point"])
def test_a_wrong_value_is_told_and_left_out(tabs: dict[str, Any], name: str) -> None:
    model, of, colouring, category, point, notice = tabs["map"].opened({name: "<nowhere>"})
    assert (of["value"], category, point) == (0, "", None)
    assert name in notice and "&lt;nowhere&gt;" in notice


def test_neighbours_follow_the_picture(studied_session: Session) -> None:
    point = studied_session.index.ids[3]
    near = view(studied_session, point=point)["near"]
    expected = [point, *atlas.neighbours(studied_session.index, point).id]
    assert [card["id"] for card in near["cards"]] == expected
    assert wording.NEIGHBOURS.format(id=point) in near["before"]
    assert view(studied_session)["near"]["empty"] == wording.NEIGHBOURS_NONE


def test_the_page_says_that_a_query_s_place_is_approximate(studied_session: Session) -> None:
    shown = view(studied_session, asked=asked(studied_session))["chart"]
    assert "an approximation" in shown["after"] and '"name": "query"' in json.dumps(shown["figure"])
    assert "approximat" not in view(studied_session)["chart"]["after"]


def test_a_browser_learns_only_what_the_gallery_has(studied_session: Session) -> None:
    sessions, id = Sessions({}, loaded=[studied_session]), studied_session.index.ids[0]
    assert tab._look(sessions, [studied_session.name, id]).endswith(".webp")
    for sent in (
        ["other", id],
        [studied_session.name, "../../etc/passwd"],
        [id],
        "x",
        None,
        [studied_session.name, None],
    ):
        assert tab._look(sessions, sent) == ""  # type: ignore[arg-type]


def test_without_studies_there_is_no_map_but_neighbours(studied_session: Session, tmp_path: Path) -> None:
    shown = view(without_studies(studied_session, tmp_path), point=studied_session.index.ids[0])
    assert "python -m analysis prepare" in shown["missing"] and shown["chart"] == "" and shown["near"]["cards"]
