"""Is an item like those the model was measured on? Reconstruction error by principal components, with a threshold.

What a model was never shown lies off the subspace in which its own means vary (Jackson and Mudholkar, Technometrics
1979). Letters: N items, F numbers of one item (K*D), R components.
"""

from dataclasses import dataclass

import numpy as np

COMPONENTS = 32
FALSE_ALARMS = 0.01  # share of items like the measured ones that count as new


@dataclass(frozen=True)
class Novelty:
    """The subspace of the items that are known, and the largest error that still counts as one of them."""

    centre: np.ndarray  # (F,)
    basis: np.ndarray  # (R, F), orthonormal rows
    limit: float  # squared distance from the subspace

    @staticmethod
    def fit(items: np.ndarray) -> "Novelty":
        """From N items (N, F): every other one gives the subspace, the rest the threshold.

        Raises ValueError for fewer than four items or numbers that aren't finite.
        """
        items = np.asarray(items, np.float64)
        if items.ndim != 2 or len(items) < 4 or not np.isfinite(items).all():
            raise ValueError(f"expected at least four rows of finite numbers, got {items.shape}")
        own, rest = items[::2], items[1::2]
        centre = own.mean(0)
        count = min(COMPONENTS, len(own) // 4 + 1)
        basis = np.linalg.svd(own - centre, full_matrices=False)[2][:count]
        # in the precision in which it is stored, so that the threshold is that of what is read back
        stored = Novelty(centre.astype(np.float32), basis.astype(np.float32), 0.0)
        errors = np.sort(stored.error(rest))
        place = min(int(np.ceil((len(errors) + 1) * (1 - FALSE_ALARMS))), len(errors)) - 1
        return Novelty(stored.centre, stored.basis, float(errors[place]))

    def error(self, items: np.ndarray) -> np.ndarray:
        """(N,) squared distance of items (N, F) from the subspace."""
        away = np.asarray(items, np.float64) - self.centre
        return np.maximum(np.square(away).sum(1) - np.square(away @ self.basis.T.astype(np.float64)).sum(1), 0.0)

    def new(self, items: np.ndarray) -> np.ndarray:
        """(N,) true for items unlike the known ones."""
        return self.error(items) > self.limit
