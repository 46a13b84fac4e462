"""Galleries are hard: many near misses, and neither the reference nor the words alone find the target."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping

import numpy as np
import pytest

from hug.data.garments import SIZES
from hug.data.garments.attributes import ASPECTS, CATEGORIES, VALUES, Garment
from hug.data.garments.dataset import Part, plan
from hug.data.garments.sampling import CHANGES, NEAR, Rules, distances, gallery, triplets
from hug.data.garments.wording import lacks


def naive(first: Garment, second: Garment) -> int:
    return sum(a != b for a, b in zip(first.key(), second.key(), strict=True))


@functools.cache
def planned(category: str) -> Part:
    return plan(category, "test", SIZES["garments-1"], 0)


@functools.cache
def column(category: str, aspect: str) -> np.ndarray:
    """(n,) the gallery's values of one aspect."""
    return np.array([spec.garment.value(aspect) for spec in planned(category).specs])


@pytest.fixture(scope="module", params=CATEGORIES)
def full(request: pytest.FixtureRequest) -> Part:
    """The planned test split of one category of the frozen version, without its pictures."""
    return planned(request.param)


@pytest.mark.parametrize("count", [20, 30, 40, 300, 1000])
def test_a_gallery_has_the_asked_number_of_different_garments(count: int) -> None:
    garments = gallery("dress", count, np.random.default_rng(1))
    assert len(garments) == len(set(garments)) == count


def test_distances_are_those_of_a_naive_loop() -> None:
    garments = gallery("shirt", 30, np.random.default_rng(2))
    apart = distances(garments)
    for i, j in itertools.product(range(30), repeat=2):
        assert apart[i, j] == naive(garments[i], garments[j])


def test_too_small_a_gallery_is_refused() -> None:
    garments = gallery("shirt", 3, np.random.default_rng(2))
    with pytest.raises(ValueError, match="make the gallery larger"):
        triplets(garments, [("none", 0)] * 3, 5, np.random.default_rng(0))


def test_more_garments_than_a_split_may_show_are_refused() -> None:
    nothing = Rules(allows=lambda garment: False)
    with pytest.raises(ValueError, match="a dress has fewer than 200 garments that this split may show; ask for fewer"):
        gallery("dress", 200, np.random.default_rng(0), nothing)


def test_a_full_gallery_shows_every_value(full: Part) -> None:
    for aspect in ASPECTS:
        assert {s.garment.value(aspect) for s in full.specs} == set(VALUES[full.category][aspect])


def test_every_target_has_near_misses(full: Part) -> None:
    near = (distances([s.garment for s in full.specs]) == 1).sum(1)
    assert min(near[t.target] for t in full.triplets) >= NEAR


def test_changes_and_kinds_have_their_shares(full: Part) -> None:
    count = len(full.triplets)
    for number, share in CHANGES:
        assert abs(sum(len(t.changed) == number for t in full.triplets) / count - share) < 0.06
    kinds = {kind: sum(t.kind == kind for t in full.triplets) for kind in ("vague", "conflict")}
    assert kinds == {"vague": round(0.15 * count), "conflict": round(0.10 * count)}
    assert sum(severity > 0 for _, severity in full.quality) == round(0.2 * len(full.quality))


def test_conflicting_references_lack_what_is_presupposed_and_little_else(full: Part) -> None:
    for t in full.triplets:
        reference, fitting = full.specs[t.candidate].garment, full.specs[t.fits].garment
        if t.kind != "conflict":
            assert t.candidate == t.fits
            continue
        assert lacks(reference, t.wording.needs)
        assert not lacks(fitting, t.wording.needs)
        assert full.quality[t.candidate] == full.quality[t.fits]
        assert t.candidate != t.target
        assert naive(reference, fitting) <= len(t.wording.needs) + 1


def matching(part: Part, says: Mapping[str, tuple[str, ...]]) -> int:
    """How many images of the gallery the words allow."""
    allowed = np.ones(len(part.specs), bool)
    for aspect, values in says.items():
        allowed &= np.isin(column(part.category, aspect), values)
    return int(allowed.sum())


def test_words_alone_find_few_targets(full: Part) -> None:
    """Even someone who reads every attribute without fault, and knows only the words, reaches R@10 of at most 25."""
    chances = [min(1.0, 10 / matching(full, t.wording.says)) for t in full.triplets if t.kind == "specific"]
    assert np.mean(chances) <= 0.25


def test_a_reference_alone_finds_few_targets(full: Part) -> None:
    """The same for someone who knows only the reference, and guesses that one (or two) attributes change."""
    apart = distances([s.garment for s in full.specs])
    specific = [t for t in full.triplets if t.kind == "specific"]
    for changes in (1, 2, 3):
        hits = [
            (apart[t.candidate, t.target] == changes) * min(1, 10 / (apart[t.candidate] == changes).sum())
            for t in specific
        ]
        assert np.mean(hits) <= 0.15


def test_reference_and_words_together_do_find_them(full: Part) -> None:
    chances = []
    for t in full.triplets[::7]:
        if t.kind != "specific":
            continue
        kept = {a: (full.specs[t.candidate].garment.value(a),) for a in ASPECTS if a not in t.wording.says}
        chances.append(min(1.0, 10 / matching(full, {**t.wording.says, **kept})))
    assert np.mean(chances) > 0.98
