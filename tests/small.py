"""A session that answers in milliseconds: the tiny model on pixels, with twelve pictures of noise."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from analysis.session import Session
from hug.calibration import LEVELS, Calibration, SizeCalibration, Steps
from hug.config import OBJECTIVES
from hug.retrieval.gallery import GallerySource, Pictures
from hug.retrieval.index import Index
from tests.hug.conftest import noise_pictures, small_model

CATEGORIES = ["dress"] * 7 + ["shirt"] * 5


def webp(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", lossless=True)
    return buffer.getvalue()


def source() -> GallerySource:
    pictures = Pictures([webp(p) for p in noise_pictures(len(CATEGORIES))])
    return GallerySource([f"noise/{n}" for n in range(len(CATEGORIES))], pictures, {"category": CATEGORIES})


def constant(chance: float, values: Mapping[str, np.ndarray], within: int = 10, size: int = 12) -> Calibration:
    """The same chance for every query; a set of a level holds the candidates before which half as much mass lies."""
    steps = {within: Steps((0.0,), (chance,))}
    own = SizeCalibration(size, steps, (), (tuple(level / 2 for level in LEVELS),))
    return Calibration(1.0, {"category": (own,)}, "", values=values, within=within)


def calibration() -> Calibration:
    """Validation values from 0 to 1, so that a percentile is 100 times the variance; the chance is always 0.5."""
    return constant(0.5, dict.fromkeys("rtmq", np.linspace(0, 1, 1001)), size=1000)


def small_session(cache: Path, calibrated: bool = True) -> Session:
    model = small_model(OBJECTIVES["calibrated"]).eval()
    gallery = source()
    index = Index.build(model, gallery.pictures, gallery.ids, gallery.meta)
    return Session("tiny", model, index, gallery, calibration() if calibrated else None, {}, cache)
