"""The Query tab's controls and the place of its answer, without their events."""

import gradio as gr

from analysis.session import Session
from hug.data.corruptions import CORRUPTIONS
from hug.retrieval.trace import LEVEL
from ui.components import gallery, pressable
from ui.html import texts
from ui.state import KINDS, QueryRequest, State, categories
from ui.trial import Trials

EXAMPLES = (
    "is green with stripes and is longer",
    "is red and has long sleeves",
    "is darker and has no text on the chest",
)
TEXTS = texts("query_panels")
PICTURES = 24  # of the gallery at once


class Question:
    """Beside picture and words, which belong to the page: where is searched. `search`, `examples` and `draws` ask.

    A gallery with questions whose answer is known offers those, another one examples of words.
    """

    def __init__(self, session: Session, state: State) -> None:
        samples = bool(session.source and session.source.samples)
        state.picture.render()
        state.words.render()
        self.search = gr.Button("Search", variant="primary", elem_id="search")
        gr.Markdown("Try a question whose answer is known:" if samples else "Try:", elem_classes="hug-note")
        with gr.Row(elem_id="examples"):
            self.examples = [gr.Button(example, size="sm", min_width=120, visible=not samples) for example in EXAMPLES]
            self.draws = {
                kind: gr.Button(name, size="sm", min_width=100, visible=samples, elem_id=f"draw-{kind or 'any'}")
                for kind, name in TEXTS["draws"].items()
            }
        self.category = gr.Dropdown(**categories(session), label="Search in", min_width=120, elem_id="category")


class WhatIf:
    """A worse picture."""

    def __init__(self) -> None:
        self.kind = gr.Dropdown(
            [(KINDS[kind], kind) for kind in CORRUPTIONS], value=QueryRequest.kind, label="Fault", filterable=False,
            elem_id="kind",
        )  # fmt: skip
        self.severity = gr.Slider(0, 5, 0, step=1, label="Severity (0: the picture as it is)", elem_id="severity")
        self.seen = gr.Image(
            None, label="What the model sees", alt_text="the reference picture with the chosen fault",
            interactive=False, buttons=[], height=200, format="webp", visible=False, elem_id="seen",
        )  # fmt: skip


class Ranking:
    """How it is ranked; each control asks when it is changed."""

    def __init__(self, session: Session, state: State, request: QueryRequest) -> None:
        most = min(QueryRequest.most, len(session.index))
        with gr.Column():
            self.k = gr.Slider(  # of a single picture there is nothing to choose
                1, max(most, 2), request.k, step=1, label="Results", min_width=120, elem_id="k", interactive=most > 1
            )
            self.leave_out = gr.Checkbox(True, label="Leave the reference out of the results", elem_id="leave-out")
            self.use_var = gr.Checkbox(
                True, label="The candidates' variance counts", elem_id="use-var",
                info="Moves ranks: with it, doubtful pictures are further away.",
            )  # fmt: skip
            state.ignored.render()
            self.dynamic = gr.Radio(
                [("dynamic", True), ("static, 1/3 each", False)], value=True, label="Weights of the three sources",
                info="Changes the overall doubt only, never a rank.", elem_id="merge",
            )  # fmt: skip


class Picker:
    """Pictures of the gallery to choose from, a page of them at a time."""

    def __init__(self, session: Session) -> None:
        self.session = session
        with gr.Column():
            self.category = gr.Radio(
                **categories(session), label="Or pick a picture of the gallery", elem_id="pick-from"
            )
            self.ids, self.page = gr.State(session.ids()[:PICTURES]), gr.State(0)
            self.pictures = gallery(
                self.thumbnails(self.ids.value), 230, show_label=False, label="Pick from the gallery", columns=4,
                elem_id="picker",
            )  # fmt: skip
            with gr.Row():
                self.more = gr.Button("Other pictures", size="sm")
                self.surprise = gr.Button("Surprise me", size="sm", elem_id="surprise")

    def thumbnails(self, ids: list[str]) -> list[tuple[str, str]]:
        """Small pictures, each with a caption that says what it shows."""
        captions = [f"{id}: {self.session.describe(id)}".strip(": ") for id in ids]
        return [(str(self.session.thumbnail(id)), caption) for id, caption in zip(ids, captions, strict=True)]

    def browse(self, category: str, page: int) -> tuple[list[tuple[str, str]], list[str], int]:
        """Pictures, ids and number of a page; beyond the last comes the first."""
        ids = self.session.ids(category)
        page = page if page * PICTURES < len(ids) else 0
        ids = ids[page * PICTURES : (page + 1) * PICTURES]
        return self.thumbnails(ids), ids, page


class Answer:
    """The place of the answer, above the panels, with the first one."""

    def __init__(self, sure: str, question: str, history: str, results: str, link: str) -> None:
        self.notice = gr.HTML("", elem_id="notice")  # what to do before there is an answer
        self.sure = pressable("sure", sure)
        self.clarify = pressable("clarify", question)
        self.trial = pressable("trial")
        with gr.Row(elem_id="history-row"):
            self.back = gr.Button("◂ back", size="sm", min_width=60, interactive=False, elem_id="back")
            self.history = pressable("history", history)
            self.forth = gr.Button("forth ▸", size="sm", min_width=60, interactive=False, elem_id="forth")
        self.results = pressable("results", results)
        gr.Markdown(texts("query_panels")["results"], elem_classes="hug-note")
        self.link = gr.HTML(link, elem_id="link")
        self.level = gr.State(LEVEL)  # of the answer set
        self.trials = gr.State(Trials())
