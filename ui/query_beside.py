"""The same question asked to another model, such as `paper` beside `calibrated`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from analysis import explain
from analysis.session import Session, Sessions
from hug.retrieval.trace import QueryTrace
from ui import wording
from ui.downloads import downloads, links
from ui.history import notes
from ui.markup import sentence
from ui.requests import told
from ui.split import sure
from ui.state import MODEL_CALLS, PRIVATE, QueryResult, State

NAME = "hug-beside"  # of the file


@dataclass(frozen=True)
class BesidePanel:
    which: gr.Dropdown
    run: gr.Button
    shown: list[Any]  # sentence, split, results, links, table

    @property
    def outputs(self) -> list[Any]:
        return [self.which, *self.shown]

    @staticmethod
    def fresh(sessions: Sessions, model: str) -> list[Any]:
        """Values for `outputs`: the other models to choose from, and nothing of an earlier question."""
        others = others_of(sessions, model)
        which = gr.Dropdown([(sessions.label(n), n) for n in others], value=others[0] if others else None)
        return [which, "", "", gr.Gallery(None, visible=False), "", gr.Dataframe(None, visible=False)]


def others_of(sessions: Sessions, model: str) -> list[str]:
    """Names of the models to compare with."""
    return [name for name in sessions.names if name != model]


def build(sessions: Sessions) -> BesidePanel:
    others = others_of(sessions, sessions.default)
    with gr.Accordion(wording.BESIDE, open=False, elem_id="beside"):
        gr.Markdown(
            wording.BESIDE_TEXT.format(one=wording.RESULTS.lower()) if others else wording.BESIDE_NONE,
            elem_classes="hug-note",
        )
        with gr.Row(visible=bool(others)):
            which = gr.Dropdown(
                [(sessions.label(n), n) for n in others], value=others[0] if others else None, filterable=False,
                label=wording.BESIDE_WHICH, min_width=140, elem_id="beside-which",
            )  # fmt: skip
            run = gr.Button(wording.BESIDE_RUN, elem_id="beside-run")
        said = gr.HTML("", elem_id="beside-said")
        split = gr.HTML("", elem_id="beside-sure")
        results = gr.Gallery(
            label=wording.BESIDE_TITLE, columns=5, height="auto", object_fit="contain", interactive=False, buttons=[],
            allow_preview=False, visible=False, elem_id="beside-results",
        )  # fmt: skip
        below = downloads(None, NAME)
        table = gr.Dataframe(
            label=wording.BESIDE_RANKS, interactive=False, buttons=["copy"], max_height=300, visible=False,
            elem_id="beside-table",
        )  # fmt: skip
    return BesidePanel(which, run, [said, split, results, below, table])


def wire(panel: BesidePanel, sessions: Sessions, state: State) -> None:
    @told
    def asked(result: QueryResult, name: str | None) -> list[Any]:
        one, other = sessions.get(result.model), sessions.get(name)
        request = replace(result.request, ignored=())  # sub-feature 7 of another model is another one
        second = request.trace(other, result.seen if request.severity else result.picture)
        return compared(one, other, result.trace, second, notes(request, other))

    panel.run.click(asked, [state.result, panel.which], panel.shown, **MODEL_CALLS, **PRIVATE)


def compared(one: Session, other: Session, first: QueryTrace, second: QueryTrace, remarks: list[str]) -> list[Any]:
    """Sentence, the other's split, its results, links and the table of ranks."""
    table = explain.beside(first, second)
    ranks = dict(zip(first.ranking.ids[0], range(1, len(first.ranking.ids[0]) + 1), strict=True))
    results = [
        (
            str(one.thumbnail(id)),
            wording.BESIDE_RESULT.format(
                rank=n, id=id, what=one.describe(id) or id, other=ranks.get(id, wording.BESIDE_ABSENT)
            ),
        )
        for n, id in enumerate(second.ranking.ids[0], 1)
    ]
    named = table.rename(columns={"one": one.name, "other": other.name})
    return [
        sentence(explain.say_beside(table)),
        sure(other, second, remarks),
        gr.Gallery(results, visible=True),
        links(named, NAME),
        gr.Dataframe(named, visible=True),
    ]
