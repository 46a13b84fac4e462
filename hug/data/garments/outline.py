"""`render` of outline-1: garments from signed distances, an independent drawing that no training sees.

It shares no shape, pattern, print, dye or light with the other renderers; it is there to see whether a model reads
garments or its own renderer's manner. Coordinates run from -1 to 1, y down; a signed distance is negative inside.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hug.data.garments.attributes import ASPECTS, VALUES, Garment, Nuisance, Spec, contrasting
from hug.data.garments.render import Mask, Rendered

SIZE = 256
Field = NDArray[np.float64]
_TABLES = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
NECK = 0.125  # half width of the neck


def dress_up(garment: Garment, rng: np.random.Generator) -> Spec:
    """A random picture of the given garment by this renderer."""
    second = str(rng.choice(contrasting(garment.colour)))
    return Spec(garment, Nuisance(second=second), int(rng.integers(2**31)), renderer="outline")


@dataclass(frozen=True)
class _Manner:
    """What a seed decides, whatever the garment."""

    wide: float
    arm: float  # radians from the body's axis
    turn: float  # radians
    scale: float
    shift: tuple[float, float]
    outline: float  # width, 0 for none
    shade: int  # 0 none, 1 from one side, 2 folds
    repeat: float  # of patterns
    drawing: int  # of patterns, prints and dyes
    backdrop: int
    spot: int  # 0 plain, 1 a disc behind, 2 a horizon


def render(spec: Spec) -> Rendered:
    """The picture (RGB, 256 x 256) of a specification and its regions; the same spec gives the same pixels."""
    manner = _manner(np.random.default_rng([spec.seed, SIZE]))
    m = _TABLES["measures"][spec.garment.category]
    x, y = _grid(manner)
    parts = _parts(spec.garment, m, manner, x, y)
    whole = np.minimum.reduce([*parts])
    ink = _ink(spec.garment.logo, m, manner, x, y)
    colour = _cloth(spec, m, manner, x, y, ink)
    picture = _backdrop(manner)
    cover = _edge(whole)
    picture += cover[..., None] * (colour - picture)
    if spec.garment.neckline == "collar":  # its leaves stand out from the cloth
        colour = np.where((parts[-1] < 0)[..., None], colour * 0.78 + 0.1 * (colour.mean() < 0.3), colour)
        picture += cover[..., None] * (colour - picture)
    if manner.outline:
        line = np.maximum.reduce([_edge(np.abs(part) - manner.outline) for part in parts])
        near = _edge(whole - manner.outline) * line
        picture += near[..., None] * (np.array([0.1, 0.1, 0.14]) - picture)
    regions = _zones(m, manner, x, y)
    garment, print_ = whole < 0, np.asarray(_blob(ink) > 0)
    masks = (garment, garment & ~print_, regions["sleeve"], regions["neckline"], regions["length"], regions["logo"])
    pixels = np.asarray(np.clip(picture, 0.0, 1.0) * 255.0 + 0.5, np.uint8)
    return Rendered(Image.fromarray(pixels), dict(zip(ASPECTS, masks, strict=True)))


def _manner(rng: np.random.Generator) -> _Manner:
    return _Manner(
        wide=rng.uniform(0.92, 1.1), arm=math.radians(rng.uniform(14.0, 60.0)), turn=math.radians(rng.normal(0.0, 3.0)),
        scale=rng.uniform(0.82, 1.0), shift=(rng.normal(0.0, 0.03), rng.normal(0.0, 0.02)),
        outline=rng.uniform(0.006, 0.016) if rng.random() < 0.7 else 0.0, shade=int(rng.integers(3)),
        repeat=rng.uniform(0.0, 1.0), drawing=int(rng.integers(60)),
        backdrop=int(rng.integers(len(_TABLES["grounds"]))),
        spot=int(rng.choice(3, p=(0.6, 0.2, 0.2))),
    )  # fmt: skip


def _grid(manner: _Manner) -> tuple[Field, Field]:
    axis = (np.arange(SIZE) + 0.5) * (2.0 / SIZE) - 1.0
    x, y = (axis[None, :] - manner.shift[0]) / manner.scale, (axis[:, None] - manner.shift[1]) / manner.scale
    cos, sin = math.cos(manner.turn), math.sin(manner.turn)
    return cos * x + sin * y, cos * y - sin * x


def _edge(distance: Field) -> Field:
    """Coverage of a pixel."""
    return np.clip(0.5 - distance * (0.5 * SIZE), 0.0, 1.0)


def _rgb(code: str) -> Field:
    return np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0


def _segment(x: Field, y: Field, start: tuple[float, float], end: tuple[float, float], r0: float, r1: float) -> Field:
    """Distance to a limb that narrows from radius r0 to r1, with a straight end."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy)
    along = ((x - start[0]) * dx + (y - start[1]) * dy) / length
    across = np.abs((x - start[0]) * dy - (y - start[1]) * dx) / length
    side = across - (r0 + (r1 - r0) * np.clip(along / length, 0.0, 1.0))
    return np.maximum(np.maximum(side, along - length), -along - r0)


# shapes


def _parts(g: Garment, m: dict[str, Any], manner: _Manner, x: Field, y: Field) -> list[Field]:
    """Signed distances of the body, and of sleeves, collar or tube where there are any."""
    aside, top = np.abs(x), m["top"]
    bare = g.sleeve == "sleeveless"
    hem, low = m["hems"][VALUES[g.category]["length"].index(g.length)]
    shoulder = m["shoulder"] * (0.78 if bare else 1.0)
    waist, middle = m["waist"]
    if low > middle + 0.1:
        heights, widths = [top, top + 0.3, middle, low], [shoulder, m["chest"], waist, hem]
    else:
        heights, widths = [top, top + 0.3, low], [shoulder, m["chest"], hem]
    half = np.interp(y, heights, np.array(widths) * manner.wide)
    slope = top + 0.24 * np.maximum(aside - NECK, 0.0)
    body = np.maximum(np.maximum(aside - half, slope - y), y - low)
    if bare:  # the armhole
        body = np.maximum(body, 0.13 - np.hypot(aside - manner.wide * (m["chest"] + 0.07), (y - top - 0.13) * 0.8))
    parts = [np.maximum(body, -_opening(g.neckline, aside, y, top))]
    length = m["sleeves"][VALUES[g.category]["sleeve"].index(g.sleeve)]
    if length:  # behind the body: what the body hides is no part of it
        sleeve = np.maximum(_sleeve(m, manner, aside, y, length, 0.0), slope - y)
        parts.append(np.maximum(sleeve, -body - 0.004))
    if g.neckline == "turtleneck":
        parts.append(np.maximum(aside - NECK, np.abs(y - top + 0.035) - 0.095))
    elif g.neckline == "collar":
        fall = y - top - 0.7 * (0.2 - aside)  # two leaves that meet at the throat
        parts.append(np.maximum(np.maximum(aside - 0.2, 0.012 - aside), np.abs(fall) - 0.05))
    return parts


def _sleeve(m: dict[str, Any], manner: _Manner, aside: Field, y: Field, length: float, more: float) -> Field:
    start = (m["shoulder"] * manner.wide - m["arm"], m["top"] + m["arm"] + 0.05)
    reach = length + m["arm"]
    end = (start[0] + reach * math.sin(manner.arm), start[1] + reach * math.cos(manner.arm))
    return _segment(aside, y, start, end, m["arm"] + more, 0.72 * m["arm"] + more)


def _opening(neckline: str, aside: Field, y: Field, top: float) -> Field:
    if neckline == "v-neck":
        return np.maximum((y - top - 0.32) + aside * (0.32 / NECK), aside - NECK)
    if neckline == "scoop":
        return (np.hypot(aside / 0.175, (y - top) / 0.25) - 1.0) * 0.175
    if neckline == "collar":
        return np.maximum((y - top - 0.13) + aside, aside - NECK)
    depth = 0.1 if neckline == "crew" else 0.02
    return (np.hypot(aside / NECK, (y - top) / depth) - 1.0) * min(NECK, depth)


def _zones(m: dict[str, Any], manner: _Manner, x: Field, y: Field) -> dict[str, Mask]:
    """Where each local aspect can show, whatever its value."""
    aside, top, hems = np.abs(x), m["top"], m["hems"]
    longest = _sleeve(m, manner, aside, y, m["sleeves"][-1], 0.025)
    armhole = (aside > 0.7 * m["shoulder"] * manner.wide) & (y > top - 0.02) & (y < top + 0.36)
    armhole &= aside < 1.15 * m["shoulder"] * manner.wide
    widest = 1.06 * manner.wide * max(width for width, _ in hems) + 0.03
    px, py = aside / (1.75 * m["print"]), (y - _chest(m)) / (1.2 * m["print"])
    return {
        "sleeve": (longest < 0) | armhole,
        "neckline": (aside < NECK + 0.1) & (y > top - 0.16) & (y < top + 0.36),
        "length": (aside < widest) & (y > hems[0][1] - 0.05) & (y < hems[-1][1] + 0.05),
        "logo": np.maximum(px, py) < 1.0,
    }


# cloth


def _cloth(spec: Spec, m: dict[str, Any], manner: _Manner, x: Field, y: Field, ink: Field) -> Field:
    """(SIZE, SIZE, 3) colours of the cloth with its print."""
    base, other = (
        _rgb(_TABLES["dyes"][name][(manner.drawing // 3) % 3]) for name in (spec.garment.colour, spec.nuisance.second)
    )
    share = PATTERNS[spec.garment.pattern](x, y, manner)
    share = share * (1.0 - _blob(ink))
    colour = base + share[..., None] * (other - base)
    colour = colour + ink[..., None] * (other - colour)
    if spec.garment.neckline == "collar":
        buttons = np.hypot(x, (y - m["top"] - 0.18) % 0.11 - 0.055) < 0.012
        buttons &= (y > m["top"] + 0.16) & (y < m["top"] + 0.4)
        colour = np.where(buttons[..., None], 0.5 + 0.4 * (0.5 - base), colour)
    if manner.shade == 1:
        colour = colour * np.clip(1.0 - 0.35 * (x + 0.1), 0.6, 1.15)[..., None]
    elif manner.shade == 2:
        colour = colour * (1.0 - 0.09 * (1.0 + np.sin(23.0 * x + 3.0 * y)) * np.clip(y + 0.6, 0.0, 1.0))[..., None]
    return np.asarray(colour)


def _wave(t: Field, duty: float) -> Field:
    """1 in the first share `duty` of each unit, softened over the pixels."""
    return np.clip((duty - np.abs(t % 1.0 - 0.5) * 2.0) * 6.0 + 0.5, 0.0, 1.0)


def _solid(x: Field, y: Field, manner: _Manner) -> Field:
    return np.zeros_like(x + y)


def _striped(x: Field, y: Field, manner: _Manner) -> Field:
    t = (y + 0.0 * x, x + 0.0 * y, 0.75 * (x + y))[manner.drawing % 3]
    return _wave(t * (7.0 + 6.0 * manner.repeat), 0.42)


def _plaid(x: Field, y: Field, manner: _Manner) -> Field:
    count = 4.0 + 3.0 * manner.repeat
    duty = (0.5, 0.16, 0.34)[manner.drawing % 3]
    return 0.55 * _wave(x * count, duty) + 0.45 * _wave(y * count, duty)


def _dotted(x: Field, y: Field, manner: _Manner) -> Field:
    count = 6.0 + 5.0 * manner.repeat
    u, v = x * count, y * count * 1.1547  # rows of a honeycomb
    u = u + 0.5 * (np.floor(v) % 2)
    away = np.hypot(u % 1.0 - 0.5, (v % 1.0 - 0.5) / 1.1547)
    return np.clip((0.2 + 0.1 * (manner.drawing % 2) - away) * 12.0, 0.0, 1.0)


def _floral(x: Field, y: Field, manner: _Manner) -> Field:
    """Roses in the mathematician's sense."""
    count = 3.2 + 2.0 * manner.repeat
    u, v = x * count + 0.5 * (np.floor(y * count) % 2), y * count
    away, angle = np.hypot(u % 1.0 - 0.5, v % 1.0 - 0.5), np.arctan2(v % 1.0 - 0.5, u % 1.0 - 0.5)
    petals = 0.27 + 0.15 * np.cos((5, 6, 4)[manner.drawing % 3] * angle + np.floor(u))
    heart = np.clip((away - 0.07) * 20.0, 0.0, 1.0)
    return np.clip((petals - away) * 14.0, 0.0, 1.0) * heart


PATTERNS: dict[str, Callable[[Field, Field, _Manner], Field]] = {
    "solid": _solid, "striped": _striped, "plaid": _plaid, "dotted": _dotted, "floral": _floral,
}  # fmt: skip


def _chest(m: dict[str, Any]) -> float:
    return float(m["top"] + 0.36 + m["print"])


def _ink(logo: str, m: dict[str, Any], manner: _Manner, x: Field, y: Field) -> Field:
    """(SIZE, SIZE) coverage of the chest print."""
    u, v = x / m["print"], (y - _chest(m)) / m["print"]
    if logo == "none":
        return np.zeros_like(u + v)
    if logo == "heart":
        w = 0.2 - 1.1 * v
        inside = (u * u + w * w - 0.75) ** 3 - u * u * w**3
        return np.asarray(np.clip(0.5 - 60.0 * inside, 0.0, 1.0))
    if logo == "star":
        angle = np.arctan2(u, -v)
        sector = np.abs((angle / math.tau * 5.0) % 1.0 - 0.5) * 2.0  # 1 on the tips, 0 between
        return np.clip((0.42 + 0.58 * sector**1.6 - np.hypot(u, v)) * 14.0, 0.0, 1.0)
    word = _TABLES["words"][manner.drawing % len(_TABLES["words"])]
    bits = np.concatenate([np.pad(_glyph(letter), ((0, 0), (0, 1))) for letter in word], 1)[:, :-1]
    column = np.floor((u / 3.2 + 0.5) * bits.shape[1]).astype(int)
    row = np.floor((v / 1.3 + 0.5) * len(bits)).astype(int)
    inside = (column >= 0) & (column < bits.shape[1]) & (row >= 0) & (row < len(bits))
    return np.asarray(bits[np.clip(row, 0, len(bits) - 1), np.clip(column, 0, bits.shape[1] - 1)] * inside, float)


def _glyph(letter: str) -> NDArray[np.int_]:
    return np.array([[int(bit) for bit in row] for row in _TABLES["glyphs"][letter].split()])


def _blob(ink: Field) -> Field:
    """The print's surroundings, which stay plain: its pixels and their neighbours."""
    grown = ink
    for axis in (0, 1):
        grown = np.maximum.reduce([np.roll(grown, step, axis) for step in range(-6, 7, 2)])
    return np.asarray(grown)


def _backdrop(manner: _Manner) -> Field:
    backdrop = _rgb(_TABLES["grounds"][manner.backdrop])
    axis = np.linspace(-1.0, 1.0, SIZE)
    picture = np.broadcast_to(backdrop, (SIZE, SIZE, 3)).copy()
    if manner.spot == 1:
        picture[np.hypot(axis[None, :], axis[:, None]) < 0.8] *= 0.9
    elif manner.spot == 2:
        picture[axis > 0.62] *= 0.82
    return picture
