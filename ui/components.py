"""Figures one can click and cards one can press: HTML components that report an id.

Both are keyboard accessible alternatives of each other: next to every figure stands a control that does the same.
plotly.js comes from the installed Python package, so the page works with no network and draws what Python wrote.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import pandas as pd
import plotly
import plotly.graph_objects as go
from gradio.route_utils import API_PREFIX

from analysis.session import Session
from ui.tables import folded

ASSETS = Path(__file__).parents[1] / "assets"
PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
FIGURE = (
    '<section class="hug-figure"><div class="hug-before"></div><div class="hug-frame">'
    '<div class="hug-plot" role="img"></div>'
    '<div class="hug-look" hidden><img alt=""><span></span></div></div><div class="hug-after"></div></section>'
)
CARDS = (
    '<section class="hug-cards-of"><div class="hug-before"></div><div class="hug-cards"></div>'
    '<div class="hug-after"></div></section>'
)
NOTHING = ""  # the value of a figure or of cards that takes no place


@dataclass(frozen=True)
class Card:
    """A picture or a sentence to choose."""

    id: str  # what a press reports
    source: str = ""  # address of the picture
    text: str = ""
    note: str = ""  # a line below
    alt: str = ""
    title: str = ""
    mark: bool = False  # the one shown now


def address(path: Path) -> str:
    """Where the page finds a file of a static folder, relative to the page, so that it works behind any proxy."""
    return f"{API_PREFIX.lstrip('/')}/file={path.resolve().as_posix()}"


def head() -> str:
    """What the page's head needs for figures."""
    gr.set_static_paths([PLOTLY])
    return f'<script data-plotly="{address(PLOTLY)}">{(ASSETS / "page.js").read_text()}</script>'


def figure(
    elem_id: str, label: str, look: Callable[[list[str]], str] | None = None, value: str | None = None
) -> gr.HTML:
    """A place for a figure; its `select` event has `id`, the customdata of the clicked point. `value` is of `drawn`.

    `look`, named so, gives for [model, id] the address of the picture to show beside the pointer.
    """
    return gr.HTML(
        value,
        label=label,
        html_template=FIGURE,
        js_on_load=(ASSETS / "figure.js").read_text(),
        server_functions=[look] if look else None,
        elem_id=elem_id,
        apply_default_css=False,
    )


def cards(elem_id: str, label: str, pairs: bool = False) -> gr.HTML:
    """A place for cards; its `select` event has `id`, that of the pressed one. `pairs` stay side by side."""
    return gr.HTML(
        label=label,
        html_template=CARDS,
        js_on_load=(ASSETS / "cards.js").read_text(),
        elem_id=elem_id,
        elem_classes="hug-pairs" if pairs else None,
        apply_default_css=False,
    )


def drawn(
    figure: go.Figure | None,
    alt: str = "",
    *,
    title: str = "",
    question: str = "",
    sentence: str = "",
    table: pd.DataFrame | None = None,
    name: str = "table",
    elem_id: str | None = None,
    clickable: bool = False,
    tools: bool = False,
    model: str = "",
) -> str:
    """The value of a `figure`: title and question above it, the sentence and the table below. All of it escaped.

    `name` is that of the files to keep; with the `elem_id` of the component the figure can be kept too.
    """
    before = (f"<h3>{html.escape(title)}</h3>" if title else "") + _paragraph(question, "hug-question")
    after = _paragraph(sentence, "hug-say") + ("" if table is None else folded(table, name, elem_id))
    return _json(
        {
            "before": before,
            "figure": None if figure is None else json.loads(figure.to_json()),
            "alt": alt or f"{title}. {sentence}",
            "after": after,
            "clickable": clickable,
            "tools": tools,
            "model": model,
        }
    )


def told(sentence: str, title: str = "", question: str = "") -> str:
    """The value of a `figure` that can't be drawn: the reason in its place."""
    return drawn(None, title=title, question=question, sentence=sentence)


def dealt(
    shown: Sequence[Card],
    title: str = "",
    question: str = "",
    empty: str = "",
    *,
    note: str = "",
    table: pd.DataFrame | None = None,
    name: str = "table",
) -> str:
    """The value of `cards`: title, question and note above, the table below; `empty` stands in for no card."""
    before = (f"<h3>{html.escape(title)}</h3>" if title else "") + _paragraph(question, "hug-question")
    return _json(
        {
            "before": before + _paragraph(note, "hug-note"),
            "cards": [asdict(card) for card in shown],
            "empty": empty,
            "after": "" if table is None else folded(table, name),
        }
    )


def picture(session: Session, id: str, note: str = "", mark: bool = False) -> Card:
    """A card with a gallery picture; for one that this gallery doesn't have, with its id."""
    if id not in session.index.ids:
        return Card(id, text=id, note=note)
    said = session.describe(id)
    return Card(id, address(session.thumbnail(id)), "", note, f"{id}: {said}" if said else id, f"{id}\n{said}", mark)


def chosen(event: gr.EventData) -> Any:
    """The id that a click or a press reported."""
    return event.id


def _paragraph(text: str, kind: str) -> str:
    return f'<p class="{kind}">{html.escape(text)}</p>' if text else ""


def _json(value: Any) -> str:
    """JSON without "<", which Gradio would take for a tag in a warning."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
