"""BLIP-2 with its own Q-Former: a frozen vision model, and a reader whose queries, words and layers are pretrained.

Letters: B items, P image tokens of Cv channels, L word pieces, K queries, H width of the Q-Former.
"""

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from transformers import Blip2Config, Blip2PreTrainedModel, Blip2QFormerModel, Blip2VisionModel
from transformers.models.blip_2.modeling_blip_2 import Blip2TextEmbeddings

from hug.backbones import BackboneError, Reader, WordIds, WordKind
from hug.backbones.inputs import Pieces, Pixels, place
from hug.backbones.preprocessing import Preprocessing
from hug.backbones.published import Published

VERSION = 1  # raise when this code changes tokens in a way no constant tells
WORD_PIECES = 32  # SPRC's; 0.4 % of CIRR's validation captions are longer


class _Vision(Blip2PreTrainedModel):
    """The frozen part of `Blip2ForImageTextRetrieval`, under its names."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.vision_model = Blip2VisionModel(config.vision_config)
        self.post_init()


class _Reader(Blip2PreTrainedModel):
    """The part that is trained further."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.query_tokens = nn.Parameter(torch.zeros(1, config.num_query_tokens, config.qformer_config.hidden_size))
        self.embeddings = Blip2TextEmbeddings(config.qformer_config)
        self.qformer = Blip2QFormerModel(config.qformer_config)
        self.post_init()


class Blip2:
    """Pictures stretched to a square, as HUG's authors do, and captions by LAVIS' processor.

    Raises BackboneError for files that lack or don't fit, among them checkpoints made for generation, which have no
    embeddings of words for the Q-Former.
    """

    word_kind: WordKind = "ids"

    def __init__(self, published: Published) -> None:
        self._published = published
        if not (published.config.get("qformer_config") or {}).get("use_qformer_text_input"):
            raise BackboneError(
                f"{published.name} has a Q-Former that reads no words; take one for retrieval, such as "
                "Salesforce/blip2-itm-vit-g"
            )
        self._vision: Any = published.model(_Vision).vision_model
        config: Any = Blip2Config.from_dict(published.config)
        vision, qformer = config.vision_config, config.qformer_config
        self.preprocessing = Preprocessing(
            size=vision.image_size, fit="stretch", word_pieces=min(WORD_PIECES, qformer.max_position_embeddings),
            captions="lavis",
        )  # fmt: skip
        self.name, self.revision = published.name, published.revision
        self.fingerprint = published.fingerprint(VERSION, self.preprocessing)
        self.image_tokens, self.image_dim = 1 + (vision.image_size // vision.patch_size) ** 2, vision.hidden_size
        self.text_tokens, self.text_dim = self.preprocessing.word_pieces, qformer.vocab_size
        self._pixels = Pixels(published, self.preprocessing)
        self._pieces = Pieces(published, self.preprocessing, qformer.vocab_size)

    @torch.no_grad()
    def images(self, pictures: Sequence[Image.Image]) -> Tensor:
        """(B, P, Cv) float32, layer-normed by the vision model."""
        like, shape = next(self._vision.parameters()), (self.image_tokens, self.image_dim)
        return self._pixels.seen_by(lambda x: self._vision(x).last_hidden_state, pictures, like, shape)

    def words(self, texts: Sequence[str]) -> WordIds:
        """Ids (B, L), zero where padded, and their mask (B, L); an empty text is [CLS] and [SEP]."""
        ids, mask = self._pieces(texts)
        return WordIds(ids * mask, mask)

    def reader(self) -> Reader:
        """Read from the files at each call, and kept by whoever asked: nothing lies in memory twice."""
        parts = self._published.model(_Reader, attn_implementation="eager").requires_grad_(True)
        return Reader(parts.query_tokens.detach()[0], parts.embeddings, parts.qformer)

    def to(self, device: torch.device) -> None:
        place(self._vision, device)
