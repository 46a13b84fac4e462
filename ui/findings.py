"""What was prepared for a model, or in one sentence why there is nothing to show."""

from __future__ import annotations

import html
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go

from analysis.registry import STUDIES
from analysis.session import ROOT, Session
from analysis.store import StudyStore
from ui import wording
from ui.components import NOTHING, drawn, told


@dataclass(frozen=True)
class Findings:
    """The studies of one model."""

    session: Session

    @property
    def _prepared(self) -> tuple[StudyStore | None, str]:
        """What was prepared, or why nothing at all can be shown."""
        try:
            found = self.session.prepared
        except ValueError as problem:
            told_here = str(problem).replace(str(self.session.folder), _place(self.session.folder))
            return None, wording.PREPARED_STALE.format(problem=told_here)
        missing = wording.NOT_PREPARED.format(model=self.session.name, folder=_place(self.session.folder))
        return found, "" if found else missing

    @property
    def notice(self) -> str:
        """HTML: why nothing at all can be shown; empty when something was prepared."""
        problem = self._prepared[1]
        return f'<p class="hug-notice" role="status">{html.escape(problem)}</p>' if problem else ""

    @property
    def about(self) -> str:
        """HTML: what was prepared, on which data, by which weights; empty when nothing was."""
        prepared, _ = self._prepared
        if prepared is None:
            return ""
        origin = prepared.origin
        data = " ".join(str(origin.data.get(key, "")) for key in ("name", "split")).strip()
        said = wording.PREPARED.format(
            data=data or wording.PREPARED_NO_DATA, weights=origin.weights[:8], commit=origin.commit
        )
        return f'<p class="hug-note">{html.escape(said)}</p>'

    def table(self, name: str) -> tuple[pd.DataFrame | None, str]:
        """The table of a study; or None, with the reason in a sentence that is empty where `notice` says it."""
        prepared, _ = self._prepared
        if prepared is None:
            return None, ""
        try:
            return prepared.table(name), ""
        except KeyError as reason:
            return None, wording.SKIPPED.format(reason=str(reason.args[0]).rstrip("."))

    def study(self, name: str, elem_id: str) -> str:
        """The value of a figure: a whole study with its question, figure, sentence and table."""
        study = STUDIES.get(name)
        if study is None:
            return told(wording.SKIPPED.format(reason=f"there is no study {name!r}"), name)
        table, reason = self.table(name)
        prepared, _ = self._prepared
        if table is None or prepared is None:
            return told(reason, study.title, study.question) if reason else NOTHING
        return _whole(_Key(name, elem_id, self.session.name, prepared.tables[name], table))

    def part(
        self,
        name: str,
        take: Callable[[pd.DataFrame], pd.DataFrame],
        draw: Callable[[pd.DataFrame], go.Figure],
        say: Callable[[pd.DataFrame], str],
        title: str,
        elem_id: str,
        question: str = "",
        clickable: bool = False,
    ) -> str:
        """The value of a figure: a part of a study, drawn and told by other functions."""
        table, reason = self.table(name)
        if table is None:
            return told(reason, title, question) if reason else NOTHING
        part = take(table)
        if not len(part):
            return told(say(part), title, question)
        return drawn(
            draw(part), title=title, question=question, sentence=say(part), table=part,
            name=f"{self.session.name}-{name}", elem_id=elem_id, clickable=clickable,
        )  # fmt: skip


@dataclass(frozen=True)
class _Key:
    """A study as it is drawn once and remembered: by the hash of its file, not by what the table holds."""

    name: str
    elem_id: str
    model: str
    hash: str
    table: pd.DataFrame = field(compare=False)


@lru_cache(maxsize=64)
def _whole(key: _Key) -> str:
    study = STUDIES[key.name]
    return drawn(
        study.draw(key.table), title=study.title, question=study.question, sentence=study.say(key.table),
        table=key.table, name=f"{key.model}-{key.name}", elem_id=key.elem_id,
    )  # fmt: skip


def _place(folder: Path | None) -> str:
    """A checkpoint folder as a command takes it, from the project's root; never more of the server's paths."""
    if folder is None:
        return "FOLDER"
    return folder.relative_to(ROOT).as_posix() if folder.is_relative_to(ROOT) else folder.name
