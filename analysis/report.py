"""One self-contained HTML file of all studies, with their tables as CSV beside it; it needs no network."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from jinja2 import StrictUndefined, Template
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from analysis.registry import STUDIES, Study
from analysis.store import StudyStore
from analysis.tables import csv
from analysis.targets import judged_claims
from hug.files import write_text

PAGE = "report.html"  # what is written, and its template beside this file
ROWS = 30  # of a table that the page itself shows


def report(store: StudyStore, name: str, about: Mapping[str, str], out: Path) -> Path:
    """Write `report.html` and one CSV a study into a folder; returns the page's path. `about` stands at the top."""
    for study in store.tables:
        write_text(out / f"{study}.csv", csv(store.table(study)))
    template = Template(
        Path(__file__).with_name(PAGE).read_text(), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = template.render(
        name=name, about=about, plotly=Markup(get_plotlyjs()), figure=_figure, rows=_rows, most=ROWS,
        claims=[(claim, verdict) for claim, (verdict,) in judged_claims([store]) if verdict is not None],
        studies=[(study, store.table(n)) for n, study in STUDIES.items() if n in store.tables],
        skipped=[(STUDIES[n], why) for n, why in store.skipped.items()],
    )  # fmt: skip
    write_text(out / PAGE, page + "\n")
    return out / PAGE


def _figure(study: Study, table: pd.DataFrame) -> Markup:
    place = {"full_html": False, "include_plotlyjs": False, "div_id": f"figure-{study.name}"}
    return Markup(study.draw(table).to_html(config={"responsive": True}, **place))


def _rows(table: pd.DataFrame) -> Markup:
    """The first rows, with pandas' escaping."""
    return Markup(table.head(ROWS).to_html(index=False, border=0, escape=True, float_format="{:.4g}".format))
