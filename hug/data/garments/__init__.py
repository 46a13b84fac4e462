"""The generated data: garments drawn with known attributes, known wording and known faults."""

from hug.data.garments.dataset import SIZES, Sizes, build, verify
from hug.data.garments.recipes import VERSIONS
from hug.data.garments.truth import read, recognise, unfinished

__all__ = ["SIZES", "VERSIONS", "Sizes", "build", "read", "recognise", "unfinished", "verify"]
