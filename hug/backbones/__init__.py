"""Frozen feature extractors behind one protocol, found by name.

Letters: B items, P image tokens of Cv channels, L word tokens of Ct channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal, Protocol

from torch import Tensor

from hug.gaussians import Batch

if TYPE_CHECKING:
    from PIL import Image
    from torch import nn

WordKind = Literal["tokens", "ids"]


class BackboneError(ValueError):
    """Weights that are missing or not the ones this code was written for."""


@dataclass(frozen=True)
class Words(Batch):
    """B texts as a reader takes them."""

    content: Tensor
    mask: Tensor  # (B, L) bool, true on words

    @staticmethod
    def of(content: Tensor, mask: Tensor) -> Words:
        """Tokens where `content` is of real numbers, ids where it is of whole ones."""
        return (WordTokens if content.is_floating_point() else WordIds)(content, mask)

    def roll(self, shift: int) -> Words:
        """Each text in the place `shift` after its own."""
        return self.each(lambda value: value.roll(shift, 0))


class WordTokens(Words):
    """Texts read by a frozen model: `content` (B, L, Ct) float, zero where padded."""


class WordIds(Words):
    """Texts as places in a vocabulary that the reader embeds itself: `content` (B, L) int, zero where padded."""


@dataclass(frozen=True)
class Reader:
    """Pretrained parts of a Q-Former, each new at every call; what is None is made of the configured shape."""

    queries: Tensor | None = None  # (K, H)
    embeddings: nn.Module | None = None  # word ids (B, L) to (B, L, H); needed where words are ids
    qformer: nn.Module | None = None  # a Blip2QFormerModel that reads image tokens as they are


class Backbone(Protocol):
    """Turns pictures and sentences into tokens, without gradient and always in eval mode."""

    name: str
    fingerprint: str  # hash of the weights' hashes and every constant that changes a token
    image_tokens: int  # P
    image_dim: int  # Cv
    text_tokens: int  # L
    text_dim: int  # Ct; of ids the size of the vocabulary
    word_kind: WordKind

    def images(self, pictures: Sequence[Image.Image]) -> Tensor:
        """(B, P, Cv) float32 tokens of pictures of any size."""

    def words(self, texts: Sequence[str]) -> Words:
        """B texts as `word_kind` says, at most L words each; long texts are cut."""

    def reader(self) -> Reader:
        """What of the Q-Former is pretrained; `Reader()` where nothing is."""


def _embedded() -> Backbone:
    from hug.backbones.embedded import Embedded  # torch models load on demand

    return Embedded()


BACKBONES: dict[str, Callable[[], Backbone]] = {"embedded": _embedded}


@cache
def load_backbone(name: str) -> Backbone:
    """The backbone of that name, loaded once a process.

    Raises ValueError for an unknown name and BackboneError when its weights are missing or changed.
    """
    if name not in BACKBONES:
        raise ValueError(f"unknown backbone {name!r}; choose one of {sorted(BACKBONES)}")
    return BACKBONES[name]()
