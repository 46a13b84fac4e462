"""A small honest backbone (pixels and letters), so that the model's laws are tested in milliseconds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from hug.config import SIZES, ModelConfig, ObjectiveConfig
from hug.data.garments import Sizes, build
from hug.model import HUG


class PixelBackbone:
    """4 tokens of 12 numbers a picture (a 2x2 grid of 2x2 RGB pixels); one token of 8 numbers a word."""

    name = "pixels"
    fingerprint = "pixels-1"
    image_tokens, image_dim = 4, 12
    text_tokens, text_dim = 6, 8

    def images(self, pictures: Sequence[Image.Image]) -> Tensor:
        small = [np.asarray(p.convert("RGB").resize((4, 4)), dtype=np.float32) / 127.5 - 1 for p in pictures]
        grid = torch.from_numpy(np.stack(small)).view(len(small), 2, 2, 2, 2, 3)  # row, y, column, x, channel
        return grid.permute(0, 1, 3, 2, 4, 5).reshape(len(small), 4, 12)

    def words(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        tokens = torch.zeros(len(texts), self.text_tokens, self.text_dim)
        mask = torch.zeros(len(texts), self.text_tokens, dtype=torch.bool)
        for n, text in enumerate(texts):
            for place, word in enumerate(["<s>", *text.split()][: self.text_tokens]):
                seed = sum(ord(letter) * 31**i for i, letter in enumerate(word)) % 2**31
                tokens[n, place] = torch.randn(self.text_dim, generator=torch.Generator().manual_seed(seed))
                mask[n, place] = True
        return tokens, mask


def small_model(objective: ObjectiveConfig, **changes: object) -> HUG:
    """The `tiny` preset, seed 0, on pixels."""
    config: ModelConfig = dataclasses.replace(SIZES["tiny"], **changes)  # type: ignore[arg-type]
    torch.manual_seed(0)
    return HUG(config, objective, PixelBackbone())


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
