"""Random garments and captions for the tests."""

from __future__ import annotations

import numpy as np

from hug.data.garments.attributes import Garment, Spec, dress_up, dress_up_anew, sample_garment
from hug.data.garments.wording import compose


def sample_spec(category: str, rng: np.random.Generator) -> Spec:
    """A random picture of a random garment."""
    return dress_up(sample_garment(category, rng), rng)


def styled_spec(category: str, rng: np.random.Generator) -> Spec:
    """A random picture of a random garment in a random look."""
    return dress_up_anew(sample_garment(category, rng), rng)


def captions(reference: Garment, target: Garment, rng: np.random.Generator, kind: str) -> tuple[str, ...]:
    """Two captions of one kind."""
    return compose(reference, target, rng, kind).captions
