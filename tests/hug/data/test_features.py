"""Features are the right tokens for the right picture, text and view."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from hug.data.captions import joined, training_texts
from hug.data.corruptions import TRAINED, corrupt
from hug.data.features import (
    Features,
    evaluation_features,
    shortened,
    training_features,
    view_plan,
)
from hug.data.garments import read
from hug.data.garments.attributes import ASPECTS, Spec
from hug.data.garments.intervene import remove
from hug.data.images import open_picture
from tests.hug.conftest import PixelBackbone


@pytest.fixture(scope="module")
def features(garments: Path, tmp_path_factory: pytest.TempPathFactory) -> Features:
    return training_features(read(garments, "train"), PixelBackbone(), tmp_path_factory.mktemp("cache"), 7)


def test_each_picture_has_its_own_tokens(features: Features):
    ids = list(features.pictures.ids)[::7]
    pictures = [open_picture(features.collection.path(i)) for i in ids]
    torch.testing.assert_close(features.pictures.take(ids), PixelBackbone().images(pictures), atol=1e-3, rtol=1e-3)


def test_each_text_has_its_own_tokens_cut_to_the_longest(features: Features):
    texts = [training_texts(t.captions)[0] for t in features.collection.triplets[:5]]
    words, full = features.texts.take(texts), PixelBackbone().words(texts)
    longest = full.mask.sum(1).max()
    assert words.content.shape[1] == longest
    torch.testing.assert_close(words.content, full.content[:, :longest], atol=1e-2, rtol=1e-2)
    assert torch.equal(words.mask, full.mask[:, :longest])


def test_views_are_what_the_plan_says(features: Features):
    assert features.views is not None
    plan = view_plan(features.pictures.ids, 7)
    for n in (0, 11, 30):
        picture = open_picture(features.collection.path(plan.id[n]))
        for column, tokens in (("less", features.views.less), ("more", features.views.more)):
            view = corrupt(picture, plan.kind[n], int(plan[column][n]), seed=7 + n)
            expected = PixelBackbone().images([view])[0]
            torch.testing.assert_close(torch.from_numpy(np.array(tokens[n])).float(), expected, atol=2e-3, rtol=2e-3)


def test_the_plan_always_rises_and_uses_trained_kinds_only():
    plan = view_plan([str(n) for n in range(500)], 0)
    assert (plan.less < plan.more).all() and plan.less.min() == 1 and plan.more.max() == 5
    assert set(plan.kind) == set(TRAINED)


def test_removed_views_are_of_clean_pictures_in_the_style_trained_with(features: Features):
    views, truth = features.views, features.collection.truth
    assert views is not None and views.removed is not None and truth is not None
    assert set(views.removed_row) == truth.clean_ids
    name, row = list(views.removed_row.items())[3]
    view = remove(Spec.from_json(truth.labels.spec[name]), ASPECTS[views.aspect[row]], "trained", 7 + row)
    expected = PixelBackbone().images([view])[0]
    torch.testing.assert_close(torch.from_numpy(np.array(views.removed[row])).float(), expected, atol=2e-3, rtol=2e-3)


def test_mined_references_lack_what_the_text_presupposes_and_nothing_else_tells(features: Features):
    collection = features.collection
    assert collection.truth is not None and features.mined
    images, truth = collection.truth.labels, collection.truth.queries
    for row, mined in features.mined.items():
        needs, own = truth.needs[row], images.loc[collection.triplets[row].reference]
        assert truth.kind[row] == "presupposing" and all(own[aspect] == value for aspect, value in needs.items())
        for name in (*mined.fits, *mined.lacks):
            other, fits = images.loc[name], name in mined.fits
            assert all((other[aspect] == value) == fits for aspect, value in needs.items())
            assert (other.category, other.degradation, other.severity) == (own.category, own.degradation, own.severity)


def test_a_shortened_text_is_shorter_and_known(features: Features):
    for text, short in features.shorter.items():
        assert len(short) < len(text) and short in features.texts.row
    assert shortened(["", "is red and has long sleeves"], 0).keys() == {"is red and has long sleeves"}


def test_evaluated_texts_are_the_protocols(garments: Path, tmp_path: Path):
    collection = read(garments, "val")
    features = evaluation_features(collection, PixelBackbone(), tmp_path)
    assert set(features.texts.row) == {joined(t.captions) for t in collection.triplets} and features.views is None


def test_missing_pictures_are_all_named(garments: Path, tmp_path: Path):
    copy = tmp_path / "copy"
    shutil.copytree(garments, copy)
    for name in ("dress-val-00001", "shirt-val-00002"):
        (copy / "images" / f"{name}.png").unlink()
    with pytest.raises(ValueError, match="dress-val-00001.*shirt-val-00002"):
        evaluation_features(read(copy, "val"), PixelBackbone(), tmp_path / "cache")
