"""Faults of known kind and severity, for any picture of any size.

Lengths scale with the picture's shorter side, so that a severity looks alike on a 160-pixel drawing and a photograph.
For one seed a greater severity strengthens the same fault: the same noise, patches or lamp.
"""

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

UNIT = 160  # the side at which the tables below hold
BLUR = (1.0, 1.7, 2.6, 3.8, 5.5)  # Gaussian radius, in 160ths
NOISE = (14.0, 24.0, 38.0, 56.0, 80.0)  # standard deviation, of 255
LOWRES = (2.0, 3.0, 4.2, 6.0, 9.0)  # factor of the reduction
JPEG = (28, 17, 11, 7, 4)  # quality at 160 pixels
OCCLUSION = (0.08, 0.15, 0.24, 0.35, 0.48)  # share of the area covered
DARKNESS = (0.60, 0.42, 0.29, 0.20, 0.13)  # gain
GLARE = (0.35, 0.50, 0.65, 0.80, 0.95)  # strength of the light at its centre

Pixels = NDArray[np.float32]  # (H, W, 3) in [0, 255]


def corrupt(picture: Image.Image, kind: str, severity: int, seed: int) -> Image.Image:
    """The picture (RGB, same size) with one fault.

    Raises ValueError for a kind that is not in `CORRUPTIONS` or a severity outside 0..5; severity 0 changes nothing.
    """
    if kind not in CORRUPTIONS:
        raise ValueError(f"unknown degradation {kind!r}; choose one of {', '.join(sorted(CORRUPTIONS))}")
    if severity not in range(6):
        raise ValueError(f"severity {severity!r} is out of range; use a whole number from 0 (none) to 5 (worst)")
    picture = picture.convert("RGB")
    if severity == 0:
        return picture
    rng = np.random.default_rng([seed, sorted(CORRUPTIONS).index(kind)])
    return CORRUPTIONS[kind](picture, severity - 1, rng)


def _unit(picture: Image.Image) -> float:
    return min(picture.size) / UNIT


def _small(picture: Image.Image) -> tuple[int, int]:
    """The size at which the shorter side is `UNIT`."""
    unit = _unit(picture)
    return max(round(picture.width / unit), 1), max(round(picture.height / unit), 1)


def _image(pixels: Pixels) -> Image.Image:
    return Image.fromarray(np.asarray(np.clip(pixels, 0.0, 255.0) + 0.5, np.uint8))


def _field(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """A (h, w) field resized to (width, height) `size`."""
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BICUBIC), np.float32)


def blur(picture: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(BLUR[level] * _unit(picture)))


def noise(picture: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    """Grain of the 160-pixel scale, partly coloured, as of a sensor in the dark."""
    width, height = _small(picture)
    grey = rng.normal(size=(height, width)).astype(np.float32)
    colour = rng.normal(size=(height, width, 3)).astype(np.float32)
    grain = 0.7 * grey[..., None] + 0.7 * colour
    if (width, height) != picture.size:
        grain = np.stack([_field(np.ascontiguousarray(grain[..., i]), picture.size) for i in range(3)], -1)
    return _image(np.asarray(np.asarray(picture, np.float32) + NOISE[level] * grain, np.float32))


def lowres(picture: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    width, height = _small(picture)
    tiny = picture.resize(
        (max(round(width / LOWRES[level]), 2), max(round(height / LOWRES[level]), 2)), Image.Resampling.BOX
    )
    return tiny.resize(picture.size, Image.Resampling.BILINEAR)


def jpeg(picture: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    """Blocks of the 160-pixel scale: on larger pictures the small one's fault is added to the picture."""
    small = picture.resize(_small(picture), Image.Resampling.BOX) if _small(picture) != picture.size else picture
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=JPEG[level])
    compressed = Image.open(buffer).convert("RGB")
    if small.size == picture.size:
        return compressed
    fault = np.asarray(compressed, np.float32) - np.asarray(small, np.float32)
    grown = np.stack([_field(np.ascontiguousarray(fault[..., i]), picture.size) for i in range(3)], -1)
    own = picture.filter(ImageFilter.GaussianBlur((level + 1) * 0.25 * _unit(picture)))
    return _image(np.asarray(own, np.float32) + grown)


def occlusion(picture: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    """Flat patches over the middle of the picture that grow with the severity."""
    width, height = picture.size
    out = picture.copy()
    draw = ImageDraw.Draw(out)
    patches = int(rng.integers(1, 4))
    for _ in range(patches):
        area = OCCLUSION[level] / patches * width * height
        aspect = float(rng.uniform(0.6, 1.7))
        w, h = (area * aspect) ** 0.5 / 2, (area / aspect) ** 0.5 / 2
        x, y = rng.uniform(0.3, 0.7, 2) * (width, height)
        fill = tuple(int(v) for v in rng.integers(30, 220, 3))
        shape = draw.ellipse if rng.integers(2) else draw.rectangle
        shape([x - w, y - h, x + w, y + h], fill=fill)
    return out


def darkness(picture: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    """Too little light: less of it, and the noise that comes with raising it."""
    pixels = np.asarray(picture, np.float32) / 255.0
    dark = DARKNESS[level] * pixels ** (1.0 + 0.15 * level)
    width, height = _small(picture)
    grain = _field(rng.normal(size=(height, width)).astype(np.float32), picture.size)
    return _image(np.asarray(255.0 * dark + grain[..., None] * (1.0 + 0.6 * level), np.float32))


def glare(picture: Image.Image, level: int, rng: np.random.Generator) -> Image.Image:
    """A lamp's reflection: a bright centre, a streak and a veil over the whole picture."""
    width, height = picture.size
    cx, cy = rng.uniform(0.3, 0.7, 2)
    x = (np.arange(width, dtype=np.float32) + 0.5)[None, :] / width - np.float32(cx)
    y = (np.arange(height, dtype=np.float32) + 0.5)[:, None] / height - np.float32(cy)
    angle = float(rng.uniform(0, np.pi))
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    reach = 0.15 + 0.035 * level
    disc = np.exp(-(x * x + y * y) / (2 * reach**2))
    streak = np.exp(-(across**2) / (2 * (0.25 * reach) ** 2) - along**2 / (2 * (2.2 * reach) ** 2))
    light = np.clip(GLARE[level] * (disc + 0.5 * streak + 0.18), 0.0, 1.0)[..., None]
    pixels = np.asarray(picture, np.float32)
    return _image(pixels + light * (np.asarray([255.0, 252.0, 244.0], np.float32) - pixels))


CORRUPTIONS: dict[str, Callable[[Image.Image, int, np.random.Generator], Image.Image]] = {
    fault.__name__: fault for fault in (blur, noise, lowres, jpeg, occlusion, darkness, glare)
}
TRAINED: tuple[str, ...] = ("blur", "noise", "lowres", "jpeg")
UNSEEN: tuple[str, ...] = ("occlusion", "darkness", "glare")
