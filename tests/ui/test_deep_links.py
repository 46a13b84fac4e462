from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import given as chosen
from hypothesis import strategies as some
from ui.question import Given

from analysis.session import QueryError, Session, Sessions
from ui.deep_links import opened_query, parameters, query_link

START = Given("tiny", "noise/3", None, "is red & long", k=12)


def opened(address: str, session: Session) -> Given:
    return opened_query(
        parameters(dict(parse_qsl(address[1:], keep_blank_values=True))), Sessions({}, loaded=[session])
    )


@pytest.mark.parametrize(
    "asked",
    [
        START,
        START.changed(words="", category="shirt", k=3),
        START.changed(leave_out=False, kind="glare", severity=5, dynamic=False, use_var=False, ignored=(1, 16)),
        START.changed(words="<b>é=&?#%+ 100"),
    ],
)
def test_a_link_reopens_the_same_question(session: Session, asked: Given) -> None:
    address = query_link(asked, "other")
    again = opened(str(address), session)
    assert (
        again.changed(picture=None) == asked
        if asked.severity
        else again.changed(picture=None, kind=asked.kind) == asked
    )
    assert again.trace(session).ranking.ids == asked.trace(session).ranking.ids


def test_what_is_as_it_starts_is_left_out() -> None:
    assert query_link(START.changed(k=20), "tiny") == "?tab=query&reference=noise%2F3&words=is+red+%26+long"
    assert query_link(START.changed(reference=None), "tiny") is None


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("?reference=nobody", "no picture 'nobody'"),
        ("?model=nobody", "no model 'nobody'"),
        ("?category=hat", "no category 'hat'"),
        ("?words=" + "x" * 401, "at most 400"),
        ("?k=0", "k must be a whole number from 1 to 12"),
        ("?k=١", "k must be"),
        ("?severity=6", "severity must be"),
        ("?degrade=sepia", "degrade must be one of blur"),
        ("?ignore=3,17", "ignore must be a whole number from 1 to 16"),
        ("?static=yes", "static must be"),
    ],
)
def test_a_link_is_checked_against_what_exists(session: Session, address: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        opened(address, session)


@chosen(some.dictionaries(some.sampled_from(["k", "ignore", "severity", "leave_out", "reference"]), some.text()))
def test_no_link_breaks_the_page(params: dict[str, str]) -> None:
    sessions = test_no_link_breaks_the_page.sessions  # type: ignore[attr-defined]
    try:
        opened = opened_query(parameters(params), sessions)
    except QueryError:
        return
    assert opened.reference in sessions.get().index.ids and 1 <= opened.k <= 12


@pytest.fixture(autouse=True)
def _shelf(session: Session) -> None:
    test_no_link_breaks_the_page.sessions = Sessions({}, loaded=[session])  # type: ignore[attr-defined]
