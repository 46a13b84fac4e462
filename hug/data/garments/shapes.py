"""Silhouettes: smooth outlines of body, sleeves, neckline and collar, in the garment's own frame.

The frame has its unit in 160ths of the picture, x to the right from the garment's axis, y down from the picture's top;
`Frame` places it in the picture.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from hug.data.garments.attributes import VALUES, Nuisance, Spec

Points = NDArray[np.float64]  # (n, 2): x, y
CENTRE = np.array([0.0, 80.0])


@dataclass(frozen=True)
class Cut:
    """Measures of one garment in its frame."""

    top: float  # y of the neck's sides
    neck: float  # half width of the neck opening
    shoulder: float  # half width at the shoulder tips
    slope: float  # fall from neck to shoulder tip
    armhole: float  # depth of the armhole below `top`
    chest: float  # half width under the arms
    waist: float  # half width at the waist
    waist_y: float
    hem: float  # half width at the hem
    hem_y: float
    hems: tuple[float, ...]  # y of every possible hem, short to long
    sleeve: float  # length of the sleeve along its axis, 0 without
    sleeves: tuple[float, ...]  # every possible sleeve length
    cuff: float  # half width of the sleeve's end
    logo: float  # side of the chest print


# category -> half widths and heights as in `Cut`, `hems` as (half width, y); short to long
_MEASURES = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))


def cut(spec: Spec) -> Cut:
    """The measures of the garment, with its nuisances of fit and flare."""
    g, n = spec.garment, spec.nuisance
    m, values = _MEASURES[g.category], VALUES[g.category]
    hem, hem_y = m["hems"][values["length"].index(g.length)]
    wide = 1.0 + 0.07 * n.fit
    sleeveless = g.sleeve == "sleeveless"
    return Cut(
        top=m["top"],
        neck=m["neck"] + (4.0 if g.neckline == "scoop" else 0.0),
        shoulder=m["shoulder"] * (0.80 if sleeveless else 1.0),
        slope=m["slope"] * (0.7 if sleeveless else 1.0),
        armhole=m["armhole"],
        chest=m["chest"] * wide,
        waist=m["waist"] * wide * (1.0 + 0.05 * n.fit),
        waist_y=m["waist_y"],
        hem=hem * wide * (1.0 + (0.16 if g.category == "dress" else 0.07) * n.flare),
        hem_y=hem_y,
        hems=tuple(y for _, y in m["hems"]),
        sleeve=m["sleeves"][values["sleeve"].index(g.sleeve)],
        sleeves=tuple(m["sleeves"]),
        cuff=m["cuff"] * (1.0 + 0.12 * n.fit),
        logo=m["logo"],
    )


def bezier(start: ArrayLike, control: ArrayLike, end: ArrayLike) -> Points:
    """(14, 2) points of a quadratic curve, its end left out."""
    t = np.linspace(0.0, 1.0, 14, endpoint=False)[:, None]
    a, b, c = np.asarray(start), np.asarray(control), np.asarray(end)
    return np.asarray((1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c)


def both(right: Points) -> tuple[Points, Points]:
    """What lies on the right side of the garment, and the same on its left."""
    return right, right * np.array([-1.0, 1.0])


def mirror(half: Points) -> Points:
    """A closed outline from its right half, listed from the axis at the top to the axis at the bottom."""
    return np.concatenate([half, both(half[::-1])[1]])


def side(c: Cut) -> Points:
    """The right edge from the shoulder tip to the hem and along it to the axis."""
    tip, under = (c.shoulder, c.top + c.slope), (c.chest, c.top + c.armhole)
    inset = min(c.shoulder, c.chest) - 3.5
    parts = [bezier(tip, (inset, c.top + 0.75 * c.armhole), under)]
    if c.hem_y > c.waist_y + 6:
        waist = (c.waist, c.waist_y)
        parts.append(bezier(under, (c.waist + 0.5, 0.45 * under[1] + 0.55 * c.waist_y), waist))
        bulge = c.waist + 0.62 * (c.hem - c.waist)
        parts.append(bezier(waist, (bulge, c.waist_y + 0.34 * (c.hem_y - c.waist_y)), (c.hem, c.hem_y - 1.5)))
    else:
        parts.append(bezier(under, (c.hem + 0.5, c.hem_y - 8), (c.hem, c.hem_y - 1.0)))
    parts.append(bezier((c.hem, c.hem_y - 1.5), (c.hem * 0.55, c.hem_y + 2.2), (0.0, c.hem_y + 2.2)))
    return np.concatenate([*parts, [[0.0, c.hem_y + 2.2]]])


def neck_curve(c: Cut, neckline: str) -> Points:
    """The front edge of the neck opening, from the axis up to the neck's right side."""
    deep = c.armhole / 30.0
    if neckline == "v-neck":
        return bezier((0.0, c.top + 27.0 * deep), (c.neck * 0.62, c.top + 11.0 * deep), (c.neck, c.top))
    depth = {"crew": 8.5, "scoop": 24.0, "collar": 13.0, "turtleneck": 4.0}[neckline] * deep
    if neckline == "collar":
        return bezier((0.0, c.top + depth), (c.neck * 0.5, c.top + 0.5 * depth), (c.neck, c.top))
    full = 0.98 if neckline == "scoop" else 0.86
    return bezier((0.0, c.top + depth), (c.neck * full, c.top + depth), (c.neck, c.top))


def body(c: Cut, neckline: str) -> Points:
    """The front of the garment without sleeves."""
    shoulder = bezier(
        (c.neck, c.top), (0.5 * (c.neck + c.shoulder), c.top + 0.35 * c.slope), (c.shoulder, c.top + c.slope)
    )
    return mirror(np.concatenate([neck_curve(c, neckline), shoulder, side(c)]))


def back(c: Cut, neckline: str) -> Points:
    """The inside of the back, seen through the neck opening."""
    front = neck_curve(c, neckline)
    if neckline == "collar":  # the stand of the collar
        stand = bezier((c.neck, c.top), (c.neck * 0.8, c.top - 4.5), (0.0, c.top - 4.5))
        return mirror(np.concatenate([front, stand, [[0.0, c.top - 4.5]]]))
    top = bezier((c.neck, c.top), (c.neck * 0.6, c.top + 3.2), (0.0, c.top + 3.2))
    return mirror(np.concatenate([front, top, [[0.0, c.top + 3.2]]]))


def tube(c: Cut) -> Points:
    """The turned-over tube of a turtleneck."""
    high, deep = c.top - 8.5, c.top + 5.5 * c.armhole / 30.0
    narrow = c.neck * 0.86
    half = [
        bezier((0.0, high + 1.2), (narrow * 0.7, high + 1.2), (narrow, high)),
        bezier((narrow, high), (narrow + 0.4, c.top - 3), (c.neck + 0.8, c.top + 1.0)),
        bezier((c.neck + 0.8, c.top + 1.0), (c.neck * 0.7, deep), (0.0, deep)),
        np.array([[0.0, deep]]),
    ]
    return mirror(np.concatenate(half))


def collar(c: Cut) -> tuple[Points, Points]:
    """The two leaves of a shirt collar."""
    deep = c.armhole / 30.0
    tip = (c.neck * 0.86, c.top + 17.5 * deep)
    leaf = np.concatenate(
        [
            bezier((0.4, c.top + 13.0 * deep), (c.neck * 0.42, c.top + 6.5 * deep), (c.neck * 0.72, c.top - 3.2)),
            bezier((c.neck * 0.72, c.top - 3.2), (c.neck + 1.0, c.top - 2.6), (c.neck + 3.2, c.top + 2.5)),
            bezier((c.neck + 3.0, c.top + 2.5), (c.neck + 1.5, c.top + 9.0 * deep), tip),
            bezier(tip, (c.neck * 0.45, c.top + 15.5 * deep), (0.4, c.top + 13.0 * deep)),
        ]
    )
    return both(leaf)


def arm_path(c: Cut, n: Nuisance, length: float) -> tuple[Points, Points, Points]:
    """(3, 2) shoulder, elbow and end of the right sleeve's axis, and the (2,) directions along and across its end."""
    first = math.radians(n.arm)
    last = first - math.radians(n.bend)
    start = np.array([0.5 * (c.shoulder + c.chest) - 2.0, c.top + 0.5 * (c.slope + c.armhole)])
    half = c.sleeves[-1] * 0.5
    upper, lower = min(length, half), max(length - half, 0.0)
    elbow = start + upper * np.array([math.sin(first), math.cos(first)])
    end = elbow + lower * np.array([math.sin(last), math.cos(last)])
    sin, cos = (wave(last if lower > 0 else first) for wave in (math.sin, math.cos))
    return np.stack([start, elbow, end]), np.array([sin, cos]), np.array([cos, -sin])


def sleeve(c: Cut, n: Nuisance, length: float, cuff: float) -> Points:
    """The right sleeve of the given length, from the armhole to its end."""
    path, along, across = arm_path(c, n, length)
    tip = np.array([c.shoulder, c.top + c.slope])
    under = np.array([c.chest - 1.0, c.top + c.armhole])
    share = length / c.sleeves[-1]
    width = cuff + (0.5 * float(np.linalg.norm(tip - under)) * 0.86 - cuff) * max(1.0 - share, 0.0) ** 1.1
    outer, inner = path[2] + across * width, path[2] - across * width + along * -1.0
    bend = path[1] + across * (width + 1.0) if length > 0.55 * c.sleeves[-1] else 0.5 * (tip + outer) + across * 1.5
    inside = path[1] - across * (width + 0.5) if length > 0.55 * c.sleeves[-1] else 0.5 * (under + inner)
    crown = tip + 0.5 * (bend - tip) + across * 2.4
    pieces = [
        bezier(tip - [5.0, 1.0], tip + [1.0, 0.0], 0.5 * (tip + crown)),
        bezier(0.5 * (tip + crown), crown, bend),
        bezier(bend, 0.5 * (bend + outer), outer),
        bezier(outer, path[2] + along * 1.2, inner),
        bezier(inner, inside, under),
        np.array([under - [6.0, 0.0]]),
    ]
    return np.concatenate(pieces)


@dataclass(frozen=True)
class Frame:
    """Places the garment's frame in a picture of `size` pixels a side."""

    tilt: float
    scale: float
    shift: tuple[float, float]
    size: int

    def place(self, points: Points) -> Points:
        """(n, 2) pixels of points of the garment's frame."""
        a = math.radians(self.tilt)
        turn = np.array([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]])
        turned = (points - CENTRE) @ turn * self.scale + np.array([80.0, 80.0]) + np.asarray(self.shift)
        return np.asarray(turned * (self.size / 160.0))

    def polygon(self, *outlines: Points) -> Image.Image:
        """L mask of all that the outlines enclose."""
        image = Image.new("L", (self.size, self.size))
        for outline in outlines:
            ImageDraw.Draw(image).polygon(self.place(outline).ravel().tolist(), fill=255)
        return image

    def grid(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """x and y (size, size) of each pixel in the garment's frame: the inverse of `place`."""
        axis = (np.arange(self.size, dtype=np.float32) + 0.5) * (160.0 / self.size) - 80.0
        x, y = (axis - self.shift[0])[None, :] / self.scale, (axis - self.shift[1])[:, None] / self.scale
        a = math.radians(self.tilt)
        cos, sin = np.float32(math.cos(a)), np.float32(math.sin(a))
        return cos * x + sin * y, -sin * x + cos * y + np.float32(80.0)


def frame(spec: Spec, size: int) -> Frame:
    """Where the spec's nuisances put the garment."""
    n = spec.nuisance
    return Frame(n.tilt, n.scale, n.shift, size)
