"""The doubt model: right on planted truth, plain numbers in and out, sane at the edges."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from hug.doubt import DoubtModel


def planted(count: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(-2, 0.5, (count, 4))
    p = 1 / (1 + np.exp(2 * (x[:, 1] + 2) - 1))  # vaguer words miss more
    return x, rng.random(count) < p, p


def test_it_finds_what_was_planted():
    x, hit, p = planted()
    model = DoubtModel.fit(x, hit)
    assert np.abs(model.probability(x) - p).mean() < 0.02
    assert model.coefficients[1] < -0.5 and all(abs(model.coefficients[n]) < 0.15 for n in (0, 2, 3))


def test_it_is_scikit_learns_logistic_regression():
    x, hit, _ = planted(500)
    model = DoubtModel.fit(x, hit)
    scaled = (x - x.mean(0)) / x.std(0)
    expected = LogisticRegression(C=1.0, max_iter=1000).fit(scaled, hit).predict_proba(scaled)[:, 1]
    np.testing.assert_allclose(model.probability(x), expected, atol=1e-9)


@pytest.mark.parametrize(("hit", "low", "high"), [(True, 0.9, 1.0), (False, 0.0, 0.1)])
def test_nothing_to_learn_gives_the_rate(hit: bool, low: float, high: float):
    x, _, _ = planted(50)
    p = DoubtModel.fit(x, np.full(50, hit)).probability(x)
    assert np.ptp(p) == 0 and low < p[0] < high


def test_plain_numbers_both_ways():
    x, hit, _ = planted(100)
    model = DoubtModel.fit(x, hit)
    again = DoubtModel.from_dict(json.loads(json.dumps(model.to_dict())))
    np.testing.assert_array_equal(model.probability(x), again.probability(x))


@pytest.mark.parametrize("features", [np.zeros((0, 4)), np.zeros((3, 2)), np.full((3, 4), np.nan)])
def test_what_cannot_be_fitted_is_refused(features: np.ndarray):
    with pytest.raises(ValueError):
        DoubtModel.fit(features, np.ones(len(features), bool))


@pytest.mark.parametrize(
    "change", [{"centre": [1.0]}, {"spread": None}, {"spread": [0.0] * 4}, {"intercept": float("nan")}]
)
def test_damaged_numbers_are_refused(change: dict):
    x, hit, _ = planted(100)
    with pytest.raises(ValueError):
        DoubtModel.from_dict(DoubtModel.fit(x, hit).to_dict() | change)
