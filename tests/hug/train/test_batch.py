"""Batches are pure functions of the step; the batched passes equal the plain ones."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from hug.config import OBJECTIVES
from hug.data.features import Features
from hug.train.batch import Batches, compute
from tests.hug.conftest import small_model
from tests.hug.train.conftest import features_of


def test_a_batch_depends_on_seed_and_step_only(features: Features):
    a, b = (Batches(features, OBJECTIVES["calibrated"], 4, seed=3) for _ in range(2))
    for _ in range(3):
        a.at(0)
    one, other = a.at(5), b.at(5)
    assert torch.equal(one.reference, other.reference) and torch.equal(one.words, other.words)
    assert not torch.equal(one.reference, a.at(6).reference)


def test_an_epoch_shows_every_triplet_once(features: Features):
    batches = Batches(features, OBJECTIVES["paper"], 4, seed=0)
    for epoch in range(2):
        rows = [n for step in (2 * epoch, 2 * epoch + 1) for n in batches._rows(step)]
        assert sorted(rows) == list(range(8))


def test_a_batch_has_one_category_where_asked_and_none_is_forgotten():
    features = features_of(8)
    mixed = tuple(
        dataclasses.replace(t, category=("dress", "shirt", "toptee")[n // 3])
        for n, t in enumerate(features.collection.triplets)
    )  # three dresses, three shirts, two tops
    features = dataclasses.replace(features, collection=dataclasses.replace(features.collection, triplets=mixed))
    alone = Batches(features, OBJECTIVES["paper"], 2, seed=0)
    epoch = [alone._rows(step) for step in range(3)]
    assert all(len({mixed[n].category for n in rows}) == 1 for rows in epoch)
    assert {mixed[rows[0]].category for rows in epoch} == {"dress", "shirt", "toptee"}
    together = Batches(features, OBJECTIVES["paper"], 8, seed=0, one_category=False)
    assert sorted(together._rows(0)) == list(range(8))


def test_a_single_triplet_cannot_be_trained_on():
    with pytest.raises(ValueError, match="at least two triplets"):
        Batches(features_of(1), OBJECTIVES["paper"], 4, seed=0)


def test_views_are_half_drawn_and_half_made_of_tokens(features: Features):
    objective = OBJECTIVES["calibrated"]
    rows, less, _ = Batches(features, objective, 8, seed=0).at(0).views
    drawn = dataclasses.replace(objective, spoil=False)
    plain_rows, plain, _ = Batches(features, drawn, 8, seed=0).at(0).views
    assert len(rows) == len(plain_rows) == 4
    torch.testing.assert_close(less[:2], plain[:2])
    assert not torch.isclose(less[2:], plain[2:]).all()


def test_without_drawn_views_the_tokens_still_supply_the_quality_ranking():
    batch = Batches(features_of(8, views=False), OBJECTIVES["calibrated"], 8, seed=0).at(0)
    assert batch.views is not None and len(batch.views[0]) == 4 and batch.clean is None and batch.company is not None


def test_jitter_changes_all_views_of_a_picture_in_the_same_way_and_nothing_else(features: Features):
    objective = dataclasses.replace(OBJECTIVES["calibrated"], spoil=False)
    plain = Batches(features, objective, 8, seed=0).at(3)
    batches = Batches(features, objective, 8, seed=0, jitter=0.2)
    moved, again = batches.at(3), batches.at(3)
    assert torch.equal(moved.target, again.target) and not torch.equal(moved.target, plain.target)
    assert torch.equal(moved.matches, plain.matches) and torch.equal(moved.mask, plain.mask)
    assert moved.views is not None and plain.views is not None
    rows = plain.views[0]
    before, after = (b.views[1].double() - b.target[rows].double() for b in (plain, moved))  # shifts cancel
    scale = (after * before).sum(1, keepdim=True) / before.square().sum(1, keepdim=True)  # (V, 1, C)
    torch.testing.assert_close(after, scale * before, rtol=1e-3, atol=1e-3)
    assert not torch.equal(moved.words, plain.words)


def test_foreign_words_are_never_the_own_ones(features: Features):
    batches = Batches(features, OBJECTIVES["paper"], 4, seed=0)
    assert all(1 <= batches.at(step).shift < 4 for step in range(50))


def test_a_target_that_occurs_twice_matches_twice(features: Features):
    triplets = features.collection.triplets
    twice = dataclasses.replace(triplets[1], target=triplets[0].target)
    collection = dataclasses.replace(features.collection, triplets=(triplets[0], twice))
    matches = Batches(dataclasses.replace(features, collection=collection), OBJECTIVES["paper"], 2, 0).at(0).matches
    assert matches.all()


@pytest.mark.parametrize("cord_fits", [False, True])
def test_batched_passes_equal_the_plain_ones(features: Features, cord_fits: bool):
    objective = dataclasses.replace(OBJECTIVES["calibrated"], cord_fits=cord_fits)
    model = small_model(objective).eval()
    batch = Batches(features, objective, 4, seed=0).at(0)
    out = compute(model, batch, objective)
    query = model.query_tokens(batch.reference, batch.words, batch.mask)
    target = model.target_tokens(batch.target)
    close = {"rtol": 1e-4, "atol": 1e-5}
    for name in ("mu", "var", "var_r", "var_t", "var_m", "weights"):
        torch.testing.assert_close(getattr(out.query, name), getattr(query, name), **close)
    for name in ("mu", "var", "bias"):
        torch.testing.assert_close(getattr(out.target, name), getattr(target, name), **close)
    assert out.pictures is not None and batch.views is not None and batch.removed is not None
    rows, less, more = batch.views
    torch.testing.assert_close(out.pictures[0], torch.cat([target.var[rows], model.target_tokens(less).var]), **close)
    torch.testing.assert_close(out.pictures[1][len(rows) :], model.target_tokens(more).var, **close)
    assert out.removed is not None and out.texts is not None and out.foreign is not None
    torch.testing.assert_close(out.removed[1], model.target_tokens(batch.removed[1]).var, **close)
    foreign = model.query_tokens(batch.reference, batch.words.roll(batch.shift, 0), batch.mask.roll(batch.shift, 0))
    torch.testing.assert_close(out.foreign[1], foreign.var_m, **close)
    assert batch.mined is not None and out.lacking is not None
    rows, *tokens = batch.mined
    lacks, *fits = (model.query_tokens(t, batch.words[rows], batch.mask[rows]).var_m for t in tokens)
    assert len(fits) == cord_fits
    torch.testing.assert_close(out.lacking[0], torch.cat([query.var_m[rows], *fits]), **close)
    torch.testing.assert_close(out.lacking[1], torch.cat([lacks] * (1 + cord_fits)), **close)
    assert out.clean is not None and batch.company is not None and batch.clean is not None
    expected = torch.cat([target.var[batch.clean], model.target_tokens(batch.company).var])
    torch.testing.assert_close(out.clean, expected, **close)
    assert batch.shorter is not None
    short = model.query_tokens(batch.reference[: len(batch.shorter[0])], *batch.shorter[1:])
    torch.testing.assert_close(out.texts[1], short.var_t, **close)
