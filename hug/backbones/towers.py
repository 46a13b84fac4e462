"""Published models with two frozen towers, CLIP and SigLIP, whose tokens the small Q-Former reads.

Letters: B items, P image tokens of Cv channels, L word tokens of Ct channels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from transformers import CLIPModel, PreTrainedModel, SiglipModel

from hug.backbones import Reader, WordKind, WordTokens
from hug.backbones.inputs import Pieces, Pixels, place
from hug.backbones.preprocessing import Preprocessing
from hug.backbones.published import Published

VERSION = 1  # raise when this code changes tokens in a way no constant tells
TEXTS = 32  # computed together


@dataclass(frozen=True)
class Family:
    """How one family of models is read."""

    model: type[PreTrainedModel]
    prefix: int  # image tokens before the grid of patches
    image: Callable[[Any, Tensor], Tensor]  # model, pixels -> (B, P, Cv)
    words: Callable[[Any, Tensor, Tensor], tuple[Tensor, Tensor]]  # model, ids, mask -> (B, L, Ct), (B, L)


def _clip_image(model: Any, pixels: Tensor) -> Tensor:
    """Class token and patches, layer-normed as the library norms the class token."""
    return model.vision_model.post_layernorm(model.vision_model(pixels).last_hidden_state)


def _clip_words(model: Any, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    return model.text_model(input_ids=ids, attention_mask=mask.long()).last_hidden_state, mask


def _siglip_image(model: Any, pixels: Tensor) -> Tensor:
    return model.vision_model(pixels).last_hidden_state


def _siglip_words(model: Any, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The words' states, and right behind them the last place's, in which SigLIP gathers the sentence.

    It was trained without a mask: padding is read like words.
    """
    states, rows, count = model.text_model(input_ids=ids).last_hidden_state, torch.arange(len(ids)), mask.sum(1)
    behind = count.clamp(max=ids.shape[1] - 1)
    states, mask = states.clone(), mask.clone()
    states[rows, behind], mask[rows, behind] = states[:, -1].clone(), True
    return states, mask


FAMILIES = {
    "clip": Family(CLIPModel, 1, _clip_image, _clip_words),
    "siglip": Family(SiglipModel, 0, _siglip_image, _siglip_words),
}


class Towers:
    """A published model whose picture and text sides are both frozen.

    Raises BackboneError for files that lack or don't fit.
    """

    word_kind: WordKind = "tokens"

    def __init__(self, published: Published) -> None:
        self._family = FAMILIES[published.kind]
        self._model: Any = published.model(self._family.model)
        vision, text = self._model.config.vision_config, self._model.config.text_config
        self.preprocessing = Preprocessing(
            size=vision.image_size, fit="white", word_pieces=text.max_position_embeddings, captions="as typed"
        )
        self.name, self.revision = published.name, published.revision
        self.fingerprint = published.fingerprint(VERSION, self.preprocessing)
        self.image_tokens = self._family.prefix + (vision.image_size // vision.patch_size) ** 2
        self.image_dim = vision.hidden_size
        self.text_tokens, self.text_dim = text.max_position_embeddings, text.hidden_size
        self._pixels = Pixels(published, self.preprocessing)
        self._pieces = Pieces(published, self.preprocessing, text.vocab_size)

    @torch.no_grad()
    def images(self, pictures: Sequence[Image.Image]) -> Tensor:
        """(B, P, Cv) float32."""
        shape = (self.image_tokens, self.image_dim)
        return self._pixels.seen_by(lambda x: self._family.image(self._model, x), pictures, self._weight, shape)

    @torch.no_grad()
    def words(self, texts: Sequence[str]) -> WordTokens:
        """Last hidden states (B, L, Ct) float32, zero where padded, and their mask (B, L)."""
        ids, mask = self._pieces(texts)
        tokens = torch.zeros(*ids.shape, self.text_dim)
        for rows in torch.arange(len(ids)).split(TEXTS) if texts else ():
            states, own = self._family.words(self._model, ids[rows].to(self._weight.device), mask[rows])
            mask[rows] = own
            tokens[rows] = states.float().cpu() * own[..., None]
        return WordTokens(tokens, mask)

    def reader(self) -> Reader:
        return Reader()

    def to(self, device: torch.device) -> None:
        place(self._model, device)

    @property
    def _weight(self) -> Tensor:
        return next(self._model.parameters())
