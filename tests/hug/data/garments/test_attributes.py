"""Truth travels through JSON unchanged; impossible garments are refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hug.data.garments.attributes import (
    ASPECTS,
    CATEGORIES,
    VALUES,
    Garment,
    Nuisance,
    Spec,
    differing,
    sample_garment,
)
from tests.hug.data.garments.samples import sample_spec


@pytest.mark.parametrize("seed", range(20))
def test_a_spec_survives_json(seed: int) -> None:
    spec = sample_spec(CATEGORIES[seed % 3], np.random.default_rng(seed))
    assert Spec.from_json(spec.to_json()) == spec


def test_there_are_as_many_values_as_promised() -> None:
    least = {"colour": 10, "pattern": 5, "sleeve": 3, "neckline": 3, "length": 3, "logo": 3}
    for category in CATEGORIES:
        assert all(len(set(VALUES[category][aspect])) >= least[aspect] for aspect in ASPECTS)


def test_impossible_values_are_refused_by_name() -> None:
    good = sample_garment("shirt", np.random.default_rng(0))
    with pytest.raises(ValueError, match="a shirt has no length 'maxi'"):
        good.replace(length="maxi")
    with pytest.raises(ValueError, match="unknown category 'hat'"):
        Garment("hat", *good.key())
    with pytest.raises(ValueError, match="unknown aspect 'price'"):
        good.value("price")
    with pytest.raises(ValueError, match="unknown background"):
        Nuisance(background="moon")


@pytest.mark.parametrize("text", ['{"garment": {}}', "[]", '{"garment": 1, "nuisance": 2, "seed": 3}'])
def test_foreign_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a garment specification"):
        Spec.from_json(text)


def test_an_unknown_key_is_refused() -> None:
    raw = json.loads(sample_spec("dress", np.random.default_rng(1)).to_json())
    raw["nuisance"]["weather"] = "rain"
    with pytest.raises(ValueError, match="weather"):
        Spec.from_json(json.dumps(raw))


def test_differing_names_the_changed_aspects() -> None:
    first = Garment("dress", "red", "solid", "short", "crew", "mini", "none")
    assert differing(first, first) == ()
    assert differing(first, first.replace(logo="star", colour="blue")) == ("colour", "logo")


def test_nuisances_are_independent_of_most_attributes() -> None:
    """The same generator state gives the same look to a garment with another sleeve, neckline, length or logo."""
    from hug.data.garments.attributes import dress_up

    first = Garment("dress", "red", "solid", "short", "crew", "mini", "none")
    second = first.replace(sleeve="long", neckline="v-neck", length="maxi", logo="star", pattern="plaid")
    looks = [dress_up(g, np.random.default_rng(3)).nuisance for g in (first, second)]
    assert looks[0] == looks[1]
