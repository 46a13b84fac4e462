"""The page: a header with the model, the tabs, links into them, the public endpoints."""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr
from gradio import themes

from analysis.session import MAX_WORDS, QueryError, Session, Sessions
from ui import components, endpoints
from ui.deep_links import TAB, completed, parameters
from ui.html import text
from ui.requests import MODELS, Page, safely, warn
from ui.server import serve
from ui.state import AT_ONCE, MODEL_CALLS, PRIVATE, QueryResult, State, Tab, answer, numbers, only_in, signal
from ui.tabs import about, embedding_map, query, subfeatures, train, uncertainty
from ui.uploads import HOUR, folder
from ui.visitor import visitor

# In the order of the page, which opens with the first.
TABS: tuple[Callable[[Sessions, State], Tab], ...] = (
    query.build, uncertainty.build, subfeatures.build, embedding_map.build, train.build, about.build
)  # fmt: skip
TITLE = "HUG: image search one can question"
WAITING = 32  # queries in the queue; the next is told that it is full
BLUE, DARKER = "#0072B2", "#005A8E"


def build(sessions: Sessions) -> Page:
    """The whole page of all models, ready to launch."""
    session = sessions.get()
    folder()  # before the first component, which remembers where files go
    session.thumbnails.mkdir(parents=True, exist_ok=True)
    gr.set_static_paths([session.thumbnails])
    with Page(title=TITLE, delete_cache=(int(HOUR), int(HOUR)), analytics_enabled=False) as page:
        gr.Markdown(f"# {TITLE}\n{text('intro')}", elem_id="head")
        with gr.Row(elem_id="model-row"):
            model = gr.Dropdown(
                [(sessions.label(name), name) for name in sessions.names], value=sessions.default,
                label="Model", filterable=False, elem_id=MODELS, scale=1, min_width=220,
            )  # fmt: skip
            header = gr.Markdown(about_model(session), elem_id="model")
        open_tab = gr.State("")
        bar = gr.Tabs(elem_id="tabs")
        state = shared_state(session, answer(session, query.start(sessions)), bar, model)  # beside the tabs
        with bar:
            tabs = [_place(build, sessions, state, open_tab) for build in TABS]
        bar.selected, open_tab.value = tabs[0].id, tabs[0].id
        _wire_model(sessions, state, header)
        for tab in tabs:
            if tab.arrive:
                page.load(**tab.arrive)
        _wire_links(page, sessions, state, tabs, header)
        endpoints.build(sessions)
    page.queue(max_size=WAITING, api_open=False)
    return page


def shared_state(session: Session, result: QueryResult, bar: gr.Tabs, model: gr.Dropdown) -> State:
    """What the tabs share, with the first answer; some components are rendered by the tab that they belong to."""
    first = result.request
    return State(
        tabs=bar,
        model=model,
        result=gr.State(result),
        visitor=visitor(),
        reference=gr.State(first.reference),
        picture=gr.Image(
            str(session.thumbnail(first.reference)) if first.reference else None,
            label="Reference picture", alt_text="the reference picture of the query", type="filepath",
            sources=["upload", "clipboard"], buttons=[], height=190, elem_id="reference", render=False,
        ),
        words=gr.Textbox(
            first.words, label="What should be different", info="In English.",
            placeholder="is red and has long sleeves",
            lines=2, max_lines=4, max_length=MAX_WORDS, submit_btn=False, elem_id="words", render=False,
        ),
        ignored=gr.Dropdown(
            numbers(session), value=[], multiselect=True, label="Ignore these sub-features",
            info="Moves ranks: their parts are left out of every distance, exactly.",
            elem_id="ignored", render=False,
        ),
        component=gr.Dropdown(
            numbers(session), value=1, label="Component", elem_id="component", min_width=110, render=False
        ),
        asks=gr.State(""),
        switches=gr.State(""),
    )  # fmt: skip


def _place(build: Callable[[Sessions, State], Tab], sessions: Sessions, state: State, open_tab: gr.State) -> Tab:
    """One tab on the page. Selected by a press, by another tab or by a link, it counts as open before it shows what
    there is, so that an answer that comes meanwhile isn't missed."""
    with gr.Tab() as place:
        tab = build(sessions, state)
    place.label, place.id = tab.title, tab.id
    place.select(lambda: tab.id, None, open_tab, **AT_ONCE)
    if tab.refresh:
        place.select(**tab.refresh)
        state.result.change(**only_in(tab.id, open_tab, tab.refresh))
    return tab


def about_model(session: Session) -> str:
    """The model that answers, always visible."""
    model, count = session.model, len(session.left_out)
    left_out = f" ({count} left out, with reasons in the log)" if count else ""
    return (
        f"model **{session.name}** · objective {model.objective.name} · K {model.config.components} · "
        f"D {model.config.dim} · {len(session.index)} pictures{left_out} · weights {model.weights_hash[:8]}"
    )


def _wire_model(sessions: Sessions, state: State, header: gr.Markdown) -> None:
    """Another model, picked or just trained, answers the same question; one that can't be used is refused."""

    @safely
    def switch(name: str, result: QueryResult | None) -> list[Any]:
        try:
            session = sessions.get(name)
        except QueryError as problem:
            warn(str(problem), "That model can't answer")
            session = sessions.get(result.request.model if result else None)
        return [session.name, about_model(session), gr.Dropdown(numbers(session), value=[]), signal()]

    outputs = [state.model, header, state.ignored, state.asks]
    for event in (state.model.input, state.switches.change):
        event(switch, [state.model, state.result], outputs, **MODEL_CALLS, **PRIVATE)


def _wire_links(page: Page, sessions: Sessions, state: State, tabs: Sequence[Tab], header: gr.Markdown) -> None:
    """A link opens its tab with its view; a wrong one is told and changes nothing."""
    by_id, first = {tab.id: tab for tab in tabs}, tabs[0].id

    def follow(request: gr.Request) -> dict[Any, Any]:
        params = parameters(request.query_params)
        params = completed(params, first, str(state.words.value))
        name = params.get(TAB, "")
        nothing = {state.asks: gr.skip()}
        if not name:
            return nothing
        try:
            if name not in by_id:
                raise QueryError(f"there is no tab {name[:40]!r}; choose one of {', '.join(by_id)}.")
            view = dict(zip(by_id[name].controls, by_id[name].restore(params), strict=True))
        except QueryError as problem:
            warning = f"This link can't be opened as it is: {problem} The page opens with its example instead."
            warn(warning, "Not the link's view")
            return nothing
        session = sessions.get(params.get("model") or None)
        asks = {state.asks: signal()} if name == first or session.name != sessions.default else nothing
        return {**view, **asks, state.tabs: gr.Tabs(selected=name), header: about_model(session)}

    outputs = dict.fromkeys([state.tabs, header, state.asks, *(c for tab in tabs for c in tab.controls)])
    page.load(safely(follow), None, list(outputs), show_progress="hidden", **PRIVATE)


def theme() -> themes.Base:
    """Gradio's default look in system fonts only, so that the page makes no request to anybody else."""
    fonts = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
    code = ["ui-monospace", "Consolas", "monospace"]
    button = {"": BLUE, "_dark": BLUE, "_hover": DARKER, "_hover_dark": DARKER}
    look = themes.Default(primary_hue="blue", neutral_hue="slate", radius_size="sm", font=fonts, font_mono=code)
    return look.set(**{f"button_primary_background_fill{state}": colour for state, colour in button.items()})


def launch(page: Page, host: str | None = None, port: int | None = None, **options: Any) -> tuple[Any, str, str]:
    """Serve the page; without host and port as GRADIO_SERVER_NAME and GRADIO_SERVER_PORT say, or Gradio's own.

    Raises OSError when the port is taken, or uploads can't be stored.
    """
    wait = not options.pop("prevent_thread_lock", False)
    look = {"theme": theme(), "css_paths": [components.STYLE], "head": components.head()}
    return serve(page, host, port, wait, **look, footer_links=["api", "settings"], **options)
