"""What each word does, and what a worse picture does: both on demand, both forgotten with the next answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
import pandas as pd
import plotly.graph_objects as go

from analysis import explain
from analysis.explain import Setting
from analysis.explain_figures import draw_severities, draw_words
from analysis.session import Session, Sessions
from ui import wording
from ui.downloads import downloads, links
from ui.markup import sentence
from ui.requests import told
from ui.state import MODEL_CALLS, PRIVATE, SEED, QueryResult, State

WORDS, SEVERITIES = "hug-words", "hug-severities"  # file names


@dataclass(frozen=True)
class StudyPanel:
    """A button and what it brings: a sentence, a figure, links and a table; empty until asked for."""

    run: gr.Button
    shown: list[Any]

    @property
    def outputs(self) -> list[Any]:
        return self.shown

    @staticmethod
    def fresh() -> list[Any]:
        """Values for `outputs` when the answer has changed: what was shown belongs to another question."""
        return ["", gr.Plot(None, visible=False), "", gr.Dataframe(None, visible=False)]


def build_words() -> StudyPanel:
    with gr.Accordion(wording.WORDS_EFFECT, open=False, elem_id="word-effects"):
        gr.Markdown(wording.WORDS_TEXT, elem_classes="hug-note")
        return _panel(wording.WORDS_RUN, wording.WORDS_TITLE, WORDS, "words")


def build_severities() -> StudyPanel:
    return _panel(wording.SEVERITIES_RUN, wording.SEVERITIES_TITLE, SEVERITIES, "severities")


def _panel(run: str, title: str, name: str, id: str) -> StudyPanel:
    button = gr.Button(run, size="sm", elem_id=f"{id}-run")
    said = gr.HTML("", elem_id=f"{id}-said")
    figure = gr.Plot(label=title, show_label=False, visible=False, elem_id=f"{id}-figure")
    below = downloads(None, name, f"{id}-figure")
    table = gr.Dataframe(
        label=title, interactive=False, buttons=["copy"], max_height=300, visible=False, elem_id=f"{id}-table"
    )
    return StudyPanel(button, [said, figure, below, table])


def words(session: Session, result: QueryResult) -> pd.DataFrame:
    """The words of a question dropped one at a time."""
    seen = result.seen if result.request.severity else result.picture
    return explain.word_effects(session, seen, result.words, setting(session, result))


def severities(session: Session, result: QueryResult, kind: str) -> pd.DataFrame:
    """A question's picture at all severities of a fault."""
    return explain.severities(session, result.picture, result.words, kind, SEED, setting(session, result))


def setting(session: Session, result: QueryResult) -> Setting:
    """How the question is ranked."""
    request = result.request
    exclude = request.reference if request.leave_out else None
    return Setting(request.category, exclude, request.components(session), request.use_var)


def wire(
    sessions: Sessions, state: State, kind: gr.Dropdown, words_: StudyPanel, worse: StudyPanel, ask: dict[str, Any]
) -> None:  # fmt: skip
    """The two buttons; a clicked row of the words' table asks without that word."""
    calls: dict[str, Any] = {**MODEL_CALLS, **PRIVATE}

    def study(
        make: Callable[..., pd.DataFrame],
        say: Callable[[pd.DataFrame], str],
        draw: Callable[[pd.DataFrame], go.Figure],
        name: str,
        figure: str,
    ) -> Callable[..., list[Any]]:
        @told
        def run(result: QueryResult, *kind: str) -> list[Any]:
            table = make(sessions.get(result.model), result, *kind)
            return [
                sentence(say(table)),
                gr.Plot(draw(table), visible=True),
                links(table, name, figure),
                gr.Dataframe(table.round(5), visible=True),
            ]

        return run

    each = study(words, explain.say_words, draw_words, WORDS, "words-figure")
    words_.run.click(each, [state.result], words_.shown, **calls)
    all_ = study(severities, explain.say_severities, draw_severities, SEVERITIES, "severities-figure")
    worse.run.click(all_, [state.result, kind], worse.shown, **calls)

    def without(event: gr.SelectData) -> str:
        return str(event.row_value[2])

    words_.shown[-1].select(told(without), None, state.words, **PRIVATE).success(**ask)
