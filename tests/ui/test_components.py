from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from analysis.session import Session
from ui import components
from ui.components import (
    PLOTLY,
    Card,
    address,
    cards_value,
    downloads,
    figure_value,
    head,
    message,
    picture_card,
)

EVIL = '<img src=x onerror="alert(1)">'


def test_what_is_drawn_carries_its_figure_its_words_and_its_table() -> None:
    table = pd.DataFrame({"name": ["a"], "value": [0.123456]})
    shown = json.loads(
        figure_value(
            go.Figure(go.Bar(x=[1], y=[np.nan])), "a bar", title="T", question="Q?", sentence="S.", table=table
        )
    )
    assert shown["figure"]["data"][0]["type"] == "bar" and shown["alt"] == "a bar"
    assert "<h3>T</h3>" in shown["before"] and "Q?" in shown["before"]
    assert "S." in shown["after"] and "0.1235" in shown["after"] and 'download="table.csv"' in shown["after"]


def test_nothing_that_was_typed_becomes_markup() -> None:
    table = pd.DataFrame({EVIL: [EVIL]})
    value = figure_value(go.Figure(), title=EVIL, question=EVIL, sentence=EVIL, table=table, name=EVIL)
    assert "<" not in value  # as JSON text Gradio never takes it for a tag
    shown = json.loads(value)
    assert "<img" not in shown["before"] + shown["after"]
    cards = json.loads(cards_value([Card("1", text=EVIL)], EVIL, EVIL, note=EVIL))
    assert "<img" not in cards["before"] and cards["cards"][0]["text"] == EVIL  # set as text in the browser


def test_what_cannot_be_drawn_says_why() -> None:
    shown = json.loads(message("Not measured: no truth.", "Severity"))
    assert "figure" not in shown and "cards" not in shown and "Not measured: no truth." in shown["before"]


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.123456, "0.1235"), (np.nan, "–"), (None, "–"), (pd.NA, "–"), (np.bool_(True), "yes"), (7, "7"), ("a", "a")],
)
def test_a_cell_is_for_people(value: object, said: str) -> None:
    assert components.cell(value) == said


def test_a_long_table_shows_its_head_and_says_so() -> None:
    shown = components.below(pd.DataFrame({"n": range(500)}), "long")
    assert shown.count("<tr>") == components.ROWS + 1 and "100 of 500 rows" in shown
    assert components.below(pd.DataFrame({"n": []}), "empty") == ""


def test_plotly_comes_from_the_installed_package() -> None:
    assert PLOTLY.is_file() and f'data-plotly="{address(PLOTLY)}"' in head() and "://" not in head()


def test_a_gallery_picture_has_an_address_and_an_alt_text(studied_session: Session) -> None:
    id = studied_session.index.ids[3]
    card = picture_card(studied_session, id, "a note")
    assert card.alt == f"{id}: {studied_session.describe(id)}" and card.note == "a note"
    assert Path(card.source.partition("file=")[2]).is_file()
    assert picture_card(studied_session, "elsewhere").source == ""


def test_downloads_hold_the_table_and_name_the_figure() -> None:
    table = pd.DataFrame({"a": [1, 2]})
    shown = downloads(table, "hug-x", "figure")
    content = re.search(r"base64,([^\"]+)", shown)
    assert content and base64.b64decode(content[1]).decode() == "a\r\n1\r\n2\r\n"
    assert shown.count('data-figure="figure"') == 2 and 'download="hug-x.csv"' in shown
    assert shown.count("aria-label=") == 3
    assert "button" not in downloads(table, "hug-x")
