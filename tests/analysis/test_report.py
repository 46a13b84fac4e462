"""The report, on a small checkpoint."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from plotly.offline import get_plotlyjs

from analysis.registry import STUDIES
from analysis.report import csv, report
from analysis.store import StudyStore


@pytest.fixture(scope="module")
def page(store: StudyStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report(store, "tiny <b>", {"objective": "calibrated & more"}, tmp_path_factory.mktemp("report"))


def test_the_report_has_every_study_with_its_sentence_table_and_figure(page: Path, store: StudyStore) -> None:
    text = page.read_text()
    for name in store.tables:
        study, table = STUDIES[name], store.table(name)
        assert f'id="figure-{name}"' in text and f'href="{name}.csv"' in text
        assert study.say(table).split(",")[0].replace("'", "&#39;").replace("<", "&lt;")[:40] in text
        assert len(pd.read_csv(page.with_name(f"{name}.csv"))) == len(table)
    assert "not computed yet" in text and "What holds, and what does not" in text


def test_the_report_needs_no_network_and_has_one_plotly(page: Path) -> None:
    text = page.read_text()
    assert text.count(get_plotlyjs()) == 1
    own = text.replace(get_plotlyjs(), "")
    assert not re.search(r"(?:src|href)=[^#>]*//", own) and "@import" not in own and "url(" not in own
    assert len(own) < 2_000_000


def test_names_are_escaped(page: Path) -> None:
    text = page.read_text()
    assert "tiny &lt;b&gt;" in text and "tiny <b>" not in text and "calibrated &amp; more" in text


def test_a_spreadsheet_runs_nothing() -> None:
    table = pd.DataFrame({"text": ["=1+1", "@x", "-a", "+b", "fine"], "value": [-1.5, 2, 3, 4, 5]})
    lines = csv(table).splitlines()
    assert lines == ["text,value", "'=1+1,-1.5", "'@x,2.0", "'-a,3.0", "'+b,4.0", "fine,5.0"]
