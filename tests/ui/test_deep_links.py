from __future__ import annotations

import dataclasses
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as some

from analysis.session import QueryError, Session, Sessions
from ui.deep_links import completed, parameters, query_link, read_query
from ui.state import QueryRequest

START = QueryRequest("tiny", "noise/3", None, "is red & long", k=12)


def changed(**fields: Any) -> QueryRequest:
    return dataclasses.replace(START, **fields)


def read(address: str, session: Session) -> QueryRequest:
    return read_query(parameters(dict(parse_qsl(address[1:], keep_blank_values=True))), Sessions({}, loaded=[session]))


@pytest.mark.parametrize(
    "request_",
    [
        START,
        changed(words="", category="shirt", k=3),
        changed(leave_out=False, kind="glare", severity=5, dynamic=False, use_var=False, ignored=(1, 16)),
        changed(words="<b>é=&?#%+ 100"),
    ],
)
def test_a_link_reopens_the_same_question(session: Session, request_: QueryRequest) -> None:
    assert read(str(query_link(request_, "other")), session) == request_


def test_what_is_as_it_starts_is_left_out() -> None:
    assert query_link(changed(k=20), "tiny") == "?tab=query&reference=noise%2F3&words=is+red+%26+long"
    assert query_link(changed(reference=None), "tiny") is None


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
        read(address, session)


@pytest.mark.parametrize(
    ("params", "whole"),
    [
        ({}, {}),
        ({"utm": "x"}, {"utm": "x"}),
        ({"model": "m"}, {"tab": "query", "words": "example", "model": "m"}),
        ({"model": "m", "words": ""}, {"tab": "query", "words": "", "model": "m"}),
        ({"reference": "r", "model": "m"}, {"tab": "query", "reference": "r", "model": "m"}),
        ({"tab": "map", "model": "m"}, {"tab": "map", "model": "m"}),
    ],
)
def test_a_link_without_a_tab_opens_the_first_with_what_it_names(params: dict[str, str], whole: dict[str, str]) -> None:
    assert completed(params, "query", "example") == whole


@given(some.dictionaries(some.sampled_from(["k", "ignore", "severity", "leave_out", "reference"]), some.text()))
def test_no_link_breaks_the_page(params: dict[str, str]) -> None:
    sessions = test_no_link_breaks_the_page.sessions  # type: ignore[attr-defined]
    try:
        request = read_query(parameters(params), sessions)
    except QueryError:
        return
    assert request.reference in sessions.get().index.ids and 1 <= request.k <= 12


@pytest.fixture(autouse=True)
def _sessions(session: Session) -> None:
    test_no_link_breaks_the_page.sessions = Sessions({}, loaded=[session])  # type: ignore[attr-defined]
