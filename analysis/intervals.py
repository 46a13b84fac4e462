"""How sure a mean is: intervals and tests of many columns at once.

Letters: N resampled units (pictures, queries), M columns.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import false_discovery_control

BLOCK = 1000  # permutations computed together, to bound memory


def mean_intervals(values: np.ndarray, draws: int = 1000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Means (M,) of (N, M) values with their 95 % percentile bootstrap bounds, low (M,) and high (M,).

    Rows are resampled whole. Raises ValueError for no rows or numbers that aren't finite.
    """
    values = _checked(values)
    n = len(values)
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), draws)  # (draws, N)
    low, high = np.percentile(counts @ values / n, [2.5, 97.5], axis=0)
    return values.mean(0), low, high


def sign_flip(values: np.ndarray, permutations: int = 9999, seed: int = 0) -> np.ndarray:
    """Two-sided p (M,) that the mean of each column of (N, M) is zero, from flipped signs of whole rows."""
    values = _checked(values)
    rng = np.random.default_rng(seed)
    observed = np.abs(values.sum(0)) - 1e-9 * np.abs(values).sum(0)  # sums in another order are still ties
    reached = np.zeros(values.shape[1])
    for start in range(0, permutations, BLOCK):
        signs = rng.choice([-1.0, 1.0], (min(BLOCK, permutations - start), len(values)))
        reached += (np.abs(signs @ values) >= observed).sum(0)
    return (1 + reached) / (1 + permutations)


def adjusted(p: np.ndarray) -> np.ndarray:
    """Benjamini-Hochberg over all entries, in their shape."""
    return false_discovery_control(p.ravel()).reshape(p.shape)


def wilson(share: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % bounds of a share of `count` observations (Wilson's score interval)."""
    share, count, z = np.asarray(share, float), np.asarray(count, float), 1.959964
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    return np.clip(middle - half, 0, share), np.clip(middle + half, share, 1)


def _checked(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, float)
    if values.ndim != 2 or not len(values) or not np.isfinite(values).all():
        raise ValueError(f"expected finite (N, M) values with at least one row, got shape {values.shape}")
    return values
