"""The About tab: what the numbers mean, model and data cards, how to call the API, citation. It only wires."""

from functools import partial

import gradio as gr
from markupsafe import Markup

from analysis import model_card
from analysis.session import Sessions
from ui.components import ASSETS, downloads, rows
from ui.html import render, text
from ui.navigation import Parameters, in_order, view_link
from ui.requests import safely
from ui.state import State, Tab


def build(sessions: Sessions, state: State) -> Tab:
    """The tab's components; only the cards change with the model."""
    gr.Markdown(text("about"), elem_id="about-means")
    cards = gr.HTML(elem_id="about-cards")
    gr.Markdown(text("api"), elem_id="about-api")
    citation = (ASSETS / "citation.bib").read_text()
    gr.Markdown(f"{text('citation')}\n\n```bibtex\n{citation}```", elem_id="about-cite")
    refresh = dict(
        fn=safely(partial(model_cards, sessions)), inputs=[state.model], outputs=[cards], **in_order("about")
    )
    return Tab("about", "About", [state.model], lambda params: [Parameters(params, sessions).session.name], refresh)


def model_cards(sessions: Sessions, model: str) -> Markup:
    """The cards of a model as HTML."""
    session = sessions.get(model)
    measures = model_card.measures(session)
    return render(
        "model_cards", model=rows(model_card.model(session)), data=rows(model_card.data(session)),
        measures=rows(measures.map(_rounded)) if len(measures) else "",
        downloads=downloads(measures, f"{session.name}-measures"),
        link=view_link(sessions, session, "about"),
    )  # fmt: skip


def _rounded(value: object) -> object:
    return f"{value:.3g}" if isinstance(value, float) and value == value else value
