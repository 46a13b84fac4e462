"""The About tab: what the numbers mean, model and data cards, how to call the API, citation. It only wires."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from analysis import model_card
from analysis.session import Session, Sessions
from ui import about_wording as wording
from ui import tables
from ui.crossing import READING, link, link_to
from ui.requests import told
from ui.state import Shared
from ui.tabs.query import QueryTab


@dataclass(frozen=True)
class AboutTab:
    """`show` refreshes the cards; a link sets only the model."""

    show: dict[str, Any]
    linked: list[Any]
    sessions: Sessions

    def opened(self, params: Mapping[str, str]) -> list[Any]:
        """Values for `linked`."""
        return [self.sessions.get(params.get("model") or None).name]


def build(sessions: Sessions, shared: Shared, query: QueryTab) -> AboutTab:
    """The tab's components; only the cards change with the model."""
    gr.Markdown(wording.MEANS, elem_id="about-means")
    cards = gr.HTML(elem_id="about-cards")
    gr.Markdown(wording.API, elem_id="about-api")
    gr.Markdown(wording.CITE, elem_id="about-cite")
    fn = told(lambda model: shown(sessions.get(model), sessions.default))
    return AboutTab({"fn": fn, "inputs": [shared.model], "outputs": [cards], **READING}, [shared.model], sessions)


def shown(session: Session, default: str) -> str:
    """The cards as HTML, everything from a file escaped."""
    measures = model_card.measures(session)
    rounded = measures.map(lambda v: f"{v:.3g}" if isinstance(v, float) and v == v else v)
    said = tables.rows(rounded) if len(measures) else f"<p>{html.escape(wording.UNMEASURED)}</p>"
    parts = (
        (wording.MODEL, tables.rows(model_card.model(session))),
        (wording.DATA, tables.rows(model_card.data(session))),
        (wording.MEASURES, said + tables.links(measures, f"{session.name}-measures")),
    )
    body = "".join(f'<h2>{html.escape(title)}</h2><div class="hug-scroll">{table}</div>' for title, table in parts)
    where = link_to(link("about", model=session.name if session.name != default else ""))
    return f'<section class="hug-about">{body}{where}</section>'
