"""Prepared studies of a model as values of figures and cards, or in one sentence why there is nothing to show."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from markupsafe import Markup

from analysis.registry import STUDIES
from analysis.session import ROOT, QueryError, Session
from analysis.store import StudyStore
from ui.components import NOTHING, message, notice, table_figure
from ui.html import render


class NotMeasured(QueryError):
    """A study that isn't there, with the reason in a sentence."""


class Studies:
    """The studies of one model. `problem` says why nothing at all can be shown; it is empty when something can."""

    def __init__(self, session: Session) -> None:
        self.session, self.problem = session, ""
        folder = _place(session.folder)
        try:
            self.prepared = session.prepared
        except QueryError as error:
            self.prepared = None
            reason = str(error).replace(str(session.folder), folder)
            self.problem = f"What was prepared for this model can't be shown: {reason}"
        if self.prepared is None and not self.problem:
            self.problem = (
                f"Nothing was prepared for the model {session.name}. Run `python -m analysis measure --checkpoint "
                f"{folder} --root DATA`, then start the app again."
            )

    @property
    def notice(self) -> Markup:
        """HTML of `problem`."""
        return notice(self.problem)

    @property
    def about(self) -> Markup:
        """HTML: what was prepared, on which data, by which weights; empty when nothing was."""
        if self.prepared is None:
            return Markup()
        origin = self.prepared.origin
        data = " ".join(str(origin.data.get(key, "")) for key in ("name", "split")).strip()
        return render("about_studies", data=data, weights=origin.weights[:8], commit=origin.commit)

    def table(self, name: str) -> pd.DataFrame:
        """The table of a study. Raises NotMeasured when there is none."""
        if self.prepared is None:
            raise NotMeasured(self.problem)
        try:
            return self.prepared.table(name)
        except KeyError as reason:
            why = str(reason.args[0]).replace(str(self.session.folder), _place(self.session.folder))
            raise NotMeasured(f"Not measured: {why.rstrip('.')}.") from reason

    def value(self, name: str, make: Callable[[pd.DataFrame], str], title: str, question: str = "") -> str:
        """What `make` gives for the table of a study; or why there is none, where `notice` doesn't say it already."""
        try:
            table = self.table(name)
        except NotMeasured as reason:
            return NOTHING if self.problem else message(str(reason), title, question)
        return make(table)

    def figure(self, name: str, elem_id: str) -> str:
        """The value of a figure: a whole study with its question, figure, sentence and table."""

        def draw(_: pd.DataFrame) -> str:
            assert self.prepared is not None  # it has the table
            return _drawn_once(name, self.session.name, self.prepared, elem_id)

        return self.value(name, draw, STUDIES[name].title, STUDIES[name].question)

    def part(
        self, name: str, select: Callable[[pd.DataFrame], pd.DataFrame], draw: Callable[[pd.DataFrame], go.Figure],
        say: Callable[[pd.DataFrame], str], *, title: str, question: str = "", **options: Any,
    ) -> str:  # fmt: skip
        """The value of a figure: a part of a study, by functions of its own."""

        def value(table: pd.DataFrame) -> str:
            files = f"{self.session.name}-{name}"
            return table_figure(select(table), draw, say, title=title, question=question, name=files, **options)

        return self.value(name, value, title, question)


@lru_cache(maxsize=64)
def _drawn_once(name: str, model: str, prepared: StudyStore, elem_id: str) -> str:
    study = STUDIES[name]
    return table_figure(
        prepared.table(name), study.draw, study.say, title=study.title, question=study.question,
        name=f"{model}-{name}", elem_id=elem_id,
    )  # fmt: skip


def _place(folder: Path | None) -> str:
    """A checkpoint folder as a command takes it, from the project's root; never more of the server's paths."""
    if folder is None:
        return "FOLDER"
    return folder.relative_to(ROOT).as_posix() if folder.is_relative_to(ROOT) else folder.name
