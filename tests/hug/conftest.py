"""A small honest backbone (pixels and letters), so that the model's laws are tested in milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn
from transformers import Blip2QFormerConfig, Blip2QFormerModel
from transformers.models.blip_2.modeling_blip_2 import Blip2TextEmbeddings

from hug.backbones import Backbone, Reader, WordIds, WordTokens
from hug.backbones.preprocessing import Preprocessing
from hug.config import SIZES, ObjectiveConfig
from hug.data.garments import Sizes, build
from hug.model import HUG


class PixelBackbone:
    """4 tokens of 12 numbers a picture (a 2x2 grid of 2x2 RGB pixels); one token of 8 numbers a word."""

    name, revision = "pixels", ""
    fingerprint = "pixels-1"
    preprocessing = Preprocessing(size=4, fit="stretch", word_pieces=6, captions="as typed")
    image_tokens, image_dim = 4, 12
    text_tokens, text_dim = 6, 8
    word_kind = "tokens"

    def images(self, pictures: Sequence[Image.Image]) -> Tensor:
        small = [np.asarray(p.convert("RGB").resize((4, 4)), dtype=np.float32) / 127.5 - 1 for p in pictures]
        grid = torch.from_numpy(np.stack(small)).view(len(small), 2, 2, 2, 2, 3)  # row, y, column, x, channel
        return grid.permute(0, 1, 3, 2, 4, 5).reshape(len(small), 4, 12)

    def words(self, texts: Sequence[str]) -> WordTokens:
        tokens = torch.zeros(len(texts), self.text_tokens, self.text_dim)
        mask = torch.zeros(len(texts), self.text_tokens, dtype=torch.bool)
        for n, text in enumerate(texts):
            for place, word in enumerate(["<s>", *text.split()][: self.text_tokens]):
                seed = sum(ord(letter) * 31**i for i, letter in enumerate(word)) % 2**31
                tokens[n, place] = torch.randn(self.text_dim, generator=torch.Generator().manual_seed(seed))
                mask[n, place] = True
        return WordTokens(tokens, mask)

    def reader(self) -> Reader:
        return Reader()

    def to(self, device: torch.device) -> None:
        pass


class IdBackbone(PixelBackbone):
    """The same pictures, and words as ids that a reader of its own embeds."""

    name, fingerprint = "ids", "ids-1"
    text_tokens, text_dim = 6, 50_000  # most of these ids do not survive half precision
    word_kind = "ids"

    def words(self, texts: Sequence[str]) -> WordIds:
        ids = torch.zeros(len(texts), self.text_tokens, dtype=torch.long)
        for n, text in enumerate(texts):
            for place, word in enumerate(["<s>", *text.split()][: self.text_tokens]):
                ids[n, place] = 1 + sum(ord(letter) * 31**i for i, letter in enumerate(word)) % (self.text_dim - 1)
        return WordIds(ids, ids > 0)

    def reader(self) -> Reader:
        generator = torch.Generator().manual_seed(5)
        return Reader(embeddings=nn.Embedding.from_pretrained(torch.randn(50_000, 64, generator=generator), False))


class PretrainedBackbone(IdBackbone):
    """A whole reader of another shape than any preset's: its own queries, embeddings and Q-Former, no projection."""

    name, fingerprint = "pretrained", "pretrained-1"

    def reader(self) -> Reader:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(6)
            shape = Blip2QFormerConfig(
                vocab_size=50_000, hidden_size=24, num_hidden_layers=4, num_attention_heads=3, intermediate_size=40,
                cross_attention_frequency=2, encoder_hidden_size=12, use_qformer_text_input=True,
            )  # fmt: skip
            return Reader(torch.randn(5, 24), Blip2TextEmbeddings(shape), Blip2QFormerModel(shape))


def small_model(objective: ObjectiveConfig, extractor: Backbone | None = None, **changes: object) -> HUG:
    """The `tiny` preset, seed 0, on pixels."""
    config = SIZES["tiny"].replace(**changes)
    torch.manual_seed(0)
    return HUG(config, objective, extractor or PixelBackbone())


def noise_pictures(count: int, seed: int = 0) -> list[Image.Image]:
    rng = np.random.default_rng(seed)
    return [Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)) for _ in range(count)]


@pytest.fixture
def backbone() -> PixelBackbone:
    return PixelBackbone()


@pytest.fixture(scope="session")
def garments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A very small generated data set on disk."""
    return build(tmp_path_factory.mktemp("garments"), Sizes((15, 15, 15), (15, 15, 15)), 0, "test", progress=False)
