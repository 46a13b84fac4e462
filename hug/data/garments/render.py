"""`render`: a picture of a garment from its specification, and where each aspect shows.

Silhouettes and patterns are drawn at 320 pixels and averaged to 160; light, folds and shadow, which are smooth, are
computed at 160.
"""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from hug.data.garments import fabric, scene, shapes
from hug.data.garments.attributes import ASPECTS, SKINS, VALUES, Nuisance, Spec
from hug.data.garments.fabric import Field
from hug.data.garments.shapes import Cut, Frame, Points

SIZE = 160
FINE = 2 * SIZE  # silhouettes and patterns are drawn at this size

Mask = NDArray[np.bool_]
Stroke = Callable[..., None]


@dataclass(frozen=True)
class Rendered:
    """A picture and the regions that carry each aspect.

    `regions` maps each aspect to a mask, of the picture's size, of the pixels that decide its value, whatever the value
    is: of `sleeve` the whole zone in which sleeves can be, of `length` that of all possible hems, of `logo` the chest.
    """

    picture: Image.Image
    regions: dict[str, Mask]


@dataclass(frozen=True)
class Cloth:
    """Masks (160, 160) of the garment's layers, back to front, and its thin lines."""

    back: Field
    sleeves: Field
    body: Field
    extra: Field  # collar leaves, turtleneck
    lines: Field  # seams and edges
    buttons: Field
    trim: Field

    @property
    def inside(self) -> Field:
        """The back that shows through the neck opening."""
        return np.asarray(self.back * (1.0 - np.maximum(self.body, self.extra)), np.float32)

    @property
    def alpha(self) -> Field:
        """The whole garment."""
        return np.maximum(np.maximum(self.back, self.sleeves), np.maximum(self.body, self.extra))


def render(spec: Spec) -> Rendered:
    """The picture (RGB, 160 x 160) of a specification and its regions; the same spec gives the same pixels."""
    rng = np.random.default_rng([spec.seed, 160])
    c, fine, coarse = shapes.cut(spec), shapes.frame(spec, FINE), shapes.frame(spec, SIZE)
    cloth = _layers(spec, c, fine)
    folds = creases(spec, c, coarse, rng)
    ink, plate = _print(spec, c, fine)
    colour = _colour(spec, c, fine, cloth, folds, ink, plate)
    shade, sheen = lighting(spec.nuisance, c, coarse.grid()[0], cloth, folds, rng)
    lit = np.clip(colour * shade[..., None] + sheen[..., None], 0.0, 1.0)
    picture = _compose(spec, c, fine, cloth, lit, rng)
    return Rendered(Image.fromarray(picture), _regions(spec, cloth.alpha > 0.5, plate > 0.8))


def _half(image: Image.Image) -> Field:
    """An L mask at 320 as a field at 160, its edges smoothed over two pixels."""
    if image.getbbox() is None:
        return np.zeros((SIZE, SIZE), np.float32)
    return np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BILINEAR), np.float32) / 255.0


def _layers(spec: Spec, c: Cut, fine: Frame) -> Cloth:
    neckline = spec.garment.neckline
    outlines: list[tuple[Points, ...]] = [
        (shapes.back(c, neckline),),
        shapes.both(shapes.sleeve(c, spec.nuisance, c.sleeve, c.cuff)) if c.sleeve else (),
        (shapes.body(c, neckline),),
        shapes.collar(c) if neckline == "collar" else (shapes.tube(c),) if neckline == "turtleneck" else (),
    ]
    layers = [fine.polygon(*parts) for parts in outlines]
    return Cloth(*map(_half, [*layers, *details(spec, c, fine)]))


def details(spec: Spec, c: Cut, fine: Frame) -> tuple[Image.Image, Image.Image, Image.Image]:
    """L images of the seams, the buttons and the bands of trim."""
    lines, buttons, trim = (Image.new("L", (FINE, FINE)) for _ in range(3))
    pen = ImageDraw.Draw(lines)

    def stroke(draw: ImageDraw.ImageDraw, points: Points, width: int, fill: int = 255) -> None:
        draw.line(fine.place(points).ravel().tolist(), fill=fill, width=width, joint="curve")

    neckline = spec.garment.neckline
    curve = shapes.neck_curve(c, neckline)
    opening = np.concatenate([shapes.both(curve[::-1])[1], curve])
    if neckline in ("crew", "v-neck", "scoop"):
        stroke(pen, opening + np.array([0.0, 3.0]), 2, 190)
        if spec.nuisance.trim == 1:
            stroke(ImageDraw.Draw(trim), opening + np.array([0.0, 1.4]), 5)
    if neckline == "turtleneck":
        deep = c.top + 5.5 * c.armhole / 30.0
        stroke(pen, fabric.scallop(c.neck * 0.9, deep - 1.5), 3, 230)
        stroke(pen, fabric.scallop(c.neck * 0.84, c.top - 1.0), 2, 150)
    if neckline == "collar":
        _placket(spec, c, fine, pen, ImageDraw.Draw(buttons))
        for leaf in shapes.collar(c):
            stroke(pen, np.concatenate([leaf, leaf[:1]]), 2, 210)
    stroke(pen, fabric.scallop(c.hem * 0.985, c.hem_y - 3.2), 2, 110)
    _seams(spec, c, stroke, pen, ImageDraw.Draw(trim))
    return lines, buttons, trim


def _placket(spec: Spec, c: Cut, fine: Frame, pen: ImageDraw.ImageDraw, dots: ImageDraw.ImageDraw) -> None:
    """The button band below a collar: down to the hem for shirts, short for the rest."""
    top = c.top + 13.0 * c.armhole / 30.0
    full = spec.garment.category == "shirt" and spec.nuisance.variant % 2 == 0
    end = c.hem_y + 1.0 if full else top + 15.0
    for x in (-2.4, 2.4):
        pen.line(fine.place(np.array([[x, top], [x, end]])).ravel().tolist(), fill=170, width=2)
    for y in np.arange(top + 3.5, end - 2.0, 10.5 if full else 5.0):
        px, py = fine.place(np.array([[0.0, y]]))[0]
        dots.ellipse([px - 2.2, py - 2.2, px + 2.2, py + 2.2], fill=255)


def _seams(spec: Spec, c: Cut, stroke: Stroke, pen: ImageDraw.ImageDraw, trim: ImageDraw.ImageDraw) -> None:
    """Armholes, cuffs, waist."""
    n = spec.nuisance
    inset = min(c.shoulder, c.chest) - 3.5
    seam = shapes.bezier((c.shoulder, c.top + c.slope), (inset, c.top + 0.75 * c.armhole), (c.chest, c.top + c.armhole))
    path, along, across = shapes.arm_path(c, n, c.sleeve)
    width = c.cuff + 2.5 * (1.0 - c.sleeve / c.sleeves[-1])
    cuff = np.stack([path[2] + across * width - along * 2.6, path[2] - across * width - along * 3.4])
    for sign in (np.array([1.0, 1.0]), np.array([-1.0, 1.0])):
        stroke(pen, seam * sign, 2, 200 if c.sleeve else 120)
        if c.sleeve:
            stroke(pen, cuff * sign, 2, 130)
            if n.trim == 1:
                stroke(trim, (cuff + along * 2.0) * sign, 5)
    waist = np.array([[-c.waist - 2.0, c.waist_y], [0.0, c.waist_y + 1.6], [c.waist + 2.0, c.waist_y]])
    if n.trim == 2 and spec.garment.category == "dress":
        stroke(trim, waist, 8)
    elif spec.garment.category == "dress":
        stroke(pen, waist, 2, 120)


def creases(spec: Spec, c: Cut, coarse: Frame, rng: np.random.Generator) -> Field:
    """(160, 160) height of creases and of a skirt's folds, about unit size."""
    x, y = coarse.grid()
    lean = float(rng.uniform(-0.5, 0.5))
    axis = int(80.0 + spec.nuisance.shift[0])
    height = 0.5 * fabric.draped("crease", SIZE, lean, axis, rng) + 0.6 * fabric.draped("drape", SIZE, 0.9, axis, rng)
    if spec.garment.category == "dress" or spec.nuisance.flare > 0.2:
        width = c.waist + (c.hem - c.waist) * np.clip((y - c.waist_y) / max(c.hem_y - c.waist_y, 20.0), 0.0, 1.0)
        row = fabric.noise("crease")[int(rng.integers(fabric.BANK))]
        fan = row[np.asarray(x / np.maximum(width, 8.0) * 70.0, np.int32) % fabric.BANK]
        share = fabric.smoothstep(y, c.waist_y - 2.0, c.waist_y + 26.0)
        height = height * (1.0 - 0.7 * share) + 1.25 * fan * share
    return np.asarray(scene.blurred(np.clip(height / 6.0 + 0.5, 0, 1), 1.2) * 6.0 - 3.0, np.float32)


def _colour(spec: Spec, c: Cut, fine: Frame, cloth: Cloth, folds: Field, ink: Field, plate: Field) -> Field:
    """(160, 160, 3) unlit cloth with trim, chest print and buttons."""
    u, v = fine.grid()
    lift = np.repeat(np.repeat(folds, 2, 0), 2, 1) * (0.9 * spec.nuisance.folds)  # folds displace the pattern
    if c.sleeve:
        u, v = _around_sleeves(spec, c, cloth, u, v)
    colour = fabric.albedo(u + lift, v + 0.7 * lift, spec)
    base = fabric.dye(spec.garment.colour, spec.nuisance.shade, spec.nuisance.hue)
    other = fabric.dye(spec.nuisance.second, 0.3, 0.0)
    colour = mix(colour, base if spec.garment.pattern != "solid" else 0.5 * (base + other), cloth.trim * 0.9)
    if spec.garment.pattern != "solid":
        colour = mix(colour, base, plate)
    colour = mix(colour, other, ink * 0.96)
    button = (0.92, 0.91, 0.88) if base.mean() < 0.6 else (0.25, 0.22, 0.20)
    return mix(colour, np.asarray(button, np.float32), cloth.buttons)


def mix(below: Field, above: Field, share: Field) -> Field:
    return np.asarray(below + share[..., None] * (above - below), np.float32)


def chest(c: Cut) -> tuple[float, float]:
    """Centre of the chest print in the garment's frame."""
    return (0.0, c.top + c.armhole * 1.03 + 0.36 * c.logo)


def _print(spec: Spec, c: Cut, fine: Frame) -> tuple[Field, Field]:
    """Ink of the chest print, and the plate around it that is plain even on a patterned cloth."""
    ink = fabric.emblem(spec, fine, chest(c), c.logo)
    print_ = _half(ink)
    return print_, np.asarray(np.clip(9.0 * scene.blurred(print_, 3.0), 0.0, 1.0), np.float32)


def _around_sleeves(spec: Spec, c: Cut, cloth: Cloth, u: Field, v: Field) -> tuple[Field, Field]:
    """Pattern coordinates that turn with the sleeves."""
    only = np.repeat(np.repeat((cloth.sleeves > 0.5) & (cloth.body < 0.5), 2, 0), 2, 1)
    angle = math.radians(spec.nuisance.arm)
    cos, sin = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    x, y = np.abs(u) - np.float32(c.shoulder), v - np.float32(c.top)
    return np.where(only, cos * x - sin * y, u), np.where(only, sin * x + cos * y + np.float32(c.top), v)


def lighting(
    n: Nuisance, c: Cut, x: Field, cloth: Cloth, folds: Field, rng: np.random.Generator
) -> tuple[Field, Field]:
    """(160, 160) factor on the cloth's colour and additive sheen: roundness, folds, seams, thread, scene light."""
    lx, ly = math.sin(n.light), -math.cos(n.light)
    relief, rim, under = _round(cloth, lx, ly)
    aside = math.copysign(max(abs(lx), 0.6), lx)  # creases run down: light from straight above would not show them
    crease = toward(folds, aside, 0.5 * ly, 2) * (0.15 * n.folds)
    hollow = 0.075 * n.folds * np.clip(-folds, 0.0, 2.0)
    across = np.clip(x / c.chest, -1.4, 1.4)
    barrel = cloth.body * (0.11 * lx * across - 0.09 * across * across + 0.03)
    shade = 1.0 + n.contrast * (0.34 * relief + crease - hollow + barrel) - 0.26 * (1.0 - rim)
    shade = shade * (1.0 - 0.45 * under)
    shade = shade * (1.0 - 0.30 * cloth.lines + 0.10 * np.roll(cloth.lines, (1, 1), (0, 1)))
    shade = shade * (1.0 - 0.5 * cloth.inside)
    shade = shade + 0.013 * fabric.window("weave", SIZE, rng)
    axis = np.linspace(-1.0, 1.0, SIZE, dtype=np.float32)
    slope = 0.07 * (lx * axis[None, :] + ly * axis[:, None])
    sheen = np.clip(0.34 * relief + crease, 0.0, 0.5) * (0.10 * n.contrast)
    return np.asarray(np.clip(shade + slope, 0.12, 1.6), np.float32), np.asarray(sheen, np.float32)


def _round(cloth: Cloth, lx: float, ly: float) -> tuple[Field, Field, Field]:
    """(160, 160) relief towards the light, closeness to the middle of a part, and shade of the body on the sleeves."""
    torso, arms = np.maximum(cloth.body, cloth.extra), cloth.sleeves
    soft = scene.blurred(torso, 2.6)
    relief = toward(scene.blurred(torso, 7.0), lx, ly, 5) * 0.75 + toward(soft, lx, ly, 2) * 0.35
    if not arms.any():
        return np.asarray(relief, np.float32), soft, np.zeros_like(soft)
    sleeve_relief = toward(scene.blurred(arms, 4.0), lx, ly, 3) * 0.9
    relief = relief * torso + sleeve_relief * (1.0 - torso)
    rim = np.maximum(soft, scene.blurred(arms, 2.2) * (1.0 - torso))
    return np.asarray(relief, np.float32), rim, np.asarray(np.clip(soft - torso, 0.0, 1.0) * arms, np.float32)


def toward(height: Field, lx: float, ly: float, step: int) -> Field:
    """Difference of a height along the light's direction (lx, ly): positive on slopes that face the light."""
    dx, dy = int(round(lx * step)), int(round(ly * step))
    return np.asarray(np.roll(height, (dy, dx), (0, 1)) - np.roll(height, (-dy, -dx), (0, 1)), np.float32)


def _compose(spec: Spec, c: Cut, fine: Frame, cloth: Cloth, lit: Field, rng: np.random.Generator) -> NDArray[np.uint8]:
    n = spec.nuisance
    alpha = cloth.alpha
    picture = scene.backdrop(n, SIZE, rng)
    if n.display == "mannequin":
        figure = scene.mannequin(c, n, fine, spec.garment.category == "dress")
        picture = scene.cast_shadow(picture, np.maximum(figure, alpha), n)
        skin = np.asarray(SKINS[spec.seed % len(SKINS)], np.float32)
        round_ = toward(scene.blurred(figure, 4.0), math.sin(n.light), -math.cos(n.light), 4)
        tone = np.clip(0.93 + 0.45 * round_ - 0.30 * (1.0 - scene.blurred(figure, 2.5)), 0.2, 1.1)
        tone = tone * (1.0 - 0.4 * np.clip(scene.blurred(alpha, 2.5) - alpha, 0, 1))
        picture = mix(picture, skin * tone[..., None], figure)
        alpha = np.asarray(alpha * (1.0 - cloth.inside * figure), np.float32)
    else:
        picture = scene.cast_shadow(picture, alpha, n)
    picture = mix(picture, lit, alpha)
    if n.display == "hanger":
        picture = _hang(spec, c, fine, cloth, picture)
    warm = np.asarray([1.0 + 0.045 * n.warmth, 1.0, 1.0 - 0.06 * n.warmth], np.float32)
    return np.asarray(np.clip(picture * warm, 0.0, 1.0) * 255.0 + 0.5, np.uint8)


def _hang(spec: Spec, c: Cut, fine: Frame, cloth: Cloth, picture: Field) -> Field:
    """The hanger, seen above the garment and in its neck opening."""
    tall = spec.garment.neckline == "turtleneck"
    mask = scene.hanger(c, fine, c.top - (7.5 if tall else 0.0))
    colours = ((0.62, 0.45, 0.28), (0.15, 0.15, 0.16), (0.72, 0.73, 0.75))
    front = np.maximum(np.maximum(cloth.body, cloth.extra), cloth.sleeves)
    return mix(picture, np.asarray(colours[spec.seed % 3], np.float32), np.asarray(mask * (1.0 - front), np.float32))


def _regions(spec: Spec, garment: Mask, plate: Mask) -> dict[str, Mask]:
    """Mask of each aspect. All but colour and pattern are zones, the same for each value, so that none tells it."""
    coarse = shapes.frame(spec, SIZE)
    sleeve, neck, hem, print_ = zones(shapes.cut(plain(spec)), coarse, (spec.nuisance,))
    return dict(zip(ASPECTS, (garment, garment & ~plate, sleeve, neck, hem, print_), strict=True))


def plain(spec: Spec) -> Spec:
    """The same picture of a garment whose sleeves, neckline and length are those that the zones are measured by."""
    g = spec.garment
    longest = VALUES[g.category]["length"][-1]
    return dataclasses.replace(spec, garment=g.replace(sleeve="long", neckline="crew", length=longest))


def zones(c: Cut, place: Frame, arms: Sequence[Nuisance]) -> tuple[Mask, Mask, Mask, Mask]:
    """Where sleeves, neckline, hem and chest print of any value can be; `arms` are the poses of the sleeves."""
    x, y = place.grid()
    px, py = chest(c)
    print_ = (np.abs(x - px) < 0.72 * c.logo) & (np.abs(y - py) < 0.58 * c.logo)
    neck = (np.abs(x) < c.neck + 7.5) & (y > c.top - 11.0) & (y < c.top + 28.5 * c.armhole / 30.0)
    hem = (np.abs(x) < 1.12 * max(c.hem, c.chest) + 2.0) & (y > c.hems[0] - 4.0) & (y < c.hems[-1] + 6.0)
    return _sleeve_zone(c, place, arms), neck, hem, print_


def _sleeve_zone(c: Cut, place: Frame, arms: Sequence[Nuisance]) -> Mask:
    """Where sleeves of any length can be, with the shoulder's edge without them."""
    longest = [shapes.sleeve(c, n, c.sleeves[-1] * 1.06, c.cuff + 2.0) for n in arms]
    inner, deep = 0.74 * c.shoulder, c.top + c.armhole + 1.0
    edge = np.array([[inner, c.top], [c.shoulder + 2.0, c.top + c.slope - 2.0], [c.chest + 1.0, deep], [inner, deep]])
    zone = place.polygon(*(outline for each in [*longest, edge] for outline in shapes.both(each)))
    soft = zone.filter(ImageFilter.GaussianBlur(2.0 * place.size / SIZE))
    return np.asarray(np.asarray(soft, np.uint8) > 50)
