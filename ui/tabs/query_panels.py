"""The Query tab's panels below an answer. Each is built with the first answer and changes with the next.

`updates` gives what a panel shows of a new answer, by component; what was made on demand is emptied by it, because it
belongs to another question.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr
from markupsafe import Markup

from analysis import explain
from analysis import query as study
from analysis.session import QueryError, Session, Sessions
from ui.answer import sure
from ui.components import NOTHING, downloads, figure, figure_value
from ui.html import render
from ui.report import report
from ui.requests import safely
from ui.state import MODEL_CALLS, PRIVATE, SEED, Listener, QueryResult, State, answer_again

CALLS: dict[str, Any] = {**MODEL_CALLS, **PRIVATE}
TABLE: dict[str, Any] = {"interactive": False, "buttons": ["copy"], "max_height": 300}
PICTURES: dict[str, Any] = {
    "object_fit": "contain", "interactive": False, "buttons": [], "allow_preview": False
}  # fmt: skip
Updates = dict[Any, Any]  # component -> what it shows


def sentence(text: str) -> Markup:
    """A study's sentence as HTML."""
    return render("sentence", text=text)


def note(text: str) -> None:
    """What a panel is for."""
    gr.Markdown(text, elem_classes="hug-note")


class ComponentsPanel:
    """Variances, weights, and the two merges. A pressed bar opens its sub-feature."""

    def __init__(self, result: QueryResult) -> None:
        with gr.Accordion("Components: variances and weights", open=False, elem_id="components"):
            self.variances = figure("variances", study.VARIANCES, value=self._variances(result))
            self.weights = figure("weights", study.WEIGHTS, value=self._weights(result))
            self.merges = figure("merges", "Dynamic against static weights", value=self._merges(result))

    def updates(self, result: QueryResult) -> Updates:
        return {
            self.variances: self._variances(result),
            self.weights: self._weights(result),
            self.merges: self._merges(result),
        }

    @staticmethod
    def _variances(result: QueryResult) -> str:
        table = study.variances(result.trace)
        return figure_value(
            study.draw_variances(table), study.VARIANCES, question=study.VARIANCES, table=table, name="hug-variances",
            sentence="Press a bar to open that component in Sub-features, where it can also be chosen by its number.",
            elem_id="variances", clickable=True,
        )  # fmt: skip

    @staticmethod
    def _weights(result: QueryResult) -> str:
        table = study.weights(result.trace)
        return figure_value(
            study.draw_weights(table), study.WEIGHTS, question=study.WEIGHTS, table=table, name="hug-weights",
            elem_id="weights",
        )  # fmt: skip

    @staticmethod
    def _merges(result: QueryResult) -> str:
        table = study.merges(result.trace)
        question = "Dynamic against static weights (1/3 each): only the overall doubt differs, the ranks are the same."
        return figure_value(
            None, question=question, sentence=study.say_merges(table), table=table, name="hug-merges"
        )  # fmt: skip


class WhyPanel:
    """Why this rank: two results' distances taken apart, and sub-features to ignore."""

    def __init__(self, session: Session, result: QueryResult) -> None:
        first, second = self._first_two(result)
        summary, pictures, drawing, files, table = self._comparison(session, result, first, second)
        title = "Parts of two distances, by sub-feature"
        with gr.Accordion("Why this rank?", open=False, elem_id="why"):
            note(
                "A distance is a sum over the sub-features, so its parts are exact. Click a result above, or choose "
                "two. Positive differences (blue) speak for the first, negative ones (red) for the second. Click a row "
                "of the table to ignore that sub-feature: the ranking is made again without it."
            )
            with gr.Row():
                ranks = self._ranks(result)
                self.first = gr.Dropdown(ranks, value=first, label="Explain", min_width=140, elem_id="why-first")
                self.second = gr.Dropdown(ranks, value=second, label="beside", min_width=140, elem_id="why-second")
            self.summary = gr.HTML(summary, elem_id="why-said")
            self.pictures = gr.Gallery(
                pictures, label="Reference and the two results", columns=3, height=190, elem_id="why-pictures",
                **PICTURES,
            )  # fmt: skip
            self.drawing = figure("why-figure", title, value=drawing)
            self.files = gr.HTML(files)
            self.table = gr.Dataframe(table, label=title, elem_id="why-table", **TABLE)
        self.comparison = [self.summary, self.pictures, self.drawing, self.files, self.table]

    def updates(self, session: Session, result: QueryResult) -> Updates:
        first, second = self._first_two(result)
        ranks = self._ranks(result)
        drops = {drop: gr.update(choices=ranks, value=id) for drop, id in ((self.first, first), (self.second, second))}
        return drops | dict(zip(self.comparison, self._comparison(session, result, first, second), strict=True))

    def wire(self, sessions: Sessions, state: State, results: gr.Gallery, ask: Listener) -> None:
        """A chosen or clicked result is explained; a clicked row ignores its sub-feature and asks again."""

        def compare(result: QueryResult, first: str | None, second: str | None) -> list[Any]:
            return self._comparison(sessions.get(result.model), result, first, second)

        def click(result: QueryResult, second: str | None, event: gr.SelectData) -> list[Any]:
            first = result.ids[event.index]
            if second == first:
                second = next((id for id in result.ids if id != first), None)
            return [first, second, *compare(result, first, second)]

        def ignore(ignored: Sequence[int], event: gr.SelectData) -> list[int]:
            component = int(event.row_value[0])
            if component == 0:
                raise QueryError("The bias belongs to no sub-feature and can't be ignored.")
            return sorted({*ignored, component})

        for drop in (self.first, self.second):
            drop.input(safely(compare), [state.result, self.first, self.second], self.comparison, **CALLS)
        outputs = [self.first, self.second, *self.comparison]
        results.select(safely(click), [state.result, self.second], outputs, **CALLS)
        self.table.select(safely(ignore), state.ignored, state.ignored, **PRIVATE).success(**ask.arguments)

    @staticmethod
    def _first_two(result: QueryResult) -> list[str | None]:
        return [*result.ids, None, None][:2]

    @staticmethod
    def _ranks(result: QueryResult) -> list[tuple[str, str]]:
        return [(f"{rank}. {id}", id) for rank, id in enumerate(result.ids, 1)]

    @staticmethod
    def _comparison(session: Session, result: QueryResult, first: str | None, second: str | None) -> list[Any]:
        """Sentence, pictures, figure, downloads and table of two results; fewer than two are said to be."""
        if not (first and second):
            reason = "There is one result only: nothing to compare it with." if first else "Nothing was ranked."
            return [sentence(reason), [], NOTHING, "", None]
        table = explain.compare_parts(result.trace, first, second)
        pictures = [(result.thumbnail(session), "Reference picture")]
        title, summary = "Parts of two distances, by sub-feature", explain.say_parts(table, first, second)
        names = {"component": "sub-feature", "means": "of it: means", "candidate": "of it: candidates' variances"}
        return [
            sentence(summary),
            pictures + [(session.thumbnail(id), id) for id in (first, second)],
            figure_value(explain.draw_parts(table, first, second), f"{title}. {summary}", title=title),
            downloads(table, "hug-why", "why-figure"),
            table.round(5).rename(columns=names),
        ]


class WordsPanel:
    """What each word does: the words dropped one at a time, on demand."""

    def __init__(self) -> None:
        self.title = "Change of the doubt without each word"
        with gr.Accordion("What does each word do?", open=False, elem_id="word-effects"):
            note(
                "Each word is dropped in turn and the question asked again. Bars above zero: without the word the "
                "doubt rises, so the word makes things clear; below zero: the word adds doubt. Click a row to ask "
                "without that word."
            )
            self.run = gr.Button("Drop the words one at a time", size="sm", elem_id="words-run")
            self.summary = gr.HTML("", elem_id="words-said")
            self.drawing = figure("words-figure", self.title)
            self.files = gr.HTML("")
            self.table = gr.Dataframe(label=self.title, visible=False, elem_id="words-table", **TABLE)

    def updates(self) -> Updates:
        return {
            self.summary: "",
            self.drawing: NOTHING,
            self.files: "",
            self.table: gr.update(value=None, visible=False),
        }

    def wire(self, sessions: Sessions, state: State, ask: Listener) -> None:
        """A clicked row of the table asks without its word."""

        def drop(result: QueryResult) -> Updates:
            session = sessions.get(result.model)
            table = explain.word_effects(session, result.tokens, result.words, result.trace.options)
            summary = explain.say_words(table)
            return {
                self.summary: sentence(summary),
                self.drawing: figure_value(explain.draw_words(table), f"{self.title}. {summary}", title=self.title),
                self.files: downloads(table, "hug-words", "words-figure"),
                self.table: gr.update(value=table.round(5), visible=True),
            }

        def leave_out(event: gr.SelectData) -> str:
            return str(event.row_value[2])

        self.run.click(safely(drop), state.result, [*self.updates()], **CALLS)
        self.table.select(safely(leave_out), None, state.words, **PRIVATE).success(**ask.arguments)


class SeveritiesPanel:
    """What a worse picture does: the same question at all severities of a fault, on demand."""

    def __init__(self) -> None:
        self.title = "Doubt against the severity of the fault"
        self.run = gr.Button("All severities of this fault", size="sm", elem_id="severities-run")
        self.summary = gr.HTML("", elem_id="severities-said")
        self.drawing = figure("severities-figure", self.title)

    def updates(self) -> Updates:
        return {self.summary: "", self.drawing: NOTHING}

    def wire(self, sessions: Sessions, state: State, kind: gr.Dropdown) -> None:
        def compare(result: QueryResult, kind: str) -> Updates:
            session = sessions.get(result.model)
            table = explain.severities(session, result.picture, result.words, kind, SEED, result.trace.options)
            summary = explain.say_severities(table)
            drawing = figure_value(
                explain.draw_severities(table), f"{self.title}. {summary}", title=self.title, table=table,
                name="hug-severities", elem_id="severities-figure",
            )  # fmt: skip
            return {self.summary: sentence(summary), self.drawing: drawing}

        self.run.click(safely(compare), [state.result, kind], [*self.updates()], **CALLS)


class BesidePanel:
    """The same question asked to another model, such as `paper` beside `calibrated`."""

    def __init__(self, sessions: Sessions, result: QueryResult) -> None:
        names = self._choices(sessions, result)
        with gr.Accordion("Beside another model", open=False, elem_id="beside"):
            note(
                "The same question asked to another model with the same gallery; *results, nearest first* is the one "
                "that answered above."
                if names
                else "There is no other model here: put a checkpoint folder below checkpoints/."
            )
            with gr.Row(visible=bool(names)):
                self.model = gr.Dropdown(
                    names, value=self._first(names), filterable=False, label="Other model", min_width=140,
                    elem_id="beside-which",
                )  # fmt: skip
                self.run = gr.Button("Ask it too", elem_id="beside-run")
            self.summary = gr.HTML("", elem_id="beside-said")
            self.sure = gr.HTML("", elem_id="beside-sure")
            self.results = gr.Gallery(
                label="Results of the other model, nearest first; *here*: the rank above", columns=5, height="auto",
                visible=False, elem_id="beside-results", **PICTURES,
            )  # fmt: skip
            self.ranks = figure("beside-table", "Ranks of both models")

    def updates(self, sessions: Sessions, result: QueryResult) -> Updates:
        """The other models to choose from, and nothing of an earlier question."""
        names = self._choices(sessions, result)
        return {
            self.model: gr.update(choices=names, value=self._first(names)),
            self.summary: "",
            self.sure: "",
            self.results: gr.update(value=None, visible=False),
            self.ranks: NOTHING,
        }

    def wire(self, sessions: Sessions, state: State) -> None:
        def compare(result: QueryResult, name: str | None) -> Updates:
            one, other = sessions.get(result.model), sessions.get(name)
            second = answer_again(other, result)
            table = explain.beside(result.trace, second.trace)
            names = table.rename(columns={"one": one.name, "other": other.name})
            ranks = {id: rank for rank, id in enumerate(result.ids, 1)}
            pictures = [
                (one.thumbnail(id), f"{n}. here {ranks.get(id, 'not among them')}\n{one.describe(id) or id}\n{id}")
                for n, id in enumerate(second.ids, 1)
            ]
            title = "Ranks of both models"
            return {
                self.summary: sentence(explain.say_beside(table)),
                self.sure: sure(other, second),
                self.results: gr.update(value=pictures, visible=True),
                self.ranks: figure_value(None, title=title, table=names, name="hug-beside"),
            }

        outputs = [self.summary, self.sure, self.results, self.ranks]
        self.run.click(safely(compare), [state.result, self.model], outputs, **CALLS)

    @staticmethod
    def _choices(sessions: Sessions, result: QueryResult) -> list[tuple[str, str]]:
        return [(sessions.label(name), name) for name in sessions.names if name != result.model]

    @staticmethod
    def _first(names: list[tuple[str, str]]) -> str | None:
        return names[0][1] if names else None


# The file is handed to the browser and stored nowhere: it passes through a hidden component that is emptied at once.
SAVE = """(content) => {
  if (!content) return;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([content], {type: 'text/html;charset=utf-8'}));
  link.download = 'hug-report.html';
  document.body.appendChild(link); link.click(); link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  return '';
}"""


def report_panel(sessions: Sessions, state: State) -> None:
    """A button that downloads the answer shown."""
    with gr.Accordion("Take it with you", open=False, elem_id="report"):
        note(
            "One HTML file with the pictures, the numbers, the model and how to cite it. It is made for you and not "
            "kept. Your own picture is in it, so share it with care."
        )
        run = gr.Button("Download this answer as a report", size="sm", elem_id="report-run")
        content = gr.Textbox("", label="Take it with you", visible="hidden", max_length=None)

    def make(result: QueryResult) -> str:
        return report(sessions.get(result.model), result)

    run.click(safely(make), state.result, content, **CALLS).success(
        None, content, content, js=SAVE, show_progress="hidden", **PRIVATE
    )
