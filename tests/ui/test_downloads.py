from __future__ import annotations

import base64
import csv as reader
import io
import re

import pandas as pd

from ui.downloads import csv, links


def test_a_cell_that_a_spreadsheet_would_run_is_tamed() -> None:
    words = ["=1+1", "+a", "-a", "@a", "\ta", "\ra", "a=1", "<b>", 'say "hi", you']
    table = pd.DataFrame({"=word": words, "change": [-0.5] * 9, "read": [True] * 9})
    rows = list(reader.reader(io.StringIO(csv(table), newline="")))
    assert rows[0] == ["'=word", "change", "read"]
    assert [row[0] for row in rows[1:]] == [*("'" + word for word in words[:6]), *words[6:]]
    assert {row[1] for row in rows[1:]} == {"-0.5"}  # numbers stay numbers


def test_links_hold_the_table_and_name_the_figure() -> None:
    table = pd.DataFrame({"a": [1, 2]})
    shown = links(table, "hug-x", "figure")
    content = re.search(r"base64,([^\"]+)", shown)
    assert content and base64.b64decode(content[1]).decode() == "a\r\n1\r\n2\r\n"
    assert shown.count('data-figure="figure"') == 2 and 'download="hug-x.csv"' in shown
    assert shown.count("aria-label=") == 3
    assert "button" not in links(table, "hug-x") and links(None, "hug-x") == ""
