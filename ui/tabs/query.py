"""The Query tab: a picture and words in, a ranking and how sure the model is of it out. It only wires."""

import random
from dataclasses import fields, replace
from functools import partial
from typing import Any

import gradio as gr
from markupsafe import Markup

from analysis.labels import answer_words
from analysis.session import QueryError, Sessions
from hug.retrieval.trace import LEVEL
from ui.answer import CHOICES, View, clarifying, results, sure
from ui.components import NOTHING
from ui.deep_links import query_link, read_query
from ui.history import History
from ui.html import render, text, texts
from ui.navigation import NOT_SHARED, asking, on_press_open
from ui.requests import read_picture, safely
from ui.state import AT_ONCE, MODEL_CALLS, PRIVATE, Listener, QueryRequest, QueryResult, State, Tab, answer, signal
from ui.tabs import query_panels as panels
from ui.tabs.query_form import EXAMPLES, Answer, Picker, Question, Ranking, WhatIf
from ui.tabs.query_panels import Updates
from ui.trial import Trials, of_kind

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
        with gr.Row(elem_id="query"):  # a grid: on a phone the answer comes before the pictures to pick from
            with gr.Column(elem_id="question"):
                self.question = Question(session, state)
            with gr.Column(elem_id="answer"):
                address = link(result.request, sessions)
                first = sure(session, result), clarifying(session, result), history.html(), results(session, result)
                self.answer = Answer(*first, address)
            with gr.Column(elem_id="pick"):
                self.picker = Picker(session)
            with gr.Row(elem_id="core"):
                self.components = panels.components_core(result)
            with gr.Column(elem_id="panels"):
                self._build_panels(result)
        components = {**vars(self.question), **vars(self.what_if), **vars(self.ranking), **vars(state)}
        self.controls = {name: components[name] for name in FIELDS}  # a control for each field of a request
        self.visit = [self.history, self.answer.level, self.answer.trials]  # of the visit, beside the question
        self.outputs = list(self.updates(result, history))

    def _build_panels(self, result: QueryResult) -> None:
        """What else can be asked of an answer, in one row."""
        sessions, state, session = self.sessions, self.state, self.sessions.get()
        with gr.Tabs(elem_id="panel-bar") as self.bar:
            self.why = panels.WhyPanel(session, result)
            self.words = panels.WordsPanel()
            with panels.panel("what-if", "A worse picture"):
                self.what_if = WhatIf()
                self.severities = panels.severities_panel(sessions, state, self.what_if.kind)
            self.beside = panels.BesidePanel(sessions, state)
            with panels.panel("ranked", "How it is ranked"):
                self.ranking = Ranking(session, state, result.request)
            panels.report_panel(sessions, state)
            with panels.panel("expect", "What to expect"):
                gr.Markdown(text("expect"))

    @property
    def ask(self) -> Listener:
        """Answers what the controls say."""

        def ask(history: History, level: float, trials: Trials, *sent: Any) -> Updates:
            request = QueryRequest.of(dict(zip(FIELDS, sent, strict=True)))
            result = answer(self.sessions.get(request.model), request)
            return self.updates(result, history.add(request, result.ids), level, trials)

        # `preprocess=False`: the callback opens the picture itself, within the project's own limits.
        return dict(
            fn=safely(ask), inputs=[*self.visit, *self.controls.values()], outputs=self.outputs, preprocess=False,
            show_progress_on=self.answer.results, **MODEL_CALLS, **PRIVATE,
        )  # fmt: skip

    def updates(
        self, result: QueryResult, history: History, level: float = LEVEL, trials: Trials | None = None
    ) -> Updates:
        """The new value of everything that shows an answer."""
        request, a = result.request, self.answer
        session = self.sessions.get(request.model)
        seen = result.seen if request.severity else None
        return {
            self.state.result: result,
            self.history: history,
            a.notice: "",
            a.clarify: clarifying(session, result),
            a.history: history.html(),
            a.back: gr.update(interactive=history.place > 0),
            a.forth: gr.update(interactive=history.place + 1 < len(history.steps)),
            a.link: link(request, self.sessions),
            **self.judged(result, history, level, (trials or Trials()).of(request)),
            self.what_if.seen: gr.update(value=seen, visible=seen is not None),
            **{self.components[name]: value for name, value in panels.component_figures(result).items()},
            **self.why.updates(session, result),
            **self.words.empty,
            self.severities: NOTHING,
            **self.beside.updates(self.sessions, result),
        }

    def judged(self, result: QueryResult, history: History, level: float, trials: Trials) -> Updates:
        """The verdict, the results with the answer set of a level, and the test query."""
        session, a = self.sessions.get(result.request.model), self.answer
        return {
            a.level: level,
            a.trials: trials,
            a.sure: sure(session, result, level),
            a.results: results(session, result, View(level, history.before, trials.target)),
            a.trial: trials.html(session, level),
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
        self._wire_picture(ask)
        self._wire_references()
        self._wire_history()
        self._wire_answer()
        self.why.wire(self.sessions, state, ask)
        self.words.wire(self.sessions, state, ask)
        on_press_open(self.components["variances"].select, state)

    def _wire_question(self, ask: Listener) -> None:
        state, question, what_if, ranking = self.state, self.question, self.what_if, self.ranking
        for event in (question.search.click, state.words.submit, state.asks.change):
            event(**ask)
        for slider in (ranking.k, what_if.severity):  # `release` doesn't come from a keyboard
            slider.input(**ask, trigger_mode="always_last")
        settings = (question.category, ranking.leave_out, what_if.kind, ranking.dynamic, ranking.use_var)
        for control in (*settings, state.ignored):
            control.input(**ask)
        for button in question.examples:
            button.click(lambda text: text, button, state.words, **AT_ONCE).then(**ask)
        outputs = [*self.controls.values(), self.answer.trials, state.asks]
        for kind, button in question.draws.items():
            button.click(safely(partial(self.draw, kind)), [state.model, self.answer.trials], outputs, **PRIVATE)

    def draw(self, kind: str, model: str, trials: Trials) -> Updates:
        """Asks a random test query of a kind, as it was measured: in its own category."""
        session = self.sessions.get(model)
        sample = random.choice(of_kind(session, kind))
        request = QueryRequest(
            session.name, sample.reference, None, sample.words, session.category(sample.target), session.default_k
        )
        controls = dict(zip(self.controls.values(), self.values(request), strict=True))
        return controls | {self.answer.trials: trials.start(sample, kind, request), self.state.asks: signal()}

    def _wire_picture(self, ask: Listener) -> None:
        """A picture of one's own is asked with words written for it, never with those of the question before."""
        state, notice = self.state, self.answer.notice

        def take(sent: Any, words: str, result: QueryResult) -> list[Any]:
            if " ".join((words or "").split()) in ("", result.trace.words):
                read_picture(sent)  # what is none is told now, not when the words are there
                waiting = render("notice", text=texts("query_panels")["new-picture"])
                return [None, "", waiting, gr.skip()]
            return [None, words, "", signal()]

        outputs = [state.reference, state.words, notice, state.asks]
        # In the queue: outside it a state's change, which asks, is not heard.
        inputs = [state.picture, state.words, state.result]
        options = {"preprocess": False, "show_progress": "hidden", **MODEL_CALLS, **PRIVATE}
        state.picture.upload(safely(take), inputs, outputs, **options)
        state.picture.clear(lambda: None, None, state.reference, **AT_ONCE)

    def _wire_references(self) -> None:
        """Pictures of the gallery become the reference."""
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
        """Back, forth and a press on a question answer it again, and set the controls to it."""

        def show(history: History, level: float, trials: Trials) -> Updates:
            request = history.steps[history.place]
            result = answer(self.sessions.get(request.model), request)
            controls = dict(zip(self.controls.values(), self.values(request), strict=True))
            return controls | self.updates(result, history, level, trials)

        def step(by: int, history: History, level: float, trials: Trials) -> Updates:
            return show(history.move(by), level, trials)

        def jump(history: History, level: float, trials: Trials, event: gr.EventData) -> Updates:
            return show(history.at(int(event.step)), level, trials)

        outputs = [*self.controls.values(), *self.outputs]
        a, options = self.answer, {"show_progress_on": self.answer.results, **MODEL_CALLS, **PRIVATE}
        for button, by in ((a.back, -1), (a.forth, 1)):
            button.click(safely(partial(step, by)), self.visit, outputs, **options)
        a.history.select(safely(jump), self.visit, outputs, **options)

    def _wire_answer(self) -> None:
        """Presses on the verdict, on results and on the test query."""
        state, a = self.state, self.answer

        def look(result: QueryResult, history: History, trials: Trials, event: gr.EventData) -> Updates:
            if event.level not in CHOICES:
                raise QueryError("There is no such level.")
            return self.judged(result, history, event.level, trials)

        def press(result: QueryResult, event: gr.EventData) -> Updates:
            session = self.sessions.get(result.request.model)
            if id := getattr(event, "use", None):
                return asking(session, state, id)
            if id := getattr(event, "why", None):
                return self.why.explain(session, result, id) | {self.bar: gr.Tabs(selected="why")}
            return {self.ranking.k: min(int(event.k), QueryRequest.most), state.asks: signal()}

        def reveal(result: QueryResult, history: History, level: float, trials: Trials, event: gr.EventData) -> Updates:
            if hasattr(event, "draw"):
                return self.draw(event.draw, result.request.model, trials)
            trials = trials.reveal(self.sessions.get(result.request.model), result)
            return self.judged(result, history, level, trials)

        def respond(model: str, words: str, event: gr.EventData) -> Updates:
            meta, label, value = self.sessions.get(model).index.meta, event.label, event.value
            if value not in meta.get(label, ()):
                raise QueryError("This gallery has no such answer.")
            if label == "category":
                return {self.question.category: value, state.asks: signal()}
            more = answer_words(label, value)
            return {state.words: " and ".join(filter(None, ((words or "").strip(" .,"), more))), state.asks: signal()}

        a.clarify.select(
            safely(respond), [state.model, state.words], [state.words, self.question.category, state.asks], **PRIVATE
        )
        judged = [a.level, a.trials, a.sure, a.results, a.trial]
        a.sure.select(safely(look), [state.result, self.history, a.trials], judged, **PRIVATE)
        outputs = [state.reference, state.picture, state.asks, self.ranking.k, self.bar, *self.why.outputs]
        a.results.select(safely(press), state.result, outputs, **PRIVATE)
        everything = [*self.controls.values(), state.asks, *judged]
        a.trial.select(safely(reveal), [state.result, *self.visit], everything, **MODEL_CALLS, **PRIVATE)


def link(request: QueryRequest, sessions: Sessions) -> Markup:
    """The link of a question as HTML, or why there is none."""
    name = sessions.link_name(request.model)
    if not name:
        return render("note", text=NOT_SHARED)
    address = query_link(replace(request, model=name), sessions.default)
    if address is None:
        return render("note", text="A question with an uploaded picture can't be shared by a link.")
    return render("link", address=address, text="Link to this question")
