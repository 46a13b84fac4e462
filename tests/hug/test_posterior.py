"""The posterior against sums written out, and its one number against data that were drawn from it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hug.posterior import Posterior, fit_tau, log_likelihood

DISTANCES = np.array([[0.3, 0.1, np.inf, 0.2], [0.0, 0.0, 5.0, 1.0]])


def test_it_is_the_softmax_of_distances_nearest_first():
    p = Posterior.of(DISTANCES, 2.0)
    weights = np.exp(-2.0 * np.array([0.1, 0.2, 0.3]))
    np.testing.assert_allclose(p.probability[0], [*weights / weights.sum(), 0.0])
    assert p.order[0].tolist() == [1, 3, 0, 2] and p.order[1].tolist() == [0, 1, 3, 2]  # ties by gallery order
    np.testing.assert_allclose(p.mass[:, -1], 1.0)
    np.testing.assert_allclose(p.first(2), p.probability[:, :2].sum(1))
    np.testing.assert_allclose(p.first(99), 1.0)


def test_the_mass_before_a_target_is_that_of_the_nearer_ones():
    p = Posterior.of(DISTANCES, 2.0)
    np.testing.assert_allclose(p.before(np.array([3, 0])), [p.probability[0, 0], 0.0], atol=1e-15)


def test_without_a_candidate_there_is_none():
    with pytest.raises(ValueError, match="no candidate"):
        Posterior.of(np.full((1, 3), np.inf), 1.0)


def test_a_question_tells_the_entropy_of_its_answer():
    p = Posterior.of(np.array([[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 99.0, 99.0]]), 10.0)
    np.testing.assert_allclose(p.information(["red", "red", "blue", "blue"]), [1.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(p.information(["a", "b", "c", "d"]), [2.0, 1.0], atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.floats(0.3, 30), st.integers(0, 10_000))
def test_tau_is_found_again(tau: float, seed: int):
    """Targets drawn from the posterior of a known tau."""
    rng = np.random.default_rng(seed)
    distances = rng.gamma(4.0, 0.5 / tau, (1500, 12))
    chances = np.exp(-tau * distances)
    chances /= chances.sum(1, keepdims=True)
    targets = (chances.cumsum(1) > rng.random((1500, 1))).argmax(1)
    assert fit_tau([distances], [targets]) == pytest.approx(tau, rel=0.15)


def test_the_fitted_tau_is_likelier_than_its_neighbours():
    rng = np.random.default_rng(0)
    distances, targets = rng.random((200, 9)), rng.integers(0, 9, 200)
    distances[np.arange(200), targets] *= 0.5
    tau = fit_tau([distances[:90], distances[90:]], [targets[:90], targets[90:]])
    best = log_likelihood(distances, targets, tau).mean()
    assert all(log_likelihood(distances, targets, tau * f).mean() < best for f in (0.9, 1.1))


def test_a_target_that_is_not_ranked_is_refused():
    with pytest.raises(ValueError, match="not a finite number"):
        fit_tau([DISTANCES], [np.array([2, 0])])
