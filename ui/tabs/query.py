"""The Query tab: a picture and words in, a ranking and how sure the model is of it out. It only wires."""

import random
from dataclasses import fields, replace
from functools import partial
from typing import Any

import gradio as gr
from markupsafe import Markup

from analysis.session import QueryError, Sessions
from hug.retrieval.trace import LEVEL
from ui.answer import CHOICES, View, results, sure
from ui.components import NOTHING
from ui.deep_links import query_link, read_query
from ui.history import History
from ui.html import render
from ui.navigation import NOT_SHARED, asking, on_press_open
from ui.requests import safely
from ui.state import AT_ONCE, MODEL_CALLS, PRIVATE, Listener, QueryRequest, QueryResult, State, Tab, answer, signal
from ui.tabs import query_panels as panels
from ui.tabs.query_form import EXAMPLES, Answer, Picker, Question, Ranking, WhatIf
from ui.tabs.query_panels import Updates

TITLE = "Query"
FIELDS = [each.name for each in fields(QueryRequest)]


def start(sessions: Sessions) -> QueryRequest:
    """The question the page opens with."""
    session = sessions.get()
    return QueryRequest(sessions.default, session.ids()[0], None, EXAMPLES[0], k=session.default_k)


def build(sessions: Sessions, state: State) -> Tab:
    """The tab's components and events; it opens with the answer that the page has made."""
    tab = QueryTab(sessions, state)
    tab.wire()
    return Tab("query", TITLE, list(tab.controls.values()), lambda params: tab.values(read_query(params, sessions)))


class QueryTab:
    """The question, its answer, and the panels below it."""

    def __init__(self, sessions: Sessions, state: State) -> None:
        self.sessions, self.state = sessions, state
        session, result = sessions.get(), state.result.value
        history = History().add(result.request, result.ids)
        self.history = gr.State(history)
        with gr.Row(elem_id="query"):  # a grid: on a phone the answer comes before settings and picker
            with gr.Column(elem_id="question"):
                self.question = Question(session, state, result.request)
            with gr.Column(elem_id="answer"):
                address = link(result.request, sessions)
                self.answer = Answer(sure(session, result), history.html(), results(session, result), address)
                self.why = panels.WhyPanel(session, result)
                self.words = panels.WordsPanel()
                self.components = panels.components_panel(result)
                self.beside = panels.BesidePanel(sessions, state)
                panels.report_panel(sessions, state)
            with gr.Column(elem_id="pick"):
                with gr.Accordion("What if the picture were worse?", open=False, elem_id="what-if"):
                    self.what_if = WhatIf()
                    self.severities = panels.severities_panel(sessions, state, self.what_if.kind)
                self.ranking = Ranking(state)
                self.picker = Picker(session)
        components = {**vars(self.question), **vars(self.what_if), **vars(self.ranking), **vars(state)}
        self.controls = {name: components[name] for name in FIELDS}  # a control for each field of a request
        self.outputs = list(self.updates(result, history))

    @property
    def ask(self) -> Listener:
        """Answers what the controls say."""

        def ask(history: History, level: float, *sent: Any) -> Updates:
            request = QueryRequest.of(dict(zip(FIELDS, sent, strict=True)))
            result = answer(self.sessions.get(request.model), request)
            return self.updates(result, history.add(request, result.ids), level)

        # `preprocess=False`: the callback opens the picture itself, within the project's own limits.
        return dict(
            fn=safely(ask), inputs=[self.history, self.answer.level, *self.controls.values()], outputs=self.outputs,
            preprocess=False, show_progress_on=self.answer.results, **MODEL_CALLS, **PRIVATE,
        )  # fmt: skip

    def updates(self, result: QueryResult, history: History, level: float = LEVEL) -> Updates:
        """The new value of everything that shows an answer."""
        request, a = result.request, self.answer
        session = self.sessions.get(request.model)
        seen = result.seen if request.severity else None
        return {
            self.state.result: result,
            self.history: history,
            a.history: history.html(),
            a.back: gr.update(interactive=history.place > 0),
            a.forth: gr.update(interactive=history.place + 1 < len(history.steps)),
            a.link: link(request, self.sessions),
            **self.judged(result, View(level, history.before)),
            self.what_if.seen: gr.update(value=seen, visible=seen is not None),
            **{self.components[name]: value for name, value in panels.component_figures(result).items()},
            **self.why.updates(session, result),
            **self.words.empty,
            self.severities: NOTHING,
            **self.beside.updates(self.sessions, result),
        }

    def judged(self, result: QueryResult, view: View) -> Updates:
        """The verdict and the results, with the answer set of a level."""
        session = self.sessions.get(result.request.model)
        return {
            self.answer.sure: sure(session, result, view.level),
            self.answer.results: results(session, result, view),
        }

    def values(self, request: QueryRequest) -> list[Any]:
        """Values of the controls that say this question."""
        values = {name: getattr(request, name) for name in FIELDS} | {"ignored": list(request.ignored)}
        if request.reference:
            values["picture"] = str(self.sessions.get(request.model).thumbnail(request.reference))
        return list(values.values())

    # ---- events ----

    def wire(self) -> None:
        """All events of the tab."""
        state, ask = self.state, self.ask
        self._wire_question(ask)
        self._wire_references()
        self._wire_history()
        self._wire_results(ask)
        self.why.wire(self.sessions, state, ask)
        self.words.wire(self.sessions, state, ask)
        on_press_open(self.components["variances"].select, state)

    def _wire_question(self, ask: Listener) -> None:
        state, question, what_if, ranking = self.state, self.question, self.what_if, self.ranking
        for event in (question.search.click, state.words.submit, state.asks.change):
            event(**ask)
        for slider in (question.k, what_if.severity):  # `release` doesn't come from a keyboard
            slider.input(**ask, trigger_mode="always_last")
        settings = (question.category, question.leave_out, what_if.kind, ranking.dynamic, ranking.use_var)
        for control in (*settings, state.ignored):
            control.input(**ask)
        for button in question.examples:
            button.click(lambda text: text, button, state.words, **AT_ONCE).then(**ask)
        state.picture.upload(lambda: None, None, state.reference, **AT_ONCE).then(**ask)
        state.picture.clear(lambda: None, None, state.reference, **AT_ONCE)

    def _wire_references(self) -> None:
        """Pictures of the gallery, and results, become the reference."""
        state, picker = self.state, self.picker

        def ask_with(id: str) -> tuple[str, str, str]:
            return id, str(picker.session.thumbnail(id)), signal()

        def pick(ids: list[str], event: gr.SelectData) -> tuple[str, str, str]:
            return ask_with(ids[event.index])

        def surprise(category: str) -> tuple[str, str, str]:
            return ask_with(random.choice(picker.session.ids(category)))

        def turn(category: str, page: int) -> Any:
            return picker.browse(category, page + 1)

        # Outside the queue Gradio shows no message of an error: what may fail waits in it.
        reference = [state.reference, state.picture, state.asks]
        picker.pictures.select(safely(pick), picker.ids, reference, **PRIVATE)
        picker.surprise.click(safely(surprise), picker.category, reference, **PRIVATE)
        page = [picker.pictures, picker.ids, picker.page]
        picker.category.input(partial(picker.browse, page=0), picker.category, page, **AT_ONCE)
        picker.more.click(turn, [picker.category, picker.page], page, **AT_ONCE)

    def _wire_history(self) -> None:
        """Back and forth answer an earlier question again, and set the controls to it."""

        def step(by: int, history: History, level: float) -> Updates:
            history = history.move(by)
            request = history.steps[history.place]
            result = answer(self.sessions.get(request.model), request)
            controls = dict(zip(self.controls.values(), self.values(request), strict=True))
            return controls | self.updates(result, history, level)

        outputs = [*self.controls.values(), *self.outputs]
        for button, by in ((self.answer.back, -1), (self.answer.forth, 1)):
            button.click(
                safely(partial(step, by)), [self.history, self.answer.level], outputs,
                show_progress_on=self.answer.results, **MODEL_CALLS, **PRIVATE,
            )  # fmt: skip

    def _wire_results(self, ask: Listener) -> None:
        """Presses on the verdict and on results: another level, another reference, why a result is there, more."""
        state, a = self.state, self.answer

        def look(result: QueryResult, history: History, event: gr.EventData) -> Updates:
            if event.level not in CHOICES:
                raise QueryError("There is no such level.")
            return {a.level: event.level} | self.judged(result, View(event.level, history.before))

        def press(result: QueryResult, event: gr.EventData) -> Updates:
            session = self.sessions.get(result.request.model)
            if id := getattr(event, "use", None):
                return asking(session, state, id)
            if id := getattr(event, "why", None):
                return self.why.explain(session, result, id)
            return {self.question.k: min(int(event.k), QueryRequest.most), state.asks: signal()}

        a.sure.select(safely(look), [state.result, self.history], [a.level, a.sure, a.results], **PRIVATE)
        outputs = [state.reference, state.picture, state.asks, self.question.k, *self.why.outputs]
        a.results.select(safely(press), state.result, outputs, **PRIVATE)


def link(request: QueryRequest, sessions: Sessions) -> Markup:
    """The link of a question as HTML, or why there is none."""
    name = sessions.link_name(request.model)
    if not name:
        return render("note", text=NOT_SHARED)
    address = query_link(replace(request, model=name), sessions.default)
    if address is None:
        return render("note", text="A question with an uploaded picture can't be shared by a link.")
    return render("link", address=address, text="Link to this question")
