"""What comes before a frozen network."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from hug.backbones.preprocessing import Preprocessing, lavis_caption

PRESENT = Preprocessing(size=8, fit="white", word_pieces=4, captions="as typed")


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("Is RED, and Longer.", "is red, and longer"),
        ('"wow"!! it (really) is: *new*; #1 ~ok', "wow it really is new 1 ok"),
        ("", ""),
        ("...", ""),
        (" two   spaces\n", "two spaces"),
        (" ".join(f"w{n}" for n in range(60)), " ".join(f"w{n}" for n in range(50))),
    ],
)
def test_captions_as_lavis_cleans_them(text: str, becomes: str):
    assert lavis_caption(text) == becomes == lavis_caption(becomes)


def test_padding_has_its_colour_and_stretching_none():
    strip = Image.new("RGB", (20, 4), "red")
    corners = {fit: tuple(PRESENT.replace(fit=fit).pixels(strip)[0, 0]) for fit in ("white", "black", "stretch")}
    assert corners == {"white": (255, 255, 255), "black": (0, 0, 0), "stretch": (255, 0, 0)}


def test_every_fit_gives_a_square_of_any_picture():
    for fit in ("white", "black", "stretch"):
        for picture in (Image.new("L", (1, 300)), Image.new("RGBA", (9, 9)), Image.new("P", (500, 2))):
            pixels = PRESENT.replace(fit=fit).pixels(picture)
            assert pixels.shape == (8, 8, 3) and pixels.dtype == np.uint8


def test_it_is_said_in_a_line():
    assert PRESENT.text() == "pictures 8 px, padded with white to 1.25; texts as typed, 4 word pieces"
    published = Preprocessing(size=224, fit="stretch", word_pieces=32, captions="lavis")
    assert published.text() == (
        "pictures 224 px, stretched; texts lower case, no punctuation, at most 50 words, 32 word pieces"
    )


def test_a_lone_surrogate_is_a_question_mark():
    assert PRESENT.caption("red\ud800") == "red?"
