"""Frozen feature extractors behind one protocol, found by name: `embedded`, or `kind:source[@revision]`.

Letters: B items, P image tokens of Cv channels, L word tokens of Ct channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from torch import Tensor

from hug.backbones.preprocessing import Preprocessing
from hug.gaussians import Batch

if TYPE_CHECKING:
    import torch
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


@dataclass(frozen=True)
class WordTokens(Words):
    """Texts read by a frozen model: `content` (B, L, Ct) float, zero where padded."""

    def __post_init__(self) -> None:
        if not self.content.is_floating_point():
            raise TypeError(f"word tokens are of real numbers, got {self.content.dtype}; ids are WordIds")

    @property
    def mean(self) -> Tensor:
        """(B, Ct) mean word of each text."""
        return (self.content * self.mask[..., None]).sum(1) / self.mask.sum(1, keepdim=True).clamp_min(1)


@dataclass(frozen=True)
class WordIds(Words):
    """Texts as places in a vocabulary that the reader embeds itself: `content` (B, L) int, zero where padded."""

    def __post_init__(self) -> None:
        if self.content.is_floating_point():
            raise TypeError(f"word ids are whole numbers, got {self.content.dtype}: they are never noisy or halved")


@dataclass(frozen=True)
class Reader:
    """Pretrained parts of a Q-Former, each new at every call; what is None is made of the configured shape."""

    queries: Tensor | None = None  # (K, H)
    embeddings: nn.Module | None = None  # word ids (B, L) to (B, L, H); needed where words are ids
    qformer: nn.Module | None = None  # a Blip2QFormerModel that reads image tokens as they are


class Backbone(Protocol):
    """Turns pictures and sentences into tokens, without gradient and always in eval mode."""

    name: str  # as it is shown: `embedded`, or `kind:source`
    revision: str  # the commit of a Hub model, else ""
    fingerprint: str  # hash of the weights' hashes and every constant that changes a token
    preprocessing: Preprocessing
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

    def to(self, device: torch.device) -> None:
        """Compute there from now on; what comes out is on the CPU all the same."""


def _embedded() -> Backbone:
    from hug.backbones.embedded import Embedded  # torch models load on demand

    return Embedded()


def _blip2(source: str, revision: str) -> Backbone:
    from hug.backbones.blip2 import Blip2
    from hug.backbones.published import Published

    return Blip2(Published.find("blip2", source, revision))


def _towers(kind: str, source: str, revision: str) -> Backbone:
    from hug.backbones.published import Published
    from hug.backbones.towers import Towers

    return Towers(Published.find(kind, source, revision))


BACKBONES: dict[str, Callable[[], Backbone]] = {"embedded": _embedded}
PUBLISHED: dict[str, Callable[[str, str], Backbone]] = {  # source, revision
    "blip2": _blip2,
    "clip": partial(_towers, "clip"),
    "siglip": partial(_towers, "siglip"),
}


class Name(NamedTuple):
    """The parts of a backbone's name."""

    kind: str
    source: str = ""  # folder or Hub id
    revision: str = ""

    @staticmethod
    def parse(name: str) -> Name:
        """Of `kind` or `kind:source[@revision]`; an @ within a folder's path is the folder's."""
        kind, _, source = name.partition(":")
        before, at, revision = source.rpartition("@")
        return Name(kind, before, revision) if at and "/" not in revision else Name(kind, source)

    def __str__(self) -> str:
        return self.kind + (f":{self.source}" if self.source else "") + (f"@{self.revision}" if self.revision else "")


@cache
def load_backbone(name: str) -> Backbone:
    """The backbone of that name, loaded once a process.

    Raises ValueError for an unknown name and BackboneError when its files are missing, changed or can't be had.
    """
    if name in BACKBONES:
        return BACKBONES[name]()
    kind, source, revision = Name.parse(name)
    if kind not in PUBLISHED:
        accepted = [*sorted(BACKBONES), *(f"{kind}:SOURCE" for kind in sorted(PUBLISHED))]
        raise ValueError(
            f"unknown backbone {name!r}; choose one of {accepted}, where SOURCE is a folder or a Hub id, and "
            "@REVISION may follow"
        )
    if not source:
        raise ValueError(f"backbone {name!r} has no source; name a folder or a Hub id, as in {kind}:owner/name")
    return PUBLISHED[kind](source, revision)
