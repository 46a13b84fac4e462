"""The page's building blocks: figures one can click, cards one can press, tables, downloads, notices.

Figures and cards are HTML components that report an id, keyboard accessible alternatives of each other: next to every
figure stands a control that does the same. plotly.js comes from the installed Python package, so the page works with
no network and draws what Python wrote.
"""

import base64
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
from markupsafe import Markup

from analysis.session import Session
from analysis.tables import csv
from analysis.thumbnails import NO_PICTURE
from ui.html import render

ASSETS = Path(__file__).parents[1] / "assets"
STYLE = ASSETS / "style.css"
PLOTLY = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"
ROWS = 100  # of a table on the page; the CSV has all of them
NOTHING = ""  # the value of a figure or of cards that takes no place


@dataclass(frozen=True)
class Card:
    """A picture or a sentence to choose."""

    id: str | None  # a press reports it, and the words
    source: str = ""  # address of the picture
    text: str = ""
    note: str = ""  # a line below
    alt: str = ""
    title: str = ""
    mark: bool = False  # the current one
    words: str | None = None  # to ask with


def address(path: Path) -> str:
    """Where the page finds a file of a static folder, relative to the page, so that it works behind any proxy."""
    return f"{API_PREFIX.lstrip('/')}/file={path.resolve().as_posix()}"


def head() -> str:
    """What the page's head needs for figures and their downloads."""
    gr.set_static_paths([PLOTLY, NO_PICTURE])
    return f'<script data-plotly="{address(PLOTLY)}">{(ASSETS / "page.js").read_text()}</script>'


def figure(
    elem_id: str, label: str, look: Callable[[list[str]], str] | None = None, value: str | None = None
) -> gr.HTML:
    """A place for a `figure_value`; its `select` event has `id`, the customdata of the clicked point.

    `look`, named so, gives for [model, id] the address of the picture to show beside the pointer.
    """
    return gr.HTML(
        value, label=label, html_template=render("figure"), js_on_load=(ASSETS / "figure.js").read_text(),
        server_functions=[look] if look else None, elem_id=elem_id, apply_default_css=False,
    )  # fmt: skip


def cards(elem_id: str, label: str, pairs: bool = False) -> gr.HTML:
    """A place for a `cards_value`; its `select` event has `id`, that of the pressed one. `pairs` stay side by side."""
    return gr.HTML(
        label=label, html_template=render("cards"), js_on_load=(ASSETS / "cards.js").read_text(), elem_id=elem_id,
        elem_classes="hug-pairs" if pairs else None, apply_default_css=False,
    )  # fmt: skip


def pressable(elem_id: str, value: str = "", **options: Any) -> gr.HTML:
    """HTML with buttons; its `select` event has the fields of the pressed one's `data-press`."""
    js = (ASSETS / "press.js").read_text()
    return gr.HTML(value, js_on_load=js, elem_id=elem_id, apply_default_css=False, **options)


def gallery(value: Any = None, height: int | str = "auto", **options: Any) -> gr.Gallery:
    """Pictures with captions, whole and in a grid; its `select` event has the place of the pressed one."""
    shared: dict[str, Any] = {"object_fit": "contain", "interactive": False, "buttons": [], "allow_preview": False}
    return gr.Gallery(value, height=height, **shared, **options)


def pressed(event: gr.EventData) -> Any:
    """The id that a click or a press reported."""
    return event.id


def pressed_number(event: gr.EventData) -> int:
    """The same of a component's number."""
    return int(event.id)


def figure_value(
    figure: go.Figure | None, alt: str = "", *, title: str = "", question: str = "", sentence: str = "",
    table: pd.DataFrame | None = None, name: str = "table", elem_id: str = "", clickable: bool = False,
    tools: bool = False, model: str = "",
) -> str:  # fmt: skip
    """The value of a `figure`: title and question above it, the sentence and the table below. All of it escaped.

    `name` is that of the files to download; with the `elem_id` of the component the figure is one of them.
    """
    return _json(
        before=_heading(title, question), figure=None if figure is None else json.loads(figure.to_json()),
        alt=alt or f"{title}. {sentence}", after=below(table, name, elem_id, sentence),
        clickable=clickable, tools=tools, model=model,
    )  # fmt: skip


def table_figure(
    table: pd.DataFrame, draw: Callable[[pd.DataFrame], go.Figure], say: Callable[[pd.DataFrame], str], *, title: str,
    question: str = "", **options: Any,
) -> str:  # fmt: skip
    """The value of a `figure` that draws a table, says it and holds it; of an empty table the sentence alone."""
    if table.empty:
        return message(say(table), title, question)
    return figure_value(draw(table), title=title, question=question, sentence=say(table), table=table, **options)


def cards_value(
    items: Sequence[Card], title: str = "", question: str = "", empty: str = "", *, note: str = "",
    table: pd.DataFrame | None = None, name: str = "table",
) -> str:  # fmt: skip
    """The value of `cards`: title, question and note above, the table below; `empty` stands in for no card."""
    before, after = _heading(title, question, note), below(table, name)
    return _json(before=before, cards=[asdict(card) for card in items], empty=empty, after=after)


def message(sentence: str, title: str = "", question: str = "") -> str:
    """The value of a `figure` or of `cards` that has nothing to show: the reason in its place."""
    return _json(before=_heading(title, question, sentence=sentence))


def picture_card(session: Session, id: str, note: str = "", mark: bool = False) -> Card:
    """A card with a gallery picture; for one that this gallery doesn't have, with its id."""
    if id not in session.index.ids:
        return Card(id, text=id, note=note)
    labels = session.describe(id)
    alt = f"{id}: {labels}" if labels else id
    return Card(id, address(session.thumbnail(id)), "", note, alt, f"{id}\n{labels}", mark)


def below(table: pd.DataFrame | None, name: str, figure: str = "", sentence: str = "") -> Markup:
    """A sentence, a closed section with the first rows, and downloads: `name`.csv and the figure of that elem_id."""
    if table is None or not len(table):
        return render("below", sentence=sentence, count=0)
    return render(
        "below", sentence=sentence, count=len(table), most=ROWS, name=name, rows=rows(table.head(ROWS)),
        downloads=downloads(table, name, figure),
    )  # fmt: skip


def rows(table: pd.DataFrame) -> Markup:
    """The whole table."""
    columns = [str(column).replace("_", " ") for column in table.columns]
    return render("table", columns=columns, rows=[map(cell, row) for row in table.itertuples(index=False, name=None)])


def cell(value: object) -> str:
    """A value for people: four figures, a dash where nothing is known, yes and no."""
    if isinstance(value, str):
        return value
    if value is None or value is pd.NA or value != value:
        return "–"
    if type(value).__name__.startswith("bool"):
        return "yes" if value else "no"
    return f"{value:.4g}" if type(value).__name__.startswith("float") else str(value)


def downloads(table: pd.DataFrame, name: str, figure: str = "") -> Markup:
    """Links of a table and, with its elem_id, a figure; made in the browser: no file of a visitor is kept here."""
    content = base64.b64encode(csv(table).encode()).decode()
    return render("downloads", name=name, csv=content, figure=figure, formats=("png", "svg") if figure else ())


def notice(text: str) -> Markup:
    """A sentence that is read out when it appears; empty for none."""
    return render("notice", text=text)


def _heading(title: str, question: str, note: str = "", sentence: str = "") -> Markup:
    return render("heading", title=title, question=question, note=note, sentence=sentence)


def _json(**value: Any) -> str:
    """JSON without "<", which Gradio would take for a tag in a warning."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
