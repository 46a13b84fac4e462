"""Pictures and texts as a published model takes them; its image processor and tokenizer are used apart.

Its joint processor may put ids for the picture before a text, which belong to another use of it. Letters: B items, S
pixels a side, P image tokens of Cv channels, L word pieces.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from hug.backbones.preprocessing import Preprocessing
from hug.backbones.published import Published

PICTURES = 8  # computed together


class Pixels:
    """Pictures as the vision model takes them."""

    def __init__(self, published: Published, preprocessing: Preprocessing) -> None:
        processor = published.image_processor()
        self.preprocessing = preprocessing
        self.mean, self.std = torch.tensor(processor.image_mean), torch.tensor(processor.image_std)

    def __call__(self, pictures: Sequence[Image.Image]) -> Tensor:
        """(B, 3, S, S)."""
        pixels = np.stack([self.preprocessing.pixels(picture) for picture in pictures])  # (B, S, S, 3) bytes
        return ((torch.from_numpy(pixels) / 255 - self.mean) / self.std).permute(0, 3, 1, 2).contiguous()

    def seen_by(
        self, vision: Callable[[Tensor], Tensor], pictures: Sequence[Image.Image], like: Tensor, shape: tuple[int, int]
    ) -> Tensor:
        """(B, P, Cv) float32 tokens on the CPU, computed where and in the number format that `like` has."""
        groups = [pictures[n : n + PICTURES] for n in range(0, len(pictures), PICTURES)]
        parts = [vision(self(group).to(like.device, like.dtype)).float().cpu() for group in groups]
        return torch.cat([torch.empty(0, *shape), *parts])


class Pieces:
    """Texts as word pieces, always L of them."""

    def __init__(self, published: Published, preprocessing: Preprocessing, vocabulary: int) -> None:
        self.tokenizer = published.tokenizer()
        self.preprocessing, self.vocabulary = preprocessing, vocabulary

    def __call__(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Ids (B, L) int64, the model's own where padded, and the mask (B, L) bool, true on word pieces.

        Raises ValueError for one string instead of a list.
        """
        if isinstance(texts, str):
            raise ValueError(f"expected a list of texts, got the single string {texts!r}")
        length = self.preprocessing.word_pieces
        if not texts:
            return torch.zeros(0, length, dtype=torch.long), torch.zeros(0, length, dtype=torch.bool)
        encoded = self.tokenizer(
            [self.preprocessing.caption(text) for text in texts], padding="max_length", truncation=True,
            max_length=length, return_attention_mask=True, return_tensors="pt",
        )  # fmt: skip
        ids = encoded["input_ids"]
        # A tokenizer may know marks, such as <image>, that the model has no embedding of.
        unknown = self.tokenizer.unk_token_id or 0
        return ids.masked_fill(ids >= self.vocabulary, unknown), encoded["attention_mask"].bool()


def place(model: nn.Module, device: torch.device) -> None:
    """To a device; in half precision where that is a GPU, as tokens are kept."""
    model.to(device=device, dtype=torch.float16 if device.type == "cuda" else torch.float32)
