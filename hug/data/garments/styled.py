"""`render` of garments-2: a picture of 320 pixels in one of many looks, from a photograph's to a pencil drawing's.

Silhouettes are drawn at 640 pixels and averaged to 320; light and folds, which are smooth, are computed at 160.
"""

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from hug.data.garments import fabric, motifs, scene, setting, shapes
from hug.data.garments.attributes import ASPECTS, SKINS, Nuisance, Spec
from hug.data.garments.fabric import Field
from hug.data.garments.finish import FINISHES, Surface
from hug.data.garments.look import Look, dyed
from hug.data.garments.render import Cloth, Rendered, chest, creases, details, lighting, mix, plain, zones
from hug.data.garments.shapes import CENTRE, Cut, Frame, Points

SIZE = 320
FINE = 2 * SIZE
UNIT = SIZE / 160.0  # pixels a 160th
HANGERS = ((0.62, 0.45, 0.28), (0.15, 0.15, 0.16), (0.72, 0.73, 0.75))  # sRGB


@dataclass(frozen=True)
class Hand(Frame):
    """A frame that stretches the garment about the picture's middle and trembles."""

    stretch: tuple[float, float] = (1.0, 1.0)
    wobble: float = 0.0
    phase: float = 0.0

    def place(self, points: Points) -> Points:
        x, y = points[:, 0], points[:, 1]
        across = np.sin(0.13 * y + self.phase) + 0.5 * np.sin(0.11 * x + 0.37 * y)
        tremble = np.stack([across, np.sin(0.12 * x - self.phase) + 0.4 * np.sin(0.41 * x)], 1)
        return super().place((points - CENTRE) * self.stretch + CENTRE + self.wobble * tremble)

    def grid(self) -> tuple[Field, Field]:
        """The inverse of `place` but for the trembling."""
        x, y = super().grid()
        across, down = (np.float32(factor) for factor in self.stretch)
        return x / across, (y - np.float32(CENTRE[1])) / down + np.float32(CENTRE[1])


@dataclass(frozen=True)
class _Layers:
    """The garment at 320: masks (320, 320) as in `Cloth`, and the outline where it isn't hidden."""

    cloth: Cloth
    outline: Field


def render(spec: Spec) -> Rendered:
    """The picture (RGB, 320 x 320) of a specification and its regions. Raises ValueError for one without a look."""
    look = spec.look
    if look is None:
        raise ValueError("this picture has no look; draw it with hug.data.garments.render.render")
    rng = np.random.default_rng([spec.seed, SIZE])
    c, whole, fine = cut(spec, look), frame(spec, look, SIZE), frame(spec, look, FINE)
    layers = _layers(spec, look, c, fine, whole)
    small = Cloth(*(fabric.halved(getattr(layers.cloth, field.name)) for field in dataclasses.fields(Cloth)))
    coarse = frame(spec, look, SIZE // 2)
    folds = creases(spec, c, coarse, rng)
    shade, sheen = lighting(spec.nuisance, c, coarse.grid()[0], small, folds, rng)
    ink = _reduced(motifs.emblem(spec.garment.logo, look, fine, chest(c), c.logo))
    plate = np.asarray(np.clip(9.0 * scene.blurred(ink, 3.0 * UNIT), 0.0, 1.0), np.float32)
    surface = Surface(_colour(spec, look, c, whole, layers.cloth, folds, ink, plate), doubled(shade), doubled(sheen))
    lit = FINISHES[look.finish](surface, layers.cloth, whole.grid(), look, rng)
    lit = _lined(lit, layers, spec.garment.colour, look)
    picture = _compose(spec, look, c, fine, layers, lit, rng)
    masks = zones(cut(plain(spec), look), whole, poses(spec.nuisance, look))
    garment = layers.cloth.alpha > 0.5
    regions = dict(zip(ASPECTS, (garment, garment & ~(plate > 0.8), *masks), strict=True))
    return Rendered(picture, regions)


def cut(spec: Spec, look: Look) -> Cut:
    """The measures of the garment in this look."""
    c = shapes.cut(spec)
    shoulder, chest_, waist, hem, sleeve = look.widths
    c = dataclasses.replace(c, shoulder=c.shoulder * shoulder, chest=c.chest * chest_, logo=c.logo * look.print_size)
    c = dataclasses.replace(c, waist=c.waist * chest_ * waist, hem=c.hem * chest_ * hem, cuff=c.cuff * sleeve)
    return dataclasses.replace(c, neck=min(c.neck * look.neck, c.shoulder - 5.0), armhole=c.armhole * look.deep)


def frame(spec: Spec, look: Look, size: int) -> Hand:
    """Where and how the garment is drawn."""
    n = spec.nuisance
    return Hand(n.tilt, n.scale, n.shift, size, look.stretch, look.wobble, look.phase)


def poses(n: Nuisance, look: Look) -> tuple[Nuisance, Nuisance]:
    """The nuisances of the right and of the left sleeve."""
    return n, dataclasses.replace(n, arm=max(n.arm + look.left_arm, 6.0))


def doubled(field: Field) -> Field:
    """(160, 160) as a smooth (320, 320)."""
    return np.asarray(Image.fromarray(field).resize((SIZE, SIZE), Image.Resampling.BILINEAR), np.float32)


def _reduced(image: Image.Image) -> Field:
    """An L mask at 640 as a field at 320."""
    if image.getbbox() is None:
        return np.zeros((SIZE, SIZE), np.float32)
    return np.asarray(image.reduce(2), np.float32) / 255.0


def _layers(spec: Spec, look: Look, c: Cut, fine: Hand, whole: Hand) -> _Layers:
    neckline = spec.garment.neckline
    right, left = poses(spec.nuisance, look)
    sleeves = (
        (shapes.sleeve(c, right, c.sleeve, c.cuff), shapes.sleeve(c, left, c.sleeve, c.cuff) * np.array([-1.0, 1.0]))
        if c.sleeve
        else ()
    )
    extra = shapes.collar(c) if neckline == "collar" else (shapes.tube(c),) if neckline == "turtleneck" else ()
    outlines: list[tuple[Points, ...]] = [(shapes.back(c, neckline),), sleeves, (shapes.body(c, neckline),), extra]
    masks = [_reduced(fine.polygon(*parts)) if parts else np.zeros((SIZE, SIZE), np.float32) for parts in outlines]
    soft = ImageFilter.GaussianBlur(0.5)
    thin = [np.asarray(image.filter(soft), np.float32) / 255.0 for image in details(spec, c, whole)]
    line = np.zeros((SIZE, SIZE), np.float32)
    for level, parts in enumerate(outlines if look.line else []):
        line = np.maximum(line * (1.0 - masks[level]), _outline(parts, fine, look.line))
    return _Layers(Cloth(*masks, *thin), line)


def _outline(parts: tuple[Points, ...], fine: Hand, width: float) -> Field:
    image = Image.new("L", (FINE, FINE))
    for part in parts:
        closed = fine.place(np.concatenate([part, part[:1]])).ravel().tolist()
        ImageDraw.Draw(image).line(closed, fill=255, width=max(round(width * FINE / 160.0), 1), joint="curve")
    return _reduced(image)


def _colour(
    spec: Spec, look: Look, c: Cut, whole: Hand, cloth: Cloth, folds: Field, ink: Field, plate: Field
) -> Field:  # fmt: skip
    """(320, 320, 3) unlit cloth with trim, chest print and buttons."""
    base = np.asarray(dyed(spec.garment.colour, look.dye), np.float32)
    other = np.asarray(dyed(spec.nuisance.second, look.second), np.float32)
    patterned = spec.garment.pattern != "solid"
    colour = np.broadcast_to(base, (SIZE, SIZE, 3)).astype(np.float32)
    if patterned:
        u, v = whole.grid()
        if look.finish in ("cloth", "wash"):  # folds displace the pattern
            lift = doubled(folds) * np.float32(0.9 * spec.nuisance.folds)
            u, v = u + lift, v + np.float32(0.7) * lift
        if c.sleeve:
            u, v = _around_sleeves(spec.nuisance, look, c, cloth, u, v)
        first, second = motifs.PATTERNS[spec.garment.pattern](u, v, look, spec.nuisance.motif)
        third = 0.5 * (base + other)
        if spec.garment.pattern == "floral":
            third = np.clip(0.4 * other + 0.2 * base + np.asarray([0.06, 0.18, 0.05], np.float32), 0.0, 1.0)
        colour = mix(mix(colour, other, first), np.asarray(third, np.float32), second)
    colour = mix(colour, base if patterned else np.asarray(0.5 * (base + other), np.float32), cloth.trim * 0.9)
    colour = mix(mix(colour, base, plate) if patterned else colour, other, ink * 0.97)
    button = (0.92, 0.91, 0.88) if base.mean() < 0.6 else (0.25, 0.22, 0.20)
    return mix(colour, np.asarray(button, np.float32), cloth.buttons)


def _around_sleeves(n: Nuisance, look: Look, c: Cut, cloth: Cloth, u: Field, v: Field) -> tuple[Field, Field]:
    """Pattern coordinates that turn with the sleeves."""
    only = (cloth.sleeves > 0.5) & (cloth.body < 0.5)
    right, left = (math.radians(pose.arm) for pose in poses(n, look))
    angle = np.where(u > 0, np.float32(right), np.float32(left))
    cos, sin = np.cos(angle), np.sin(angle)
    x, y = np.abs(u) - np.float32(c.shoulder), v - np.float32(c.top)
    return np.where(only, cos * x - sin * y, u), np.where(only, sin * x + cos * y + np.float32(c.top), v)


def _lined(lit: Field, layers: _Layers, colour: str, look: Look) -> Field:
    """With seams where the finish has no light to show them."""
    if look.finish == "cloth":
        return lit
    dye = np.asarray(dyed(colour, look.dye), np.float32)
    seam = np.asarray(dye * 0.62 if dye.mean() > 0.22 else dye + 0.22, np.float32)
    return mix(lit, seam, np.asarray(0.75 * layers.cloth.lines, np.float32))


def _compose(
    spec: Spec, look: Look, c: Cut, fine: Hand, layers: _Layers, lit: Field, rng: np.random.Generator
) -> Image.Image:  # fmt: skip
    n, cloth = spec.nuisance, layers.cloth
    alpha = cloth.alpha
    picture = setting.backdrop(n, look, SIZE, rng)
    if n.display == "mannequin":
        figure = setting.figure(c, n, fine, spec.garment.category == "dress", look.head)
        picture = setting.shadow(picture, np.maximum(figure, alpha), n, look)
        skin = np.asarray(SKINS[spec.seed % len(SKINS)], np.float32)
        picture = mix(picture, setting.modelled(skin, figure, alpha, n, look), figure)
        alpha = np.asarray(alpha * (1.0 - cloth.inside * figure), np.float32)
    else:
        picture = setting.shadow(picture, alpha, n, look)
    picture = mix(picture, lit, alpha)
    if n.display == "hanger":
        high = c.top - (7.5 if spec.garment.neckline == "turtleneck" else 0.0)
        front = np.maximum(np.maximum(cloth.body, cloth.extra), cloth.sleeves)
        hook = np.asarray(scene.hanger(c, fine, high) * (1.0 - front), np.float32)
        picture = mix(picture, np.asarray(HANGERS[spec.seed % 3], np.float32), hook)
    picture = mix(picture, np.asarray(look.ink, np.float32), layers.outline)
    warm = np.asarray([1.0 + 0.045 * n.warmth, 1.0, 1.0 - 0.06 * n.warmth], np.float32)
    return Image.fromarray(np.asarray(np.clip(picture * warm, 0.0, 1.0) * 255.0 + 0.5, np.uint8))
