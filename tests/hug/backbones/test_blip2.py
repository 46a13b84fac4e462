"""BLIP-2: vision, joint and picture passes equal the library's; words keep the queries' own feed-forward."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoImageProcessor, AutoTokenizer, Blip2ForImageTextRetrieval

from hug.backbones import Backbone, WordIds, load_backbone
from hug.config import OBJECTIVES, SIZES
from hug.model import HUG
from tests.hug.backbones.test_towers import squares

TEXTS = ["is red with long sleeves", "", "no logo and darker"]


@pytest.fixture
def backbone(folders: dict[str, Path]) -> Backbone:
    return load_backbone(f"blip2:{folders['blip2']}")


@pytest.fixture
def library(folders: dict[str, Path]) -> Blip2ForImageTextRetrieval:
    return Blip2ForImageTextRetrieval.from_pretrained(folders["blip2"], attn_implementation="eager").eval()


@pytest.fixture
def model(backbone: Backbone) -> HUG:
    torch.manual_seed(0)
    return HUG(SIZES["tiny"].replace(backbone=backbone.name), OBJECTIVES["paper"], backbone).eval()


def test_the_reader_s_shape_is_the_checkpoint_s_not_the_flags(model: HUG):
    shape = model.config
    assert (shape.components, shape.hidden, shape.layers, shape.heads) == (6, 24, 4, 3)
    assert (shape.intermediate, shape.cross_attention_frequency, shape.dim) == (40, 2, SIZES["tiny"].dim)


def test_vision_is_the_library_s(folders: dict[str, Path], backbone: Backbone, library: Blip2ForImageTextRetrieval):
    pixels = AutoImageProcessor.from_pretrained(folders["blip2"])(images=squares(), return_tensors="pt")
    with torch.no_grad():
        theirs = library.vision_model(pixels["pixel_values"]).last_hidden_state
    torch.testing.assert_close(backbone.images(squares()), theirs, rtol=0, atol=1e-5)


def test_words_are_the_library_s_ids(folders: dict[str, Path], backbone: Backbone):
    words = backbone.words(["Is RED, with long sleeves!"])
    theirs = AutoTokenizer.from_pretrained(folders["blip2"])(["is red, with long sleeves"])["input_ids"][0]
    assert isinstance(words, WordIds) and words.content[0, : len(theirs)].tolist() == theirs
    assert words.mask.sum() == len(theirs) and not words.content[0, len(theirs) :].any()


@pytest.mark.parametrize("text", ["<image>", "[SEP] [MASK] \ud800", "日本" * 200])
def test_no_text_leaves_the_vocabulary(backbone: Backbone, model: HUG, text: str):
    backbone._pieces.tokenizer.add_tokens(["<image>"])  # type: ignore[attr-defined]  # as the published one has it
    words = backbone.words([text])
    assert int(words.content.max()) < backbone.text_dim
    assert torch.isfinite(model.query(squares(1), [text]).mu).all()


def test_joint_and_picture_passes_are_the_library_s(
    backbone: Backbone, library: Blip2ForImageTextRetrieval, model: HUG
):
    images, words = backbone.images(squares()), backbone.words(TEXTS)
    queries = library.query_tokens.expand(len(TEXTS), -1, -1)
    with torch.no_grad():
        x = library.embeddings(input_ids=words.content, query_embeds=queries)
        mask = torch.cat([torch.ones(queries.shape[:2], dtype=torch.bool), words.mask], dim=1)
        joint = library.qformer(
            query_embeds=x, query_length=queries.shape[1], attention_mask=mask, encoder_hidden_states=images
        ).last_hidden_state[:, : queries.shape[1]]
        plain = library.qformer(query_embeds=queries, encoder_hidden_states=images).last_hidden_state
        pictures = model.qformer.project(images)
        torch.testing.assert_close(model.qformer.joint(pictures, words), joint, rtol=0, atol=1e-5)
        torch.testing.assert_close(model.qformer.image(pictures), plain, rtol=0, atol=1e-5)


def test_words_alone_are_the_joint_pass_without_cross_attention(
    backbone: Backbone, library: Blip2ForImageTextRetrieval, model: HUG, monkeypatch: pytest.MonkeyPatch
):
    """The library has no such pass; its own with every cross-attention silenced is one."""
    words = backbone.words(TEXTS)
    queries = library.query_tokens.expand(len(TEXTS), -1, -1)
    for layer in library.qformer.encoder.layer:
        monkeypatch.setattr(layer, "has_cross_attention", False)
    with torch.no_grad():
        x = library.embeddings(input_ids=words.content, query_embeds=queries)
        mask = torch.cat([torch.ones(queries.shape[:2], dtype=torch.bool), words.mask], dim=1)
        theirs = library.qformer(
            query_embeds=x, query_length=queries.shape[1], attention_mask=mask,
            encoder_hidden_states=torch.zeros(len(TEXTS), 1, 20),
        ).last_hidden_state[:, : queries.shape[1]]  # fmt: skip
        torch.testing.assert_close(model.qformer.words(words), theirs, rtol=0, atol=1e-5)


def test_the_words_doubt_differs_between_components(model: HUG):
    """The official code repeats one sentence vector K times: its sigma_t is the same in all components."""
    var_t = model.query(squares(2), TEXTS[:2]).var_t  # (B, K, D)
    assert (var_t.std(1) > 1e-4).all()


def test_training_moves_the_reader_and_not_the_next_one(backbone: Backbone, model: HUG):
    with torch.no_grad():
        model.qformer.queries.add_(1.0)
    fresh = backbone.reader()
    assert fresh.queries is not None and not torch.allclose(fresh.queries, model.qformer.queries[0])
    assert all(p.requires_grad for p in fresh.qformer.parameters())  # type: ignore[union-attr]


def test_noise_never_meets_an_id():
    with pytest.raises(TypeError, match="word ids are whole numbers"):
        WordIds(torch.zeros(1, 2), torch.ones(1, 2, dtype=torch.bool))
