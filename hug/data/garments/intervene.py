"""Interventions: the same picture with one aspect removed, in a style for training or in one for tests only.

Each works on the zone that decides the aspect (see `Rendered.regions`), not on the garment's outline, so that what is
left does not tell the value. Lengths are in 160ths of the picture, so that a removal looks alike at any size.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy import ndimage

from hug.data.garments.attributes import ASPECTS, Spec, check_choice
from hug.data.garments.drawing import draw
from hug.data.garments.render import Mask, Rendered

Pixels = NDArray[np.float32]  # (S, S, 3) in [0, 255], S the renderer's size
Remover = Callable[[Pixels, Mask, Mask, np.random.Generator], Pixels]

_LUMA = np.asarray([0.299, 0.587, 0.114], np.float32)


def remove(spec: Spec, aspect: str, style: str, seed: int) -> Image.Image:
    """The picture of `spec` (RGB, of its renderer's size) without one aspect.

    `style` is "trained" or "unseen", the keys of `STYLES`. Raises ValueError for another style or aspect.
    """
    check_choice("style", style, STYLES)
    check_choice("aspect", aspect, ASPECTS)
    return apply(draw(spec), aspect, STYLES[style][aspect], seed)


def apply(rendered: Rendered, aspect: str, name: str, seed: int) -> Image.Image:
    """One aspect of a rendered picture removed by the remover called `name`, a key of `REMOVERS`."""
    check_choice("aspect", aspect, ASPECTS)
    check_choice("remover", name, sorted(REMOVERS))
    pixels = np.asarray(rendered.picture, np.float32)
    rng = np.random.default_rng([seed, ASPECTS.index(aspect)])
    return _image(REMOVERS[name](pixels, rendered.regions[aspect], rendered.regions["colour"], rng))


def control(spec: Spec, aspect: str, seed: int) -> Image.Image:
    """The picture with an area as large as the aspect's zone covered outside of it.

    The cover is a square about a random far point, cut where it would touch the zone; where the zone leaves less than
    its own area free, all that is free is covered.
    """
    check_choice("aspect", aspect, ASPECTS)
    rendered = draw(spec)
    rng = np.random.default_rng([seed, ASPECTS.index(aspect), 1])
    return _image(_cover(np.asarray(rendered.picture, np.float32), elsewhere(rendered.regions[aspect], rng), rng))


def elsewhere(zone: Mask, rng: np.random.Generator) -> Mask:
    """(S, S) mask of as many pixels outside `zone` as it has, about one random point that is far from it."""
    far = ndimage.distance_transform_edt(~zone)
    choices = np.argwhere(far >= 0.6 * far.max())
    cy, cx = choices[rng.integers(len(choices))]
    rows, columns = np.indices(zone.shape)
    distance = np.maximum(np.abs(rows - cy), np.abs(columns - cx)) + np.where(far <= 2.0, 1e6, 0.0)
    order = np.argsort(distance, axis=None, kind="stable")[: int(min(zone.sum(), (far > 2.0).sum()))]
    mask = np.zeros(zone.size, bool)
    mask[order] = True
    return mask.reshape(zone.shape)


def _unit(mask: Mask) -> float:
    """Pixels a 160th."""
    return len(mask) / 160.0


def _image(pixels: Pixels) -> Image.Image:
    return Image.fromarray(np.asarray(np.clip(pixels, 0.0, 255.0) + 0.5, np.uint8))


def _soft(mask: Mask, radius: float) -> NDArray[np.float32]:
    """(S, S, 1) the mask with an edge as soft as `radius`, in 160ths."""
    soft = ndimage.gaussian_filter(mask.astype(np.float32), radius * _unit(mask))
    return np.asarray(soft[..., None], np.float32)


def _mean(pixels: Pixels, mask: Mask) -> Pixels:
    return np.asarray(pixels[mask].mean(0) if mask.any() else pixels.mean((0, 1)), np.float32)


def _cover(pixels: Pixels, zone: Mask, rng: np.random.Generator) -> Pixels:
    """The zone under opaque card of a random muted tone."""
    tone = rng.uniform(70, 190) + rng.uniform(-14, 14, 3)
    return np.where(zone[..., None], tone.astype(np.float32), pixels)


def cover(pixels: Pixels, zone: Mask, garment: Mask, rng: np.random.Generator) -> Pixels:
    """Each separate part of the zone under card of its own tone."""
    parts, count = ndimage.label(zone)
    out = pixels
    for part in range(1, count + 1):
        out = _cover(out, np.asarray(parts == part), rng)
    return out


def fade(pixels: Pixels, zone: Mask, garment: Mask, rng: np.random.Generator) -> Pixels:
    """The zone dissolved into the background around the garment."""
    unit = _unit(zone)
    open_ = ~ndimage.binary_dilation(garment | zone, iterations=int(3 * unit))
    weight = ndimage.gaussian_filter(open_.astype(np.float32), 14.0 * unit)
    spread = ndimage.gaussian_filter(pixels * open_[..., None], (14.0 * unit, 14.0 * unit, 0.0))
    background = (spread + 1e-3 * _mean(pixels, open_)) / (weight[..., None] + 1e-3)
    share = np.clip(_soft(ndimage.binary_dilation(zone, iterations=int(2 * unit)), 2.5) * 1.15, 0.0, 1.0)
    return np.asarray(pixels + share * (background - pixels), np.float32)


def blur(pixels: Pixels, zone: Mask, garment: Mask, rng: np.random.Generator) -> Pixels:
    """The zone far out of focus."""
    soft = np.asarray(_image(pixels).filter(ImageFilter.GaussianBlur(14.0 * _unit(zone))), np.float32)
    return np.asarray(pixels + _soft(zone, 1.5) * (soft - pixels), np.float32)


def grey(pixels: Pixels, zone: Mask, garment: Mask, rng: np.random.Generator) -> Pixels:
    """The whole picture grey, the garment in the same middle grey whatever its dye."""
    luma = pixels @ _LUMA
    return np.asarray(np.repeat(_level(luma, zone, 132.0)[..., None], 3, -1), np.float32)


def sepia(pixels: Pixels, zone: Mask, garment: Mask, rng: np.random.Generator) -> Pixels:
    """The whole picture toned brown, as an old print; the garment at one depth of tone."""
    luma = _level(pixels @ _LUMA, zone, 150.0)
    return np.asarray(luma[..., None] * np.asarray([1.07, 0.98, 0.80]) + np.asarray([8.0, 4.0, 0.0]), np.float32)


def _level(luma: NDArray[np.float32], zone: Mask, level: float) -> NDArray[np.float32]:
    """Luminance with mean `level` and one contrast in the zone, so that neither depth nor contrast tells the dye."""
    inside = luma[zone]
    gain = float(np.clip(24.0 / max(float(inside.std()), 1.0), 0.3, 3.0))
    toned = level + (luma - float(inside.mean())) * gain
    return np.asarray(luma + _soft(zone, 0.7)[..., 0] * (toned - luma), np.float32)


def smooth(pixels: Pixels, zone: Mask, garment: Mask, rng: np.random.Generator) -> Pixels:
    """The cloth averaged within its outline over more than a pattern's repeat."""
    inside = zone.astype(np.float32)
    radius = 9.0 * _unit(zone)
    spread = ndimage.gaussian_filter(pixels * inside[..., None], (radius, radius, 0.0))
    mean = spread / np.maximum(ndimage.gaussian_filter(inside, radius), 1e-3)[..., None]
    return np.asarray(np.where(zone[..., None], mean, pixels), np.float32)


def flat(pixels: Pixels, zone: Mask, garment: Mask, rng: np.random.Generator) -> Pixels:
    """The cloth in its one mean colour, as a paper cut-out."""
    return np.where(zone[..., None], _mean(pixels, zone), pixels)


REMOVERS: dict[str, Remover] = {r.__name__: r for r in (cover, fade, blur, grey, sepia, smooth, flat)}
STYLES: dict[str, dict[str, str]] = {  # style -> aspect -> remover
    "trained": dict(zip(ASPECTS, ("grey", "smooth", "cover", "cover", "cover", "cover"), strict=True)),
    "unseen": dict(zip(ASPECTS, ("sepia", "flat", "fade", "blur", "fade", "blur"), strict=True)),
}
