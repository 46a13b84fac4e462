"""HUG: one shared Q-Former, three uncertainty estimators, and two public calls, `target` and `query`.

Letters: B batch, K components, D dimensions of one component, P image tokens, L words, H width.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, cast

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import Blip2QFormerConfig, Blip2QFormerModel

from hug.backbones import Backbone, Reader, Words, load_backbone
from hug.config import ModelConfig, ObjectiveConfig
from hug.data.images import PictureError, open_picture
from hug.gaussians import Gaussians, Query, merge

LOGVAR_MIN = -9.0  # sigma^2 in [e^-9, 1]: below 1 the merge of Eq. 10 is monotone in each source
LOGVAR_START = -2.6  # where an untrained estimator begins: sigma^2 about 0.07


class QFormer(nn.Module):
    """The shared Q of Eqs 2-3: K learned query tokens read a picture, words, or both."""

    def __init__(self, config: ModelConfig, backbone: Backbone, reader: Reader) -> None:
        super().__init__()
        if reader.embeddings is None and backbone.word_kind == "ids":
            raise ValueError(f"the backbone {backbone.name} gives word ids and no embeddings to read them with")
        self.components = config.components
        start = torch.randn(config.components, config.hidden) * 0.5 if reader.queries is None else reader.queries
        self.queries = nn.Parameter(start[None])
        # What a pretrained Q-Former reads is what its vision model gives, which has no map of ours in between.
        self.vision: nn.Module = nn.Identity()
        if not reader.qformer:
            self.vision = nn.Sequential(nn.Linear(backbone.image_dim, config.hidden), nn.LayerNorm(config.hidden))
        self.text = reader.embeddings or nn.Linear(backbone.text_dim, config.hidden)
        self.qformer = cast(Blip2QFormerModel, reader.qformer or _new_qformer(config))
        last: Any = self.qformer.encoder.layer[-1]
        for part in (last.intermediate, last.output):  # feeds the last layer's word positions, which nobody reads
            part.requires_grad_(False)

    def project(self, images: Tensor) -> Tensor:
        """(B, P, H) image tokens as the cross-attention reads them; shared by every pass over a picture."""
        return self.vision(images)

    def image(self, pictures: Tensor) -> Tensor:
        """(B, K, H) from projected pictures (B, P, H) with blank text: no words at all, as if fully masked."""
        queries = self.queries.expand(len(pictures), -1, -1)
        return self.qformer(query_embeds=queries, encoder_hidden_states=pictures).last_hidden_state

    def joint(self, pictures: Tensor, words: Words) -> Tensor:
        """(B, K, H) from projected pictures (B, P, H) and words."""
        x, mask = self._with_words(words)
        out = self.qformer(
            query_embeds=x, query_length=self.components, attention_mask=mask, encoder_hidden_states=pictures
        )
        return out.last_hidden_state[:, : self.components]

    def words(self, words: Words) -> Tensor:
        """(B, K, H) from words alone.

        The library refuses queries without a picture, and with `query_length=0` the queries would take the
        words' feed-forward: so the layers are run here, without cross-attention, each position with its own.
        """
        x, mask = self._with_words(words)
        x = self.qformer.dropout(self.qformer.layernorm(x))  # (B, K+L, H)
        bias = torch.zeros_like(mask, dtype=x.dtype).masked_fill(~mask, torch.finfo(x.dtype).min)
        for layer in cast(Any, self.qformer.encoder.layer):
            x = layer.attention(x, attention_mask=bias[:, None, None])
            queries = layer.feed_forward_chunk_query(x[:, : self.components])
            x = torch.cat([queries, layer.feed_forward_chunk(x[:, self.components :])], dim=1)
        return x[:, : self.components]

    def _with_words(self, words: Words) -> tuple[Tensor, Tensor]:
        """(B, K+L, H) queries and embedded words, and their mask (B, K+L)."""
        queries = self.queries.expand(len(words), -1, -1)
        ones = words.mask.new_ones(len(words), self.components)
        return torch.cat([queries, self.text(words.content)], dim=1), torch.cat([ones, words.mask], dim=1)


def _new_qformer(config: ModelConfig) -> Blip2QFormerModel:
    settings = Blip2QFormerConfig(
        hidden_size=config.hidden,
        num_hidden_layers=config.layers,
        num_attention_heads=config.heads,
        intermediate_size=config.intermediate or 2 * config.hidden,
        initializer_range=config.hidden**-0.5,  # the library's 0.02 is for width 768: at 128 no picture gets through
        hidden_dropout_prob=config.dropout,
        attention_probs_dropout_prob=0.0,
        cross_attention_frequency=config.cross_attention_frequency,
        encoder_hidden_size=config.hidden,
        use_qformer_text_input=True,
    )
    settings._attn_implementation = "eager"  # measured: the fused CPU kernel's backward is slower at these sizes
    return Blip2QFormerModel(settings)


def _of_reader(config: ModelConfig, reader: Reader) -> ModelConfig:
    """The configuration with the shape that the pretrained parts have."""
    if reader.queries is not None:
        config = config.replace(components=len(reader.queries))
    if (qformer := reader.qformer) is None:
        return config
    shape: Any = qformer.config
    return config.replace(
        hidden=shape.hidden_size, layers=shape.num_hidden_layers, heads=shape.num_attention_heads,
        intermediate=shape.intermediate_size, cross_attention_frequency=shape.cross_attention_frequency,
    )  # fmt: skip


class Estimator(nn.Module):
    """g of Eqs 4 and 6-8: a one-layer Transformer block over the K outputs, then `logvar`, bounded smoothly."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.detach = config.detach
        self.block = nn.TransformerEncoderLayer(
            config.hidden, config.heads, 2 * config.hidden, config.dropout, activation="gelu", batch_first=True
        )
        self.head = nn.Linear(config.hidden, config.dim)
        start = torch.logit(torch.tensor(LOGVAR_START / LOGVAR_MIN, device="cpu"))  # a number on the meta device too
        nn.init.normal_(self.head.weight, std=0.1 / config.hidden**0.5)
        nn.init.constant_(self.head.bias, float(start))

    def forward(self, x: Tensor) -> Tensor:
        """(B, K, D) variance (sigma squared) in [e^-9, 1] from Q-Former outputs (B, K, H)."""
        x = self.block(x.detach() if self.detach else x)
        logvar = LOGVAR_MIN * torch.sigmoid(self.head(x).float())  # (B, K, D)
        return logvar.exp()


class HUG(nn.Module):
    """The model of the paper on frozen tokens.

    `target` and `query` take pictures; `target_tokens` and `query_tokens` take what a backbone made of them.
    """

    from_pretrained: ClassVar[Callable[..., "HUG"]]  # both are of hug.sharing: nothing here knows files or the Hub
    push_to_hub: ClassVar[Callable[..., str]]

    def __init__(self, config: ModelConfig, objective: ObjectiveConfig, backbone: Backbone | None = None) -> None:
        super().__init__()
        self._backbone = [backbone or load_backbone(config.backbone)]  # in a list: frozen, named, never stored
        self._hashed: tuple[list[tuple[str, int, int]], str] | None = None  # weights as they were, and their hash
        reader = self.backbone.reader()
        config = _of_reader(config, reader)
        self.config, self.objective = config, objective
        self.qformer = QFormer(config, self.backbone, reader)
        self.mean = nn.Linear(config.hidden, config.dim)
        self.g_v, self.g_t, self.g_m = Estimator(config), Estimator(config), Estimator(config)
        self.bias = nn.Linear(config.hidden, 1) if objective.bias else None
        if not objective.variance:  # point matching: nothing teaches the estimators
            for g in (self.g_v, self.g_t, self.g_m):
                g.requires_grad_(False)

    @property
    def backbone(self) -> Backbone:
        return self._backbone[0]

    @property
    def device(self) -> torch.device:
        """Where the weights are; every input goes there, and every output is there."""
        return self.mean.weight.device

    @property
    def weights_hash(self) -> str:
        """16 hex digits that name these weights; an index or a prepared result made by others is refused.

        Computed again only after a weight changed: at 195 million parameters it takes a second, and every query asks.
        """
        state = sorted(self.state_dict().items())
        seen = [(name, value.data_ptr(), value._version) for name, value in state]
        if self._hashed is None or self._hashed[0] != seen:
            digest = hashlib.sha256()
            for name, value in state:
                digest.update(name.encode() + value.float().contiguous().cpu().numpy().tobytes())
            self._hashed = seen, digest.hexdigest()[:16]
        return self._hashed[1]

    # ---- from tokens: used in training, with gradients ----

    def means(self, outputs: Tensor) -> Tensor:
        """(B, K, D) means, Eqs 2-3, from Q-Former outputs (B, K, H); with `unit_means` of mean square 1/4."""
        mu = self.mean(outputs).float()
        return F.normalize(mu, dim=-1) * (0.5 * mu.shape[-1] ** 0.5) if self.objective.unit_means else mu

    def candidate_bias(self, outputs: Tensor) -> Tensor:
        """(B,) beta_c from the pooled outputs (B, K, H); zero under `paper`."""
        pooled = outputs.mean(1)  # (B, H)
        return pooled.new_zeros(len(pooled)).float() if self.bias is None else self.bias(pooled)[:, 0].float()

    def fuse(self, mu: Tensor, var_r: Tensor, var_t: Tensor, var_m: Tensor) -> Query:
        """Eqs 10-11: the three sources merged, dynamically or (ablation) with 1/3 each."""
        var, weights = merge(var_r, var_t, var_m, dynamic=self.config.fusion == "dynamic")
        return Query(mu, var, var_r, var_t, var_m, weights)

    def target_tokens(self, images: Tensor) -> Gaussians:
        """Gaussians of plain pictures from tokens (B, P, Cv)."""
        outputs = self.qformer.image(self.qformer.project(images.to(self.device)))  # (B, K, H)
        return Gaussians(self.means(outputs), self.g_v(outputs), self.candidate_bias(outputs))

    def query_tokens(self, images: Tensor, words: Words) -> Query:
        """Query from picture tokens (B, P, Cv) and words."""
        pictures, words = self.qformer.project(images.to(self.device)), words.to(self.device)
        joint, alone = self.qformer.joint(pictures, words), self.qformer.image(pictures)
        var_t = self.g_t(self.qformer.words(words))
        query = self.fuse(self.means(joint), self.g_v(alone), var_t, self.g_m(joint))
        return replace(query, mu_r=self.means(alone))

    # ---- from pictures: the promise of the README ----

    def target(self, images: Sequence[Image.Image | Path | bytes]) -> Gaussians:
        """Gaussians (mu, var (B, K, D), bias (B,)) of pictures of any size, or of their files.

        Raises ValueError for no picture, or for what is none.
        """
        pictures = _pictures(images)
        with self._frozen():
            return self.target_tokens(self.backbone.images(pictures))

    def query(self, images: Sequence[Image.Image | Path | bytes], words: Sequence[str]) -> Query:
        """Query of B pictures with B sentences; an empty sentence is allowed.

        Raises ValueError when the numbers of pictures and sentences differ, for none at all, and for what is none.
        """
        pictures = _pictures(images)
        if isinstance(words, str) or not all(isinstance(text, str) for text in words):
            raise ValueError(f"give the words as a list of texts, one a picture, such as ['is red']; got {words!r}")
        if len(pictures) != len(words):
            raise ValueError(f"got {len(pictures)} pictures and {len(words)} sentences; give one sentence a picture")
        with self._frozen():
            return self.query_tokens(self.backbone.images(pictures), self.backbone.words(words))

    @contextmanager
    def _frozen(self) -> Iterator[None]:
        training = self.training
        self.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            self.train(training)


def _pictures(images: Sequence[Image.Image | Path | bytes]) -> list[Image.Image]:
    """PIL images as they are, files opened."""
    if isinstance(images, str | bytes | Path | Image.Image):
        raise ValueError(f"give a list of pictures, such as [picture]; got one {type(images).__name__}")
    if not len(images):
        raise ValueError("there is no picture: give at least one")
    return [_picture(picture, n) for n, picture in enumerate(images)]


def _picture(picture: Image.Image | Path | bytes, place: int) -> Image.Image:
    """Raises PictureError, naming its place in the list, for one that is empty or cut off."""
    if not isinstance(picture, Image.Image):
        return open_picture(picture)
    try:
        picture.load()  # an opened file is read now
    except (OSError, SyntaxError) as error:
        raise PictureError(f"picture {place} of the list is damaged or cut off and can't be read ({error})") from error
    if not all(picture.size):
        raise PictureError(f"picture {place} of the list has no pixels ({picture.width}x{picture.height})")
    return picture


def device_of(name: str) -> torch.device:
    """The device of a name such as "cpu" or "cuda:1"; "auto" is a GPU where there is one.

    Raises ValueError for a name that is none, or whose device isn't here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:  # a build without CUDA asserts
        raise ValueError(f"there is no device {name!r} here; give auto, cpu or cuda") from error
