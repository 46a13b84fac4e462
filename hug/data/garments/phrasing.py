"""Captions of garments-2: everything that tells of vagueness is what is said, never how long or in which form.

Vague and specific texts share every form, from one word to a long sentence, and a vague text is made as long as a
specific one of the same form. A vague text belongs to one split alone, by the hash of its words. From Fashion-IQ's
captions come facts: 36,000 of training have 2 to 9 words (5th to 95th percentile, median 5) in pairs of 6 to 16; 62 %
begin with "is", 22 % with "has"; 42 % join clauses with "and", 24 % use "with", 4.5 % "no", 0.3 % "without" or "but";
the names people give to colours, sleeves and patterns. Visitors of the page type one short phrase, so half of the
entries have one caption, and questions, orders and fragments are commoner than there.
"""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hug.data.garments import phrases, wording
from hug.data.garments.attributes import ASPECTS, Garment, check_choice, differing
from hug.data.garments.phrases import Phrase, Phrases
from hug.data.garments.wording import KINDS, Statement, Wording, join, meaning, pick
from hug.data.truth import Meaning

SINGLE = 0.45  # share of entries with one caption
CONTRASTED = 0.9  # that of presupposing ones, whose statements are longer: so all kinds are about as long
NEGATED = 0.2  # share of texts in which one change is told by what is gone
LIKE_CONTRASTED = 0.05  # share of vague texts that are made as long as a presupposing one
DIRECTION, GAP = 0.35, 0.3  # as in `wording`; dyes of one name differ more here, so comparisons need a wider gap
ATTEMPTS = 60  # at a vague text of the length that is wanted
FORMS = ("plain", "fragment", "order", "question", "likeness", "long")
FORM_SHARES = (0.38, 0.2, 0.13, 0.08, 0.11, 0.1)
SHORT_SHARES = (0.43, 0.2, 0.13, 0.08, 0.11, 0.05)  # of presupposing texts
SPLIT_SHARES = {"train": range(0, 50), "val": range(50, 75), "test": range(75, 100)}  # of the hashes of vague texts


class Voice:
    """How somebody words queries: the phrases and frames of one JSON file."""

    def __init__(self, path: Path) -> None:
        raw = json.loads(path.read_text("utf-8"))
        self.tables: Phrases = phrases.phrases_of(raw)
        frames = phrases.clauses(raw["negated colour frames"])
        self.negations: dict[str, dict[str, tuple[Phrase, ...]]] = {  # aspect -> value -> that the target lacks it
            **phrases.by_value(raw["negated"]),
            "colour": {
                colour: tuple((verb, frame.format(name)) for name in names for verb, frame in frames)
                for colour, names in raw["negated"]["colour"].items()
            },
        }
        self.orders: dict[str, list[str]] = raw["orders"]
        self.questions, self.likenesses, self.fillers = (raw[name] for name in ("questions", "likenesses", "fillers"))
        self.openings, self.closings = raw["long openings"], raw["long closings"]
        self.adjectives, self.comparatives = raw["vague adjectives"], raw["vague comparatives"]
        self.degrees, self.nouns, self.heads = raw["degrees"], raw["vague nouns"], raw["vague heads"]

    def _build(self, form: str, clauses: list[Phrase], rng: np.random.Generator) -> str:
        """The clauses in one of `FORMS`, without habits."""
        if form == "plain":
            return join(clauses, rng)
        if form == "fragment":
            return _fragment(clauses, rng)
        return {"order": self._order, "question": self._question, "likeness": self._likeness, "long": self._long}[form](
            clauses, rng
        )

    def compose(self, reference: Garment, target: Garment, rng: np.random.Generator, kind: str, split: str) -> Wording:
        """One or two captions for the way from the reference to the target, with their meaning.

        Raises ValueError for an unknown kind or split, garments of two categories, or garments that don't differ.
        """
        check_choice("kind of wording", kind, KINDS)
        check_choice("split", split, SPLIT_SHARES)
        if reference.category != target.category:
            raise ValueError(f"a {reference.category} cannot become a {target.category}; give two of one category")
        if not differing(reference, target):
            raise ValueError("reference and target have the same attributes; give two that differ")
        presuppose = kind == "presupposing" or (kind == "vague" and rng.random() < LIKE_CONTRASTED)
        single, shares = (CONTRASTED, SHORT_SHARES) if presuppose else (SINGLE, FORM_SHARES)
        forms = [str(form) for form in rng.choice(FORMS, 1 if rng.random() < single else 2, p=shares)]
        sides = self._statements(reference, target, len(forms), rng, presuppose)
        texts = [
            self._text(form, [(s.verb, s.text) for s in side], rng, target.category)
            for form, side in zip(forms, sides, strict=True)
        ]
        if kind == "vague":
            return Wording(
                tuple(
                    self._vague(form, text, rng, target.category, split)
                    for form, text in zip(forms, texts, strict=True)
                )
            )
        everything = [statement for side in sides for statement in side]
        return Wording(tuple(texts), meaning(everything), {s.aspect: s.needs for s in everything if s.needs})

    def _statements(
        self, reference: Garment, target: Garment, captions: int, rng: np.random.Generator, presuppose: bool
    ) -> list[list[Statement]]:
        """The statements of each caption in random order; together they tell every change."""
        changed = differing(reference, target)
        shares = wording.shares_of(changed, rng) if captions == 2 else {aspect: (0,) for aspect in changed}
        same = [a for a in ASPECTS if a not in changed and reference.value(a) != phrases.ABSENT.get(a)]
        keep = presuppose and bool(same) and rng.random() < wording.KEEP
        contrasts = [str(rng.choice(changed))] if presuppose and (not keep or rng.random() < 0.2) else []
        negated = str(rng.choice(changed)) if not presuppose and rng.random() < NEGATED else None
        sides: list[list[Statement]] = [[] for _ in range(captions)]
        for aspect, places in shares.items():
            for place in places:
                if aspect in contrasts:
                    statement = wording.contrast_values(reference, target, aspect, rng, self.tables)
                elif aspect == negated:
                    statement = self._negation(reference, target, aspect, rng)
                else:  # beside a negation, which leaves much open, all is named
                    compare = 0.0 if negated else DIRECTION
                    statement = wording.name_value(reference, target, aspect, rng, self.tables, compare, GAP)
                sides[place].append(statement)
        if keep:
            sides[int(rng.integers(captions))].append(
                wording.keep_value(reference, str(rng.choice(same)), rng, self.tables)
            )
        return [[side[i] for i in rng.permutation(len(side))] for side in sides]

    def _negation(self, reference: Garment, target: Garment, aspect: str, rng: np.random.Generator) -> Statement:
        """That the target lacks what the reference has: it takes nothing for granted and leaves open the rest."""
        old = reference.value(aspect)
        verb, text = pick(self.negations[aspect][old], rng)
        rest = frozenset(wording.VALUES[target.category][aspect]) - {old}
        return Statement(aspect, verb, text, rest)

    def _text(self, form: str, clauses: list[Phrase], rng: np.random.Generator, category: str) -> str:
        """The clauses in one of `FORMS`, with the habits of people who type."""
        text = self._build(form, clauses, rng)
        if form != "long" and rng.random() < 0.1:
            text += f" {_one(self.fillers, rng)}"
        if form == "plain":
            return wording.finish(text, rng, category)
        if rng.random() < 0.12:
            text = text[:1].upper() + text[1:]
        if form == "question":
            return text + ("?" if rng.random() < 0.8 else "")
        return text + "." if rng.random() < 0.08 else text

    def _order(self, clauses: list[Phrase], rng: np.random.Generator) -> str:
        verb, rest = clauses[0]
        text = _one(self.orders[verb], rng).format(rest)
        for other, more in clauses[1:]:
            text += (
                f" and {_one(self.orders[other], rng).format(more)}"
                if rng.random() < 0.5
                else f", {_rest((other, more), rng)}"
            )
        return text

    def _question(self, clauses: list[Phrase], rng: np.random.Generator) -> str:
        if rng.random() < 0.35:
            return _fragment(clauses, rng)
        return _one(self.questions, rng).format(join(clauses, rng))

    def _likeness(self, clauses: list[Phrase], rng: np.random.Generator) -> str:
        return _one(self.likenesses, rng).format(" and ".join(_rest(clause, rng) for clause in clauses))

    def _long(self, clauses: list[Phrase], rng: np.random.Generator) -> str:
        text = _one(self.openings, rng).format(join(clauses, rng))
        if rng.random() < 0.4:
            text += f" {_one(self.fillers, rng)}"
        return f"{text} {_one(self.closings, rng)}" if rng.random() < 0.6 else text

    def _vague(self, form: str, like: str, rng: np.random.Generator, category: str, split: str) -> str:
        """A text of the split and form that says nothing checkable, about as long as `like` in words and characters."""
        best, least = "", float("inf")
        attempt = 0
        while attempt < ATTEMPTS or not best:
            attempt += 1
            clauses = [self.vague_clause(rng) for _ in range(_count(len(like.split()), form, rng))]
            text = self._text(form, clauses, rng, category)
            cost = abs(len(text.split()) - len(like.split())) + abs(len(text) - len(like)) / 3.0
            if cost < least and belongs(text, split):
                best, least = text, cost
            if least < 0.4:
                break
        return best

    def vague_clause(self, rng: np.random.Generator) -> Phrase:
        """A clause that nothing in a picture could prove wrong."""
        kind = rng.random()
        if kind < 0.3:
            return self.tables.vague[int(rng.integers(len(self.tables.vague)))]
        adjective = (
            f"{_one(self.degrees, rng)} {_one(self.adjectives, rng)}"
            if rng.random() < 0.6
            else _one(self.adjectives, rng)
        )
        if kind < 0.5:
            return "is", adjective
        if kind < 0.62:
            return "is", _one(self.comparatives, rng)
        if kind < 0.78:
            return "has", f"{_one(self.degrees, rng)} {_one(self.nouns, rng)}"
        plain = _one((*self.adjectives, *self.comparatives), rng)
        return "has", f"{'an' if plain[0] in 'aeiou' else 'a'} {plain} {_one(self.heads, rng)}"

    def lexicon(self) -> dict[str, Meaning]:
        """Every phrase by its text, those that are put together too."""
        negated = (
            (text, aspect)
            for aspect, values in self.negations.items()
            for options in values.values()
            for _, text in options
        )
        vague = {text: Meaning(text, "no aspect", "vague") for text in self._vague_texts()}
        return vague | {text: Meaning(text, aspect, "named") for text, aspect in negated} | phrases.lexicon(self.tables)

    def _vague_texts(self) -> Iterator[str]:
        yield from (*self.adjectives, *self.comparatives)
        for degree in self.degrees:
            yield from (f"{degree} {rest}" for rest in (*self.adjectives, *self.nouns))
        for plain in (*self.adjectives, *self.comparatives):
            yield from (f"{'an' if plain[0] in 'aeiou' else 'a'} {plain} {head}" for head in self.heads)


def belongs(text: str, split: str) -> bool:
    """Whether a vague text may be used in a split: by its words, whatever their case and punctuation."""
    return zlib.crc32(" ".join(text.lower().strip(" .?,!").split()).encode()) % 100 in SPLIT_SHARES[split]


def _one(options: tuple[str, ...] | list[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


def _rest(phrase: Phrase, rng: np.random.Generator, alone: bool = False) -> str:
    """A clause without its verb: "blue", "with long sleeves", "no logo"."""
    verb, rest = phrase
    bare = alone and rng.random() < 0.6
    return f"with {rest}" if verb == "has" and not bare and not rest.startswith(("no ", "nothing ")) else rest


def _fragment(clauses: list[Phrase], rng: np.random.Generator) -> str:
    text = _rest(clauses[0], rng, alone=True)
    for clause in clauses[1:]:
        rest = _rest(clause, rng)
        near = rest.startswith(("with ", "without ")) and rng.random() < 0.6
        text += (" " if near else _one((", ", " and ", ", "), rng)) + rest
    return text


def _count(words: int, form: str, rng: np.random.Generator) -> int:
    own = words - {"long": 9, "question": 4, "likeness": 3, "order": 2}.get(form, 0)
    if own <= 3:
        return 1
    return int(rng.integers(1, 3)) if own <= 8 else int(rng.integers(2, 5)) if own <= 14 else int(rng.integers(3, 8))


VOICE = Voice(Path(__file__).with_suffix(".json"))  # of garments-2
compose, lexicon = VOICE.compose, VOICE.lexicon
