"""A session that answers in milliseconds: the tiny model on pixels, with twelve pictures of noise."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from analysis.session import Session
from hug.calibration import Calibration, HitModel
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


def calibration() -> Calibration:
    """Validation values from 0 to 1, so that a percentile is 100 times the variance; the chance is always 0.5."""
    values = np.linspace(0, 1, 1001)
    return Calibration(
        HitModel((0.0,) * 64, (0.0,) * 64, (1.0,) * 64, (0.0,), (0.5,)), 10, dict.fromkeys("rtmq", values)
    )


def small_session(cache: Path, calibrated: bool = True) -> Session:
    model = small_model(OBJECTIVES["calibrated"]).eval()
    gallery = source()
    index = Index.build(model, gallery.pictures, gallery.ids, gallery.meta)
    return Session("tiny", model, index, gallery, calibration() if calibrated else None, {}, cache)
