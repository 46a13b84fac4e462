"""One answered query as what the page shows: the split in HTML, captions, figures and tables."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go

from analysis import query as study
from analysis.workbench import Workbench
from hug.trace import QueryTrace
from ui import wording


@dataclass(frozen=True)
class Answer:
    """The outputs of the Query tab, in the order in which it lists its components."""

    sure: str  # HTML
    results: list[tuple[Path, str]]  # thumbnail, caption
    ids: list[str]
    variances: go.Figure
    weights: go.Figure
    variances_table: pd.DataFrame
    weights_table: pd.DataFrame

    def values(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__dataclass_fields__)


def answer(bench: Workbench, trace: QueryTrace) -> Answer:
    """Everything the Query tab shows of one trace."""
    variances, weights, found = study.variances(trace), study.weights(trace), study.results(trace)
    captions = [wording.RESULT.format(**row) for row in found.to_dict("records")]
    return Answer(
        sure=sure(bench, trace),
        results=[(bench.thumbnail(id), caption) for id, caption in zip(found.id, captions, strict=True)],
        ids=list(found.id),
        variances=study.draw_variances(variances),
        weights=study.draw_weights(weights),
        variances_table=variances.round(5),
        weights_table=weights.round(5),
    )


def sure(bench: Workbench, trace: QueryTrace) -> str:
    """The split as HTML: numbers, percentiles, one sentence, and the calibrated chance. All of it escaped."""
    table = study.split(trace)
    asked = f"“{trace.words}”" if trace.words else wording.NO_WORDS
    within = bench.calibration.within if bench.calibration else 10
    chance = wording.CHANCE_UNKNOWN if trace.chance is None else wording.percent(trace.chance)
    key = study.verdict(table, bench.untrusted)
    verdict = wording.VERDICT_UNKNOWN if key is None else wording.VERDICTS[key]
    largest = float(table.variance.max())
    rows = "".join(_row(row, largest, bench.untrusted.get(row.source)) for row in table.itertuples())
    empty = "" if trace.ranking.ids[0] else f'<p class="hug-empty">{_safe(wording.NO_RESULT)}</p>'
    return (
        f'<section class="hug-sure" aria-label="{_safe(wording.HOW_SURE)}"><h3>{_safe(wording.HOW_SURE)}</h3>'
        f'<p class="hug-asked">{_safe(wording.ASKED.format(words=asked))}</p>{empty}'
        f'<p class="hug-chance">{_safe(wording.CHANCE.format(within=within))}: <strong>{_safe(chance)}</strong></p>'
        f'<p class="hug-verdict">{_safe(verdict)}</p>'
        f'<table><thead><tr><th scope="col"></th><th scope="col"></th><th scope="col">{wording.VARIANCE}</th>'
        f'<th scope="col">{wording.PERCENTILE}</th></tr></thead><tbody>{rows}</tbody></table>'
        f'<p class="hug-note">{_safe(wording.PERCENTILE_NOTE)} {_safe(wording.CHANCE_NOTE)}</p>'
        f'<p class="hug-note">{_safe(wording.RANKS_AND_CONFIDENCE)}</p></section>'
    )


def _row(row: object, largest: float, chance_measure: float | None) -> str:
    """One source: name, bar, variance, percentile. The bar shows the percentile, or the variance without one."""
    source, variance, percentile = row.source, row.variance, row.percentile  # type: ignore[attr-defined]
    known = percentile == percentile  # not NaN
    width = percentile if known else 100 * variance / largest
    shown = wording.PERCENTILE_VALUE.format(value=percentile) if known else wording.PERCENTILE_UNKNOWN
    note = "" if chance_measure is None else wording.UNTRUSTED.format(value=chance_measure)
    help_ = wording.SOURCE_HELP[source] + (f"; {note}" if note else "")
    return (
        f'<tr class="hug-{source}{" hug-untrusted" if note else ""}"><th scope="row">{_safe(wording.SOURCES[source])}'
        f'<span class="hug-help">{_safe(help_)}</span></th>'
        f'<td class="hug-bar" aria-hidden="true"><span style="width:{width:.1f}%"></span></td>'
        f"<td>{variance:.4f}</td><td>{_safe(shown)}</td></tr>"
    )


def _safe(text: str) -> str:
    return html.escape(text)
