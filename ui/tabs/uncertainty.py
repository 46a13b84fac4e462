"""The Uncertainty tab: samples from certain to uncertain, and how far the doubt can be trusted. It only wires."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import gradio as gr
import pandas as pd

from analysis import query as split
from analysis import standing
from analysis.registry import STUDIES
from analysis.session import QueryError, Session, Sessions
from ui import components, wording
from ui.components import NOTHING, Card, cards, dealt, drawn, figure
from ui.crossing import READING, asked_with, asks, checked, link, link_to, notice, opens
from ui.findings import Findings
from ui.requests import told
from ui.state import Listener, QueryResult, State, Tab

TRUST = (("recall_by_bin", "risk_coverage"), ("reliability", "coordination"), ("severity",))  # in sight, row by row
ELSEWHERE = (  # drawn by hand here, or in other tabs
    "samples", "coordination_examples", "interventions", "tracking", "attributes", "similar", "captions", "map"
)  # fmt: skip
SHOWN = 20  # samples of a side
STANDING_OUT = 5  # components of the query's picture


def restore(sessions: Sessions, params: Mapping[str, str]) -> list[Any]:
    """Values for `linked`; what does not exist is told in the last of them and left out."""
    session = sessions.get(params.get("model") or None)
    side, problem = checked(params, "side", list(wording.SIDES), "target")
    return [session.name, side, notice([problem])]


def build(sessions: Sessions, state: State) -> Tab:
    """The tab's components and events."""
    wrong, missing = (
        gr.HTML(elem_id=f"uncertainty-{name}", elem_classes="hug-wrong") for name in ("notice", "missing")
    )
    with gr.Row(elem_classes="hug-beside"):
        now, stands_out = figure("now", wording.THIS_QUERY), cards("standing", wording.THIS_QUERY_STANDS_OUT)
    side = gr.Radio(
        [(said, name) for name, said in wording.SIDES.items()], value="target", label=wording.SIDE, elem_id="side"
    )
    samples = cards("samples", wording.SAMPLES)
    gr.Markdown(f"## {wording.HOW_TRUE}")
    figures: dict[str, gr.HTML] = {}
    for row in TRUST:
        with gr.Row(elem_classes="hug-beside"):
            figures |= {name: figure(f"study-{name}", name) for name in row}
    examples = cards("coordination-examples", wording.COORDINATION_EXAMPLES, pairs=True)
    with gr.Accordion(wording.MORE_STUDIES, open=False):
        rest = [name for name in STUDIES if name not in (*figures, *ELSEWHERE)]
        figures |= {name: figure(f"study-{name}", name) for name in rest}
    about = gr.HTML(elem_id="uncertainty-about")
    for name in figures:  # drawn and remembered before the first visitor waits for them
        Findings(sessions.get()).study(name, f"study-{name}")

    inputs, outputs = [state.model, state.result, side], [
        missing, now, stands_out, samples, examples, *figures.values(), about
    ]  # fmt: skip

    def view(model: str, asked: QueryResult | None, side: str) -> list[Any]:
        findings = Findings(sessions.get(model))
        return [
            findings.notice,
            *_now(findings.session, asked),
            _samples(findings, side),
            _examples(findings),
            *(findings.study(name, f"study-{name}") for name in figures),
            _about(findings, side, sessions.default),
        ]

    picked = told(lambda model, side: _picked(Findings(sessions.get(model)), side, sessions.default))
    side.input(picked, [state.model, side], [samples, about, wrong], **READING)
    asks(samples.select, sessions, _sample, state)
    asks(examples.select, sessions, _example, state)
    opens(stands_out.select, state)
    refresh = Listener(told(view), inputs, outputs, READING)
    return Tab("uncertainty", "Uncertainty", [state.model, side, wrong], partial(restore, sessions), refresh)


# ---- what is shown ----


def _now(session: Session, asked: QueryResult | None) -> tuple[str, str]:
    """Why the current query is uncertain: its sources, and the components of its picture that stand out."""
    if asked is None:
        return components.told(wording.THIS_QUERY_NONE, wording.THIS_QUERY), NOTHING
    if asked.model != session.name:
        return components.told(wording.THIS_QUERY_OTHER.format(model=asked.model), wording.THIS_QUERY), NOTHING
    table = standing.sources(asked.query, asked.words, session.calibration)
    key = split.verdict(table, session.untrusted)
    unknown = "" if session.calibration else wording.VERDICT_UNKNOWN  # calibrated, but no source can be trusted
    verdict = unknown if key is None else wording.VERDICTS[key]
    said = wording.THIS_QUERY_VARIANCES.format(
        told=", ".join(f"{r.name} {r.variance:#.3g}" for r in table.itertuples())
    )
    doubted = [wording.SOURCES[s] for s in session.untrusted]
    chance = wording.AT_CHANCE.format(sources=", ".join(doubted)) if doubted else ""
    words = f"“{asked.words}”" if asked.words else wording.NO_WORDS
    first = drawn(
        standing.draw_sources(table, session.untrusted) if table.percentile.notna().all() else None,
        title=wording.THIS_QUERY, question=f"{asked.reference or wording.TRAIL_UPLOAD}: {words}",
        sentence=" ".join(filter(None, (verdict, chance, said))), table=table, name="query", elem_id="now",
    )  # fmt: skip
    least_certain = standing.components(session.index, asked.query).head(STANDING_OUT)
    found = [
        Card(
            str(r.component), text=wording.STANDS_OUT.format(component=r.component),
            note=wording.STANDS_OUT_NOTE.format(percentile=r.percentile),
        )
        for r in least_certain.itertuples()
    ]  # fmt: skip
    return first, dealt(found, wording.THIS_QUERY_STANDS_OUT, wording.THIS_QUERY_STANDS_OUT_NOTE)


def _spread(table: pd.DataFrame, side: str) -> pd.DataFrame:
    """At most `SHOWN` rows of a side, evenly from the least to the most uncertain."""
    part = table[table.side == side].sort_values("place", kind="stable").reset_index(drop=True)
    if len(part) <= SHOWN:
        return part
    places = sorted({round(n * (len(part) - 1) / (SHOWN - 1)) for n in range(SHOWN)})
    return part.iloc[places]


def _samples(findings: Findings, side: str) -> str:
    table, reason = findings.table("samples")
    if table is None:
        return dealt([], wording.SAMPLES, reason) if reason else NOTHING
    part, study = _spread(table, side), STUDIES["samples"]
    whole = table[table.side == side]
    found = []
    for r in part.itertuples():
        note = wording.CAPTION_NOTE.format(value=r.value)
        card = components.picture(findings.session, r.id, note) if side != "words" else Card("", note=note)
        text = f"“{r.text}”" if side in ("words", "fit") else card.text
        found.append(Card(f"{side}:{r.Index}", card.source, text, note, card.alt, card.title))
    name = f"{findings.session.name}-samples-{side}"
    return dealt(
        found, wording.SAMPLES, wording.SAMPLES_QUESTION, wording.NO_SAMPLES, note=study.say(whole), table=whole,
        name=name,
    )  # fmt: skip


def _examples(findings: Findings) -> str:
    table, reason = findings.table("coordination_examples")
    if table is None:
        return dealt([], wording.COORDINATION_EXAMPLES, reason) if reason else NOTHING
    found = []
    for r in table.itertuples():
        for id, note, value in ((r.fits, wording.FITS_NOTE, r.var_fits), (r.lacks, wording.LACKS_NOTE, r.var_lacks)):
            card = components.picture(findings.session, id, note.format(value=value))
            end = "fits" if id == r.fits else "lacks"
            found.append(Card(f"{end}:{r.Index}", card.source, f"“{r.text}”", card.note, card.alt, card.title))
    return dealt(
        found, wording.COORDINATION_EXAMPLES, wording.COORDINATION_EXAMPLES_QUESTION, table=table,
        name=f"{findings.session.name}-coordination",
    )  # fmt: skip


def _about(findings: Findings, side: str, default: str) -> str:
    name = findings.session.name
    return findings.about + link_to(link("uncertainty", model=name if name != default else "", side=side))


# ---- what is chosen ----


def _picked(findings: Findings, side: str, default: str) -> tuple[str, str, str]:
    return _samples(findings, side), _about(findings, side, default), ""


def _sample(session: Session, id: str) -> list[Any]:
    """Reference and words of a sample; raises QueryError for a picture that the loaded gallery lacks."""
    table, reason = Findings(session).table("samples")
    if table is None:
        raise QueryError(reason)
    side, place = id.split(":")
    row = _spread(table, side).loc[int(place)]
    words = row.text if side in ("words", "fit") else None
    return asked_with(session, None if side == "words" else row.id, words)


def _example(session: Session, id: str) -> list[Any]:
    table, reason = Findings(session).table("coordination_examples")
    if table is None:
        raise QueryError(reason)
    end, place = id.split(":")
    row = table.loc[int(place)]
    return asked_with(session, row[end], row.text)
