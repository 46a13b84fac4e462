"""What the Query tab's controls say, and the chain of questions asked with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image

from analysis.session import DEFAULT_K, THUMBNAIL, QueryError, Session
from hug.data.corruptions import CORRUPTIONS, corrupt
from hug.retrieval.trace import QueryTrace
from ui import wording
from ui.requests import opened

WORKED = 480  # pixels, short side, at which a fault is drawn: the backbone reads 160
SEED = 0  # the same fault each time, so that only the severity changes
LONGEST_TRAIL = 50


@dataclass(frozen=True)
class Given:
    """One question, its fields in the order of the controls."""

    model: str
    reference: str | None  # id of a gallery picture; None for an upload
    picture: Any  # as the page sent it: needed for an upload only
    words: str
    category: str = ""
    k: int = DEFAULT_K
    leave_out: bool = True
    kind: str = next(iter(CORRUPTIONS))
    severity: int = 0  # 0 is the picture as it is
    dynamic: bool = True
    use_var: bool = True
    ignored: Sequence[int] = ()  # components from 1
    k_most: ClassVar[int] = 100

    @staticmethod
    def of(*values: Any) -> Given:
        """From the controls' values as the page sent them.

        Raises QueryError for a number that is none.
        """
        given = Given(*values)
        return replace(
            given,
            words=given.words or "",
            category=given.category or "",
            k=_whole(given.k, wording.COUNT),
            severity=_whole(given.severity, wording.SEVERITY),
            ignored=tuple(sorted(_whole(n, wording.IGNORED) for n in given.ignored or ())),
        )

    def controls(self) -> list[Any]:
        """Values for the controls, in their order."""
        values = [getattr(self, each.name) for each in fields(self)]
        values[2] = self.picture["path"] if isinstance(self.picture, dict) else self.picture
        values[-1] = list(self.ignored)
        return values

    def image(self, session: Session) -> Image.Image:
        """The reference as the model sees it, with the chosen fault.

        Raises QueryError or PictureError when there is none or it can't be read.
        """
        if self.kind not in CORRUPTIONS or self.severity not in range(6):
            raise QueryError(wording.NO_SUCH_FAULT)
        whole = session.picture(self.reference) if self.reference else self._upload()
        return corrupt(_smaller(whole), self.kind, self.severity, SEED) if self.severity else whole

    def clean(self, session: Session) -> Image.Image:
        """The reference without a fault, in the size at which faults are drawn."""
        return _smaller(self.changed(severity=0).image(session))

    def changed(self, **fields: Any) -> Given:
        """The same question with other values of some fields."""
        return replace(self, **fields)

    def thumbnail(self, session: Session) -> Path | Image.Image | None:
        """A small copy of the reference without a fault; None where an upload is gone."""
        if self.reference:
            return session.thumbnail(self.reference)
        try:
            small = self._upload()
        except QueryError:
            return None
        small.thumbnail((THUMBNAIL, THUMBNAIL))
        return small

    def _upload(self) -> Image.Image:
        path = self.picture.get("path") if isinstance(self.picture, dict) else None
        if path and not Path(path).exists():
            raise QueryError(wording.UPLOAD_GONE)
        return opened(self.picture)

    def kept(self, session: Session) -> list[int] | None:
        """Components (0-based) that count; None for all."""
        ignored = {int(n) for n in self.ignored}
        count = session.model.config.components
        if not ignored <= set(range(1, count + 1)):
            raise QueryError(wording.NO_SUCH_COMPONENT.format(count=count))
        return [n for n in range(count) if n + 1 not in ignored] if ignored else None

    def trace(self, session: Session, k: int | None = None) -> QueryTrace:
        """The answer; raises QueryError or PictureError for a question that can't be answered."""
        return session.trace(
            self.image(session),
            self.words,
            k or min(self.k, len(session.index)),
            self.category,
            self.reference if self.leave_out else None,
            components=self.kept(session),
            use_var=self.use_var,
            dynamic=self.dynamic,
        )


@dataclass(frozen=True)
class Trail:
    """The chain of questions, and the one that is shown."""

    steps: tuple[Given, ...] = field(default=())
    place: int = -1
    found: tuple[tuple[str, ...], ...] = field(default=())  # the results of each step that was answered

    @property
    def now(self) -> Given:
        """Raises QueryError before the first question."""
        if not self.steps:
            raise QueryError(wording.NOT_ASKED)
        return self.steps[self.place]

    def plus(self, step: Given) -> Trail:
        """The chain with one more question after the one shown; the same question again is not a step."""
        before = self.steps[: self.place + 1]
        if before and before[-1] == step:
            return self
        steps = (*before, step)[-LONGEST_TRAIL:]
        found = (*self.found[: self.place + 1], ())[-LONGEST_TRAIL:]
        return Trail(steps, len(steps) - 1, found)

    def answered(self, ids: Sequence[str]) -> Trail:
        """The same chain that remembers the results of the question shown."""
        found = list(self.found)
        found[self.place] = tuple(ids)
        return replace(self, found=tuple(found))

    @property
    def before(self) -> tuple[str, ...] | None:
        """Results of the question before the one shown; None for the first."""
        return self.found[self.place - 1] if self.place > 0 else None

    def at(self, place: int) -> Trail:
        """The same chain, another question shown; beyond its ends the nearest."""
        return replace(self, place=min(max(place, 0), len(self.steps) - 1))


def _whole(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise QueryError(wording.NO_SUCH_NUMBER.format(name=name))
    return int(value)


def _smaller(picture: Image.Image) -> Image.Image:
    scale = WORKED / min(picture.size)
    if scale >= 1:
        return picture
    return picture.resize((max(round(picture.width * scale), 1), max(round(picture.height * scale), 1)))
