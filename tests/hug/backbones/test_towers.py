"""CLIP and SigLIP: every pass equals the library's own, from its own processors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoTokenizer, CLIPModel, SiglipModel

from hug.backbones import Backbone, WordTokens, load_backbone
from tests.hug.conftest import noise_pictures
from tests.towers import SIZE

TEXTS = ["is red with long sleeves", "", "no logo", "the same but darker and longer " * 9]


@pytest.fixture(params=["clip", "siglip"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def backbone(folders: dict[str, Path], kind: str) -> Backbone:
    return load_backbone(f"{kind}:{folders[kind]}")


def squares(count: int = 3) -> list[Image.Image]:
    """Of the size that the network sees, so that the library's geometry has nothing to do."""
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)) for _ in range(count)]


def test_image_tokens_are_the_library_s(folders: dict[str, Path], kind: str, backbone: Backbone):
    library = {"clip": CLIPModel, "siglip": SiglipModel}[kind].from_pretrained(folders[kind]).eval()
    pixels = AutoImageProcessor.from_pretrained(folders[kind])(images=squares(), return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        out = library.vision_model(pixels)
        theirs = out.last_hidden_state
        if kind == "clip":
            theirs = library.vision_model.post_layernorm(theirs)
            torch.testing.assert_close(theirs[:, 0], out.pooler_output)  # the class token as the library gives it
    ours = backbone.images(squares())
    assert ours.shape[1:] == (backbone.image_tokens, backbone.image_dim)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_word_tokens_are_the_library_s(folders: dict[str, Path], kind: str, backbone: Backbone):
    library = {"clip": CLIPModel, "siglip": SiglipModel}[kind].from_pretrained(folders[kind]).eval()
    encoded = AutoTokenizer.from_pretrained(folders[kind])(
        TEXTS, padding="max_length", truncation=True, return_attention_mask=True, return_tensors="pt"
    )
    mask = encoded.attention_mask.bool()
    with torch.no_grad():
        masked = {"attention_mask": encoded.attention_mask} if kind == "clip" else {}  # SigLIP reads its padding
        out = library.text_model(input_ids=encoded.input_ids, **masked)
    words = backbone.words(TEXTS)
    assert isinstance(words, WordTokens) and words.content.shape[1:] == (backbone.text_tokens, backbone.text_dim)
    torch.testing.assert_close(words.content[mask], out.last_hidden_state[mask], rtol=0, atol=1e-5)
    assert not words.content[~words.mask].any()
    if kind == "clip":
        assert torch.equal(words.mask, mask)
        return
    counts = mask.sum(1)
    assert torch.equal(words.mask.sum(1), (counts + 1).clamp(max=words.mask.shape[1]))
    last = words.content[torch.arange(len(TEXTS)), words.mask.sum(1) - 1]
    torch.testing.assert_close(library.text_model.head(last), out.pooler_output, rtol=0, atol=1e-5)


def test_one_equals_the_same_in_a_batch(backbone: Backbone):
    pictures = noise_pictures(11)
    torch.testing.assert_close(
        backbone.images(pictures), torch.cat([backbone.images([p]) for p in pictures]), rtol=0, atol=1e-5
    )
    words = backbone.words(TEXTS)
    for n, text in enumerate(TEXTS):
        alone = backbone.words([text])
        torch.testing.assert_close(words.content[n], alone.content[0], rtol=0, atol=1e-5)
        assert torch.equal(words.mask[n], alone.mask[0])


def test_nothing_gives_nothing_and_one_string_is_no_list(backbone: Backbone):
    assert backbone.images([]).shape == (0, backbone.image_tokens, backbone.image_dim)
    assert backbone.words([]).content.shape == (0, backbone.text_tokens, backbone.text_dim)
    with pytest.raises(ValueError, match="single string 'red'"):
        backbone.words("red")


@pytest.mark.filterwarnings("ignore:This sequence already has")
@pytest.mark.parametrize("text", ["日本 <|endoftext|> <image> \ud800 \0", "x" * 5000, "</s></s>"])
def test_any_text_is_read(backbone: Backbone, text: str):
    words = backbone.words([text])
    assert torch.isfinite(words.content).all() and words.mask.any()
