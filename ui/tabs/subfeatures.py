"""The Sub-features tab: what one component answers to, and which component answers to an attribute. It only wires."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr
import pandas as pd

from analysis import component as study
from analysis.session import Session, Sessions
from analysis.top_bottom import LEAVE_OUT, levels, top_bottom
from ui.components import NOTHING, Card, cards, cards_value, figure, picture_card, pressed, table_figure
from ui.html import text, texts
from ui.navigation import READING, Parameters, on_press_ask, view_link
from ui.requests import safely
from ui.state import AT_ONCE, Listener, QueryResult, State, Tab, categories, numbers
from ui.studies import NotMeasured, Studies

QUESTIONS = texts("questions")
MOST_LEFT_OUT = 0.9
BEST = 6  # components shown for an attribute; the table has all
LABELS = {"sleeve": "sleeve length"}  # of attributes whose name says too little
WHICH_TRACKS = "Which sub-feature tracks …?"
HISTOGRAM = "Where the gallery and the current query stand"
ATTRIBUTES = "The attributes that explain it"
REMOVALS = "What removing an attribute does to it"
SIMILAR = "Similar components"
MATRIX = "All components and attributes"
CAPTIONS = {  # view -> source and end of the study, title
    "captions-words-lowest": ("words", "lowest", "Clearest words (lowest σ²ₜ)"),
    "captions-words-highest": ("words", "highest", "Vaguest words (highest σ²ₜ)"),
    "captions-fit-lowest": ("fit", "lowest", "Best fit of words and picture (lowest σ²ₘ)"),
    "captions-fit-highest": ("fit", "highest", "Worst fit of words and picture (highest σ²ₘ)"),
}
STEPS: dict[str, Callable[[int, int], int]] = {  # button -> the component that follows one of so many
    "◂ previous": lambda component, count: (component - 2) % count + 1,
    "next ▸": lambda component, count: component % count + 1,
    "random": lambda component, count: random.choice([c for c in range(1, count + 1) if c != component] or [component]),
}


@dataclass(frozen=True)
class Choice:
    """What the controls say, as far as it exists for the model."""

    category: str  # empty for all
    component: int  # from 1
    leave_out: float = LEAVE_OUT  # share of the pictures, the most uncertain overall
    attribute: str = ""
    measure: str = "delta"  # of the matrix

    @staticmethod
    def of(
        session: Session, category: str | None, component: int | None, leave_out: float, attribute: str | None,
        measure: str,
    ) -> Choice:  # fmt: skip
        return Choice(
            category if category in session.categories else "",
            component if component and component <= session.model.config.components else 1,
            leave_out, attribute or "", measure,
        )  # fmt: skip


def build(sessions: Sessions, state: State) -> Tab:
    """The tab's components and events."""
    session = sessions.get()
    wrong = gr.HTML(elem_id="subfeatures-notice", elem_classes="hug-wrong")
    views: dict[str, gr.HTML] = {"missing": gr.HTML(elem_id="subfeatures-missing", elem_classes="hug-wrong")}
    gr.Markdown(text("subfeatures"))
    attribute = gr.Radio(label=WHICH_TRACKS, elem_id="attribute", **_attributes(session, ""))
    views["tracked"] = cards("tracked", WHICH_TRACKS)
    with gr.Row(elem_classes="hug-controls"):
        category = gr.Radio(label="Category", elem_id="shown-category", min_width=380, **categories(session))
        state.component.render()
        with gr.Row(elem_classes="hug-steps"):
            steps = {name: gr.Button(name, size="sm", min_width=60) for name in STEPS}
        leave_out = gr.Slider(
            0, MOST_LEFT_OUT, LEAVE_OUT, step=0.05, label="Leave out the most uncertain (share)", elem_id="left-out",
            min_width=220,
        )  # fmt: skip
    views |= {"least": cards("least", "Most certain"), "most": cards("most", "Least certain")}
    with gr.Row(elem_classes="hug-beside"):
        views |= {"histogram": figure("histogram", HISTOGRAM), "similar": cards("similar", SIMILAR)}
    with gr.Row(elem_classes="hug-beside"):
        views |= {"attributes": figure("explained", ATTRIBUTES), "removals": figure("moved", REMOVALS)}
    measures = [("what removing it does", "delta"), ("what it explains (η²)", "eta2")]
    measure = gr.Radio(measures, value="delta", label="In the matrix", elem_id="measure")
    views["matrix"] = figure("matrix", MATRIX)
    with gr.Accordion("Words: the captions with the lowest and highest uncertainty", open=False):
        views |= {name: cards(name, title) for name, (_, _, title) in CAPTIONS.items()}
    views["link"] = gr.HTML(elem_id="subfeatures-link")
    selections = [category, state.component, attribute]

    def refresh(model: str, result: QueryResult, *choices: Any) -> dict[Any, Any]:
        session = sessions.get(model)
        choice = Choice.of(session, *choices)
        shown = {views[name]: value for name, value in values(sessions, session, result, choice).items()}
        return shown | dict(zip(selections, select(session, choice), strict=True))

    inputs = [state.model, state.result, category, state.component, leave_out, attribute, measure]
    show = dict(fn=safely(refresh), inputs=inputs, outputs=[*selections, *views.values()], **READING)
    for event in (category.input, state.component.input, leave_out.release, measure.input):
        event(lambda: "", None, wrong, **AT_ONCE).then(**show)
    _wire_components(sessions, state, attribute, wrong, steps, show)
    _wire_views(sessions, state, views, attribute, show)
    controls = [state.model, *selections, leave_out, wrong]
    return Tab("sub-features", "Sub-features", controls, partial(restore, sessions), show)


def select(session: Session, choice: Choice) -> list[Any]:
    """Updates of the lists of categories, components and attributes."""
    return [
        gr.update(**categories(session, choice.category)),
        gr.update(choices=numbers(session), value=choice.component),
        gr.update(**_attributes(session, choice.attribute)),
    ]


def restore(sessions: Sessions, params: Mapping[str, str]) -> list[Any]:
    """A link's model, category, component, attribute and share, and the notice."""
    session, link = sessions.get(params.get("model") or None), Parameters(params)
    category = link.choice("category", session.categories)
    component = int(link.choice("component", [str(number) for _, number in numbers(session)], "1"))
    attribute = link.choice("attribute", attributes(session))
    leave_out = link.share("leave_out", MOST_LEFT_OUT, LEAVE_OUT)
    if not params.get("component"):
        component = best(session, attribute, component)
    choice = Choice(category, component, leave_out, attribute)
    return [session.name, *select(session, choice), leave_out, link.notice]


def _wire_components(
    sessions: Sessions, state: State, attribute: gr.Radio, wrong: gr.HTML, steps: dict[str, gr.Button], show: Listener
) -> None:
    """An attribute goes to the component that tracks it best, a step to a neighbour."""

    def go_to_best(model: str, name: str | None, component: int) -> dict[Any, Any]:
        return {state.component: best(sessions.get(model), name or "", component), wrong: ""}

    def go(step: str, model: str, component: int) -> int:
        return STEPS[step](component, sessions.get(model).model.config.components)

    inputs = [state.model, attribute, state.component]
    attribute.input(safely(go_to_best), inputs, [state.component, wrong], **READING).success(**show)
    inputs = [state.model, state.component]
    for name, button in steps.items():
        button.click(safely(partial(go, name)), inputs, state.component, **READING).success(**show)


def _wire_views(
    sessions: Sessions, state: State, views: Mapping[str, gr.HTML], attribute: gr.Radio, show: Listener
) -> None:
    def open_component(event: gr.EventData) -> int:
        return int(pressed(event))

    def open_cell(event: gr.EventData) -> tuple[str, int]:
        name, component = str(pressed(event)).split(":")
        return name, int(component)

    for name, fn, target in (
        ("tracked", open_component, state.component), ("similar", open_component, state.component),
        ("attributes", pressed, attribute), ("matrix", open_cell, [attribute, state.component]),
    ):  # fmt: skip
        views[name].select(fn, None, target, **AT_ONCE).success(**show)
    for name in ("least", "most"):
        on_press_ask(views[name].select, sessions, state, lambda session, id: (id, None))
    for name in CAPTIONS:
        on_press_ask(views[name].select, sessions, state, caption)


def values(sessions: Sessions, session: Session, result: QueryResult, choice: Choice) -> dict[str, str]:
    """What each view shows, by its name."""
    studies, component = Studies(session), choice.component
    least, most = samples(session, choice)
    return {
        "missing": studies.notice,
        "tracked": tracked(studies, choice),
        "least": least,
        "most": most,
        "histogram": histogram(session, result, choice),
        "similar": similar(studies, component),
        "attributes": studies.part(
            "attributes", partial(study.attributes_of, component=component), study.draw_attributes,
            study.say_attributes, title=ATTRIBUTES, elem_id="explained", clickable=True,
        ),
        "removals": studies.part(
            "interventions", partial(study.removals_of, component=component), study.draw_removals,
            study.say_removals, title=REMOVALS, elem_id="moved",
        ),
        "matrix": studies.part(
            "tracking", lambda table: table,
            partial(study.draw_matrix, measure=choice.measure, component=component, attribute=choice.attribute),
            study.say_matrix, title=MATRIX, elem_id="matrix", clickable=True,
            question=QUESTIONS["matrix"],
        ),
        **{view: captions(studies, *caption) for view, caption in CAPTIONS.items()},
        "link": view_link(
            sessions, session, "sub-features", category=choice.category, component=component,
            leave_out="" if abs(choice.leave_out - LEAVE_OUT) < 1e-6 else f"{choice.leave_out:g}",
            attribute=choice.attribute,
        ),
    }  # fmt: skip


def tracked(studies: Studies, choice: Choice) -> str:
    """The answer to "which component tracks this?": a sentence, and the best as cards."""
    if not choice.attribute:
        return NOTHING
    title = f"Which sub-feature tracks {LABELS.get(choice.attribute, choice.attribute)}?"

    def value(table: pd.DataFrame) -> str:
        part = study.trackers(table, choice.attribute)
        items = [
            Card(
                str(r.component), text=f"component {r.component}{' ●' if r.tracked else ''}",
                note=f"removed {r.delta:+.2f}, next aspect {r.next_delta:+.2f}; explains {100 * r.eta2:.0f} %",
                mark=r.component == choice.component,
            )
            for r in part.head(BEST).itertuples()
        ]  # fmt: skip
        sentence, files = study.say_trackers(part, choice.attribute), f"{studies.session.name}-{choice.attribute}"
        return cards_value(items, title, sentence, note=QUESTIONS["tracked"], table=part, name=files)

    return studies.value("tracking", value, title)


def samples(session: Session, choice: Choice) -> list[str]:
    """The most and the least certain pictures of the component."""
    table = top_bottom(session.index, choice.category or None, choice.component, choice.leave_out)
    without = f", without the {100 * choice.leave_out:.0f} % most uncertain overall" if choice.leave_out else ""
    question = f"Of {choice.category or 'all'} pictures{without}. Press one to ask a query with it."
    empty, views = "No picture is left: choose another category or leave out fewer.", []
    for end, which in (("lowest", "most certain"), ("highest", "least certain")):
        part = table[table.end == end]
        items = [picture_card(session, r.id, f"variance {r.value:#.3g}") for r in part.itertuples()]
        title = f"{len(part)} {which} in component {choice.component}"
        files = f"{session.name}-component-{choice.component}-{end}"
        views.append(cards_value(items, title, question, empty, table=part, name=files))
    return views


def histogram(session: Session, result: QueryResult, choice: Choice) -> str:
    table = levels(session.index, choice.component, choice.category or None, choice.leave_out)
    query = study.variances(result.trace.query, choice.component) if result.request.model == session.name else None
    return table_figure(
        table, partial(study.draw_histogram, mark=query["picture"] if query else None),
        partial(study.say_histogram, query=query), title=HISTOGRAM, name=f"{session.name}-component-{choice.component}",
        elem_id="histogram",
    )  # fmt: skip


def similar(studies: Studies, component: int) -> str:
    def value(table: pd.DataFrame) -> str:
        items = [
            Card(str(r.other), text=f"component {r.other}", note=f"correlation {r.correlation:.2f}")
            for r in table[table.component == component].itertuples()
        ]
        return cards_value(items, SIMILAR, QUESTIONS["similar"], "No component is like this one.")

    return studies.value("similar", value, SIMILAR)


def captions(studies: Studies, source: str, end: str, title: str) -> str:
    def value(table: pd.DataFrame) -> str:
        part = table[(table.source == source) & (table.end == end)]
        items = [
            Card(f"{source}:{end}:{n}", text=f"“{r.text}”", note=f"variance {r.value:#.3g}")
            for n, r in enumerate(part.itertuples())
        ]
        files = f"{studies.session.name}-captions-{source}-{end}"
        return cards_value(items, title, QUESTIONS["captions"], table=part, name=files)

    return studies.value("captions", value, title)


def caption(session: Session, key: str) -> tuple[str | None, str | None]:
    """The picture that the caption was written for, where this gallery has it, and the caption.

    Raises QueryError when the captions are gone.
    """
    source, end, place = key.split(":")
    table = Studies(session).table("captions")
    row = table[(table.source == source) & (table.end == end)].iloc[int(place)]
    return row.id if row.id in session.index.ids else None, row.text


def attributes(session: Session) -> list[str]:
    """Attributes for which it was measured who tracks them."""
    try:
        return list(dict.fromkeys(Studies(session).table("tracking").attribute))
    except NotMeasured:
        return []


def best(session: Session, attribute: str, default: int) -> int:
    """The component that tracks the attribute best; the default where none does."""
    if attribute not in attributes(session):
        return default
    part = study.trackers(Studies(session).table("tracking"), attribute)
    return int(part.component[0]) if part.tracked.any() else default


def _attributes(session: Session, value: str) -> dict[str, Any]:
    names = attributes(session)
    choices = [(LABELS.get(name, name), name) for name in names]
    return {"choices": choices, "value": value or None, "visible": bool(names)}
