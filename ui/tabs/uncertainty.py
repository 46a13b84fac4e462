"""The Uncertainty tab: samples from certain to uncertain, and how far the uncertainty can be trusted. It only wires."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr
import pandas as pd
from markupsafe import Markup

from analysis import query as split
from analysis.plots import LABELS
from analysis.registry import STUDIES
from analysis.session import Session, Sessions
from ui.answer import TEXTS, VERDICTS
from ui.components import NOTHING, Card, cards, cards_value, figure, figure_value, message, picture_card
from ui.html import texts
from ui.navigation import Parameters, in_order, on_press_ask, on_press_open, view_link
from ui.requests import safely
from ui.state import QueryResult, State, Tab
from ui.studies import Studies

IN_SIGHT = (("recall_by_bin", "risk_coverage"), ("reliability", "coordination"), ("severity",))  # row by row
ELSEWHERE = (  # drawn as cards here, or in other tabs
    "samples", "coordination_examples", "interventions", "tracking", "attributes", "similar", "captions", "map"
)  # fmt: skip
FIGURES = [name for row in IN_SIGHT for name in row]
FIGURES += [name for name in STUDIES if name not in (*FIGURES, *ELSEWHERE)]
SIDES = {"target": "targets", "reference": "references", "words": "words", "fit": "fit of words and picture"}
QUESTIONS = texts("questions")
TITLES: dict[str, str] = QUESTIONS["uncertainty"]  # by elem_id
SAMPLES = 20  # of a side
LEAST_CERTAIN = 5  # components of the query's picture


def build(sessions: Sessions, state: State) -> Tab:
    """The tab's components and events."""
    wrong = gr.HTML(elem_id="uncertainty-notice", elem_classes="hug-wrong")
    views: dict[str, gr.HTML] = {"missing": gr.HTML(elem_id="uncertainty-missing", elem_classes="hug-wrong")}
    with gr.Row(elem_classes="hug-beside"):
        views |= {"query": figure("now", TITLES["now"]), "components": cards("least-certain", TITLES["least-certain"])}
    choices = [(label, name) for name, label in SIDES.items()]
    side = gr.Radio(choices, value="target", label="Samples of", elem_id="side")
    views["samples"] = cards("samples", TITLES["samples"])
    gr.Markdown("## Can the doubt be trusted?")
    for row in IN_SIGHT:
        with gr.Row(elem_classes="hug-beside"):
            views |= {name: figure(f"study-{name}", name) for name in row}
    views["pairs"] = cards("coordination-examples", TITLES["coordination-examples"], pairs=True)
    with gr.Accordion("More measurements", open=False):
        views |= {name: figure(f"study-{name}", name) for name in FIGURES if name not in views}
    views["about"] = gr.HTML(elem_id="uncertainty-about")
    for name in FIGURES:  # drawn and remembered before the first visitor waits for them
        Studies(sessions.get()).figure(name, f"study-{name}")

    def refresh(model: str, result: QueryResult, side: str) -> dict[Any, Any]:
        return {views[name]: value for name, value in values(sessions, model, result, side).items()}

    def pick(model: str, side: str) -> dict[Any, Any]:
        studies = Studies(sessions.get(model))
        return {views["samples"]: samples(studies, side), views["about"]: about(sessions, studies, side), wrong: ""}

    side.input(safely(pick), [state.model, side], [views["samples"], views["about"], wrong], **in_order("uncertainty"))
    on_press_ask(views["samples"].select, sessions, state)
    on_press_ask(views["pairs"].select, sessions, state)
    on_press_open(views["components"].select, state)
    inputs, outputs = [state.model, state.result, side], list(views.values())
    show = dict(fn=safely(refresh), inputs=inputs, outputs=outputs, **in_order("uncertainty"))
    return Tab("uncertainty", "Uncertainty", [state.model, side, wrong], partial(restore, sessions), show)


def restore(sessions: Sessions, params: Mapping[str, str]) -> list[Any]:
    """A link's model and side, and the notice."""
    link = Parameters(params, sessions)
    return [link.session.name, link.choice("side", list(SIDES), "target"), link.notice]


def values(sessions: Sessions, model: str, result: QueryResult, side: str) -> dict[str, str]:
    """What each view shows, by its name."""
    studies = Studies(sessions.get(model))
    return {
        "missing": studies.notice,
        "query": sources(studies.session, result),
        "components": components(studies.session, result),
        "samples": samples(studies, side),
        "pairs": pairs(studies),
        **{name: studies.figure(name, f"study-{name}") for name in FIGURES},
        "about": about(sessions, studies, side),
    }


def sources(session: Session, result: QueryResult) -> str:
    """Why the current query is uncertain: its sources among the validation queries."""
    if result.request.model != session.name:
        reason = f"The last query was asked of the model {result.request.model}: ask again with this one."
        return message(reason, TITLES["now"])
    table = split.split(result.trace)
    key = split.verdict(table, session.untrusted)
    sentences = []
    if key is not None or not session.calibration:  # else it is calibrated, but no source can be trusted
        sentences.append(TEXTS["uncalibrated"] if key is None else VERDICTS[key])
    if session.untrusted:
        names = ", ".join(LABELS[source] for source in session.untrusted)
        sentences.append(f"At chance or worse on the test split, so don't trust these: {names}.")
    sentences.append(f"Variances: {', '.join(f'{r.name} {r.variance:#.3g}' for r in table.itertuples())}.")
    words = f"“{result.trace.words}”" if result.trace.words else "no words, which is as vague as it gets"
    return figure_value(
        split.draw_split(table, session.untrusted) if table.percentile.notna().all() else None,
        title=TITLES["now"], question=f"{result.request.reference or 'your picture'}: {words}",
        sentence=" ".join(sentences), table=table, name="query", elem_id="now",
    )  # fmt: skip


def components(session: Session, result: QueryResult) -> str:
    """The components of the query's picture that are least certain against the gallery."""
    if result.request.model != session.name:
        return NOTHING
    table = split.gallery_percentiles(session.index, result.trace.query).head(LEAST_CERTAIN)
    items = [
        Card(str(r.component), text=f"component {r.component}", note=f"above {r.percentile:.0f} % of the gallery")
        for r in table.itertuples()
    ]
    return cards_value(items, TITLES["least-certain"], QUESTIONS["least-certain"])


def _spread(table: pd.DataFrame, side: str) -> pd.DataFrame:
    """At most `SAMPLES` rows of a side, evenly from the least to the most uncertain."""
    part = table[table.side == side].sort_values("place", kind="stable").reset_index(drop=True)
    if len(part) <= SAMPLES:
        return part
    return part.iloc[sorted({round(n * (len(part) - 1) / (SAMPLES - 1)) for n in range(SAMPLES)})]


def samples(studies: Studies, side: str) -> str:
    def draw(table: pd.DataFrame) -> str:
        items = []
        for r in _spread(table, side).itertuples():
            id, words = None if side == "words" else r.id, r.text if side in ("words", "fit") else None
            items.append(_card(studies.session, id, words, f"variance {r.value:#.3g}"))
        whole = table[table.side == side]
        return cards_value(
            items, TITLES["samples"], QUESTIONS["samples"], "There are none of this kind.",
            note=STUDIES["samples"].say(whole), table=whole, name=f"{studies.session.name}-samples-{side}",
        )  # fmt: skip

    return studies.value("samples", draw, TITLES["samples"])


def pairs(studies: Studies) -> str:
    def draw(table: pd.DataFrame) -> str:
        items = [
            _card(studies.session, id, r.text, note)
            for r in table.itertuples()
            for id, note in ((r.fits, f"fits: {r.var_fits:#.3g}"), (r.lacks, f"lacks it: {r.var_lacks:#.3g}"))
        ]
        question, files = QUESTIONS["coordination-examples"], f"{studies.session.name}-coordination"
        return cards_value(items, TITLES["coordination-examples"], question, table=table, name=files)

    return studies.value("coordination_examples", draw, TITLES["coordination-examples"])


def _card(session: Session, id: str | None, words: str | None, note: str) -> Card:
    """A card to ask with: a picture, words, or both."""
    card = picture_card(session, id) if id is not None else Card(None)
    return replace(card, text=card.text if words is None else f"“{words}”", note=note, words=words)


def about(sessions: Sessions, studies: Studies, side: str) -> Markup:
    return studies.about + view_link(sessions, studies.session, "uncertainty", side=side)
