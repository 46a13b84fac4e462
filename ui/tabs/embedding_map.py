"""The Map tab: the gallery in two dimensions, the query in it, and who is near whom. It only wires."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import gradio as gr

from analysis import atlas
from analysis.session import QueryError, Session, Sessions
from ui.components import address, cards, cards_value, figure, figure_value, picture_card, pressed
from ui.html import texts
from ui.navigation import READING, Parameters, asking, in_order, view_link
from ui.requests import safely
from ui.state import AT_ONCE, QueryResult, State, Tab, categories, unless_chosen
from ui.studies import NotMeasured, Studies

TITLE = "The gallery as a map"
QUESTIONS = texts("questions")


def build(sessions: Sessions, state: State) -> Tab:
    """The tab's components and events."""
    session = sessions.get()
    wrong = gr.HTML(elem_id="map-notice", elem_classes="hug-wrong")
    missing = gr.HTML(elem_id="map-missing", elem_classes="hug-wrong")
    with gr.Row(elem_classes="hug-controls"):
        component = gr.Dropdown(label="Map of", elem_id="map-of", min_width=200, **_maps(session, 0))
        colouring = gr.Dropdown(label="Coloured by", elem_id="map-colour", min_width=240, **_colourings(session, ""))
        category = gr.Dropdown(label="Category", elem_id="map-category", min_width=110, **categories(session))
        point = gr.Dropdown(
            [], value=None, label="Picture (or click it)", allow_custom_value=True, elem_id="map-point", min_width=180
        )
        use = gr.Button("Open the query", size="sm", min_width=120, elem_id="map-use")

    def look(place: list[str]) -> str:  # figure.js calls it by this name
        return thumbnail(sessions, place)

    chart = figure("map", TITLE, look)
    near = cards("neighbours", "Neighbours")
    link = gr.HTML(elem_id="map-link")

    def refresh(
        model: str, result: QueryResult, of: int | None, colour: str | None, kind: str | None, id: str | None
    ) -> dict[Any, Any]:
        session = sessions.get(model)
        current = of, colour
        of = of if of in maps(session) else 0
        colour = colour if colour in atlas.colourings(session.index) else atlas.colourings(session.index)[0]
        kind = kind if kind in session.categories else ""
        id = id if id in session.index.ids else None
        return {
            missing: Studies(session).notice,
            component: unless_chosen(_maps(session, of), current[0]),
            colouring: unless_chosen(_colourings(session, colour), current[1]),
            chart: drawing(session, result, of, colour, kind),
            near: neighbours(session, id, of),
            link: view_link(sessions, session, "map", component=of or "", colour=colour, category=kind, point=id),
        }

    inputs = [state.model, state.result, component, colouring, category, point]
    outputs = [missing, component, colouring, chart, near, link]
    show = dict(fn=safely(refresh), inputs=inputs, outputs=outputs, **in_order("map"))
    # A list of all pictures would take as long as the map itself each time the tab opens: it comes when it is wanted.
    point.focus(lambda: gr.update(choices=list(session.index.ids)), None, point, **AT_ONCE)
    for control in (component, colouring, category):
        control.input(lambda: "", None, wrong, **AT_ONCE).then(**show)

    _wire_points(sessions, state, point, [chart, near])
    use.click(lambda: gr.Tabs(selected="query"), None, state.tabs, **AT_ONCE)
    controls = [state.model, component, colouring, category, point, wrong]
    return Tab("map", "Map", controls, partial(restore, sessions), show)


def _wire_points(sessions: Sessions, state: State, point: gr.Dropdown, views: Sequence[gr.HTML]) -> None:
    """A picture that is pressed or chosen becomes the reference; the answer then refreshes the tab."""

    def ask(model: str, id: str | None) -> Any:
        return asking(sessions.get(model), state, id) if id else gr.skip()

    outputs = [state.reference, state.picture, state.asks]
    asks = dict(fn=safely(ask), inputs=[state.model, point], outputs=outputs, **READING)
    for view in views:
        view.select(pressed, None, point, **AT_ONCE).success(**asks)
    point.input(**asks)


def restore(sessions: Sessions, params: Mapping[str, str]) -> list[Any]:
    """A link's model, map, colouring, category and picture, and the notice."""
    link = Parameters(params, sessions)
    session = link.session
    component = int(link.choice("component", [str(c) for c in maps(session)], "0"))
    colouring = link.choice("colour", atlas.colourings(session.index))
    category = link.choice("category", session.categories)
    point = link.choice("point", session.index.ids) or None
    return [
        session.name, gr.update(**_maps(session, component)), gr.update(**_colourings(session, colouring)), category,
        point, link.notice,
    ]  # fmt: skip


def drawing(session: Session, result: QueryResult, component: int, colouring: str, category: str) -> str:
    """The value of the map's figure, with the current query where it is of this model."""
    own = result if result.request.model == session.name else None

    def value(table: Any) -> str:
        points = atlas.points(table, session.index, component, category, colouring)
        place = atlas.place_of(table, session.index, own.trace.query, component) if own else None
        return figure_value(
            atlas.draw(points, colouring, place, own.ids if own else (), own.request.reference if own else None),
            f"Map of {len(points)} gallery pictures, coloured by {colouring}. "
            "The list above chooses the same points by id.",
            title=TITLE, question=QUESTIONS["map"], sentence=atlas.say(points, colouring, component, place),
            table=points, name=f"{session.name}-map-{component}", elem_id="map", clickable=True, tools=True,
            model=session.name,
        )  # fmt: skip

    return Studies(session).value("map", value, TITLE, QUESTIONS["map"])


def neighbours(session: Session, id: str | None, component: int) -> str:
    """The value of the cards: a picture and those nearest to it."""
    if id is None:
        return cards_value([], empty=QUESTIONS["no-neighbours"])
    table = atlas.neighbours(session.index, id, component)
    items = [picture_card(session, id, "this one", mark=True)]
    items += [picture_card(session, r.id, f"distance {r.distance:.3f}") for r in table.itertuples()]
    return cards_value(items, f"Neighbours of {id}", QUESTIONS["neighbours"], table=table, name=f"near-{id}")


def thumbnail(sessions: Sessions, place: list[str]) -> str:
    """Address of the picture that [model, id] names; empty for what does not exist: a browser may send anything."""
    try:
        model, id = place
        session = sessions.get(model) if model in sessions.names else None
        return address(session.thumbnail(id)) if session and id in session.index.ids else ""
    except (QueryError, TypeError, ValueError):
        return ""


def maps(session: Session) -> list[int]:
    """Components with a map of their own; 0 is the whole."""
    try:
        return atlas.available(Studies(session).table("map"))
    except NotMeasured:
        return [0]


def _maps(session: Session, value: int) -> dict[str, Any]:
    return {"choices": [(f"component {c}" if c else "whole pictures", c) for c in maps(session)], "value": value}


def _colourings(session: Session, value: str) -> dict[str, Any]:
    names = atlas.colourings(session.index)
    return {"choices": names, "value": value or names[0]}
