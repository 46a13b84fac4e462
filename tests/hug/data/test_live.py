"""Tokens that are not kept equal those that are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hug.data.cache import TokenCache
from hug.data.features import pictures_of, training_features
from hug.data.garments import read
from tests.hug.conftest import PixelBackbone


def test_live_tokens_are_the_cached_ones_and_leave_no_file(garments: Path, tmp_path: Path):
    collection, cache = read(garments, "val"), TokenCache(tmp_path / "cache", PixelBackbone())
    live = pictures_of(collection, cache, live=True)
    ids = list(live.ids[:5])
    once = live.take(ids)
    assert not (tmp_path / "cache").exists()
    kept = pictures_of(collection, cache, progress=False)
    assert kept.ids == live.ids and np.array_equal(kept.take(ids), once)


def test_a_damaged_picture_is_named_when_it_is_read(garments: Path, tmp_path: Path):
    collection = read(garments, "val")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    collection.__dict__["locate"] = lambda id: broken
    live = pictures_of(collection, TokenCache(tmp_path / "cache", PixelBackbone()), live=True)
    with pytest.raises(ValueError, match=r"broken\.png"):
        live.take([live.ids[0]])


def test_views_are_never_live(garments: Path, tmp_path: Path):
    with pytest.raises(ValueError, match="keeps its tokens on disk; use --tokens cached"):
        training_features(read(garments, "train"), PixelBackbone(), tmp_path, 0, views=True, live=True)
