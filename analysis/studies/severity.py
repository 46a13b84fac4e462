"""Does the uncertainty rise as a picture gets worse: kinds of fault seen in training and never seen."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.experiments import SEVERITIES, Experiments
from analysis.plots import curve, listed, plain, sentence
from hug.data.corruptions import TRAINED
from hug.evaluate.bootstrap import mean_intervals
from hug.evaluate.measurements import Metric
from hug.evaluate.metrics import auroc, spearman

FACTORS = (0.1, 0.2, 0.5, 0.8, 0.9, 1, 1.1, 1.25, 1.5, 2, 3, 5, 10, 20, 50, 100)  # as the axis names log variances


def measure(experiments: Experiments) -> pd.DataFrame:
    """Columns kind, seen, severity, value, low, high: change of the log variance against severity 0, same pictures."""
    tables = []
    for kind, variances in experiments.corrupted_variances.items():
        logs = np.log(variances)  # (6, N)
        value, low, high = mean_intervals((logs - logs[0]).T, experiments.effort.draws)
        rows = {"severity": list(SEVERITIES), "value": value, "low": low, "high": high}
        tables.append(pd.DataFrame({"kind": kind, "seen": "trained" if kind in TRAINED else "unseen", **rows}))
    return pd.concat(tables, ignore_index=True)


def metrics(experiments: Experiments, table: pd.DataFrame) -> list[Metric]:
    """Rank agreement of severity and variance, and detection of faults: own pictures, photographs, the galleries."""
    draws = experiments.effort.draws
    rows, truth = _agreement(experiments.corrupted_variances, "", draws), experiments.collection.truth
    if truth is not None:
        faulty = np.array([i not in truth.clean_ids for i in experiments.ranking.gallery])
        variances = experiments.ranking.candidates.overall.numpy()
        rows.append(Metric.estimate("auroc.corruption.gallery", auroc, variances, faulty, draws=draws))
    return rows + _agreement(experiments.photograph_variances, "photographs.", draws)


def _agreement(variances: Mapping[str, np.ndarray], prefix: str, draws: int) -> list[Metric]:
    """Of each kind of fault, from variances (6, N); a picture is resampled with all its severities."""
    rows = []
    for kind, values in variances.items():
        severity, picture = (part.ravel() for part in np.indices(values.shape))
        for id, statistic, truth in (
            ("spearman.severity", spearman, severity),
            ("auroc.corruption", auroc, severity > 0),
        ):
            columns = (values.ravel(), truth)
            rows.append(Metric.estimate(f"{prefix}{id}.{kind}", statistic, *columns, groups=picture, draws=draws))
    return rows


def draw(table: pd.DataFrame) -> go.Figure:
    figure = make_subplots(rows=1, cols=2, shared_yaxes=True, subplot_titles=["seen in training", "never seen"])
    for place, (_, part) in enumerate(table.groupby("kind", sort=False)):
        column = 1 if part.seen.iloc[0] == "trained" else 2
        curve(figure, part, "severity", "value", part.kind.iloc[0], place, row=1, col=column)
    figure.update_xaxes(title="severity", zeroline=False)
    figure.update_yaxes(tickvals=np.log(FACTORS), ticktext=[f"×{factor:g}" for factor in FACTORS])
    return plain(figure, 380, y="variance against severity 0").update_layout(legend_y=-0.25, legend_yanchor="top")


def say(table: pd.DataFrame) -> str:
    parts = []
    for seen, part in table.groupby("seen", sort=False):
        kinds = {kind: rows.sort_values("severity") for kind, rows in part.groupby("kind", sort=False)}
        rising = [kind for kind, rows in kinds.items() if (np.diff(rows.value) > 0).all()]
        worst = {kind: rows.iloc[-1] for kind, rows in kinds.items()}
        above = [kind for kind, last in worst.items() if last.low > 0]
        factors = [f"{kind} ×{np.exp(last.value):.1f}" for kind, last in worst.items()]
        parts.append(
            f"{seen} kinds: the variance rises at every step for {len(rising)} of {len(kinds)} and is higher at "
            f"severity {int(part.severity.max())}, beyond chance, for {len(above)} of {len(kinds)} ({listed(factors)})"
        )
    return sentence(parts)
