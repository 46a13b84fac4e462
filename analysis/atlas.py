"""The map of the gallery: prepared coordinates, colours, a new query's place, and who is near whom."""

from __future__ import annotations

import html
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from analysis.plots import INK, MARKS, NAMED, ORDER, plain
from hug.gaussians import Gaussians, Query
from hug.retrieval.index import Index

NEAREST = 10  # gallery pictures whose mean is a query's place
OVERALL, COMPONENT = "uncertainty: overall", "uncertainty: component "
PAINTED = {  # a label that is a colour, in that colour
    "black": "rgb(34, 34, 38)", "white": "rgb(238, 237, 234)", "grey": "rgb(139, 141, 145)", "red": "rgb(190, 32, 40)",
    "pink": "rgb(238, 140, 170)", "orange": "rgb(234, 122, 34)", "yellow": "rgb(248, 220, 74)",
    "green": "rgb(52, 132, 74)", "blue": "rgb(42, 84, 172)", "purple": "rgb(112, 58, 148)", "brown": "rgb(110, 70, 46)",
}  # fmt: skip


@dataclass(frozen=True)
class Placed:
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
    if component not in available(table):
        raise ValueError(f"there is no map of component {component}; there are {available(table)}")
    if colouring not in colourings(index):
        raise ValueError(f"there is no colouring {colouring!r}; there are {', '.join(colourings(index))}")
    if category and category not in index.meta.get("category", []):
        raise ValueError(f"there is no category {category!r} in this gallery")
    rows = pd.Series(range(len(index)), index=index.ids)
    found = table[(table.component == component) & table.id.isin(index.ids)][["id", "x", "y"]].reset_index(drop=True)
    places = rows.loc[found.id].to_numpy()
    found["value"] = _values(index, colouring)[places]
    labels = {name: np.array(values)[places] for name, values in index.meta.items()}
    said = [
        label for label in ("category", "colour", "pattern", "sleeve", "neckline", "length", "logo") if label in labels
    ]
    found["label"] = [" ".join(parts) for parts in zip(*(labels[n] for n in said), strict=True)] if said else ""
    if category:
        found = found[labels["category"] == category].reset_index(drop=True)
    return found


def _values(index: Index, colouring: str) -> np.ndarray:
    if colouring in index.meta:
        return np.array(index.meta[colouring], dtype=object)
    if colouring == OVERALL:
        return index.gaussians.overall.numpy()
    component = int(colouring.removeprefix(COMPONENT))
    return index.gaussians.var[:, component - 1].mean(-1).numpy()


def place(table: pd.DataFrame, index: Index, query: Query | Gaussians, component: int) -> Placed:
    """The mean place of the query's nearest pictures by Eq. 15, in the whole gallery, or in one component alone."""
    ranking = index.search(query, NEAREST, components=None if component == 0 else [component - 1])
    where = table[table.component == component].set_index("id")
    ids = tuple(i for i in ranking.ids[0] if i in where.index)
    middle = where.loc[list(ids), ["x", "y"]].mean()
    return Placed(float(middle.x), float(middle.y), ids)


def neighbours(index: Index, id: str, component: int = 0, count: int = NEAREST) -> pd.DataFrame:
    """The nearest pictures of a gallery picture, without itself: columns id, distance (Eq. 15).

    Raises ValueError for an unknown id.
    """
    if id not in index.ids:
        raise ValueError(f"there is no picture {id!r} in this gallery")
    own = index.gaussians[[index.ids.index(id)]]
    kept = None if component == 0 else [component - 1]
    ranking = index.search(own, count, exclude=[id], components=kept)
    return pd.DataFrame({"id": ranking.ids[0], "distance": ranking.distances[0, : len(ranking.ids[0])].numpy()})


def draw(
    shown: pd.DataFrame,
    colouring: str,
    placed: Placed | None = None,
    results: tuple[str, ...] = (),
    reference: str | None = None,
) -> go.Figure:
    """The map; a point's customdata is its id. Results as rings, the reference as a square, the query as a star."""
    figure = go.Figure()
    numeric = pd.api.types.is_numeric_dtype(shown.value)
    for trace in [_measured(shown)] if numeric else _labelled(shown):
        figure.add_trace(trace)
    ringed = shown[shown.id.isin(results)]
    if len(ringed):
        order = {id: n for n, id in enumerate(results, 1)}
        _mark(figure, ringed, "results", "circle-open", 15, [f"{order[i]}. result" for i in ringed.id])
    own = shown[shown.id == reference]
    if len(own):
        _mark(figure, own, "reference", "square-open", 18, ["the reference"])
    if placed is not None:
        figure.add_scatter(
            x=[placed.x], y=[placed.y], mode="markers", name="query", hoverinfo="name",
            marker={"symbol": "star", "size": 20, "color": "#D55E00", "line": {"color": "white", "width": 1.5}},
        )  # fmt: skip
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    plain(figure, 560)
    return figure.update_layout(
        margin={"l": 5, "r": 5, "t": 30, "b": 5}, dragmode="pan", hovermode="closest",
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": INK, "activecolor": NAMED["picture"]},
        legend={"orientation": "h", "y": -0.02, "yanchor": "top", "itemsizing": "constant"},
        coloraxis={"colorscale": "Cividis", "colorbar": {"thickness": 10, "title": {"text": colouring, "side": "top"}}},
        coloraxis_colorbar={"orientation": "h", "len": 0.6, "y": 1, "yanchor": "bottom"},
    )  # fmt: skip


def _measured(shown: pd.DataFrame) -> go.Scatter:
    shown = shown.sort_values("value", kind="stable")  # the few uncertain ones above the many certain ones
    return go.Scatter(
        x=shown.x, y=shown.y, mode="markers", customdata=shown.id, showlegend=False,
        text=[f"{_safe(r.id)}<br>{_safe(r.label)}<br>variance {r.value:.3g}" for r in shown.itertuples()],
        hovertemplate="%{text}<extra></extra>",
        marker={"size": 7, "color": shown.value, "coloraxis": "coloraxis", "line": {"width": 0.5, "color": INK}},
    )  # fmt: skip


def _labelled(shown: pd.DataFrame) -> list[go.Scatter]:
    """One trace a value, each with a colour and a symbol of its own."""
    traces = []
    for n, (value, part) in enumerate(shown.groupby("value", sort=True)):
        traces.append(
            go.Scatter(
                x=part.x, y=part.y, mode="markers", name=_safe(str(value)), customdata=part.id,
                text=[f"{_safe(r.id)}<br>{_safe(r.label)}" for r in part.itertuples()],
                hovertemplate="%{text}<extra></extra>",
                marker={
                    "size": 7, "symbol": MARKS[n % len(MARKS)], "color": PAINTED.get(str(value), ORDER[n % len(ORDER)]),
                    "line": {"width": 0.5, "color": INK},
                },
            )
        )  # fmt: skip
    return traces


def _mark(figure: go.Figure, rows: pd.DataFrame, name: str, symbol: str, size: int, texts: list[str]) -> None:
    figure.add_scatter(
        x=rows.x, y=rows.y, mode="markers", name=name, customdata=rows.id,
        text=[f"{_safe(i)}<br>{t}" for i, t in zip(rows.id, texts, strict=True)],
        hovertemplate="%{text}<extra></extra>",
        marker={"symbol": symbol, "size": size, "color": "#D55E00", "line": {"width": 2, "color": "#D55E00"}},
    )  # fmt: skip


def _safe(text: str) -> str:
    return html.escape(text)


def say(shown: pd.DataFrame, colouring: str, component: int, placed: Placed | None) -> str:
    """What the map shows, and that a query's place is approximate."""
    what = "" if component == 0 else f" in component {component} alone"
    text = (
        f"{len(shown)} pictures, colours show {colouring}. Near points are alike to the model{what}; far ones need not "
        "be unlike."
    )
    if len(shown) and pd.api.types.is_numeric_dtype(shown.value):
        text += f" The variance lies between {shown.value.min():.3g} and {shown.value.max():.3g}."
    if placed is not None:
        text += (
            f" The star is the current query at the mean of its {len(placed.ids)} nearest pictures: an approximation,"
            " since the map was drawn without it. Rings are its results."
        )
    return text
