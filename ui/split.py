"""The split as HTML: numbers, validation histograms, percentiles, one sentence, the chance. All of it escaped."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import pandas as pd

from analysis import query as study
from analysis.session import Session
from hug.gaussians import SOURCES
from hug.retrieval.trace import QueryTrace
from ui import wording

WIDTH, HEIGHT = 140, 34  # of a histogram, in its own units
ALARM = 95.0  # a percentile from here on is a reason not to believe the ranking
POOR = 0.25  # so is a chance below


def sure(session: Session, trace: QueryTrace, notes: Sequence[str] = ()) -> str:
    """How sure the model is of one answer; `notes` say what is special about the question."""
    table, known = study.split(trace), study.validation(session.calibration)
    asked = f"“{trace.words}”" if trace.words else wording.NO_WORDS
    rows = "".join(
        _row(row, known[known.source == row.source], session.untrusted.get(row.source)) for row in table.itertuples()
    )
    empty = "" if trace.ranking.ids[0] else f'<p class="hug-empty">{_safe(wording.NO_RESULT)}</p>'
    said = "".join(f'<p class="hug-note">{_safe(note)}</p>' for note in notes)
    return (
        f'<section class="hug-sure" aria-label="{_safe(wording.HOW_SURE)}"><h3>{_safe(wording.HOW_SURE)}</h3>'
        f'<p class="hug-asked">{_safe(wording.ASKED.format(words=asked))}</p>{empty}'
        f"{verdict(session, trace, table)}{said}"
        f'<table><thead><tr><th scope="col"></th><th scope="col">{_safe(wording.HISTOGRAM)}</th>'
        f'<th scope="col">{_safe(wording.VARIANCE)}</th><th scope="col">{_safe(wording.PERCENTILE)}</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>"
        f"<details><summary>{_safe(wording.MEANING)}</summary>"
        f'<p class="hug-note">{_safe(wording.PERCENTILE_NOTE)} {_safe(wording.CHANCE_NOTE)}</p>'
        f'<p class="hug-note">{_safe(wording.RANKS_AND_CONFIDENCE)}</p></details></section>'
    )


def verdict(session: Session, trace: QueryTrace, table: pd.DataFrame) -> str:
    """The chance and the sentence; set apart when the doubt is great."""
    within = session.calibration.within if session.calibration else 10
    chance = wording.CHANCE_UNKNOWN if trace.chance is None else wording.percent(trace.chance)
    key = study.verdict(table, session.untrusted)
    unknown = wording.VERDICT_UNTRUSTED if session.calibration else wording.VERDICT_UNKNOWN
    sentence = unknown if key is None else wording.VERDICTS[key]
    advice = wording.ADVICE.get(key or "", "")
    alarm = doubtful(table, trace.chance, session)
    if alarm and not key:
        sentence = wording.VERDICT_POOR
    return (
        f'<div class="hug-verdict-box{" hug-alarm" if alarm else ""}">'
        f'<p class="hug-chance">{_safe(wording.CHANCE.format(within=within))}: <strong>{_safe(chance)}</strong></p>'
        f'<p class="hug-verdict">{_safe(sentence)} <span class="hug-advice">{_safe(advice)}</span></p>'
        + (f'<p class="hug-warning">{_safe(wording.ALARM)}</p>' if alarm else "")
        + "</div>"
    )


def doubtful(table: pd.DataFrame, chance: float | None, session: Session) -> bool:
    """Whether the answer deserves a warning: a trusted source far up, or a poor chance."""
    trusted = table[table.source.isin(SOURCES) & ~table.source.isin(list(session.untrusted))].percentile.dropna()
    return bool((trusted >= ALARM).any()) or (chance is not None and chance < POOR)


def _row(row: object, known: pd.DataFrame, measure: float | None) -> str:
    """One source: name, histogram, variance, percentile."""
    source, variance, percentile = row.source, row.variance, row.percentile  # type: ignore[attr-defined]
    shown = wording.PERCENTILE_VALUE.format(value=percentile) if not math.isnan(percentile) else wording.UNKNOWN
    note = "" if measure is None else wording.UNTRUSTED.format(value=measure)
    help_ = wording.SOURCE_HELP[source] + (f"; {note}" if note else "")
    return (
        f'<tr class="hug-{source}{" hug-untrusted" if note else ""}"><th scope="row">{_safe(wording.SOURCES[source])}'
        f'<span class="hug-help">{_safe(help_)}</span></th>'
        f'<td class="hug-bar">{histogram(known, variance, wording.SOURCES[source])}</td>'
        f"<td>{variance:.4f}</td><td>{_safe(shown)}</td></tr>"
    )


def histogram(known: pd.DataFrame, value: float, name: str) -> str:
    """An inline SVG of the validation queries with a mark where this query stands; a bare mark without them."""
    if not len(known):
        return f'<span class="hug-none">{_safe(wording.UNKNOWN)}</span>'
    low, high = math.log(known.low.iloc[0]), math.log(known.high.iloc[-1])
    place = (math.log(max(value, 1e-12)) - low) / max(high - low, 1e-9)
    x = 3 + min(max(place, 0), 1) * (WIDTH - 6)
    step, top = (WIDTH - 6) / len(known), known.share.max()
    bars = "".join(
        f'<rect x="{3 + n * step:.1f}" y="{HEIGHT - 8 - share / top * (HEIGHT - 10):.1f}" width="{step * 0.9:.1f}" '
        f'height="{share / top * (HEIGHT - 10):.1f}"/>'
        for n, share in enumerate(known.share)
    )
    label = wording.HISTOGRAM_ALT.format(name=name, value=value)
    mark = f'<path class="hug-mark" d="M{x:.1f} {HEIGHT - 8} l-5 8 h10 z M{x - 0.6:.1f} 0 h1.2 v{HEIGHT - 8} h-1.2 z"/>'
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{_safe(label)}">{bars}{mark}</svg>'


def _safe(text: str) -> str:
    return html.escape(text)
