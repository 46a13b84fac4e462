"""One query as tables, and the figures drawn from them: where it stands among others. Components are from 1."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.plots import COLOURS, FAINT, INK, LABELS, bars, inked, matrix, plain
from hug.calibration import NAMES, Calibration
from hug.calibration import variances as source_variances
from hug.gaussians import SOURCES, Query, merge
from hug.retrieval.index import Index
from hug.retrieval.trace import QueryTrace

UNUSUAL = 85.0  # percentile above which a source is worth a sentence: a fifth of the references is degraded, and
# at the 80th, where they begin, clean pictures were called unclear


def split(trace: QueryTrace) -> pd.DataFrame:
    """Columns source (r, t, m, q), name, variance (mean over K and D), percentile (0-100 or missing).

    No words are the vaguest words: their percentile is 100 where percentiles are known.
    """
    rows = [(name, LABELS[name], variance, trace.percentiles[name]) for name, variance in trace.means.items()]
    table = pd.DataFrame(rows, columns=["source", "name", "variance", "percentile"]).astype({"percentile": float})
    if not trace.words and table.percentile.notna().all():
        table.loc[table.source == "t", "percentile"] = 100.0
    return table


def trusted(table: pd.DataFrame, untrusted: Collection[str]) -> pd.DataFrame:
    """The rows of `split` of reference, words and fit whose percentile is known and not at chance on the test split."""
    return table[table.source.isin(SOURCES) & ~table.source.isin(list(untrusted))].dropna()


def verdict(table: pd.DataFrame, untrusted: Collection[str] = ()) -> str | None:
    """The source (r, t or m) that stands out most among validation queries; "" for none, None when unknown.

    A source that is at chance on the test split is never named.
    """
    rows = trusted(table, untrusted)
    if not len(rows):
        return None
    first = rows.loc[rows.percentile.idxmax()]
    return str(first.source) if first.percentile > UNUSUAL else ""


def validation(calibration: Calibration, source: str, bins: int = 28) -> tuple[np.ndarray, float, float]:
    """Shares (bins,) of the validation queries by a source's mean variance, on a log scale; its lowest and highest."""
    values = calibration.values[source]
    logs = np.log(np.maximum(values, max(float(values.max()) * 1e-6, 1e-12)))
    counts, edges = np.histogram(logs, bins)
    return counts / len(values), float(edges[0]), float(edges[-1])


def merges(trace: QueryTrace) -> pd.DataFrame:
    """(2 rows) columns fusion (dynamic, static), overall (mean merged variance), least and most (weight of a source).

    Ranks are the same under both: the query's variance is the same for every candidate.
    """
    q, rows = trace.query, []
    for name in ("dynamic", "static"):
        var, weights = merge(q.var_r, q.var_t, q.var_m, dynamic=name == "dynamic")
        rows.append((name, float(var.mean()), *map(float, weights.mean(-1).aminmax())))
    return pd.DataFrame(rows, columns=["fusion", "overall", "least", "most"])


def say_merges(table: pd.DataFrame) -> str:
    """Both merges in a sentence, from `merges`."""
    dynamic, static = table.set_index("fusion").loc[["dynamic", "static"]].itertuples()
    return (
        f"Overall doubt: {dynamic.overall:.4f} with dynamic weights ({dynamic.least:.3f} to {dynamic.most:.3f}), "
        f"{static.overall:.4f} with static ones."
    )


def moves(before: Sequence[str] | None, now: Sequence[str]) -> list[int | None]:
    """Places gained (above 0) or lost by each result against an earlier list; None for one that was not in it."""
    places = {id: n for n, id in enumerate(before or ())}
    return [places[id] - n if id in places else None for n, id in enumerate(now)]


def variances(trace: QueryTrace) -> pd.DataFrame:
    """(K rows) columns component, picture, words, fit, overall: variances, means over D."""
    means = {LABELS[name]: var[0].mean(-1).numpy() for name, var in source_variances(trace.query).items()}  # (K,) each
    return pd.DataFrame({"component": range(1, trace.query.var.shape[1] + 1), **means})


def weights(trace: QueryTrace) -> pd.DataFrame:
    """(3 * K rows) columns source, component, weight (mean over D; Eq. 11), difference (from 1/3)."""
    means = trace.query.weights[0].mean(-1).tolist()  # (3, K)
    rows = [(LABELS[s], c, weight) for s, row in zip(SOURCES, means, strict=True) for c, weight in enumerate(row, 1)]
    return pd.DataFrame(rows, columns=["source", "component", "weight"]).eval("difference = weight - 1 / 3")


def results(trace: QueryTrace) -> pd.DataFrame:
    """(k rows) columns rank, id, distance (Eq. 15), uncertainty (the picture's own mean variance)."""
    ids = trace.ranking.ids[0]
    distances, uncertainty = trace.ranking.distances[0, : len(ids)].numpy(), trace.candidates.overall.numpy()
    return pd.DataFrame({"rank": range(1, len(ids) + 1), "id": ids, "distance": distances, "uncertainty": uncertainty})


def rank_of(index: Index, trace: QueryTrace, id: str) -> tuple[int, int]:
    """Rank of a picture, from 1, among all that may be ranked, and how many these are.

    Raises ValueError when it is none of them.
    """
    ids = index.rank(trace.query, replace(trace.options, k=len(index))).ids[0]
    return ids.index(id) + 1, len(ids)


def gallery_percentiles(index: Index, query: Query) -> pd.DataFrame:
    """Columns component, variance, percentile: the query's picture in each component, among the gallery's pictures.

    Highest percentile first; the reference picture and the gallery share one estimator, so they compare.
    """
    own, gallery = query.var_r[0].mean(-1).numpy(), index.gaussians.var.mean(-1).numpy()  # (K,), (N, K)
    percentiles = 50 * ((gallery < own).mean(0) + (gallery <= own).mean(0))
    table = pd.DataFrame({"component": range(1, len(own) + 1), "variance": own, "percentile": percentiles})
    return table.sort_values("percentile", ascending=False, kind="stable").reset_index(drop=True)


def draw_split(table: pd.DataFrame, untrusted: Collection[str] = ()) -> go.Figure:
    """Percentiles as bars, each beside its number; the line is where a source counts as unusual, grey: `untrusted`."""
    names = table["name"] + [f" {percentile:.0f}" for percentile in table.percentile]
    colours = [FAINT if source in untrusted else COLOURS[source] for source in table.source]
    style = {"orientation": "h", "hovertemplate": "%{y}<extra></extra>", "marker_color": colours}
    figure = go.Figure(go.Bar(y=names, x=table.percentile, customdata=table.source, **style))
    note = {"text": f"unusual above {UNUSUAL:g}", "font_color": INK, "y": 1, "yanchor": "bottom", "xanchor": "right"}
    figure.add_vline(x=UNUSUAL, line={"color": INK, "dash": "dash"}, annotation=note)
    figure.update_xaxes(title="percentile among validation queries", range=[0, 101])
    figure.update_yaxes(autorange="reversed")
    return plain(figure, 230)


def draw_variances(table: pd.DataFrame) -> go.Figure:
    """One row of bars a source and one for the merge, each on its own scale from zero: sources differ in size."""
    figure = make_subplots(rows=4, cols=1, shared_xaxes=True, vertical_spacing=0.05)
    for row, source in enumerate(NAMES, 1):
        name, hover = LABELS[source], f"{LABELS[source]}, component %{{x}}: %{{y:.4f}}"
        style = {"marker_color": COLOURS[source], "customdata": table.component}
        bars(figure, row, table.component, table[name], name, hover, **style)
        figure.update_yaxes(title_text=name, row=row, col=1)
    figure.update_yaxes(rangemode="tozero", nticks=3)
    figure.update_xaxes(title_text="component", row=4, col=1)
    return inked(figure, 420).update_layout(showlegend=False, bargap=0.25)


def draw_weights(table: pd.DataFrame) -> go.Figure:
    """A 3 x K map of differences from 1/3, on a scale centred at zero."""
    hover, sources = "%{y}, component %{x}: %{z:+.4f}", [LABELS[s] for s in SOURCES]
    figure = matrix(table, "source", "component", "difference", sources, True, hover, least=1e-4)
    above = {"orientation": "h", "thickness": 10, "y": 1.05, "yanchor": "bottom"}
    figure.update_traces(colorbar={"title": {"text": "weight − 1/3", "side": "top"}, **above})
    figure.update_xaxes(title={"text": "component", "standoff": 24})
    return figure.update_layout(height=280, margin={"t": 60, "b": 65})
