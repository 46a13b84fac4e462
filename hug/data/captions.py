"""Texts of a query out of its captions, and texts with clauses left out."""

import re

import numpy as np

STRIPPED = ".?, "  # what `fiq-std` strips from both ends of a caption
_BREAK = re.compile(r"\s*(?:,|;|\.(?=\s)|\b(?:and|with|but)\b)\s*", re.IGNORECASE)


def joined(captions: tuple[str, ...]) -> str:
    """The text of an evaluated query, protocol `fiq-std`: "First and second", also when one is empty."""
    first, *rest = (caption.strip(STRIPPED) for caption in captions)
    return " and ".join([first.capitalize(), *rest])


def training_texts(captions: tuple[str, ...]) -> tuple[str, str, str, str]:
    """ "c1 and c2", "c2 and c1", "c1", "c2", stripped as in `joined` and in their own case.

    An empty caption is left out: the four forms are then the other caption, so that no training text is an accident of
    annotation ("" or " and red"); so it is with a single caption.
    """
    first, second = (*(caption.strip(STRIPPED) for caption in captions), "")[:2]
    if not (first and second):
        only = first or second
        return only, only, only, only
    return f"{first} and {second}", f"{second} and {first}", first, second


def phrases(text: str) -> list[str]:
    """The clauses of a text, each with the word that joins it to what is before; side by side they are the text."""
    bounds = [0, *(m.start() for m in _BREAK.finditer(text)), len(text)]
    parts = list[str]()
    for start, end in zip(bounds[:-1], bounds[1:], strict=True):
        if parts and not _says(parts[-1]):  # a joining word alone belongs to what follows
            parts[-1] += text[start:end]
        else:
            parts.append(text[start:end])
    if len(parts) > 1 and not _says(parts[-1]):
        parts[-2:] = ["".join(parts[-2:])]
    return [part for part in parts if part.strip()]


def _says(part: str) -> bool:
    return bool(_BREAK.sub(" ", part).strip(" ."))


def without(parts: list[str], place: int) -> str:
    """The text of phrases without one of them; what joined the first of the others to it goes too."""
    text = "".join(parts[:place] + parts[place + 1 :])
    while not place and (joint := _BREAK.match(text)) and joint.end():
        text = text[joint.end() :]
    return text.strip()


def shorten(caption: str, rng: np.random.Generator) -> str:
    """The text with at least one clause left out, or with words left out where it has one clause; may become "".

    Clauses end at commas, full stops, "and", "with" and "but"; works on any wording. An empty text stays empty.
    """
    clauses = list(_BREAK.finditer(caption))
    bounds = [0, *(m.start() for m in clauses), len(caption)]
    spans = [caption[a:b] for a, b in zip(bounds[:-1], bounds[1:], strict=True)]
    full = [span for span in spans if _BREAK.sub(" ", span).strip(" .")]
    if len(full) > 1:
        keep = sorted(rng.choice(len(full), int(rng.integers(1, len(full))), replace=False))
        text = "".join(full[i] for i in keep)
        return _BREAK.sub("", text, count=1).strip() if _BREAK.match(text) else text.strip()
    tokens = caption.split()
    if not tokens:
        return ""
    stay = int(rng.integers(0, len(tokens)))
    return " ".join(tokens[i] for i in sorted(rng.choice(len(tokens), stay, replace=False)))
