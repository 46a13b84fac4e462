"""Batches are pure functions of the step; the batched passes equal the plain ones."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from hug.config import OBJECTIVES, TrainConfig
from hug.data.features import Features
from hug.losses import TERMS, Criterion, Term
from hug.train.batch import Batches, supplied
from hug.train.step import compute
from tests.hug.conftest import small_model
from tests.hug.train.conftest import features_of


def test_a_batch_depends_on_seed_and_step_only(features: Features):
    a, b = (Batches(features, OBJECTIVES["calibrated"], TrainConfig(batch=4, seed=3)) for _ in range(2))
    for _ in range(3):
        a.at(0)
    one, other = a.at(5), b.at(5)
    assert torch.equal(one.reference, other.reference) and torch.equal(one.words.content, other.words.content)
    assert not torch.equal(one.reference, a.at(6).reference)


def test_an_epoch_shows_every_triplet_once(features: Features):
    batches = Batches(features, OBJECTIVES["paper"], TrainConfig(batch=4, seed=0))
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
    alone = Batches(features, OBJECTIVES["paper"], TrainConfig(batch=2, seed=0))
    epoch = [alone._rows(step) for step in range(3)]
    assert all(len({mixed[n].category for n in rows}) == 1 for rows in epoch)
    assert {mixed[rows[0]].category for rows in epoch} == {"dress", "shirt", "toptee"}
    together = Batches(features, OBJECTIVES["paper"], TrainConfig(batch=8, seed=0, one_category=False))
    assert sorted(together._rows(0)) == list(range(8))


def test_a_single_triplet_cannot_be_trained_on():
    with pytest.raises(ValueError, match="at least two triplets"):
        Batches(features_of(1), OBJECTIVES["paper"], TrainConfig(batch=4, seed=0))


def test_views_are_half_drawn_and_half_made_of_tokens(features: Features):
    objective = OBJECTIVES["calibrated"]
    mixed = Batches(features, objective, TrainConfig(batch=8, seed=0)).at(0).degraded
    plain = Batches(features, objective.replace(corrupt_tokens=False), TrainConfig(batch=8, seed=0)).at(0).degraded
    assert len(mixed) == len(plain) == 4
    torch.testing.assert_close(mixed.less[:2], plain.less[:2])
    assert not torch.isclose(mixed.less[2:], plain.less[2:]).all()


def test_without_drawn_views_the_tokens_still_supply_the_quality_ranking():
    batch = Batches(features_of(8, views=False), OBJECTIVES["calibrated"], TrainConfig(batch=8, seed=0)).at(0)
    assert batch.degraded is not None and len(batch.degraded) == 4
    assert torch.equal(batch.clean, torch.arange(8)) and batch.decorrelation is not None


def test_jitter_changes_all_views_of_a_picture_in_the_same_way_and_nothing_else(features: Features):
    objective = OBJECTIVES["calibrated"].replace(corrupt_tokens=False)
    plain = Batches(features, objective, TrainConfig(batch=8, seed=0)).at(3)
    batches = Batches(features, objective, TrainConfig(batch=8, seed=0, jitter=0.2))
    moved, again = batches.at(3), batches.at(3)
    assert torch.equal(moved.target, again.target) and not torch.equal(moved.target, plain.target)
    assert torch.equal(moved.matches, plain.matches) and torch.equal(moved.words.mask, plain.words.mask)
    rows = plain.degraded.rows
    before, after = (b.degraded.less.double() - b.target[rows].double() for b in (plain, moved))  # shifts cancel
    scale = (after * before).sum(1, keepdim=True) / before.square().sum(1, keepdim=True)  # (V, 1, C)
    torch.testing.assert_close(after, scale * before, rtol=1e-3, atol=1e-3)
    assert not torch.equal(moved.words.content, plain.words.content)


def test_foreign_words_are_never_the_own_ones(features: Features):
    batches = Batches(features, OBJECTIVES["paper"], TrainConfig(batch=4, seed=0))
    assert all(1 <= batches.at(step).shift < 4 for step in range(50))


def test_a_target_that_occurs_twice_matches_twice(features: Features):
    triplets = features.collection.triplets
    twice = dataclasses.replace(triplets[1], target=triplets[0].target)
    collection = dataclasses.replace(features.collection, triplets=(triplets[0], twice))
    features = dataclasses.replace(features, collection=collection)
    assert Batches(features, OBJECTIVES["paper"], TrainConfig(batch=2, seed=0)).at(0).matches.all()


@pytest.mark.parametrize("cord_fits", [False, True])
def test_batched_passes_equal_the_plain_ones(features: Features, cord_fits: bool):
    objective = OBJECTIVES["calibrated"].replace(cord_fits=cord_fits)
    model = small_model(objective).eval()
    batch = Batches(features, objective, TrainConfig(batch=4, seed=0)).at(0)
    out = compute(model, batch, objective)
    query = model.query_tokens(batch.reference, batch.words)
    target = model.target_tokens(batch.target)
    close = {"rtol": 1e-4, "atol": 1e-5}
    for name in ("mu", "var", "var_r", "var_t", "var_m", "weights"):
        torch.testing.assert_close(getattr(out.query, name), getattr(query, name), **close)
    for name in ("mu", "var", "bias"):
        torch.testing.assert_close(getattr(out.target, name), getattr(target, name), **close)
    views, removed, mined, short = batch.degraded, batch.removed, batch.mined, batch.shortened
    torch.testing.assert_close(out.degraded.picture, target.var[views.rows], **close)
    torch.testing.assert_close(out.degraded.less, model.target_tokens(views.less).var, **close)
    torch.testing.assert_close(out.degraded.more, model.target_tokens(views.more).var, **close)
    torch.testing.assert_close(out.removed.before, target.var[removed.rows], **close)
    torch.testing.assert_close(out.removed.after, model.target_tokens(removed.tokens).var, **close)
    foreign = model.query_tokens(batch.reference, batch.words.roll(batch.shift))
    torch.testing.assert_close(out.foreign.more, foreign.var_m, **close)
    lacks = model.query_tokens(mined.lacks, batch.words[mined.rows]).var_m
    fits = [query.var_m[mined.rows]]
    if cord_fits:
        fits.append(model.query_tokens(mined.fits, batch.words[mined.rows]).var_m)
    torch.testing.assert_close(out.mined.less, torch.cat(fits), **close)
    torch.testing.assert_close(out.mined.more, torch.cat([lacks] * len(fits)), **close)
    expected = torch.cat([target.var[batch.clean], model.target_tokens(batch.decorrelation).var])
    torch.testing.assert_close(out.clean, expected, **close)
    texts = model.query_tokens(batch.reference[: len(short)], short.words)
    torch.testing.assert_close(out.shortened.less, query.var_t[short.rows], **close)
    torch.testing.assert_close(out.shortened.more, texts.var_t, **close)


def test_faults_are_in_some_pictures_and_their_originals_are_beside_them(features: Features):
    objective = OBJECTIVES["likelihood"].replace(corrupt=1.0)
    plain = Batches(features, OBJECTIVES["paper"], TrainConfig(batch=8, seed=0)).at(0)
    batch = Batches(features, objective, TrainConfig(batch=8, seed=0)).at(0)
    seen, before = (torch.cat([b.reference, b.target]) for b in (batch, plain))
    changed = (seen != before).flatten(1).any(1)
    assert changed[:8].all() and 0 < changed[8:].sum() < 8  # all references, half of the targets on average
    assert batch.originals is not None
    assert torch.equal(batch.originals.tokens, before[batch.originals.rows]) and changed[batch.originals.rows].all()
    again = Batches(features, objective, TrainConfig(batch=8, seed=0)).at(0)
    assert torch.equal(again.reference, batch.reference) and torch.equal(again.target, batch.target)
    assert Batches(features, objective.replace(corrupt=0.0), TrainConfig(batch=8, seed=0)).at(0).originals is None


def test_faulty_pictures_and_negatives_equal_the_plain_passes(features: Features):
    objective = OBJECTIVES["likelihood"].replace(corrupt=0.5)
    model, batch = small_model(objective).eval(), Batches(features, objective, TrainConfig(batch=8, seed=0)).at(0)
    out, close = compute(model, batch, objective), {"rtol": 1e-4, "atol": 1e-5}
    seen = model.target_tokens(torch.cat([batch.reference, batch.target]))
    originals, removed = model.target_tokens(batch.originals.tokens), model.target_tokens(batch.removed.tokens)
    whole, rows = seen[8:][batch.removed.rows], batch.originals.rows
    for name in ("mu", "var"):
        after = torch.cat([getattr(seen, name)[rows], getattr(removed, name)])
        before = torch.cat([getattr(originals, name), getattr(whole, name)])
        torch.testing.assert_close(getattr(out.faulty, name), after, **close)
        torch.testing.assert_close(getattr(out.faulty, f"{name}_before"), before, **close)
    torch.testing.assert_close(out.aspects.before, whole.mu, **close)
    torch.testing.assert_close(out.aspects.after, removed.mu, **close)
    assert torch.equal(out.aspects.aspect, batch.removed.aspect)
    torch.testing.assert_close(out.negatives.candidates.mu, seen.mu[:8], **close)
    torch.testing.assert_close(out.negatives.candidates.var, seen.var[:8], **close)
    references = [t.reference for t in features.collection.triplets]
    targets = [t.target for t in features.collection.triplets]
    assert out.negatives.matches.any() == bool({*references} & {*targets})


def test_deranged_references_join_the_foreign_words(features: Features):
    objective = OBJECTIVES["paper"].replace(cord_reference=True)
    model, batch = small_model(objective).eval(), Batches(features, objective, TrainConfig(batch=4, seed=0)).at(0)
    out = compute(model, batch, objective)
    words = model.query_tokens(batch.reference, batch.words.roll(batch.shift)).var_m
    references = model.query_tokens(batch.reference.roll(batch.shift, 0), batch.words).var_m
    torch.testing.assert_close(out.foreign.more, torch.cat([words, references]), rtol=1e-4, atol=1e-5)
    assert torch.equal(out.foreign.less, torch.cat([out.query.var_m] * 2))


def test_a_term_makes_the_views_that_it_needs_by_itself(features: Features):
    objective = OBJECTIVES["paper"].replace(picture_apart=0.2)
    batch = Batches(features, objective, TrainConfig(batch=8, seed=0)).at(0)
    assert batch.degraded is not None and batch.clean is not None and batch.removed is None and batch.mined is None
    assert "picture_apart" in Criterion(objective).terms(compute(small_model(objective), batch, objective))


@pytest.mark.parametrize("term", [term for term in TERMS if term.depends_on_data], ids=lambda term: term.weight)
def test_a_term_without_its_data_is_off_or_refused(term: Term):
    bare = features_of(views=False)
    bare = dataclasses.replace(bare, shorter={})
    objective = OBJECTIVES["paper"].replace(**{term.weight: 0.1, "cord": 0.0, "corrupt_tokens": False})
    assert getattr(supplied(objective, features_of())[0], term.weight) == 0.1
    changed, notes = supplied(objective, bare)
    assert getattr(changed, term.weight) == 0 and len(notes) == 1 and notes[0].startswith(f"{term.weight} is off")
    with pytest.raises(ValueError, match=f"'{term.weight}' was asked for"):
        supplied(objective.replace(required=(term.weight,)), bare)
