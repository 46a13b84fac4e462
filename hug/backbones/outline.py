"""A backbone's shapes without its weights: what a plan needs of a model that was never downloaded.

Letters: B items, P image tokens of Cv channels, L word pieces.
"""

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from transformers import Blip2Config, Blip2QFormerModel, Blip2VisionModel
from transformers.models.blip_2.modeling_blip_2 import Blip2TextEmbeddings

from hug.backbones import Backbone, BackboneError, Name, Reader, WordIds, WordKind, load_backbone
from hug.backbones.blip2 import WORD_PIECES
from hug.backbones.preprocessing import Preprocessing
from hug.backbones.published import Published


class Blip2Outline:
    """BLIP-2 with new weights: the vision model without any, the reader with random ones."""

    word_kind: WordKind = "ids"
    revision, fingerprint = "", ""

    def __init__(self, name: Name) -> None:
        try:
            published = Published.find(*name)
            config: Any = Blip2Config.from_dict(published.config)
            self.note = ""
        except BackboneError:  # not here: the library's own default sizes are those of ViT-g with this Q-Former
            config = Blip2Config(qformer_config={"use_qformer_text_input": True})
            self.note = f"{name} isn't on this machine: the sizes are the library's defaults, ViT-g and its Q-Former"
        self._config, self.name = config, str(name)
        vision, qformer = config.vision_config, config.qformer_config
        self.preprocessing = Preprocessing(
            size=vision.image_size, fit="stretch", word_pieces=WORD_PIECES, captions="lavis"
        )
        self.image_tokens, self.image_dim = 1 + (vision.image_size // vision.patch_size) ** 2, vision.hidden_size
        self.text_tokens, self.text_dim = WORD_PIECES, qformer.vocab_size

    def vision(self, layers: int | None = None, device: str = "meta") -> torch.nn.Module:
        """The vision model, with fewer layers where asked for."""
        config = self._config.vision_config
        if layers is not None:
            config = type(config)(**{**config.to_dict(), "num_hidden_layers": layers})
        config._attn_implementation = "eager"  # its products are counted
        with torch.device(device):
            return Blip2VisionModel(config).eval().requires_grad_(False)

    @property
    def layers(self) -> int:
        """Of the vision model."""
        return self._config.vision_config.num_hidden_layers

    def images(self, pictures: Sequence[Image.Image]) -> Tensor:
        """Made up: (B, P, Cv)."""
        return torch.randn(len(pictures), self.image_tokens, self.image_dim)

    def words(self, texts: Sequence[str]) -> WordIds:
        """Made up: (B, L), all of them words."""
        shape = len(texts), self.text_tokens
        return WordIds(torch.randint(1, self.text_dim, shape), torch.ones(shape, dtype=torch.bool))

    def reader(self) -> Reader:
        shape = self._config.qformer_config
        queries = torch.randn(self._config.num_query_tokens, shape.hidden_size)
        shape._attn_implementation = "eager"
        return Reader(queries, Blip2TextEmbeddings(shape), Blip2QFormerModel(shape))

    def to(self, device: torch.device) -> None:
        pass


def outline(name: str) -> Backbone:
    """BLIP-2 by its shapes; any other backbone as it is, since those are small."""
    parts = Name.parse(name)
    return Blip2Outline(parts) if parts.kind == "blip2" else load_backbone(name)
