from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from analysis.registry import STUDIES
from analysis.session import QueryError, Session, Sessions
from tests.studied import asked, without_studies
from ui import about_wording, wording
from ui.findings import Findings
from ui.tabs import uncertainty


def shown(tabs: dict[str, Any], *given: Any) -> list[Any]:
    return list(tabs["uncertainty"].show["fn"](*given))


def test_every_study_is_shown_once_somewhere(tabs: dict[str, Any], studied_session: Session) -> None:
    here = {c.elem_id.removeprefix("study-") for c in tabs["uncertainty"].show["outputs"] if c.elem_id}
    assert set(STUDIES) <= here | set(uncertainty.ELSEWHERE)
    assert not (here & set(uncertainty.ELSEWHERE) - {"samples"})
    ids = [c.elem_id for c in tabs["uncertainty"].show["outputs"]]
    values = dict(zip(ids, shown(tabs, studied_session.name, None, "target"), strict=True))
    for name in here & set(STUDIES) - {"samples"}:
        value = json.loads(values[f"study-{name}"])
        table = studied_session.prepared.table(name)  # type: ignore[union-attr]
        assert value["figure"]["data"] and STUDIES[name].title in value["before"]
        assert f"{name}.csv" in value["after"] and len(table)


@pytest.mark.parametrize("side", list(wording.SIDES))
def test_samples_go_from_certain_to_uncertain_and_ask_with_themselves(studied_session: Session, side: str) -> None:
    findings = Findings(studied_session)
    table = studied_session.prepared.table("samples")  # type: ignore[union-attr]
    part = table[table.side == side].sort_values("place", kind="stable").reset_index(drop=True)
    cards = json.loads(uncertainty._samples(findings, side))["cards"]
    rows = part.loc[[int(card["id"].split(":")[1]) for card in cards]]
    assert rows.value.is_monotonic_increasing and len(cards) == min(len(part), uncertainty.SHOWN)
    assert (rows.place.iloc[0], rows.place.iloc[-1]) == (part.place.min(), part.place.max())
    for card, row in zip(cards, rows.itertuples(), strict=True):
        try:
            reference, _, words = uncertainty._sample(studied_session, card["id"])
        except QueryError as absent:
            assert row.id not in studied_session.index.ids and str(absent) == wording.SAMPLE_ABSENT
            continue
        assert isinstance(reference, dict) if side == "words" else reference == row.id
        assert words == row.text if side in ("words", "fit") else isinstance(words, dict)


def test_why_a_query_is_uncertain_is_said_at_once(studied_session: Session) -> None:
    query = asked(studied_session, "<b>red</b>")
    first, second = (json.loads(v) for v in uncertainty._now(studied_session, query))
    for name in ("picture", "words", "fit", "overall"):
        assert name in first["after"]
    assert "<b>red" not in first["before"] and "&lt;b&gt;red" in first["before"]
    assert len(second["cards"]) == uncertainty.STANDING_OUT
    assert wording.THIS_QUERY_NONE in json.loads(uncertainty._now(studied_session, None)[0])["after"]


def test_where_no_source_can_be_trusted_that_is_said_and_not_that_nothing_is_known(session: Session) -> None:
    import dataclasses

    doubted = dataclasses.replace(session, untrusted={"r": 0.4, "t": 0.3, "m": 0.5})
    first = json.loads(uncertainty._now(doubted, asked(doubted))[0])
    assert wording.AT_CHANCE.format(sources="picture, words, fit") in first["after"].replace("&#x27;", "'")
    assert wording.VERDICT_UNKNOWN not in first["after"]
    colours = first["figure"]["data"][0]["marker"]["color"]
    assert len(set(colours[:3])) == 1 and colours[3] != colours[0]


def test_a_query_of_another_model_is_not_mixed_up(studied_session: Session) -> None:
    import dataclasses

    other = dataclasses.replace(asked(studied_session), model="another")
    assert "another" in json.loads(uncertainty._now(studied_session, other)[0])["after"]


def test_an_example_of_a_conflict_asks_the_same_words(studied_session: Session) -> None:
    table = studied_session.prepared.table("coordination_examples")  # type: ignore[union-attr]
    for card in json.loads(uncertainty._examples(Findings(studied_session)))["cards"]:
        end, place = card["id"].split(":")
        row = table.loc[int(place)]
        assert row.text in card["text"]
        if row[end] in studied_session.index.ids:
            assert uncertainty._example(studied_session, card["id"])[::2] == [row[end], row.text]


def test_a_link_is_checked(tabs: dict[str, Any], studied_session: Session) -> None:
    assert tabs["uncertainty"].opened({"side": "words"}) == [studied_session.name, "words", ""]
    _, side, notice = tabs["uncertainty"].opened({"side": "hats"})
    assert side == "target" and "hats" in notice


def test_without_studies_one_notice_says_what_to_run(studied_session: Session, tmp_path: Path) -> None:
    findings = Findings(without_studies(studied_session, tmp_path))
    assert "python -m analysis prepare" in findings.notice
    assert findings.study("severity", "x") == uncertainty._samples(findings, "target") == findings.about == ""


def test_about_tells_the_model_and_its_data(sessions: Sessions, studied_session: Session, tabs: dict[str, Any]) -> None:
    html = tabs["about"].show["fn"](studied_session.name)
    assert studied_session.model.weights_hash in html and f"{len(studied_session.index)} pictures" in html
    assert about_wording.UNMEASURED in html  # the small model was never evaluated
    assert tabs["about"].opened({}) == [studied_session.name]
