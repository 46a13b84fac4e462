"""What lies off the subspace of the known items is new; as many of the known as promised are."""

from __future__ import annotations

import numpy as np
import pytest

from hug.novelty import FALSE_ALARMS, Neighbours, Novelty

RNG = np.random.default_rng(0)
AXES = RNG.standard_normal((6, 40))
KNOWN = RNG.standard_normal((2000, 6)) @ AXES + 0.1 * RNG.standard_normal((2000, 40))


def test_known_items_are_rarely_new_and_others_always():
    novelty = Novelty.fit(KNOWN)
    again = RNG.standard_normal((4000, 6)) @ AXES + 0.1 * RNG.standard_normal((4000, 40))
    assert novelty.new(again).mean() == pytest.approx(FALSE_ALARMS, abs=0.01)
    assert novelty.new(again + 2 * RNG.standard_normal((4000, 40))).all()


def test_the_error_is_the_distance_from_the_subspace():
    novelty = Novelty(np.zeros(3, np.float32), np.eye(3, dtype=np.float32)[:2], 1.0)
    np.testing.assert_allclose(novelty.error(np.array([[5.0, -7.0, 0.0], [0.0, 1.0, 3.0]])), [0.0, 9.0], atol=1e-6)
    assert novelty.new(np.array([[5.0, -7.0, 0.0], [0.0, 1.0, 3.0]])).tolist() == [False, True]


@pytest.mark.parametrize("items", [np.zeros((3, 4)), np.full((9, 4), np.nan), np.zeros(9)])
def test_too_little_to_know_is_refused(items: np.ndarray):
    with pytest.raises(ValueError, match="at least four rows"):
        Novelty.fit(items)


def test_the_nearest_known_item_decides_by_its_angle():
    neighbours = Neighbours.of(np.array([[2.0, 0.0, 0.0], [0.0, 0.5, 0.0]]), limit=0.25)
    items = np.array([[9.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 3.0, 4.0]])
    np.testing.assert_allclose(neighbours.distance(items), [0.0, 1 - 0.5**0.5, 1.0, 1 - 0.6], atol=2e-3)
    assert neighbours.new(items).tolist() == [False, True, True, True]


@pytest.mark.parametrize("items", [np.zeros((0, 4)), np.full((9, 4), np.inf), np.zeros(9)])
def test_nothing_to_compare_with_is_refused(items: np.ndarray):
    with pytest.raises(ValueError, match="finite numbers"):
        Neighbours.of(items, 0.5)
