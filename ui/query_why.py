"""Why this rank: two results' distances taken apart, and sub-features to ignore."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
import pandas as pd

from analysis import explain
from analysis.explain_figures import draw_parts
from analysis.session import QueryError, Session, Sessions
from hug.retrieval.trace import QueryTrace
from ui import wording
from ui.downloads import SAVE, links
from ui.markup import sentence
from ui.requests import told
from ui.state import MODEL_CALLS, PRIVATE, QueryResult, State

NAME = "hug-why"  # of the files


@dataclass(frozen=True)
class WhyPanel:
    first: gr.Dropdown
    second: gr.Dropdown
    shown: list[Any]  # sentence, pictures, figure, links, table

    @property
    def outputs(self) -> list[Any]:
        return [self.first, self.second, *self.shown]

    @staticmethod
    def fresh(session: Session, trace: QueryTrace, reference: Any) -> list[Any]:
        """Values for `outputs`: the first two results compared."""
        ids = trace.ranking.ids[0]
        first, second = (ids + ["", ""])[:2]
        drops = [gr.Dropdown(results_of(ids), value=id or None) for id in (first, second)]
        return [*drops, *compared(session, trace, first, second, reference)]


def compared(session: Session, trace: QueryTrace, first: str, second: str, reference: Any) -> list[Any]:
    """Sentence, pictures, figure, links and table for two results; fewer than two are said to be."""
    if not (first and second):
        said = wording.WHY_ALONE if first else wording.WHY_NONE
        return [sentence(said), [], None, "", None]
    table = explain.compare_parts(explain.rank_parts(trace), first, second)
    pictures = [(reference, wording.REFERENCE), *((str(session.thumbnail(id)), id) for id in (first, second))]
    return [
        sentence(explain.say_parts(table, first, second)),
        [pair for pair in pictures if pair[0] is not None],
        draw_parts(table, first, second),
        links(table, NAME, "why-figure"),
        table.round(5).rename(columns=wording.WHY_COLUMNS),
    ]


def build(session: Session, trace: QueryTrace, reference: Any) -> WhyPanel:
    """The panel, with the first two results compared."""
    ids = trace.ranking.ids[0]
    one, other = pair = (ids + ["", ""])[:2]
    said, pictures, figure, below, table = compared(session, trace, one, other, reference)
    with gr.Accordion(wording.WHY, open=False, elem_id="why"):
        gr.Markdown(wording.WHY_TEXT, elem_classes="hug-note")
        with gr.Row():
            drops = [
                gr.Dropdown(results_of(ids), value=id or None, label=label, min_width=140, elem_id=elem_id)
                for id, label, elem_id in zip(
                    pair, (wording.WHY_FIRST, wording.WHY_SECOND), ("why-first", "why-second"), strict=True
                )
            ]
        shown = [
            gr.HTML(said, elem_id="why-said"),
            gr.Gallery(
                pictures, label=wording.WHY_PICTURES, columns=3, height=190, object_fit="contain",
                interactive=False, buttons=[], allow_preview=False, elem_id="why-pictures",
            ),
            gr.Plot(figure, label=wording.WHY_TITLE, show_label=False, elem_id="why-figure"),
            gr.HTML(below, js_on_load=SAVE),
            gr.Dataframe(
                table, label=wording.WHY_TITLE, interactive=False, buttons=["copy"], max_height=300,
                elem_id="why-table",
            ),
        ]  # fmt: skip
    return WhyPanel(drops[0], drops[1], shown)


def results_of(ids: Sequence[str]) -> list[tuple[str, str]]:
    """Results to choose from, with their ranks."""
    return [(wording.WHY_CHOICE.format(rank=n, id=id), id) for n, id in enumerate(ids, 1)]


def wire(
    panel: WhyPanel, sessions: Sessions, state: State, results: gr.Gallery, ask: dict[str, Any]
) -> None:  # fmt: skip
    """A chosen or clicked result is explained; a clicked row ignores its sub-feature and asks again."""

    @told
    def explained(result: QueryResult, first: str | None, second: str | None) -> list[Any]:
        session = sessions.get(result.model)
        return compared(session, result.trace, first or "", second or "", result.thumbnail(session))

    @told
    def clicked(result: QueryResult, second: str | None, event: gr.SelectData) -> list[Any]:
        first = result.ids[event.index]
        second = second if second != first else next((id for id in result.ids if id != first), "")
        return [first, second, *explained(result, first, second)]

    @told
    def ignore(chosen: Sequence[int], table: pd.DataFrame, event: gr.SelectData) -> list[int]:
        component = int(event.row_value[0])
        if component == 0:
            raise QueryError(wording.BIAS_STAYS)
        return sorted({*chosen, component})

    calls = {**MODEL_CALLS, **PRIVATE}
    for drop in (panel.first, panel.second):
        drop.input(explained, [state.result, panel.first, panel.second], panel.shown, **calls)
    results.select(clicked, [state.result, panel.second], panel.outputs, **calls)
    table = panel.shown[-1]
    table.select(ignore, [state.ignored, table], state.ignored, **PRIVATE).success(**ask)
