"""The Train tab: settings, a visitor's own trainings, and how they go. It only wires."""

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import gradio as gr

from analysis.session import RUNS, QueryError, Sessions
from analysis.sharing import share, shared_folder, stop_sharing
from hug.train.jobs import BUSY, DAY, RUNNING, JobError, Jobs
from ui.components import figure
from ui.deep_links import parameters
from ui.html import text, texts
from ui.navigation import READING, Parameters, in_order
from ui.requests import inform, safely
from ui.state import AT_ONCE, PRIVATE, State, Tab, signal
from ui.training import DATA, MOST_STEPS, ON_SPACE, SWITCHES, TERMS, Settings, help_of, preset
from ui.training_runs import COMPARISON, CURVES, Run, comparison
from ui.uploads import folder
from ui.visitor import require_visitor, visitor_or_new, visitor_or_nobody
from ui.visits import Pace, Refusal, address_of

JOBS = RUNS / "jobs"
STARTS = (6 / 3600, 6)  # trainings an address may start a second for long, and at once
# Whoever waits for a training to begin or end waits in no pool that other tabs need.
ACTING: dict[str, Any] = {"concurrency_id": "training", "concurrency_limit": 1, "show_progress": "hidden", **PRIVATE}
KEEP_DAYS = float(os.environ.get("HUG_KEEP_DAYS") or (7 if ON_SPACE else 0))  # trainings nobody touches; 0: for good
EVERY = 2.0  # seconds between two looks at a training that runs
TEXTS = texts("training")
NO_RUNS = TEXTS["no_runs"]
ACTIONS: dict[str, tuple[str, Callable[[Run], bool]]] = {  # id -> label, and when it can be pressed
    "stop": ("Stop", lambda run: run.job.status == RUNNING),
    "resume": ("Resume", lambda run: run.halted),
    "finish": (
        "Finish with the best so far", lambda run: run.halted and run.has_weights and "train" not in run.job.done
    ),
    "use": ("Use it in all tabs", lambda run: run.finished),
    "share": ("Share by link", lambda run: run.finished and not run.shared),
    "unshare": ("Stop sharing", lambda run: bool(run.shared)),
    "pack": ("Pack for download", lambda run: run.has_weights and not run.busy),
    "remove": ("Remove", lambda run: not run.busy),
}  # fmt: skip


def build(sessions: Sessions, state: State) -> Tab:
    """The tab's components and events."""
    gr.Markdown(text("train"))
    if ON_SPACE:
        gr.Markdown(f"At most {MOST_STEPS} steps are possible here; what was trained is lost when the Space sleeps.")
    with gr.Row(elem_classes="hug-beside"):
        with gr.Column(min_width=300):
            form = _form()
            start = gr.Button("Start", variant="primary", elem_id="train-start")
        with gr.Column(min_width=300, scale=2):
            panel = RunsPanel(sessions, state)
    panel.build_below()
    panel.wire(form, start)
    refresh = dict(fn=safely(panel.refresh), inputs=panel.inputs, outputs=panel.outputs, **in_order("train"))
    outputs = [state.visitor, state.model]
    arrive = dict(fn=safely(panel.arrive), inputs=[state.visitor], outputs=outputs, **READING)
    return Tab(
        "train", "Train", [state.model], lambda params: [Parameters(params, sessions).session.name], refresh, arrive
    )


def _form() -> dict[str, Any]:
    """The controls, by the names of `Settings`, `TERMS` and `SWITCHES`, with the command they stand for."""
    form = dict[str, Any]()
    data = {
        name: f"{name}: {3 * sum(sizes.images)} pictures, {3 * sizes.triplets[0]} training queries"
        for name, sizes in DATA.items()
    }
    info = "generated, with known attributes and known faults; drawn on first use"
    form["data"] = _radio("data", "Data", data, info)
    form |= {name: _radio(name, name.capitalize(), TEXTS[name]) for name in ("size", "objective")}
    with gr.Row():
        # Bounds are checked where the settings are made: Gradio's own message doesn't say which number it means.
        form |= {name: _number(name, precision=0) for name in ("steps", "seed")}
    with gr.Accordion("Weights and switches of the objective", open=False, elem_id="train-weights"):
        gr.Markdown("Choosing an objective sets them; a weight of 0 switches its term off.", elem_classes="hug-note")
        form["fusion"] = _radio("fusion", "Merge of picture, words and fit", TEXTS["fusion"])
        with gr.Row():
            form |= {"batch": _number("batch", precision=0), "lr": _number("lr")}
        values = preset(Settings().objective)
        with gr.Row():
            form |= {n: gr.Number(values[n], label=n, info=help_of(n), min_width=200) for n in TERMS}
        form |= {n: gr.Checkbox(values[n], label=n, info=help_of(n)) for n in SWITCHES}
    _wire_form(form)
    return form


def _radio(name: str, label: str, choices: Mapping[str, str], info: str | None = None) -> gr.Radio:
    pairs, value = [(words, key) for key, words in choices.items()], getattr(Settings(), name)
    return gr.Radio(pairs, value=value, label=label, info=info, elem_id=f"train-{name}")


def _number(name: str, precision: int | None = None) -> gr.Number:
    value, title = getattr(Settings(), name), Settings.model_fields[name].title
    return gr.Number(value, label=title, precision=precision, min_width=90, elem_id=f"train-{name}")


def _wire_form(form: Mapping[str, Any]) -> None:
    """The command follows the controls, and an objective sets its weights."""
    command = gr.Textbox(
        Settings().command(), label="The same in a terminal (without index, measuring and preparing)",
        interactive=False, lines=2, buttons=["copy"], elem_id="train-command",
    )  # fmt: skip

    def spell(values: dict[Any, Any]) -> str:
        """The command, or while one is typing what doesn't fit yet."""
        try:
            return Settings.of(_by_name(form, values)).command()
        except QueryError as problem:
            return str(problem)

    def set_preset(objective: str) -> dict[Any, Any]:
        return {form[name]: value for name, value in preset(objective).items()}

    spelling = dict(fn=safely(spell), inputs={*form.values()}, outputs=command, **READING)
    terms = [form[name] for name in (*TERMS, *SWITCHES)]
    form["objective"].input(set_preset, form["objective"], terms, **AT_ONCE).then(**spelling)
    for name, control in form.items():
        if name != "objective":
            control.input(**spelling)


def _by_name(form: Mapping[str, Any], values: Mapping[Any, Any]) -> dict[str, Any]:
    return {name: values[control] for name, control in form.items()}


class RunsPanel:
    """A visitor's trainings: the list, how the chosen one goes, and what can be done with it."""

    def __init__(self, sessions: Sessions, state: State) -> None:
        self.sessions, self.state, self.jobs = sessions, state, Jobs(JOBS)
        self.starts = Pace(*STARTS)
        sessions.trainings = JOBS
        self.stamp = gr.State([])  # of the run on the page
        self.runs = gr.Radio([], label="Your trainings", elem_id="runs", info=NO_RUNS)
        self.status = gr.HTML(elem_id="train-state")
        with gr.Row(elem_id="train-actions"):
            self.buttons = {
                name: gr.Button(label, size="sm", min_width=110, visible=False, elem_id=f"train-{name}")
                for name, (label, _) in ACTIONS.items()
            }
        self.download = gr.DownloadButton(visible=False, size="sm", elem_id="train-download")
        with gr.Accordion("What it printed", open=False, elem_id="train-log"):
            self.log = gr.Code(show_label=False, label="What it printed", interactive=False, max_lines=16)
        self.figures = {name: figure(name, name) for name in list(CURVES)[:2]}
        self.inputs = [state.visitor, self.runs]

    def build_below(self) -> None:
        """What lies below form and list."""
        with gr.Row(elem_classes="hug-beside"):
            self.figures |= {name: figure(name, name) for name in list(CURVES)[2:]}
        self.comparison = figure("train-compared", COMPARISON)
        self.timer = gr.Timer(EVERY, active=False)
        self.outputs = [
            self.runs, self.stamp, self.timer, self.download, self.status, *self.buttons.values(), self.log,
            *self.figures.values(), self.comparison,
        ]  # fmt: skip

    def wire(self, form: Mapping[str, Any], start: gr.Button) -> None:
        """Buttons, list and timer; `start` begins what the form says."""

        def begin(values: dict[Any, Any], request: gr.Request) -> Any:
            return self.begin(_by_name(form, values), values[self.state.visitor], request)

        start.click(safely(begin), {self.state.visitor, *form.values()}, self.outputs, **ACTING)
        for name, act in (
            ("stop", self.jobs.stop), ("resume", self.jobs.resume),
            ("finish", partial(self.jobs.resume, skip=("data", "train"))), ("remove", self.remove),
            ("share", self.share), ("unshare", self.unshare),
        ):  # fmt: skip
            self.buttons[name].click(safely(partial(self.act, act)), self.inputs, self.outputs, **ACTING)
        self.buttons["pack"].click(safely(self.pack), self.inputs, self.download, **ACTING)
        self.buttons["use"].click(safely(self.use), self.inputs, [self.state.model, self.state.switches], **READING)
        self.runs.input(safely(self.refresh), self.inputs, self.outputs, **in_order("train"))
        self.timer.tick(safely(self.look), [*self.inputs, self.stamp], self.outputs, **in_order("train"))

    def begin(self, values: Mapping[str, Any], visitor: Any, request: gr.Request) -> dict[Any, Any]:
        """Start what the form says. Raises QueryError or JobError, before anything is written, when it may not run."""
        settings, owner = Settings.of(values), require_visitor(visitor)
        self.check_start(address_of(request.client))
        steps = lambda folder: settings.job(folder, self.sessions.gallery)  # noqa: E731
        job = self.jobs.start(owner, steps, settings.about, settings.room)
        return self.refresh(visitor, job.id)

    def check_start(self, address: str) -> None:
        """Raises JobError while a training runs, and QueryError when an address starts too many."""
        if KEEP_DAYS:
            self.jobs.expire(KEEP_DAYS * DAY)
        if self.jobs.running():
            raise JobError(BUSY)
        if address in ("127.0.0.1", "", "0000:0000:0000:0000"):  # who sits at this machine
            return
        try:
            self.starts.check(address)
        except Refusal:
            raise QueryError(
                f"{STARTS[1]} trainings were started from your address within the last hours: try again later."
            ) from None

    def look(self, visitor: Any, id: str | None, stamp: list[Any]) -> Any:
        """Updates of what changed since `stamp`; none without news."""
        owner = visitor_or_nobody(visitor)
        runs = [Run(job) for job in self.jobs.list(owner)]
        run = next((run for run in runs if run.job.id == id), next(iter(runs), None))
        news = run.stamp if run else []
        if news == stamp and stamp:
            return gr.skip()
        choices = [(run.label, run.job.id) for run in runs]
        return {
            self.runs: gr.Radio(choices, value=run.job.id if run else None, info="" if runs else NO_RUNS),
            self.stamp: news,
            self.timer: gr.Timer(EVERY, active=run is not None and run.busy),
            self.status: run.state if run else "",
            self.log: self.jobs.log(owner, run.job.id) if run else "",
            self.comparison: comparison(runs),
            **{b: gr.Button(visible=run is not None and ACTIONS[name][1](run)) for name, b in self.buttons.items()},
            **{view: run.curve(name) if run else "" for name, view in self.figures.items()},
        }

    def refresh(self, visitor: Any, id: str | None) -> dict[Any, Any]:
        """All there is to show."""
        return {**self.look(visitor, id, []), self.download: gr.DownloadButton(visible=False)}

    def act(self, action: Callable[[str, str], Any], visitor: Any, id: str | None) -> dict[Any, Any]:
        """Do something to a training. Raises QueryError when none is chosen."""
        if not id:
            raise QueryError("Choose one of your trainings first.")
        action(require_visitor(visitor), id)
        return self.refresh(visitor, id)

    def remove(self, owner: str, id: str) -> None:
        self.jobs.remove(owner, id)
        self.sessions.dismiss(id)

    def share(self, owner: str, id: str) -> None:
        """Raises QueryError for a training that can't answer yet."""
        run = Run(self.jobs.get(owner, id))
        if not run.finished:
            raise QueryError("This training isn't finished, so there is nothing to share yet.")
        share(run.job.folder)

    def unshare(self, owner: str, id: str) -> None:
        stop_sharing(self.jobs.get(owner, id).folder)

    def pack(self, visitor: Any, id: str | None) -> Any:
        path = Run(self.jobs.get(require_visitor(visitor), id or "")).archive(folder())
        return gr.DownloadButton(f"Download {path.name}", value=str(path), visible=True)

    def use(self, visitor: Any, id: str | None) -> dict[Any, Any]:
        """The training becomes the model of all tabs. Raises QueryError when it can't be used."""
        owner = require_visitor(visitor)
        run = Run(self.jobs.get(owner, id or ""))
        if not run.finished:
            raise QueryError("This training isn't finished: resume it, or finish it with the best so far.")
        models = self.models(owner)
        self.sessions.get(run.job.id)  # raises when it can't be used
        inform(f"All tabs now answer with {run.job.id}.")
        return {self.state.model: gr.Dropdown(models, value=run.job.id), self.state.switches: signal()}

    def arrive(self, visitor: Any, request: gr.Request) -> list[Any]:
        """A visitor's number, new for who has none, and the models they can choose, with the one their link shares."""
        models, name = self.models(visitor_or_nobody(visitor)), parameters(request.query_params).get("model", "")
        if shared_folder(self.jobs.root, name):
            models.append(("shared by its link", name))
        return [visitor_or_new(visitor), gr.Dropdown(models)]

    def models(self, owner: str) -> list[tuple[str, str]]:
        """Choices of the model picker: those of everybody, and the visitor's finished trainings, let in now."""
        choices = [(self.sessions.label(name), name) for name in self.sessions.names]
        for run in map(Run, self.jobs.list(owner)):
            if run.finished:
                self.sessions.admit(run.job.id, run.job.folder)
                choices.append((f"{run.job.id[:9]} · {run.job.about['objective']}", run.job.id))
        return choices
