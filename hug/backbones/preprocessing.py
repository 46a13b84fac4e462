"""What a picture and a text go through before a frozen network: part of what a checkpoint was trained on."""

import re
from typing import Literal

import numpy as np
from PIL import Image

from hug.config import Section
from hug.data.images import flat, square

CAPTION_WORDS = 50  # at most, in LAVIS' caption processor


class Preprocessing(Section):
    """Of one backbone. Two models with other values are two models, and their recalls not comparable as they stand."""

    size: int  # pixels a side of what the network sees
    fit: Literal["white", "black", "stretch"]  # padded with a colour to 1.25 and cut at the centre, or stretched
    word_pieces: int  # at most; a longer text is cut
    captions: Literal["as typed", "lavis"]

    def pixels(self, picture: Image.Image) -> np.ndarray:
        """(S, S, 3) bytes of a picture of any size."""
        if self.fit == "stretch":
            return np.asarray(flat(picture).resize((self.size, self.size), Image.Resampling.BICUBIC))
        return np.asarray(square(picture, self.size, self.fit))

    def caption(self, text: str) -> str:
        """The text as the tokenizer gets it. What is no Unicode (a lone surrogate) becomes "?"."""
        text = text.encode("utf-8", "replace").decode()
        return lavis_caption(text) if self.captions == "lavis" else text

    def text(self) -> str:
        """In a line."""
        fit = "stretched" if self.fit == "stretch" else f"padded with {self.fit} to 1.25"
        captions = "lower case, no punctuation, at most 50 words" if self.captions == "lavis" else "as typed"
        return f"pictures {self.size} px, {fit}; texts {captions}, {self.word_pieces} word pieces"


def lavis_caption(text: str) -> str:
    """As BLIP-2 was trained: lower case, the marks .!"()*#:;~ a space each, spaces single, at most 50 words."""
    words = re.sub(r"[.!\"()*#:;~]", " ", text.lower())
    return " ".join(re.sub(r"\s{2,}", " ", words).strip().split(" ")[:CAPTION_WORDS])
