"""The About tab: what the numbers mean, model and data cards, how to call the API, citation. It only wires."""

from __future__ import annotations

import html

import gradio as gr

from analysis import model_card
from analysis.session import Session, Sessions
from ui import about_wording as wording
from ui import tables
from ui.crossing import READING, link, link_to
from ui.requests import told
from ui.state import Listener, State, Tab


def build(sessions: Sessions, state: State) -> Tab:
    """The tab's components; only the cards change with the model."""
    gr.Markdown(wording.MEANS, elem_id="about-means")
    cards = gr.HTML(elem_id="about-cards")
    gr.Markdown(wording.API, elem_id="about-api")
    gr.Markdown(wording.CITE, elem_id="about-cite")
    fn = told(lambda model: shown(sessions.get(model), sessions.default))
    refresh = Listener(fn, [state.model], [cards], READING)
    return Tab("about", "About", [state.model], lambda p: [sessions.get(p.get("model") or None).name], refresh)


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
