"""The Map tab: the gallery in two dimensions, the query in it, and who is near whom. It only wires."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import gradio as gr

from analysis import atlas
from analysis.session import QueryError, Session, Sessions
from ui import components, wording
from ui.components import NOTHING, cards, dealt, drawn, figure
from ui.crossing import READING, asked_with, checked, link, link_to, notice
from ui.findings import Findings
from ui.requests import told
from ui.state import PRIVATE, Listener, QueryResult, State, Tab, signal


def restore(sessions: Sessions, params: Mapping[str, str]) -> list[Any]:
    """Values for `linked`; what does not exist is told in the last of them and left out."""
    session = sessions.get(params.get("model") or None)
    maps = [str(c) for c in _maps(session)]
    of, first = checked(params, "component", maps, "0")
    colouring, second = checked(params, "colour", atlas.colourings(session.index), "")
    category, third = checked(params, "category", session.categories, "")
    point, fourth = checked(params, "point", session.index.ids, "")
    said = notice([first, second, third, fourth])
    choices = [_of(session, int(of)), _colouring(session, colouring), category, point or None]
    return [session.name, *choices, said]


def build(sessions: Sessions, state: State) -> Tab:
    """The tab's components and events."""
    session = sessions.get()
    wrong, missing = (gr.HTML(elem_id=f"map-{name}", elem_classes="hug-wrong") for name in ("notice", "missing"))
    with gr.Row(elem_classes="hug-controls"):
        of = gr.Dropdown(label=wording.MAP_OF, elem_id="map-of", min_width=200, **_of_of(session, 0))
        colouring = gr.Dropdown(
            label=wording.MAP_COLOURED, elem_id="map-colour", min_width=240, **_colouring_of(session, "")
        )
        category = gr.Dropdown(
            label=wording.CATEGORY, elem_id="map-category", min_width=110, **_category_of(session, "")
        )
        point = gr.Dropdown(
            [], value=None, label=wording.MAP_POINT, allow_custom_value=True, elem_id="map-point", min_width=180
        )
        use = gr.Button(wording.MAP_USE, size="sm", min_width=120, elem_id="map-use")

    def look(asked: list[str]) -> str:
        """Address of the picture that [model, id] names; empty for what does not exist."""
        return _look(sessions, asked)

    chart = figure("map", wording.MAP_TITLE, look)
    near = cards("neighbours", wording.NEIGHBOURS.format(id=""))
    address = gr.HTML(elem_id="map-link")

    def view(model: str, asked: QueryResult | None, *chosen: Any) -> list[Any]:
        return _view(sessions, model, asked, *chosen)

    show: dict[str, Any] = {
        "fn": told(view),
        "inputs": [state.model, state.result, of, colouring, category, point],
        "outputs": [missing, of, colouring, chart, near, address],  # all models share one gallery: the rest stays
        **READING,
    }
    # A list of all pictures would take as long as the map itself each time the tab opens: it comes when it is wanted.
    point.focus(lambda: gr.update(choices=list(session.index.ids)), None, point, queue=False, **PRIVATE)
    for control in (of, colouring, category):
        control.input(lambda: "", None, wrong, queue=False, **PRIVATE).then(**show)

    def reference(model: str, id: str | None) -> list[Any]:
        return [*asked_with(sessions.get(model), id, None)[:2], signal()] if id else [gr.skip()] * 3

    into = [state.reference, state.picture, state.asks]
    for pressed in (chart.select, near.select):
        pressed(components.chosen, None, point, queue=False, **PRIVATE).success(
            told(reference), [state.model, point], into, **READING
        )
    point.input(told(reference), [state.model, point], into, **READING)
    use.click(lambda: gr.Tabs(selected="query"), None, state.tabs, queue=False, **PRIVATE)
    controls = [state.model, of, colouring, category, point, wrong]
    refresh = Listener(show["fn"], show["inputs"], show["outputs"], READING)
    return Tab("map", "Map", controls, partial(restore, sessions), refresh)


def _view(
    sessions: Sessions,
    model: str,
    asked: QueryResult | None,
    of: int | None,
    colouring: str | None,
    category: str | None,
    point: str | None,
) -> list[Any]:
    session = sessions.get(model)
    of = of if of in _maps(session) else 0
    category = category if category in session.categories else ""
    colouring = colouring if colouring in atlas.colourings(session.index) else atlas.colourings(session.index)[0]
    point = point if point in session.index.ids else None
    where = link(
        "map", model=session.name if session.name != sessions.default else "", component=of or "", colour=colouring,
        category=category, point=point,
    )  # fmt: skip
    return [
        Findings(session).notice,
        _of(session, of), _colouring(session, colouring),
        _chart(session, asked, of, colouring, category), _near(session, point, of), link_to(where),
    ]  # fmt: skip


def _chart(session: Session, asked: QueryResult | None, of: int, colouring: str, category: str) -> str:
    table, reason = Findings(session).table("map")
    if table is None:
        return components.told(reason, wording.MAP_TITLE, wording.MAP_QUESTION) if reason else NOTHING
    shown = atlas.points(table, session.index, of, category, colouring)
    known = asked if asked is not None and asked.model == session.name else None
    placed = atlas.place(table, session.index, known.query, of) if known else None
    drawing = atlas.draw(shown, colouring, placed, known.ids if known else (), known.reference if known else None)
    return drawn(
        drawing, wording.MAP_ALT.format(count=len(shown), colouring=colouring), title=wording.MAP_TITLE,
        question=wording.MAP_QUESTION, sentence=atlas.say(shown, colouring, of, placed), table=shown,
        name=f"{session.name}-map-{of}", elem_id="map", clickable=True, tools=True, model=session.name,
    )  # fmt: skip


def _near(session: Session, point: str | None, of: int) -> str:
    if point is None:
        return dealt([], empty=wording.NEIGHBOURS_NONE)
    table = atlas.neighbours(session.index, point, of)
    found = [components.picture(session, point, wording.THIS_ONE, mark=True)]
    found += [
        components.picture(session, r.id, wording.NEIGHBOUR_NOTE.format(distance=r.distance))
        for r in table.itertuples()
    ]
    return dealt(
        found, wording.NEIGHBOURS.format(id=point), wording.NEIGHBOURS_QUESTION, table=table, name=f"near-{point}"
    )


def _look(sessions: Sessions, asked: list[str]) -> str:
    """Raises nothing: a browser may send anything."""
    try:
        model, id = asked
        session = sessions.get(model) if model in sessions.names else None
        return components.address(session.thumbnail(id)) if session and id in session.index.ids else ""
    except (QueryError, TypeError, ValueError):
        return ""


# ---- choices ----


def _maps(session: Session) -> list[int]:
    table, _ = Findings(session).table("map")
    return [0] if table is None else atlas.available(table)


def _of_of(session: Session, value: int) -> dict[str, Any]:
    names = [(wording.MAP_COMPONENT.format(component=c) if c else wording.MAP_WHOLE, c) for c in _maps(session)]
    return {"choices": names, "value": value}


def _colouring_of(session: Session, value: str) -> dict[str, Any]:
    known = atlas.colourings(session.index)
    return {"choices": known, "value": value or known[0]}


def _category_of(session: Session, value: str) -> dict[str, Any]:
    choices = [(wording.ALL, ""), *((name, name) for name in session.categories)]
    return {"choices": choices, "value": value, "visible": bool(session.categories)}


def _of(session: Session, value: int) -> Any:
    return gr.update(**_of_of(session, value))


def _colouring(session: Session, value: str) -> Any:
    return gr.update(**_colouring_of(session, value))
