"""The About tab: what the numbers mean, model and data cards, how to call the API, citation. It only wires."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from analysis import card
from analysis.workbench import Shelf, Workbench
from ui import about_wording as wording
from ui import tables
from ui.asking import told
from ui.crossing import READING, link, link_to
from ui.query import QueryTab
from ui.shared import Shared


@dataclass(frozen=True)
class AboutTab:
    """`show` refreshes the cards; a link sets only the model."""

    show: dict[str, Any]
    linked: list[Any]
    shelf: Shelf

    def opened(self, params: Mapping[str, str]) -> list[Any]:
        """Values for `linked`."""
        return [self.shelf.bench(params.get("model") or None).name]


def build(shelf: Shelf, shared: Shared, query: QueryTab) -> AboutTab:
    """The tab's components; only the cards change with the model."""
    gr.Markdown(wording.MEANS, elem_id="about-means")
    cards = gr.HTML(elem_id="about-cards")
    gr.Markdown(wording.API, elem_id="about-api")
    gr.Markdown(wording.CITE, elem_id="about-cite")
    fn = told(lambda model: shown(shelf.bench(model), shelf.default))
    return AboutTab({"fn": fn, "inputs": [shared.model], "outputs": [cards], **READING}, [shared.model], shelf)


def shown(bench: Workbench, default: str) -> str:
    """The cards as HTML, everything from a file escaped."""
    measures = card.measures(bench)
    rounded = measures.map(lambda v: f"{v:.3g}" if isinstance(v, float) and v == v else v)
    said = tables.rows(rounded) if len(measures) else f"<p>{html.escape(wording.UNMEASURED)}</p>"
    parts = (
        (wording.MODEL, tables.rows(card.model(bench))),
        (wording.DATA, tables.rows(card.data(bench))),
        (wording.MEASURES, said + tables.links(measures, f"{bench.name}-measures")),
    )
    body = "".join(f'<h2>{html.escape(title)}</h2><div class="hug-scroll">{table}</div>' for title, table in parts)
    where = link_to(link("about", model=bench.name if bench.name != default else ""))
    return f'<section class="hug-about">{body}{where}</section>'
