"""The Query tab: a picture and words in, a ranking and the doubt behind it out. It only wires."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from analysis.session import QueryError, Session, Sessions
from hug.retrieval.trace import QueryTrace
from ui import query_beside, query_components, query_report, query_why, query_words, wording
from ui.answer import answer
from ui.deep_links import opened_query, query_link
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
from ui.question import Given, Trail
from ui.requests import told
from ui.state import MODEL_CALLS, PRIVATE, Asked, Shared
from ui.trail import link_html, notes, trail_html


@dataclass(frozen=True)
class QueryTab:
    """What another tab sets (reference, picture, words) before it asks with `event(**ask)`."""

    reference: gr.State  # id of a gallery picture; None for an upload
    picture: gr.Image
    words: gr.Textbox
    ask: dict[str, Any]
    linked: list[Any]  # every control
    opened: Any  # parameters of a link -> values for `linked`
    component: gr.HTML  # its `select` event has the number of a component as `id`


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


def start(sessions: Sessions) -> Given:
    """The question the page opens with."""
    session = sessions.get()
    first = session.ids()[0]
    return Given(sessions.default, first, str(session.thumbnail(first)), wording.EXAMPLE_WORDS[0], k=session.default_k)


def asked(given: Given, trace: QueryTrace) -> Asked:
    """What the other tabs read of an answered question."""
    return Asked(given.model, given.reference, trace.words, given.category, trace.query, tuple(trace.ranking.ids[0]))


def build(sessions: Sessions, shared: Shared) -> QueryTab:
    """The tab's components and events; it opens with a query already answered, which becomes `shared.asked`."""
    session, given = sessions.get(), start(sessions)
    trace = given.trace(session)
    first, chain = answer(session, trace), Trail().plus(given).answered(trace.ranking.ids[0])
    shared.asked.value = asked(given, trace)
    reference, trail = gr.State(given.reference), gr.State(chain)
    with gr.Row(elem_id="query"):  # a grid: on a phone the answer comes before settings and picker
        with gr.Column(elem_id="question"):
            q = question(session, given)
        with gr.Column(elem_id="answer"):
            s = shown(first, trail_html(chain), link_html(query_link(given, sessions.default)))
            why = query_why.build(session, trace, given.thumbnail(session))
            words = query_words.build_words()
            components, beside = query_components.build(first), query_beside.build(sessions)
            query_report.build(sessions, trail)
        with gr.Column(elem_id="pick"):
            o = settings(session)
            p = picker(session)
    panels = Panels(components, why, words, beside, o.severities)
    controls = [
        shared.model, reference, q.picture, q.words, q.category, q.k, q.leave_out,
        o.kind, o.severity, o.dynamic, o.use_var, o.ignored,
    ]  # fmt: skip
    outputs = [
        shared.asked, trail, s.trail, s.back, s.forth, s.link, o.seen, s.sure, s.results, s.ids, s.selected,
        *panels.outputs,
    ]  # fmt: skip
    ask = _ask(sessions, controls, trail, outputs, s)
    _wire_question(q, o, reference, ask)
    _wire_picker(sessions, p, s, [reference, q.picture], ask)
    _wire_trail(sessions, s, trail, controls, outputs)
    query_why.wire(panels.why, sessions, trail, s.ids, s.results, o.ignored, ask)
    query_words.wire(sessions, trail, o.kind, words, o.severities, q.words, ask)
    query_beside.wire(panels.beside, sessions, trail)
    return QueryTab(
        reference, q.picture, q.words, ask, controls, lambda params: opened(sessions, params), components.component
    )


def opened(sessions: Sessions, params: Mapping[str, str]) -> list[Any]:
    """Values of the controls for a link.

    Raises QueryError naming the parameter that doesn't fit.
    """
    return opened_query(params, sessions).controls()


def show(sessions: Sessions, trail: Trail) -> list[Any]:
    """Values for all outputs of the question shown, compared with the one before."""
    given = trail.now
    session = sessions.get(given.model)
    image = given.image(session)
    trace = given.trace(session)
    new = answer(session, trace, trail.before, notes(given, session))
    return [
        asked(given, trace),
        trail.answered(new.ids),
        trail_html(trail),
        gr.Button(interactive=trail.place > 0),
        gr.Button(interactive=trail.place + 1 < len(trail.steps)),
        link_html(query_link(given, sessions.default)),
        gr.Image(image if given.severity else None, visible=bool(given.severity)),
        new.sure,
        gr.Gallery(new.results, selected_index=None),
        new.ids,
        None,
        *query_components.ComponentsPanel.fresh(new),
        *query_why.WhyPanel.fresh(session, trace, given.thumbnail(session)),
        *query_words.StudyPanel.fresh(),
        *query_beside.BesidePanel.fresh(sessions, given.model),
        *query_words.StudyPanel.fresh(),
    ]


def _ask(sessions: Sessions, controls: list[Any], trail: gr.State, outputs: list[Any], s: Shown) -> dict[str, Any]:
    """The event that asks what the controls say."""

    @told
    def ask(*values: Any) -> list[Any]:
        *given, chain = values
        return show(sessions, chain.plus(Given.of(*given)))

    # `preprocess=False`: the callback opens the picture itself, within the project's own limits.
    return {"fn": ask, "inputs": [*controls, trail], "outputs": outputs, "preprocess": False,
            "show_progress_on": s.results, **MODEL_CALLS, **PRIVATE}  # fmt: skip


def _wire_question(q: Question, o: Settings, reference: gr.State, ask: dict[str, Any]) -> None:
    for event in (q.search.click, q.words.submit):
        event(**ask)
    for slider in (q.k, o.severity):  # `release` doesn't come from a keyboard
        slider.input(**ask, trigger_mode="always_last")
    for control in (q.category, q.leave_out, o.kind, o.dynamic, o.use_var, o.ignored):
        control.input(**ask)
    for button in q.examples:
        button.click(lambda text: text, button, q.words, queue=False, **PRIVATE).then(**ask)
    q.picture.upload(lambda: None, None, reference, queue=False, **PRIVATE).then(**ask)
    q.picture.clear(lambda: None, None, reference, queue=False, **PRIVATE)


def _wire_picker(sessions: Sessions, p: Picker, s: Shown, chosen: list[Any], ask: dict[str, Any]) -> None:
    session = sessions.get()  # all models share one gallery

    def pick(ids: list[str], event: gr.SelectData) -> tuple[str, str]:
        return _reference(session, ids[event.index])

    def surprise(category: str) -> tuple[str, str]:
        return _reference(session, random.choice(session.ids(category)))

    def use(ids: list[str], place: int | None) -> tuple[str, str]:
        if place is None or place >= len(ids):
            raise QueryError(wording.SELECT_FIRST)
        return _reference(session, ids[place])

    def browse(category: str, page: int) -> tuple[Any, list[str], int]:
        ids = session.ids(category)
        page = page if page * SHOWN < len(ids) else 0
        part = ids[page * SHOWN : (page + 1) * SHOWN]
        return thumbnails(session, part), part, page

    # Outside the queue Gradio shows no message of an error: what may fail waits in it.
    p.pictures.select(told(pick), p.ids, chosen, **PRIVATE).success(**ask)
    p.surprise.click(told(surprise), p.category, chosen, **PRIVATE).success(**ask)
    s.results.select(_place, None, s.selected, queue=False, **PRIVATE)
    s.use.click(told(use), [s.ids, s.selected], chosen, **PRIVATE).success(**ask)
    listed = [p.pictures, p.ids, p.page]
    p.category.input(lambda c: browse(c, 0), p.category, listed, queue=False, **PRIVATE)
    p.more.click(lambda c, page: browse(c, page + 1), [p.category, p.page], listed, queue=False, **PRIVATE)


def _wire_trail(sessions: Sessions, s: Shown, trail: gr.State, controls: list[Any], outputs: list[Any]) -> None:
    def step(by: int) -> Any:
        @told
        def go(chain: Trail) -> list[Any]:
            chain = chain.at(chain.place + by)
            return [*chain.now.controls(), *show(sessions, chain)]

        return go

    for button, by in ((s.back, -1), (s.forth, 1)):
        button.click(
            step(by), trail, [*controls, *outputs],
            show_progress_on=s.results, **MODEL_CALLS, **PRIVATE,
        )  # fmt: skip


def _reference(session: Session, id: str) -> tuple[str, str]:
    return id, str(session.thumbnail(id))


def _place(event: gr.SelectData) -> Any:
    return event.index
