"""The page: a header, the tabs, the public endpoints."""

from __future__ import annotations

from typing import Any

import gradio as gr

from analysis.workbench import Workbench
from hug.data import MAX_BYTES
from ui import endpoints, query, wording
from ui.asking import Page
from ui.theme import STYLE, theme

WAITING = 32  # queries in the queue; the next is told that it is full
HOUR = 3600  # seconds after which an upload is deleted


def build(bench: Workbench) -> Page:
    """The whole page of one workbench, ready to launch."""
    bench.thumbnails.mkdir(parents=True, exist_ok=True)
    gr.set_static_paths([bench.thumbnails])
    with Page(title=wording.TITLE, delete_cache=(HOUR, HOUR), analytics_enabled=False) as page:
        gr.Markdown(f"# {wording.TITLE}\n{wording.INTRO}")
        gr.Markdown(about(bench), elem_id="model")
        with gr.Tabs(), gr.Tab(wording.QUERY):
            query.build(bench)
        endpoints.build(bench)
    page.queue(max_size=WAITING, api_open=False)
    return page


def about(bench: Workbench) -> str:
    """The model that answers, always visible."""
    model = bench.model
    return wording.MODEL.format(
        name=bench.name,
        objective=model.objective.name,
        components=model.config.components,
        dim=model.config.dim,
        pictures=len(bench.index),
        weights=model.weights_hash[:8],
    )


def launch(page: Page, host: str | None = None, port: int | None = None, **options: Any) -> tuple[Any, str, str]:
    """Serve the page; without host and port as GRADIO_SERVER_NAME and GRADIO_SERVER_PORT say, or Gradio's own.

    Raises OSError when the port is taken.
    """
    return page.launch(
        server_name=host,
        server_port=port,
        theme=theme(),
        css_paths=[STYLE],
        max_file_size=MAX_BYTES,
        footer_links=["api", "settings"],
        ssr_mode=False,
        **options,
    )
