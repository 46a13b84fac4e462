"""Components of one answer: variances, weights, and the two merges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr
import pandas as pd
import plotly.graph_objects as go

from ui import wording
from ui.answer import Answer
from ui.components import figure, figure_value
from ui.downloads import downloads, links

VARIANCES, WEIGHTS, MERGES, RESULTS = "hug-variances", "hug-weights", "hug-merges", "hug-results"  # file names


@dataclass(frozen=True)
class ComponentsPanel:
    outputs: list[Any]
    component: gr.HTML  # its `select` event has the number of a component as `id`

    @staticmethod
    def fresh(new: Answer) -> list[Any]:
        """Values for `outputs`."""
        variances, weights = new.figures
        return [
            pressable(variances),
            links(new.variances, VARIANCES, "variances"),
            weights,
            links(new.weights, WEIGHTS, "weights"),
            new.variances.round(5),
            new.weights.round(5),
            said(new.merges),
            links(new.merges, MERGES),
        ]


def build(first: Answer) -> ComponentsPanel:
    variances, weights = first.figures
    with gr.Accordion(wording.COMPONENTS, open=False, elem_id="components"):
        bars = figure("variances", wording.VARIANCES_TITLE, value=pressable(variances))
        bars_links = downloads(first.variances, VARIANCES, "variances")
        gr.Markdown(wording.WEIGHTS_TITLE)
        map_ = gr.Plot(weights, show_label=False, label=wording.WEIGHTS_TITLE, elem_id="weights")
        map_links = downloads(first.weights, WEIGHTS, "weights")
        gr.Markdown(wording.MERGES_TITLE)
        merges = gr.Markdown(said(first.merges), elem_id="merges")
        merges_links = downloads(first.merges, MERGES)
        with gr.Accordion(wording.AS_TABLE, open=False):
            tables = [
                gr.Dataframe(table.round(5), label=label, interactive=False, buttons=["copy"], max_height=320)
                for table, label in (
                    (first.variances, wording.VARIANCES_TITLE),
                    (first.weights, wording.WEIGHTS_TITLE),
                )
            ]
    return ComponentsPanel([bars, bars_links, map_, map_links, *tables, merges, merges_links], bars)


def pressable(variances: go.Figure) -> str:
    """The bars, each of which opens its sub-feature."""
    return figure_value(
        variances, wording.VARIANCES_TITLE,
        question=wording.VARIANCES_TITLE, sentence=wording.PRESS_A_BAR, clickable=True,
    )  # fmt: skip


def said(merges: pd.DataFrame) -> str:
    """Both merges in a sentence."""
    rows = merges.set_index("fusion")
    overall, dynamic = rows.overall, rows.loc["dynamic"]
    return wording.MERGES.format(
        dynamic=overall["dynamic"], static=overall["static"], least=dynamic.least, most=dynamic.most
    )
