"""Removing an aspect removes its value and leaves the rest."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest
from scipy import ndimage

from hug.data.garments.attributes import ASPECTS, CATEGORIES, VALUES, Spec
from hug.data.garments.drawing import draw
from hug.data.garments.intervene import REMOVERS, STYLES, apply, control, elsewhere, remove
from hug.data.garments.render import Rendered
from tests.hug.data.garments.samples import sample_spec, styled_spec

LOCAL = ("sleeve", "neckline", "length", "logo")


def specs(count: int) -> list[Spec]:
    """As many of garments-1 as of garments-2."""
    rng = np.random.default_rng(11)
    return [(sample_spec, styled_spec)[i % 2](CATEGORIES[i % 3], rng) for i in range(count)]


@functools.cache
def drawn(spec: Spec) -> Rendered:
    return draw(spec)


def pixels(picture: object) -> np.ndarray:
    return np.asarray(picture, np.float64)


def test_each_aspect_has_one_remover_a_style_and_the_two_differ() -> None:
    for aspect in ASPECTS:
        names = [STYLES[style][aspect] for style in ("trained", "unseen")]
        assert names[0] != names[1]
        assert set(names) <= set(REMOVERS)


@pytest.mark.parametrize("aspect", ASPECTS)
@pytest.mark.parametrize("style", sorted(STYLES))
def test_removal_is_reproducible(aspect: str, style: str) -> None:
    spec = specs(1)[0]
    assert remove(spec, aspect, style, 3).tobytes() == remove(spec, aspect, style, 3).tobytes()


@pytest.mark.parametrize("aspect", (*LOCAL, "pattern"))
@pytest.mark.parametrize("style", sorted(STYLES))
def test_removal_changes_mostly_the_region(aspect: str, style: str) -> None:
    for spec in specs(6):
        rendered = drawn(spec)
        after = pixels(apply(rendered, aspect, STYLES[style][aspect], 1))
        difference = np.abs(after - pixels(rendered.picture)).mean(-1)
        near = ndimage.binary_dilation(rendered.regions[aspect], iterations=7 * len(difference) // 160)
        assert difference.sum() > 0
        assert difference[near].sum() > 0.95 * difference.sum()


def trace(picture: object, aspect: str, region: np.ndarray) -> np.ndarray:
    """What of a picture tells the aspect's value: mean colour, local contrast, or the zone itself."""
    values = pixels(picture)
    if aspect == "colour":
        return np.asarray(values[region].mean(0))
    if aspect == "pattern":
        fine = values - ndimage.gaussian_filter(values, (len(values) / 32, len(values) / 32, 0.0))
        return np.asarray(fine[ndimage.binary_erosion(region, iterations=len(region) // 40)].std(0))
    return np.asarray(values[region])


@pytest.mark.parametrize("aspect", ASPECTS)
@pytest.mark.parametrize("style", sorted(STYLES))
def test_removal_makes_the_value_hard_to_tell(aspect: str, style: str) -> None:
    """Two pictures that differ in one attribute come much closer when that aspect is removed from both."""
    ratios = []
    for spec in specs(6):
        spec = dataclasses.replace(spec, nuisance=dataclasses.replace(spec.nuisance, trim=0, display="ghost"))
        values = VALUES[spec.garment.category][aspect]
        ends = (0, 6) if aspect == "colour" else (0, -1)  # black and yellow; the first and the last value
        pair = [drawn(dataclasses.replace(spec, garment=spec.garment.replace(**{aspect: values[i]}))) for i in ends]
        region = pair[0].regions[aspect] & pair[1].regions[aspect]
        before = [trace(r.picture, aspect, region) for r in pair]
        after = [trace(apply(r, aspect, STYLES[style][aspect], 2), aspect, region) for r in pair]
        ratios.append(np.abs(after[0] - after[1]).mean() / np.abs(before[0] - before[1]).mean())
    assert np.median(ratios) < 0.5, ratios


@pytest.mark.parametrize("style", sorted(STYLES))
def test_a_picture_without_colour_has_one_hue(style: str) -> None:
    for spec in specs(4):
        tones = pixels(remove(spec, "colour", style, 0))
        ratio = (tones[..., 0] - tones[..., 2]) / np.maximum(tones.sum(-1), 60.0)
        assert np.ptp(ratio) < 0.1


@pytest.mark.parametrize("aspect", ASPECTS)
def test_the_control_spares_the_region_and_covers_as_much(aspect: str) -> None:
    for spec in specs(4):
        rendered = drawn(spec)
        zone = rendered.regions[aspect]
        difference = (pixels(control(spec, aspect, 1)) != pixels(rendered.picture)).any(-1)
        assert not (difference & zone).any()
        mask = elsewhere(zone, np.random.default_rng(0))
        free = int((ndimage.distance_transform_edt(~zone) > 2.0).sum())
        assert mask.sum() == min(zone.sum(), free)
        assert difference.sum() > 0.9 * mask.sum()


def test_wrong_arguments_are_refused() -> None:
    spec = specs(1)[0]
    with pytest.raises(ValueError, match="unknown style 'best'; choose one of trained, unseen"):
        remove(spec, "colour", "best", 0)
    with pytest.raises(ValueError, match="unknown aspect 'price'"):
        remove(spec, "price", "unseen", 0)
    with pytest.raises(ValueError, match="unknown aspect 'price'"):
        control(spec, "price", 0)
    with pytest.raises(ValueError, match="unknown remover 'magic'"):
        apply(draw(spec), "colour", "magic", 0)
