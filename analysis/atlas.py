"""The map of the gallery: prepared coordinates, colours, a new query's place, and who is near whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from analysis.component import category_rows, component_variances
from analysis.plots import CLEAR, INK, MARKS, NAMED, ORDER, VERMILION, plain
from analysis.studies.attributes import FAULTS
from hug.gaussians import Gaussians, Query
from hug.retrieval.index import Index

NEAREST = 10  # gallery pictures whose mean is a query's place
OVERALL, COMPONENT = "uncertainty: overall", "uncertainty: component "
SHADES = {  # of points whose label is a colour
    "black": "rgb(34, 34, 38)", "white": "rgb(238, 237, 234)", "grey": "rgb(139, 141, 145)", "red": "rgb(190, 32, 40)",
    "pink": "rgb(238, 140, 170)", "orange": "rgb(234, 122, 34)", "yellow": "rgb(248, 220, 74)",
    "green": "rgb(52, 132, 74)", "blue": "rgb(42, 84, 172)", "purple": "rgb(112, 58, 148)", "brown": "rgb(110, 70, 46)",
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """A query on the map: the mean place of its nearest pictures, an approximation."""

    x: float
    y: float
    ids: tuple[str, ...]  # the nearest pictures


def colourings(index: Index) -> list[str]:
    """What the points can be coloured by: every label of the gallery, then every uncertainty."""
    labels = [label for label, values in index.meta.items() if len(set(values)) > 1]
    components = index.gaussians.mu.shape[1]
    return [*labels, OVERALL, *(f"{COMPONENT}{c}" for c in range(1, components + 1))]


def available(table: pd.DataFrame) -> list[int]:
    """Components with a map of their own; 0 is the whole."""
    return sorted(int(c) for c in table.component.unique())


def points(table: pd.DataFrame, index: Index, component: int, category: str, colouring: str) -> pd.DataFrame:
    """Rows of one map: id, x, y, value (a label as text, or a mean variance), label (all labels, for people).

    Pictures that the gallery doesn't have are left out. Raises ValueError for what does not exist.
    """
    for what, choice, choices in (
        ("map of component", component, available(table)),
        ("colouring", colouring, colourings(index)),
    ):
        if choice not in choices:
            raise ValueError(f"there is no {what} {choice!r}; there are {', '.join(map(str, choices))}")
    labels = pd.DataFrame(index.meta, index=index.ids).drop(columns=[*FAULTS], errors="ignore")
    texts = [" ".join(row).strip() for row in labels.itertuples(index=False)]
    gallery = pd.DataFrame({"value": _values(index, colouring), "label": texts}, index=index.ids)
    gallery = gallery.iloc[category_rows(index, category)]
    places = table[table.component == component][["id", "x", "y"]]
    return places.merge(gallery, left_on="id", right_index=True).reset_index(drop=True)


def _values(index: Index, colouring: str) -> np.ndarray:
    if colouring in index.meta:
        return np.array(index.meta[colouring], dtype=object)
    component = 0 if colouring == OVERALL else int(colouring.removeprefix(COMPONENT))
    return component_variances(index, component)


def place_of(table: pd.DataFrame, index: Index, query: Query | Gaussians, component: int) -> Place:
    """The mean place of the query's nearest pictures by Eq. 15, in the whole gallery, or in one component alone."""
    where = table[table.component == component].set_index("id")
    near = where.loc[[i for i in _nearest(index, query, component).id if i in where.index]]
    return Place(float(near.x.mean()), float(near.y.mean()), tuple(near.index))


def neighbours(index: Index, id: str, component: int = 0) -> pd.DataFrame:
    """The nearest pictures of a gallery picture, without itself: columns id, distance (Eq. 15).

    Raises ValueError for an unknown id.
    """
    if id not in index.ids:
        raise ValueError(f"there is no picture {id!r} in this gallery")
    return _nearest(index, index.gaussians[[index.ids.index(id)]], component, exclude=[id])


def _nearest(
    index: Index, query: Query | Gaussians, component: int, exclude: Sequence[str] | None = None
) -> pd.DataFrame:
    components = None if component == 0 else [component - 1]
    ranking = index.search(query, NEAREST, exclude=exclude, components=components)
    return pd.DataFrame({"id": ranking.ids[0], "distance": ranking.distances[0, : len(ranking.ids[0])].numpy()})


def draw(
    rows: pd.DataFrame, colouring: str, place: Place | None = None, results: tuple[str, ...] = (),
    reference: str | None = None,
) -> go.Figure:  # fmt: skip
    """The map; a point's customdata is its id. Results as rings, the reference as a square, the query as a star."""
    figure = go.Figure(_traces(rows))
    ranks = {id: f"{rank}. result" for rank, id in enumerate(results, 1)}
    _mark(figure, rows, ranks, "results", "circle-open", 15)
    _mark(figure, rows, {reference or "": "the reference"}, "reference", "square-open", 18)
    if place is not None:
        star = {"symbol": "star", "size": 20, "color": VERMILION, "line": {"color": "white", "width": 1.5}}
        figure.add_scatter(x=[place.x], y=[place.y], mode="markers", name="query", hoverinfo="name", marker=star)
    figure.update_xaxes(visible=False).update_yaxes(visible=False)
    return plain(figure, 560).update_layout(
        margin={"l": 5, "r": 5, "t": 30, "b": 5}, dragmode="pan", hovermode="closest",
        modebar={"bgcolor": CLEAR, "color": INK, "activecolor": NAMED["picture"]},
        legend={"orientation": "h", "y": -0.02, "yanchor": "top", "itemsizing": "constant"},
        coloraxis={"colorscale": "Cividis", "colorbar": {"thickness": 10, "title": {"text": colouring, "side": "top"}}},
        coloraxis_colorbar={"orientation": "h", "len": 0.6, "y": 1, "yanchor": "bottom"},
    )  # fmt: skip


def _traces(rows: pd.DataFrame) -> list[go.Scatter]:
    """One trace on the colour scale, or one a label, each with a colour and a symbol of its own."""
    rows = rows.assign(text=rows.id.map(escape) + "<br>" + rows.label.map(escape))
    if pd.api.types.is_numeric_dtype(rows.value):
        rows = rows.sort_values("value", kind="stable")  # the few uncertain ones above the many certain ones
        texts = rows.text + [f"<br>variance {value:.3g}" for value in rows.value]
        return [_scatter(rows, texts, showlegend=False, marker={"color": rows.value, "coloraxis": "coloraxis"})]
    traces = []
    for n, (value, part) in enumerate(rows.groupby("value", sort=True)):
        look = {"symbol": MARKS[n % len(MARKS)], "color": SHADES.get(str(value), ORDER[n % len(ORDER)])}
        traces.append(_scatter(part, part.text, name=escape(str(value)), marker=look))
    return traces


def _scatter(rows: pd.DataFrame, texts: Sequence[str], marker: dict[str, Any], **look: Any) -> go.Scatter:
    marker = {"size": 7, "line": {"width": 0.5, "color": INK}, **marker}
    hover = {"customdata": rows.id, "text": texts, "hovertemplate": "%{text}<extra></extra>"}
    return go.Scatter(x=rows.x, y=rows.y, mode="markers", marker=marker, **hover, **look)


def _mark(figure: go.Figure, rows: pd.DataFrame, notes: dict[str, str], name: str, symbol: str, size: int) -> None:
    """A larger symbol around the points that have a note."""
    rows = rows[rows.id.isin(list(notes))]
    if len(rows):
        look = {"symbol": symbol, "size": size, "color": VERMILION, "line": {"width": 2, "color": VERMILION}}
        figure.add_trace(_scatter(rows, [f"{escape(id)}<br>{notes[id]}" for id in rows.id], look, name=name))


def say(rows: pd.DataFrame, colouring: str, component: int, place: Place | None) -> str:
    """What the map shows, and that a query's place is approximate."""
    what = "" if component == 0 else f" in component {component} alone"
    text = (
        f"{len(rows)} pictures, colours show {colouring}. Near points are alike to the model{what}; far ones need not "
        "be unlike."
    )
    if len(rows) and pd.api.types.is_numeric_dtype(rows.value):
        text += f" The variance lies between {rows.value.min():.3g} and {rows.value.max():.3g}."
    if place is not None:
        text += (
            f" The star is the current query at the mean of its {len(place.ids)} nearest pictures: an approximation,"
            " since the map was drawn without it. Rings are its results."
        )
    return text
