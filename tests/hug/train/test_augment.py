"""Views made of tokens: more is more, nothing leaks, a removed aspect is changed where it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hug.train.augment import SPOILED, Statistics, _near, _spoil, removed_otherwise, spoiled


def tokens(count: int = 6, cells: int = 25, channels: int = 8) -> torch.Tensor:
    return torch.randn(count, cells, channels, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", SPOILED)
def test_more_is_further_from_the_picture_in_every_way(kind: str):
    own = tokens()
    known = Statistics.of(own)
    for seed in range(20):
        less, more = _spoil(own[0], kind, (0.3, 0.8), own[1], known, np.random.default_rng(seed))
        assert 0 < (less - own[0]).norm() < (more - own[0]).norm()


def test_views_are_a_function_of_the_generator_and_leave_the_picture_alone():
    own = tokens()
    before, known = own.clone(), Statistics.of(own)
    first, again = (spoiled(own, known, np.random.default_rng(3)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert torch.equal(own, before) and first[0].shape == first[1].shape == own.shape
    assert not torch.equal(spoiled(own, known, np.random.default_rng(4))[0], first[0])


def test_a_single_picture_can_be_spoiled():
    less, more = spoiled(tokens(1), Statistics.of(tokens()), np.random.default_rng(0))
    assert torch.isfinite(less).all() and torch.isfinite(more).all()


@pytest.mark.parametrize("cells", [25, 7])
def test_places_are_an_order_of_all_tokens(cells: int):
    for seed in range(10):
        assert sorted(_near(cells, np.random.default_rng(seed))) == list(range(cells))


def test_a_removed_aspect_changes_where_it_was_and_hardly_elsewhere():
    before = tokens(300)
    after = before.clone()
    after[:, 3:5] += 5.0  # the aspect sits in two tokens
    out = removed_otherwise(before, after, Statistics.of(before), np.random.default_rng(0))
    elsewhere = [n for n in range(25) if n not in (3, 4)]
    assert torch.equal(out[:, elsewhere], before[:, elsewhere])
    assert ((out - before)[:, 3:5].flatten(1).norm(dim=1) > 0).all()
    kept = (out == after).flatten(1).all(1).float().mean().item()
    assert 0.2 < kept < 0.45  # about a third stays as drawn


def test_an_aspect_that_is_everywhere_is_only_removed_in_part_or_wholly():
    before = tokens(60)
    after = before + 4.0
    out = removed_otherwise(before, after, Statistics.of(before), np.random.default_rng(0))
    shares = (out - before).flatten(1) / 4.0
    assert (shares.std(1) < 1e-5).all() and shares.min() > 0.45 and shares.max() < 1.55
