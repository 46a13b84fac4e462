"""Finishes of garments-2: how cloth that is coloured and lit becomes a photograph, a flat drawing, a cartoon, a wash, a
pencil drawing or felt.

Fields are float32 of (320, 320), colours (320, 320, 3) of sRGB in [0, 1].
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hug.data.garments import scene
from hug.data.garments.fabric import Field, window
from hug.data.garments.look import Look
from hug.data.garments.render import Cloth

Grid = tuple[Field, Field]  # x and y of each pixel in the garment's frame


@dataclass(frozen=True)
class Surface:
    """The cloth before its finish."""

    colour: Field  # (320, 320, 3) unlit
    shade: Field  # (320, 320) factor of the light, 1 where it is neutral
    sheen: Field  # (320, 320) what the light adds


def _weave(x: Field, y: Field, look: Look, rng: np.random.Generator) -> Field:
    """Texture of the fabric, about zero."""
    size = len(x)
    if look.fabric == "knit":
        zigzag = np.abs((x / 2.6) % 1.0 - 0.5)
        return np.asarray(0.05 * np.sin(2.6 * y + 5.0 * zigzag), np.float32)
    if look.fabric == "twill":
        return np.asarray(0.035 * np.sin(2.9 * (x + y)) + 0.012 * window("weave", size, rng), np.float32)
    if look.fabric == "linen":
        rows, columns = rng.normal(0.0, 0.025, (2, size)).astype(np.float32)
        return rows[:, None] + columns[None, :]
    return np.asarray((0.004 if look.fabric == "satin" else 0.013) * window("weave", size, rng), np.float32)


def _tinted(colour: Field, factor: Field) -> Field:
    return np.asarray(np.clip(colour * factor[..., None], 0.0, 1.0), np.float32)


def cloth(s: Surface, cloth: Cloth, grid: Grid, look: Look, rng: np.random.Generator) -> Field:
    """As photographed."""
    shine = s.sheen
    if look.fabric == "satin":
        shine = shine * 2.5 + 0.3 * np.clip(s.shade - 1.06, 0.0, 0.5)
    lit = s.colour * (s.shade + _weave(*grid, look, rng))[..., None] + shine[..., None]
    return np.asarray(np.clip(lit, 0.0, 1.0), np.float32)


def _hollow(cloth: Cloth, strength: float) -> Field:
    """Factor that darkens the inside of the back, and the edge of the body on the sleeves."""
    under = np.clip(scene.blurred(cloth.body, 4.0) - cloth.body, 0.0, 1.0) * cloth.sleeves
    return np.asarray((1.0 - strength * cloth.inside) * (1.0 - 0.3 * under), np.float32)


def flat(s: Surface, cloth: Cloth, grid: Grid, look: Look, rng: np.random.Generator) -> Field:
    """One tone a colour; without an outline a faint rim keeps the parts apart."""
    factor = _hollow(cloth, 0.35)
    if not look.line:
        factor = factor * (0.84 + 0.16 * scene.blurred(cloth.alpha, 3.0))
    return _tinted(s.colour, factor)


def cel(s: Surface, cloth: Cloth, grid: Grid, look: Look, rng: np.random.Generator) -> Field:
    """Two or three tones with hard edges."""
    steps = np.clip((s.shade - 0.86) * 18.0, 0.0, 1.0) * 0.24 + np.clip((s.shade - 1.1) * 18.0, 0.0, 1.0) * 0.1
    return _tinted(s.colour, np.asarray((0.78 + steps) * _hollow(cloth, 0.3), np.float32))


def wash(s: Surface, cloth: Cloth, grid: Grid, look: Look, rng: np.random.Generator) -> Field:
    """Watercolour: pools, darker edges, the paper's grain."""
    size = len(s.shade)
    pools = window("cloud", size, rng) * 0.06 + window("grain", size, rng) * 0.025
    edge = np.clip(scene.blurred(cloth.alpha, 2.5) - 0.55, 0.0, 0.45) / 0.45
    factor = (0.62 + 0.38 * s.shade) * (0.8 + 0.2 * edge) + pools
    thin = s.colour + (1.0 - s.colour) * 0.1
    return _tinted(thin, np.asarray(factor * _hollow(cloth, 0.3), np.float32))


def pencil(s: Surface, cloth: Cloth, grid: Grid, look: Look, rng: np.random.Generator) -> Field:
    """Strokes of a coloured pencil, closer where there is less light."""
    x, y = grid
    across = np.cos(look.phase) * x + np.sin(look.phase) * y
    stroke = np.sin(3.1 * across + 0.9 * window("cloud", len(x), rng)) + 0.7 * window("grain", len(x), rng)
    gap = np.clip(0.30 * stroke + 0.55 * (s.shade - 1.0), 0.0, 0.45)
    lit = s.colour * (0.75 + 0.25 * s.shade)[..., None]
    lit = lit + (1.0 - lit) * gap[..., None]
    return _tinted(lit, _hollow(cloth, 0.25))


def felt(s: Surface, cloth: Cloth, grid: Grid, look: Look, rng: np.random.Generator) -> Field:
    """Pieces cut out of felt or paper that lie on each other."""
    size = len(s.shade)
    fibres = 0.035 * window("grain", size, rng) + 0.03 * window("weave", size, rng)
    bevel = scene.blurred(np.maximum(cloth.body, cloth.extra), 2.0)
    lifted = np.roll(bevel, (2, 2), (0, 1)) - np.roll(bevel, (-2, -2), (0, 1))
    return _tinted(s.colour, np.asarray((1.0 + fibres - 0.3 * lifted) * _hollow(cloth, 0.4), np.float32))


Finish = Callable[[Surface, Cloth, Grid, Look, np.random.Generator], Field]
FINISHES: dict[str, Finish] = {f.__name__: f for f in (cloth, flat, cel, wash, pencil, felt)}
