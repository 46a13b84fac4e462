"""Every table as CSV and every figure as PNG and SVG, made in the browser: no file of a visitor is kept here."""

from __future__ import annotations

import base64
import html

import gradio as gr
import pandas as pd

from ui import wording

FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run a cell that starts so
# The figure as it stands, on white, in the size it has on the page.
SAVE = """element.addEventListener('click', event => {
  const button = event.target.closest('button[data-figure]');
  if (!button) return;
  const drawn = document.querySelector('#' + button.dataset.figure + ' .js-plotly-plot');
  if (!drawn || !window.Plotly) return;
  const figure = {data: drawn.data, layout: {...drawn.layout, paper_bgcolor: 'white'}};
  window.Plotly.downloadImage(figure, {format: button.dataset.format, filename: button.dataset.name,
    width: drawn.offsetWidth, height: drawn.offsetHeight, scale: button.dataset.format === 'png' ? 2 : 1});
});"""


def downloads(table: pd.DataFrame | None, name: str, figure: str | None = None) -> gr.HTML:
    """The links below a table and, with the `elem_id` of its `gr.Plot`, a figure; update it with `links`."""
    return gr.HTML(links(table, name, figure), js_on_load=SAVE)


def links(table: pd.DataFrame | None, name: str, figure: str | None = None) -> str:
    """HTML of the links; `name` is the file's. Nothing for a table that isn't there yet."""
    if table is None:
        return ""
    content = base64.b64encode(csv(table).encode()).decode()
    said = f"{wording.DOWNLOADS.format(name=name)}"
    parts = [
        f'<a download="{html.escape(name)}.csv" href="data:text/csv;charset=utf-8;base64,{content}" '
        f'aria-label="{html.escape(said)} {wording.CSV}">{wording.CSV}</a>'
    ]
    for kind, word in (("png", wording.PNG), ("svg", wording.SVG)) if figure else ():
        parts.append(
            f'<button type="button" data-figure="{html.escape(figure or "")}" data-format="{kind}" '
            f'data-name="{html.escape(name)}" aria-label="{html.escape(said)} {word}">{word}</button>'
        )
    return f'<div class="hug-downloads"><span aria-hidden="true">{wording.DOWNLOAD}</span> {" ".join(parts)}</div>'


def csv(table: pd.DataFrame) -> str:
    """The table with a header; a text cell or a header that a spreadsheet would run starts with an apostrophe."""
    safe = table.rename(columns=lambda name: _tamed(str(name)))
    for place, kind in enumerate(table.dtypes):
        if not pd.api.types.is_numeric_dtype(kind):
            safe.isetitem(place, table.iloc[:, place].map(_tamed))
    return str(safe.to_csv(index=False, lineterminator="\r\n"))


def _tamed(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
