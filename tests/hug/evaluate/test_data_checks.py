"""What the generated data promise, counted by plain loops."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from hug.data.features import Features, evaluation_features
from hug.data.garments import read
from hug.data.garments.attributes import ASPECTS
from hug.evaluate.data_checks import data_checks
from tests.hug.conftest import PixelBackbone


@pytest.fixture(scope="module")
def features(garments: Path, tmp_path_factory: pytest.TempPathFactory) -> Features:
    return evaluation_features(read(garments, "test"), PixelBackbone(), tmp_path_factory.mktemp("cache"))


def test_every_target_has_five_near_misses_and_faults_have_their_shares(features: Features):
    values = {m.id: m.value for m in data_checks(features.collection, 20)}
    assert features.collection.truth is not None
    looks, counts = features.collection.truth.labels[["category", *ASPECTS]], []
    for triplet in features.collection.triplets:
        alike = looks[looks.category == triplet.category]
        counts.append(((alike != looks.loc[str(triplet.target)]).sum(axis=1) == 1).sum())
    assert values["near_misses.least"] == min(counts) >= 5
    assert values["near_misses.median"] == np.median(counts)
    assert values["percent.degraded"] == pytest.approx(20)  # 3 of 15
    assert values["percent.vague"] == pytest.approx(100 * 2 / 15)
    assert values["percent.conflicting"] == pytest.approx(100 * 2 / 15)


def test_perfect_readers_are_readable_loops(features: Features):
    assert features.collection.truth is not None
    truth = features.collection.truth.queries
    looks, clean = features.collection.truth.labels[list(ASPECTS)], features.collection.truth.clean_queries
    by_words, by_reference = {}, {n: {} for n in (1, 2, 3)}
    for n, triplet in enumerate(features.collection.triplets):
        if not clean[n]:
            continue
        others = [i for i in features.collection.galleries[triplet.category] if i != triplet.reference]
        says = truth.says[n]
        allowed = [i for i in others if all(looks.loc[i, a] in v for a, v in says.items())]
        assert triplet.target in allowed  # the words never exclude their own target
        by_words.setdefault(triplet.category, []).append(min(1, 10 / len(allowed)))
        for changes, chances in by_reference.items():
            near = [i for i in others if (looks.loc[i] != looks.loc[triplet.reference]).sum() == changes]
            chances.setdefault(triplet.category, []).append(min(1, 10 / len(near)) if triplet.target in near else 0)
    metrics = {m.id: m for m in data_checks(features.collection, 20)}
    mean = lambda parts: 100 * np.mean([np.mean(p) for p in parts.values()])  # noqa: E731
    assert metrics["recall.10.clean.words.reader"].value == pytest.approx(mean(by_words))
    reference = metrics["recall.10.clean.reference.reader"]
    best = max(by_reference, key=lambda n: mean(by_reference[n]))
    assert reference.value == pytest.approx(mean(by_reference[best])) and f"guessing {best}" in reference.note
    assert reference.low <= reference.value <= reference.high


def test_real_data_have_no_guards(features: Features):
    collection = dataclasses.replace(features.collection, truth=None)
    assert data_checks(collection) == []
