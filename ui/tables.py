"""A table beside its figure as plain HTML, with its CSV and the figure to keep; what a person typed is escaped."""

from __future__ import annotations

import html

import pandas as pd

from ui import wording
from ui.downloads import links

SHOWN = 100  # rows on the page; the CSV has all of them


def folded(table: pd.DataFrame, name: str, figure: str | None = None) -> str:
    """HTML of a closed section with the first rows, and the downloads: `name`.csv and, by its `elem_id`, the figure."""
    if not len(table):
        return ""
    shown = min(SHOWN, len(table))
    more = f'<p class="hug-note">{wording.FIRST_ROWS.format(shown=shown, rows=len(table))}</p>'
    return (
        f'<details class="hug-table"><summary>{wording.AS_TABLE}</summary>{more if shown < len(table) else ""}'
        f'<div class="hug-scroll" tabindex="0" role="region" aria-label="{html.escape(name)}">'
        f"{rows(table.head(SHOWN))}</div></details>{links(table, name, figure)}"
    )


def rows(table: pd.DataFrame) -> str:
    """The table as HTML, everything in it escaped."""
    head = "".join(f'<th scope="col">{html.escape(str(c).replace("_", " "))}</th>' for c in table.columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{html.escape(cell(v))}</td>' for v in row)}</tr>"
        for row in table.itertuples(index=False, name=None)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def cell(value: object) -> str:
    """A value for people: four figures, a dash where nothing is known, yes and no."""
    if isinstance(value, str):
        return value
    if value is None or value != value:
        return wording.UNKNOWN
    if type(value).__name__.startswith("bool"):
        return wording.YES if value else wording.NO
    return f"{value:.4g}" if type(value).__name__.startswith("float") else str(value)
