"""The Query tab's panels below an answer. Each is built with the first answer and changes with the next.

`updates` gives what a panel shows of a new answer, by component. What a panel makes on demand belongs to one question:
`empty` takes it away.
"""

from collections.abc import Sequence
from typing import Any

import gradio as gr
from markupsafe import Markup

from analysis import explain
from analysis import query as study
from analysis.session import QueryError, Session, Sessions
from ui.answer import sure
from ui.components import ASSETS, NOTHING, downloads, figure, figure_value, gallery, table_figure
from ui.html import render, texts
from ui.report import report
from ui.requests import safely
from ui.state import MODEL_CALLS, PRIVATE, SEED, Listener, QueryResult, State, answer_again

CALLS: dict[str, Any] = {**MODEL_CALLS, **PRIVATE}
TABLE: dict[str, Any] = {"interactive": False, "buttons": ["copy"], "max_height": 300}
PARTS = "Parts of two distances, by sub-feature"
WORDS = "Change of the doubt without each phrase"
SEVERITIES = "Doubt against the severity of the fault"
RANKS = "Ranks of both models"
COMPONENTS: dict[str, str] = texts("query_panels")["components"]  # titles of their figures
Updates = dict[Any, Any]  # component -> what it shows


def sentence(text: str) -> Markup:
    """A study's sentence as HTML."""
    return render("sentence", text=text)


def panel(elem_id: str, title: str, note: str = "") -> gr.Tab:
    """One of the panels in a row, which begins with what it is for; to be filled."""
    with gr.Tab(title, id=elem_id, elem_id=elem_id) as section:
        if note:
            gr.Markdown(texts("query_panels")[note], elem_classes="hug-note")
    return section


def components_core(result: QueryResult) -> dict[str, gr.HTML]:
    """Figures of variances, weights and the two merges, by their elem_id."""
    values, figures = component_figures(result), dict[str, gr.HTML]()
    for names in (("variances",), ("weights", "merges")):
        with gr.Column(min_width=320):
            figures |= {name: figure(name, COMPONENTS[name], value=values[name]) for name in names}
    return figures


def component_figures(result: QueryResult) -> dict[str, str]:
    """Values of the figures by their elem_id."""
    variances, weights, merges = (measure(result.trace) for measure in (study.variances, study.weights, study.merges))
    press = "Press a bar to open that component in Sub-features, where it can also be chosen by its number."
    question = "Dynamic against static weights (1/3 each): only the overall doubt differs, the ranks are the same."
    return {
        "variances": figure_value(
            study.draw_variances(variances), COMPONENTS["variances"], question=COMPONENTS["variances"],
            table=variances, name="hug-variances", sentence=press, elem_id="variances", clickable=True,
        ),
        "weights": figure_value(
            study.draw_weights(weights), COMPONENTS["weights"], question=COMPONENTS["weights"], table=weights,
            name="hug-weights", elem_id="weights",
        ),
        "merges": figure_value(
            None, question=question, sentence=study.say_merges(merges), table=merges, name="hug-merges"
        ),
    }  # fmt: skip


class WhyPanel:
    """Why this rank: two results' distances taken apart, and sub-features to ignore."""

    def __init__(self, session: Session, result: QueryResult) -> None:
        ranks, (first, second) = _ranks(result), _first_two(result)
        summary, pictures, drawing, files, table = comparison(session, result, first, second)
        with panel("why", "Why this rank", "why"):
            with gr.Row():
                self.first = gr.Dropdown(ranks, value=first, label="Explain", min_width=140, elem_id="why-first")
                self.second = gr.Dropdown(ranks, value=second, label="beside", min_width=140, elem_id="why-second")
            self.summary = gr.HTML(summary, elem_id="why-said")
            label = "Reference and the two results"
            self.pictures = gallery(pictures, 190, label=label, columns=3, elem_id="why-pictures")
            self.drawing = figure("why-figure", PARTS, value=drawing)
            self.files = gr.HTML(files)
            self.table = gr.Dataframe(table, label=PARTS, elem_id="why-table", **TABLE)
        self.comparison = [self.summary, self.pictures, self.drawing, self.files, self.table]
        self.outputs = [self.first, self.second, *self.comparison]

    def updates(self, session: Session, result: QueryResult) -> Updates:
        first, second = _first_two(result)
        drops = [gr.update(choices=_ranks(result), value=id) for id in (first, second)]
        values = [*drops, *comparison(session, result, first, second)]
        return dict(zip(self.outputs, values, strict=True))

    def wire(self, sessions: Sessions, state: State, ask: Listener) -> None:
        """A chosen result is explained; a clicked row ignores its sub-feature and asks again."""

        def compare(result: QueryResult, first: str | None, second: str | None) -> list[Any]:
            return comparison(sessions.get(result.request.model), result, first, second)

        def ignore(ignored: Sequence[int], event: gr.SelectData) -> list[int]:
            component = int(event.row_value[0])
            if component == 0:
                raise QueryError("The bias belongs to no sub-feature and can't be ignored.")
            return sorted({*ignored, component})

        for drop in (self.first, self.second):
            drop.input(safely(compare), [state.result, self.first, self.second], self.comparison, **CALLS)
        self.table.select(safely(ignore), state.ignored, state.ignored, **PRIVATE).success(**ask)

    def explain(self, session: Session, result: QueryResult, id: str) -> Updates:
        """One result beside the first, or beside the second where it is the first.

        Raises QueryError when it is not among the results.
        """
        if id not in result.ids:
            raise QueryError("This picture is not among the results any more.")
        beside = next((each for each in result.ids if each != id), None)
        values = [id, beside, *comparison(session, result, id, beside)]
        return dict(zip(self.outputs, values, strict=True))


def _first_two(result: QueryResult) -> list[str | None]:
    return [*result.ids, None, None][:2]


def _ranks(result: QueryResult) -> list[tuple[str, str]]:
    return [(f"{rank}. {id}", id) for rank, id in enumerate(result.ids, 1)]


def comparison(session: Session, result: QueryResult, first: str | None, second: str | None) -> list[Any]:
    """Sentence, pictures, figure, downloads and table of two results; fewer than two are said to be."""
    if not (first and second):
        reason = "There is one result only: nothing to compare it with." if first else "Nothing was ranked."
        return [sentence(reason), [], NOTHING, "", None]
    table = explain.compare_parts(result.trace, first, second)
    summary = explain.say_parts(table, first, second)
    names = {"component": "sub-feature", "means": "of it: means", "candidate": "of it: candidates' variances"}
    return [
        sentence(summary),
        [(result.thumbnail(session), "Reference picture"), *((session.thumbnail(id), id) for id in (first, second))],
        figure_value(explain.draw_parts(table, first, second), f"{PARTS}. {summary}", title=PARTS),
        downloads(table, "hug-why", "why-figure"),
        table.round(5).rename(columns=names),
    ]


class WordsPanel:
    """What each phrase does: the phrases dropped one at a time, on demand."""

    def __init__(self) -> None:
        with panel("word-effects", "Each phrase", "word-effects"):
            self.run = gr.Button("Drop the phrases one at a time", size="sm", elem_id="words-run")
            self.summary = gr.HTML("", elem_id="words-said")
            self.drawing = figure("words-figure", WORDS)
            self.files = gr.HTML("")
            self.table = gr.Dataframe(label=WORDS, visible=False, elem_id="words-table", **TABLE)
        table = gr.update(value=None, visible=False)
        self.empty: Updates = {self.summary: "", self.drawing: NOTHING, self.files: "", self.table: table}

    def wire(self, sessions: Sessions, state: State, ask: Listener) -> None:
        """A clicked row of the table asks without its phrase."""

        def drop(result: QueryResult) -> Updates:
            session, trace = sessions.get(result.request.model), result.trace
            table = explain.phrase_effects(session, result.tokens, trace.words, trace.options)
            summary = explain.say_words(table)
            return {
                self.summary: sentence(summary),
                self.drawing: figure_value(explain.draw_words(table), f"{WORDS}. {summary}", title=WORDS),
                self.files: downloads(table, "hug-words", "words-figure"),
                self.table: gr.update(value=table.round(5), visible=True),
            }

        def leave_out(event: gr.SelectData) -> str:
            return str(event.row_value[2])

        self.run.click(safely(drop), state.result, [*self.empty], **CALLS)
        self.table.select(safely(leave_out), None, state.words, **PRIVATE).success(**ask)


def severities_panel(sessions: Sessions, state: State, kind: gr.Dropdown) -> gr.HTML:
    """What a worse picture does: the same question at all severities of a fault, on demand. Gives the figure."""
    run = gr.Button("All severities of this fault", size="sm", elem_id="severities-run")
    drawing = figure("severities-figure", SEVERITIES)

    def compare(result: QueryResult, kind: str) -> str:
        session, trace = sessions.get(result.request.model), result.trace
        table = explain.severities(session, result.picture, trace.words, kind, SEED, trace.options)
        return table_figure(
            table, explain.draw_severities, explain.say_severities, title=SEVERITIES, name="hug-severities",
            elem_id="severities-figure",
        )  # fmt: skip

    run.click(safely(compare), [state.result, kind], drawing, **CALLS)
    return drawing


class BesidePanel:
    """The same question asked to another model, such as `paper` beside `calibrated`."""

    def __init__(self, sessions: Sessions, state: State) -> None:
        names = _other_models(sessions, state.result.value)
        with panel("beside", "Another model", "beside" if names else "alone"):
            with gr.Row(visible=bool(names)):
                self.model = gr.Dropdown(
                    names, filterable=False, label="Other model", min_width=140, elem_id="beside-which"
                )
                run = gr.Button("Ask it too", elem_id="beside-run")
            self.summary = gr.HTML("", elem_id="beside-said")
            self.sure = gr.HTML("", elem_id="beside-sure")
            label = "Results of the other model, nearest first; here: the rank above"
            self.results = gallery(label=label, columns=5, visible=False, elem_id="beside-results")
            self.ranks = figure("beside-table", RANKS)
        results = gr.update(value=None, visible=False)
        self.empty: Updates = {self.summary: "", self.sure: "", self.results: results, self.ranks: NOTHING}

        def compare(result: QueryResult, name: str | None) -> Updates:
            one, other = sessions.get(result.request.model), sessions.get(name)
            second = answer_again(other, result)
            table = explain.beside(result.trace, second.trace)
            ranks = {id: rank for rank, id in enumerate(result.ids, 1)}
            pictures = [
                (one.thumbnail(id), f"{n}. here {ranks.get(id, 'not among them')}\n{one.describe(id) or id}\n{id}")
                for n, id in enumerate(second.ids, 1)
            ]
            names = table.rename(columns={"one": one.name, "other": other.name})
            return {
                self.summary: sentence(explain.say_beside(table)),
                self.sure: sure(other, second, levels=()),
                self.results: gr.update(value=pictures, visible=True),
                self.ranks: figure_value(None, title=RANKS, table=names, name="hug-beside"),
            }

        run.click(safely(compare), [state.result, self.model], [*self.empty], **CALLS)

    def updates(self, sessions: Sessions, result: QueryResult) -> Updates:
        """The other models to choose from, and nothing of an earlier question."""
        names = _other_models(sessions, result)
        return {self.model: gr.update(choices=names, value=names[0][1] if names else None), **self.empty}


def _other_models(sessions: Sessions, result: QueryResult) -> list[tuple[str, str]]:
    return [(sessions.label(name), name) for name in sessions.names if name != result.request.model]


def report_panel(sessions: Sessions, state: State) -> None:
    """A button that downloads the answer shown."""
    with panel("report", "Take it along", "report"):
        run = gr.Button("Download this answer as a report", size="sm", elem_id="report-run")
        content = gr.Textbox("", label="Take it with you", visible="hidden", max_length=None)

    def make(result: QueryResult) -> str:
        return report(sessions.get(result.request.model), result)

    call = run.click(safely(make), state.result, content, **CALLS)
    call.success(None, content, content, js=(ASSETS / "save.js").read_text(), show_progress="hidden", **PRIVATE)
