"""Downloads of the Query tab's figures."""

from __future__ import annotations

import gradio as gr
import pandas as pd

from ui import components


def downloads(table: pd.DataFrame | None, name: str, figure: str = "") -> gr.HTML:
    """The links below a table and, with the `elem_id` of its `gr.Plot`, a figure; update it with `links`."""
    return gr.HTML(links(table, name, figure))


def links(table: pd.DataFrame | None, name: str, figure: str = "") -> str:
    """HTML of the links; `name` is the file's. Nothing for a table that isn't there yet."""
    return "" if table is None else components.downloads(table, name, figure)
