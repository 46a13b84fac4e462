from __future__ import annotations

import csv as reader
import io

import pandas as pd

from analysis.tables import csv


def test_a_cell_that_a_spreadsheet_would_run_is_tamed() -> None:
    words = ["=1+1", "+a", "-a", "@a", "\ta", "\ra", "a=1", "<b>", 'say "hi", you']
    table = pd.DataFrame({"=word": words, "change": [-0.5] * 9, "read": [True] * 9})
    rows = list(reader.reader(io.StringIO(csv(table), newline="")))
    assert rows[0] == ["'=word", "change", "read"]
    assert [row[0] for row in rows[1:]] == [*("'" + word for word in words[:6]), *words[6:]]
    assert {row[1] for row in rows[1:]} == {"-0.5"}  # numbers stay numbers
