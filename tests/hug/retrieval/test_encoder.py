"""Vectors for other people's search rank as HUG does, whatever form the inputs come in."""

from __future__ import annotations

import io
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from hug.checkpoint import save_model
from hug.config import OBJECTIVES
from hug.gaussians import distance
from hug.retrieval.encoder import Encoder
from tests.hug.conftest import PixelBackbone, noise_pictures, small_model

PICTURES, WORDS = noise_pictures(7), ["is red", "", "longer sleeves"]


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder(small_model(OBJECTIVES["calibrated"]).eval())


def test_inner_products_are_minus_distances_up_to_a_constant_of_the_query(encoder: Encoder):
    queries = encoder.encode([{"image": p, "text": w} for p, w in zip(PICTURES, WORDS, strict=False)], batch_size=2)
    candidates = encoder.encode(PICTURES, batch_size=3)
    assert queries.shape == (3, encoder.get_embedding_dimension()) and candidates.dtype == np.float32
    model = encoder.model
    plain = distance(model.query(PICTURES[:3], WORDS), model.target(PICTURES))
    left = encoder.similarity(queries, candidates) + plain
    assert torch.allclose(left, left[:, :1].expand_as(left), atol=1e-5)
    pairs = encoder.similarity_pairwise(queries, candidates[:3])
    assert torch.allclose(pairs, encoder.similarity(queries, candidates)[:, :3].diagonal())


class PromptType(StrEnum):
    query = "query"
    document = "document"


def test_a_loader_of_batches_is_read_as_mteb_passes_it(encoder: Encoder):
    batches: list[dict[str, Any]] = [
        {"id": ["a", "b"], "image": PICTURES[:2], "text": WORDS[:2]},
        {"id": ["c"], "image": PICTURES[2:3], "text": WORDS[2:]},
    ]
    task = {"task_metadata": object(), "hf_split": "test", "hf_subset": "default"}
    queries = encoder.encode(iter(batches), prompt_type=PromptType.query, batch_size=2, **task)
    rows = [{"image": p, "text": w} for p, w in zip(PICTURES, WORDS, strict=False)]
    assert np.allclose(queries, encoder.encode_query(rows), atol=1e-6)
    candidates = encoder.encode(iter(batches), prompt_type=PromptType.document, **task)
    assert np.allclose(candidates, encoder.encode(PICTURES[:3]), atol=1e-6)
    without = [{"image": PICTURES[:3]}]
    assert np.allclose(encoder.encode(without, prompt_type="passage"), candidates, atol=1e-6)
    assert np.allclose(encoder.encode_query(without)[1], queries[1], atol=1e-6)  # its words are empty


def test_pictures_are_images_files_or_bytes_and_one_input_has_one_row(encoder: Encoder, tmp_path: Path):
    PICTURES[0].save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    forms = [PICTURES[0], tmp_path / "a.png", str(tmp_path / "a.png"), content, {"image": PICTURES[0]}]
    rows = encoder.encode(forms)
    assert np.allclose(rows, rows[:1], atol=1e-6)
    for form in forms:
        assert np.allclose(encoder.encode(form), rows[0], atol=1e-6) and encoder.encode(form).ndim == 1
    assert encoder.encode({"image": PICTURES[0], "text": "is red"}, convert_to_tensor=True).shape == rows[0].shape
    grey = io.BytesIO()
    Image.new("LA", (9, 5)).save(grey, "PNG")
    assert np.isfinite(encoder.encode(grey.getvalue())).all()
    assert encoder.encode([]).shape == (0, encoder.get_embedding_dimension())


@pytest.mark.parametrize(
    ("inputs", "options", "says"),
    [
        ("is red", {}, "words alone can't be encoded"),
        (["is red"], {}, "words alone can't be encoded"),
        ([{"text": "is red"}], {}, "words alone can't be encoded"),
        ([{"text": ["is red"]}], {"prompt_type": "query"}, "words alone can't be encoded"),
        ([7], {}, "must be a PIL image, a path or bytes, got int"),
        ([b"no picture"], {}, "picture"),
        (PICTURES, {"normalize_embeddings": True}, "can't be normalised"),
        (PICTURES, {"prompt_type": "title"}, "prompt_type must be query or document, got 'title'"),
        (PICTURES, {"batch_size": 0}, "batch_size must be at least 1"),
    ],
)
def test_what_cannot_be_encoded_is_one_sentence(encoder: Encoder, inputs: Any, options: dict[str, Any], says: str):
    with pytest.raises(ValueError, match=says):
        encoder.encode(inputs, **options)


def test_a_checkpoint_is_loaded_by_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    model = small_model(OBJECTIVES["calibrated"]).eval()
    save_model(model, tmp_path)
    monkeypatch.setattr("hug.checkpoint.load_backbone", lambda name: PixelBackbone())
    assert np.allclose(Encoder(tmp_path).encode(PICTURES), Encoder(model).encode(PICTURES), atol=1e-6)


def test_mteb_is_told_nothing_where_nobody_imported_it(encoder: Encoder):
    assert encoder.mteb_model_meta is None and encoder.similarity_fn_name == "dot"
