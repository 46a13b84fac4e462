"""The Train tab: settings, a visitor's own trainings, and how they go. It only wires."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from analysis.session import RUNS, QueryError, Sessions
from hug.data.datasets import GENERATED as VERSIONS
from hug.train.jobs import FINISHED, RUNNING, STOPPING, Job, Jobs
from ui import train_shown as shown
from ui import train_wording as wording
from ui.components import figure
from ui.crossing import READING
from ui.requests import told
from ui.state import PRIVATE, Listener, State, Tab, signal
from ui.training import DATA, MOST_STEPS, ON_SPACE, SWITCHES, TERMS, Settings, explained, preset
from ui.visitor import checked, known

JOBS = RUNS / "jobs"
EVERY = 2.0  # seconds between two looks at a training that runs


def restore(sessions: Sessions, params: Mapping[str, str]) -> list[Any]:
    """Values for `linked`: a link opens the tab and nothing in it, since trainings are their owner's."""
    return [sessions.get(params.get("model") or None).name]


@dataclass(frozen=True)
class Buttons:
    """What can be done with the chosen training, in the order of `states`."""

    stop: gr.Button
    resume: gr.Button
    finish: gr.Button
    use: gr.Button
    pack: gr.Button
    remove: gr.Button

    @property
    def all(self) -> list[gr.Button]:
        return [self.stop, self.resume, self.finish, self.use, self.pack, self.remove]

    @staticmethod
    def states(job: Job | None) -> list[Any]:
        """What fits its status is there, the rest is not."""
        if job is None:
            return [gr.Button(visible=False)] * 6
        busy, weights = job.status in (RUNNING, STOPPING), (job.folder / "model.safetensors").exists()
        halted = not busy and job.status != FINISHED
        seen = (
            job.status == RUNNING, halted, halted and weights and "train" not in job.done, shown.usable(job),
            weights and not busy, not busy,
        )  # fmt: skip
        return [gr.Button(visible=v) for v in seen]


def build(sessions: Sessions, state: State) -> Tab:
    """The tab's components and events."""
    jobs = Jobs(JOBS)
    who, seen = state.visitor, gr.State([])
    gr.Markdown(wording.INTRO + (wording.INTRO_SPACE.format(steps=MOST_STEPS) if ON_SPACE else ""))
    with gr.Row(elem_classes="hug-beside"):
        with gr.Column(min_width=300):
            form, start = _form()
        with gr.Column(min_width=300, scale=2):
            runs = gr.Radio([], label=wording.RUNS, elem_id="runs", info=wording.RUNS_NONE)
            status = gr.HTML(shown.standing(None), elem_id="train-state")
            with gr.Row(elem_id="train-actions"):
                buttons = _buttons()
            download = gr.DownloadButton(visible=False, size="sm", elem_id="train-download")
            with gr.Accordion(wording.LOG, open=False, elem_id="train-log"):
                log = gr.Code("", language=None, show_label=False, label=wording.LOG, interactive=False, max_lines=16)
            first, second, *rest = shown.CURVES
            figures = [figure(name, name) for name in (first, second)]
    with gr.Row(elem_classes="hug-beside"):
        figures += [figure(name, name) for name in rest]
    compared = figure("train-compared", wording.COMPARED)
    timer = gr.Timer(EVERY, active=False)

    views = [status, *buttons.all, log, *figures, compared]
    outputs = [runs, seen, timer, download, *views]

    def look(who: Any, run: str | None, before: list[Any], fresh: bool = False) -> list[Any]:
        """Values for `outputs`; without news most of them stay as they are."""
        owned = jobs.list(known(who))
        job = next((j for j in owned if j.id == run), owned[0] if owned else None)
        now = shown.stamp(job)
        if not fresh and now == before:
            return [gr.skip()] * len(outputs)
        choices = [(shown.label(j), j.id) for j in owned]
        running = job is not None and job.status in (RUNNING, STOPPING)
        return [
            gr.Radio(choices, value=job.id if job else None, info="" if owned else wording.RUNS_NONE), now,
            gr.Timer(EVERY, active=running), gr.DownloadButton(visible=False) if fresh else gr.skip(),
            shown.standing(job), *Buttons.states(job), jobs.log(known(who), job.id) if job else "",
            *shown.curves(job), shown.comparison(owned),
        ]  # fmt: skip

    def renewed(who: Any, run: str | None) -> list[Any]:
        return look(who, run, [], fresh=True)

    def acted(act: Callable[[str, str], Any]) -> Callable[..., list[Any]]:
        def done(who: Any, run: str | None) -> list[Any]:
            if not run:
                raise QueryError(wording.NO_RUN)
            act(checked(who), run)
            return renewed(who, run)

        return told(done)

    def begin(who: Any, *values: Any) -> list[Any]:
        settings = Settings.of(list(values))
        job = jobs.start(checked(who), lambda folder: settings.job(folder, sessions.gallery), settings.about)
        return renewed(who, job.id)

    def removed(owner: str, run: str) -> None:
        jobs.remove(owner, run)
        sessions.dismiss(run)

    start.click(told(begin), [who, *form], outputs, **READING)
    buttons.stop.click(acted(jobs.stop), [who, runs], outputs, **READING)
    buttons.resume.click(acted(jobs.resume), [who, runs], outputs, **READING)
    finish = acted(lambda owner, run: jobs.resume(owner, run, skip=("data", "train")))
    buttons.finish.click(finish, [who, runs], outputs, **READING)
    buttons.remove.click(acted(removed), [who, runs], outputs, **READING)
    runs.input(told(renewed), [who, runs], outputs, **READING)
    timer.tick(told(look), [who, runs, seen], outputs, **READING)

    def pack(who: Any, run: str | None) -> Any:
        job = jobs.get(checked(who), run or "")
        path = shown.packed(job)
        return gr.DownloadButton(wording.DOWNLOAD.format(name=path.name), value=str(path), visible=True)

    buttons.pack.click(told(pack), [who, runs], download, **READING)

    def own(owner: str) -> list[tuple[str, str]]:
        """Choices of the model picker: those of everybody, and the visitor's finished trainings, let in now."""
        found = [(sessions.label(name), name) for name in sessions.names]
        for job in jobs.list(owner):
            if shown.usable(job):
                sessions.admit(job.id, job.folder)
                found.append((f"{job.id[:9]} · {job.about['objective']}", job.id))
        return found

    def use(who: Any, run: str | None) -> Any:
        owner = checked(who)
        job = jobs.get(owner, run or "")
        if not shown.usable(job):
            raise QueryError(wording.UNINDEXED)
        choices = own(owner)
        sessions.get(job.id)  # raises when it can't be used
        gr.Info(wording.USED.format(name=job.id), duration=5)
        return [gr.Dropdown(choices, value=job.id), signal()]

    buttons.use.click(told(use), [who, runs], [state.model, state.switches], **READING)

    def arrived(who: Any) -> list[Any]:
        owner = known(who)
        return [owner, gr.Dropdown(own(owner))]

    arrive = Listener(told(arrived), [who], [who, state.model], READING)
    refresh = Listener(told(renewed), [who, runs], outputs, READING)
    return Tab("train", "Train", [state.model], partial(restore, sessions), refresh, arrive)


def _form() -> tuple[list[Any], gr.Button]:
    """The controls in the order of `Settings.of`, with the command they stand for."""
    first = Settings()
    sizes = {name: VERSIONS[name] for name in DATA}
    data = gr.Radio(
        [
            (wording.DATA_SIZES.format(name=name, pictures=3 * sum(s.images), triplets=3 * s.triplets[0]), name)
            for name, s in sizes.items()
        ],
        value=first.data, label=wording.DATA, info=wording.DATA_INFO, elem_id="train-data",
    )  # fmt: skip
    size = gr.Radio(
        [(said, n) for n, said in wording.SIZES.items()], value=first.size, label=wording.SIZE, elem_id="train-size"
    )
    objective = gr.Radio(
        [(said, n) for n, said in wording.OBJECTIVES.items()], value=first.objective, label=wording.OBJECTIVE,
        elem_id="train-objective",
    )  # fmt: skip
    with gr.Row():
        # Bounds are checked where the settings are made: Gradio's own message doesn't say which number it means.
        steps = gr.Number(first.steps, label=wording.STEPS, precision=0, min_width=90, elem_id="train-steps")
        seed = gr.Number(first.seed, label=wording.SEED, precision=0, min_width=90, elem_id="train-seed")
    with gr.Accordion(wording.WEIGHTS, open=False, elem_id="train-weights"):
        gr.Markdown(wording.WEIGHTS_NOTE, elem_classes="hug-note")
        fusion = gr.Radio([(said, n) for n, said in wording.FUSIONS.items()], value=first.fusion, label=wording.FUSION)
        with gr.Row():
            batch = gr.Number(first.batch, label=wording.BATCH, precision=0, min_width=90)
            rate = gr.Number(first.lr, label=wording.RATE, min_width=90)
        values = preset(first.objective)
        with gr.Row():
            weights = [
                gr.Number(value, label=name, info=explained(name), min_width=200)
                for name, value in zip(TERMS, values, strict=False)
            ]
        switches = [
            gr.Checkbox(value, label=name, info=explained(name))
            for name, value in zip(SWITCHES, values[len(TERMS) :], strict=True)
        ]
    form = [data, size, objective, fusion, steps, batch, rate, seed, *weights, *switches]
    command = gr.Textbox(
        Settings.of([c.value for c in form]).command(), label=wording.COMMAND, interactive=False, lines=2,
        buttons=["copy"], elem_id="train-command",
    )  # fmt: skip
    start = gr.Button(wording.START, variant="primary", elem_id="train-start")

    def spell(*values: Any) -> str:
        """The command, or while one is typing what doesn't fit yet."""
        try:
            return Settings.of(list(values)).command()
        except QueryError as problem:
            return str(problem)

    spelled: dict[str, Any] = {"fn": told(spell), "inputs": form, "outputs": command}
    objective.input(preset, objective, [*weights, *switches], queue=False, **PRIVATE).then(**spelled, **READING)
    for control in form:
        if control is not objective:
            control.input(**spelled, **READING)  # type: ignore[attr-defined]  # each has it, their common class not
    return form, start


def _buttons() -> Buttons:
    def made(text: str, id: str) -> gr.Button:
        return gr.Button(text, size="sm", min_width=110, visible=False, elem_id=f"train-{id}")

    return Buttons(
        made(wording.STOP, "stop"), made(wording.RESUME, "resume"), made(wording.FINISH, "finish"),
        made(wording.USE, "use"), made(wording.PACK, "pack"), made(wording.REMOVE, "remove"),
    )  # fmt: skip
