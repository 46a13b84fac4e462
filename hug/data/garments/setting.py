"""What stands around a garment of garments-2: backdrops drawn and photographed, figures with a head, shadows."""

import math
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from hug.data.garments import scene
from hug.data.garments.attributes import Nuisance
from hug.data.garments.fabric import Field, window
from hug.data.garments.look import Look
from hug.data.garments.shapes import Cut, Frame

DRAWINGS = ("flat", "cel", "pencil", "wash")  # finishes in which light casts little shadow


def backdrop(n: Nuisance, look: Look, size: int, rng: np.random.Generator) -> Field:
    """(size, size, 3) the empty scene."""
    if look.scene == "set":
        return scene.backdrop(n, size, rng)
    axis = np.linspace(0.0, 1.0, size, dtype=np.float32)
    tint, paper = np.asarray(n.tint, np.float32), np.asarray(look.paper, np.float32)
    share: Any = np.zeros((size, size), np.float32)
    if look.scene == "gradient":
        share = np.broadcast_to(axis[:, None], share.shape) * 0.8
    elif look.scene == "paper":
        share = 0.06 * window("grain", size, rng) + 0.1 * window("cloud", size, rng)
    elif look.scene == "stripes":
        share = 0.35 * ((axis[None, :] * rng.uniform(6, 16)) % 1.0 > 0.5) * np.ones((size, 1))
    elif look.scene == "tiles":
        repeat = rng.uniform(4, 9)
        share = 0.6 * np.maximum((axis[None, :] * repeat) % 1.0 > 0.95, (axis[:, None] * repeat) % 1.0 > 0.95)
    elif look.scene == "confetti":
        share = _confetti(size, rng)
    share = np.asarray(share, np.float32)[..., None]
    return np.asarray(np.clip(tint + share * (paper - tint), 0.0, 1.0), np.float32)


def _confetti(size: int, rng: np.random.Generator) -> Field:
    image = Image.new("L", (size, size))
    draw = ImageDraw.Draw(image)
    for _ in range(24):
        x, y, r = rng.uniform(0, size), rng.uniform(0, size), rng.uniform(0.01, 0.05) * size
        shape = draw.ellipse if rng.random() < 0.6 else draw.rectangle
        shape([x - r, y - r, x + r, y + r], fill=int(rng.integers(60, 160)))
    return np.asarray(image, np.float32) / 255.0


def figure(c: Cut, n: Nuisance, place: Frame, long: bool, head: bool) -> Field:
    """(size / 2, size / 2) mask of a mannequin, with a head or without; `place` is of twice the resolution."""
    mask = scene.mannequin(c, n, place, long)
    if not head:
        return mask
    turn = np.linspace(0.0, math.tau, 32)
    oval = np.stack([8.2 * np.cos(turn), c.top - 24.0 + 11.0 * np.sin(turn)], 1)
    neck = np.array([[-4.5, c.top - 18.0], [4.5, c.top - 18.0], [4.5, c.top], [-4.5, c.top]])
    return np.maximum(mask, np.asarray(place.polygon(oval, neck).reduce(2), np.float32) / 255.0)


def modelled(skin: Field, mask: Field, alpha: Field, n: Nuisance, look: Look) -> Field:
    """(size, size, 3) the figure's skin, round where the finish is."""
    rim = scene.blurred(mask, 5.0)
    tone = 0.85 + 0.15 * rim
    if look.finish not in ("flat", "cel"):
        dx, dy = int(round(8 * math.sin(n.light))), int(round(-8 * math.cos(n.light)))
        soft = scene.blurred(mask, 8.0)
        tone = 0.7 + 0.3 * rim + 0.45 * (np.roll(soft, (dy, dx), (0, 1)) - np.roll(soft, (-dy, -dx), (0, 1)))
    tone = tone * (1.0 - 0.3 * np.clip(scene.blurred(alpha, 5.0) - alpha, 0.0, 1.0))
    return np.asarray(np.clip(skin * tone[..., None], 0.0, 1.0), np.float32)


def shadow(picture: Field, alpha: Field, n: Nuisance, look: Look) -> Field:
    """The scene darkened where the garment keeps the light away."""
    strength = n.shadow * (0.35 if look.finish in DRAWINGS else 1.0)
    dx = int(round(-10.0 * math.sin(n.light)))
    if look.finish == "felt":  # close and crisp: it lies on the ground
        dark = 0.5 * strength * scene.shifted(scene.blurred(alpha, 2.0), 4, 3)
    else:
        far, near = scene.shifted(scene.blurred(alpha, 13.0), 10, 2 * dx), scene.blurred(alpha, 4.0)
        dark = strength * (0.34 * far + 0.22 * scene.shifted(near, 2, int(np.sign(dx)) * 2))
    return np.asarray(picture * (1.0 - dark[..., None] * np.asarray([1.0, 0.97, 0.93], np.float32)), np.float32)
