"""Bounds on memory and on pace."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest

from ui.visits import ADDRESSES, Pace, Refusal, Visits, address_of


@pytest.fixture
def visits() -> Visits:
    with gr.Blocks() as page:
        gr.State([1, 2])
        gr.Textbox("long " * 1000)
    bounded = Visits(most=3)
    bounded.set_blocks(page)
    return bounded


def test_the_session_unused_for_longest_goes_and_open_pages_last(visits: Visits) -> None:
    with visits.page("a", "192.0.2.1"), visits.page("b", "192.0.2.1"):
        for name in ("a", "b", "c"):
            visits[name]
        visits["d"]
        assert set(visits.session_data) == {"a", "b", "d"}  # a is older, but its page is open
    visits["b"]
    visits["e"]
    assert set(visits.session_data) == {"b", "d", "e"}


def test_ten_thousand_sessions_are_as_many_as_a_few(visits: Visits) -> None:
    for n in range(10_000):
        visits[f"s{n}"]
    assert len(visits.session_data) == 3 and not visits._open and not visits.time_last_used


def test_a_session_keeps_its_states_and_no_copy_of_the_page(visits: Visits) -> None:
    state, box = (block for block in visits.blocks.blocks.values() if isinstance(block, gr.State | gr.Textbox))
    visits["a"][state._id] = [3]
    visits["a"][box._id] = gr.Textbox("changed", render=False)
    visits["a"]._update_value_in_config(box._id, "changed")
    assert visits["a"][state._id] == [3] and visits["b"][state._id] == [1, 2]
    assert visits["a"].config_values == {} and list(visits["a"].components) == []


def test_an_address_may_open_so_many_pages(visits: Visits) -> None:
    visits.pages = 1
    with visits.page("a", "192.0.2.1"):
        with pytest.raises(Refusal, match="At most 1 pages"), visits.page("b", "192.0.2.1"):
            pass
        with visits.page("b", "192.0.2.2"):
            pass
    with visits.page("b", "192.0.2.1"):
        pass


def test_a_pace_recovers_and_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("ui.visits.time.monotonic", lambda: now[0])
    pace = Pace(2.0, 3)
    for _ in range(3):
        pace.check("a")
    with pytest.raises(Refusal, match="Too many requests"):
        pace.check("a")
    now[0] = 0.6
    pace.check("a")
    with pytest.raises(Refusal):
        pace.check("a")
    for n in range(2 * ADDRESSES):
        pace.check(f"b{n}")
    assert len(pace._left) == ADDRESSES


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("2001:db8:1:2:3::4", "2001:0db8:0001:0002"),
        ("2001:db8:1:2:ffff::", "2001:0db8:0001:0002"), ("testclient", "testclient"), ("x" * 999, "x" * 64),
    ],
)  # fmt: skip
def test_a_household_counts_as_one(host: str, name: str) -> None:
    client: Any = (host, 5)
    assert address_of(client) == name and address_of(None) == ""
