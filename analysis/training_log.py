"""How a training goes, read from its log: losses, learned scales, recall, variances, and the time that is left.

A log is `training.jsonl` of a run folder (`hug/train`); a table of it has one row a value, so that it can be empty.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from analysis.plots import COLOURS, LABELS, look, plain
from hug.train.state import Log

Records = Sequence[Mapping[str, Any]]
SOURCES = {"c": "candidate", **LABELS}  # of the variances in a log
SCALES = {"a": "a (Eq. 13)", "b": "b (Eq. 13)", "a_fine": "a′ (Eq. 16)", "b_fine": "b′ (Eq. 16)"}


@dataclass(frozen=True)
class Progress:
    """Where a run stands; what isn't known yet is None."""

    step: int = 0
    steps: int = 0
    left: float | None = None  # seconds, by the speed of the last steps
    best: float | None = None  # mean R@10 on validation, of the weights that are kept
    best_step: int | None = None
    memory: float | None = None  # MB, the most the process has held


def read(folder: Path) -> list[dict[str, Any]]:
    """The complete records of a run folder; none before its training began."""
    return Log(folder / "training.jsonl").records()


def progress(records: Records) -> Progress:
    """Time left is that of the steps of the last stretch: a resumed run counts its seconds anew."""
    if not records:
        return Progress()
    total = next((int(r["config"]["training"]["steps"]) for r in records if r["kind"] == "start"), 0)
    last = max((i for i, r in enumerate(records) if r["kind"] in ("start", "resume")), default=0)
    origin, steps = int(records[last]["step"]), [r for r in records[last:] if r["kind"] == "step"]
    left = None
    if steps and steps[-1]["step"] > origin:
        pace = float(steps[-1]["seconds"]) / (steps[-1]["step"] - origin)
        left = pace * (total - steps[-1]["step"])
    validations = [(r["recall"]["10"], int(r["step"])) for r in records if r["kind"] == "validation"]
    best, best_step = max(validations, key=itemgetter(0), default=(None, None))
    memory = steps[-1].get("memory") if steps else None
    return Progress(int(records[-1].get("step", 0)), total, left, best, best_step, memory)


def losses(records: Records) -> pd.DataFrame:
    """Columns step, term, value: the whole loss and each of its terms before their weights."""
    return _table(records, "step", "term", lambda r: {"loss": r["loss"], **r["terms"]})


def scales(records: Records) -> pd.DataFrame:
    """Columns step, scale, value: the learned scales and shifts of Eq. 13 and 16."""
    return _table(records, "step", "scale", lambda r: r["scales"]).replace({"scale": SCALES})


def variances(records: Records) -> pd.DataFrame:
    """Columns step, source, value: mean σ² of a batch, for candidates and the three sources of a query."""
    return _table(records, "step", "source", lambda r: r["var"]).replace({"source": SOURCES})


def recalls(records: Records) -> pd.DataFrame:
    """Columns step, measure, value: R@k on validation, and Spearman's correlation of doubt and rank."""

    def of(record: Mapping[str, Any]) -> dict[str, Any]:
        recall = {f"R@{k}": record["recall"][str(k)] for k in (1, 10, 50)}
        return {**recall, "doubt and rank (Spearman)": record.get("uncertainty_rank_spearman")}

    return _table(records, "validation", "measure", of)


def compared(runs: Mapping[str, Records]) -> pd.DataFrame:
    """Columns run, step, value: R@10 on validation of several runs."""
    tables = [recalls(records).query("measure == 'R@10'").assign(run=name) for name, records in runs.items()]
    return pd.concat([recalls([]).assign(run=""), *tables], ignore_index=True)[["run", "step", "value"]]


def _table(
    records: Records, kind: str, name: str, of: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> pd.DataFrame:
    rows = [(r["step"], key, value) for r in records if r["kind"] == kind for key, value in of(r).items()]
    table = pd.DataFrame(rows, columns=["step", name, "value"]).astype({"step": int, "value": float})
    return table.dropna(ignore_index=True)


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
    for place, (key, part) in enumerate(table.groupby(name, sort=False)):
        value = part.value.rolling(smooth, min_periods=1).mean()
        mode = "lines+markers" if marked or len(part) == 1 else "lines"
        figure.add_scatter(x=part.step, y=value, name=str(key), mode=mode, **look(place))
    figure.update_xaxes(title="step", rangemode="tozero")
    return plain(figure, 300).update_layout(showlegend=True)


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
    last, best = own.iloc[-1], own.loc[own.value.idxmax()]
    return (
        f"Of validation queries, {100 * last.value:.1f} % find their target among the first ten after {last.step} "
        f"steps; the best was {100 * best.value:.1f} % at step {best.step}, whose weights are kept."
    )


def say_scales(table: pd.DataFrame) -> str:
    values = _last(table, "scale", " = ", ".2f")
    return f"Now {values}." if values else "The learned scales come with the first losses."


def say_variances(table: pd.DataFrame) -> str:
    values = _last(table, "source", " ", ".3g")
    if not values:
        return "Variances come with the first losses."
    return (
        f"Mean σ² of the last batch: {values}. "
        "Sizes say little; that none goes to zero or without end is what to watch."
    )


def _last(table: pd.DataFrame, name: str, between: str, digits: str) -> str:
    """The values of the last step with their names, in words; empty for an empty table."""
    last = table[table.step == table.step.max()]
    return ", ".join(f"{key}{between}{value:{digits}}" for key, value in zip(last[name], last.value, strict=True))


def say_compared(table: pd.DataFrame) -> str:
    if table.empty:
        return "No run was measured on validation yet."
    best = table.groupby("run").value.max().sort_values(ascending=False)
    return "Best R@10 on validation: " + "; ".join(f"{run} {100 * value:.1f} %" for run, value in best.items()) + "."
