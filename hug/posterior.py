"""One posterior over a gallery: p(j | q) proportional to exp(-tau * d(q, j)), with one learned number tau.

Everything that is said of an answer's certainty is read off it: the chance of a hit, answer sets, what a question
would tell. `calibration` corrects its probabilities by validation queries. Letters: Q queries, N candidates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from scipy.stats import entropy

TAU_RANGE = (1e-3, 1e4)  # distances are of order 0.01 to 10


@dataclass(frozen=True)
class Posterior:
    """Of Q queries over N candidates each, nearest first; candidates at an infinite distance have probability 0."""

    probability: np.ndarray  # (Q, N), falling in each row
    order: np.ndarray  # (Q, N), position of each of them in the gallery

    @staticmethod
    def of(distances: np.ndarray, tau: float) -> "Posterior":
        """From distances (Q, N), infinite where a candidate is left out; ties go by gallery order.

        Raises ValueError for a query without any candidate.
        """
        distances = np.asarray(distances, float)
        if not np.isfinite(distances).any(axis=1).all():
            raise ValueError("a query has no candidate to choose among")
        order = np.argsort(distances, axis=1, kind="stable")
        near = np.take_along_axis(distances, order, axis=1)
        unnormalised = np.exp(-tau * (near - near[:, :1]))
        return Posterior(unnormalised / unnormalised.sum(1, keepdims=True), order)

    @cached_property
    def mass(self) -> np.ndarray:
        """(Q, N) probability of the first 1, 2, ..., N candidates together."""
        return np.minimum(np.cumsum(self.probability, axis=1), 1.0)

    def first(self, k: int) -> np.ndarray:
        """(Q,) probability of the first k candidates together."""
        return self.mass[:, min(k, self.probability.shape[1]) - 1]

    def before(self, targets: np.ndarray) -> np.ndarray:
        """(Q,) probability of the candidates ranked before the target, whose position in the gallery is given."""
        rows, places = np.arange(len(targets)), self.ranks(targets) - 1
        return self.mass[rows, places] - self.probability[rows, places]

    def ranks(self, targets: np.ndarray) -> np.ndarray:
        """(Q,) 1-based rank of each query's target, whose position in the gallery is given."""
        return 1 + np.argmax(self.order == np.asarray(targets)[:, None], axis=1)

    def information(self, answers: Sequence[object] | np.ndarray) -> np.ndarray:
        """(Q,) bits that a true answer to a question would tell, when `answers` (N,) holds each candidate's.

        It is the entropy of the answer under the posterior: a question all of whose likely candidates give one answer
        tells nothing.
        """
        values, codes = np.unique(np.asarray(answers, dtype=str), return_inverse=True)
        shares = np.zeros((len(self.order), len(values)))
        rows = np.repeat(np.arange(len(self.order)), self.order.shape[1])
        np.add.at(shares, (rows, codes[self.order].ravel()), self.probability.ravel())
        return entropy(shares, base=2, axis=1)


def log_likelihood(distances: np.ndarray, targets: np.ndarray, tau: float) -> np.ndarray:
    """(Q,) log probability of each query's target."""
    own = distances[np.arange(len(targets)), targets]
    return -tau * own - logsumexp(-tau * distances, axis=1)


def fit_tau(distances: Sequence[np.ndarray], targets: Sequence[np.ndarray]) -> float:
    """The tau under which the targets (Q,) of galleries with distances (Q, N) are likeliest.

    Raises ValueError when a target's distance is not finite.
    """
    for d, t in zip(distances, targets, strict=True):
        if not np.isfinite(d[np.arange(len(t)), t]).all():
            raise ValueError("the distance of a target is not a finite number; train the model again")

    def loss(log_tau: float) -> float:
        parts = [log_likelihood(d, t, float(np.exp(log_tau))) for d, t in zip(distances, targets, strict=True)]
        return -float(np.concatenate(parts).mean())

    low, high = np.log(TAU_RANGE)
    return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))
