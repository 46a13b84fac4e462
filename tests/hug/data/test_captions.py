"""Texts of queries out of captions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hug.data.captions import joined, phrases, training_texts, without


@pytest.mark.parametrize(
    ("captions", "text"),
    [
        ((" Is RED, with Dots. ", "has Long sleeves?"), "Is red, with dots and has Long sleeves"),
        (("", "is red"), " and is red"),
        (("is red", ""), "Is red and "),
    ],
)
def test_joined_is_the_protocol(captions: tuple[str, str], text: str) -> None:
    assert joined(captions) == text


def test_training_texts_are_the_four_forms() -> None:
    assert training_texts(("is red.", " has dots")) == (
        "is red and has dots",
        "has dots and is red",
        "is red",
        "has dots",
    )


def test_an_empty_caption_is_left_out_of_training() -> None:
    assert set(training_texts(("", "is red."))) == set(training_texts(("is red.", " . "))) == {"is red"}


@given(st.tuples(st.text(), st.text()))
def test_training_texts_never_begin_or_end_with_what_is_stripped(captions: tuple[str, str]) -> None:
    for text in training_texts(captions):
        assert text == text.strip(".?, ")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("is green with stripes and is longer", ["is green", " with stripes", " and is longer"]),
        ("With long sleeves, but no text", ["With long sleeves", ", but no text"]),
        ("red", ["red"]),
        ("", []),
        ("and and red", ["and and red"]),
        ("is red and", ["is red and"]),
    ],
)
def test_a_text_falls_into_its_phrases(text: str, parts: list[str]) -> None:
    assert phrases(text) == parts and "".join(parts) == text


def test_a_text_without_a_phrase_reads_on() -> None:
    parts = phrases("is green with stripes and is longer")
    left = [without(parts, n) for n in range(3)]
    assert left == ["stripes and is longer", "is green and is longer", "is green with stripes"]
