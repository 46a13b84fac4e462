"""One answered question as what the page shows: the split, captions, figures and tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go

from analysis import query as study
from analysis.session import Session
from hug.retrieval.trace import QueryTrace
from ui import wording
from ui.split import sure


@dataclass(frozen=True)
class Answer:
    """What the Query tab shows of one trace."""

    sure: str  # HTML
    results: list[tuple[Path, str]]  # thumbnail, caption
    ids: list[str]
    variances: pd.DataFrame
    weights: pd.DataFrame
    merges: pd.DataFrame

    @property
    def figures(self) -> tuple[go.Figure, go.Figure]:
        """Variances and weights, drawn."""
        return study.draw_variances(self.variances), study.draw_weights(self.weights)


def answer(
    session: Session, trace: QueryTrace, before: Sequence[str] | None = None, notes: Sequence[str] = ()
) -> Answer:
    """Everything the Query tab shows of one trace.

    `before` are the results of the question asked before; `notes` say what is special about this one.
    """
    found = study.results(trace)
    ids = list(found.id)
    moves = study.moves(before, ids) if before is not None else [None] * len(ids)
    captions = [
        wording.RESULT.format(
            **row, move=moved(move, before is not None), what=session.describe(row["id"]) or row["id"]
        )
        for row, move in zip(found.to_dict("records"), moves, strict=True)
    ]
    return Answer(
        sure=sure(session, trace, notes),
        results=[(session.thumbnail(id), caption) for id, caption in zip(ids, captions, strict=True)],
        ids=ids,
        variances=study.variances(trace),
        weights=study.weights(trace),
        merges=study.merges(trace),
    )


def moved(places: int | None, compared: bool) -> str:
    """The rank-change arrow of one result; nothing when there was no question before."""
    if not compared:
        return ""
    if places is None:
        return wording.MOVED_NEW
    if places == 0:
        return wording.MOVED_NOT
    return (wording.MOVED_UP if places > 0 else wording.MOVED_DOWN).format(places=abs(places))
