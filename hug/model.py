"""HUG: one shared Q-Former, three uncertainty estimators, and two public calls, `target` and `query`.

Letters: B batch, K components, D dimensions of one component, P image tokens, L words, H width.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from transformers import Blip2QFormerConfig, Blip2QFormerModel

from hug.backbones import Backbone, load_backbone
from hug.config import ModelConfig, ObjectiveConfig
from hug.gaussians import Gaussians, Query, merge

LOGVAR_MIN = -9.0  # sigma^2 in [e^-9, 1]: below 1 the merge of Eq. 10 is monotone in each source
LOGVAR_START = -2.6  # where an untrained estimator begins: sigma^2 about 0.07


class QFormer(nn.Module):
    """The shared Q of Eqs 2-3: K learned query tokens read a picture, words, or both."""

    def __init__(self, config: ModelConfig, image_dim: int, text_dim: int) -> None:
        super().__init__()
        self.components = config.components
        self.queries = nn.Parameter(torch.randn(1, config.components, config.hidden) * 0.5)
        self.vision = nn.Sequential(nn.Linear(image_dim, config.hidden), nn.LayerNorm(config.hidden))
        self.text = nn.Linear(text_dim, config.hidden)
        settings = Blip2QFormerConfig(
            hidden_size=config.hidden,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            intermediate_size=2 * config.hidden,
            initializer_range=config.hidden
            ** -0.5,  # the library's 0.02 is for width 768: at 128 no picture gets through
            hidden_dropout_prob=config.dropout,
            attention_probs_dropout_prob=0.0,
            cross_attention_frequency=1,
            encoder_hidden_size=config.hidden,
            use_qformer_text_input=True,
        )
        settings._attn_implementation = "eager"  # measured: the fused CPU kernel's backward is slower at these sizes
        self.qformer = Blip2QFormerModel(settings)
        last = self.qformer.encoder.layer[-1]
        for part in (last.intermediate, last.output):  # feeds the last layer's word positions, which nobody reads
            part.requires_grad_(False)

    def look(self, images: Tensor) -> Tensor:
        """(B, P, H) image tokens as the cross-attention reads them; shared by every pass over a picture."""
        return self.vision(images)

    def image(self, seen: Tensor) -> Tensor:
        """(B, K, H) from a picture with blank text: no words at all, the same as words fully masked."""
        queries = self.queries.expand(len(seen), -1, -1)
        return self.qformer(query_embeds=queries, encoder_hidden_states=seen).last_hidden_state

    def joint(self, seen: Tensor, words: Tensor, mask: Tensor) -> Tensor:
        """(B, K, H) from a picture and words; `words` (B, L, Ct), `mask` (B, L) true on words."""
        x, attend = self._with_words(words, mask)
        out = self.qformer(
            query_embeds=x, query_length=self.components, attention_mask=attend, encoder_hidden_states=seen
        )
        return out.last_hidden_state[:, : self.components]

    def words(self, words: Tensor, mask: Tensor) -> Tensor:
        """(B, K, H) from words alone.

        The library refuses queries without a picture, and with `query_length=0` the queries would take the
        words' feed-forward: so the layers are run here, without cross-attention, each position with its own.
        """
        x, attend = self._with_words(words, mask)
        x = self.qformer.dropout(self.qformer.layernorm(x))  # (B, K+L, H)
        bias = torch.zeros(attend.shape, dtype=x.dtype).masked_fill(~attend, torch.finfo(x.dtype).min)
        layers: Any = self.qformer.encoder.layer
        for layer in layers:
            x = layer.attention(x, attention_mask=bias[:, None, None])
            queries = layer.feed_forward_chunk_query(x[:, : self.components])
            x = torch.cat([queries, layer.feed_forward_chunk(x[:, self.components :])], dim=1)
        return x[:, : self.components]

    def _with_words(self, words: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        queries = self.queries.expand(len(words), -1, -1)
        ones = mask.new_ones(len(words), self.components)
        return torch.cat([queries, self.text(words)], dim=1), torch.cat([ones, mask], dim=1)


class Estimator(nn.Module):
    """g of Eqs 4 and 6-8: a one-layer Transformer block over the K outputs, then `logvar`, bounded smoothly."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.detach = config.detach
        self.block = nn.TransformerEncoderLayer(
            config.hidden, config.heads, 2 * config.hidden, config.dropout, activation="gelu", batch_first=True
        )
        self.head = nn.Linear(config.hidden, config.dim)
        start = torch.logit(torch.tensor(LOGVAR_START / LOGVAR_MIN))
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

    def __init__(self, config: ModelConfig, objective: ObjectiveConfig, backbone: Backbone | None = None) -> None:
        super().__init__()
        if config.components < 2:
            raise ValueError(f"components must be at least 2, got {config.components}")
        if config.hidden % config.heads:
            raise ValueError(f"hidden ({config.hidden}) must be a multiple of heads ({config.heads})")
        self.config, self.objective = config, objective
        self._backbone = [backbone or load_backbone(config.backbone)]  # in a list: frozen, named, never stored
        self.qformer = QFormer(config, self.backbone.image_dim, self.backbone.text_dim)
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
    def weights_hash(self) -> str:
        """16 hex digits that name these weights; an index or a prepared result made by others is refused."""
        digest = hashlib.sha256()
        for name, value in sorted(self.state_dict().items()):
            digest.update(name.encode() + value.detach().float().contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    # ---- from tokens: used in training, with gradients ----

    def means(self, outputs: Tensor) -> Tensor:
        """(B, K, D) means, Eqs 2-3, from Q-Former outputs (B, K, H)."""
        return self.mean(outputs).float()

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
        outputs = self.qformer.image(self.qformer.look(images))  # (B, K, H)
        return Gaussians(self.means(outputs), self.g_v(outputs), self.candidate_bias(outputs))

    def query_tokens(self, images: Tensor, words: Tensor, mask: Tensor) -> Query:
        """Query from picture tokens (B, P, Cv), word tokens (B, L, Ct) and their mask (B, L)."""
        seen = self.qformer.look(images)
        joint = self.qformer.joint(seen, words, mask)
        var_r = self.g_v(self.qformer.image(seen))
        var_t = self.g_t(self.qformer.words(words, mask))
        return self.fuse(self.means(joint), var_r, var_t, self.g_m(joint))

    # ---- from pictures: the promise of the README ----

    def target(self, images: Sequence[Image.Image]) -> Gaussians:
        """Gaussians (mu, var (B, K, D), bias (B,)) of pictures of any size."""
        with self._frozen():
            return self.target_tokens(self.backbone.images(images))

    def query(self, images: Sequence[Image.Image], words: Sequence[str]) -> Query:
        """Query of B pictures with B sentences; an empty sentence is allowed.

        Raises ValueError when the numbers of pictures and sentences differ.
        """
        if len(images) != len(words):
            raise ValueError(f"got {len(images)} pictures and {len(words)} sentences; give one sentence a picture")
        with self._frozen():
            return self.query_tokens(self.backbone.images(images), *self.backbone.words(words))

    @contextmanager
    def _frozen(self) -> Iterator[None]:
        training = self.training
        self.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            self.train(training)
