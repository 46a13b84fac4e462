"""The chain of questions and the link of the one shown, as HTML. All of it escaped."""

from __future__ import annotations

import html

from analysis.explain import first_unread
from analysis.session import Session
from ui import wording
from ui.question import Given, Trail

CURRENT = ' aria-current="step"'


def trail_html(trail: Trail) -> str:
    """The questions in order, the one shown marked."""
    models = [step.model for step in trail.steps]
    items = "".join(
        f"<li{CURRENT if n == trail.place else ''}>{html.escape(_step(step, models[max(n - 1, 0)]))}</li>"
        for n, step in enumerate(trail.steps)
    )
    return f'<nav class="hug-trail" aria-label="{html.escape(wording.TRAIL)}"><ol>{items}</ol></nav>'


def _step(step: Given, before: str) -> str:
    """One question; the model is named where it changes."""
    fault = wording.TRAIL_FAULT.format(kind=wording.KINDS[step.kind], severity=step.severity) if step.severity else ""
    model = wording.TRAIL_MODEL.format(model=step.model) if step.model != before else ""
    words = f"“{step.words}”" if step.words.strip() else wording.NO_WORDS_SHORT
    return f"{step.reference or wording.TRAIL_UPLOAD}{fault}: {words}{model}"


def notes(given: Given, session: Session) -> list[str]:
    """What is special about a question, so that no setting is forgotten: one sentence each."""
    found = []
    if given.severity:
        found.append(wording.NOTE_FAULT.format(kind=wording.KINDS[given.kind], severity=given.severity))
    if given.ignored:
        found.append(wording.NOTE_IGNORED.format(ignored=", ".join(map(str, given.ignored))))
    if not given.use_var:
        found.append(wording.NOTE_MEANS)
    if not given.dynamic:
        found.append(wording.NOTE_STATIC)
    unread = first_unread(session, given.words)
    if unread:
        found.append(wording.NOTE_UNREAD.format(word=unread))
    if given.reference is None:
        found.append(wording.UPLOAD_NOTE)
    return found


def link_html(address: str | None) -> str:
    """The link, or why there is none."""
    if address is None:
        return f'<p class="hug-note">{html.escape(wording.LINK_NONE)}</p>'
    return f'<a class="hug-link" href="{html.escape(address)}" target="_blank">{html.escape(wording.LINK)}</a>'
