"""One self-contained HTML file of all studies, with their tables as CSV beside it; it needs no network."""

from __future__ import annotations

import html
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from plotly.offline import get_plotlyjs

from analysis.registry import STUDIES, Study
from analysis.store import StudyStore
from analysis.tables import csv
from analysis.targets import judged_claims
from hug.files import write_text

PAGE = "report.html"
ROWS = 30  # of a table that the page itself shows
STYLE = """
:root { color-scheme: light dark } body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto;
padding: 0 1rem } table { border-collapse: collapse; font-size: .85rem } td, th { padding: .2rem .6rem;
border-bottom: 1px solid #8884; text-align: left } .say { font-size: 1.05rem } .no { color: #b3261e; font-weight: 600 }
details { overflow-x: auto } nav li { margin: .1rem 0 } .question { opacity: .75; font-style: italic }
"""


def report(store: StudyStore, name: str, about: Mapping[str, str], out: Path) -> Path:
    """Write `report.html` and one CSV a study into a folder; returns the page's path. `about` stands at the top."""
    for study in store.tables:
        write_text(out / f"{study}.csv", csv(store.table(study)))
    body = [_head(name, about), _claims(store), _contents(store)]
    body += [_section(study, store.table(n)) for n, study in STUDIES.items() if n in store.tables]
    body.append(_skipped(store))
    title = html.escape(f"{name}: studies")
    write_text(
        out / PAGE,
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
        f"<script>{get_plotlyjs()}</script></head><body>{''.join(body)}</body></html>\n",
    )
    return out / PAGE


def _head(name: str, about: Mapping[str, str]) -> str:
    facts = "".join(f"<tr><th>{html.escape(k)}</th><td>{html.escape(v)}</td></tr>" for k, v in about.items())
    return f"<h1>{html.escape(name)}: studies</h1><table>{facts}</table>"


def _claims(store: StudyStore) -> str:
    rows = []
    for claim, (verdict,) in judged_claims([store]):
        if verdict is not None:
            word = "holds" if verdict.holds else '<span class="no">does not hold</span>'
            cells = (html.escape(claim.text), word, html.escape(verdict.text), html.escape(claim.rule))
            rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    if not rows:
        return ""
    head = "<tr><th>claim</th><th></th><th>measured</th><th>rule</th></tr>"
    return f"<h2>What holds, and what does not</h2><details open><table>{head}{''.join(rows)}</table></details>"


def _contents(store: StudyStore) -> str:
    links = [f'<li><a href="#{n}">{html.escape(s.title)}</a></li>' for n, s in STUDIES.items() if n in store.tables]
    return f"<nav><h2>Studies</h2><ul>{''.join(links)}</ul></nav>"


def _section(study: Study, table: pd.DataFrame) -> str:
    figure = study.draw(table).to_html(
        full_html=False, include_plotlyjs=False, div_id=f"figure-{study.name}", config={"responsive": True}
    )
    rest = f"the first {ROWS} of {len(table)} rows" if len(table) > ROWS else f"{len(table)} rows"
    head = table.head(ROWS).to_html(index=False, border=0, escape=True, float_format=lambda v: f"{v:.4g}")
    return (
        f'<section id="{study.name}"><h2>{html.escape(study.title)}</h2>'
        f'<p class="question">{html.escape(study.question)}</p><p class="say">{html.escape(study.say(table))}</p>'
        f'{figure}<p><a href="{study.name}.csv">{study.name}.csv</a></p>'
        f"<details><summary>{rest}</summary>{head}</details></section>"
    )


def _skipped(store: StudyStore) -> str:
    if not store.skipped:
        return ""
    items = [f"<li>{html.escape(STUDIES[n].title)}: {html.escape(why)}</li>" for n, why in store.skipped.items()]
    return f"<h2>Skipped</h2><ul>{''.join(items)}</ul>"
