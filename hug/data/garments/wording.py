"""Captions: what two annotators could have written about the way from a reference to a target.

Three kinds share one grammar and one distribution of lengths: `specific` texts state every change, `presupposing` ones
also take something about the reference for granted, `vague` ones say nothing that could be checked.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from hug.data.garments import phrases
from hug.data.garments.attributes import ASPECTS, COLOURS, VALUES, Garment, check_choice, differing
from hug.data.garments.phrases import Phrase, Phrases

KINDS: tuple[str, ...] = ("specific", "presupposing", "vague")
DIRECTION = 0.4  # share of comparative statements among those that could be
CONTRAST = 0.6  # share of changes that a presupposing text tells as a contrast
KEEP = 0.35  # share of presupposing texts that name something kept
BOTH = 0.35  # chance that both annotators mention the same change
_LUMA = {name: float(np.dot(rgb, (0.299, 0.587, 0.114)) / 255.0) for name, rgb in COLOURS.items()}
_GAP = 0.18  # least difference of luminance that people call darker or lighter
_DEEP = {"turtleneck": 0, "collar": 1, "crew": 1, "scoop": 2, "v-neck": 2}


@dataclass(frozen=True)
class Statement:
    """One clause: the values of the target it allows, and the value of the reference it presupposes, if any."""

    aspect: str
    verb: str
    text: str
    says: frozenset[str]
    needs: str | None = None


@dataclass(frozen=True)
class Wording:
    """Two captions (one of garments-2 may be alone), and what they mean.

    `says` maps an aspect to the target's values that the words alone allow; `needs` an aspect to the value that the
    reference must have for the words to make sense.
    """

    captions: tuple[str, ...]
    says: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    needs: Mapping[str, str] = field(default_factory=dict)


def compose(reference: Garment, target: Garment, rng: np.random.Generator, kind: str) -> Wording:
    """Two captions for the way from the reference to the target, with their meaning.

    Raises ValueError for an unknown kind, garments of two categories, or garments that don't differ.
    """
    check_choice("kind of wording", kind, KINDS)
    if reference.category != target.category:
        raise ValueError(f"a {reference.category} cannot become a {target.category}; give two of one category")
    changed = differing(reference, target)
    if not changed:
        raise ValueError("reference and target have the same attributes; give two that differ")
    wording = _informative(reference, target, changed, rng, kind == "presupposing")
    if kind == "vague":
        first, second = (_vague(len(text.split()), rng, target.category) for text in wording.captions)
        return Wording((first, second))
    return wording


def lacks(reference: Garment, needs: Mapping[str, str]) -> bool:
    """Whether a reference has none of the values that a text presupposes. Raises ValueError without any."""
    if not needs:
        raise ValueError("a text that presupposes nothing fits every reference; give one that presupposes something")
    return all(reference.value(aspect) != value for aspect, value in needs.items())


def _informative(
    reference: Garment, target: Garment, changed: tuple[str, ...], rng: np.random.Generator, presuppose: bool
) -> Wording:
    clauses = [(aspect, side) for aspect, sides in shares_of(changed, rng).items() for side in sides]
    sides: tuple[list[Statement], list[Statement]] = ([], [])
    contrasts = {aspect for aspect in changed if rng.random() < CONTRAST} if presuppose else set()
    same = [a for a in ASPECTS if a not in changed and reference.value(a) != phrases.ABSENT.get(a)]
    keep = presuppose and bool(same) and rng.random() < KEEP
    if presuppose and not contrasts and not keep:
        contrasts = {str(rng.choice(changed))}
    for aspect, side in clauses:
        make = contrast_values if aspect in contrasts and rng.random() < 0.8 else name_value
        sides[side].append(make(reference, target, aspect, rng))
    if contrasts and not any(s.needs for side in sides for s in side):
        aspect, side = next((a, s) for a, s in clauses if a in contrasts)
        index = next(i for i, s in enumerate(sides[side]) if s.aspect == aspect)
        sides[side][index] = contrast_values(reference, target, aspect, rng)
    keep_side = int(rng.integers(2)) if keep else -1
    keeping = keep_value(reference, str(rng.choice(same)), rng) if keep else None
    texts = [_caption(part, keeping if i == keep_side else None, rng, target.category) for i, part in enumerate(sides)]
    everything = [*sides[0], *sides[1], *([keeping] if keeping else [])]
    return Wording((texts[0], texts[1]), meaning(everything), {s.aspect: s.needs for s in everything if s.needs})


def meaning(statements: Iterable[Statement]) -> dict[str, tuple[str, ...]]:
    says: dict[str, frozenset[str]] = {}
    for s in statements:
        says[s.aspect] = says.get(s.aspect, s.says) & s.says
    return {aspect: tuple(sorted(values)) for aspect, values in says.items()}


def shares_of(changed: tuple[str, ...], rng: np.random.Generator) -> dict[str, tuple[int, ...]]:
    """Which of the two captions mentions which change; each mentions at least one."""
    order = [changed[i] for i in rng.permutation(len(changed))]
    shares: dict[str, tuple[int, ...]] = {}
    for i, aspect in enumerate(order):
        both = len(order) == 1 or rng.random() < BOTH
        shares[aspect] = (0, 1) if both else (i % 2,)
    return shares


def pick(options: tuple[tuple[str, str], ...], rng: np.random.Generator) -> tuple[str, str]:
    """A phrase, or a noun as new and as known; one alone is taken without a random number."""
    return options[int(rng.integers(len(options)))]


def name_value(
    reference: Garment, target: Garment, aspect: str, rng: np.random.Generator,
    tables: Phrases = phrases.FIRST, compare: float = DIRECTION, gap: float = _GAP,
) -> Statement:  # fmt: skip
    """The new value by name, or in comparison with the reference."""
    direction = _direction(reference, target, aspect, gap)
    if direction and rng.random() < compare:
        name, says = direction
        return Statement(aspect, *pick(tables.compared[aspect][name], rng), says)
    value = target.value(aspect)
    return Statement(aspect, *pick(tables.named[aspect][value], rng), frozenset({value}))


def _direction(reference: Garment, target: Garment, aspect: str, least: float) -> tuple[str, frozenset[str]] | None:
    """The comparative that fits the change, and all target values that its words alone allow."""
    old, new, values = reference.value(aspect), target.value(aspect), VALUES[target.category][aspect]
    if aspect == "colour":
        gap = _LUMA[new] - _LUMA[old]
        if abs(gap) < least:
            return None
        spare = {v: max((_LUMA[w] - _LUMA[v]) * (-1 if gap > 0 else 1) for w in values) for v in values}
        return ("lighter" if gap > 0 else "darker"), frozenset(v for v in values if spare[v] >= least)
    if aspect in ("sleeve", "length"):
        longer = values.index(new) > values.index(old)
        if not longer and new == "sleeveless":
            return None
        some = values[1:] if longer else tuple(v for v in values[:-1] if v != "sleeveless")
        return ("longer" if longer else "shorter"), frozenset(some)
    if aspect == "pattern":
        if "solid" not in (old, new):
            return None
        return ("plainer", frozenset({"solid"})) if new == "solid" else ("busier", frozenset(values) - {"solid"})
    if aspect == "neckline":
        if _DEEP[old] == _DEEP[new] or "collar" in (old, new):
            return None
        lower = _DEEP[new] > _DEEP[old]
        fit = frozenset(v for v in values if v != "collar" and (_DEEP[v] >= 1 if lower else _DEEP[v] <= 1))
        return ("lower" if lower else "higher"), fit
    return ("printed", frozenset(values) - {"none"}) if old == "none" else None


def contrast_values(
    reference: Garment, target: Garment, aspect: str, rng: np.random.Generator, tables: Phrases = phrases.FIRST
) -> Statement:
    """The change told from what the reference has: "red instead of blue", "loses the stripes"."""
    old, new, nouns = reference.value(aspect), target.value(aspect), tables.nouns[aspect]
    (new_noun, _), (_, old_noun) = pick(nouns[new], rng), pick(nouns[old], rng)
    gone = phrases.ABSENT.get(aspect) == new and rng.random() < 0.75
    frames = tables.recoloured if aspect == "colour" else tables.lost if gone else tables.replaced
    verb, frame = pick(frames, rng)
    return Statement(aspect, verb, frame.format(new=new_noun, known=old_noun), frozenset({new}), old)


def keep_value(reference: Garment, aspect: str, rng: np.random.Generator, tables: Phrases = phrases.FIRST) -> Statement:
    """Something of the reference that shall stay."""
    value = reference.value(aspect)
    verb, frame = pick(tables.stays_coloured if aspect == "colour" else tables.stays, rng)
    _, noun = pick(tables.nouns[aspect][value], rng)
    return Statement(aspect, verb, frame.format(known=noun), frozenset({value}), value)


def _caption(parts: list[Statement], keeping: Statement | None, rng: np.random.Generator, category: str) -> str:
    clauses = [(s.verb, s.text) for s in (parts[i] for i in rng.permutation(len(parts)))]
    text = join(clauses, rng)
    if keeping:
        stays = clause_of((keeping.verb, keeping.text))
        text = f"{stays} but {text}" if rng.random() < 0.5 else f"{text} but {stays}"
    return finish(text, rng, category)


def clause_of(phrase: Phrase) -> str:
    return phrase[1] if phrase[0] == "do" else f"{phrase[0]} {phrase[1]}"


def join(clauses: list[Phrase], rng: np.random.Generator) -> str:
    """Clauses in one sentence: "is red with long sleeves", "has dots and is longer"."""
    text, previous = clause_of(clauses[0]), clauses[0][0]
    for verb, rest in clauses[1:]:
        plain = not rest.startswith("no ")
        if verb == "has" and previous == "is" and plain and rng.random() < 0.45:
            text += f" with {rest}"
        elif verb == previous and verb != "do" and rng.random() < 0.6:
            text += f" and {rest}"
        elif rng.random() < 0.12:
            text += f", {clause_of((verb, rest))}"
        else:
            text += f" and {clause_of((verb, rest))}"
        previous = verb
    return text


def finish(text: str, rng: np.random.Generator, category: str) -> str:
    """The habits of annotators: a subject, a dropped verb, a capital, a full stop; each now and then."""
    habit = rng.random()
    noun = {"dress": "dress", "shirt": "shirt", "toptee": "top"}[category]
    if habit < 0.06:
        text = f"the {noun} {text}"
    elif habit < 0.10:
        text = f"it {text}"
    elif habit < 0.20 and text.startswith(("is ", "has ")):
        text = text.split(" ", 1)[1]
    if rng.random() < 0.12:
        text = text[:1].upper() + text[1:]
    return text + "." if rng.random() < 0.08 else text


def _vague(words: int, rng: np.random.Generator, category: str) -> str:
    """A text of the given number of words, or as near as fifty attempts come, that says nothing checkable."""
    best = ""
    for _ in range(50):
        count = 1 if words <= 4 else int(rng.integers(1, 3)) if words <= 8 else int(rng.integers(2, 4))
        parts = [phrases.FIRST.vague[i] for i in rng.choice(len(phrases.FIRST.vague), count, replace=False)]
        text = finish(join(parts, rng), rng, category)
        if not best or abs(len(text.split()) - words) < abs(len(best.split()) - words):
            best = text
        if len(best.split()) == words:
            break
    return best
