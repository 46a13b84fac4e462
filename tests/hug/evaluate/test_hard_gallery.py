"""The hard gallery: ranks among near misses only, as a readable loop finds them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from hug.config import OBJECTIVES
from hug.data.features import evaluation_features
from hug.data.garments import read
from hug.data.garments.attributes import ASPECTS
from hug.evaluate.hard_gallery import hard_gallery, hard_metrics
from hug.evaluate.ranking import RankedSplit, rank_split
from tests.hug.conftest import PixelBackbone, small_model


@pytest.fixture(scope="module")
def ranked(garments: Path, tmp_path_factory: pytest.TempPathFactory) -> RankedSplit:
    cache = tmp_path_factory.mktemp("cache")
    features = evaluation_features(read(garments, "test"), PixelBackbone(), cache)
    return rank_split(small_model(OBJECTIVES["calibrated"]).eval(), features)


def test_ranks_are_those_of_a_readable_loop(ranked: RankedSplit):
    assert ranked.collection.truth is not None
    truth, looks = ranked.collection.truth.queries, ranked.collection.truth.labels[list(ASPECTS)]
    expected = []
    for part in ranked.categories:
        for q, n in enumerate(part.rows):
            triplet = ranked.collection.triplets[n]
            if not truth.clean[n] or truth.kind[n] not in ("specific", "presupposing"):
                continue
            near = [i for i in part.gallery if (looks.loc[i] != looks.loc[triplet.target]).sum() <= 1]
            near = [i for i in near if i == triplet.target or (looks.loc[i] != looks.loc[triplet.target]).any()]
            near = [i for i in near if i != triplet.reference]
            ordered = sorted(near, key=lambda i: part.distances[q, part.gallery.index(i)])  # noqa: B023
            if len(near) > 1:
                rank = ordered.index(triplet.target) + 1
                expected.append((part.category, triplet.target, rank, len(near)))
    table = hard_gallery(ranked.collection.truth, ranked.categories)
    assert expected and list(table.itertuples(index=False, name=None)) == expected


def test_a_perfect_model_is_first_and_one_that_ties_goes_by_the_gallery(ranked: RankedSplit):
    perfect, tied = [], []
    for part in ranked.categories:
        zeros = np.where(np.isinf(part.distances), np.inf, 1.0)
        tied.append(dataclasses.replace(part, distances=zeros))
        best = zeros.copy()
        best[np.arange(len(part.targets)), part.targets] = 0.0
        perfect.append(dataclasses.replace(part, distances=best))
    values = {m.id: m.value for m in hard_metrics(dataclasses.replace(ranked, categories=tuple(perfect)))}
    assert values["recall.1.hard"] == 100 and values["mrr.hard"] == 1
    size, chance = values["size.hard"], values["recall.1.hard.random"]
    assert size >= 2 and 100 / size <= chance <= 50
    table = hard_gallery(ranked.collection.truth, tied)
    assert (table["rank"] <= table["size"]).all() and table["rank"].max() > 1


def test_rows_are_averages_over_categories_with_intervals(ranked: RankedSplit):
    table = hard_gallery(ranked.collection.truth, ranked.categories)
    recall, reciprocal, *_ = hard_metrics(ranked)
    by_category = [100 * (part["rank"] == 1).mean() for _, part in table.groupby("category")]
    assert recall.value == pytest.approx(np.mean(by_category)) and recall.count == len(table)
    for metric in (recall, reciprocal):
        assert metric.low is not None and metric.high is not None and metric.low <= metric.value <= metric.high


def test_real_data_have_no_near_misses(ranked: RankedSplit):
    real = dataclasses.replace(ranked, collection=dataclasses.replace(ranked.collection, truth=None))
    assert hard_metrics(real) == []
