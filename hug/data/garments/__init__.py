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
from hug.data.garments.dataset import SIZES, SPLITS, Sizes, build, verify
from hug.data.garments.intervene import STYLES, control, remove
from hug.data.garments.render import Rendered, render
from hug.data.garments.truth import GarmentTruth, read, recognise
from hug.data.garments.wording import KINDS, Wording, captions, compose, lacks, presupposes

__all__ = [
    "ASPECTS",
    "CATEGORIES",
    "COLOURS",
    "KINDS",
    "SIZES",
    "SPLITS",
    "STYLES",
    "VALUES",
    "Garment",
    "GarmentTruth",
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
    "presupposes",
    "read",
    "recognise",
    "remove",
    "render",
    "sample_garment",
    "sample_spec",
    "verify",
]
