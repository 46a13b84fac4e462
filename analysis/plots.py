"""The look that all figures share: no background, one ink, one colour for one thing."""

import html
from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go

LABELS = {"r": "picture", "t": "words", "m": "fit", "q": "overall"}
COLOURS = {"r": "#0072B2", "t": "#E69F00", "m": "#009E73", "q": "#7A7A7A"}
NAMED = {LABELS[source]: colour for source, colour in COLOURS.items()}  # the same by the names people read
ORDER = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#7A7A7A")  # readable without colour sight
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid")  # never colour alone
MARKS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star")
INK = "#808080"  # reads on light and on dark
VERMILION = "#D55E00"  # what is marked among others
CLEAR = "rgba(0,0,0,0)"
FAINT = "rgba(128,128,128,0.55)"  # what counts for less
NOTHING = "There is nothing to say: the table is empty."


def inked(figure: go.Figure, height: int, top: int = 10, bottom: int = 45) -> go.Figure:
    """No background of its own and one ink, so that the figure fits a light and a dark page."""
    font = {"family": "system-ui, sans-serif", "size": 12, "color": INK}
    margin = {"l": 60, "r": 10, "t": top, "b": bottom}
    look = {"template": "none", "paper_bgcolor": CLEAR, "plot_bgcolor": CLEAR}
    figure.update_layout(height=height, margin=margin, font=font, **look)
    figure.update_xaxes(showgrid=False, linecolor=INK, tickcolor=INK)
    return figure.update_yaxes(gridcolor="rgba(128,128,128,0.25)", zerolinecolor=INK)


def plain(figure: go.Figure, height: int = 340, least: int = 0, **titles: str) -> go.Figure:
    """A study's figure: inked, with its legend above and room for long labels; `titles` of the axes x and y.

    Where the page is narrower than `least` pixels, it is scrolled sideways.
    """
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom"}
    inked(figure, height, top=30, bottom=20).update_layout(legend=legend, meta={"least": least})
    figure.update_xaxes(automargin=True, title_standoff=8)
    figure.update_yaxes(automargin=True, title_standoff=8, ticklabelstandoff=4)
    return figure.update_layout({f"{axis}axis_title_text": title for axis, title in titles.items()})


def estimate(row: Any, column: str, form: str = "+.2f") -> str:
    """A row's value with its interval, low and high, as "value [low, high]"."""
    return f"{getattr(row, column):{form}} [{row.low:{form}}, {row.high:{form}}]"


def look(place: int) -> dict[str, Any]:
    """Colour, dash and mark of one line among several, as arguments of a scatter."""
    line = {"color": ORDER[place % len(ORDER)], "dash": DASHES[(place + place // len(ORDER)) % len(DASHES)]}
    return {"line": line, "marker": {"symbol": MARKS[place % len(MARKS)]}}


def curve(figure: go.Figure, table: pd.DataFrame, x: str, y: str, name: str, place: int = 0, **place_in: int) -> None:
    """One line with markers; whiskers where the table has `low` and `high`. `place` picks colour, dash and mark."""
    figure.add_scatter(
        x=table[x], y=table[y], name=name, mode="lines+markers", error_y=whiskers(table, y), **look(place), **place_in
    )


def bars(
    figure: go.Figure, row: int, x: Sequence[Any] | pd.Series, y: pd.Series, name: str, hover: str, **style: Any
) -> None:
    """Bars in one of the rows of a figure."""
    figure.add_bar(x=x, y=y, name=name, hovertemplate=hover + "<extra></extra>", row=row, col=1, **style)


def whiskers(table: pd.DataFrame, y: str, **look: object) -> dict[str, object] | None:
    """Error bars from the columns low and high."""
    if "low" not in table:
        return None
    up, down = (table.high - table[y]).clip(lower=0), (table[y] - table.low).clip(lower=0)
    return {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "thickness": 1, "width": 2, **look}


def matrix(
    table: pd.DataFrame, row: str, column: str, value: str, rows: Sequence[str], centred: bool, hover: str,
    least: float = 1e-9,
) -> go.Figure:  # fmt: skip
    """A map of `value`; centred at zero on a diverging scale, at least to `least`, or from zero in cividis."""
    wide = table.pivot(index=row, columns=column, values=value) if len(table) else pd.DataFrame()
    wide = wide.reindex([r for r in rows if r in wide.index])
    bound = max(float(table[value].abs().max()), least) if len(table) else 1.0
    scale = {"colorscale": "RdBu_r" if centred else "Cividis", "zmin": -bound if centred else 0, "zmax": bound}
    figure = go.Figure().add_heatmap(
        z=wide.to_numpy(), x=list(wide.columns), y=list(wide.index), xgap=1, ygap=1, **scale,
        colorbar={"thickness": 10}, hovertemplate=hover + "<extra></extra>",
    )  # fmt: skip
    figure.update_yaxes(autorange="reversed")
    return plain(figure, 130 + 24 * max(len(wide), 4), x=column)


def escaped(texts: pd.Series | Sequence[str], longest: int = 70) -> list[str]:
    """Texts as a figure may show them: what somebody wrote is never markup."""
    return [html.escape(t if len(t) <= longest else t[: longest - 1] + "…") for t in map(str, texts)]


def listed(items: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"; "none" for nothing."""
    if len(items) < 2:
        return items[0] if items else "none"
    return f"{', '.join(items[:-1])} and {items[-1]}"


def sentence(parts: Sequence[str], between: str = "; ") -> str:
    """Parts as one sentence with a capital and a full stop."""
    text = between.join(parts)
    return text[:1].upper() + text[1:] + "."
