"""Faults are reproducible, grow with the severity and scale with the picture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from hug.data.corruptions import CORRUPTIONS, TRAINED, UNSEEN, corrupt
from hug.data.garments.attributes import CATEGORIES
from hug.data.garments.render import render
from tests.hug.data.garments.samples import sample_spec


def pictures() -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [render(sample_spec(category, rng)).picture for category in CATEGORIES]


def effect(picture: Image.Image, kind: str, severity: int, seed: int = 4) -> float:
    """Mean absolute difference to the untouched picture."""
    corrupted = corrupt(picture, kind, severity, seed)
    return float(np.abs(np.asarray(corrupted, np.float64) - np.asarray(picture, np.float64)).mean())


def test_no_kind_is_both_trained_and_unseen() -> None:
    assert sorted(TRAINED + UNSEEN) == sorted(CORRUPTIONS)


@pytest.mark.parametrize("kind", sorted(CORRUPTIONS))
def test_the_same_seed_gives_the_same_bytes(kind: str) -> None:
    picture = pictures()[0]
    assert corrupt(picture, kind, 3, 7).tobytes() == corrupt(picture, kind, 3, 7).tobytes()


@pytest.mark.parametrize("kind", sorted(CORRUPTIONS))
def test_the_effect_grows_with_the_severity(kind: str) -> None:
    for picture in [*pictures(), pictures()[0].resize((320, 240))]:
        effects = [effect(picture, kind, severity) for severity in range(6)]
        assert effects[0] == 0.0
        assert all(a < b for a, b in zip(effects[:-1], effects[1:], strict=True)), effects


@pytest.mark.parametrize("kind", sorted(CORRUPTIONS))
def test_the_effect_is_alike_on_a_larger_picture(kind: str) -> None:
    small = pictures()[1]
    large = small.resize((480, 480), Image.Resampling.BICUBIC)
    for severity in (1, 3, 5):
        assert 0.4 < effect(large, kind, severity) / effect(small, kind, severity) < 1.8


@pytest.mark.parametrize("size", [(320, 200), (90, 200), (1, 1), (33, 7)])
@pytest.mark.parametrize("kind", sorted(CORRUPTIONS))
def test_any_size_and_mode_is_accepted(kind: str, size: tuple[int, int]) -> None:
    for mode in ("RGB", "L", "RGBA", "P"):
        corrupted = corrupt(Image.new(mode, size, 90), kind, 4, 0)
        assert corrupted.size == size
        assert corrupted.mode == "RGB"


def test_wrong_arguments_are_refused() -> None:
    picture = pictures()[0]
    with pytest.raises(ValueError, match="unknown degradation 'rain'; choose one of"):
        corrupt(picture, "rain", 1, 0)
    for severity in (-1, 6, 2.5):
        with pytest.raises(ValueError, match="out of range"):
            corrupt(picture, "blur", severity, 0)  # type: ignore[arg-type]
