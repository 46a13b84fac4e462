"""The Query tab: a picture and words in, a ranking and how sure the model is of it out. It only wires."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import gradio as gr

from analysis.session import QueryError, Sessions
from ui import query_beside, query_components, query_report, query_why, query_words, wording
from ui.answer import answer as answered
from ui.crossing import opens
from ui.deep_links import opened_query, query_link
from ui.history import History, history_html, link_html, notes
from ui.query_layout import (
    SHOWN,
    Picker,
    Question,
    Settings,
    Shown,
    picker,
    question,
    settings,
    shown,
    thumbnails,
)
from ui.requests import told
from ui.state import MODEL_CALLS, PRIVATE, QueryRequest, QueryResult, State, Tab, answer, signal


@dataclass(frozen=True)
class Panels:
    """What lies below the results, in the order of its outputs."""

    components: query_components.ComponentsPanel
    why: query_why.WhyPanel
    words: query_words.StudyPanel
    beside: query_beside.BesidePanel
    severities: query_words.StudyPanel  # it lies with the what-if controls

    @property
    def outputs(self) -> list[Any]:
        return [
            *self.components.outputs, *self.why.outputs, *self.words.outputs, *self.beside.outputs,
            *self.severities.outputs,
        ]  # fmt: skip


FIELDS = [each.name for each in fields(QueryRequest)]


def start(sessions: Sessions) -> QueryRequest:
    """The question the page opens with."""
    session = sessions.get()
    return QueryRequest(sessions.default, session.ids()[0], None, wording.EXAMPLE_WORDS[0], k=session.default_k)


def build(sessions: Sessions, state: State) -> Tab:
    """The tab's components and events; it opens with the answer that the page has made."""
    session, result = sessions.get(), state.result.value
    request = result.request
    first, history = answered(session, result.trace), gr.State(History().add(request, result.ids))
    with gr.Row(elem_id="query"):  # a grid: on a phone the answer comes before settings and picker
        with gr.Column(elem_id="question"):
            q = question(session, state, request)
        with gr.Column(elem_id="answer"):
            s = shown(first, history_html(history.value), link_html(query_link(request, sessions.default)))
            why = query_why.build(session, result.trace, result.thumbnail(session))
            words = query_words.build_words()
            components, beside = query_components.build(first), query_beside.build(sessions)
            query_report.build(sessions, state)
        with gr.Column(elem_id="pick"):
            o = settings(state)
            p = picker(session)
    panels = Panels(components, why, words, beside, o.severities)
    controls = {
        "model": state.model, "reference": state.reference, "picture": state.picture, "words": state.words,
        "category": q.category, "k": q.k, "leave_out": q.leave_out, "kind": o.kind, "severity": o.severity,
        "dynamic": o.dynamic, "use_var": o.use_var, "ignored": state.ignored,
    }  # fmt: skip
    outputs = [
        state.result, history, s.trail, s.back, s.forth, s.link, o.seen, s.sure, s.results, s.selected,
        *panels.outputs,
    ]  # fmt: skip
    ask = _ask(sessions, controls, history, outputs, s)
    _wire_question(q, o, state, ask)
    _wire_picker(sessions, p, s, state)
    _wire_history(sessions, s, history, list(controls.values()), outputs)
    query_why.wire(panels.why, sessions, state, s.results, ask)
    query_words.wire(sessions, state, o.kind, words, o.severities, ask)
    query_beside.wire(panels.beside, sessions, state)
    opens(components.component.select, state)
    return Tab("query", wording.QUERY, list(controls.values()), lambda params: restore(sessions, params))


def restore(sessions: Sessions, params: Mapping[str, str]) -> list[Any]:
    """Values of the controls for a link.

    Raises QueryError naming the parameter that doesn't fit.
    """
    return values(sessions, opened_query(params, sessions))


def values(sessions: Sessions, request: QueryRequest) -> list[Any]:
    """Values of the controls for a question, in their order."""
    said = {name: getattr(request, name) for name in FIELDS}
    if request.reference:
        said["picture"] = str(sessions.get(request.model).thumbnail(request.reference))
    return [*(said | {"ignored": list(request.ignored)}).values()]


def show(sessions: Sessions, request: QueryRequest, history: History, by: int = 0) -> list[Any]:
    """Values for all outputs: the question is answered, and compared with the one before in the history."""
    session = sessions.get(request.model)
    result = answer(session, request)
    history = history.add(request, result.ids) if not by else history.at(history.place + by)
    new = answered(session, result.trace, history.before, notes(request, session))
    return [
        result,
        history,
        history_html(history),
        gr.Button(interactive=history.place > 0),
        gr.Button(interactive=history.place + 1 < len(history.steps)),
        link_html(query_link(request, sessions.default)),
        gr.Image(result.seen if request.severity else None, visible=bool(request.severity)),
        new.sure,
        gr.Gallery(new.results, selected_index=None),
        None,
        *query_components.ComponentsPanel.fresh(new),
        *query_why.WhyPanel.fresh(session, result.trace, result.thumbnail(session)),
        *query_words.StudyPanel.fresh(),
        *query_beside.BesidePanel.fresh(sessions, request.model),
        *query_words.StudyPanel.fresh(),
    ]


def _ask(
    sessions: Sessions, controls: Mapping[str, Any], history: gr.State, outputs: list[Any], s: Shown
) -> dict[str, Any]:
    """The event that asks what the controls say."""

    @told
    def ask(before: History, *sent: Any) -> list[Any]:
        return show(sessions, QueryRequest.of(dict(zip(controls, sent, strict=True))), before)

    # `preprocess=False`: the callback opens the picture itself, within the project's own limits.
    return {"fn": ask, "inputs": [history, *controls.values()], "outputs": outputs, "preprocess": False,
            "show_progress_on": s.results, **MODEL_CALLS, **PRIVATE}  # fmt: skip


def _wire_question(q: Question, o: Settings, state: State, ask: dict[str, Any]) -> None:
    for event in (q.search.click, state.words.submit, state.asks.change):
        event(**ask)
    for slider in (q.k, o.severity):  # `release` doesn't come from a keyboard
        slider.input(**ask, trigger_mode="always_last")
    for control in (q.category, q.leave_out, o.kind, o.dynamic, o.use_var, state.ignored):
        control.input(**ask)
    for button in q.examples:
        button.click(lambda text: text, button, state.words, queue=False, **PRIVATE).then(**ask)
    state.picture.upload(lambda: None, None, state.reference, queue=False, **PRIVATE).then(**ask)
    state.picture.clear(lambda: None, None, state.reference, queue=False, **PRIVATE)


def _wire_picker(sessions: Sessions, p: Picker, s: Shown, state: State) -> None:
    session = sessions.get()  # all models share one gallery

    def chosen(id: str) -> tuple[str, str, str]:
        return id, str(session.thumbnail(id)), signal()

    def pick(ids: list[str], event: gr.SelectData) -> tuple[str, str, str]:
        return chosen(ids[event.index])

    def surprise(category: str) -> tuple[str, str, str]:
        return chosen(random.choice(session.ids(category)))

    def use(result: QueryResult, place: int | None) -> tuple[str, str, str]:
        if place is None or place >= len(result.ids):
            raise QueryError(wording.SELECT_FIRST)
        return chosen(result.ids[place])

    def browse(category: str, page: int) -> tuple[Any, list[str], int]:
        ids = session.ids(category)
        page = page if page * SHOWN < len(ids) else 0
        part = ids[page * SHOWN : (page + 1) * SHOWN]
        return thumbnails(session, part), part, page

    # Outside the queue Gradio shows no message of an error: what may fail waits in it.
    reference = [state.reference, state.picture, state.asks]
    p.pictures.select(told(pick), p.ids, reference, **PRIVATE)
    p.surprise.click(told(surprise), p.category, reference, **PRIVATE)
    s.results.select(_place, None, s.selected, queue=False, **PRIVATE)
    s.use.click(told(use), [state.result, s.selected], reference, **PRIVATE)
    listed = [p.pictures, p.ids, p.page]
    p.category.input(lambda c: browse(c, 0), p.category, listed, queue=False, **PRIVATE)
    p.more.click(lambda c, page: browse(c, page + 1), [p.category, p.page], listed, queue=False, **PRIVATE)


def _wire_history(sessions: Sessions, s: Shown, state: gr.State, controls: list[Any], outputs: list[Any]) -> None:
    def step(by: int) -> Any:
        @told
        def go(history: History) -> list[Any]:
            request = history.at(history.place + by).now
            return [*values(sessions, request), *show(sessions, request, history, by)]

        return go

    for button, by in ((s.back, -1), (s.forth, 1)):
        button.click(
            step(by), state, [*controls, *outputs],
            show_progress_on=s.results, **MODEL_CALLS, **PRIVATE,
        )  # fmt: skip


def _place(event: gr.SelectData) -> Any:
    return event.index
