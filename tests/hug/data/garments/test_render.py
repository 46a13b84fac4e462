"""Pictures are reproducible, and their regions hold what the truth says they hold."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest

from hug.data.garments.attributes import ASPECTS, CATEGORIES, COLOURS, VALUES, Spec
from hug.data.garments.fabric import dye
from hug.data.garments.render import Rendered, render
from tests.hug.data.garments.samples import sample_spec

ZONES = ("sleeve", "neckline", "length", "logo")


def specs(count: int, seed: int = 0) -> list[Spec]:
    rng = np.random.default_rng(seed)
    return [sample_spec(CATEGORIES[i % 3], rng) for i in range(count)]


def other(spec: Spec, aspect: str, step: int = 1) -> Spec:
    """The same picture of a garment with another value of one aspect."""
    values = VALUES[spec.garment.category][aspect]
    value = values[(values.index(spec.garment.value(aspect)) + step) % len(values)]
    return dataclasses.replace(spec, garment=spec.garment.replace(**{aspect: value}))


@pytest.mark.parametrize("spec", specs(6), ids=lambda spec: spec.garment.category)
def test_the_same_spec_gives_the_same_bytes(spec: Spec) -> None:
    first, second = render(spec), render(Spec.from_json(spec.to_json()))
    assert first.picture.tobytes() == second.picture.tobytes()
    assert all((first.regions[a] == second.regions[a]).all() for a in ASPECTS)


def test_another_seed_gives_another_picture() -> None:
    spec = specs(1)[0]
    assert render(spec).picture.tobytes() != render(dataclasses.replace(spec, seed=spec.seed + 1)).picture.tobytes()


@pytest.mark.parametrize("spec", specs(9, 1), ids=lambda spec: spec.garment.category)
def test_regions_are_masks_within_the_picture(spec: Spec) -> None:
    rendered = render(spec)
    assert rendered.picture.mode == "RGB"
    assert rendered.picture.size == (160, 160)
    assert tuple(rendered.regions) == ASPECTS
    for mask in rendered.regions.values():
        assert mask.shape == (160, 160)
        assert mask.dtype == bool
        assert 0 < mask.sum() < 0.8 * mask.size
    assert not (rendered.regions["pattern"] & ~rendered.regions["colour"]).any()


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("aspect", ZONES)
def test_a_zone_does_not_tell_the_value(category: str, aspect: str) -> None:
    """A zone that followed the outline would give the removed aspect away."""
    spec = sample_spec(category, np.random.default_rng(5))
    zones = [render(other(spec, aspect, i)).regions[aspect] for i in range(len(VALUES[category][aspect]))]
    assert all((zone == zones[0]).all() for zone in zones)


def changed(first: Rendered, second: Rendered) -> np.ndarray:
    """(160, 160) absolute difference of two pictures."""
    a, b = (np.asarray(r.picture, np.float64) for r in (first, second))
    return np.asarray(np.abs(a - b).mean(-1))


@pytest.mark.parametrize("aspect", ZONES)
def test_an_attribute_changes_the_picture_mostly_in_its_zone(aspect: str) -> None:
    shares = []
    for spec in specs(6, 2):
        spec = dataclasses.replace(spec, nuisance=dataclasses.replace(spec.nuisance, trim=0, display="ghost"))
        first = render(spec)
        difference = changed(first, render(other(spec, aspect)))
        shares.append(difference[first.regions[aspect]].sum() / difference.sum())
    assert np.median(shares) > 0.7


@pytest.mark.parametrize("colour", sorted(COLOURS))
def test_the_colour_seen_is_the_colour_named(colour: str) -> None:
    """Whatever the light, a plain garment's mean colour is nearer to its own dye than to most others."""
    ranks = []
    for spec in specs(6, 3):
        plain = spec.garment.replace(colour=colour, pattern="solid", logo="none")
        rendered = render(dataclasses.replace(spec, garment=plain))
        mean = np.median(np.asarray(rendered.picture, np.float64)[rendered.regions["colour"]], axis=0) / 255.0
        gaps = {name: float(np.abs(mean - dye(name, 0.0, 0.0)).sum()) for name in COLOURS}
        ranks.append(sorted(gaps, key=lambda name: gaps[name]).index(colour))
    assert np.mean(np.asarray(ranks) == 0) >= 0.6
    assert max(ranks) <= 2


def test_neighbouring_values_are_visible() -> None:
    """No two values of one aspect look the same at the size that the model sees."""
    for category in CATEGORIES:
        spec = sample_spec(category, np.random.default_rng(8))
        for aspect in ASPECTS:
            first, second = render(spec), render(other(spec, aspect))
            assert (changed(first, second) > 12).sum() > 60, (category, aspect)


def test_a_picture_takes_milliseconds() -> None:
    render(specs(1)[0])
    start = time.process_time()
    for spec in specs(10, 4):
        render(spec)
    assert (time.process_time() - start) / 10 < 0.08
