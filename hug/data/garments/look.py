"""How a picture of garments-2 is drawn: finish, line, cloth, cut, pose, dye, scene.

A `Look` is everything that a garment's attributes and its `Nuisance` leave open; the same one serves every value of an
attribute, so that nothing in it tells a value.
"""

import colorsys
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_TABLES = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
FINISHES, FABRICS, SCENES, WORDS = (
    tuple(map(str, _TABLES[name])) for name in ("finishes", "fabrics", "scenes", "words")
)
# colour name -> ranges of hue (degrees), saturation and value of its dyes
DYES: dict[str, tuple[tuple[float, float], ...]] = {
    name: tuple((float(low), float(high)) for low, high in ranges) for name, ranges in _TABLES["dyes"].items()
}
_SHARES = (0.4, 0.16, 0.14, 0.12, 0.1, 0.08)  # of the finishes

Rgb = tuple[float, float, float]  # sRGB in [0, 1]
Shares = tuple[float, float, float]  # where in its name's ranges of hue, saturation and value a dye lies, in [0, 1]


@dataclass(frozen=True)
class Look:
    """Lengths are in 160ths of the picture, angles in degrees, shares and factors without a unit.

    Raises ValueError for an unknown finish, fabric or scene.
    """

    finish: str
    fabric: str
    scene: str
    line: float  # width of the outline, 0 for none
    ink: Rgb  # of the outline
    wobble: float  # how far a hand that draws trembles
    phase: float  # of the trembling, radians
    stretch: tuple[float, float]  # across and down
    widths: tuple[float, float, float, float, float]  # factors of shoulder, chest, waist, hem and sleeve
    neck: float  # factor of the neck opening's width
    deep: float  # factor of the armhole's depth, which the neckline's depth follows
    print_size: float  # factor of the chest print's size
    left_arm: float  # how much wider the left sleeve stands off than the right one
    dye: Shares  # of the fabric, whatever its colour's name
    second: Shares  # of pattern and print
    motif: int  # which drawing of a pattern, print or word
    outlined: bool  # the chest print as a line instead of an area
    head: bool  # a mannequin with a head
    paper: Rgb  # the scene's second tone

    def __post_init__(self) -> None:
        for name, allowed in (("finish", FINISHES), ("fabric", FABRICS), ("scene", SCENES)):
            if getattr(self, name) not in allowed:
                raise ValueError(f"unknown {name} {getattr(self, name)!r}; choose one of {', '.join(allowed)}")


def sample_look(colour: str, second: str, rng: np.random.Generator) -> Look:
    """A random look of a garment of the given colour names."""

    def number(low: float, high: float) -> float:
        return round(float(rng.uniform(low, high)), 3)

    finish = str(rng.choice(FINISHES, p=_SHARES))
    drawn_line = finish in ("cel", "pencil") or (finish != "cloth" and rng.random() < 0.6)
    dark = number(0.05, 0.35)
    dye, other = _apart(colour, second, rng)
    tones: tuple[Rgb, ...] = ((dark, dark, dark), (dark * 0.8, dark, dark * 1.3), (dark * 1.5, dark, dark * 0.7))
    return Look(
        finish=finish,
        fabric=str(rng.choice(FABRICS, p=(0.36, 0.16, 0.16, 0.16, 0.16))),
        scene=str(rng.choice(SCENES, p=(0.28, 0.12, 0.1, 0.06, 0.06, 0.06, 0.32))),
        line=number(0.5, 2.0) if drawn_line else 0.0,
        ink=_rounded(tones[int(rng.integers(3))]),
        wobble=number(0.2, 0.8) if finish in ("wash", "pencil", "felt") or rng.random() < 0.2 else 0.0,
        phase=number(0.0, 6.28),
        stretch=(number(0.94, 1.08), number(0.92, 1.02)),
        widths=(number(0.92, 1.08), number(0.92, 1.1), number(0.88, 1.12), number(0.88, 1.14), number(0.85, 1.35)),
        neck=number(0.95, 1.3),
        deep=number(0.95, 1.12),
        print_size=number(0.75, 1.05),
        left_arm=number(-8.0, 8.0) if rng.random() < 0.4 else 0.0,
        dye=dye,
        second=other,
        motif=int(rng.integers(840)),
        outlined=bool(rng.random() < 0.2),
        head=bool(rng.random() < 0.5),
        paper=_rounded(tuple(rng.uniform(0.55, 1.0, 3))),
    )


def _apart(colour: str, second: str, rng: np.random.Generator) -> tuple[Shares, Shares]:
    """Two dyes that the eye keeps apart: of eight pairs the first that differs enough, or the last."""
    for _ in range(8):
        first, other = _rounded(tuple(rng.random(3))), _rounded(tuple(rng.random(3)))
        if np.linalg.norm(np.subtract(dyed(colour, first), dyed(second, other))) > 0.5:
            break
    return first, other


def dyed(colour: str, shares: Shares) -> Rgb:
    """A dye that bears a colour name. Raises ValueError for another name."""
    if colour not in DYES:
        raise ValueError(f"unknown colour {colour!r}; choose one of {', '.join(DYES)}")
    ranges = zip(DYES[colour], shares, strict=True)
    hue, saturation, value = (low + share * (high - low) for (low, high), share in ranges)
    return _rounded(colorsys.hsv_to_rgb((hue / 360.0) % 1.0, saturation, value))


def _rounded(rgb: tuple[float, ...]) -> Rgb:
    red, green, blue = (round(min(float(channel), 1.0), 3) for channel in rgb)
    return red, green, blue
