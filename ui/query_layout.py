"""The Query tab's components, without their events."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from analysis.session import Session
from hug.data.corruptions import CORRUPTIONS
from ui import wording
from ui.answer import Answer
from ui.query_words import StudyPanel, build_severities
from ui.state import QueryRequest, State

SHOWN = 24  # pictures of the gallery at once


@dataclass(frozen=True)
class Question:
    """What one can set; `search` and `examples` ask."""

    search: gr.Button
    examples: list[gr.Button]
    category: gr.Dropdown
    k: gr.Slider
    leave_out: gr.Checkbox


@dataclass(frozen=True)
class Settings:
    """What-if and ranking; each control asks when it is changed."""

    kind: gr.Dropdown
    severity: gr.Slider
    seen: gr.Image
    severities: StudyPanel
    dynamic: gr.Radio
    use_var: gr.Checkbox


@dataclass(frozen=True)
class Picker:
    category: gr.Radio
    pictures: gr.Gallery
    more: gr.Button
    surprise: gr.Button
    ids: gr.State
    page: gr.State


@dataclass(frozen=True)
class Shown:
    """The answer above the panels."""

    sure: gr.HTML
    results: gr.Gallery
    use: gr.Button
    selected: gr.State  # place of the selected result, or None
    trail: gr.HTML
    back: gr.Button
    forth: gr.Button
    link: gr.HTML


def question(session: Session, state: State, start: QueryRequest) -> Question:
    state.picture.render()
    state.words.render()
    search = gr.Button(wording.SEARCH, variant="primary", elem_id="search")
    with gr.Row(elem_id="examples"):
        examples = [gr.Button(example, size="sm", min_width=120) for example in wording.EXAMPLE_WORDS]
    with gr.Row():
        category = gr.Dropdown(
            choices(session), value="", label=wording.SEARCH_IN, visible=bool(session.categories), min_width=120,
            elem_id="category",
        )  # fmt: skip
        most = min(QueryRequest.most, len(session.index))
        k = gr.Slider(1, most, start.k, step=1, label=wording.COUNT, min_width=120, elem_id="k")
    leave_out = gr.Checkbox(True, label=wording.LEAVE_OUT, elem_id="leave-out")
    return Question(search, examples, category, k, leave_out)


def settings(state: State) -> Settings:
    """What is seldom set, folded away, and what to expect of the model."""
    kind, severity, seen, severities = _what_if()
    dynamic, use_var = _ranked(state)
    with gr.Accordion(wording.EXPECT, open=False, elem_id="expect"):
        gr.Markdown(wording.EXPECT_TEXT)
    return Settings(kind, severity, seen, severities, dynamic, use_var)


def _what_if() -> tuple[gr.Dropdown, gr.Slider, gr.Image, StudyPanel]:
    with gr.Accordion(wording.WHAT_IF, open=False, elem_id="what-if"):
        kinds = [(wording.KINDS[kind], kind) for kind in CORRUPTIONS]
        kind = gr.Dropdown(kinds, value=QueryRequest.kind, label=wording.KIND, filterable=False, elem_id="kind")
        severity = gr.Slider(0, 5, 0, step=1, label=wording.SEVERITY, elem_id="severity")
        seen = gr.Image(
            None, label=wording.SEEN, alt_text=wording.SEEN_ALT, interactive=False, buttons=[], height=200,
            format="webp", visible=False, elem_id="seen",
        )  # fmt: skip
        severities = build_severities()
    return kind, severity, seen, severities


def _ranked(state: State) -> tuple[gr.Radio, gr.Checkbox]:
    with gr.Accordion(wording.RANKED, open=False, elem_id="ranked"):
        use_var = gr.Checkbox(True, label=wording.USE_VAR, info=wording.USE_VAR_INFO, elem_id="use-var")
        state.ignored.render()
        dynamic = gr.Radio(
            list(wording.MERGE_CHOICES), value=True, label=wording.MERGE, info=wording.MERGE_INFO, elem_id="merge"
        )
    return dynamic, use_var


def picker(session: Session) -> Picker:
    with gr.Accordion(wording.PICK, open=True):
        category = gr.Radio(
            choices(session),
            value="",
            label=wording.PICK_CATEGORY,
            visible=bool(session.categories),
            elem_id="pick-from",
        )
        pictures = gr.Gallery(
            thumbnails(session, session.ids()[:SHOWN]),
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
    return Picker(category, pictures, more, surprise, gr.State(session.ids()[:SHOWN]), gr.State(0))


def shown(first: Answer, trail: str, link: str) -> Shown:
    sure = gr.HTML(first.sure, elem_id="sure")
    with gr.Row(elem_id="trail-row"):
        back = gr.Button(wording.BACK, size="sm", min_width=60, interactive=False, elem_id="back")
        path = gr.HTML(trail, elem_id="trail")
        forth = gr.Button(wording.FORTH, size="sm", min_width=60, interactive=False, elem_id="forth")
    gr.Markdown(f"### {wording.RESULTS}")
    results = gr.Gallery(
        first.results,
        label=wording.RESULTS,
        show_label=False,
        columns=5,
        height="auto",
        object_fit="contain",
        allow_preview=False,
        interactive=False,
        buttons=[],
        elem_id="results",
    )
    gr.Markdown(wording.MOVES_NOTE, elem_classes="hug-note")
    with gr.Row():
        use = gr.Button(wording.USE_RESULT, size="sm", elem_id="use-result")
        address = gr.HTML(link, elem_id="link")
    return Shown(sure, results, use, gr.State(None), path, back, forth, address)


def thumbnails(session: Session, ids: list[str]) -> list[tuple[str, str]]:
    """Gallery values: a small picture and a caption that says what it shows."""
    return [
        (str(session.thumbnail(id)), wording.PICKED.format(id=id, what=session.describe(id)).strip(": ")) for id in ids
    ]


def choices(session: Session) -> list[tuple[str, str]]:
    """Categories to choose from; the first is all of them."""
    return [(wording.ALL, ""), *((category, category) for category in session.categories)]
