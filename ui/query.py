"""The Query tab: a picture and words in, a ranking and the doubt behind it out. It only wires."""

from __future__ import annotations

import random
from typing import Any

import gradio as gr

from analysis.workbench import MAX_WORDS, QuestionError, Workbench
from ui import wording
from ui.answer import Answer, answer
from ui.asking import opened, told

SHOWN = 24  # pictures of the gallery at once
MODEL_CALLS: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 1}  # one at a time, whoever asks
PRIVATE: dict[str, Any] = {"api_visibility": "private"}


def build(bench: Workbench) -> None:
    """The tab's components and events; it opens with a query already answered."""
    start = bench.ids()[0]
    words = wording.EXAMPLE_WORDS[0]
    first = answer(bench, bench.trace(bench.picture(start), words, exclude=start))
    reference = gr.State(start)  # id of a gallery picture; None for an upload
    with gr.Row(elem_id="query"):  # a grid: on a phone the answer comes before the picker
        with gr.Column(elem_id="question"):
            asked = _question(bench, start, words)
        with gr.Column(elem_id="answer"):
            shown = _shown(first)
        with gr.Column(elem_id="pick"):
            picker = _picker(bench)
    outputs = [shown["sure"], shown["results"], shown["ids"], *_components(first), shown["selected"]]
    inputs = [reference, asked["picture"], asked["words"], asked["category"], asked["k"], asked["leave_out"]]
    _wire(bench, inputs, outputs, asked, picker, shown)


def _question(bench: Workbench, start: str, words: str) -> dict[str, Any]:
    picture = gr.Image(
        str(bench.thumbnail(start)),
        label=wording.REFERENCE,
        alt_text=wording.REFERENCE_ALT,
        sources=["upload", "clipboard"],
        type="filepath",
        buttons=[],
        height=240,
        elem_id="reference",
    )
    text = gr.Textbox(
        words,
        label=wording.WORDS,
        placeholder=wording.WORDS_HINT,
        lines=2,
        max_lines=4,
        max_length=MAX_WORDS,
        submit_btn=False,
        elem_id="words",
    )
    search = gr.Button(wording.SEARCH, variant="primary", elem_id="search")
    with gr.Row(elem_id="examples"):
        examples = [gr.Button(example, size="sm", min_width=120) for example in wording.EXAMPLE_WORDS]
    with gr.Row():
        category = gr.Dropdown(
            _choices(bench), value="", label=wording.SEARCH_IN, visible=bool(bench.categories), min_width=120
        )
        k = gr.Slider(1, min(100, len(bench.index)), bench.default_k, step=1, label=wording.COUNT, min_width=120)
    leave_out = gr.Checkbox(True, label=wording.LEAVE_OUT)
    return {"picture": picture, "words": text, "search": search, "examples": examples,
            "category": category, "k": k, "leave_out": leave_out}  # fmt: skip


def _picker(bench: Workbench) -> dict[str, Any]:
    with gr.Accordion(wording.PICK, open=True):
        category = gr.Radio(
            _choices(bench), value="", label=wording.PICK_CATEGORY, visible=bool(bench.categories), elem_id="pick-from"
        )
        pictures = gr.Gallery(
            _thumbnails(bench, bench.ids()[:SHOWN]),
            show_label=False,
            label=wording.PICK,
            columns=4,
            height=230,
            object_fit="contain",
            allow_preview=False,
            interactive=False,
            buttons=[],
            elem_id="picker",
        )
        with gr.Row():
            more = gr.Button(wording.PICK_MORE, size="sm")
            surprise = gr.Button(wording.SURPRISE, size="sm", elem_id="surprise")
    return {"category": category, "pictures": pictures, "more": more, "surprise": surprise,
            "ids": gr.State(bench.ids()[:SHOWN]), "page": gr.State(0)}  # fmt: skip


def _shown(first: Answer) -> dict[str, Any]:
    sure = gr.HTML(first.sure, elem_id="sure")
    results = gr.Gallery(
        first.results,
        label=wording.RESULTS,
        columns=5,
        height="auto",
        object_fit="contain",
        interactive=False,
        buttons=["fullscreen"],
        elem_id="results",
    )
    use = gr.Button(wording.USE_RESULT, size="sm", elem_id="use-result")
    return {"sure": sure, "results": results, "ids": gr.State(first.ids), "use": use, "selected": gr.State(None)}


def _components(first: Answer) -> list[Any]:
    with gr.Accordion(wording.COMPONENTS, open=True):
        gr.Markdown(wording.VARIANCES_TITLE)
        variances = gr.Plot(first.variances, show_label=False, label=wording.VARIANCES_TITLE, elem_id="variances")
        gr.Markdown(wording.WEIGHTS_TITLE)
        weights = gr.Plot(first.weights, show_label=False, label=wording.WEIGHTS_TITLE, elem_id="weights")
        with gr.Accordion(wording.AS_TABLE, open=False):
            tables = [
                gr.Dataframe(table, label=label, interactive=False, buttons=["copy"], max_height=320)
                for table, label in (
                    (first.variances_table, wording.VARIANCES_TITLE),
                    (first.weights_table, wording.WEIGHTS_TITLE),
                )
            ]
    return [variances, weights, *tables]


def _wire(
    bench: Workbench,
    inputs: list[Any],
    outputs: list[Any],
    asked: dict[str, Any],
    picker: dict[str, Any],
    shown: dict[str, Any],
) -> None:
    reference, picture = inputs[:2]
    # `preprocess=False`: the callback opens the picture itself, within the project's own limits.
    ask: dict[str, Any] = {"fn": told(lambda *given: _ask(bench, *given)), "inputs": inputs, "outputs": outputs,
           "preprocess": False, "show_progress_on": shown["results"], **MODEL_CALLS, **PRIVATE}  # fmt: skip
    chosen = [reference, picture]

    for event in (asked["search"].click, asked["words"].submit, asked["k"].release):
        event(**ask)
    for control in (asked["category"], asked["leave_out"]):
        control.input(**ask)
    for button in asked["examples"]:
        button.click(lambda text: text, button, asked["words"], queue=False, **PRIVATE).then(**ask)

    picture.upload(lambda: None, None, reference, queue=False, **PRIVATE).then(**ask)
    picture.clear(lambda: None, None, reference, queue=False, **PRIVATE)

    def pick(ids: list[str], event: gr.SelectData) -> tuple[str, str]:
        return _reference(bench, ids[event.index])

    def surprise(category: str) -> tuple[str, str]:
        return _reference(bench, random.choice(bench.ids(category)))

    def use(ids: list[str], place: int | None) -> tuple[str, str]:
        if place is None or place >= len(ids):
            raise QuestionError(wording.SELECT_FIRST)
        return _reference(bench, ids[place])

    # Outside the queue Gradio shows no message of an error: what may fail waits in it.
    picker["pictures"].select(told(pick), picker["ids"], chosen, **PRIVATE).success(**ask)
    picker["surprise"].click(told(surprise), picker["category"], chosen, **PRIVATE).success(**ask)
    shown["results"].select(_place, None, shown["selected"], queue=False, **PRIVATE)
    use_inputs = [shown["ids"], shown["selected"]]
    shown["use"].click(told(use), use_inputs, chosen, **PRIVATE).success(**ask)

    def browse(category: str, page: int) -> tuple[Any, list[str], int]:
        ids = bench.ids(category)
        page = page if page * SHOWN < len(ids) else 0
        part = ids[page * SHOWN : (page + 1) * SHOWN]
        return _thumbnails(bench, part), part, page

    listed = [picker["pictures"], picker["ids"], picker["page"]]
    more_inputs = [picker["category"], picker["page"]]
    picker["category"].input(lambda c: browse(c, 0), picker["category"], listed, queue=False, **PRIVATE)
    picker["more"].click(lambda c, page: browse(c, page + 1), more_inputs, listed, queue=False, **PRIVATE)


def _ask(
    bench: Workbench, reference: str | None, picture: Any, words: str, category: str, k: int, leave_out: bool
) -> tuple[object, ...]:
    image = bench.picture(reference) if reference and picture else opened(picture)
    trace = bench.trace(image, words, k, category, reference if leave_out else None)
    new = answer(bench, trace)
    sure, _, *rest = new.values()
    # New results: nothing is selected or enlarged.
    return sure, gr.Gallery(new.results, selected_index=None, preview=False), *rest, None


def _reference(bench: Workbench, id: str) -> tuple[str, str]:
    return id, str(bench.thumbnail(id))


def _place(event: gr.SelectData) -> Any:
    return event.index


def _thumbnails(bench: Workbench, ids: list[str]) -> list[tuple[str, str]]:
    return [(str(bench.thumbnail(id)), wording.PICKED.format(id=id)) for id in ids]


def _choices(bench: Workbench) -> list[tuple[str, str]]:
    return [(wording.ALL, ""), *((category, category) for category in bench.categories)]
