"""The generated data: garments drawn with known attributes, known wording and known faults."""

from hug.data.garments.attributes import (
    ASPECTS,
    CATEGORIES,
    COLOURS,
    VALUES,
    Garment,
    Nuisance,
    Spec,
    differing,
    dress_up,
    sample_garment,
    sample_spec,
)
from hug.data.garments.dataset import SIZES, SPLITS, Sizes, build, near_misses, verify
from hug.data.garments.intervene import INTERVENTIONS, STYLES, control, remove
from hug.data.garments.render import Rendered, render
from hug.data.garments.wording import KINDS, Wording, captions, compose, lacks, presupposes

__all__ = [
    "ASPECTS",
    "CATEGORIES",
    "COLOURS",
    "INTERVENTIONS",
    "KINDS",
    "SIZES",
    "SPLITS",
    "STYLES",
    "VALUES",
    "Garment",
    "Nuisance",
    "Rendered",
    "Sizes",
    "Spec",
    "Wording",
    "build",
    "captions",
    "compose",
    "control",
    "differing",
    "dress_up",
    "lacks",
    "near_misses",
    "presupposes",
    "remove",
    "render",
    "sample_garment",
    "sample_spec",
    "verify",
]
