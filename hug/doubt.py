"""The chance of a hit from a query's variances: the one number of the split that a person reads.

A logistic model of the four log mean variances (reference, text, coordination, merge), fitted on validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

REACH = 4.0  # beyond, validation has seen nothing
FEATURES = 4  # log mean of var_r, var_t, var_m, var_q


@dataclass(frozen=True)
class DoubtModel:
    """p = sigmoid(intercept + coefficients . (x - centre) / spread), x (n, 4) log mean variances."""

    intercept: float
    coefficients: tuple[float, ...]
    centre: tuple[float, ...]
    spread: tuple[float, ...]

    @staticmethod
    def fit(features: np.ndarray, hit: np.ndarray) -> DoubtModel:
        """From validation queries (n, 4) and whether each found its target (n,).

        Where all hit or all missed there is nothing to learn: the rate itself (with Laplace's two extra
        observations) is the answer to every query. Raises ValueError for no queries or numbers that aren't finite.
        """
        features, hit = np.asarray(features, float), np.asarray(hit, bool)
        if features.ndim != 2 or features.shape[1] != FEATURES or not len(features) or len(features) != len(hit):
            raise ValueError(f"expected (n, {FEATURES}) features and n hits, got {features.shape} and {hit.shape}")
        if not np.isfinite(features).all():
            raise ValueError("a log variance is not a finite number; train the model again")
        centre, spread = features.mean(0), np.maximum(features.std(0), 1e-6)
        if hit.all() or not hit.any():
            rate = (hit.sum() + 1) / (len(hit) + 2)
            return DoubtModel(float(np.log(rate / (1 - rate))), (0.0,) * FEATURES, tuple(centre), tuple(spread))
        found = LogisticRegression(C=1.0, max_iter=1000).fit((features - centre) / spread, hit)
        return DoubtModel(
            float(found.intercept_[0]), tuple(found.coef_[0].tolist()), tuple(centre.tolist()), tuple(spread.tolist())
        )

    def probability(self, features: np.ndarray) -> np.ndarray:
        """(n,) chance of a hit for log mean variances (n, 4); no line is drawn further than REACH spreads."""
        scaled = np.clip((np.asarray(features, float) - self.centre) / self.spread, -REACH, REACH)
        return 1 / (1 + np.exp(-(self.intercept + scaled @ np.array(self.coefficients))))

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> DoubtModel:
        """Raises ValueError when a number is missing or there are not four of each."""
        try:
            lists = [tuple(map(float, values[name])) for name in ("coefficients", "centre", "spread")]
            if any(len(numbers) != FEATURES for numbers in lists):
                raise ValueError(f"expected {FEATURES} numbers each")
            model = DoubtModel(float(values["intercept"]), *lists)
            if not np.isfinite([model.intercept, *sum(lists, ())]).all() or min(model.spread) <= 0:
                raise ValueError("a number is not finite or a spread not positive")
            return model
        except (KeyError, TypeError) as error:
            raise ValueError(f"no doubt model: {error}") from error
