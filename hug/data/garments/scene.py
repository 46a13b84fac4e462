"""What stands around the garment: backdrop, mannequin, hanger, shadow. Fields are float32 in [0, 1]."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from hug.data.garments.attributes import Nuisance
from hug.data.garments.fabric import Field, window
from hug.data.garments.shapes import Cut, Frame, Points, arm_path, bezier, both, mirror, sleeve


def blurred(mask: Field, radius: float) -> Field:
    """Gaussian blur of a field in [0, 1]; wide ones at half the resolution, where they cost a quarter."""
    image = Image.fromarray(np.asarray(mask * 255.0, np.uint8))
    if radius < 4.0:
        return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), np.float32) / 255.0
    small = image.reduce(2).filter(ImageFilter.GaussianBlur(0.5 * radius))
    return np.asarray(small.resize(image.size, Image.Resampling.BILINEAR), np.float32) / 255.0


def backdrop(n: Nuisance, size: int, rng: np.random.Generator) -> Field:
    """(size, size, 3) the empty scene."""
    axis = np.linspace(-1.0, 1.0, size, dtype=np.float32)
    x, y = axis[None, :], axis[:, None]
    tint = np.asarray(n.tint, np.float32)
    glow = 1.0 - 0.10 * ((x - 0.5 * math.sin(n.light)) ** 2 + (y + 0.3) ** 2)
    scene = BACKDROPS[n.background](tint, x, y, size, rng) * glow[..., None]
    return np.asarray(np.clip(scene, 0.0, 1.0), np.float32)


def _studio(tint: Field, x: Field, y: Field, size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    sweep = 1.0 - rng.uniform(0.0, 0.08) * np.exp(-((y - rng.uniform(0.55, 0.8)) ** 2) / 0.05) + 0.0 * x
    return np.asarray(tint * sweep[..., None], np.float32)


def _floor(tint: Field, x: Field, y: Field, size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    horizon = rng.uniform(0.62, 0.86)
    boards = np.asarray(tint * rng.uniform(0.62, 0.85) * np.asarray([1.05, 1.0, 0.93]), np.float32)
    below = np.clip((y - horizon) * size / 3.0, 0.0, 1.0) + 0.0 * x
    board = np.exp(-(((y - horizon) * size / 3.5) ** 2)) * 0.10 + 0.0 * x
    wall = tint * (1.0 - 0.03 * window("grain", size, rng)[..., None] * 0.4)
    floor = boards * (1.0 + 0.02 * window("grain", size, rng)[..., None] + 0.25 * (y - horizon)[..., None])
    return np.asarray((wall + below[..., None] * (floor - wall)) * (1.0 - board[..., None]), np.float32)


def _plaster(tint: Field, x: Field, y: Field, size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    rough = 0.016 * window("grain", size, rng) + 0.03 * window("cloud", size, rng)
    return np.asarray(tint * (1.0 + rough[..., None]), np.float32)


def _wood(tint: Field, x: Field, y: Field, size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    width = rng.uniform(0.28, 0.5)
    plank = np.floor((x + rng.uniform()) / width)
    tone = 0.07 * np.sin(plank * 12.9898) + 0.0 * y
    joint = np.clip(1.0 - np.abs(((x + 10.0) / width + rng.uniform()) % 1.0 - 0.5) * width * size * 0.45, 0.0, 1.0)
    veins = 0.035 * window("crease", size, rng)
    base = tint * np.asarray([1.02, 0.88, 0.74], np.float32)
    return np.asarray(base * (1.0 + tone + veins - 0.30 * joint)[..., None], np.float32)


def _room(tint: Field, x: Field, y: Field, size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Furniture far out of focus."""
    small = Image.new("RGB", (40, 40), tuple(int(255 * t) for t in tint))
    draw = ImageDraw.Draw(small)
    for _ in range(7):
        a, b = rng.uniform(-8, 40, 2)
        w, h = rng.uniform(5, 20, 2)
        level = np.clip(tint * rng.uniform(0.45, 1.25) + rng.uniform(-0.1, 0.1, 3), 0, 1)
        draw.rectangle([a, b, a + w, b + h], fill=tuple(int(255 * v) for v in level))
    soft = small.filter(ImageFilter.GaussianBlur(float(rng.uniform(2.0, 3.5))))
    return np.asarray(soft.resize((size, size), Image.Resampling.BICUBIC), np.float32) / 255.0


BACKDROPS = {"studio": _studio, "tinted": _studio, "floor": _floor, "plaster": _plaster, "wood": _wood, "room": _room}


def mannequin(c: Cut, n: Nuisance, place: Frame, long: bool) -> Field:
    """(size, size) mask of neck, shoulders, arms and, below the hem, hips or legs."""
    top = c.top - 13.0
    neck, shoulder = min(c.neck, 11.5) * 0.72, c.shoulder - 1.5
    waist = c.waist * 0.84
    hip, hip_y = max(c.chest, c.hem * 0.8) * 0.86, c.waist_y + (24.0 if long else 30.0)
    half = [
        bezier((0.0, top - 1.5), (neck * 0.8, top - 1.5), (neck, top)),
        bezier((neck, top), (neck * 0.94, c.top - 3), (neck + 4.5, c.top + 0.5)),
        bezier((neck + 4.5, c.top + 0.5), (0.8 * shoulder, c.top + 1.5), (shoulder, c.top + c.slope + 2.0)),
        bezier(
            (shoulder, c.top + c.slope + 2.0), (shoulder, c.top + c.armhole), (c.chest * 0.92, c.top + c.armhole + 4)
        ),
        bezier((c.chest * 0.92, c.top + c.armhole + 4), (waist, c.waist_y - 8), (waist, c.waist_y)),
        bezier((waist, c.waist_y), (hip, c.waist_y + 10), (hip, hip_y)),
    ]
    half += _legs(hip, hip_y) if long else _stand(hip, hip_y)
    arms = _arms(c, n, 3.2 if long else 4.2) if n.variant % 3 else ()
    image = place.polygon(mirror(np.concatenate(half)), *arms)
    return np.asarray(image.reduce(2), np.float32) / 255.0


def _arms(c: Cut, n: Nuisance, wrist: float) -> tuple[Points, ...]:
    """Both arms to the wrist, with closed slender hands."""
    arm = sleeve(c, n, c.sleeves[-1] * 1.02, wrist) - np.array([1.5, -1.0])
    path, along, across = arm_path(c, n, c.sleeves[-1] * 1.02)
    turn = np.linspace(0.0, math.tau, 20)[:, None]
    hand = path[2] - [1.5, -1.0] + along * (wrist + 2.2 * wrist * np.sin(turn)) + across * (0.98 * wrist * np.cos(turn))
    return *both(arm), *both(hand)


def _stand(hip: float, hip_y: float) -> list[Points]:
    """The flat end of a bust and the pole that carries it."""
    return [
        bezier((hip, hip_y), (hip * 1.02, hip_y + 12), (hip * 0.93, hip_y + 17)),
        bezier((hip * 0.93, hip_y + 17), (hip * 0.5, hip_y + 20), (1.8, hip_y + 20)),
        np.array([[1.8, hip_y + 20], [1.8, 172.0], [0.0, 172.0]]),
    ]


def _legs(hip: float, hip_y: float) -> list[Points]:
    return [
        bezier((hip, hip_y), (hip * 0.95, hip_y + 26), (hip * 0.60, hip_y + 50)),
        bezier((hip * 0.60, hip_y + 50), (hip * 0.62, hip_y + 66), (hip * 0.36, 168.0)),
        bezier((hip * 0.36, 168.0), (hip * 0.2, 168.0), (hip * 0.12, 168.0)),
        bezier((hip * 0.12, 168.0), (hip * 0.10, hip_y + 40), (0.0, hip_y + 22)),
        np.array([[0.0, hip_y + 22]]),
    ]


def hanger(c: Cut, place: Frame, high: float) -> Field:
    """(size, size) mask of hook and bar; `high` is the y at which the hook leaves the garment."""
    image = Image.new("L", (place.size, place.size))
    draw = ImageDraw.Draw(image)
    unit = place.size / 160.0
    angle = np.linspace(math.pi * 0.1, -math.pi * 1.15, 24)
    hook = np.stack([4.2 * np.cos(angle), high - 13.0 + 4.2 * np.sin(angle)], 1)
    neck = np.array([[hook[0, 0] - 1.6, high - 9.5], [0.0, high - 6.0], [0.0, c.top + 1.0]])
    path = place.place(np.concatenate([hook[::-1], neck]))
    draw.line(path.ravel().tolist(), fill=255, width=max(int(1.5 * unit), 1), joint="curve")
    reach = c.shoulder * 0.96
    left = bezier((-reach, c.top + c.slope + 2), (-0.4 * reach, c.top), (0.0, c.top - 0.5))
    right = bezier((0.0, c.top - 0.5), (0.4 * reach, c.top), (reach, c.top + c.slope + 2))
    draw.line(
        place.place(np.concatenate([left, right])).ravel().tolist(),
        fill=255,
        width=max(int(3.2 * unit), 1),
        joint="curve",
    )
    return np.asarray(image.reduce(2), np.float32) / 255.0


def cast_shadow(scene: Field, alpha: Field, n: Nuisance) -> Field:
    """The scene darkened where the garment keeps the light away: one soft and one close shadow."""
    dx, dy = int(round(-5.0 * math.sin(n.light))), 3
    soft, close = blurred(alpha, 6.5), blurred(alpha, 2.0)
    far, near = shifted(soft, dy + 2, 2 * dx), shifted(close, 1, int(np.sign(dx)))
    dark = n.shadow * (0.34 * far + 0.22 * near)
    return np.asarray(scene * (1.0 - dark[..., None] * np.asarray([1.0, 0.97, 0.93], np.float32)), np.float32)


def shifted(field: Field, down: int, right: int) -> Field:
    """The field shifted, with nothing coming in from the other side; `down` is positive."""
    out = np.roll(field, (down, right), (0, 1))
    out[:down] = 0.0
    if right:
        out[:, slice(0, right) if right > 0 else slice(right, None)] = 0.0
    return out
