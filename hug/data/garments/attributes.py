"""What a generated picture shows: the garment's attributes, the nuisances, and both as one `Spec`.

The attributes are the truth that wording, retrieval and the uncertainty measures are scored against; the nuisances are
what a model must learn to ignore.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hug.data.garments.look import Look, sample_look

_TABLES = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
CATEGORIES, ASPECTS, BACKGROUNDS, DISPLAYS = (
    tuple(map(str, _TABLES[name])) for name in ("categories", "aspects", "backgrounds", "displays")
)
COLOURS: dict[str, tuple[int, int, int]] = {  # sRGB of each fabric before light and jitter
    name: (red, green, blue) for name, (red, green, blue) in _TABLES["colours"].items()
}
SKINS: list[list[float]] = _TABLES["skins"]  # sRGB of the mannequins in [0, 1]
# category -> aspect -> allowed values; those of ordered aspects (sleeve, length) run from short to long
VALUES: dict[str, dict[str, tuple[str, ...]]] = {
    category: {"colour": tuple(COLOURS), **{aspect: tuple(allowed) for aspect, allowed in aspects.items()}}
    for category, aspects in _TABLES["values"].items()
}
_CONTRAST: dict[str, list[str]] = _TABLES["contrast"]  # second colours that stay apart from the fabric's own


def check_choice(what: str, value: str, options: Collection[str]) -> None:
    """Raises ValueError for a value that is none of the options."""
    if value not in options:
        raise ValueError(f"unknown {what} {value!r}; choose one of {', '.join(options)}")


@dataclass(frozen=True)
class Garment:
    """The truth about one garment. Raises ValueError for a category or value that is not in `VALUES`."""

    category: str
    colour: str
    pattern: str
    sleeve: str
    neckline: str
    length: str
    logo: str

    def __post_init__(self) -> None:
        check_choice("category", self.category, CATEGORIES)
        for aspect in ASPECTS:
            value, allowed = getattr(self, aspect), VALUES[self.category][aspect]
            if value not in allowed:
                raise ValueError(
                    f"a {self.category} has no {aspect} {value!r}; choose one of {', '.join(map(repr, allowed))}"
                )

    def value(self, aspect: str) -> str:
        """The value of one aspect, such as "red" of "colour"."""
        check_choice("aspect", aspect, ASPECTS)
        return str(getattr(self, aspect))

    def replace(self, **values: str) -> Garment:
        """The same garment with other values of some aspects."""
        return dataclasses.replace(self, **values)

    def key(self) -> tuple[str, ...]:
        """The six values in the order of `ASPECTS`."""
        return tuple(self.value(aspect) for aspect in ASPECTS)


@dataclass(frozen=True)
class Nuisance:
    """Everything else in the picture. Numbers without a unit lie in [0, 1] or [-1, 1]; lengths are in 160ths.

    Raises ValueError for an unknown background, display or second colour.
    """

    background: str = "studio"
    tint: tuple[float, float, float] = (0.9, 0.9, 0.9)  # sRGB of the background, in [0, 1]
    display: str = "ghost"
    tilt: float = 0.0  # degrees
    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)
    arm: float = 28.0  # degrees between sleeve and body axis
    bend: float = 0.0  # degrees between upper and lower sleeve
    fit: float = 0.0  # narrow (-1) to wide (1) cut
    flare: float = 0.0  # narrow (-1) to wide (1) hem
    light: float = -0.6  # direction of the light, radians from the vertical
    contrast: float = 1.0  # strength of light and shadow
    warmth: float = 0.0  # cold (-1) to warm (1) light
    folds: float = 0.6
    shadow: float = 0.5
    shade: float = 0.0  # dark (-1) to light (1) dye of the same colour name
    hue: float = 0.0  # drift of the dye within the same colour name, in [-1, 1]
    second: str = "white"  # second colour, of pattern and logo
    motif: float = 0.5  # small (0) to large (1) pattern repeat
    variant: int = 0  # which drawing of a pattern or logo
    trim: int = 0  # details that no attribute names: 0 none, 1 contrasting bands, 2 a belt on dresses

    def __post_init__(self) -> None:
        for name, allowed in (("background", BACKGROUNDS), ("display", DISPLAYS), ("second", tuple(COLOURS))):
            check_choice(name, getattr(self, name), allowed)


@dataclass(frozen=True)
class Spec:
    """All that `render` needs: the same spec gives the same pixels."""

    garment: Garment
    nuisance: Nuisance
    seed: int
    look: Look | None = None  # of garments-2
    renderer: str | None = None  # where the look doesn't tell it: "outline"

    def to_json(self) -> str:
        """One line of JSON with sorted keys; a look or renderer that there is not is left out."""
        raw = dataclasses.asdict(self)
        return json.dumps({key: value for key, value in raw.items() if value is not None}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Spec:
        """The inverse of `to_json`. Raises ValueError when the text is not such a specification."""
        try:
            raw: dict[str, Any] = json.loads(text)
            look = Look(**_tuples(raw["look"])) if "look" in raw else None
            nuisance = Nuisance(**_tuples(raw["nuisance"]))
            return cls(Garment(**raw["garment"]), nuisance, int(raw["seed"]), look, raw.get("renderer"))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a garment specification ({error}): {text[:80]!r}") from error


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    """The values with JSON's lists as tuples."""
    return {key: tuple(v) if isinstance(v, list) else v for key, v in values.items()}


def contrasting(colour: str) -> list[str]:
    """Second colours that stay apart from a fabric's own."""
    return _CONTRAST[colour]


def differing(first: Garment, second: Garment) -> tuple[str, ...]:
    """The aspects in which two garments differ, in the order of `ASPECTS`."""
    return tuple(aspect for aspect in ASPECTS if first.value(aspect) != second.value(aspect))


def sample_garment(category: str, rng: np.random.Generator) -> Garment:
    """A garment with independent uniform attributes."""
    check_choice("category", category, CATEGORIES)
    return Garment(category, *(str(rng.choice(VALUES[category][aspect])) for aspect in ASPECTS))


def sample_nuisance(garment: Garment, rng: np.random.Generator) -> Nuisance:
    """Nuisances that are independent of the attributes, but for the second colour, which must stay visible."""

    def number(low: float, high: float) -> float:
        return round(float(rng.uniform(low, high)), 3)

    def bell(spread: float, limit: float) -> float:
        return round(float(np.clip(rng.normal(0.0, spread), -limit, limit)), 3)

    background = str(rng.choice(BACKGROUNDS, p=(0.34, 0.2, 0.14, 0.12, 0.08, 0.12)))
    display = str(rng.choice(DISPLAYS, p=(0.5, 0.25, 0.25)))
    return Nuisance(
        background=background,
        tint=_tint(background, rng),
        display=display,
        tilt=bell(2.5, 8.0),
        scale=number(0.9, 1.05),
        shift=(bell(2.5, 6.0), bell(2.0, 4.0)),
        arm=number(10.0, 30.0) if display != "ghost" else number(14.0, 42.0),
        bend=number(-4.0, 22.0),
        fit=number(-1.0, 1.0),
        flare=number(-1.0, 1.0),
        light=number(-1.2, 1.2),
        contrast=number(0.7, 1.3),
        warmth=bell(0.4, 1.0),
        folds=number(0.35, 1.0),
        shadow=number(0.25, 0.9),
        shade=bell(0.45, 1.0),
        hue=bell(0.45, 1.0),
        second=str(rng.choice(_CONTRAST[garment.colour])),
        motif=number(0.0, 1.0),
        variant=int(rng.integers(6)),
        trim=int(rng.choice(3, p=(0.6, 0.2, 0.2))),
    )


def _tint(background: str, rng: np.random.Generator) -> tuple[float, float, float]:
    """sRGB of a background: near white in a studio, pastel where tinted, muted elsewhere."""
    span = {"studio": 0.015, "tinted": 0.11, "floor": 0.05, "plaster": 0.06, "wood": 0.05, "room": 0.12}[background]
    level = rng.uniform(0.84, 0.97) if background == "studio" else rng.uniform(0.55, 0.88)
    values = np.clip(level + rng.uniform(-span, span, 3), 0.0, 1.0)
    return (round(float(values[0]), 3), round(float(values[1]), 3), round(float(values[2]), 3))


def dress_up(garment: Garment, rng: np.random.Generator) -> Spec:
    """A random picture of the given garment."""
    return Spec(garment, sample_nuisance(garment, rng), int(rng.integers(2**31)))


def dress_up_anew(garment: Garment, rng: np.random.Generator) -> Spec:
    """A random picture of the given garment in a random look, its sleeves at wider angles than of old."""
    nuisance = sample_nuisance(garment, rng)
    wide = rng.random() < 0.35
    nuisance = dataclasses.replace(
        nuisance,
        arm=round(float(rng.uniform(42.0, 62.0)), 3) if wide else nuisance.arm,
        bend=round(float(rng.uniform(-6.0, 8.0)), 3) if wide else nuisance.bend,
        tilt=round(float(np.clip(rng.normal(0.0, 3.5), -10.0, 10.0)), 3),
        scale=round(float(rng.uniform(0.82, 0.94) if wide else rng.uniform(0.88, 1.08)), 3),
    )
    look = sample_look(garment.colour, nuisance.second, rng)
    return Spec(garment, nuisance, int(rng.integers(2**31)), look)
