"""What of a text is not read, is told: too long, unknown, or in another language."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from hug.backbones import Backbone, load_backbone
from hug.backbones.reading import first_unread, reading_notes
from tests.hug.conftest import PixelBackbone


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_backbone("embedded")


@pytest.mark.parametrize(
    "words",
    ["", "is red", "is sleeveless with polka dots", "off-the-shoulder, strapless, v-neck", "has a ruffled collar"],
)
def test_everyday_english_needs_no_note(backbone: Backbone, words: str) -> None:
    assert reading_notes(backbone, words) == []


@pytest.mark.parametrize(
    ("words", "note"),
    [
        ("rotes Kleid mit langen Ärmeln", "knows “rotes”, “Kleid”, “langen” and “Ärmeln” in pieces only"),
        ("una falda más larga de color rojo", "“falda”, “larga” and “rojo” in pieces"),
        ("красное платье", "in pieces only: it reads English"),
        ("한국어 드레스", "in pieces only"),
        ("赤いドレス", "doesn't know “赤いドレス”"),
        ("🙂 is red", "doesn't know “🙂”: nothing is read there"),
        ("asdkjh qwelkj", "in pieces only"),
    ],
)
def test_other_languages_and_unknown_words_are_told(backbone: Backbone, words: str, note: str) -> None:
    assert re.search(note, " ".join(reading_notes(backbone, words)))


def test_many_words_are_quoted_as_a_few(backbone: Backbone) -> None:
    (note,) = reading_notes(backbone, "rotes Kleid mit langen Ärmeln und einem weiten Ausschnitt")
    assert note.count("“") == 5 and " more in pieces only" in note


def test_words_beyond_the_end_are_told(backbone: Backbone) -> None:
    long = " ".join(["is", "red"] * 10 + ["and", "green", "with", "stripes"])
    assert first_unread(backbone, long) == "with"
    assert reading_notes(backbone, long) == ["The words are too long: from “with” on nothing is read."]
    assert reading_notes(PixelBackbone(), "a b c d e f") == ["The words are too long: from “f” on nothing is read."]
    assert reading_notes(PixelBackbone(), "a b c d e") == []


def test_real_captions_are_hardly_ever_called_strange(backbone: Backbone, test_data: Path) -> None:
    entries = json.loads((test_data / "fashion_iq" / "captions" / "cap.dress.val.json").read_text())
    captions = [caption for entry in entries[::20] for caption in entry["captions"]]
    assert sum(bool(reading_notes(backbone, caption)) for caption in captions) <= 0.02 * len(captions)


def test_a_lone_surrogate_is_read_as_a_question_mark(backbone: Backbone) -> None:
    assert reading_notes(backbone, "is red \ud800") == []
