"""Can the doubt be trusted: recall by bin, risk and coverage, reliability, and what predicts a miss."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.ground import Ground, Skipped
from analysis.intervals import wilson
from analysis.plots import INK, NOTHING, ORDER, curve, listed, plain, sentence, whiskers
from hug.evaluate.metrics import recall_by_bin, reliability, risk_coverage
from hug.evaluate.uncertainty import DOUBT, baseline_doubts, fine_queries, retrieval_measures

WITHIN, BINS, POINTS = 10, 10, 100
NAMES = {DOUBT: "doubt", "overall σ_q": "overall", "top-1/top-2 margin": "margin"}  # as people read them
READ = {"doubt": "doubt (1 - chance)", "overall": "overall variance"}  # beside those known without uncertainty
MISS = "AUROC miss@10 by "
SETTLED = 0.05


def recall_bins(ground: Ground) -> pd.DataFrame:
    """R@10 in ten equal bins of rising overall uncertainty, of all queries and of the clean ones."""
    table = ground.questions
    fine = fine_queries(ground.features)
    parts = {"all": table} | ({} if fine is None else {"clean": table[fine[table.row.to_numpy()]]})
    found = [
        binned(part.q.to_numpy(), part["rank"].to_numpy(), which) for which, part in parts.items() if len(part) >= BINS
    ]
    if not found:
        raise Skipped(f"fewer than {BINS} queries: no bins")
    return pd.concat(found, ignore_index=True)


def binned(doubt: np.ndarray, ranks: np.ndarray, which: str) -> pd.DataFrame:
    """Columns which, bin (1 the least doubtful), recall, low, high, doubt (mean), count."""
    recalls, _ = recall_by_bin(doubt, ranks, WITHIN, BINS)
    parts = np.array_split(doubt[np.argsort(doubt, kind="stable")], BINS)
    count = np.array([len(part) for part in parts])
    low, high = wilson(recalls, count)
    means = [part.mean() for part in parts]
    table = {"bin": range(1, BINS + 1), "recall": recalls, "low": low, "high": high, "doubt": means, "count": count}
    return pd.DataFrame({"which": which, **table})


def draw_recall(table: pd.DataFrame) -> go.Figure:
    figure = go.Figure()
    for place, (which, part) in enumerate(table.groupby("which", sort=False)):
        curve(figure, part, "bin", "recall", f"{which} queries", place)
    figure.update_xaxes(title="bin of overall uncertainty, 1 the most certain", dtick=1)
    figure.update_yaxes(title="found among the first ten", range=[0, 1.02])
    return plain(figure)


def say_recall(table: pd.DataFrame) -> str:
    if table.empty:
        return NOTHING
    told = []
    for which, part in table.groupby("which", sort=False):
        first, last = part.recall.iloc[0], part.recall.iloc[-1]
        flat = np.ptp(part.recall) == 0
        pearson = "none" if flat else f"{np.corrcoef(part.bin, part.recall)[0, 1]:+.2f}"
        told.append(
            f"{which} queries: {100 * first:.0f} % found among the first ten in the most certain tenth, "
            f"{100 * last:.0f} % in the least certain (correlation of bin and recall {pearson}; honest doubt gives -1)"
        )
    return sentence(told)


def doubts(ground: Ground) -> dict[str, np.ndarray]:
    """(Q,) every doubt that could predict a miss, by its name."""
    found = {"doubt": 1 - ground.chance, "overall": ground.questions.q.to_numpy()}
    return found | {NAMES.get(name, name): d for name, d in baseline_doubts(ground.ranked, ground.doubt[1]).items()}


def risk(ground: Ground) -> pd.DataFrame:
    """Share of misses among the queries answered, the least doubtful first, per kind of doubt."""
    correct = ground.questions["rank"].to_numpy() <= WITHIN
    tables = []
    for by, doubt in doubts(ground).items():
        coverage, risk = risk_coverage(-doubt, correct)
        rows = np.unique(np.linspace(0, len(risk) - 1, min(POINTS, len(risk))).round().astype(int))
        tables.append(pd.DataFrame({"by": by, "coverage": coverage[rows], "risk": risk[rows]}))
    return pd.concat(tables, ignore_index=True)


def draw_risk(table: pd.DataFrame) -> go.Figure:
    figure = go.Figure()
    for place, (by, part) in enumerate(table.groupby("by", sort=False)):
        curve(figure, part, "coverage", "risk", READ.get(str(by), f"{by} (baseline)"), place)
    figure.update_traces(mode="lines")
    settled = table.risk[table.coverage >= SETTLED]  # the first few queries jump between none and all
    figure.update_xaxes(title="share of the queries answered, the least doubtful first")
    figure.update_yaxes(title="share of misses among them", range=[0, 1.15 * settled.max() if len(settled) else 1])
    return plain(figure)


def say_risk(table: pd.DataFrame) -> str:
    if table.empty:
        return NOTHING
    whole = table.risk[table.coverage == table.coverage.max()].mean()
    half = {by: float(np.interp(0.5, p.coverage, p.risk)) for by, p in table.groupby("by", sort=False)}
    best = min(half, key=lambda by: half[by])
    told = [f"{by} {100 * value:.0f} %" for by, value in half.items()]
    return (
        f"Of all queries {100 * whole:.0f} % miss. Answering only the less doubtful half leaves: {', '.join(told)}; "
        f"{best} chooses best."
    )


def reliable(ground: Ground) -> pd.DataFrame:
    """The promised chance of a hit against the share of hits, in ten bins; fitted on validation."""
    found = reliability(ground.chance, ground.questions["rank"].to_numpy() <= WITHIN, BINS)
    low, high = wilson(found.observed.to_numpy(), found["count"].to_numpy())
    return pd.DataFrame({
        "bin": (found.low * BINS).round().astype(int) + 1, "chance": found.predicted, "hits": found.observed,
        "low": low, "high": high, "count": found["count"],
    })  # fmt: skip


def draw_reliable(table: pd.DataFrame) -> go.Figure:
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.75, 0.25], vertical_spacing=0.06)
    guide = {"color": INK, "dash": "dash"}  # where an honest chance lies
    figure.add_shape(
        type="line", x0=0, y0=0, x1=1, y1=1, line=guide, name="a promise kept", showlegend=True, row=1, col=1
    )
    figure.add_scatter(
        x=table.chance, y=table.hits, mode="lines+markers", name="measured", error_y=whiskers(table, "hits"),
        line={"color": ORDER[0]},
    )  # fmt: skip
    figure.add_bar(x=table.chance, y=table["count"], marker_color=INK, name="queries", row=2, col=1)
    figure.update_yaxes(title="share of hits", row=1, col=1)
    figure.update_yaxes(title="queries", row=2, col=1)
    figure.update_xaxes(title="promised chance of a hit", row=2, col=1)
    return plain(figure, 420)


def say_reliable(table: pd.DataFrame) -> str:
    if table.empty:
        return NOTHING
    weight = table["count"] / table["count"].sum()
    error = float((weight * (table.chance - table.hits).abs()).sum())
    outside = int(((table.chance < table.low) | (table.chance > table.high)).sum())
    return (
        f"The promised chance and the share of hits differ by {100 * error:.1f} percentage points on average (ten bins"
        f" of {int(table['count'].sum())} queries); in {outside} of {len(table)} bins by more than chance."
    )


def misses(ground: Ground) -> pd.DataFrame:
    """AUROC of every doubt for "the target is not among the first ten", from the rows of `hug evaluate`."""
    rows = retrieval_measures(ground.features, ground.ranked, ground.chance, ground.doubt[1])
    found = []
    for row in rows:
        if str(row["measure"]).startswith(MISS) and " above the best " not in str(row["measure"]):
            by, which = str(row["measure"]).removeprefix(MISS).rsplit(", ", 1)
            found.append((which, NAMES.get(by, by), row["value"], row["low"], row["high"]))
    if not found:
        raise Skipped("fewer than 20 queries, or all found or all missed: nothing to predict")
    return pd.DataFrame(found, columns=["which", "by", "auroc", "low", "high"])


def draw_misses(table: pd.DataFrame) -> go.Figure:
    figure = go.Figure()
    for place, (which, part) in enumerate(table.groupby("which", sort=False)):
        figure.add_bar(
            x=part.by, y=part.auroc, name=f"{which} queries", error_y=whiskers(part, "auroc", color=INK),
            marker={"color": ORDER[place], "pattern": {"shape": ("", "/")[place % 2]}},
        )  # fmt: skip
    figure.add_hline(y=0.5, line={"color": INK, "dash": "dash"})
    figure.update_yaxes(title="AUROC for a miss (0.5: chance)", range=[0, 1])
    return plain(figure)


def say_misses(table: pd.DataFrame) -> str:
    if table.empty:
        return NOTHING
    told = []
    for which, part in table.groupby("which", sort=False):
        values = part.set_index("by").auroc.sort_values(ascending=False)
        others = [f"{by} {v:.2f}" for by, v in values.items()]
        told.append(f"on {which} queries {values.index[0]} predicts a miss best ({listed(others)})")
    return sentence(told)
