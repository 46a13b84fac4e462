"""Where one query stands: its sources among the validation queries, its picture's components in the gallery."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd
import plotly.graph_objects as go

from analysis.plots import COLOURS, FAINT, INK, plain
from analysis.query import UNUSUAL, by_source
from hug.gaussians import Query
from hug.retrieval.index import Index
from hug.retrieval.trace import Calibration, mean_variances


def sources(query: Query, words: str, calibration: Calibration | None) -> pd.DataFrame:
    """Columns source (r, t, m, q), name, variance, percentile (0-100; missing without calibration).

    No words are the vaguest words: their percentile is 100 where percentiles are known.
    """
    means = mean_variances(query)
    return by_source(means, {n: calibration.percentile(n, v) if calibration else None for n, v in means.items()}, words)


def draw_sources(table: pd.DataFrame, untrusted: Collection[str] = ()) -> go.Figure:
    """Percentiles as bars, each beside its number; the line is where a source counts as unusual, grey: `untrusted`."""
    figure = go.Figure(
        go.Bar(
            y=[f"{r.name} {r.percentile:.0f}" for r in table.itertuples(index=False)], x=table.percentile,
            orientation="h", customdata=table.source, hovertemplate="%{y}<extra></extra>",
            marker={"color": [FAINT if s in untrusted else COLOURS[s] for s in table.source]},
        )
    )  # fmt: skip
    said = {"text": f"unusual above {UNUSUAL:g}", "font": {"color": INK}}
    place = {"y": 1, "yanchor": "bottom", "xanchor": "right"}
    figure.add_vline(x=UNUSUAL, line={"color": INK, "dash": "dash"}, annotation=said | place)
    figure.update_xaxes(title="percentile among validation queries", range=[0, 101])
    figure.update_yaxes(autorange="reversed")
    return plain(figure, 230)


def components(index: Index, query: Query) -> pd.DataFrame:
    """Columns component, variance, percentile: the query's picture in each component, among the gallery's pictures.

    Highest percentile first; the reference picture and the gallery share one estimator, so they compare.
    """
    own = query.var_r[0].mean(-1).numpy()  # (K,)
    gallery = index.gaussians.var.mean(-1).numpy()  # (N, K)
    below, ties = (gallery < own).mean(0), (gallery == own).mean(0)
    table = pd.DataFrame({"component": range(1, len(own) + 1), "variance": own})
    table["percentile"] = 100 * (below + ties / 2)
    return table.sort_values("percentile", ascending=False, kind="stable").reset_index(drop=True)
