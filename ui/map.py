"""The Map tab: the gallery in two dimensions, the query in it, and who is near whom. It only wires."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from analysis import atlas
from analysis.workbench import QuestionError, Shelf, Workbench
from ui import plots, wording
from ui.asking import told
from ui.crossing import READING, asked_with, checked, link, link_to, notice
from ui.findings import Findings
from ui.plots import NOTHING, cards, dealt, drawn, figure
from ui.query import QueryTab
from ui.shared import PRIVATE, Asked, Shared


@dataclass(frozen=True)
class MapTab:
    """`show` refreshes the tab; `linked` are the components that a link sets."""

    show: dict[str, Any]
    linked: list[Any]
    shelf: Shelf

    def opened(self, params: Mapping[str, str]) -> list[Any]:
        """Values for `linked`; what does not exist is told in the last of them and left out."""
        bench = self.shelf.bench(params.get("model") or None)
        maps = [str(c) for c in _maps(bench)]
        of, first = checked(params, "component", maps, "0")
        colouring, second = checked(params, "colour", atlas.colourings(bench.index), "")
        category, third = checked(params, "category", bench.categories, "")
        point, fourth = checked(params, "point", bench.index.ids, "")
        said = notice([first, second, third, fourth])
        choices = [_of(bench, int(of)), _colouring(bench, colouring), category, point or None]
        return [bench.name, *choices, said]


def build(shelf: Shelf, shared: Shared, query: QueryTab) -> MapTab:
    """The tab's components and events."""
    bench = shelf.bench()
    wrong, missing = (gr.HTML(elem_id=f"map-{name}", elem_classes="hug-wrong") for name in ("notice", "missing"))
    with gr.Row(elem_classes="hug-controls"):
        of = gr.Dropdown(label=wording.MAP_OF, elem_id="map-of", min_width=200, **_of_of(bench, 0))
        colouring = gr.Dropdown(
            label=wording.MAP_COLOURED, elem_id="map-colour", min_width=240, **_colouring_of(bench, "")
        )
        category = gr.Dropdown(label=wording.CATEGORY, elem_id="map-category", min_width=110, **_category_of(bench, ""))
        point = gr.Dropdown(
            [], value=None, label=wording.MAP_POINT, allow_custom_value=True, elem_id="map-point", min_width=180
        )
        use = gr.Button(wording.MAP_USE, size="sm", min_width=120, elem_id="map-use")

    def look(asked: list[str]) -> str:
        """Address of the picture that [model, id] names; empty for what does not exist."""
        return _look(shelf, asked)

    chart = figure("map", wording.MAP_TITLE, look)
    near = cards("neighbours", wording.NEIGHBOURS.format(id=""))
    address = gr.HTML(elem_id="map-link")

    def view(model: str, asked: Asked | None, *chosen: Any) -> list[Any]:
        return _view(shelf, model, asked, *chosen)

    show: dict[str, Any] = {
        "fn": told(view),
        "inputs": [shared.model, shared.asked, of, colouring, category, point],
        "outputs": [missing, of, colouring, chart, near, address],  # all models share one gallery: the rest stays
        **READING,
    }
    # A list of all pictures would take as long as the map itself each time the tab opens: it comes when it is wanted.
    point.focus(lambda: gr.update(choices=list(bench.index.ids)), None, point, queue=False, **PRIVATE)
    for control in (of, colouring, category):
        control.input(lambda: "", None, wrong, queue=False, **PRIVATE).then(**show)

    def reference(model: str, id: str | None) -> list[Any]:
        return asked_with(shelf.bench(model), id, None)[:2] if id else [gr.skip(), gr.skip()]

    into = [query.reference, query.picture]
    for pressed in (chart.select, near.select):
        pressed(plots.chosen, None, point, queue=False, **PRIVATE).success(
            told(reference), [shared.model, point], into, **READING
        ).success(**query.ask).success(**show)
    point.input(told(reference), [shared.model, point], into, **READING).success(**query.ask).success(**show)
    use.click(lambda: gr.Tabs(selected="query"), None, shared.tabs, queue=False, **PRIVATE)
    return MapTab(show, [shared.model, of, colouring, category, point, wrong], shelf)


def _view(
    shelf: Shelf,
    model: str,
    asked: Asked | None,
    of: int | None,
    colouring: str | None,
    category: str | None,
    point: str | None,
) -> list[Any]:
    bench = shelf.bench(model)
    of = of if of in _maps(bench) else 0
    category = category if category in bench.categories else ""
    colouring = colouring if colouring in atlas.colourings(bench.index) else atlas.colourings(bench.index)[0]
    point = point if point in bench.index.ids else None
    where = link(
        "map", model=bench.name if bench.name != shelf.default else "", component=of or "", colour=colouring,
        category=category, point=point,
    )  # fmt: skip
    return [
        Findings(bench).notice,
        _of(bench, of), _colouring(bench, colouring),
        _chart(bench, asked, of, colouring, category), _near(bench, point, of), link_to(where),
    ]  # fmt: skip


def _chart(bench: Workbench, asked: Asked | None, of: int, colouring: str, category: str) -> str:
    table, reason = Findings(bench).table("map")
    if table is None:
        return plots.told(reason, wording.MAP_TITLE, wording.MAP_QUESTION) if reason else NOTHING
    shown = atlas.points(table, bench.index, of, category, colouring)
    known = asked if asked is not None and asked.model == bench.name else None
    placed = atlas.place(table, bench.index, known.query, of) if known else None
    drawing = atlas.draw(shown, colouring, placed, known.results if known else (), known.reference if known else None)
    return drawn(
        drawing, wording.MAP_ALT.format(count=len(shown), colouring=colouring), title=wording.MAP_TITLE,
        question=wording.MAP_QUESTION, sentence=atlas.say(shown, colouring, of, placed), table=shown,
        name=f"{bench.name}-map-{of}", elem_id="map", clickable=True, tools=True, model=bench.name,
    )  # fmt: skip


def _near(bench: Workbench, point: str | None, of: int) -> str:
    if point is None:
        return dealt([], empty=wording.NEIGHBOURS_NONE)
    table = atlas.neighbours(bench.index, point, of)
    found = [plots.picture(bench, point, wording.THIS_ONE, mark=True)]
    found += [
        plots.picture(bench, r.id, wording.NEIGHBOUR_NOTE.format(distance=r.distance)) for r in table.itertuples()
    ]
    return dealt(
        found, wording.NEIGHBOURS.format(id=point), wording.NEIGHBOURS_QUESTION, table=table, name=f"near-{point}"
    )


def _look(shelf: Shelf, asked: list[str]) -> str:
    """Raises nothing: a browser may send anything."""
    try:
        model, id = asked
        bench = shelf.bench(model) if model in shelf.names else None
        return plots.address(bench.thumbnail(id)) if bench and id in bench.index.ids else ""
    except (QuestionError, TypeError, ValueError):
        return ""


# ---- choices ----


def _maps(bench: Workbench) -> list[int]:
    table, _ = Findings(bench).table("map")
    return [0] if table is None else atlas.available(table)


def _of_of(bench: Workbench, value: int) -> dict[str, Any]:
    names = [(wording.MAP_COMPONENT.format(component=c) if c else wording.MAP_WHOLE, c) for c in _maps(bench)]
    return {"choices": names, "value": value}


def _colouring_of(bench: Workbench, value: str) -> dict[str, Any]:
    known = atlas.colourings(bench.index)
    return {"choices": known, "value": value or known[0]}


def _category_of(bench: Workbench, value: str) -> dict[str, Any]:
    choices = [(wording.ALL, ""), *((name, name) for name in bench.categories)]
    return {"choices": choices, "value": value, "visible": bool(bench.categories)}


def _of(bench: Workbench, value: int) -> Any:
    return gr.update(**_of_of(bench, value))


def _colouring(bench: Workbench, value: str) -> Any:
    return gr.update(**_colouring_of(bench, value))
