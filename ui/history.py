"""The questions of a visit, and what is told of each. All HTML of it is escaped."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, replace

from analysis.explain import first_unread
from analysis.session import QueryError, Session
from ui import wording
from ui.state import QueryRequest

CURRENT = ' aria-current="step"'
LONGEST = 50  # questions


@dataclass(frozen=True)
class History:
    """The questions asked, and the one that is shown."""

    steps: tuple[QueryRequest, ...] = ()
    results: tuple[tuple[str, ...], ...] = ()  # ids for each step
    place: int = -1

    @property
    def now(self) -> QueryRequest:
        """Raises QueryError before the first question."""
        if not self.steps:
            raise QueryError(wording.NOT_ASKED)
        return self.steps[self.place]

    @property
    def before(self) -> tuple[str, ...] | None:
        """Results of the question before the one shown; None for the first."""
        return self.results[self.place - 1] if self.place > 0 else None

    def add(self, step: QueryRequest, ids: Sequence[str]) -> History:
        """With one more question after the one shown; the same question again is not a step."""
        end = self.place + 1
        if self.steps[:end] and self.steps[self.place] == step:
            return self
        steps = (*self.steps[:end], step)[-LONGEST:]
        return History(steps, (*self.results[:end], tuple(ids))[-LONGEST:], len(steps) - 1)

    def at(self, place: int) -> History:
        """The same questions, another one shown; beyond the ends the nearest."""
        return replace(self, place=min(max(place, 0), len(self.steps) - 1))


def history_html(history: History) -> str:
    """The questions in order, the one shown marked."""
    models = [step.model for step in history.steps]
    items = "".join(
        f"<li{CURRENT if n == history.place else ''}>{html.escape(_step(step, models[max(n - 1, 0)]))}</li>"
        for n, step in enumerate(history.steps)
    )
    return f'<nav class="hug-trail" aria-label="{html.escape(wording.TRAIL)}"><ol>{items}</ol></nav>'


def _step(step: QueryRequest, before: str) -> str:
    """One question; the model is named where it changes."""
    fault = wording.TRAIL_FAULT.format(kind=wording.KINDS[step.kind], severity=step.severity) if step.severity else ""
    model = wording.TRAIL_MODEL.format(model=step.model) if step.model != before else ""
    words = f"“{step.words}”" if step.words.strip() else wording.NO_WORDS_SHORT
    return f"{step.reference or wording.TRAIL_UPLOAD}{fault}: {words}{model}"


def notes(request: QueryRequest, session: Session) -> list[str]:
    """What is special about a question, so that no setting is forgotten: one sentence each."""
    found = []
    if request.severity:
        found.append(wording.NOTE_FAULT.format(kind=wording.KINDS[request.kind], severity=request.severity))
    if request.ignored:
        found.append(wording.NOTE_IGNORED.format(ignored=", ".join(map(str, request.ignored))))
    if not request.use_var:
        found.append(wording.NOTE_MEANS)
    if not request.dynamic:
        found.append(wording.NOTE_STATIC)
    unread = first_unread(session, request.words)
    if unread:
        found.append(wording.NOTE_UNREAD.format(word=unread))
    if request.reference is None:
        found.append(wording.UPLOAD_NOTE)
    return found


def link_html(address: str | None) -> str:
    """The link, or why there is none."""
    if address is None:
        return f'<p class="hug-note">{html.escape(wording.LINK_NONE)}</p>'
    return f'<a class="hug-link" href="{html.escape(address)}" target="_blank">{html.escape(wording.LINK)}</a>'
