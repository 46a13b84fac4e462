"""What of a text a backbone reads: words beyond its length, words it doesn't know. Said wherever words are asked."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from hug.backbones import Backbone

STRANGE = 0.4  # share of words known in pieces alone, from which a text is told; 0.6 % of Fashion-IQ's captions
FEW = 2  # such words at least: one is a rare word or a slip
QUOTED = 5  # words in a sentence


@runtime_checkable
class Vocabulary(Protocol):
    """A backbone that can say how it takes words apart."""

    def pieces(self, words: Sequence[str]) -> list[list[str | None]]:
        """The pieces of each word in its vocabulary; None for what isn't in it."""


def read_words(backbone: Backbone, text: str) -> list[bool]:
    """Whether the backbone reads (at least the start of) each word: it cuts long texts."""
    parts = text.split()
    mask = backbone.words([" ".join(parts[:n]) for n in range(len(parts))]).mask
    return [bool(n < mask.shape[1]) for n in mask.sum(1).tolist()]


def first_unread(backbone: Backbone, text: str) -> str | None:
    """The first word beyond what the backbone reads; None when all are read. Fast for short texts."""
    parts = text.split()
    mask = backbone.words([" ".join(parts)]).mask
    if int(mask.sum()) < mask.shape[1]:
        return None
    return next((word for word, read in zip(parts, read_words(backbone, text), strict=True) if not read), None)


def reading_notes(backbone: Backbone, text: str) -> list[str]:
    """What of a text is not read, a sentence each; none when all is understood as far as a vocabulary tells."""
    notes, parts, unread = list[str](), list(dict.fromkeys(text.split())), first_unread(backbone, text)
    if unread is not None:
        notes.append(f"The words are too long: from “{unread}” on nothing is read.")
    if not isinstance(backbone, Vocabulary) or not parts:
        return notes
    pieces = dict(zip(parts, backbone.pieces(parts), strict=True))
    unknown = [word for word, own in pieces.items() if None in own]
    split = [word for word, own in pieces.items() if None not in own and _split(own)]
    if unknown:
        notes.append(f"The model doesn't know {_quoted(unknown)}: nothing is read there. It reads English.")
    if len(split) >= max(FEW, STRANGE * len(parts)):
        notes.append(f"The model knows {_quoted(split)} in pieces only: it reads English, in everyday words.")
    return notes


def not_understood(backbone: Backbone, text: str) -> bool:
    """Whether most of a text is unknown to the backbone's vocabulary, or known in pieces only."""
    parts = list(dict.fromkeys(text.split()))
    if not isinstance(backbone, Vocabulary) or not parts:
        return False
    strange = [own for own in backbone.pieces(parts) if None in own or _split(own)]
    return 2 * len(strange) > len(parts)


def _split(pieces: Sequence[str | None]) -> bool:
    """Whether a word had to be taken apart; what hyphens join had not."""
    return any(piece is not None and piece.startswith("##") for piece in pieces)


def _quoted(words: Sequence[str]) -> str:
    more = [] if len(words) <= QUOTED else [f"{len(words) - QUOTED} more"]
    names = [f"“{word[:40]}”" for word in words[:QUOTED]] + more
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
