"""The chance of a hit: right on planted truth, plain numbers in and out, sane at the edges."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression

from hug.calibration import STRENGTH, HitModel, log_variance_features
from hug.config import OBJECTIVES
from hug.evaluate.metrics import calibration_error
from tests.hug.conftest import small_model


def planted(count: int = 4000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(-2, 0.5, (count, 8))
    p = 1 / (1 + np.exp(2 * (x[:, 1] + 2) - 1))  # a doubt in the second feature misses more
    return x, rng.random(count) < p, p


def test_it_finds_what_was_planted():
    x, hit, p = planted()
    model = HitModel.fit(x, hit)
    assert np.abs(model.probability(x) - p).mean() < 0.04
    assert model.coefficients[1] < -0.5 and all(abs(model.coefficients[n]) < 0.15 for n in (0, *range(2, 8)))


def test_the_score_is_scikit_learns_logistic_regression():
    x, hit, _ = planted(500)
    model = HitModel.fit(x, hit)
    scaled = (x - x.mean(0)) / x.std(0)
    expected = LogisticRegression(C=STRENGTH, max_iter=1000).fit(scaled, hit).coef_[0]
    np.testing.assert_allclose(model.coefficients, expected, atol=1e-9)


def test_the_chance_is_right_on_queries_it_has_not_seen():
    x, hit, _ = planted(8000)
    p = HitModel.fit(x[:4000], hit[:4000]).probability(x[4000:])
    assert calibration_error(p, hit[4000:]) < 0.03


def test_noise_is_not_learned():
    """Steps fitted on scores that have seen the answer would promise more than the rate."""
    rng = np.random.default_rng(1)
    hit = rng.random(400) < 0.5
    p = HitModel.fit(rng.normal(size=(400, 100)), hit).probability(rng.normal(size=(4000, 100)))
    assert np.abs(p - hit.mean()).mean() < 0.1


def test_more_doubt_is_never_a_better_chance():
    x, hit, _ = planted(1000)
    model = HitModel.fit(x, hit)
    line = np.repeat(x.mean(0)[None], 50, 0)
    line[:, 1] = np.linspace(-6, 2, 50)
    assert (np.diff(model.probability(line)) <= 0).all()


def test_the_features_are_logs_of_each_component_s_mean_variance():
    model = small_model(OBJECTIVES["calibrated"]).eval()
    query = model.query([Image.new("RGB", (32, 32), "red")], ["is blue"])
    features = log_variance_features(query)[0].reshape(4, -1)
    np.testing.assert_allclose(features[1], query.var_t[0].mean(-1).log(), rtol=1e-5)
    np.testing.assert_allclose(features[3], query.var[0].mean(-1).log(), rtol=1e-5)


def test_a_query_of_another_size_is_refused():
    x, hit, _ = planted(100)
    with pytest.raises(ValueError, match="8 log variances"):
        HitModel.fit(x, hit).probability(np.zeros((1, 4)))


@pytest.mark.parametrize(("hit", "low", "high"), [(True, 0.9, 1.0), (False, 0.0, 0.1)])
def test_nothing_to_learn_gives_the_rate(hit: bool, low: float, high: float):
    x, _, _ = planted(50)
    p = HitModel.fit(x, np.full(50, hit)).probability(x)
    assert np.ptp(p) == 0 and low < p[0] < high


def test_plain_numbers_both_ways():
    x, hit, _ = planted(100)
    model = HitModel.fit(x, hit)
    again = HitModel.from_dict(json.loads(json.dumps(asdict(model))))
    np.testing.assert_array_equal(model.probability(x), again.probability(x))


@pytest.mark.parametrize("features", [np.zeros((0, 4)), np.zeros((3, 0)), np.zeros(3), np.full((3, 4), np.nan)])
def test_what_cannot_be_fitted_is_refused(features: np.ndarray):
    with pytest.raises(ValueError):
        HitModel.fit(features, np.ones(len(features), bool))


@pytest.mark.parametrize(
    "change",
    [
        {"centre": [1.0]},
        {"spread": None},
        {"spread": [0.0] * 8},
        {"scores": [float("nan")], "chances": [0.5]},
        {"chances": [0.5]},
        {"scores": [0.0, 1.0], "chances": [0.9, 0.1]},
        {"scores": [], "chances": []},
    ],
)
def test_damaged_numbers_are_refused(change: dict):
    x, hit, _ = planted(100)
    with pytest.raises(ValueError):
        HitModel.from_dict(asdict(HitModel.fit(x, hit)) | change)
