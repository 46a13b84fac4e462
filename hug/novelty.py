"""Is an item like those the model was measured on? Two detectors, each with a threshold.

What a model was never shown lies off the subspace in which its own means vary (`Novelty`; Jackson and Mudholkar,
Technometrics 1979), and has no similar item among the known ones (`Neighbours`; Sun et al., ICML 2022). Letters: N
items, M known ones, F numbers of one item, R components.
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


@dataclass(frozen=True)
class Neighbours:
    """Known items, and the distance from the nearest of them at which another counts as new."""

    items: np.ndarray  # (M, F) half precision, rows of length one
    limit: float  # 1 - cosine

    @staticmethod
    def of(items: np.ndarray, limit: float) -> "Neighbours":
        """Of M known items (M, F). Raises ValueError for none, or for numbers that aren't finite."""
        items = np.asarray(items, np.float32)
        if items.ndim != 2 or not len(items) or not np.isfinite(items).all():
            raise ValueError(f"expected rows of finite numbers, got {items.shape}")
        return Neighbours(_unit(items).astype(np.float16), limit)

    def distance(self, items: np.ndarray) -> np.ndarray:
        """(N,) 1 - cosine between items (N, F) and the most similar known one."""
        return np.asarray(1 - (_unit(items) @ self.items.T.astype(np.float32)).max(1))

    def new(self, items: np.ndarray) -> np.ndarray:
        """(N,) true for items without a similar one among the known."""
        return self.distance(items) > self.limit


def _unit(items: np.ndarray) -> np.ndarray:
    rows = np.asarray(items, np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
