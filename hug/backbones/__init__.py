"""Frozen feature extractors behind one protocol, found by name.

Letters: B items, P image tokens of Cv channels, L word tokens of Ct channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Protocol

from PIL import Image
from torch import Tensor

__all__ = ["BACKBONES", "Backbone", "BackboneError", "load_backbone"]


class BackboneError(ValueError):
    """Weights that are missing or not the ones this code was written for."""


class Backbone(Protocol):
    """Turns pictures and sentences into tokens, without gradient and always in eval mode."""

    name: str
    fingerprint: str  # hash of the weights' hashes and every constant that changes a token
    image_tokens: int  # P
    image_dim: int  # Cv
    text_tokens: int  # L
    text_dim: int  # Ct

    def images(self, pictures: Sequence[Image.Image]) -> Tensor:
        """(B, P, Cv) float32 tokens of pictures of any size."""

    def words(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """(B, L, Ct) float32 tokens, zero where padded, and their mask (B, L) bool; long texts are cut."""


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
