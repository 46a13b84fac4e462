"""The Sub-features tab: what one component answers to, and which component answers to an attribute. It only wires."""

from __future__ import annotations

import html
import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import gradio as gr

from analysis import component as study
from analysis.session import QueryError, Session, Sessions
from analysis.top_bottom import LEAVE_OUT, levels, top_bottom
from ui import components, wording
from ui.components import NOTHING, Card, cards, dealt, drawn, figure
from ui.crossing import READING, asked_with, asks, checked, link, link_to, notice
from ui.findings import Findings
from ui.requests import told
from ui.state import PRIVATE, Listener, QueryResult, State, Tab

ALL, MOST_LEFT_OUT = "", 0.9
BEST = 6  # components shown for an attribute; the table has all


def restore(sessions: Sessions, params: Mapping[str, str]) -> list[Any]:
    """Values for `linked`; what does not exist is told in the last of them and left out."""
    session = sessions.get(params.get("model") or None)
    known = [str(c) for c in range(1, session.model.config.components + 1)]
    category, first = checked(params, "category", session.categories, ALL)
    component, second = checked(params, "component", known, "1")
    attribute, third = checked(params, "attribute", list(wording.ATTRIBUTES), "")
    share, fourth = _share(params.get("leave_out", ""))
    said = notice([first, second, third, fourth])
    place = int(component) if params.get("component") else _best(sessions, session.name, attribute, 1)
    choices = [_category(session, category), _component(session, place)]
    return [session.name, *choices, share, attribute or None, said]


def build(sessions: Sessions, state: State) -> Tab:
    """The tab's components and events."""
    session = sessions.get()
    wrong, missing = (
        gr.HTML(elem_id=f"subfeatures-{name}", elem_classes="hug-wrong") for name in ("notice", "missing")
    )
    gr.Markdown(wording.SUBFEATURES)
    attribute = gr.Radio(
        [(said, name) for name, said in wording.ATTRIBUTES.items()], label=wording.WHICH_TRACKS, elem_id="attribute"
    )
    answer = cards("tracked", wording.WHICH_TRACKS)
    with gr.Row(elem_classes="hug-controls"):
        category = gr.Radio(
            label=wording.CATEGORY, elem_id="shown-category", min_width=380, **_category_of(session, ALL)
        )
        component = state.component
        component.render()
        with gr.Row(elem_classes="hug-steps"):
            steps = [
                gr.Button(name, size="sm", min_width=60) for name in (wording.PREVIOUS, wording.NEXT, wording.RANDOM)
            ]
        leave_out = gr.Slider(
            0, MOST_LEFT_OUT, LEAVE_OUT, step=0.05, label=wording.LEAVE_OUT_SHARE, elem_id="left-out", min_width=220
        )
    least, most = cards("least", wording.SAMPLES), cards("most", wording.SAMPLES)
    with gr.Row(elem_classes="hug-beside"):
        histogram = figure("histogram", wording.HISTOGRAM_TITLE)
        similar = cards("similar", wording.SIMILAR_TITLE)
    with gr.Row(elem_classes="hug-beside"):
        explained, moved = figure("explained", wording.EXPLAINED_TITLE), figure("moved", wording.MOVED_TITLE)
    measure = gr.Radio(list(wording.MEASURES), value="delta", label=wording.MATRIX_MEASURE, elem_id="measure")
    matrix = figure("matrix", wording.MATRIX_TITLE)
    with gr.Accordion(wording.CAPTIONS_TITLE, open=False):
        captions = {key: cards(f"captions-{'-'.join(key)}", said) for key, said in wording.CAPTIONS_OF.items()}
    address = gr.HTML(elem_id="subfeatures-link")

    views = [answer, least, most, histogram, explained, moved, similar, matrix, *captions.values(), address]
    inputs = [state.model, state.result, category, component, leave_out, attribute, measure]
    show: dict[str, Any] = {
        "fn": told(lambda *given: _view(sessions, *given)),
        "inputs": inputs,
        "outputs": [missing, category, component, *views],
        **READING,
    }

    def clear() -> str:
        return ""

    for event in (category.input, component.input, leave_out.release, measure.input):
        event(clear, None, wrong, queue=False, **PRIVATE).then(**show)
    attribute.input(
        told(lambda *given: _best(sessions, *given)), [state.model, attribute, component], component, **READING
    ).success(clear, None, wrong, queue=False, **PRIVATE).then(**show)
    for button, step in zip(steps, (_previous, _next, _random), strict=True):
        button.click(_stepping(sessions, step), [state.model, component], component, **READING).success(**show)
    for picker in (answer, similar):
        picker.select(_pressed, None, component, queue=False, **PRIVATE).success(**show)
    explained.select(components.chosen, None, attribute, queue=False, **PRIVATE).success(**show)
    matrix.select(_cell, None, [attribute, component], queue=False, **PRIVATE).success(**show)
    for samples in (least, most):
        asks(samples.select, sessions, lambda session, id: asked_with(session, id, None), state)
    for source in captions.values():
        asks(source.select, sessions, _caption, state)
    controls = [state.model, category, component, leave_out, attribute, wrong]
    refresh = Listener(show["fn"], show["inputs"], show["outputs"], READING)
    return Tab("sub-features", "Sub-features", controls, partial(restore, sessions), refresh)


# ---- what is shown ----


def _view(
    sessions: Sessions,
    model: str,
    asked: QueryResult | None,
    category: str | None,
    component: int | None,
    leave_out: float,
    attribute: str | None,
    measure: str,
) -> list[Any]:
    session = sessions.get(model)
    category = category if category in session.categories else ALL
    count = session.model.config.components
    component = component if isinstance(component, int) and 1 <= component <= count else 1
    findings = Findings(session)
    where = link(
        "sub-features", model=session.name if session.name != sessions.default else "", category=category,
        component=component,
        leave_out="" if abs(leave_out - LEAVE_OUT) < 1e-6 else f"{leave_out:g}", attribute=attribute,
    )  # fmt: skip
    return [
        findings.notice,
        _category(session, category),
        _component(session, component),
        _tracked(findings, attribute, component),
        *_samples(session, category, component, leave_out),
        _histogram(session, asked, category, component, leave_out),
        findings.part(
            "attributes", partial(study.explained, component=component), study.draw_explained, study.say_explained,
            wording.EXPLAINED_TITLE, "explained", clickable=True,
        ),
        findings.part(
            "interventions", partial(study.moved, component=component), study.draw_moved, study.say_moved,
            wording.MOVED_TITLE, "moved",
        ),
        _similar(findings, component),
        _matrix(findings, measure, component, attribute or ""),
        *(_captions(findings, *key) for key in wording.CAPTIONS_OF),
        link_to(where),
    ]  # fmt: skip


def _tracked(findings: Findings, attribute: str | None, component: int) -> str:
    """The answer to "which component tracks this?": a sentence, and the best as cards."""
    if not attribute:
        return NOTHING
    name = wording.ATTRIBUTES.get(attribute, attribute)
    table, reason = findings.table("tracking")
    if table is None:
        return dealt([], question=reason) if reason else NOTHING
    part = study.ranked(table, attribute)
    shown = part.head(BEST)
    found = [
        Card(
            str(r.component),
            text=wording.TRACKED_CARD.format(component=r.component, dot=" ●" if r.tracked else ""),
            note=wording.TRACKED_CARD_NOTE.format(delta=r.delta, next_delta=r.next_delta, share=100 * r.eta2),
            mark=r.component == component,
        )
        for r in shown.itertuples()
    ]
    return dealt(
        found, f"{wording.WHICH_TRACKS.removesuffix(' …?')} {name}?", study.say_ranked(part, attribute),
        note=f"{wording.TRACKS_NOTE} {wording.TRACKS_QUESTION}", table=part,
        name=f"{findings.session.name}-{attribute}",
    )  # fmt: skip


def _samples(session: Session, category: str, component: int, leave_out: float) -> tuple[str, str]:
    table = top_bottom(session.index, category or None, component, leave_out)
    without = wording.WITHOUT.format(share=100 * leave_out) if leave_out else ""
    said = wording.SHOWN_OF.format(category=category or wording.ALL, without=without)
    shown = []
    for end, title in (("lowest", wording.LEAST), ("highest", wording.MOST)):
        part = table[table.end == end]
        found = [
            components.picture(session, r.id, wording.CAPTION_NOTE.format(value=r.value)) for r in part.itertuples()
        ]
        name = f"{session.name}-component-{component}-{end}"
        shown.append(
            dealt(
                found, title.format(count=len(part), component=component), said, wording.NO_SAMPLES,
                table=part, name=name,
            )
        )  # fmt: skip
    return shown[0], shown[1]


def _histogram(session: Session, asked: QueryResult | None, category: str, component: int, leave_out: float) -> str:
    table = levels(session.index, component, category or None, leave_out)
    known = asked is not None and asked.model == session.name
    found = study.marks(asked.query, component) if known and asked else None
    return drawn(
        study.draw_histogram(table, found["picture"] if found else None), title=wording.HISTOGRAM_TITLE,
        sentence=study.say_histogram(table, found), table=table, name=f"{session.name}-component-{component}",
        elem_id="histogram",
    )  # fmt: skip


def _similar(findings: Findings, component: int) -> str:
    table, reason = findings.table("similar")
    if table is None:
        return dealt([], wording.SIMILAR_TITLE, reason) if reason else NOTHING
    part = study.alike(table, component)
    found = [
        Card(
            str(r.other), text=wording.TRACKED_CARD.format(component=r.other, dot=""),
            note=wording.SIMILAR_NOTE.format(value=r.correlation),
        )
        for r in part.itertuples()
    ]  # fmt: skip
    return dealt(found, wording.SIMILAR_TITLE, wording.SIMILAR_QUESTION, wording.SIMILAR_EMPTY)


def _matrix(findings: Findings, measure: str, component: int, attribute: str) -> str:
    return findings.part(
        "tracking", lambda table: table,
        lambda table: study.draw_matrix(table, measure, component, attribute), study.say_matrix,
        wording.MATRIX_TITLE, "matrix", wording.MATRIX_QUESTION, clickable=True,
    )  # fmt: skip


def _captions(findings: Findings, source: str, end: str) -> str:
    title = wording.CAPTIONS_OF[source, end]
    table, reason = findings.table("captions")
    if table is None:
        return dealt([], title, reason) if reason else NOTHING
    part = table[(table.source == source) & (table.end == end)]
    found = [
        Card(f"{source}:{end}:{n}", text=f"“{r.text}”", note=wording.CAPTION_NOTE.format(value=r.value))
        for n, r in enumerate(part.itertuples())
    ]
    name = f"{findings.session.name}-captions-{source}-{end}"
    return dealt(found, title, wording.CAPTIONS_QUESTION, table=part, name=name)


# ---- what is chosen ----


def _best(sessions: Sessions, model: str, attribute: str | None, component: int) -> int:
    """The component that tracks the attribute best; the same as before where none does."""
    table, _ = Findings(sessions.get(model)).table("tracking")
    part = study.ranked(table, attribute or "") if table is not None else None
    return int(part.component[0]) if part is not None and part.tracked.any() else component


def _stepping(sessions: Sessions, step: Callable[[int, int], int]) -> Callable[..., int]:
    def stepped(model: str, component: int) -> int:
        return step(component, sessions.get(model).model.config.components)

    return told(stepped)


def _previous(component: int, count: int) -> int:
    return (component - 2) % count + 1


def _next(component: int, count: int) -> int:
    return component % count + 1


def _random(component: int, count: int) -> int:
    return random.choice([c for c in range(1, count + 1) if c != component] or [component])


def _pressed(event: gr.EventData) -> int:
    return int(event.id)


def _cell(event: gr.EventData) -> tuple[str, int]:
    attribute, component = str(event.id).split(":")
    return attribute, int(component)


def _caption(session: Session, id: str) -> list[Any]:
    """The caption, with the picture it was written for where this gallery has it.

    Raises QueryError when the captions are gone.
    """
    table, reason = Findings(session).table("captions")
    source, end, place = id.split(":")
    if table is None:
        raise QueryError(reason)
    row = table[(table.source == source) & (table.end == end)].iloc[int(place)]
    return asked_with(session, row.id if row.id in session.index.ids else None, row.text)


# ---- small parts ----


def _category_of(session: Session, value: str) -> dict[str, Any]:
    choices = [(wording.ALL, ALL), *((name, name) for name in session.categories)]
    return {"choices": choices, "value": value, "visible": bool(session.categories)}


def _component_of(session: Session, value: int) -> dict[str, Any]:
    return {"choices": list(range(1, session.model.config.components + 1)), "value": value}


def _category(session: Session, value: str) -> Any:
    return gr.update(**_category_of(session, value))


def _component(session: Session, value: int) -> Any:
    return gr.update(**_component_of(session, value))


def _share(value: str) -> tuple[float, str]:
    try:
        share = float(value) if value else LEAVE_OUT
        if 0 <= share <= MOST_LEFT_OUT:
            return share, ""
    except ValueError:
        pass
    return LEAVE_OUT, wording.LINK_SHARE.format(value=html.escape(value[:40]))
