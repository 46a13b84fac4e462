"""The questions of a visit, and which of them is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from ui.html import render
from ui.state import KINDS, QueryRequest

LONGEST = 50  # questions


@dataclass(frozen=True)
class History:
    """The questions asked, and the one that is shown."""

    steps: tuple[QueryRequest, ...] = ()
    results: tuple[tuple[str, ...], ...] = ()  # ids for each step
    place: int = -1

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

    def move(self, by: int) -> History:
        """The same questions, one further back (below 0) or forth shown; beyond the ends the nearest."""
        return replace(self, place=min(max(self.place + by, 0), len(self.steps) - 1))

    def at(self, place: int) -> History:
        """The same questions with one of them shown; beyond the ends the nearest."""
        return self.move(place - self.place)

    def html(self) -> Markup:
        """The questions in order, the one shown marked; the model is named where it changes."""
        return render("history", steps=self.steps, place=self.place, kinds=KINDS)
