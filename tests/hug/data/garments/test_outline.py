"""The independent renderer: reproducible, true to the attributes, and of no use for training."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from hug.data.garments import SIZES, Sizes, build, read, verify
from hug.data.garments.attributes import ASPECTS, CATEGORIES, VALUES, Spec, sample_garment
from hug.data.garments.drawing import draw
from hug.data.garments.intervene import STYLES, apply
from hug.data.garments.outline import dress_up, render
from hug.data.garments.phrasing import VOICE, Voice

ZONES = ("sleeve", "neckline", "length", "logo")


def specs(count: int, seed: int = 0) -> list[Spec]:
    rng = np.random.default_rng(seed)
    return [dress_up(sample_garment(CATEGORIES[i % 3], rng), rng) for i in range(count)]


def other(spec: Spec, aspect: str, step: int = 1) -> Spec:
    values = VALUES[spec.garment.category][aspect]
    value = values[(values.index(spec.garment.value(aspect)) + step) % len(values)]
    return dataclasses.replace(spec, garment=spec.garment.replace(**{aspect: value}))


def difference(first: object, second: object) -> np.ndarray:
    """(256, 256) absolute difference of two pictures."""
    return np.asarray(np.abs(np.asarray(first, np.float64) - np.asarray(second, np.float64)).mean(-1))


def test_the_same_spec_gives_the_same_bytes_and_regions() -> None:
    for spec in specs(6):
        first, second = render(spec), draw(Spec.from_json(spec.to_json()))
        assert first.picture.tobytes() == second.picture.tobytes()
        assert (first.picture.mode, first.picture.size) == ("RGB", (256, 256))
        assert tuple(first.regions) == ASPECTS
        assert all(0 < mask.sum() < 0.8 * mask.size and mask.dtype == bool for mask in first.regions.values())


@pytest.mark.parametrize("aspect", ZONES)
def test_a_zone_holds_the_attribute_and_does_not_tell_its_value(aspect: str) -> None:
    shares = []
    for spec in specs(9, 2):
        drawn = [render(other(spec, aspect, i)) for i in range(len(VALUES[spec.garment.category][aspect]))]
        zone = drawn[0].regions[aspect]
        assert all((each.regions[aspect] == zone).all() for each in drawn)
        change = difference(drawn[0].picture, drawn[-1].picture)
        shares.append(change[zone].sum() / change.sum())
    assert np.median(shares) > 0.9


def test_no_two_values_of_an_aspect_look_the_same() -> None:
    for spec in specs(6, 3):
        for aspect in ASPECTS:
            assert (difference(render(spec).picture, render(other(spec, aspect)).picture) > 12).sum() > 60, aspect


@pytest.mark.parametrize("style", sorted(STYLES))
def test_aspects_can_be_removed(style: str) -> None:
    for spec in specs(3, 4):
        rendered = render(spec)
        for aspect in ASPECTS:
            after = apply(rendered, aspect, STYLES[style][aspect], 1)
            assert after.size == (256, 256)
            if aspect != "pattern" or spec.garment.pattern != "solid":
                assert difference(after, rendered.picture)[rendered.regions[aspect]].mean() > 0


def test_an_unknown_renderer_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown renderer 'oils'; this version of hug has 'outline'"):
        draw(dataclasses.replace(specs(1)[0], renderer="oils"))


def test_its_words_are_others() -> None:
    own = Voice(Path("hug/data/garments/outline_words.json").resolve())
    for frames in ("questions", "likenesses", "fillers", "openings", "closings", "adjectives", "nouns"):
        assert not set(getattr(own, frames)) & set(getattr(VOICE, frames)), frames
    for aspect in ASPECTS:
        for value, phrases in own.tables.named[aspect].items():
            recurring = set(phrases) & set(VOICE.tables.named[aspect][value])
            assert len(recurring) <= 0.5 * len(set(phrases)), (aspect, value, recurring)


def test_it_can_be_evaluated_and_not_trained_on(tmp_path: Path) -> None:
    folder = build(tmp_path / "set", Sizes((0, 24, 24), (0, 24, 24)), 1, "small", progress=False, recipe="outline")
    assert verify(folder) == []
    assert read(folder, "test").truth is not None
    with pytest.raises(ValueError, match="the gallery is empty"):
        read(folder, "train")
    assert not SIZES["outline-1"].triplets[0]
