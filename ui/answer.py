"""An answer for people: how sure the model is of it, what is special about the question, the results."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from markupsafe import Markup

from analysis import query as study
from analysis.clarify import clarify
from analysis.labels import describe, fault, plain, question_words
from analysis.session import Session
from hug.backbones.reading import reading_notes
from hug.calibration import WITHIN, Calibration
from hug.gaussians import SOURCES
from hug.retrieval.trace import LEVEL, UNREAD
from ui.components import address
from ui.html import render, texts
from ui.state import KINDS, QueryRequest, QueryResult

WIDTH, HEIGHT, EDGE = 140, 34, 3  # of a histogram, in its own units
POOR, EVEN, LIKELY = 0.25, 0.5, 0.75  # chances from which the verdict is another
FEW = 5  # results that one looks through without another question
MANY = 30  # results that nobody looks through: the page asks for more words
CHOICES = (0.8, 0.9, 0.95)  # levels of the answer set
TEXTS = texts("answer")
VERDICTS: dict[str, str] = TEXTS["verdicts"]  # by the source that stands out


@dataclass(frozen=True)
class View:
    """How an answer is looked at: what changes no question."""

    level: float = LEVEL  # of the answer set
    before: tuple[str, ...] | None = None  # results of the question before
    target: str | None = None  # the picture meant, once a test query has shown it


def sure(
    session: Session, result: QueryResult, level: float = LEVEL, levels: Sequence[float] = CHOICES, open: bool = False
) -> Markup:
    """How sure the model is of one answer: one verdict, from the chance; sources explain it.

    `levels` of the answer set can be pressed; with `open` the numbers behind it are unfolded.
    """
    trace, table = result.trace, study.split(result.trace)
    shares = study.weights(trace).groupby("source").weight.mean()
    sources = [row for row in table.itertuples(index=False) if row.source in SOURCES]
    return render(
        "sure", words=trace.words, empty=not result.ids, chance=None if trace.chance is None else percent(trace.chance),
        share=trace.chance, verdict=verdict(trace.chance, session.calibration), alarm=is_poor(trace.chance),
        promised=trace.certainty.answer_set_at(level, session.calibration), of_questions=of_questions(level),
        levels=levels, level=level, many=MANY, withheld=trace.certainty.withheld,
        reason=reason(session, result), notes=notes(session, result.request), help=TEXTS["help"], open=open,
        rows=list(table.itertuples(index=False)), sources=sources, untrusted=session.untrusted,
        weights=[shares[row.name] for row in sources],
        histograms={row.source: histogram(session.calibration, row.source, row.variance) for row in sources},
    )  # fmt: skip


def clarifying(session: Session, result: QueryResult) -> Markup:
    """The one question whose answer would tell most, with its answers; empty where few results are left to look at."""
    promised = result.trace.certainty.answer_set
    few = promised is not None and promised.size <= FEW
    question = None if few else clarify(session.index, result.trace)
    return render(
        "question", question=question, text=question_words(question.label) if question else "",
        values=[(value, plain(value)) for value in question.values] if question else [],
    )  # fmt: skip


def is_poor(chance: float | None) -> bool:
    """Whether the results are a guess."""
    return chance is not None and chance < POOR


def verdict(chance: float | None, calibration: Calibration | None) -> str:
    """The chance in words: the one judgement of an answer. Empty where none is told."""
    if chance is None:
        return ""
    key = next((key for key, least in (("likely", LIKELY), ("even", EVEN), ("open", POOR)) if chance >= least), "poor")
    return str(TEXTS["chance"][key]).format(within=calibration.within if calibration else WITHIN)


def reason(session: Session, result: QueryResult) -> str:
    """What is unusual about the question, which explains the chance and never judges the answer again."""
    trace = result.trace
    key = study.verdict(study.split(trace), session.untrusted)
    if UNREAD in trace.certainty.withheld:
        return ""  # the words' variance says nothing of words that are not read
    if key is None:
        return str(TEXTS["untrusted" if session.calibration else "uncalibrated"])
    unsure = trace.chance is None or trace.chance < EVEN
    if not key:
        return str(TEXTS["crowded"] if trace.chance is not None and unsure else VERDICTS[key])
    return " ".join([VERDICTS[key], *([TEXTS["advice"][key]] if unsure else [])])


def of_questions(level: float) -> str:
    """A level as one says it: 9 of 10."""
    share = Fraction(level).limit_denominator(20)
    whole = share.denominator if share.denominator > 10 else 10
    return f"{int(share * whole)} of {whole}"


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


def results(session: Session, result: QueryResult, view: View = View()) -> Markup:
    """The results as cards, and where the answer set ends among them."""
    rows = study.results(result.trace).to_dict("records")
    before = view.before
    arrows = ["" if before is None else arrow(places) for places in study.moves(before, result.ids)]
    promised = result.trace.certainty.answer_set_at(view.level, session.calibration)
    cards = [
        card(session, row, move) | {"inside": promised is not None and row["rank"] <= promised.size}
        for row, move in zip(rows, arrows, strict=True)
    ]
    return render(
        "results", cards=cards, promised=promised, level=f"{100 * view.level:g} %", target=view.target,
        most=min(QueryRequest.most, len(session.index)),
    )  # fmt: skip


def card(session: Session, row: dict[str, Any], move: str = "") -> dict[str, Any]:
    """What a result's card shows."""
    id, place = row["id"], np.searchsorted(session.variances, row["uncertainty"], side="right")
    return {
        **row, "move": move, "labels": describe(session.labels(id)) or id, "fault": fault(session.labels(id)),
        "source": address(session.thumbnail(id)), "title": caption(session, row, move),
        "percentile": round(100 * place / max(len(session.variances), 1)),
    }  # fmt: skip


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
