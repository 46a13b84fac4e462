"""The hard gallery: ranks among near misses only, as a readable loop finds them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from hug.config import OBJECTIVES
from hug.data.features import Features, evaluation_features
from hug.data.garments import ASPECTS, read
from hug.evaluate.hard import hard_gallery, hard_measures
from hug.evaluate.ranking import Ranked, rank_split
from tests.hug.conftest import PixelBackbone, small_model


@pytest.fixture(scope="module")
def ranked(garments: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Features, list[Ranked]]:
    cache = tmp_path_factory.mktemp("cache")
    features = evaluation_features(read(garments, "test"), PixelBackbone(), cache)
    return features, rank_split(small_model(OBJECTIVES["calibrated"]).eval(), features)


def test_ranks_are_those_of_a_readable_loop(ranked: tuple[Features, list[Ranked]]):
    features, parts = ranked
    assert features.collection.truth is not None
    truth, looks = features.collection.truth.queries, features.collection.truth.labels[list(ASPECTS)]
    expected = []
    for part in parts:
        for q, n in enumerate(part.rows):
            triplet = features.collection.triplets[n]
            if not truth.clean[n] or truth.kind[n] not in ("specific", "presupposing"):
                continue
            near = [i for i in part.gallery if (looks.loc[i] != looks.loc[triplet.target]).sum() <= 1]
            near = [i for i in near if i == triplet.target or (looks.loc[i] != looks.loc[triplet.target]).any()]
            near = [i for i in near if i != triplet.reference]
            ordered = sorted(near, key=lambda i: part.distances[q, part.gallery.index(i)])  # noqa: B023
            if len(near) > 1:
                rank = ordered.index(triplet.target) + 1
                expected.append((part.category, triplet.target, rank, len(near)))
    found = hard_gallery(features, parts)
    assert expected and list(found.itertuples(index=False, name=None)) == expected


def test_a_perfect_model_is_first_and_one_that_ties_goes_by_the_gallery(ranked: tuple[Features, list[Ranked]]):
    features, parts = ranked
    perfect, tied = [], []
    for part in parts:
        zeros = np.where(np.isinf(part.distances), np.inf, 1.0)
        tied.append(dataclasses.replace(part, distances=zeros))
        best = zeros.copy()
        best[np.arange(len(part.targets)), part.targets] = 0.0
        perfect.append(dataclasses.replace(part, distances=best))
    rows = {r["measure"]: r for r in hard_measures(features, perfect)}
    assert rows["R@1, hard gallery"]["value"] == 100 and rows["MRR, hard gallery"]["value"] == 1
    size, chance = rows["mean size of the hard gallery"]["value"], rows["R@1 by chance, hard gallery"]["value"]
    assert isinstance(size, float) and size >= 2 and isinstance(chance, float) and 100 / size <= chance <= 50
    table = hard_gallery(features, tied)
    assert (table["rank"] <= table["size"]).all() and table["rank"].max() > 1


def test_rows_are_averages_over_categories_with_intervals(ranked: tuple[Features, list[Ranked]]):
    features, parts = ranked
    table = hard_gallery(features, parts)
    recall, reciprocal, *_ = hard_measures(features, parts)
    by_category = [100 * (part["rank"] == 1).mean() for _, part in table.groupby("category")]
    assert recall["value"] == pytest.approx(np.mean(by_category)) and recall["count"] == len(table)
    for row in (recall, reciprocal):
        assert row["low"] <= row["value"] <= row["high"]  # type: ignore[operator]


def test_real_data_have_no_near_misses(ranked: tuple[Features, list[Ranked]]):
    features, parts = ranked
    real = dataclasses.replace(features, collection=dataclasses.replace(features.collection, truth=None))
    assert hard_measures(real, parts) == []
    with pytest.raises(ValueError, match="generated data only"):
        hard_gallery(real, parts)
