"""The words for each attribute value, in the short "is …" / "has …" manner of Fashion-IQ's annotators.

They lie in `phrases.json` as clauses, of which the first word is the verb: "is" and "has" open a clause, "do" marks a
rest that brings its own verb. A `Phrase` is (verb, rest).
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from hug.data.truth import Meaning

Phrase = tuple[str, str]
_TABLES = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
ABSENT = {"pattern": "solid", "sleeve": "sleeveless", "logo": "none"}  # values that are the lack of something


def _phrases(clauses: Iterable[str]) -> tuple[Phrase, ...]:
    return tuple((verb, rest) for verb, _, rest in (clause.partition(" ") for clause in clauses))


def _by_value(table: dict[str, dict[str, list[str]]]) -> dict[str, dict[str, tuple[Phrase, ...]]]:
    return {aspect: {value: _phrases(options) for value, options in values.items()} for aspect, values in table.items()}


COLOUR_NAMES: dict[str, tuple[str, ...]] = {colour: tuple(names) for colour, names in _TABLES["colour names"].items()}
NAMED: dict[str, dict[str, tuple[Phrase, ...]]] = {  # aspect -> value -> phrases that name the value
    "colour": {
        colour: tuple((v, frame.format(name)) for name in names for v, frame in _phrases(_TABLES["colour frames"]))
        for colour, names in COLOUR_NAMES.items()
    },
    **_by_value(_TABLES["named"]),
}
COMPARED = _by_value(_TABLES["compared"])  # aspect -> direction -> phrases
# aspect -> value -> what a person points at in a reference that is presupposed: (as new, as known), with the article
NOUNS: dict[str, dict[str, tuple[tuple[str, str], ...]]] = {
    "colour": {colour: ((names[0], names[0]),) for colour, names in COLOUR_NAMES.items()},
    **{
        aspect: {value: tuple((new, old) for new, old in pairs) for value, pairs in values.items()}
        for aspect, values in _TABLES["nouns"].items()
    },
}
REPLACED, RECOLOURED, LOST = (_phrases(_TABLES[name]) for name in ("replaced", "recoloured", "lost"))
KEEP, KEEP_COLOUR = _phrases(_TABLES["kept"]), _phrases(_TABLES["kept colour"])  # frames with {new} and {known}
VAGUE = _phrases(_TABLES["vague"])  # says nothing that could be checked against a picture


def lexicon() -> dict[str, Meaning]:
    """Every phrase by its text; what presupposes the reference is named by its frame."""
    meanings = {text: Meaning(text, "no aspect", "vague") for _, text in VAGUE}
    for kind, table in (("compared", COMPARED), ("named", NAMED)):
        for aspect, values in table.items():
            meanings |= {text: Meaning(text, aspect, kind) for options in values.values() for _, text in options}
    return meanings | {text: Meaning(name, aspect, "presupposing") for text, name, aspect in _presupposing()}


def _presupposing() -> Iterator[tuple[str, str, str]]:
    """Every filled frame that takes something of the reference for granted: text, frame, aspect."""
    for aspect, values in NOUNS.items():
        options, own = [pair for nouns in values.values() for pair in nouns], aspect == "colour"
        for _, frame in RECOLOURED if own else (*REPLACED, *LOST):
            for new, _ in options if "{new}" in frame else options[:1]:
                for _, old in options:
                    yield frame.format(new=new, known=old), frame.format(new="…", known="…"), aspect
        for _, frame in KEEP_COLOUR if own else KEEP:
            for _, old in options:
                yield frame.format(known=old), frame.format(known="…"), aspect
