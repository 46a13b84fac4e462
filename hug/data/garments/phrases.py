"""The words for each attribute value, in the short "is …" / "has …" manner of Fashion-IQ's annotators.

A phrase is (verb, rest): "is" and "has" open a clause, "do" marks a rest that brings its own verb.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hug.data.garments.attributes import COLOURS
from hug.data.truth import Meaning

Phrase = tuple[str, str]

COLOUR_NAMES: dict[str, tuple[str, ...]] = {
    "black": ("black", "jet black"),
    "white": ("white", "bright white"),
    "grey": ("grey", "gray"),
    "red": ("red", "bright red", "scarlet"),
    "pink": ("pink", "rose pink"),
    "orange": ("orange", "bright orange"),
    "yellow": ("yellow", "golden yellow"),
    "green": ("green", "emerald green"),
    "blue": ("blue", "royal blue"),
    "purple": ("purple", "violet"),
    "brown": ("brown", "chocolate brown"),
}
_COLOUR_FRAMES: tuple[Phrase, ...] = (
    ("is", "{}"), ("is", "{}"), ("is", "{}"), ("is", "{} in color"), ("is", "{} colored"), ("has", "a {} color"),
    ("is", "a {} color"), ("is", "all {}"),
)  # fmt: skip

# aspect -> value -> phrases that name the value
NAMED: dict[str, dict[str, tuple[Phrase, ...]]] = {
    "colour": {
        colour: tuple((verb, frame.format(name)) for name in COLOUR_NAMES[colour] for verb, frame in _COLOUR_FRAMES)
        for colour in COLOURS
    },
    "pattern": {
        "solid": (
            ("is", "solid"), ("is", "plain"), ("has", "no pattern"), ("is", "a solid color"),
            ("is", "unpatterned"), ("is", "plain and solid"), ("has", "no pattern on it"),
        ),
        "striped": (
            ("is", "striped"), ("has", "stripes"), ("has", "a striped pattern"), ("has", "stripes all over"),
            ("is", "covered in stripes"), ("has", "bold stripes"),
        ),
        "plaid": (
            ("is", "plaid"), ("is", "checked"), ("is", "checkered"),
            ("has", "a plaid pattern"), ("has", "a plaid print"),
            ("has", "checks all over"),
        ),
        "dotted": (
            ("has", "polka dots"), ("is", "polka dotted"), ("has", "dots"), ("has", "a dotted pattern"),
            ("is", "covered in dots"), ("is", "dotted"),
        ),
        "floral": (
            ("is", "floral"), ("has", "a floral print"), ("has", "flowers"), ("has", "a floral pattern"),
            ("is", "flowery"), ("has", "flowers all over"),
        ),
    },
    "sleeve": {
        "sleeveless": (
            ("is", "sleeveless"), ("has", "no sleeves"), ("is", "sleeveless"), ("has", "no sleeves at all"),
            ("is", "cut without sleeves"),
        ),
        "short": (
            ("has", "short sleeves"), ("is", "short sleeved"),
            ("has", "short cap sleeves"), ("has", "sleeves that are short"),
        ),
        "elbow": (
            ("has", "elbow length sleeves"), ("has", "half sleeves"), ("has", "sleeves to the elbow"),
            ("has", "elbow sleeves"), ("has", "half length sleeves"),
        ),
        "long": (
            ("has", "long sleeves"), ("is", "long sleeved"), ("has", "full length sleeves"),
            ("has", "sleeves to the wrist"),
        ),
    },
    "neckline": {
        "crew": (("has", "a crew neck"), ("has", "a round neck"), ("has", "a crew neckline"), ("is", "crew necked")),
        "v-neck": (("has", "a v-neck"), ("has", "a v neckline"), ("has", "a v shaped neck"), ("is", "v-necked")),
        "scoop": (
            ("has", "a scoop neck"), ("has", "a scooped neckline"),
            ("has", "a wide scoop neck"), ("is", "scoop necked"),
        ),
        "turtleneck": (
            ("has", "a turtleneck"), ("has", "a turtle neck"), ("has", "a tall rolled neck"), ("is", "turtlenecked"),
        ),
        "collar": (
            ("has", "a collar"), ("is", "collared"),
            ("has", "a buttoned collar"), ("has", "a collar with buttons"),
        ),
    },
    "length": {
        "mini": (("is", "mini length"), ("is", "a mini"), ("has", "a mini skirt"), ("is", "thigh length")),
        "knee": (
            ("is", "knee length"), ("do", "ends at the knee"),
            ("has", "a knee length skirt"), ("is", "cut to the knee"),
        ),
        "maxi": (("is", "floor length"), ("is", "ankle length"), ("has", "a maxi skirt"), ("is", "maxi length")),
        "cropped": (("is", "cropped"), ("has", "a cropped hem"), ("is", "cropped at the waist"), ("is", "a crop top")),
        "hip": (
            ("is", "hip length"), ("do", "ends at the hip"),
            ("has", "a hip length hem"), ("do", "falls to the hips"),
        ),
        "tunic": (
            ("is", "tunic length"), ("is", "a tunic"),
            ("do", "covers the thighs"), ("has", "a tunic length hem"),
        ),
    },
    "logo": {
        "none": (
            ("has", "no logo"), ("has", "no graphic"), ("has", "a blank chest"), ("has", "no logo on the chest"),
            ("has", "nothing on the chest"),
        ),
        "text": (
            ("has", "text on the chest"), ("has", "lettering"), ("has", "words on it"), ("has", "writing on the front"),
            ("has", "a word on the chest"),
        ),
        "heart": (
            ("has", "a heart on it"), ("has", "a heart on the chest"),
            ("has", "a heart graphic"), ("has", "a heart logo"),
        ),
        "star": (
            ("has", "a star on it"), ("has", "a star on the chest"), ("has", "a star graphic"), ("has", "a star logo"),
        ),
    },
}  # fmt: skip

# aspect -> direction -> phrases
DIRECTED: dict[str, dict[str, tuple[Phrase, ...]]] = {
    "colour": {
        "darker": (("is", "darker"), ("is", "a darker color"), ("is", "darker in color"), ("has", "a darker color")),
        "lighter": (
            ("is", "lighter"), ("is", "a lighter color"),
            ("is", "lighter in color"), ("has", "a brighter color"),
        ),
    },
    "pattern": {
        "busier": (
            ("is", "more patterned"), ("has", "more of a pattern"),
            ("has", "a busier print"), ("is", "patterned"),
        ),
        "plainer": (("is", "plainer"), ("is", "less busy"), ("is", "less patterned"), ("has", "less of a pattern")),
    },
    "sleeve": {
        "longer": (("has", "longer sleeves"), ("is", "longer sleeved"), ("has", "sleeves that are longer")),
        "shorter": (("has", "shorter sleeves"), ("is", "shorter sleeved"), ("has", "sleeves that are shorter")),
    },
    "neckline": {
        "lower": (("has", "a lower neckline"), ("has", "a deeper neckline"), ("has", "a more open neck")),
        "higher": (("has", "a higher neckline"), ("has", "a higher neck"), ("is", "higher at the neck")),
    },
    "length": {
        "longer": (("is", "longer"), ("is", "longer in length"), ("has", "a longer hem"), ("has", "a lower hem")),
        "shorter": (("is", "shorter"), ("is", "shorter in length"), ("has", "a shorter hem"), ("has", "a higher hem")),
    },
    "logo": {
        "printed": (
            ("has", "a graphic on it"), ("has", "a logo on the chest"),
            ("has", "a printed front"), ("has", "a graphic"),
        ),
    },
}  # fmt: skip

# what a person points at when the reference is presupposed: (with its article as new, with its article as known)
NOUNS: dict[str, dict[str, tuple[tuple[str, str], ...]]] = {
    "pattern": {
        "solid": (("plain fabric", "plain fabric"), ("solid color", "solid color")),
        "striped": (("stripes", "the stripes"), ("a striped pattern", "the striped pattern")),
        "plaid": (("checks", "the checks"), ("plaid", "the plaid")),
        "dotted": (("polka dots", "the polka dots"), ("dots", "the dots")),
        "floral": (("flowers", "the flowers"), ("a floral print", "the floral print")),
    },
    "sleeve": {
        "sleeveless": (("bare arms", "bare arms"),),
        "short": (("short sleeves", "the short sleeves"),),
        "elbow": (("elbow length sleeves", "the elbow length sleeves"), ("half sleeves", "the half sleeves")),
        "long": (("long sleeves", "the long sleeves"),),
    },
    "neckline": {
        "crew": (("a crew neck", "the crew neck"), ("a round neck", "the round neck")),
        "v-neck": (("a v-neck", "the v-neck"),),
        "scoop": (("a scoop neck", "the scoop neck"),),
        "turtleneck": (("a turtleneck", "the turtleneck"),),
        "collar": (("a collar", "the collar"),),
    },
    "length": {
        "mini": (("a mini length", "the mini length"),),
        "knee": (("a knee length", "the knee length"),),
        "maxi": (("a floor length", "the floor length"), ("a maxi length", "the maxi length")),
        "cropped": (("a cropped hem", "the cropped hem"),),
        "hip": (("a hip length", "the hip length"),),
        "tunic": (("a tunic length", "the tunic length"),),
    },
    "logo": {
        "none": (("a blank chest", "the blank chest"),),
        "text": (("lettering", "the lettering"), ("text", "the text")),
        "heart": (("a heart", "the heart"),),
        "star": (("a star", "the star"),),
    },
}
ABSENT: dict[str, str] = {
    "pattern": "solid",
    "sleeve": "sleeveless",
    "logo": "none",
}  # values that are the lack of something

REPLACED: tuple[Phrase, ...] = (  # {new}, {known}
    ("has", "{new} instead of {known}"), ("has", "{new} in place of {known}"), ("do", "swaps {known} for {new}"),
    ("has", "{new} rather than {known}"), ("do", "replaces {known} by {new}"),
)  # fmt: skip
RECOLOURED: tuple[Phrase, ...] = (
    ("is", "{new} instead of {known}"), ("is", "{new} rather than {known}"), ("is", "{new} not {known}"),
    ("do", "changes from {known} to {new}"), ("do", "swaps {known} for {new}"),
)  # fmt: skip
LOST: tuple[Phrase, ...] = (
    ("do", "loses {known}"), ("do", "drops {known}"), ("has", "{known} removed"), ("is", "missing {known}"),
    ("do", "no longer has {known}"),
)  # fmt: skip
KEPT: tuple[Phrase, ...] = (("do", "keeps {known}"), ("has", "{known} still"), ("do", "still has {known}"))
KEPT_COLOUR: tuple[Phrase, ...] = (("do", "stays {known}"), ("is", "still {known}"), ("do", "keeps the {known} color"))

# says nothing that could be checked against a picture
VAGUE: tuple[Phrase, ...] = (
    ("is", "nicer"), ("is", "better"), ("is", "prettier"), ("is", "lovely"), ("is", "appealing"), ("is", "special"),
    ("is", "more my style"), ("is", "more my thing"), ("is", "better looking"), ("is", "more appealing"),
    ("is", "more interesting"), ("is", "a nicer choice"), ("is", "a better option"), ("is", "more pleasing"),
    ("is", "somehow more special"), ("is", "closer to my taste"), ("is", "what i want"), ("is", "not so boring"),
    ("is", "something i would wear"), ("is", "more like i imagined"), ("is", "a nicer one for me"),
    ("has", "a nicer look"), ("has", "more charm"), ("has", "a better feel"), ("has", "more personality"),
    ("has", "charm"), ("has", "more style to it"), ("has", "a more pleasing look"), ("has", "a better look to it"),
    ("has", "something special about it"), ("has", "a nicer feel to it"), ("has", "more appeal"),
    ("do", "looks nicer"), ("do", "looks better"), ("do", "suits me better"), ("do", "looks more interesting"),
    ("do", "feels more like me"), ("do", "appeals to me more"), ("do", "makes a better impression"),
    ("do", "feels better for the occasion"), ("do", "is more of what i want"),
)  # fmt: skip

# words that alone say nothing of an attribute
_FUNCTION = frozenset(
    {
        "a", "all", "an", "and", "at", "be", "by", "covered", "covers", "cut", "ends", "falls", "for", "from", "has",
        "in", "is", "it", "less", "more", "no", "not", "nothing", "of", "on", "so", "that", "the", "to", "with",
    }
)  # fmt: skip


def attribute_words() -> frozenset[str]:
    """Every word by which some phrase names, compares or presupposes an attribute; no vague phrase has one."""
    texts = [
        text for table in (NAMED, DIRECTED) for values in table.values() for each in values.values() for _, text in each
    ]
    texts += [text for values in NOUNS.values() for pairs in values.values() for pair in pairs for text in pair]
    return frozenset(word for text in texts for word in text.split()) - _FUNCTION


def lexicon() -> dict[str, Meaning]:
    """Every phrase by its text; what presupposes the reference is named by its frame."""
    meanings = {text: Meaning(text, "no aspect", "vague") for _, text in VAGUE}
    tables: tuple[tuple[str, Mapping[str, Mapping[str, tuple[Phrase, ...]]]], ...]
    tables = (("compared", DIRECTED), ("named", NAMED))
    for kind, table in tables:
        for aspect, values in table.items():
            meanings |= {text: Meaning(text, aspect, kind) for options in values.values() for _, text in options}
    return meanings | {text: Meaning(name, aspect, "presupposing") for text, name, aspect in _presupposing()}


def _presupposing() -> Iterator[tuple[str, str, str]]:
    """Every filled frame that takes something of the reference for granted: text, frame, aspect."""
    colours = [names[0] for names in COLOUR_NAMES.values()]
    nouns = {a: [pair for options in v.values() for pair in options] for a, v in NOUNS.items()}
    pairs = {"colour": [(c, c) for c in colours]} | nouns
    for aspect, options in pairs.items():
        own = aspect == "colour"
        for _, frame in RECOLOURED if own else (*REPLACED, *LOST):
            for new, _ in options if "{new}" in frame else options[:1]:
                for _, old in options:
                    yield frame.format(new=new, known=old), frame.format(new="…", known="…"), aspect
        for _, frame in KEPT_COLOUR if own else KEPT:
            for _, old in options:
                yield frame.format(known=old), frame.format(known="…"), aspect
