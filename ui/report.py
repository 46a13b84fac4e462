"""One answer as one HTML file that needs nothing else: pictures inlined, numbers, model, versions, citation."""

from __future__ import annotations

import html
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd

from analysis import query as study
from analysis.session import ROOT, Session
from hug.retrieval.trace import QueryTrace
from ui import wording
from ui.history import notes
from ui.markup import inlined
from ui.split import sure
from ui.state import QueryRequest, QueryResult
from ui.theme import STYLE

PICTURE, RESULT = 480, 200  # pixels, long side
VERSIONS = ("torch", "transformers", "numpy", "gradio")
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
:root {{ --body-text-color: #1f2937; --border-color-primary: #d0d7de; color-scheme: light; }}
body {{ font: 16px/1.5 system-ui, sans-serif; color: var(--body-text-color); margin: 0 auto; padding: 16px;
  max-width: 960px; }}
table.data {{ border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .85em; }}
table.data :is(td, th) {{ border: 1px solid var(--border-color-primary); padding: 2px 8px; text-align: right; }}
.scroll {{ overflow-x: auto; }}
.grid {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(130px, 1fr)); gap: 8px; }}
figure {{ margin: 0; }} figure img {{ width: 100%; max-width: 320px; }}
figcaption {{ font-size: .75em; white-space: pre-line; }}
pre {{ overflow-x: auto; background: #f3f4f6; padding: 8px; }}
{style}</style></head><body>
{body}
</body></html>
"""


def report(session: Session, result: QueryResult) -> str:
    """The whole file; everything that was typed in it is escaped."""
    trace, request = result.trace, result.request
    parts = [
        f"<h1>{_safe(wording.REPORT_TITLE)}</h1>",
        f'<section><h2>{_safe(wording.REPORT_ASKED)}</h2><div class="grid">{_pictures(result)}</div>'
        f"{_table(_asked(request))}</section>",
        sure(session, trace, notes(request, session)).replace("<details>", "<details open>"),
        f"<section><h2>{_safe(wording.RESULTS)}</h2><p>{_safe(wording.REPORT_ORDER)}</p>"
        f'<div class="grid">{_results(session, trace)}</div></section>',
        f"<section><h2>{_safe(wording.REPORT_NUMBERS)}</h2>{_table(study.split(trace).drop(columns='source'))}"
        f"<h3>{_safe(wording.RESULTS)}</h3>{_table(study.results(trace))}"
        f"<h3>{_safe(wording.VARIANCES_TITLE)}</h3>{_table(study.variances(trace))}"
        f"<h3>{_safe(wording.WEIGHTS_TITLE)}</h3>{_table(_wide(study.weights(trace)))}</section>",
        f"<section><h2>{_safe(wording.REPORT_MODEL)}</h2>{_table(_model(session))}"
        f"<h2>{_safe(wording.REPORT_CITE)}</h2><pre>{_safe(citation())}</pre></section>",
    ]
    return PAGE.format(title=_safe(wording.REPORT_TITLE), style=_style(), body="\n".join(parts))


def citation() -> str:
    """The paper's BibTeX entry, as the README gives it."""
    text = (ROOT / "README.md").read_text()
    return text.split("```bibtex\n")[1].split("```")[0].strip()


def _asked(request: QueryRequest) -> pd.DataFrame:
    rows = [
        (wording.WORDS, request.words or wording.NO_WORDS_SHORT),
        (wording.REFERENCE, request.reference or wording.TRAIL_UPLOAD),
        (wording.WHAT_IF, f"{wording.KINDS[request.kind]} {request.severity}" if request.severity else "–"),
        (wording.SEARCH_IN, request.category or wording.ALL),
        (wording.LEAVE_OUT, _yes(request.leave_out)),
        (wording.USE_VAR, _yes(request.use_var)),
        (wording.MERGE, next(name for name, value in wording.MERGE_CHOICES if value == request.dynamic)),
        (wording.IGNORED, ", ".join(map(str, request.ignored)) or "–"),
    ]
    return pd.DataFrame(rows, columns=["", " "])


def _model(session: Session) -> pd.DataFrame:
    model = session.model
    rows = [
        ("name", session.name),
        ("objective", model.objective.name),
        ("weights", session.weights),
        ("backbone", f"{model.backbone.name} {model.backbone.fingerprint}"),
        ("K, D", f"{model.config.components}, {model.config.dim}"),
        ("gallery", f"{len(session.index)} pictures, {session.index.gallery_hash}"),
        *((name, _version(name)) for name in VERSIONS),
        ("written", f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
    ]
    return pd.DataFrame(rows, columns=["", " "])


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "–"


def _pictures(result: QueryResult) -> str:
    shown = [(result.picture, wording.REFERENCE)]
    if result.request.severity:
        shown.append((result.seen, wording.SEEN))
    return "".join(_figure(inlined(picture, PICTURE), caption) for picture, caption in shown)


def _results(session: Session, trace: QueryTrace) -> str:
    rows = study.results(trace).to_dict("records")
    captions = [wording.RESULT.format(**row, move="", what=session.describe(row["id"])) for row in rows]
    pictures = [inlined(session.picture(row["id"]), RESULT) for row in rows]
    return "".join(_figure(*pair) for pair in zip(pictures, captions, strict=True))


def _figure(address: str, caption: str) -> str:
    safe = _safe(caption)
    return f'<figure><img src="{address}" alt="{safe}"><figcaption>{safe}</figcaption></figure>'


def _table(table: pd.DataFrame) -> str:
    shown = table.to_html(index=False, border=0, classes="data", float_format="{:.5f}".format, na_rep="–", escape=True)
    return f'<div class="scroll">{shown}</div>'


def _wide(weights: pd.DataFrame) -> pd.DataFrame:
    return weights.pivot(index="component", columns="source", values="weight").reset_index()


def _style() -> str:
    """The page's rules for the split, so that both look alike."""
    return "\n".join(line for line in Path(STYLE).read_text().splitlines() if line.startswith((".hug-", ":is(.hug-")))


def _yes(value: bool) -> str:
    return wording.SAID_YES if value else wording.SAID_NO


def _safe(text: str) -> str:
    return html.escape(text)
