"""Tokens of real photographs and free words."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from hug.backbones import Backbone, BackboneError, WordTokens, embedded, load_backbone
from hug.data.images import open_picture

TEXTS = ["", "red", "the same but red, with long sleeves", "a " * 50, "Red", "is shiny", "dress\ud83d"]


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return load_backbone("embedded")


@pytest.fixture(scope="module")
def photos(test_data: Path) -> list[Image.Image]:
    return [open_picture(p) for p in sorted((test_data / "clothing_photos").glob("*/*.jpg"))[::36]]


def test_image_tokens_have_the_promised_shape_and_about_unit_scale(
    backbone: Backbone, photos: list[Image.Image]
) -> None:
    tokens = backbone.images(photos)
    assert tokens.shape == (len(photos), backbone.image_tokens, backbone.image_dim) == (10, 25, 768)
    assert tokens.dtype == torch.float32 and not tokens.requires_grad and not tokens.is_inference()
    assert 0.7 < tokens[..., :320].std() < 1.3 and 0.7 < tokens[..., 320:].std() < 1.3
    assert tokens.abs().max() < 100  # far from the limit of half precision


def test_a_picture_alone_equals_the_same_in_a_batch(backbone: Backbone, photos: list[Image.Image]) -> None:
    alone = torch.cat([backbone.images([photo]) for photo in photos])
    torch.testing.assert_close(backbone.images(photos), alone, rtol=1e-3, atol=1e-4)


def test_tokens_lie_where_the_picture_has_them(backbone: Backbone) -> None:
    """Changing the bottom right corner moves the last token more than the first."""
    plain, marked = Image.new("RGB", (160, 160), "white"), Image.new("RGB", (160, 160), "white")
    marked.paste("black", (128, 128, 160, 160))
    moved = (backbone.images([plain]) - backbone.images([marked]))[0].norm(dim=-1)
    assert moved[24] > 3 * moved[0]


def test_folded_middle_stage_keeps_neighbours_in_one_token(
    backbone: Backbone, photos: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Token (y, x) holds for channel c the 2x2 values at rows 2y, 2y+1 and columns 2x, 2x+1."""
    middle, last = torch.randn(1, 112, 10, 10), torch.randn(1, 320, 5, 5)
    monkeypatch.setattr(backbone._network, "stages", lambda _: (middle, last))  # type: ignore[attr-defined]
    tokens = backbone.images(photos[:1])[0, :, 320:] * embedded.MIDDLE_SCALE
    y, x, c = 3, 1, 17
    expected = middle[0, c, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2].flatten()
    torch.testing.assert_close(tokens[5 * y + x, 4 * c : 4 * c + 4], expected)


def test_photographs_of_one_class_are_nearer_than_of_others(backbone: Backbone, test_data: Path) -> None:
    paths = [p for c in ("dress", "shoes", "hat") for p in sorted((test_data / "clothing_photos" / c).glob("*"))[:8]]
    tokens = torch.nn.functional.normalize(backbone.images([open_picture(p) for p in paths]).flatten(1), dim=1)
    nearest = (tokens @ tokens.T).fill_diagonal_(-1).argmax(1)
    right = [paths[n].parent == paths[m].parent for n, m in enumerate(nearest.tolist())]
    assert np.mean(right) > 0.75


def test_words_are_padded_cut_and_masked(backbone: Backbone) -> None:
    words = backbone.words(TEXTS)
    tokens, mask = words.content, words.mask
    assert isinstance(words, WordTokens) and backbone.word_kind == "tokens"
    assert tokens.shape == (len(TEXTS), 24, 384) and tokens.dtype == torch.float32
    assert mask.shape == (len(TEXTS), 24) and mask.dtype == torch.bool
    assert mask.sum(1).tolist()[:4] == [2, 3, 10, 24]  # [CLS] and [SEP] included, the comma is a token
    assert (mask.long().diff(dim=1) <= 0).all()  # padding only at the end
    assert (tokens[~mask] == 0).all() and (tokens[mask].norm(dim=1) > 0).all()
    assert not tokens.requires_grad and not tokens.is_inference()


def test_a_text_alone_equals_the_same_in_a_batch_in_order(backbone: Backbone) -> None:
    words = backbone.words(TEXTS)
    for n, text in enumerate(TEXTS):
        alone = backbone.words([text])
        torch.testing.assert_close(words.content[n], alone.content[0], rtol=1e-3, atol=1e-4)
        assert torch.equal(words.mask[n], alone.mask[0])
    torch.testing.assert_close(words.content[1], words.content[4], rtol=1e-3, atol=1e-4)  # the tokenizer lowercases


def test_the_order_of_words_matters(backbone: Backbone) -> None:
    tokens = backbone.words(["red not blue", "blue not red"]).content
    assert (tokens[0].mean(0) - tokens[1].mean(0)).norm() > 0.1


def test_similar_sentences_are_nearer(backbone: Backbone) -> None:
    words = backbone.words(["has longer sleeves", "the sleeves are long", "is a bright red colour"])
    pooled = torch.nn.functional.normalize((words.content * words.mask[..., None]).sum(1), dim=1)
    near, far = pooled[0] @ pooled[1], pooled[0] @ pooled[2]
    assert near > 0.7 > 0.5 > far


def test_nothing_gives_nothing(backbone: Backbone) -> None:
    words = backbone.words([])
    assert words.content.shape == (0, 24, 384) and words.mask.shape == (0, 24)
    assert backbone.images([]).shape == (0, 25, 768)


def test_one_string_is_not_a_list(backbone: Backbone) -> None:
    with pytest.raises(ValueError, match="expected a list of texts"):
        backbone.words("red")


def test_tokens_may_enter_training(backbone: Backbone, photos: list[Image.Image]) -> None:
    layer = torch.nn.Linear(768, 1)
    layer(backbone.images(photos[:1])).sum().backward()
    assert layer.weight.grad is not None


def test_a_changed_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "weights_for_test"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('must not be imported')")
    (package / "w.bin").write_bytes(b"changed")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(embedded.HASHES, ("weights_for_test", "w.bin"), "0" * 64)
    with pytest.raises(BackboneError, match="not the known 0000"):
        embedded.verified("weights_for_test", "w.bin")


def test_a_missing_package_or_file_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(BackboneError, match="no_such_package is not installed"):
        embedded.verified("no_such_package", "w.bin")
    with pytest.raises(BackboneError, match="install .* again"):
        embedded.verified(embedded.IMAGES, "models/other.pth")


def test_the_fingerprint_follows_every_constant(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {embedded.fingerprint()}
    for name, value in (("SIZE", 192), ("MEAN", 0.0), ("STD", 1.0), ("LENGTH", 32), ("LAST_SCALE", 1.0)):
        with monkeypatch.context() as patch:
            patch.setattr(embedded, name, value)
            known.add(embedded.fingerprint())
    with monkeypatch.context() as patch:
        patch.setattr(embedded, "HASHES", {key: "0" * 64 for key in embedded.HASHES})
        known.add(embedded.fingerprint())
    assert len(known) == 7


def test_the_tokenizer_is_the_one_of_the_library(backbone: Backbone) -> None:
    """The file read on its own equals transformers' tokenizer on a text with all kinds of characters."""
    from transformers import BertTokenizerFast

    content = json.loads(embedded.verified(embedded.WORDS, "model/tokenizer.json"))
    library = BertTokenizerFast(vocab=content["model"]["vocab"])
    text = "A Crème-coloured T-shirt, 100% cotton; ¿más corto? 红色 🙂"
    assert backbone._tokenizer.encode(text).ids == library(text, truncation=True, max_length=24)["input_ids"]  # type: ignore[attr-defined]
