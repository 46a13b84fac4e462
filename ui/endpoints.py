"""The public endpoints, `/retrieve` and `/uncertainty`: for gradio_client and plain HTTP."""

from functools import partial
from typing import Any

import gradio as gr

from analysis import query as study
from analysis.session import QueryError, Session, Sessions
from hug.backbones.reading import reading_notes
from ui.html import text
from ui.requests import read_picture, safely
from ui.state import MODEL_CALLS


def build(sessions: Sessions) -> None:
    """Hidden components that name and type the parameters; a picture and words suffice, the rest has defaults.

    The default model answers.
    """
    session = sessions.get()
    picture = gr.Image(
        label="picture: JPEG, PNG or WebP, at most 8 MB, uploaded or as a data URL", visible=False, type="filepath"
    )
    words = gr.Textbox(
        label="words: what should be different, at most 400 characters, may be empty", visible=False, value=None
    )
    k = gr.Number(session.default_k, label="k: how many results", visible=False, precision=0)
    category = gr.Textbox("", label="category: search in this one; empty for the whole gallery", visible=False)
    exclude = gr.Textbox("", label="exclude: id of a gallery picture to leave out; empty for none", visible=False)
    results, variances = gr.JSON(visible=False, label="results"), gr.JSON(visible=False, label="uncertainty")
    trigger = gr.Button(visible=False)

    for name, fn, inputs, output in (
        ("retrieve", retrieve, [picture, words, k, category, exclude], results),
        ("uncertainty", uncertainty, [picture, words, category, exclude], variances),
    ):
        trigger.click(
            safely(partial(fn, session)), inputs, output, preprocess=False, api_name=name, api_description=text(name),
            api_visibility="public", **MODEL_CALLS,
        )  # fmt: skip


def retrieve(session: Session, picture: Any, words: str, k: int, category: str, exclude: str) -> list[dict[str, Any]]:
    """The ranking as plain data, nearest first."""
    table = study.results(session.trace(read_picture(picture), _sent(words), session.search(k, category, exclude)))
    notes = reading_notes(session.model.backbone, words)
    rows = table.to_dict("records")
    return [{**row, "category": session.category(row["id"]), "notes": notes} for row in rows]


def uncertainty(session: Session, picture: Any, words: Any, category: str = "", exclude: str = "") -> dict[str, Any]:
    """The split, its percentiles, the chance and the components as plain data."""
    options = session.search(None, category, exclude)
    trace = session.trace(read_picture(picture), _sent(words), options)
    split, variances, weights = study.split(trace), study.variances(trace), study.weights(trace)
    names = list(split.name)
    percentiles = [None if value != value else float(value) for value in split.percentile]
    key, promised = study.verdict(split, session.untrusted), trace.certainty.answer_set
    return {
        **dict(zip(names, map(float, split.variance), strict=True)),
        "percentiles": dict(zip(names, percentiles, strict=True)),
        "chance": trace.chance,
        "answer_set": promised and {"level": promised.level, "size": promised.size},
        "withheld": list(trace.certainty.withheld),
        "components": variances[names].to_dict("list"),
        "weights": {name: part.tolist() for name, part in weights.groupby("source", sort=False).weight},
        "unusual": study.LABELS.get(key, "") if key is not None else None,
        "notes": reading_notes(session.model.backbone, words),
        "untrusted": [study.LABELS[s] for s in session.untrusted],
    }


def _sent(words: Any) -> Any:
    if words is None:
        raise QueryError("The words are missing: they may be empty, but must be sent.")
    return words
