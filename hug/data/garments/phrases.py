"""The words for each attribute value, in the short "is …" / "has …" manner of Fashion-IQ's annotators.

They lie in `phrases.json` as clauses, of which the first word is the verb: "is" and "has" open a clause, "do" marks a
rest that brings its own verb. A `Phrase` is (verb, rest).
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hug.data.truth import Meaning

Phrase = tuple[str, str]
_TABLES = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
ABSENT = {"pattern": "solid", "sleeve": "sleeveless", "logo": "none"}  # values that are the lack of something


def clauses(texts: Iterable[str]) -> tuple[Phrase, ...]:
    """The phrases that are written as clauses."""
    return tuple((verb, rest) for verb, _, rest in (text.partition(" ") for text in texts))


def by_value(table: dict[str, dict[str, list[str]]]) -> dict[str, dict[str, tuple[Phrase, ...]]]:
    """aspect -> value -> phrases."""
    return {aspect: {value: clauses(options) for value, options in values.items()} for aspect, values in table.items()}


@dataclass(frozen=True)
class Phrases:
    """All phrases of one version of the data."""

    colour_names: dict[str, tuple[str, ...]]
    named: dict[str, dict[str, tuple[Phrase, ...]]]  # aspect -> value -> phrases that name the value
    compared: dict[str, dict[str, tuple[Phrase, ...]]]  # aspect -> direction -> phrases
    # aspect -> value -> what a person points at in a reference that is presupposed: (as new, as known), with article
    nouns: dict[str, dict[str, tuple[tuple[str, str], ...]]]
    replaced: tuple[Phrase, ...]  # frames with {new} and {known}
    recoloured: tuple[Phrase, ...]
    lost: tuple[Phrase, ...]
    stays: tuple[Phrase, ...]
    stays_coloured: tuple[Phrase, ...]
    vague: tuple[Phrase, ...]  # says nothing that could be checked against a picture


def phrases_of(tables: dict[str, Any]) -> Phrases:
    """The phrases of a JSON file."""
    names = {colour: tuple(each) for colour, each in tables["colour names"].items()}
    frames = clauses(tables["colour frames"])
    colours = {colour: tuple((v, f.format(name)) for name in each for v, f in frames) for colour, each in names.items()}
    nouns = {
        aspect: {value: tuple((new, old) for new, old in pairs) for value, pairs in values.items()}
        for aspect, values in tables["nouns"].items()
    }
    return Phrases(
        colour_names=names,
        named={"colour": colours, **by_value(tables["named"])},
        compared=by_value(tables["compared"]),
        nouns={"colour": {colour: ((each[0], each[0]),) for colour, each in names.items()}, **nouns},
        **{field: clauses(tables[name]) for field, name in _FRAMES.items()},
    )


_FRAMES = {  # field -> name in the file
    **{name: name for name in ("replaced", "recoloured", "lost", "vague")},
    "stays": "kept",
    "stays_coloured": "kept colour",
}
FIRST = phrases_of(_TABLES)  # of garments-0 and garments-1


def lexicon(tables: Phrases = FIRST) -> dict[str, Meaning]:
    """Every phrase by its text; what presupposes the reference is named by its frame."""
    meanings = {text: Meaning(text, "no aspect", "vague") for _, text in tables.vague}
    for kind, table in (("compared", tables.compared), ("named", tables.named)):
        for aspect, values in table.items():
            meanings |= {text: Meaning(text, aspect, kind) for options in values.values() for _, text in options}
    return meanings | {text: Meaning(name, aspect, "presupposing") for text, name, aspect in _presupposing(tables)}


def _presupposing(tables: Phrases) -> Iterator[tuple[str, str, str]]:
    """Every filled frame that takes something of the reference for granted: text, frame, aspect."""
    for aspect, values in tables.nouns.items():
        options, own = [pair for nouns in values.values() for pair in nouns], aspect == "colour"
        for _, frame in tables.recoloured if own else (*tables.replaced, *tables.lost):
            for new, _ in options if "{new}" in frame else options[:1]:
                for _, old in options:
                    yield frame.format(new=new, known=old), frame.format(new="…", known="…"), aspect
        for _, frame in tables.stays_coloured if own else tables.stays:
            for _, old in options:
                yield frame.format(known=old), frame.format(known="…"), aspect
