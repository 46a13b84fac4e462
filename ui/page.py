"""The page: a header with the model, the tabs, links into them, the public endpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from analysis.session import QueryError, Session, Sessions
from hug.data.images import MAX_BYTES
from ui import components, endpoints, wording
from ui.deep_links import TAB, parameters
from ui.others import OTHERS, connect
from ui.query_layout import numbers
from ui.requests import Page, told
from ui.state import MODEL_CALLS, PRIVATE, Asked, Shared
from ui.tabs import query
from ui.theme import STYLE, theme
from ui.visitor import visitor

WAITING = 32  # queries in the queue; the next is told that it is full
HOUR = 3600  # seconds after which an upload is deleted


def build(sessions: Sessions) -> Page:
    """The whole page of a sessions of models, ready to launch."""
    session = sessions.get()
    session.thumbnails.mkdir(parents=True, exist_ok=True)
    gr.set_static_paths([session.thumbnails])
    with Page(title=wording.TITLE, delete_cache=(HOUR, HOUR), analytics_enabled=False) as page:
        gr.Markdown(f"# {wording.TITLE}\n{wording.INTRO}")
        with gr.Row(elem_id="model-row"):
            model = gr.Dropdown(
                [(sessions.label(name), name) for name in sessions.names], value=sessions.default,
                label=wording.MODEL_PICK, filterable=False, elem_id="model-pick", scale=1, min_width=220,
            )  # fmt: skip
            now = gr.Markdown(about(session), elem_id="model")
        asked, open_tab, who = gr.State(None), gr.State("query"), visitor()
        with gr.Tabs(selected="query", elem_id="tabs") as tabs:
            shared = Shared(tabs, model, asked, who)
            with gr.Tab(wording.QUERY, id="query") as own:
                first = query.build(sessions, shared)
            own.select(_always("query"), None, open_tab, queue=False, **PRIVATE)
            built: dict[str, Any] = {"query": first}
            for name, (title, module) in OTHERS.items():
                with gr.Tab(title, id=name) as tab:
                    built[name] = module.build(sessions, shared, first)
                # Selected by a press, by another tab or by a link. It counts as open before it shows what is known, so
                # that an answer that comes meanwhile isn't missed.
                tab.select(_always(name), None, open_tab, queue=False, **PRIVATE)
                tab.select(**built[name].show)
        connect(built, shared)
        _wire_model(sessions, shared, now, first, built["train"].used)
        page.load(**built["train"].arrive)
        _wire_refresh(shared, built, open_tab)
        _wire_links(page, sessions, shared, built, now)
        endpoints.build(sessions)
    page.queue(max_size=WAITING, api_open=False)
    return page


def about(session: Session) -> str:
    """The model that answers, always visible."""
    model = session.model
    return wording.MODEL.format(
        name=session.name,
        objective=model.objective.name,
        components=model.config.components,
        dim=model.config.dim,
        pictures=len(session.index),
        weights=model.weights_hash[:8],
    )


def _wire_model(sessions: Sessions, shared: Shared, now: gr.Markdown, first: query.QueryTab, trained: Any) -> None:
    """Another model, picked or just trained, answers the same question; one that can't be used is refused."""

    @told
    def choose(name: str, asked: Asked | None) -> list[Any]:
        try:
            session = sessions.get(name)
        except QueryError as problem:
            gr.Warning(str(problem), title=wording.MODEL_REFUSED)
            session = sessions.get(asked.model if asked else None)
        return [session.name, about(session), gr.Dropdown(numbers(session), value=[])]

    ignored = first.linked[-1]
    for event in (shared.model.input, trained.success):
        event(choose, [shared.model, shared.asked], [shared.model, now, ignored], **MODEL_CALLS, **PRIVATE).success(
            **first.ask
        )


def _wire_refresh(shared: Shared, built: dict[str, Any], open_tab: gr.State) -> None:
    """A new answer refreshes the tab that is open, and no other."""
    for name, tab in built.items():
        if name == "query":
            continue
        show = dict(tab.show)
        inputs, outputs = _listed(show.pop("inputs", None)), _listed(show.pop("outputs", None))
        fn = _only_when(name, show.pop("fn"), len(outputs))
        shared.asked.change(fn, [open_tab, *inputs], outputs, **show)


def _listed(components: Any) -> list[Any]:
    return [] if components is None else list(components) if isinstance(components, list | tuple) else [components]


def _only_when(name: str, fn: Callable[..., Any], count: int) -> Callable[..., Any]:
    def refreshed(open_tab: str, *values: Any) -> Any:
        if open_tab == name:
            return fn(*values)
        return [gr.skip()] * count if count != 1 else gr.skip()

    return refreshed


def _always(name: str) -> Callable[[], str]:
    return lambda: name


def _wire_links(page: Page, sessions: Sessions, shared: Shared, built: dict[str, Any], now: gr.Markdown) -> None:
    """A link opens its tab with its view; a wrong one is told and changes nothing."""
    going = gr.State("")  # set by a link to a query or to another model: an answer follows
    targets = [component for tab in built.values() for component in tab.linked]

    def follow(request: gr.Request) -> list[Any]:
        params = parameters(request.query_params)
        name = params.get(TAB, "query" if "reference" in params else "")
        nothing = [gr.skip()] * (3 + len(targets))
        if not name:
            return nothing
        try:
            if name not in built:
                known = ", ".join(built)
                raise QueryError(wording.LINK_TAB.format(value=name[:40], known=known))
            values = [
                value
                for other, tab in built.items()
                for value in (tab.opened(params) if other == name else [gr.skip()] * len(tab.linked))
            ]
        except QueryError as problem:
            gr.Warning(wording.LINK_WRONG.format(problem=problem), title=wording.LINK_TITLE)
            return nothing
        session = sessions.get(params.get("model") or None)
        asks = name == "query" or session.name != sessions.default
        return [gr.Tabs(selected=name), about(session), *values, "link" if asks else gr.skip()]

    page.load(told(follow), None, [shared.tabs, now, *targets, going], show_progress="hidden", **PRIVATE)
    going.change(**built["query"].ask)


def launch(page: Page, host: str | None = None, port: int | None = None, **options: Any) -> tuple[Any, str, str]:
    """Serve the page; without host and port as GRADIO_SERVER_NAME and GRADIO_SERVER_PORT say, or Gradio's own.

    Raises OSError when the port is taken.
    """
    return page.launch(
        server_name=host,
        server_port=port,
        theme=theme(),
        css_paths=[STYLE],
        head=components.head(),
        max_file_size=MAX_BYTES,
        footer_links=["api", "settings"],
        ssr_mode=False,
        **options,
    )
