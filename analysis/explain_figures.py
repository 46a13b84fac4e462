"""The figures of `analysis/explain.py`."""

from __future__ import annotations

import html

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.query import COLOURS, plain

ONE, OTHER = "#4d4d4d", "#a6a6a6"  # two candidates: none of the sources' colours
FOR, AGAINST = "#2166ac", "#b2182b"  # the ends of the diverging scale
UNREAD = 0.25  # opacity


def draw_parts(table: pd.DataFrame, first: str, second: str) -> go.Figure:
    """Above, what each component adds to two distances; below, the differences (blue: speaks for the first)."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    labels = ["bias" if component == 0 else str(component) for component in table.component]
    for name, id, colour in (("first", first, ONE), ("second", second, OTHER)):
        hover = f"{html.escape(id)}, sub-feature %{{x}}: %{{y:.4f}}<extra></extra>"
        figure.add_bar(
            x=labels, y=table[name], name=html.escape(id), marker_color=colour, hovertemplate=hover, row=1, col=1
        )
    figure.add_bar(
        x=labels, y=table.difference, name="difference", showlegend=False,
        marker_color=[FOR if value >= 0 else AGAINST for value in table.difference],
        hovertemplate="sub-feature %{x}: %{y:+.4f}<extra></extra>", row=2, col=1,
    )  # fmt: skip
    bound = 1.05 * max(float(table.difference.abs().max()), 1e-6)
    figure.update_yaxes(title_text="part", row=1, col=1)
    figure.update_yaxes(title_text="difference", range=[-bound, bound], row=2, col=1)
    figure.update_xaxes(type="category")
    figure.update_xaxes(title_text="sub-feature", row=2, col=1)
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    return plain(figure, height=380).update_layout(barmode="group", bargap=0.2, legend=legend, margin_t=40)


def draw_words(table: pd.DataFrame) -> go.Figure:
    """Change of the words' and the fit's variance without each word; faint where the word is not read."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    words = [html.escape(word) for word in table.word]
    for row, (name, source) in enumerate((("words", "t"), ("fit", "m")), 1):
        figure.add_bar(
            x=table.place, y=table[name], name=name, customdata=words,
            marker={"color": COLOURS[source], "opacity": [1.0 if read else UNREAD for read in table.read]},
            hovertemplate=f"without %{{customdata}}: {name} %{{y:+.4f}}<extra></extra>", row=row, col=1,
        )  # fmt: skip
        bound = 1.1 * max(float(table[name].abs().max()), 1e-6)
        figure.update_yaxes(title_text=name, range=[-bound, bound], row=row, col=1)
    figure.update_xaxes(tickmode="array", tickvals=table.place, ticktext=words, row=2, col=1)
    return plain(figure, height=320).update_layout(showlegend=False, bargap=0.3, margin_b=70)


def draw_severities(table: pd.DataFrame) -> go.Figure:
    """The picture's, the fit's and the overall doubt against severity, each on its own scale from zero."""
    figure = make_subplots(rows=1, cols=3, horizontal_spacing=0.12)
    for col, (name, source) in enumerate((("picture", "r"), ("fit", "m"), ("overall", "q")), 1):
        figure.add_scatter(
            x=table.severity, y=table[name], name=name, mode="lines+markers", line_color=COLOURS[source],
            hovertemplate=f"severity %{{x}}: {name} %{{y:.4f}}<extra></extra>", row=1, col=col,
        )  # fmt: skip
        figure.update_yaxes(title_text=name, row=1, col=col)
    figure.update_yaxes(rangemode="tozero", nticks=4)
    figure.update_xaxes(title_text="severity", dtick=1)
    return plain(figure, height=240).update_layout(showlegend=False)
