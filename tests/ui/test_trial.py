"""A test query shows its answer once it was looked at, and what was promised is counted."""

from __future__ import annotations

import dataclasses
import re
from html import unescape
from typing import Any

import pytest

from analysis.session import QueryError, Session
from hug.retrieval.samples import SampleQuery
from ui.state import QueryRequest, QueryResult, answer
from ui.trial import KINDS, Outcome, Trials, of_kind

REQUEST = QueryRequest("tiny", "noise/0", None, "red with sleeves", k=5)
SAMPLES = (SampleQuery("noise/0", "noise/1", "red", "vague"), SampleQuery("noise/0", "noise/2", "red"))


@pytest.fixture(scope="module")
def result(session: Session) -> QueryResult:
    return answer(session, REQUEST)


def text(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub("<[^>]+>", " ", html)))


def begun(target: str, kind: str = "") -> Trials:
    return Trials().start(SampleQuery("noise/0", target, "red  with sleeves"), kind, REQUEST)


def test_the_answer_is_shown_after_one_looked_and_counts_once(session: Session, result: QueryResult) -> None:
    assert Trials().html(session, 0.9) == ""
    trials = begun(result.ids[1])
    before = trials.html(session, 0.9)
    assert trials.target is None and result.ids[1] not in before and "Show the answer" in before
    trials = trials.reveal(session, result)
    promised = result.trace.certainty.answer_set
    assert promised and trials.target == result.ids[1]
    assert trials.outcome == Outcome(2, 11, 0.5, trials.outcome.sizes) and trials.outcome.sizes[0.9] == promised.size
    after = text(trials.html(session, 0.9))
    assert "It is number 2 of 11: a hit, among the first 10." in after and f"90 % set of {promised.size}" in after
    inside = int(promised.size >= 2)
    assert f"Your test queries: {inside} of 1 inside the 90 % set (promised: 9 of 10), 1 hit" in after
    assert "promised by the chances: 0.5" in after
    assert trials.reveal(session, result) is trials


def test_a_miss_is_said(session: Session, result: QueryResult) -> None:
    last = session.index.rank(result.trace.query, dataclasses.replace(result.trace.options, k=12)).ids[0][-1]
    trials = begun(last).reveal(session, result)
    after = text(trials.html(session, 0.8))
    assert "It is number 11 of 11: a miss" in after and "It is outside the 80 % set" in after


def test_the_set_of_each_level_is_counted_by_itself() -> None:
    outcome = Outcome(5, 100, 0.5, {0.8: 4, 0.9: 5, 0.95: 9})
    assert [outcome.inside(level) for level in (0.8, 0.9, 0.95, 0.5)] == [False, True, True, False]


def test_queries_of_one_kind_are_shown_but_not_counted(session: Session, result: QueryResult) -> None:
    trials = begun(result.ids[0], "vague").reveal(session, result)
    assert trials.outcomes == () and ". A query of one kind doesn't count" in text(trials.html(session, 0.9))


def test_another_question_closes_the_test_query_and_keeps_the_score(session: Session, result: QueryResult) -> None:
    trials = begun(result.ids[0]).reveal(session, result)
    changes: list[dict[str, Any]] = [
        {"words": "blue"}, {"reference": "noise/1"}, {"severity": 2}, {"model": "other"}, {"ignored": (1,)},
        {"category": "dress"}, {"leave_out": False},
    ]  # fmt: skip
    for change in changes:
        closed = trials.of(dataclasses.replace(REQUEST, **change))
        assert closed.sample is None and closed.outcomes == trials.outcomes and closed.target is None
        with pytest.raises(QueryError, match="no test query any more"):
            closed.reveal(session, result)
    assert trials.of(dataclasses.replace(REQUEST, k=9)) is trials  # more results are the same question
    assert "Draw another" in closed.html(session, 0.9) and "1 of 1" in text(closed.html(session, 0.9))


def test_a_kind_is_drawn_from_its_queries(session: Session) -> None:
    assert session.source is not None
    source = dataclasses.replace(session.source, samples=SAMPLES)
    labels = {"degradation": ["blur", *["none"] * 11], "severity": ["4", *["0"] * 11]}
    here = dataclasses.replace(session, source=source, stored=dataclasses.replace(session.index, meta=labels))
    assert list(of_kind(here, "")) == list(of_kind(here, "blur")) == list(SAMPLES)
    assert list(of_kind(here, "vague")) == [SAMPLES[0]]
    for kind in ("conflict", "nonsense"):
        with pytest.raises(QueryError, match="no such test query"):
            of_kind(here, kind)
    with pytest.raises(QueryError, match="no such test query"):
        of_kind(session, "")
    assert set(KINDS) == {"", "blur", "vague", "conflict"}
