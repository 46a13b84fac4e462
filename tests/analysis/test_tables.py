from __future__ import annotations

import csv as reader
import io

import pandas as pd
import pytest

from analysis.tables import csv


def test_a_cell_that_a_spreadsheet_would_run_is_tamed() -> None:
    words = ["=1+1", "+a", "-a", "@a", "\ta", "\ra", "a=1", "<b>", 'say "hi", you']
    table = pd.DataFrame({"=word": words, "change": [-0.5] * 9, "read": [True] * 9})
    rows = list(reader.reader(io.StringIO(csv(table), newline="")))
    assert rows[0] == ["'=word", "change", "read"]
    assert [row[0] for row in rows[1:]] == [*("'" + word for word in words[:6]), *words[6:]]
    assert {row[1] for row in rows[1:]} == {"-0.5"}  # numbers stay numbers


@pytest.mark.parametrize(
    "cell",
    [
        " =1+1", "\u00a0=1+1", "\u3000@a", "\n=1", "\v=1", "\u200b=1", "\ufeff=1", "\u202a=1", " \u200b =1",
        "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20a", " \uff1d1", "\ufe66=1", "\0=1", "\n", "\t",
    ],
)  # fmt: skip
def test_nor_after_blanks_or_in_full_width(cell: str) -> None:
    ((written,),) = list(reader.reader(io.StringIO(csv(pd.DataFrame({"a": [cell]})), newline="")))[1:]
    assert written == "'" + cell


@pytest.mark.parametrize("cell", ["red", " red", "a=1", "5", "\u2212", "\u00e9=", "", "x@y"])
def test_what_is_harmless_stays_as_it_is(cell: str) -> None:
    rows = list(reader.reader(io.StringIO(csv(pd.DataFrame({"a": [cell], "b": [1]})), newline="")))
    assert rows[1][0] == cell
