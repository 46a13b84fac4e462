"""What is wrong with a search is said in a sentence, before anything is searched."""

from __future__ import annotations

from typing import Any

import pytest

from hug.config import OBJECTIVES, DataConfig
from hug.retrieval.index import Index
from tests.hug.conftest import noise_pictures, small_model

MODEL = small_model(OBJECTIVES["paper"]).eval()
PICTURES = noise_pictures(3)


@pytest.fixture(scope="module")
def index() -> Index:
    return Index.build(MODEL, PICTURES)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"k": 2.5}, "whole number"),
        ({"k": "3"}, "whole number"),
        ({"k": True}, "whole number"),
        ({"k": 0}, "at least 1"),
        ({"where": "dress"}, "labels with the values wanted, or a mask"),
        ({"where": lambda row: False}, "labels with the values wanted, or a mask"),
        ({"components": [1.5]}, "whole numbers from 0"),
    ],
)
def test_a_wrong_option_is_one_sentence(index: Index, options: dict[str, Any], reason: str):
    with pytest.raises(ValueError, match=reason):
        index.search(MODEL.query([PICTURES[0]], ["is red"]), **options)


def test_ids_are_a_list():
    with pytest.raises(ValueError, match="ids as a list"):
        Index.build(MODEL, PICTURES, ids="abc")


def test_a_category_is_named_once():
    with pytest.raises(ValueError, match="'dress' is named twice"):
        DataConfig(categories=("dress", "shirt", "dress"))
