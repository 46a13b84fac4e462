"""Can the uncertainty be trusted: recall by bin, risk and coverage, reliability, and what predicts a miss."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.experiments import Experiments, Skipped
from analysis.plots import INK, ORDER, curve, listed, plain, sentence, whiskers
from hug.calibration import WITHIN
from hug.evaluate.bootstrap import wilson
from hug.evaluate.certainty import miss_prediction
from hug.evaluate.metrics import recall_by_bin, reliability, risk_coverage

BINS, POINTS = 10, 100
NAMES = {
    "chance": "doubt", "means": "doubt without variances", "overall": "overall", "top1": "top-1 score",
    "margin": "margin", "entropy": "entropy", "kinds": "rates by kind of wording",
}  # fmt: skip
SELECTIONS = {"all": "all", "clean": "clean", "unvague": "not vaguely worded"}
LABELS = {"doubt": "doubt (1 - chance)", "overall": "overall variance"}  # beside those known without uncertainty
SETTLED = 0.05


def measure_recall(experiments: Experiments) -> pd.DataFrame:
    """R@10 in ten equal bins of rising overall uncertainty, of all queries and of the clean ones.

    Columns which, bin (1 the most certain), recall, low, high, uncertainty (mean), count.
    """
    queries = experiments.queries
    parts = {which: queries[rows] for which, rows in experiments.ranking.selections.items()}
    tables = [binned(p.q.to_numpy(), p["rank"].to_numpy(), which) for which, p in parts.items() if len(p) >= BINS]
    if not tables:
        raise Skipped(f"fewer than {BINS} queries: no bins")
    return pd.concat(tables, ignore_index=True)


def binned(uncertainty: np.ndarray, ranks: np.ndarray, which: str) -> pd.DataFrame:
    """The table of `measure_recall` for one selection of queries."""
    table = recall_by_bin(uncertainty, ranks, WITHIN, BINS)
    table["low"], table["high"] = wilson(table.recall, table["count"])
    table = table.assign(which=which, bin=range(1, BINS + 1))
    return table[["which", "bin", "recall", "low", "high", "uncertainty", "count"]]


def draw_recall(table: pd.DataFrame) -> go.Figure:
    figure = go.Figure()
    for place, (which, part) in enumerate(table.groupby("which", sort=False)):
        curve(figure, part, "bin", "recall", f"{which} queries", place)
    figure.update_xaxes(dtick=1).update_yaxes(range=[0, 1.02])
    return plain(figure, x="bin of overall uncertainty, 1 the most certain", y="found among the first ten")


def say_recall(table: pd.DataFrame) -> str:
    parts = []
    for which, part in table.groupby("which", sort=False):
        first, last = part.recall.iloc[0], part.recall.iloc[-1]
        flat = np.ptp(part.recall) == 0
        pearson = "none" if flat else f"{np.corrcoef(part.bin, part.recall)[0, 1]:+.2f}"
        parts.append(
            f"{which} queries: {100 * first:.0f} % found among the first ten in the most certain tenth, "
            f"{100 * last:.0f} % in the least certain (correlation of bin and recall {pearson}; honest doubt gives -1)"
        )
    return sentence(parts)


def measure_risk(experiments: Experiments) -> pd.DataFrame:
    """Share of misses among the queries answered, the least uncertain first: columns by, coverage, risk."""
    correct = experiments.queries["rank"].to_numpy() <= WITHIN
    tables = []
    for by, uncertainty in experiments.uncertainties.items():
        coverage, risk = risk_coverage(-uncertainty, correct)
        rows = np.unique(np.linspace(0, len(risk) - 1, min(POINTS, len(risk))).round().astype(int))
        tables.append(pd.DataFrame({"by": NAMES[by], "coverage": coverage[rows], "risk": risk[rows]}))
    return pd.concat(tables, ignore_index=True)


def draw_risk(table: pd.DataFrame) -> go.Figure:
    figure = go.Figure()
    for place, (by, part) in enumerate(table.groupby("by", sort=False)):
        curve(figure, part, "coverage", "risk", LABELS.get(str(by), f"{by} (baseline)"), place)
    figure.update_traces(mode="lines")
    settled = table.risk[table.coverage >= SETTLED]  # the first few queries jump between none and all
    figure.update_yaxes(range=[0, 1.15 * settled.max() if len(settled) else 1])
    return plain(figure, x="share of the queries answered, the least doubtful first", y="share of misses among them")


def say_risk(table: pd.DataFrame) -> str:
    whole = table.risk[table.coverage == table.coverage.max()].mean()
    half = {by: float(np.interp(0.5, p.coverage, p.risk)) for by, p in table.groupby("by", sort=False)}
    best = min(half, key=lambda by: half[by])
    shares = [f"{by} {100 * value:.0f} %" for by, value in half.items()]
    return (
        f"Of all queries {100 * whole:.0f} % miss. Answering only the less doubtful half leaves: {', '.join(shares)}; "
        f"{best} chooses best."
    )


def measure_reliability(experiments: Experiments) -> pd.DataFrame:
    """The calibrated chance of a hit against the share of hits, in ten bins; fitted on validation.

    Columns bin, chance, hits, low, high, count.
    """
    table = reliability(experiments.chance, experiments.queries["rank"].to_numpy() <= WITHIN, BINS)
    table = table.rename(columns={"predicted": "chance", "observed": "hits"})
    table["low"], table["high"] = wilson(table.hits, table["count"])
    return table[["bin", "chance", "hits", "low", "high", "count"]]


def draw_reliability(table: pd.DataFrame) -> go.Figure:
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.75, 0.25], vertical_spacing=0.06)
    figure.add_shape(  # where an honest chance lies
        type="line", x0=0, y0=0, x1=1, y1=1, line={"color": INK, "dash": "dash"}, name="a promise kept",
        showlegend=True, row=1, col=1,
    )  # fmt: skip
    curve(figure, table, "chance", "hits", "measured", row=1, col=1)
    figure.add_bar(x=table.chance, y=table["count"], marker_color=INK, name="queries", row=2, col=1)
    figure.update_xaxes(title="promised chance of a hit", row=2, col=1)
    figure.update_yaxes(title="queries", row=2, col=1)
    return plain(figure, 420, y="share of hits")


def mean_gap(table: pd.DataFrame) -> float:
    """Between the promised chance and the share of hits, in percentage points."""
    return 100 * float(np.average((table.chance - table.hits).abs(), weights=table["count"]))


def say_reliability(table: pd.DataFrame) -> str:
    outside = int(((table.chance < table.low) | (table.chance > table.high)).sum())
    return (
        f"The promised chance and the share of hits differ by {mean_gap(table):.1f} percentage points on average (ten "
        f"bins of {int(table['count'].sum())} queries); in {outside} of {len(table)} bins by more than chance."
    )


def measure_misses(experiments: Experiments) -> pd.DataFrame:
    """AUROC of every uncertainty for "the target is not among the first ten": columns which, by, auroc, low, high."""
    predicted = miss_prediction(experiments.ranking, experiments.uncertainties, experiments.effort.draws)
    rows = [(w, NAMES[by], m.value, m.low, m.high) for (w, by), m in predicted.items() if w in SELECTIONS]
    if not rows:
        raise Skipped("fewer than 20 queries, or all found or all missed: nothing to predict")
    return pd.DataFrame(rows, columns=["which", "by", "auroc", "low", "high"])


def draw_misses(table: pd.DataFrame) -> go.Figure:
    figure = go.Figure()
    for place, (which, part) in enumerate(table.groupby("which", sort=False)):
        figure.add_bar(
            x=part.by, y=part.auroc, name=f"{SELECTIONS[which]} queries", error_y=whiskers(part, "auroc", color=INK),
            marker={"color": ORDER[place], "pattern": {"shape": ("", "/")[place % 2]}},
        )  # fmt: skip
    figure.add_hline(y=0.5, line={"color": INK, "dash": "dash"})
    return plain(figure.update_yaxes(range=[0, 1]), y="AUROC for a miss (0.5: chance)")


def say_misses(table: pd.DataFrame) -> str:
    parts = []
    for which, part in table.groupby("which", sort=False):
        values = part.set_index("by").auroc.sort_values(ascending=False)
        ordered = [f"{by} {v:.2f}" for by, v in values.items()]
        parts.append(f"on {SELECTIONS[which]} queries {values.index[0]} predicts a miss best ({listed(ordered)})")
    return sentence(parts)
