"""Patterns and chest prints of garments-2: many drawings of each name.

A pattern maps garment coordinates u, v (h, w), in 160ths, to the shares (h, w) of the second and of a third colour.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hug.data.garments.fabric import Field, smoothstep
from hug.data.garments.look import WORDS, Look
from hug.data.garments.shapes import Frame, Points

SOFT = 0.45  # half the width of an edge, in 160ths
TILE = 256  # side of a floral repeat
Pattern = Callable[[Field, Field, Look, float], tuple[Field, Field]]


def _bands(x: Field, period: float, duty: float) -> Field:
    """1 over the share `duty` of each repeat and 0 elsewhere, with soft edges."""
    away = np.asarray(np.abs(((x / period) % 1.0) - 0.5) * period, np.float32)  # from the band's middle
    return 1.0 - smoothstep(away, 0.5 * duty * period - SOFT, 0.5 * duty * period + SOFT)


def _turned(u: Field, v: Field, degrees: float) -> tuple[Field, Field]:
    cos, sin = np.float32(math.cos(math.radians(degrees))), np.float32(math.sin(math.radians(degrees)))
    return cos * u + sin * v, cos * v - sin * u


def solid(u: Field, v: Field, look: Look, repeat: float) -> tuple[Field, Field]:
    """No pattern."""
    nothing = np.zeros_like(u)
    return nothing, nothing


def striped(u: Field, v: Field, look: Look, repeat: float) -> tuple[Field, Field]:
    """Stripes across, upright or leaning; broad, thin, in pairs, or with a third colour."""
    x = (v, v, v, u, u, _turned(u, v, 35.0)[0], _turned(u, v, -50.0)[0])[look.motif % 7]
    drawing, period = look.motif % 4, 6.0 + 9.0 * repeat
    if drawing == 0:
        return _bands(x, period, 0.45), np.zeros_like(u)
    if drawing == 1:
        return _bands(x, 0.6 * period + 1.5, 0.3), np.zeros_like(u)
    if drawing == 2:  # in pairs
        period *= 1.35
        return np.maximum(_bands(x, period, 0.14), _bands(x + 0.26 * period, period, 0.14)), np.zeros_like(u)
    period *= 1.5
    return _bands(x, period, 0.3), _bands(x + 0.5 * period, period, 0.14)


def plaid(u: Field, v: Field, look: Look, repeat: float) -> tuple[Field, Field]:
    """Gingham, windowpane, tartan, chessboard; upright or on the bias."""
    if look.motif % 7 == 6:
        u, v = _turned(u, v, 45.0)
    drawing, period = look.motif % 4, 9.0 + 11.0 * repeat
    if drawing == 0:  # gingham
        return 0.5 * (_bands(u, period, 0.5) + _bands(v, period, 0.5)), np.zeros_like(u)
    if drawing == 1:  # windowpane
        return np.maximum(_bands(u, period, 0.14), _bands(v, period, 0.14)), np.zeros_like(u)
    if drawing == 2:  # tartan
        first = 0.48 * (_bands(u, period, 0.42) + _bands(v, period, 0.42))
        third = np.maximum(_bands(u + 0.5 * period, period, 0.09), _bands(v + 0.5 * period, period, 0.09))
        return np.asarray(first, np.float32), np.asarray(0.7 * third, np.float32)
    across, down = _bands(u, 0.8 * period, 0.5), _bands(v, 0.8 * period, 0.5)
    return across + down - 2.0 * across * down, np.zeros_like(u)


def dotted(u: Field, v: Field, look: Look, repeat: float) -> tuple[Field, Field]:
    """Dots on a square or staggered lattice, or strewn; small to large, of one or two colours."""
    drawing, period = look.motif % 4, 6.0 + 8.0 * repeat
    row, column = np.floor(v / period), np.floor(u / period + (0.5 * (np.floor(v / period) % 2) if drawing else 0.0))
    du = u / period + (0.5 * (row % 2) if drawing else 0.0) - column - 0.5
    dv = v / period - row - 0.5
    radius: Any = (0.3, 0.24, 0.36, 0.28)[drawing]
    chance = np.sin(row * 12.9898 + column * 78.233) * 43758.547  # the usual hash of a cell
    chance = np.asarray(chance - np.floor(chance), np.float32)
    if drawing == 3:  # strewn, of several sizes
        du, dv = du + 0.3 * (chance - 0.5), dv + 0.3 * ((7.0 * chance) % 1.0 - 0.5)
        radius = 0.2 + 0.14 * ((3.0 * chance) % 1.0)
    away = np.sqrt(du * du + dv * dv).astype(np.float32) * period
    dots = 1.0 - smoothstep(away - radius * period, -SOFT, SOFT)
    if look.motif % 5 == 4:  # every third or so in a third colour
        return dots, np.asarray(dots * (chance > 0.66), np.float32)
    return dots, np.zeros_like(u)


def floral(u: Field, v: Field, look: Look, repeat: float) -> tuple[Field, Field]:
    """Blossoms in the second colour, leaves and hearts in a third."""
    blossom, leaf = _flowers(look.motif % 24)
    texels = 4.6 - 2.2 * repeat  # a 160th
    rows, columns = np.asarray(v * texels, np.int32) % TILE, np.asarray(u * texels, np.int32) % TILE
    return blossom[rows, columns], leaf[rows, columns]


@functools.lru_cache(maxsize=24)
def _flowers(drawing: int) -> tuple[Field, Field]:
    """(TILE, TILE) repeat of blossoms and of leaves with hearts; it wraps around."""
    side, rng = 2 * TILE, np.random.default_rng(700 + drawing)
    blossom, leaf = Image.new("L", (side, side)), Image.new("L", (side, side))
    cells = (3, 4, 5, 6)[drawing % 4]
    for cell in range(cells * cells):
        centre = (np.array(divmod(cell, cells)) + 0.5 + rng.uniform(-0.22, 0.22, 2)) * (side / cells)
        size, turn = float(rng.uniform(0.24, 0.44)) * side / cells, float(rng.uniform(0.0, math.tau))
        for down in (-side, 0, side):
            for right in (-side, 0, side):
                at = (float(centre[0]) + right, float(centre[1]) + down)
                if -size * 2 < at[0] < side + size * 2 and -size * 2 < at[1] < side + size * 2:
                    _flower(ImageDraw.Draw(blossom), ImageDraw.Draw(leaf), at, size, turn, drawing)
    reduced = [np.asarray(image.reduce(2), np.float32) / 255.0 for image in (blossom, leaf)]
    return reduced[0], reduced[1]


def _flower(
    petal: ImageDraw.ImageDraw, green: ImageDraw.ImageDraw,
    centre: tuple[float, float], size: float, turn: float, drawing: int,
) -> None:  # fmt: skip
    """One blossom: round petals, pointed ones, a rosette or a tulip, by the drawing's number."""
    x, y = centre
    for side in (-1.0, 1.0):
        a = turn + side
        leaf = [(x + r * size * math.cos(a + b), y + r * size * math.sin(a + b)) for r, b in _LEAF]
        green.polygon(leaf, fill=235)
    petals, kind = (5, 6, 8)[drawing % 3], (drawing // 4) % 4
    for k in range(petals if kind < 2 else 0):
        a = turn + math.tau * k / petals
        if kind == 0:
            _disc(petal, green, x + 0.56 * size * math.cos(a), y + 0.56 * size * math.sin(a), 0.42 * size)
        else:
            tips = [(x + r * size * math.cos(a + b), y + r * size * math.sin(a + b)) for r, b in _PETAL]
            petal.polygon(tips, fill=255)
            green.polygon(tips, fill=0)
    if kind == 2:  # a rosette of rings
        for r, tone in ((0.95, 255), (0.7, 150), (0.55, 255), (0.3, 140)):
            _disc(petal, green, x, y, r * size, tone)
    elif kind == 3:  # a tulip
        cup = [(x + r * size * math.cos(turn + b), y + r * size * math.sin(turn + b)) for r, b in _TULIP]
        petal.polygon(cup, fill=255)
        green.polygon(cup, fill=0)
    if kind < 2:
        _disc(green, petal, x, y, 0.26 * size)


_LEAF = ((0.5, 0.0), (1.1, 0.28), (1.6, 0.0), (1.1, -0.28))  # radius, angle
_PETAL = ((0.1, 0.0), (0.6, 0.36), (1.05, 0.0), (0.6, -0.36))
_TULIP = ((0.9, 0.5), (0.5, 0.25), (0.95, 0.0), (0.5, -0.25), (0.9, -0.5), (0.8, -2.0), (0.9, 3.1), (0.8, 2.0))


def _disc(fill: ImageDraw.ImageDraw, clear: ImageDraw.ImageDraw, x: float, y: float, r: float, tone: int = 255) -> None:
    fill.ellipse([x - r, y - r, x + r, y + r], fill=tone)
    clear.ellipse([x - r, y - r, x + r, y + r], fill=0)


PATTERNS: dict[str, Pattern] = {
    "solid": solid, "striped": striped, "plaid": plaid, "dotted": dotted, "floral": floral,
}  # fmt: skip


# chest prints


def emblem(kind: str, look: Look, place: Frame, centre: tuple[float, float], side: float) -> Image.Image:
    """L image of the chest print, white where there is ink."""
    ink = Image.new("L", (place.size, place.size))
    if kind == "text":
        _lettering(ink, look, place, centre, side)
    elif kind != "none":
        outline = (heart if kind == "heart" else star)(look) * (0.5 * side) + np.asarray(centre)
        pen, unit = ImageDraw.Draw(ink), place.size / 160.0
        points = place.place(outline).ravel().tolist()
        pen.polygon(points, fill=255)
        if look.outlined:
            inner = (outline - np.asarray(centre)) * 0.72 + np.asarray(centre)
            pen.polygon(place.place(inner).ravel().tolist(), fill=0)
        elif look.motif % 5 == 2:  # in a ring
            around = np.linspace(0.0, math.tau, 40)
            ring = np.stack([np.cos(around), np.sin(around)], 1) * (0.57 * side) + np.asarray(centre)
            pen.line(place.place(ring).ravel().tolist(), fill=255, width=max(int(1.6 * unit), 1))
    return ink


def heart(look: Look) -> Points:
    """A heart about the origin, of unit half size; slim to plump."""
    t = np.linspace(0, math.tau, 48)
    x = 16 * np.sin(t) ** 3 * (0.85, 1.0, 1.12)[look.motif % 3]
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    return np.asarray(np.stack([x, y + 2.0], 1) / 17.0)


def star(look: Look) -> Points:
    """A star of five or six points about the origin, sharp or blunt."""
    tips = 5 if look.motif % 4 else 6
    k = np.arange(2 * tips)
    radius = np.where(k % 2, (0.4, 0.48, 0.56)[look.motif % 3], 1.08)
    angle = k * math.pi / tips
    return np.asarray(np.stack([radius * np.sin(angle), -radius * np.cos(angle)], 1))


def _lettering(ink: Image.Image, look: Look, place: Frame, centre: tuple[float, float], side: float) -> None:
    """A word, as wide as 1.35 sides: bold or thin, upright or slanted, alone, underlined or twice."""
    word, drawing = WORDS[look.motif % len(WORDS)], look.motif % 6
    font = ImageFont.load_default(64)
    stroke = 0 if look.outlined else (3, 1, 4)[drawing % 3]
    left, top, right, bottom = font.getbbox(word, stroke_width=stroke)
    width, height = int(right - left) + 8, int(bottom - top) + 8
    line = Image.new("L", (width, height))
    ImageDraw.Draw(line).text((4 - left, 4 - top), word, fill=255, font=font, stroke_width=stroke)
    rows = 2 if drawing in (3, 4) and len(word) > 3 else 1
    text = Image.new("L", (width, height * rows + (26 if drawing == 0 else 0)))
    for row in range(rows):
        text.paste(line, (0, row * height))
    if drawing == 0:
        ImageDraw.Draw(text).rectangle([4, height + 10, width - 4, height + 20], fill=255)
    if drawing in (1, 4):  # slanted
        lean = 0.25
        text = text.transform(text.size, Image.Transform.AFFINE, (1, lean, -lean * text.height / 2, 0, 1, 0))
    unit = place.scale * place.size / 160.0
    target = max(int(1.35 * side * unit), 8)
    tall = min(max(int(text.height * target / text.width * 1.2), 6), int(0.95 * side * unit))
    text = text.resize((target, max(tall, 6)), Image.Resampling.BILINEAR)
    text = text.rotate(-place.tilt, Image.Resampling.BILINEAR, expand=True)
    x, y = place.place(np.asarray([centre]))[0]
    ink.paste(text, (int(x - text.width / 2), int(y - text.height / 2)))
