"""From certain to uncertain: pictures, words and fits of one model, evenly over their order."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from analysis.experiments import Experiments, spread_rows
from analysis.plots import NAMED, escaped, listed, plain

EACH = 60  # samples a side
SIDES = {"target": "overall", "reference": "picture", "words": "words", "fit": "fit"}  # side -> colour's name


def spread(values: np.ndarray, count: int = EACH) -> tuple[np.ndarray, np.ndarray]:
    """Rows of `count` values evenly over their order, with their places (0 least, 1 most); ties keep order."""
    rows = spread_rows(len(values), count)
    return np.argsort(values, kind="stable")[rows], rows / max(len(values) - 1, 1)


def measure(experiments: Experiments) -> pd.DataFrame:
    """Columns side, place, value, id, text: targets from the gallery; references, words and fit from the queries."""
    index = experiments.index
    sides = {"target": pd.DataFrame({"value": index.gaussians.overall.numpy(), "id": index.ids, "text": ""})}
    if experiments.data is not None:
        queries = experiments.visible_queries.rename(columns={"reference": "id"})
        pictures, words = queries.drop_duplicates("id"), queries.drop_duplicates("text")
        sides["reference"] = pictures.assign(value=pictures.r, text="")
        sides["words"], sides["fit"] = words.assign(value=words.t, id=""), queries.assign(value=queries.m)
    tables = []
    for side, table in sides.items():
        rows, places = spread(table.value.to_numpy())
        tables.append(table[["value", "id", "text"]].iloc[rows].assign(side=side, place=places))
    return pd.concat(tables, ignore_index=True)[["side", "place", "value", "id", "text"]]


def draw(table: pd.DataFrame) -> go.Figure:
    figure = go.Figure()
    for place, (side, part) in enumerate(table.groupby("side", sort=False)):
        text = [" · ".join(filter(None, pair)) for pair in zip(escaped(part.id), escaped(part.text), strict=True)]
        figure.add_scatter(
            x=part.place, y=part.value, name=side, mode="markers", text=text, customdata=part.id,
            marker={"color": NAMED[SIDES[side]], "symbol": ("circle", "square", "diamond", "cross")[place]},
            hovertemplate="%{text}<br>variance %{y:.4f}<extra></extra>",
        )  # fmt: skip
    figure.update_yaxes(type="log")
    return plain(figure, x="from the least to the most uncertain", y="mean variance")


def say(table: pd.DataFrame) -> str:
    ends = table.groupby("side", sort=False).value.agg(["min", "max"])
    factors = [f"{side} ×{row['max'] / row['min']:.3g}" for side, row in ends.iterrows()]
    return f"From the least to the most uncertain sample the variance grows by: {listed(factors)}."
