"""From one tab to another and from a link into one: parameters checked, notices, and what is asked with a press."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import gradio as gr

from analysis.session import QueryError, Session, Sessions
from ui import wording
from ui.deep_links import TAB
from ui.requests import told
from ui.state import PRIVATE, State, signal

# What only reads prepared results doesn't wait for the model.
READING: dict[str, Any] = {"concurrency_id": "reading", "concurrency_limit": 4, "show_progress": "hidden", **PRIVATE}


def link(tab: str, **said: Any) -> str:
    """The link of a view; what is empty is left out."""
    return "?" + urlencode({TAB: tab, **{name: value for name, value in said.items() if value not in ("", None)}})


def link_to(address: str) -> str:
    """The link as HTML."""
    return f'<a class="hug-link" href="{html.escape(address)}" target="_blank">{html.escape(wording.VIEW_LINK)}</a>'


def notice(problems: Sequence[str]) -> str:
    """What was wrong with a link, as HTML that is read out; empty when nothing was."""
    told = " ".join(problem for problem in problems if problem)
    return f'<p class="hug-notice" role="status">{html.escape(told)}</p>' if told else ""


def checked(params: Mapping[str, str], name: str, known: Sequence[str], otherwise: str) -> tuple[str, str]:
    """A link's parameter and an empty sentence; or, when it isn't one of those known, the default and what is wrong."""
    value = params.get(name, "")
    if not value or value in known:
        return value or otherwise, ""
    few = ", ".join(known[:16]) + (f" … {known[-1]}" if len(known) > 16 else "")
    return otherwise, wording.LINK_UNKNOWN.format(name=name, value=value[:40], known=few or wording.NOTHING_KNOWN)


def asked_with(session: Session, id: str | None, words: str | None) -> list[Any]:
    """Reference, picture and words for the Query tab; None leaves the picture or the words as they are.

    Raises QueryError when the loaded gallery has no such picture.
    """
    if id is not None and id not in session.index.ids:
        raise QueryError(wording.SAMPLE_ABSENT)
    picture = [gr.skip(), gr.skip()] if id is None else [id, str(session.thumbnail(id))]
    return [*picture, gr.skip() if words is None else words]


def asks(pressed: Any, sessions: Sessions, choose: Callable[[Session, str], list[Any]], state: State) -> None:
    """A press opens the Query tab and asks with what `choose` gives for the pressed id, as `asked_with` does."""

    def go(model: str, event: gr.EventData) -> list[Any]:
        return [*choose(sessions.get(model), str(event.id)), gr.Tabs(selected="query"), signal()]

    outputs = [state.reference, state.picture, state.words, state.tabs, state.asks]
    pressed(told(go), state.model, outputs, **READING)


def opens(pressed: Any, state: State) -> None:
    """A press with the number of a component as its id opens its page in Sub-features, which shows it when selected."""

    def go(event: gr.EventData) -> tuple[int, Any]:
        return int(event.id), gr.Tabs(selected="sub-features")

    pressed(told(go), None, [state.component, state.tabs], queue=False, **PRIVATE)
