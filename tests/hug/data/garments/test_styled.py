"""Pictures of garments-2 are reproducible in every finish, and their regions hold what the truth says they hold."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest

from hug.data.garments.attributes import ASPECTS, CATEGORIES, COLOURS, VALUES, Spec
from hug.data.garments.drawing import draw
from hug.data.garments.look import DYES, FINISHES, Look, dyed
from hug.data.garments.render import Rendered
from hug.data.garments.styled import render
from tests.hug.data.garments.samples import sample_spec, styled_spec

ZONES = ("sleeve", "neckline", "length", "logo")


def specs(count: int, seed: int = 0) -> list[Spec]:
    """Specifications whose finishes take turns."""
    rng = np.random.default_rng(seed)
    return [in_finish(styled_spec(CATEGORIES[i % 3], rng), FINISHES[i % len(FINISHES)]) for i in range(count)]


def in_finish(spec: Spec, finish: str) -> Spec:
    assert spec.look is not None
    return dataclasses.replace(spec, look=dataclasses.replace(spec.look, finish=finish))


def other(spec: Spec, aspect: str, step: int = 1) -> Spec:
    """The same picture of a garment with another value of one aspect."""
    values = VALUES[spec.garment.category][aspect]
    value = values[(values.index(spec.garment.value(aspect)) + step) % len(values)]
    return dataclasses.replace(spec, garment=spec.garment.replace(**{aspect: value}))


def difference(first: Rendered, second: Rendered) -> np.ndarray:
    """(320, 320) absolute difference of two pictures."""
    a, b = (np.asarray(r.picture, np.float64) for r in (first, second))
    return np.asarray(np.abs(a - b).mean(-1))


@pytest.mark.parametrize("spec", specs(6), ids=FINISHES)
def test_the_same_spec_gives_the_same_bytes_and_regions(spec: Spec) -> None:
    first, second = render(spec), draw(Spec.from_json(spec.to_json()))
    assert first.picture.tobytes() == second.picture.tobytes()
    assert (first.picture.mode, first.picture.size) == ("RGB", (320, 320))
    assert tuple(first.regions) == ASPECTS
    for aspect, mask in first.regions.items():
        assert (mask == second.regions[aspect]).all()
        assert (mask.shape, mask.dtype) == ((320, 320), bool)
        assert 0 < mask.sum() < 0.8 * mask.size
    assert not (first.regions["pattern"] & ~first.regions["colour"]).any()


def test_finishes_differ() -> None:
    spec = specs(1)[0]
    assert len({render(in_finish(spec, finish)).picture.tobytes() for finish in FINISHES}) == len(FINISHES)


@pytest.mark.parametrize("aspect", ZONES)
def test_a_zone_does_not_tell_the_value(aspect: str) -> None:
    for spec in specs(3, 5):
        count = len(VALUES[spec.garment.category][aspect])
        zones = [render(other(spec, aspect, i)).regions[aspect] for i in range(count)]
        assert all((zone == zones[0]).all() for zone in zones)


@pytest.mark.parametrize("aspect", ZONES)
def test_an_attribute_changes_the_picture_mostly_in_its_zone(aspect: str) -> None:
    shares = []
    for spec in specs(6, 2):
        spec = dataclasses.replace(spec, nuisance=dataclasses.replace(spec.nuisance, trim=0, display="ghost"))
        first = render(spec)
        change = difference(first, render(other(spec, aspect)))
        shares.append(change[first.regions[aspect]].sum() / change.sum())
    assert np.median(shares) > 0.7


@pytest.mark.parametrize("finish", FINISHES)
def test_no_two_values_of_an_aspect_look_the_same(finish: str) -> None:
    spec = in_finish(styled_spec("shirt", np.random.default_rng(8)), finish)
    for aspect in ASPECTS:
        assert (difference(render(spec), render(other(spec, aspect))) > 12).sum() > 240, aspect


@pytest.mark.parametrize("finish", FINISHES)
def test_the_colour_seen_is_the_colour_named(finish: str) -> None:
    """The median colour of a plain garment is nearer to a dye of its name than to the middle dyes of most others."""
    ranks = []
    for n, spec in enumerate(specs(len(COLOURS), 3)):
        colour = sorted(COLOURS)[n]
        plain = in_finish(spec, finish)
        plain = dataclasses.replace(plain, garment=spec.garment.replace(colour=colour, pattern="solid", logo="none"))
        rendered = render(plain)
        seen = np.median(np.asarray(rendered.picture, np.float64)[rendered.regions["colour"]], axis=0) / 255.0
        gaps = {name: float(np.abs(seen - dyed(name, (0.5, 0.5, 0.5))).sum()) for name in COLOURS}
        ranks.append(sorted(gaps, key=lambda name: gaps[name]).index(colour))
    assert np.mean(np.asarray(ranks) == 0) >= 0.7
    assert max(ranks) <= 2


def test_every_colour_has_dyes() -> None:
    assert set(DYES) == set(COLOURS)
    with pytest.raises(ValueError, match="unknown colour 'teal'; choose one of black"):
        dyed("teal", (0.5, 0.5, 0.5))


def test_a_look_is_checked_and_needed() -> None:
    spec = specs(1)[0]
    assert isinstance(spec.look, Look)
    with pytest.raises(ValueError, match="unknown finish 'marble'; choose one of cloth"):
        in_finish(spec, "marble")
    with pytest.raises(ValueError, match="has no look"):
        render(sample_spec("dress", np.random.default_rng(0)))


def test_a_picture_takes_milliseconds() -> None:
    render(specs(1)[0])
    start = time.process_time()
    for spec in specs(12, 4):
        render(spec)
    assert (time.process_time() - start) / 12 < 0.12
