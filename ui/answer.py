"""An answer for people: how sure the model is of it, what is special about the question, captions of the results."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from analysis import query as study
from analysis.session import Session
from hug.backbones.reading import reading_notes
from hug.calibration import Calibration
from hug.retrieval.trace import UNREAD
from ui.html import render, texts
from ui.state import KINDS, QueryRequest, QueryResult

WIDTH, HEIGHT, EDGE = 140, 34, 3  # of a histogram, in its own units
POOR = 0.25  # a chance below is a reason not to believe the ranking
TEXTS = texts("answer")
VERDICTS: dict[str, str] = TEXTS["verdicts"]  # by the source that stands out


def sure(session: Session, result: QueryResult, open: bool = False) -> Markup:
    """How sure the model is of one answer; with `open` its explanation is unfolded."""
    trace, table = result.trace, study.split(result.trace)
    rows = list(table.itertuples(index=False))
    key = study.verdict(table, session.untrusted)
    alarm = trace.chance is not None and trace.chance < POOR
    unknown = TEXTS["untrusted" if session.calibration else "uncalibrated"]
    verdict = unknown if key is None else VERDICTS[key]
    if UNREAD in trace.certainty.withheld:
        key, verdict = "", ""  # the words' doubt says nothing of words that are not read
    return render(
        "sure", words=trace.words, empty=not result.ids, alarm=alarm,
        verdict=TEXTS["poor"] if alarm and not key else verdict, advice=TEXTS["advice"].get(key, ""),
        within=session.calibration.within if session.calibration else 10,
        chance=None if trace.chance is None else percent(trace.chance), promised=trace.certainty.answer_set,
        withheld=trace.certainty.withheld,
        notes=notes(session, result.request), help=TEXTS["help"], open=open, rows=rows, untrusted=session.untrusted,
        histograms={row.source: histogram(session.calibration, row.source, row.variance) for row in rows},
    )  # fmt: skip


def histogram(calibration: Calibration | None, source: str, value: float) -> dict[str, Any] | None:
    """Bars of the validation queries' variances on a log scale, and a mark where this query is; None without them."""
    if calibration is None:
        return None
    shares, low, high = study.validation(calibration, source)
    x = EDGE + float(np.clip((math.log(max(value, 1e-12)) - low) / max(high - low, 1e-9), 0, 1)) * (WIDTH - 2 * EDGE)
    step, floor = (WIDTH - 2 * EDGE) / len(shares), HEIGHT - 8
    heights = shares / shares.max() * (floor - 2)
    bars = [(EDGE + n * step, floor - height, 0.9 * step, height) for n, height in enumerate(heights)]
    mark = f"M{x:.1f} {floor} l-5 8 h10 z M{x - 0.6:.1f} 0 h1.2 v{floor} h-1.2 z"
    return {"width": WIDTH, "height": HEIGHT, "bars": bars, "mark": mark}


def percent(share: float) -> str:
    """A probability for people: never 0 % or 100 %."""
    return f"{min(max(round(100 * share), 1), 99)} %"


def notes(session: Session, request: QueryRequest) -> list[str]:
    """What is special about a question, so that no setting is forgotten: one sentence each."""
    ignored = ", ".join(map(str, request.ignored))
    sentences = {
        f"Asked with a worse picture: {KINDS[request.kind]}, severity {request.severity} of 5.": request.severity,
        f"Ranked without sub-features {ignored}.": request.ignored,
        "Ranked without the candidates' variance.": not request.use_var,
        TEXTS["static"]: not request.dynamic,
        TEXTS["uploaded"]: request.reference is None,
    }
    words = reading_notes(session.model.backbone, request.words)
    return [*words, *(sentence for sentence, holds in sentences.items() if holds)]


def results(session: Session, result: QueryResult, before: Sequence[str] | None = None) -> list[tuple[Path, str]]:
    """Thumbnail and caption of each result; `before` are the results of the question asked before."""
    rows = study.results(result.trace).to_dict("records")
    arrows = ["" if before is None else arrow(places) for places in study.moves(before, result.ids)]
    return [(session.thumbnail(row["id"]), caption(session, row, move)) for row, move in zip(rows, arrows, strict=True)]


def caption(session: Session, row: dict[str, Any], move: str = "") -> str:
    """Rank, labels, distance, uncertainty and id of one result."""
    labels = session.describe(row["id"]) or row["id"]
    numbers = f"distance {row['distance']:.3f} · doubt {row['uncertainty']:.3f}"
    return f"{row['rank']}. {move}\n{labels}\n{numbers}\n{row['id']}"


def arrow(places: int | None) -> str:
    """The rank change of one result; None for one that was not among the results before."""
    if places is None:
        return "new"
    return f"{'▲' if places > 0 else '▼'} {abs(places)}" if places else "= 0"
