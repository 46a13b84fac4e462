"""How a training goes, read from its log: losses, learned scales, recall, variances, and the time that is left.

A log is `training.jsonl` of a run folder (`hug/train`); a table of it has one row a value, so that it can be empty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from analysis.plots import COLOURS, DASHES, LABELS, MARKS, ORDER, plain
from hug.train.state import Log

Records = Sequence[Mapping[str, Any]]
SOURCES = {"c": "candidate", **LABELS}  # of the variances in a log
SCALES = {"a": "a (Eq. 13)", "b": "b (Eq. 13)", "a_fine": "a′ (Eq. 16)", "b_fine": "b′ (Eq. 16)"}
DEPTHS = (1, 10, 50)


@dataclass(frozen=True)
class Progress:
    """Where a run stands; what isn't known yet is None."""

    step: int
    steps: int
    left: float | None  # seconds, by the speed of the last steps
    best: float | None  # mean R@10 on validation, of the weights that are kept
    best_step: int | None
    memory: float | None  # MB, the most the process has held


def read(folder: Path) -> list[dict[str, Any]]:
    """The complete records of a run folder; none before its training began."""
    return Log(folder / "training.jsonl").records()


def progress(records: Records) -> Progress:
    """Time left is that of the steps of the last stretch: a resumed run counts its seconds anew."""
    start = next((r for r in records if r["kind"] == "start"), None)
    total = int(start["config"]["training"]["steps"]) if start else 0
    last = max((i for i, r in enumerate(records) if r["kind"] in ("start", "resume")), default=0)
    begun = int(records[last]["step"]) if records else 0
    steps = [r for r in records[last:] if r["kind"] == "step"]
    validations = [r for r in records if r["kind"] == "validation"]
    best = max(validations, key=lambda r: r["recall"]["10"], default=None)
    left = None
    if steps and steps[-1]["step"] > begun:
        pace = float(steps[-1]["seconds"]) / (steps[-1]["step"] - begun)
        left = pace * (total - steps[-1]["step"])
    return Progress(
        step=int(records[-1].get("step", 0)) if records else 0,
        steps=total,
        left=left,
        best=best["recall"]["10"] if best else None,
        best_step=int(best["step"]) if best else None,
        memory=steps[-1].get("memory") if steps else None,
    )


# ---- tables ----


def losses(records: Records) -> pd.DataFrame:
    """Columns step, term, value: the whole loss and each of its terms before their weights."""
    return _table(records, "step", "term", lambda r: {"loss": r["loss"], **r["terms"]})


def scales(records: Records) -> pd.DataFrame:
    """Columns step, scale, value: the learned scales and shifts of Eq. 13 and 16."""
    return _table(records, "step", "scale", lambda r: {SCALES.get(k, k): v for k, v in r["scales"].items()})


def variances(records: Records) -> pd.DataFrame:
    """Columns step, source, value: mean σ² of a batch, for candidates and the three sources of a query."""
    return _table(records, "step", "source", lambda r: {SOURCES[k]: v for k, v in r["var"].items()})


def recalls(records: Records) -> pd.DataFrame:
    """Columns step, measure, value: R@k on validation, and Spearman's correlation of doubt and rank."""

    def of(record: Mapping[str, Any]) -> dict[str, float | None]:
        recall: dict[str, float | None] = {f"R@{k}": record["recall"][str(k)] for k in DEPTHS}
        return {**recall, "doubt and rank (Spearman)": record.get("uncertainty_rank_spearman")}

    return _table(records, "validation", "measure", of)


def compared(runs: Mapping[str, Records]) -> pd.DataFrame:
    """Columns run, step, value: R@10 on validation of several runs."""
    tables = [recalls(records).assign(run=name) for name, records in runs.items()]
    whole = (
        pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["run", "step", "measure", "value"])
    )
    return whole[whole.measure == "R@10"][["run", "step", "value"]].reset_index(drop=True)


def _table(records: Records, kind: str, name: str, of: Any) -> pd.DataFrame:
    rows = [
        {"step": int(r["step"]), name: key, "value": float(value)}
        for r in records
        if r["kind"] == kind
        for key, value in of(r).items()
        if value is not None
    ]
    return pd.DataFrame(rows, columns=["step", name, "value"]).astype({"step": int, "value": float})


# ---- figures ----


def draw_losses(table: pd.DataFrame) -> go.Figure:
    """The whole loss as a thick line, its terms thinner; a value is smoothed over five records."""
    figure = _lines(table, "term", smooth=5)
    figure.update_traces(selector={"name": "loss"}, line={"width": 3.5, "color": "#7A7A7A", "dash": "solid"})
    return figure.update_layout(legend={"entrywidth": 60, "font": {"size": 10}}, height=360)  # a dozen, on a phone too


def draw_scales(table: pd.DataFrame) -> go.Figure:
    return _lines(table, "scale")


def draw_variances(table: pd.DataFrame) -> go.Figure:
    """On a logarithmic axis: the sources differ by orders of magnitude."""
    figure = _lines(table, "source", smooth=5)
    for key, name in SOURCES.items():
        figure.update_traces(selector={"name": name}, line={"color": COLOURS.get(key, COLOURS["q"])})
    return figure.update_yaxes(type="log", title="mean σ²", exponentformat="power", nticks=6)


def draw_recalls(table: pd.DataFrame) -> go.Figure:
    return _lines(table, "measure", marked=True).update_yaxes(rangemode="tozero")


def draw_compared(table: pd.DataFrame) -> go.Figure:
    return _lines(table, "run", marked=True).update_yaxes(title="R@10 on validation", rangemode="tozero")


def _lines(table: pd.DataFrame, name: str, smooth: int = 1, marked: bool = False) -> go.Figure:
    figure = go.Figure()
    for n, (key, part) in enumerate(table.groupby(name, sort=False)):
        value = part.value.rolling(smooth, min_periods=1).mean()
        figure.add_scatter(
            x=part.step, y=value, name=str(key), mode="lines+markers" if marked or len(part) == 1 else "lines",
            line={"color": ORDER[n % len(ORDER)], "dash": DASHES[(n + n // len(ORDER)) % len(DASHES)]},
            marker={"symbol": MARKS[n % len(MARKS)]},
        )  # fmt: skip
    figure.update_xaxes(title="step", rangemode="tozero")
    return plain(figure, 300).update_layout(showlegend=True)


# ---- sentences ----


def say_losses(table: pd.DataFrame) -> str:
    whole = table[table.term == "loss"]
    if whole.empty:
        return "The first losses come after twenty steps."
    few = min(5, max(1, len(whole) // 2))  # records
    first, now = whole.value.head(few).mean(), whole.value.tail(few).mean()
    return f"The loss was {first:.2f} at first and is {now:.2f} at step {whole.step.max()}."


def say_recalls(table: pd.DataFrame) -> str:
    own = table[table.measure == "R@10"]
    if own.empty:
        return "The first measurement on validation is still to come."
    best = own.loc[own.value.idxmax()]
    return (
        f"Of validation queries, {100 * own.value.iloc[-1]:.1f} % find their target among the first ten after "
        f"{own.step.iloc[-1]} steps; the best was {100 * best.value:.1f} % at step {best.step:.0f}, "
        "whose weights are kept."
    )


def say_scales(table: pd.DataFrame) -> str:
    if table.empty:
        return "The learned scales come with the first losses."
    last = table[table.step == table.step.max()]
    return "Now " + ", ".join(f"{r.scale} = {r.value:.2f}" for r in last.itertuples()) + "."


def say_variances(table: pd.DataFrame) -> str:
    if table.empty:
        return "Variances come with the first losses."
    last = table[table.step == table.step.max()]
    return (
        "Mean σ² of the last batch: " + ", ".join(f"{r.source} {r.value:.3g}" for r in last.itertuples()) + ". "
        "Sizes say little; that none goes to zero or without end is what to watch."
    )


def say_compared(table: pd.DataFrame) -> str:
    if table.empty:
        return "No run was measured on validation yet."
    best = table.loc[table.groupby("run").value.idxmax()].sort_values("value", ascending=False)
    return "Best R@10 on validation: " + "; ".join(f"{r.run} {100 * r.value:.1f} %" for r in best.itertuples()) + "."
