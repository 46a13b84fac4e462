from __future__ import annotations

import dataclasses
import json
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.registry import STUDIES
from analysis.session import Session, Sessions
from tests.studied import answered, elsewhere, without_studies
from ui.answer import TEXTS
from ui.state import QueryResult, Tab
from ui.studies import Studies
from ui.tabs import about, uncertainty


def view(session: Session, result: QueryResult, side: str = "target") -> dict[str, Any]:
    """What the tab shows, by name; JSON values as objects."""
    values = uncertainty.values(Sessions({}, loaded=[session]), session.name, result, side)
    return {name: json.loads(value) if value.startswith("{") else value for name, value in values.items()}


def test_every_study_is_shown_once_somewhere(tabs: dict[str, Tab], studied_session: Session) -> None:
    assert sorted([*uncertainty.FIGURES, *uncertainty.ELSEWHERE]) == sorted(STUDIES)
    places = {component.elem_id for component in tabs["uncertainty"].refresh["outputs"]}  # type: ignore[union-attr]
    values = view(studied_session, answered(studied_session))
    for name in uncertainty.FIGURES:
        assert f"study-{name}" in places
        table = studied_session.prepared.table(name)  # type: ignore[union-attr]
        assert values[name]["figure"]["data"] and STUDIES[name].title in values[name]["before"]
        assert f"{name}.csv" in values[name]["after"] and len(table)


@pytest.mark.parametrize("side", list(uncertainty.SIDES))
def test_samples_go_from_certain_to_uncertain_and_ask_with_themselves(studied_session: Session, side: str) -> None:
    table = studied_session.prepared.table("samples")  # type: ignore[union-attr]
    part = table[table.side == side].sort_values("place", kind="stable").reset_index(drop=True)
    cards = json.loads(uncertainty.samples(Studies(studied_session), side))["cards"]
    places = sorted({round(n) for n in np.linspace(0, len(part) - 1, uncertainty.SAMPLES)})
    assert len(cards) == min(len(part), uncertainty.SAMPLES)
    rows = part if len(part) <= uncertainty.SAMPLES else part.loc[places]
    assert rows.value.is_monotonic_increasing
    assert (rows.place.iloc[0], rows.place.iloc[-1]) == (part.place.min(), part.place.max())
    for card, row in zip(cards, rows.itertuples(), strict=True):
        assert card["id"] == (None if side == "words" else row.id) and f"{row.value:#.3g}" in card["note"]
        assert card["words"] == (row.text if side in ("words", "fit") else None)


def test_why_a_query_is_uncertain_is_said_at_once(studied_session: Session) -> None:
    values = view(studied_session, answered(studied_session, "<b>red</b>"))
    first, second = values["query"], values["components"]
    for name in ("picture", "words", "fit", "overall"):
        assert name in first["after"]
    assert "<b>red" not in first["before"] and "&lt;b&gt;red" in first["before"]
    assert len(second["cards"]) == uncertainty.LEAST_CERTAIN


def test_where_no_source_can_be_trusted_that_is_said_and_not_that_nothing_is_known(session: Session) -> None:
    distrusted = dataclasses.replace(session, untrusted={"r": 0.4, "t": 0.3, "m": 0.5})
    first = json.loads(uncertainty.sources(distrusted, answered(distrusted)))
    assert "so don't trust these: picture, words, fit." in unescape(first["after"])
    assert TEXTS["uncalibrated"] not in first["after"]
    colours = first["figure"]["data"][0]["marker"]["color"]
    assert len(set(colours[:3])) == 1 and colours[3] != colours[0]


def test_a_query_of_another_model_is_not_mixed_up(studied_session: Session) -> None:
    other = view(studied_session, elsewhere(answered(studied_session)))
    assert "asked of the model another" in other["query"]["before"] and other["components"] == ""


def test_an_example_of_a_conflict_asks_the_same_words(studied_session: Session) -> None:
    table = studied_session.prepared.table("coordination_examples")  # type: ignore[union-attr]
    cards = json.loads(uncertainty.pairs(Studies(studied_session)))["cards"]
    assert [card["id"] for card in cards] == [id for row in table.itertuples() for id in (row.fits, row.lacks)]
    for card, text in zip(cards, table.text.repeat(2), strict=True):
        assert card["words"] == text and text in card["text"]


def test_a_link_is_checked(tabs: dict[str, Tab], studied_session: Session) -> None:
    assert tabs["uncertainty"].restore({"side": "words"}) == [studied_session.name, "words", ""]
    _, side, notice = tabs["uncertainty"].restore({"side": "hats"})
    assert side == "target" and "hats" in notice


def test_without_studies_one_notice_says_what_to_run(studied_session: Session, tmp_path: Path) -> None:
    studies = Studies(without_studies(studied_session, tmp_path))
    assert "python -m analysis measure" in studies.notice
    assert studies.figure("severity", "x") == uncertainty.samples(studies, "target") == studies.about == ""


def test_about_tells_the_model_and_its_data(
    sessions: Sessions, studied_session: Session, tabs: dict[str, Tab], tmp_path: Path
) -> None:
    html = about.model_cards(sessions, studied_session.name)
    assert studied_session.model.weights_hash in html and f"{len(studied_session.index)} pictures" in html
    assert f"{studied_session.name}-measures.csv" in html and "not measured" not in html
    unmeasured = Sessions({}, loaded=[without_studies(studied_session, tmp_path)])
    assert "These weights were not measured" in about.model_cards(unmeasured, studied_session.name)
    assert tabs["about"].restore({}) == [studied_session.name]
