"""Views made of tokens: more is more, nothing leaks, a removed aspect is changed where it is."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hug.backbones import WordIds, Words, WordTokens
from hug.train.augment import (
    CORRUPTIONS,
    Statistics,
    _corrupt,
    _places,
    corrupt_tokens,
    jitter_words,
    remove_in_tokens,
)


def tokens(count: int = 6, cells: int = 25, channels: int = 8) -> torch.Tensor:
    return torch.randn(count, cells, channels, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_more_is_further_from_the_picture_in_every_way(kind: str):
    own = tokens()
    statistics = Statistics.of(own)
    for seed in range(20):
        less, more = _corrupt(own[0], kind, (0.3, 0.8), own[1], statistics, np.random.default_rng(seed))
        assert 0 < (less - own[0]).norm() < (more - own[0]).norm()


def test_views_are_a_function_of_the_generator_and_leave_the_picture_alone():
    own = tokens()
    before, statistics = own.clone(), Statistics.of(own)
    first, again = (corrupt_tokens(own, statistics, np.random.default_rng(3)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert torch.equal(own, before) and first[0].shape == first[1].shape == own.shape
    assert not torch.equal(corrupt_tokens(own, statistics, np.random.default_rng(4))[0], first[0])


def test_a_single_picture_can_be_corrupted():
    less, more = corrupt_tokens(tokens(1), Statistics.of(tokens()), np.random.default_rng(0))
    assert torch.isfinite(less).all() and torch.isfinite(more).all()


@pytest.mark.parametrize("cells", [25, 7, 26, 257])
def test_places_are_an_order_of_all_tokens(cells: int):
    for seed in range(10):
        assert sorted(_places(cells, np.random.default_rng(seed))) == list(range(cells))


def test_corruption_is_local_on_a_grid_with_a_class_token_too():
    """The first five patches in turn lie nearer to one another than five at random."""
    spread = []
    for seed in range(200):
        places = _places(17, np.random.default_rng(seed))
        nearest = np.argsort(places[1:])[:5]
        spread.append(np.ptp(nearest // 4) + np.ptp(nearest % 4))
    assert np.mean(spread) < 4.2  # five at random: 5.2
    turns = {int(_places(17, np.random.default_rng(seed))[0]) for seed in range(300)}
    assert turns == set(range(17))  # the class token's turn is any


def test_a_removed_aspect_changes_where_it_was_and_hardly_elsewhere():
    before = tokens(300)
    after = before.clone()
    after[:, 3:5] += 5.0  # the aspect sits in two tokens
    out = remove_in_tokens(before, after, Statistics.of(before), np.random.default_rng(0))
    elsewhere = [n for n in range(25) if n not in (3, 4)]
    assert torch.equal(out[:, elsewhere], before[:, elsewhere])
    assert ((out - before)[:, 3:5].flatten(1).norm(dim=1) > 0).all()
    as_drawn = (out == after).flatten(1).all(1).float().mean().item()
    assert 0.2 < as_drawn < 0.45  # about a third stays as drawn


def test_an_aspect_that_is_everywhere_is_only_removed_in_part_or_wholly():
    before = tokens(60)
    after = before + 4.0
    out = remove_in_tokens(before, after, Statistics.of(before), np.random.default_rng(0))
    shares = (out - before).flatten(1) / 4.0
    assert (shares.std(1) < 1e-5).all() and shares.min() > 0.45 and shares.max() < 1.55


def test_words_are_jittered_as_tokens_and_never_as_ids():
    words = WordTokens(tokens(3, 5), torch.ones(3, 5, dtype=torch.bool))
    noisy = jitter_words(words, 0.1, torch.Generator().manual_seed(0))
    assert isinstance(noisy, WordTokens) and torch.equal(noisy.mask, words.mask)
    assert 0.08 < (noisy.content - words.content).std() / words.content.std() < 0.12
    ids = Words.of(torch.tensor([[101, 30_521, 102]]), torch.ones(1, 3, dtype=torch.bool))
    assert isinstance(ids, WordIds)
    with pytest.raises(RuntimeError, match="floating point"):
        jitter_words(ids, 0.1, torch.Generator())  # type: ignore[arg-type]
