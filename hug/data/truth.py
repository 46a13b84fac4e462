"""What only a data set that was made knows about itself: labels, kinds of wording, and pictures with an aspect removed.

Real data have no truth (`Collection.truth` is None); whatever needs it is left out with its reason.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd
from PIL import Image

UNTOUCHED, DEGRADED, CONTROL = "untouched", "degraded", "control:"  # edits beside the removal of an aspect
STYLES = ("trained", "unseen")  # how an aspect is removed: as in training, and as never there


class Meaning(NamedTuple):
    """What a phrase is about."""

    name: str  # the phrase, or the frame that it fills
    aspect: str
    kind: str  # named, compared, presupposing or vague


class CoordinationPair(NamedTuple):
    """The same captions with a reference that has what they presuppose, and with one that lacks it."""

    captions: tuple[str, ...]
    fits: str
    lacks: str
    category: str


@dataclass(frozen=True)
class MinedReferences:
    """Ids of pictures as clean or degraded as a triplet's reference; neither is ever empty."""

    fits: tuple[str, ...]  # with all that its text presupposes: the triplet's own reference is one
    lacks: tuple[str, ...]  # with nothing of it


@dataclass(frozen=True)
class Edits:
    """Edited pictures as a token cache reads them: one key and one picture for each."""

    keys: Sequence[str]
    load: Callable[[int], Image.Image]


@dataclass(frozen=True)
class Removals:
    """One view of some pictures each with an aspect removed, in the style of training."""

    ids: tuple[str, ...]
    aspects: np.ndarray  # (R,) index into `Truth.aspects`
    edits: Edits  # R of them


class Truth(Protocol):
    """The truth of one split."""

    @property
    def aspects(self) -> tuple[str, ...]:
        """Attributes that a text can change and an edit can remove."""

    @property
    def labels(self) -> pd.DataFrame:
        """One row a picture by its id: category, the aspects, degradation ("none" for clean ones), severity."""

    @property
    def queries(self) -> pd.DataFrame:
        """One row a triplet in their order.

        Columns kind (specific, presupposing, vague, conflict), clean (both pictures), says (aspect -> target's values
        that the words allow) and needs (aspect -> value that the reference must have).
        """

    @property
    def clean_ids(self) -> frozenset[str]:
        """Undegraded pictures."""

    @property
    def clean_queries(self) -> np.ndarray:
        """(M,) true where the words are specific and fit, and both pictures are clean."""

    @property
    def coordination_pairs(self) -> Sequence[CoordinationPair]:
        """Texts that presuppose something, each with a reference that fits and one that doesn't."""

    @property
    def phrases(self) -> Mapping[str, Meaning]:
        """Phrases whose meaning is known, in lower case."""

    def edits(self, ids: Sequence[str], edits: Sequence[str], style: str, seed: int = 0) -> Edits:
        """Every edit of every picture, picture by picture.

        An edit is UNTOUCHED, an aspect (removed in `style`, one of STYLES), CONTROL + aspect (an equal area covered
        elsewhere) or DEGRADED (the whole picture). Raises ValueError for another style or edit.
        """

    def removals(self, seed: int) -> Removals:
        """A random aspect removed from each clean picture."""

    def mined_references(self, seed: int, most: int = 8) -> Mapping[int, MinedReferences]:
        """Row of a triplet -> references for it, where its text presupposes something; at most `most` of a kind."""
