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
from analysis.component import LEAVE_OUT, levels, top_bottom
from analysis.query import variances
from analysis.session import Session, Sessions
from analysis.studies import tracking
from ui.components import NOTHING, Card, cards, cards_value, figure, picture_card, pressed, pressed_number, table_figure
from ui.html import text, texts
from ui.navigation import READING, Parameters, in_order, on_press_ask, view_link
from ui.requests import safely
from ui.state import AT_ONCE, Listener, QueryResult, State, Tab, categories, numbers, unless_chosen
from ui.studies import NotMeasured, Studies

QUESTIONS = texts("questions")
MOST_LEFT_OUT = 0.9
BEST = 6  # components shown for an attribute; the table has all
LABELS = {"sleeve": "sleeve length"}  # of attributes whose name says too little
TITLES: dict[str, str] = QUESTIONS["subfeatures"]  # by elem_id
CAPTIONS = [name for name in TITLES if name.startswith("captions-")]  # captions-source-end
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
    attribute = gr.Radio(label=TITLES["tracked"], elem_id="attribute", **_attributes(session, ""))
    views["tracked"] = cards("tracked", TITLES["tracked"])
    with gr.Row(elem_classes="hug-controls"):
        category = gr.Radio(label="Category", elem_id="shown-category", min_width=380, **categories(session))
        state.component.render()
        with gr.Row(elem_classes="hug-steps"):
            steps = {name: gr.Button(name, size="sm", min_width=60) for name in STEPS}
        leave_out = gr.Slider(
            0, MOST_LEFT_OUT, LEAVE_OUT, step=0.05, label="Leave out the most uncertain (share)", elem_id="left-out",
            min_width=220,
        )  # fmt: skip
    views |= {name: cards(name, TITLES[name]) for name in ("least", "most")}
    with gr.Row(elem_classes="hug-beside"):
        views |= {"histogram": figure("histogram", TITLES["histogram"]), "similar": cards("similar", TITLES["similar"])}
    with gr.Row(elem_classes="hug-beside"):
        views |= {name: figure(name, TITLES[name]) for name in ("attributes", "removals")}
    measures = [("what removing it does", "delta"), ("what it explains (η²)", "eta2")]
    measure = gr.Radio(measures, value="delta", label="In the matrix", elem_id="measure")
    views["matrix"] = figure("matrix", TITLES["matrix"])
    with gr.Accordion("Words: the captions with the lowest and highest uncertainty", open=False):
        views |= {name: cards(name, TITLES[name]) for name in CAPTIONS}
    views["link"] = gr.HTML(elem_id="subfeatures-link")
    selections = [category, state.component, attribute]

    def refresh(model: str, result: QueryResult, *choices: Any) -> dict[Any, Any]:
        session = sessions.get(model)
        choice, current = Choice.of(session, *choices), (choices[0], choices[1], choices[3])
        updates = dict[Any, Any](zip(selections, map(unless_chosen, select(session, choice), current), strict=True))
        return updates | {views[name]: value for name, value in values(sessions, session, result, choice).items()}

    inputs = [state.model, state.result, category, state.component, leave_out, attribute, measure]
    show = dict(fn=safely(refresh), inputs=inputs, outputs=[*selections, *views.values()], **in_order("sub-features"))
    for event in (category.input, state.component.input, leave_out.release, measure.input):
        event(lambda: "", None, wrong, **AT_ONCE).then(**show)
    _wire_components(sessions, state, attribute, wrong, steps, show)
    _wire_views(sessions, state, views, attribute, show)
    controls = [state.model, *selections, leave_out, wrong]
    return Tab("sub-features", "Sub-features", controls, partial(restore, sessions), show)


def select(session: Session, choice: Choice) -> list[dict[str, Any]]:
    """Updates of the lists of categories, components and attributes."""
    return [
        categories(session, choice.category),
        {"choices": numbers(session), "value": choice.component},
        _attributes(session, choice.attribute),
    ]


def restore(sessions: Sessions, params: Mapping[str, str]) -> list[Any]:
    """A link's model, category, component, attribute and share, and the notice."""
    link = Parameters(params, sessions)
    session = link.session
    category = link.choice("category", session.categories)
    component = int(link.choice("component", [str(number) for _, number in numbers(session)], "1"))
    attribute = link.choice("attribute", attributes(session))
    leave_out = link.share("leave_out", MOST_LEFT_OUT, LEAVE_OUT)
    if not params.get("component"):
        component = best(session, attribute, component)
    choice = Choice(category, component, leave_out, attribute)
    return [session.name, *(gr.update(**update) for update in select(session, choice)), leave_out, link.notice]


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
    def open_cell(event: gr.EventData) -> tuple[str, int]:
        name, component = str(pressed(event)).split(":")
        return name, int(component)

    for name, fn, target in (
        ("tracked", pressed_number, state.component), ("similar", pressed_number, state.component),
        ("attributes", pressed, attribute), ("matrix", open_cell, [attribute, state.component]),
    ):  # fmt: skip
        views[name].select(fn, None, target, **AT_ONCE).success(**show)
    for name in ("least", "most", *CAPTIONS):
        on_press_ask(views[name].select, sessions, state)


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
            study.say_attributes, title=TITLES["attributes"], elem_id="attributes", clickable=True,
        ),
        "removals": studies.part(
            "interventions", partial(study.removals_of, component=component), study.draw_removals,
            study.say_removals, title=TITLES["removals"], elem_id="removals",
        ),
        "matrix": studies.part(
            "tracking", lambda table: table,
            partial(study.draw_matrix, measure=choice.measure, component=component, attribute=choice.attribute),
            tracking.say, title=TITLES["matrix"], elem_id="matrix", clickable=True, question=QUESTIONS["matrix"],
        ),
        **{view: captions(studies, view) for view in CAPTIONS},
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
    own = result.request.model == session.name
    query = variances(result.trace).set_index("component").loc[choice.component].to_dict() if own else None
    draw = partial(study.draw_histogram, mark=query["picture"] if query else None)
    say = partial(study.say_histogram, query=query)
    files = f"{session.name}-component-{choice.component}"
    return table_figure(table, draw, say, title=TITLES["histogram"], name=files, elem_id="histogram")


def similar(studies: Studies, component: int) -> str:
    def value(table: pd.DataFrame) -> str:
        items = [
            Card(str(r.other), text=f"component {r.other}", note=f"correlation {r.correlation:.2f}")
            for r in table[table.component == component].itertuples()
        ]
        return cards_value(items, TITLES["similar"], QUESTIONS["similar"], "No component is like this one.")

    return studies.value("similar", value, TITLES["similar"])


def captions(studies: Studies, view: str) -> str:
    """A press asks with the caption, and with its picture where this gallery has it."""
    (_, source, end), ids = view.split("-"), studies.session.index.ids

    def value(table: pd.DataFrame) -> str:
        part = table[(table.source == source) & (table.end == end)]
        items = [
            Card(r.id if r.id in ids else None, text=f"“{r.text}”", note=f"variance {r.value:#.3g}", words=r.text)
            for r in part.itertuples()
        ]
        files = f"{studies.session.name}-{view}"
        return cards_value(items, TITLES[view], QUESTIONS["captions"], table=part, name=files)

    return studies.value("captions", value, TITLES[view])


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
