"""The paper's Figure 4, left, with numbers: samples from certain to uncertain, degradations, and the paired test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.ground import Ground
from analysis.intervals import mean_intervals
from analysis.plots import COLOURS, INK, LABELS, NAMED, NOTHING, curve, escaped, listed, plain, sentence
from hug.data.captions import joined
from hug.data.corruptions import TRAINED, UNSEEN
from hug.evaluate.metrics import bootstrap_rows, paired_accuracy
from hug.evaluate.ranking import encode_pictures
from hug.evaluate.uncertainty import SEVERITIES

EACH = 60  # samples a side
EXAMPLES = 6
SIDES = {"target": "overall", "reference": "picture", "words": "words", "fit": "fit"}  # side -> colour's name


# ---- samples ----


def spread(values: np.ndarray, count: int = EACH) -> tuple[np.ndarray, np.ndarray]:
    """Rows of `count` values evenly over their order, with their places (0 least, 1 most); ties keep order."""
    order = np.argsort(values, kind="stable")
    chosen = np.linspace(0, len(values) - 1, min(count, len(values))).round().astype(int)
    return order[chosen], chosen / max(len(values) - 1, 1)


def samples(ground: Ground) -> pd.DataFrame:
    """Targets from the gallery; references, words and fit from the queries, those with a picture in the gallery."""
    index = ground.index
    found = [_samples("target", index.gaussians.overall.numpy(), index.ids, [""] * len(index))]
    if ground.data is not None:
        known = shown(ground)
        pictures, words = known.drop_duplicates("reference"), known.drop_duplicates("text")
        found += [
            _samples("reference", pictures.r.to_numpy(), list(pictures.reference), [""] * len(pictures)),
            _samples("words", words.t.to_numpy(), [""] * len(words), list(words.text)),
            _samples("fit", known.m.to_numpy(), list(known.reference), list(known.text)),
        ]
    return pd.concat(found, ignore_index=True)


def shown(ground: Ground) -> pd.DataFrame:
    """The queries whose reference the gallery can show; all of them where those are too few."""
    inside = ground.questions[ground.questions.reference.isin(set(ground.index.ids))]
    return inside if len(inside) >= EACH else ground.questions


def _samples(side: str, values: np.ndarray, ids: Sequence[str], texts: Sequence[str]) -> pd.DataFrame:
    rows, places = spread(values)
    return pd.DataFrame(
        {
            "side": side,
            "place": places,
            "value": values[rows],
            "id": [ids[n] for n in rows],
            "text": [texts[n] for n in rows],
        }
    )


def draw_samples(table: pd.DataFrame) -> go.Figure:
    figure = go.Figure()
    for place, (side, part) in enumerate(table.groupby("side", sort=False)):
        text = [" · ".join(filter(None, pair)) for pair in zip(escaped(part.id), escaped(part.text), strict=True)]
        figure.add_scatter(
            x=part.place, y=part.value, name=side, mode="markers", text=text, customdata=part.id,
            marker={"color": NAMED[SIDES[side]], "symbol": ("circle", "square", "diamond", "cross")[place]},
            hovertemplate="%{text}<br>variance %{y:.4f}<extra></extra>",
        )  # fmt: skip
    figure.update_yaxes(type="log", title="mean variance")
    figure.update_xaxes(title="from the least to the most uncertain")
    return plain(figure)


def say_samples(table: pd.DataFrame) -> str:
    if table.empty:
        return NOTHING
    ends = table.groupby("side", sort=False).value.agg(["min", "max"])
    told = [f"{side} ×{row['max'] / row['min']:.3g}" for side, row in ends.iterrows()]
    return f"From the least to the most uncertain sample the variance grows by: {listed(told)}."


# ---- degradations ----


FACTORS = (0.1, 0.2, 0.5, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 3, 5, 10, 20, 50, 100)  # as the axis names log variances


def severity(ground: Ground) -> pd.DataFrame:
    """Change of the pictures' log mean variance against severity 0, of the same pictures, per kind of fault."""
    return pd.concat([_curve(ground, kind) for kind in (*TRAINED, *UNSEEN)], ignore_index=True)


def _curve(ground: Ground, kind: str) -> pd.DataFrame:
    tokens = ground.degraded(kind)
    found = encode_pictures(ground.model, tokens, range(len(tokens))).overall.log().numpy()
    logs = found.reshape(len(SEVERITIES), -1)  # (6, N)
    value, low, high = mean_intervals((logs - logs[0]).T, ground.effort.draws)
    seen = "trained" if kind in TRAINED else "unseen"
    return pd.DataFrame(
        {"kind": kind, "seen": seen, "severity": list(SEVERITIES), "value": value, "low": low, "high": high}
    )


def draw_severity(table: pd.DataFrame) -> go.Figure:
    figure = make_subplots(rows=1, cols=2, shared_yaxes=True, subplot_titles=["seen in training", "never seen"])
    for place, (_, part) in enumerate(table.groupby("kind", sort=False)):
        column = 1 if part.seen.iloc[0] == "trained" else 2
        curve(figure, part, "severity", "value", part.kind.iloc[0], place, row=1, col=column)
    figure.update_xaxes(title="severity", zeroline=False)
    figure.update_yaxes(tickvals=np.log(FACTORS), ticktext=[f"×{factor:g}" for factor in FACTORS])
    figure.update_yaxes(title="variance against severity 0", col=1)
    return plain(figure, 380).update_layout(legend_y=-0.25, legend_yanchor="top")


def say_severity(table: pd.DataFrame) -> str:
    if table.empty:
        return NOTHING
    told = []
    for seen, part in table.groupby("seen", sort=False):
        kinds = {kind: rows.sort_values("severity") for kind, rows in part.groupby("kind", sort=False)}
        rising = [kind for kind, rows in kinds.items() if (np.diff(rows.value) > 0).all()]
        worst = {kind: rows.iloc[-1] for kind, rows in kinds.items()}
        above = [kind for kind, last in worst.items() if last.low > 0]
        factors = [f"{kind} ×{np.exp(last.value):.1f}" for kind, last in worst.items()]
        told.append(
            f"{seen} kinds: the variance rises at every step for {len(rising)} of {len(kinds)} and is higher at "
            f"severity {int(part.severity.max())}, beyond chance, for {len(above)} of {len(kinds)} ({listed(factors)})"
        )
    return sentence(told)


# ---- coordination, paired ----

PAIRED = ("source", "pairs", "share", "low", "high")
EXAMPLE = ("text", "fits", "lacks", "var_fits", "var_lacks")


def coordination(ground: Ground) -> pd.DataFrame:
    """Share of texts with a larger variance beside a reference that lacks what they presuppose, per source."""
    _, fits, lacks = ground.pairs
    rows = []
    for source in "rtm":
        a, b = (getattr(q, f"var_{source}").mean((1, 2)).numpy() for q in (lacks, fits))
        found = bootstrap_rows(paired_accuracy, a, b, draws=ground.effort.draws)
        rows.append((LABELS[source], len(a), found.value, found.low, found.high))
    return pd.DataFrame(rows, columns=list(PAIRED))


def draw_coordination(table: pd.DataFrame) -> go.Figure:
    figure = go.Figure()
    for row in table.itertuples():
        figure.add_scatter(
            x=[row.share], y=[row.source], mode="markers", showlegend=False,
            marker={"size": 12, "color": NAMED[row.source]},
            error_x={"type": "data", "symmetric": False, "array": [row.high - row.share],
                     "arrayminus": [row.share - row.low]},
        )  # fmt: skip
    figure.add_vline(x=0.5, line={"color": INK, "dash": "dash"})
    figure.update_xaxes(title="share of pairs in which the conflicting one is less certain (0.5: chance)", range=[0, 1])
    return plain(figure, 220)


def say_coordination(table: pd.DataFrame) -> str:
    if table.empty:
        return NOTHING
    share = table.set_index("source")
    fit = share.loc["fit"]
    seen = "tells" if fit.low > 0.5 else "tells the wrong way round" if fit.high < 0.5 else "does not tell"
    text = (
        f"Over {int(fit.pairs)} texts, each with a reference it fits and one it conflicts with, the fit's variance "
        f"{seen} the two apart ({100 * fit.share:.0f} % [{100 * fit.low:.0f}, {100 * fit.high:.0f}]; chance is 50 %)."
    )
    picture = share.loc["picture"]
    spoiled = "" if picture.low <= 0.5 <= picture.high else ", which spoils the pairing"
    return text + (
        f" The control: the words' variance gives {100 * share.share['words']:.0f} %, as the text is the same; the "
        f"picture's {100 * picture.share:.0f} % [{100 * picture.low:.0f}, {100 * picture.high:.0f}]{spoiled}."
    )


def coordination_examples(ground: Ground) -> pd.DataFrame:
    """Six pairs evenly from the clearest to the most mistaken, of those whose pictures the gallery has."""
    pairs, fits, lacks = ground.pairs
    table = pd.DataFrame(
        {
            "text": [joined(p.captions) for p in pairs],
            "fits": [p.fits for p in pairs],
            "lacks": [p.lacks for p in pairs],
            "var_fits": fits.var_m.mean((1, 2)).numpy(),
            "var_lacks": lacks.var_m.mean((1, 2)).numpy(),
        }
    )
    known = set(ground.index.ids)
    inside = table[table.fits.isin(known) & table.lacks.isin(known)]
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
    figure.update_xaxes(title="variance of the fit")
    return plain(figure, 300)


def say_examples(table: pd.DataFrame) -> str:
    if table.empty:
        return NOTHING
    right = int((table.var_lacks > table.var_fits).sum())
    return (
        f"{len(table)} pairs, evenly from the clearest to the most mistaken: in {right} the conflicting one is the "
        "less certain."
    )
