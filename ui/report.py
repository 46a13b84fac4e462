"""One answer as one HTML file that needs nothing else: pictures inlined, numbers, model, versions, citation."""

import base64
import io
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version

import pandas as pd
from markupsafe import Markup
from PIL import Image

from analysis import model_card
from analysis import query as study
from analysis.session import Session
from analysis.thumbnails import NO_PICTURE
from hug.data.images import PictureError
from ui.answer import caption, sure
from ui.components import ASSETS, STYLE
from ui.html import render, texts
from ui.state import KINDS, QueryRequest, QueryResult

PICTURE, RESULT = 480, 200  # pixels, long side
VERSIONS = ("torch", "transformers", "numpy", "gradio")


def report(session: Session, result: QueryResult) -> str:
    """The whole file; everything that was typed in it is escaped."""
    trace, rows = result.trace, study.results(result.trace)
    references = [(inlined(result.picture, PICTURE), "Reference picture")]
    if result.request.severity:
        references.append((inlined(result.seen, PICTURE), "What the model sees"))
    titles = texts("query_panels")["components"]
    weights = study.weights(trace).pivot(index="component", columns="source", values="weight").reset_index()
    return render(
        "report", style=_style(), references=references, request=_request(result.request),
        sure=sure(session, result, levels=(), open=True), model=_model(session),
        results=[
            (inlined(_picture(session, row["id"]), RESULT), caption(session, row)) for row in rows.to_dict("records")
        ],
        tables=[
            ("", _table(study.split(trace).drop(columns="source"))),
            ("Results, nearest first", _table(rows)),
            (titles["variances"], _table(study.variances(trace))),
            (titles["weights"], _table(weights)),
        ],
        citation=(ASSETS / "citation.bib").read_text().strip(),
    )  # fmt: skip


def _picture(session: Session, id: str) -> Image.Image:
    """A result's picture; what stands for it where its file was damaged since it was indexed."""
    try:
        return session.picture(id)
    except (OSError, PictureError):
        with Image.open(NO_PICTURE) as drawing:
            return drawing.convert("RGB")


def inlined(picture: Image.Image, side: int) -> str:
    """A data URL of a small copy, at most `side` pixels on its long side, without metadata."""
    small = picture.convert("RGB")
    small.thumbnail((side, side))
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=82)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _request(request: QueryRequest) -> Markup:
    return _facts({
        "What should be different": request.words or "no words",
        "Reference picture": request.reference or "your picture",
        "What if the picture were worse?": f"{KINDS[request.kind]} {request.severity}" if request.severity else "–",
        "Search in": request.category or "all",
        "Leave the reference out of the results": "yes" if request.leave_out else "no",
        "The candidates' variance counts": "yes" if request.use_var else "no",
        "Weights of the three sources": "dynamic" if request.dynamic else "static, 1/3 each",
        "Ignore these sub-features": ", ".join(map(str, request.ignored)) or "–",
    })  # fmt: skip


def _model(session: Session) -> Markup:
    facts = dict(model_card.model(session).itertuples(index=False, name=None))
    return _facts({
        **facts, "frozen backbone": f"{session.model.backbone.name} {session.model.backbone.fingerprint}",
        "gallery": f"{len(session.index)} pictures, {session.index.gallery_hash}",
        **{name: version(name) for name in VERSIONS}, "written": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    })  # fmt: skip


def _facts(facts: Mapping[str, str]) -> Markup:
    return _table(pd.DataFrame(list(facts.items()), columns=["", " "]))


def _table(table: pd.DataFrame) -> Markup:
    """All rows, with pandas' escaping."""
    html = table.to_html(index=False, border=0, classes="data", float_format="{:.5f}".format, na_rep="–", escape=True)
    return Markup('<div class="scroll">{}</div>').format(Markup(html))


def _style() -> Markup:
    """The page's rules for the verdict, so that both look alike."""
    return Markup("\n".join(re.findall(r"^(?:\.hug-|:is\(\.hug-)[^{}]*\{[^{}]*\}", STYLE.read_text(), re.MULTILINE)))
