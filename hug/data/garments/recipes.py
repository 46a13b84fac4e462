"""What a version of the generated data draws, how it words, and what its splits share.

garments-0 and garments-1 are made by `FIRST`, bit for bit as they were released. garments-2 is worded by `phrasing` and
drawn in many looks, and its splits share neither a vague text nor a garment: which colour, pattern and chest print come
together belongs to one split alone. outline-1 has no split for training: another renderer and other words, to see how
much of what a model knows is of garments-2 alone.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from hug.data.garments import outline, phrases, phrasing, sampling
from hug.data.garments.attributes import Garment, Spec, dress_up, dress_up_anew
from hug.data.garments.sampling import Rules
from hug.data.truth import Meaning

SPLITS: tuple[str, ...] = ("train", "val", "test")
FIRST = "first"
_OTHER_VOICE = phrasing.Voice(Path(__file__).with_name("outline_words.json"))
CHANGES = ((1, 0.2), (2, 0.57), (3, 0.23))  # one short phrase tells one change
# Of the 220 combinations of colour, pattern and chest print, by the hash of their names: half, a quarter, a quarter.
_COMBINATIONS = {"train": range(0, 50), "val": range(50, 75), "test": range(75, 100)}


@dataclass(frozen=True)
class Recipe:
    """How pictures are drawn and stored, and by which rules a split is put together."""

    dress_up: Callable[[Garment, np.random.Generator], Spec]
    rules: Callable[[str], Rules]  # of a split
    lexicon: Callable[[], Mapping[str, Meaning]]
    suffix: str  # of the pictures' files


def _first(split: str) -> Rules:
    return sampling.FIRST


def _second(split: str) -> Rules:
    share = len(_COMBINATIONS[split]) / 100
    return Rules(partial(phrasing.compose, split=split), CHANGES, partial(shows, split), share)


def _outline(split: str) -> Rules:
    """The garments of garments-2's split in other words, so that none of them was trained on."""
    return replace(_second(split), compose=partial(_OTHER_VOICE.compose, split=split))


def shows(split: str, garment: Garment) -> bool:
    """Whether a split of garments-2 may show a garment."""
    combination = f"{garment.colour} {garment.pattern} {garment.logo}"
    return zlib.crc32(combination.encode()) % 100 in _COMBINATIONS[split]


RECIPES: dict[str, Recipe] = {
    FIRST: Recipe(dress_up, _first, phrases.lexicon, ".png"),
    "second": Recipe(dress_up_anew, _second, phrasing.lexicon, ".jpg"),
    "outline": Recipe(outline.dress_up, _outline, _OTHER_VOICE.lexicon, ".png"),
}
VERSIONS: dict[str, str] = {
    "garments-2": "second",
    "outline-1": "outline",
}  # version -> recipe; all others are made by the first
