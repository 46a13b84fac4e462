"""The paired test of the fit: the same text with a reference it fits and with one that lacks what it presupposes."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from analysis.experiments import Experiments
from analysis.plots import COLOURS, INK, LABELS, NAMED, escaped, plain, whiskers
from analysis.studies.samples import spread
from hug.evaluate.bootstrap import interval
from hug.evaluate.measurements import Metric
from hug.gaussians import SOURCES

EXAMPLES = 6


def measure(experiments: Experiments) -> pd.DataFrame:
    """Columns source, pairs, share, low, high: share of texts with a larger variance beside the reference that lacks.

    That of the words must be 0.5: the text alone can tell nothing. That of the picture shows whether the two
    references differ in plain picture quality, which would ruin the pairing.
    """
    queries = experiments.coordination
    rows = []
    for source in SOURCES:
        lacks, fits = (getattr(q, f"var_{source}").mean((1, 2)).numpy() for q in (queries.lacks, queries.fits))
        share = interval(np.mean, (lacks > fits) + 0.5 * (lacks == fits), draws=experiments.effort.draws)
        rows.append((LABELS[source], len(fits), *share))
    return pd.DataFrame(rows, columns=["source", "pairs", "share", "low", "high"])


def metrics(experiments: Experiments, table: pd.DataFrame) -> list[Metric]:
    return [Metric(f"accuracy.coordination.{r.source}", r.share, r.low, r.high, r.pairs) for r in table.itertuples()]


def draw(table: pd.DataFrame) -> go.Figure:
    figure = go.Figure()
    for source, part in table.groupby("source", sort=False):
        figure.add_scatter(
            x=part.share, y=part.source, mode="markers", marker={"size": 12, "color": NAMED[source]}, showlegend=False,
            error_x=whiskers(part, "share", thickness=None, width=None),
        )  # fmt: skip
    figure.add_vline(x=0.5, line={"color": INK, "dash": "dash"})
    figure.update_xaxes(title="share of pairs in which the conflicting one is less certain (0.5: chance)", range=[0, 1])
    return plain(figure, 220)


def say(table: pd.DataFrame) -> str:
    share = table.set_index("source")
    fit = share.loc["fit"]
    seen = "tells" if fit.low > 0.5 else "tells the wrong way round" if fit.high < 0.5 else "does not tell"
    text = (
        f"Over {int(fit.pairs)} texts, each with a reference it fits and one it conflicts with, the fit's variance "
        f"{seen} the two apart ({100 * fit.share:.0f} % [{100 * fit.low:.0f}, {100 * fit.high:.0f}]; chance is 50 %)."
    )
    picture = share.loc["picture"]
    ruined = "" if picture.low <= 0.5 <= picture.high else ", which ruins the pairing"
    return text + (
        f" The control: the words' variance gives {100 * share.share['words']:.0f} %, as the text is the same; the "
        f"picture's {100 * picture.share:.0f} % [{100 * picture.low:.0f}, {100 * picture.high:.0f}]{ruined}."
    )


# ---- examples ----


def measure_examples(experiments: Experiments) -> pd.DataFrame:
    """Six pairs evenly from the clearest to the most mistaken, of those whose pictures the gallery has.

    Columns text, fits, lacks (ids), var_fits, var_lacks.
    """
    queries = experiments.coordination
    table = pd.DataFrame({
        "text": queries.texts, "fits": [p.fits for p in queries.pairs], "lacks": [p.lacks for p in queries.pairs],
        "var_fits": queries.fits.var_m.mean((1, 2)).numpy(), "var_lacks": queries.lacks.var_m.mean((1, 2)).numpy(),
    })  # fmt: skip
    ids = set(experiments.index.ids)
    inside = table[table.fits.isin(ids) & table.lacks.isin(ids)]
    table = (inside if len(inside) >= EXAMPLES else table).reset_index(drop=True)
    rows, _ = spread((table.var_fits / table.var_lacks).to_numpy(), EXAMPLES)
    return table.iloc[rows].reset_index(drop=True)


def draw_examples(table: pd.DataFrame) -> go.Figure:
    figure, names = go.Figure(), [f"{n}. {text}" for n, text in enumerate(escaped(table.text, 48), 1)]
    for column, name, symbol in (("var_fits", "fits", "circle-open"), ("var_lacks", "conflicts", "x")):
        figure.add_scatter(
            x=table[column], y=names, name=name, mode="markers",
            marker={"symbol": symbol, "size": 11, "color": COLOURS["m"]},
        )  # fmt: skip
    figure.update_yaxes(autorange="reversed")
    return plain(figure, 300, x="variance of the fit")


def say_examples(table: pd.DataFrame) -> str:
    right = int((table.var_lacks > table.var_fits).sum())
    return (
        f"{len(table)} pairs, evenly from the clearest to the most mistaken: in {right} the conflicting one is the "
        "less certain."
    )
