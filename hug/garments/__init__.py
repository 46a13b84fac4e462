"""The generated data: garments drawn with known attributes, known wording and known faults."""

from hug.garments.attributes import (
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
from hug.garments.dataset import SIZES, SPLITS, Sizes, build, near_misses, verify
from hug.garments.degrade import DEGRADATIONS, TRAINED, UNSEEN, degrade
from hug.garments.intervene import INTERVENTIONS, STYLES, control, remove
from hug.garments.render import Rendered, render
from hug.garments.wording import KINDS, Wording, captions, compose, lacks, presupposes, shorten

__all__ = [
    "ASPECTS",
    "CATEGORIES",
    "COLOURS",
    "DEGRADATIONS",
    "INTERVENTIONS",
    "KINDS",
    "SIZES",
    "SPLITS",
    "STYLES",
    "TRAINED",
    "UNSEEN",
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
    "degrade",
    "differing",
    "dress_up",
    "lacks",
    "near_misses",
    "presupposes",
    "remove",
    "render",
    "sample_garment",
    "sample_spec",
    "shorten",
    "verify",
]
