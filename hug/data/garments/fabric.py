"""Cloth: noise fields, the repeat of each pattern, and the prints on the chest.

Every field is float32 of (size, size); patterns are computed at twice the picture's resolution and averaged down.
"""

import functools
import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from hug.data.garments.attributes import COLOURS, Spec
from hug.data.garments.shapes import Frame, Points, bezier, both

Field = NDArray[np.float32]
BANK = 512  # side of the noise fields; a picture reads a window of one
WORDS = ("NOVA", "SURF", "LUMEN", "ATLAS", "WILD", "RIVER")


def smoothstep(x: Field, low: float, high: float) -> Field:
    """0 below `low`, 1 above `high`, a smooth cubic between."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float32)


@functools.cache
def noise(kind: str) -> Field:
    """(BANK, BANK) noise of unit standard deviation that wraps around.

    `cloud` is smooth, `crease` has long ridges along y, `weave` is the thread, `grain` a coarse plaster.
    """
    sigma = {"cloud": (30, 30), "crease": (34, 6), "drape": (16, 9), "weave": (0.7, 0.45), "grain": (2.2, 2.2)}
    white = np.random.default_rng(sorted(sigma).index(kind)).normal(size=(BANK, BANK))
    field = ndimage.gaussian_filter(white, sigma[kind], mode="wrap")
    field = (field - field.mean()) / field.std()
    if kind in ("crease", "drape"):  # sharpen the ridges: cloth folds are narrower than the plain between them
        field = 1.0 - np.abs(np.tanh(0.9 * field)) * 2.0
        field = ndimage.gaussian_filter(field, 1.6, mode="wrap")
        field = (field - field.mean()) / field.std()
    return np.asarray(field, np.float32)


def window(kind: str, size: int, rng: np.random.Generator) -> Field:
    """(size, size) random window of a noise field, mirrored at random."""
    x, y = rng.integers(BANK - size, size=2)
    part = noise(kind)[y : y + size, x : x + size]
    return part[:, ::-1] if rng.integers(2) else part


def draped(kind: str, size: int, slope: float, axis: int, rng: np.random.Generator) -> Field:
    """(size, size) folds that lean away from the column `axis` on both sides by `slope` (x per y)."""
    rows = np.arange(size)
    y, left, right = rng.integers(BANK, size=3)
    aside = np.arange(size) - axis
    start = np.abs(aside) + np.where(aside < 0, left, right)
    columns = (start[None, :] - (slope * rows[:, None]).astype(int)) % BANK
    return np.asarray(noise(kind)[(rows[:, None] + y) % BANK, columns])


def dye(name: str, shade: float, hue: float) -> Field:
    """(3,) sRGB in [0, 1] of a colour name, lighter or darker and drifted within that name."""
    rgb = np.asarray(COLOURS[name], np.float32) / 255.0
    rgb = rgb * (1.0 + 0.13 * shade) if shade < 0 else rgb + (1.0 - rgb) * 0.12 * shade
    drift = np.array([0.022, -0.010, -0.022], np.float32) * hue
    return np.asarray(np.clip(rgb + drift * (0.35 + float(rgb.max() - rgb.min())), 0.0, 1.0), np.float32)


def _bands(x: Field, period: float, duty: float) -> Field:
    """1 over the share `duty` about the middle of each repeat and 0 elsewhere, with soft edges."""
    distance = np.asarray(np.abs(((x / period) % 1.0) - 0.5) * 2.0, np.float32)  # 0 at the middle, 1 at the edges
    return 1.0 - smoothstep(distance, duty - 0.9 / period, duty + 0.9 / period)


def striped(u: Field, v: Field, spec: Spec) -> tuple[Field, Field]:
    """Stripes: mostly across, some upright or leaning."""
    n = spec.nuisance
    period = 6.0 + 7.0 * n.motif
    along = (v, v, v, u, v, 0.7 * (u + v))[n.variant]
    duty = (0.40, 0.34, 0.38, 0.36, 0.28, 0.32)[n.variant]  # below half: the first colour names it
    first = _bands(np.asarray(along), period, duty)
    return first, np.zeros_like(first)


def plaid(u: Field, v: Field, spec: Spec) -> tuple[Field, Field]:
    """Bands across and upright whose crossings are fuller, with thin overchecks of a third colour."""
    n = spec.nuisance
    period = 11.0 + 9.0 * n.motif
    duty = 0.40 if n.variant % 2 else 0.33
    first = 0.47 * (_bands(v, period, duty) + _bands(u, period, duty))
    checks = np.maximum(_bands(v + period / 2, period, 0.09), _bands(u + period / 2, period, 0.09)) * (n.variant < 4)
    return np.asarray(first, np.float32), np.asarray(0.6 * checks, np.float32)


def dotted(u: Field, v: Field, spec: Spec) -> tuple[Field, Field]:
    """Polka dots on a staggered lattice."""
    n = spec.nuisance
    period = 7.0 + 6.0 * n.motif
    row = np.floor(v / period)
    du = (u / period + 0.5 * (row % 2)) % 1.0 - 0.5
    dv = (v / period) % 1.0 - 0.5
    radius = (0.24, 0.28, 0.32, 0.26, 0.22, 0.3)[n.variant]
    away = np.sqrt(du * du + dv * dv).astype(np.float32)
    first = 1.0 - smoothstep(away, radius - 0.5 / period, radius + 0.5 / period)
    return first, np.zeros_like(first)


@functools.lru_cache(maxsize=32)
def _flowers(variant: int) -> tuple[Field, Field]:
    """(192, 192) repeat of blossoms and of leaves and hearts, drawn at four times its size."""
    side, rng = 192, np.random.default_rng(100 + variant)
    blossom, leaf = Image.new("L", (side * 2, side * 2)), Image.new("L", (side * 2, side * 2))
    draw, green = ImageDraw.Draw(blossom), ImageDraw.Draw(leaf)
    cells = 4 + variant % 2
    for i in range(cells):
        for j in range(cells):
            cx, cy = (np.array([i, j]) + 0.5 + rng.uniform(-0.2, 0.2, 2)) * (2 * side / cells)
            _flower(draw, green, float(cx), float(cy), float(rng.uniform(0.28, 0.42) * 2 * side / cells), rng)
    reduced = (np.asarray(image.reduce(2), np.float32) / 255.0 for image in (blossom, leaf))
    return next(reduced), next(reduced)


def _flower(
    draw: ImageDraw.ImageDraw, green: ImageDraw.ImageDraw, cx: float, cy: float, size: float, rng: np.random.Generator
) -> None:
    petals, turn = int(rng.integers(5, 8)), float(rng.uniform(0, math.tau))
    for side in (-1, 1):
        a = turn + side * rng.uniform(0.6, 1.4) + 0.4
        x, y = cx + 1.25 * size * math.cos(a), cy + 1.25 * size * math.sin(a)
        green.line([(cx, cy), (x, y)], fill=200, width=max(2, int(size * 0.12)))
        green.ellipse([x - 0.3 * size, y - 0.3 * size, x + 0.3 * size, y + 0.3 * size], fill=230)
    for k in range(petals):
        a = turn + math.tau * k / petals
        x, y = cx + 0.56 * size * math.cos(a), cy + 0.56 * size * math.sin(a)
        r = 0.40 * size
        draw.ellipse([x - r, y - r, x + r, y + r], fill=255)
        green.ellipse([x - r, y - r, x + r, y + r], fill=0)
    r = 0.24 * size
    draw.ellipse([cx - r, cy - r, cx + r, cy + r], fill=60)
    green.ellipse([cx - r, cy - r, cx + r, cy + r], fill=255)


def floral(u: Field, v: Field, spec: Spec) -> tuple[Field, Field]:
    """Scattered blossoms in the second colour, leaves and hearts in a third."""
    n = spec.nuisance
    first, second = _flowers(n.variant)
    step = 3.9 - 1.6 * n.motif  # texels a 160th
    i = np.asarray(v * step, np.int32) % 192
    j = np.asarray(u * step, np.int32) % 192
    return first[i, j], second[i, j]


def solid(u: Field, v: Field, spec: Spec) -> tuple[Field, Field]:
    """No pattern."""
    return np.zeros_like(u), np.zeros_like(u)


PATTERNS = {"solid": solid, "striped": striped, "plaid": plaid, "dotted": dotted, "floral": floral}


def halved(field: Field) -> Field:
    """(h, w) field as the means of its 2 x 2 blocks."""
    return np.asarray((field[::2, ::2] + field[1::2, ::2] + field[::2, 1::2] + field[1::2, 1::2]) * 0.25, np.float32)


def albedo(u: Field, v: Field, spec: Spec) -> Field:
    """(h/2, w/2, 3) sRGB of the unlit cloth from garment coordinates u, v (h, w) of twice the resolution."""
    n = spec.nuisance
    base, other = dye(spec.garment.colour, n.shade, n.hue), dye(n.second, 0.3, -n.hue)
    if spec.garment.pattern == "solid":
        return np.broadcast_to(base, (u.shape[0] // 2, u.shape[1] // 2, 3)).astype(np.float32)
    first, second = (halved(share) for share in PATTERNS[spec.garment.pattern](u, v, spec))
    third = 0.5 * (base + other)
    if spec.garment.pattern == "floral":
        third = np.clip(0.45 * other + 0.2 * base + np.asarray([0.06, 0.17, 0.04], np.float32), 0.0, 1.0)
    cloth = base + first[..., None] * (other - base)
    return np.asarray(cloth + second[..., None] * (third - cloth), np.float32)


def emblem(spec: Spec, place: Frame, centre: tuple[float, float], side: float) -> Image.Image:
    """L image of the chest print, white where there is ink."""
    ink = Image.new("L", (place.size, place.size))
    kind = spec.garment.logo
    if kind == "text":
        _lettering(ink, WORDS[spec.nuisance.variant], place, centre, side)
    elif kind != "none":
        ink = place.polygon({"heart": _heart, "star": _star}[kind](side / 2) + np.asarray(centre))
    return ink


def _heart(r: float) -> Points:
    t = np.linspace(0, math.tau, 48)
    x = 16 * np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    return np.asarray(np.stack([x, y + 2.0], 1) * (r / 17.0))


def _star(r: float) -> Points:
    k = np.arange(10)
    radius = np.where(k % 2, 0.42, 1.08) * r
    angle = k * math.pi / 5
    return np.asarray(np.stack([radius * np.sin(angle), -radius * np.cos(angle)], 1))


def _lettering(ink: Image.Image, word: str, place: Frame, centre: tuple[float, float], side: float) -> None:
    """The word, as wide as 1.35 sides, with a bar under it."""
    unit = place.scale * place.size / 160.0
    font = ImageFont.load_default(64)
    left, top, right, bottom = font.getbbox(word)
    width, height = int(right - left), int(bottom - top)
    text = Image.new("L", (width + 8, height + 30))
    pen = ImageDraw.Draw(text)
    pen.text((4 - left, 4 - top), word, fill=255, font=font, stroke_width=3)
    pen.rectangle([4, height + 16, width + 4, height + 25], fill=255)
    target = max(int(1.35 * side * unit), 8)
    text = text.resize((target, max(int(text.height * target / text.width * 1.25), 6)), Image.Resampling.LANCZOS)
    text = text.rotate(-place.tilt, Image.Resampling.BICUBIC, expand=True)
    x, y = place.place(np.asarray([centre]))[0]
    ink.paste(text, (int(x - text.width / 2), int(y - text.height / 2)))


def scallop(width: float, y: float) -> Points:
    """A shallow arc from -width to width at height y, for hems and bands."""
    half = bezier((0.0, y + 2.0), (0.55 * width, y + 2.0), (width, y - 1.5))
    return np.concatenate([both(half[::-1])[1], half])
