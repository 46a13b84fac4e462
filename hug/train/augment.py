"""Views made in the space of frozen tokens: worse pictures, and aspects removed in more ways than one style of pixels.

They cost no drawing and no backbone, never repeat, and need nothing that a real data set lacks. An estimator that has
only seen blur and noise learns blur and noise; one that has seen information go in many ways learns that it is gone.

Letters: V views, P image tokens, C channels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from hug.backbones import WordTokens

CORRUPTIONS = ("swap", "erase", "fade", "level", "noise")
LOCAL = 0.5  # an aspect whose removal changes the tokens less than this on average sits somewhere


@dataclass(frozen=True)
class Statistics:
    """Of a data set's tokens, by channel."""

    mean: Tensor  # (C,)
    std: Tensor  # (C,)

    @staticmethod
    def of(tokens: Tensor) -> Statistics:
        """From a sample (N, P, C)."""
        flat = tokens.flatten(0, 1)
        return Statistics(flat.mean(0), flat.std(0))


def corrupt_tokens(tokens: Tensor, statistics: Statistics, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """A slightly and a more corrupted version (V, P, C) of each picture, both corrupted in the same way.

    By turns: tokens swapped for those of another picture of the batch, replaced by the mean token, faded towards
    it, levelled towards the picture's own mean, or under noise. The first two corrupt a share of the tokens wholly;
    the others all of them by that share, or every second time a share of them strongly.
    """
    views = []
    kinds = rng.integers(0, len(CORRUPTIONS), len(tokens))
    order = torch.as_tensor(rng.permutation(len(tokens)))
    for n, kind in enumerate(kinds):
        low = rng.uniform(0.1, 0.5)
        high = rng.uniform(low + 0.2, 0.9)
        other = tokens[order[n]] if order[n] != n else tokens[(n + 1) % len(tokens)]
        views.append(_corrupt(tokens[n], CORRUPTIONS[kind], (low, high), other, statistics, rng))
    less, more = map(torch.stack, zip(*views, strict=True))
    return less, more


def _corrupt(
    own: Tensor, kind: str, shares: tuple[float, float], other: Tensor, statistics: Statistics, rng: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """(P, C) twice, of one picture; the second share is the larger."""
    ruin = _ruin(kind, own, other, statistics, rng)
    if kind in ("swap", "erase") or rng.random() < 0.5:
        strength = 1.0 if kind in ("swap", "erase") else float(rng.uniform(0.5, 1.0))
        place = torch.as_tensor(_places(len(own), rng))
        masks = [(place < share * len(own)).float()[:, None] * strength for share in shares]
        return own + masks[0] * (ruin - own), own + masks[1] * (ruin - own)
    return own + shares[0] * (ruin - own), own + shares[1] * (ruin - own)


def _ruin(kind: str, own: Tensor, other: Tensor, statistics: Statistics, rng: np.random.Generator) -> Tensor:
    """(P, C) tokens of which nothing of the picture is left."""
    if kind == "swap":
        return other[torch.as_tensor(rng.permutation(len(own)))]
    if kind == "noise":
        return own + 1.5 * torch.as_tensor(rng.standard_normal(own.shape), dtype=own.dtype) * statistics.std
    return (own.mean(0) if kind == "level" else statistics.mean).expand_as(own)


def _places(count: int, rng: np.random.Generator) -> np.ndarray:
    """(P,) 0, 1, … by distance from a random place of the square grid of tokens, or in random order off a square.

    One token before the grid (a class token, as in 257 = 1 + 16 x 16) lies nowhere: its turn comes at random.
    """
    side = int(count**0.5)
    prefix = count - side * side
    if prefix > 1 or rng.random() < 0.3:
        return rng.permutation(count)
    rows, columns = np.divmod(np.arange(side * side), side)
    y, x = rng.uniform(0, side - 1, 2)
    order = np.argsort(np.argsort(np.hypot(rows - y, columns - x) + rng.uniform(0, 0.5, side * side)))
    if not prefix:
        return order
    turn = int(rng.integers(count))
    return np.concatenate([[turn], order + (order >= turn)])


def jitter(
    tokens: Tensor, statistics: Statistics, amount: float, random: torch.Generator
) -> Callable[[Tensor, Tensor | slice], Tensor]:
    """A small change of each of B pictures' tokens (B, P, C), the same for all views of a picture.

    `amount` in standard deviations of a channel: by channel, and by token. Nothing is memorised. What comes out takes
    tokens (V, P, C) of views and the rows (V,) of their pictures, and gives the changed tokens.
    """
    count, _, channels = tokens.shape
    scale = 1 + amount * torch.randn(count, 1, channels, generator=random)
    shift = torch.randn(count, 1, channels, generator=random) + torch.randn(tokens.shape, generator=random)
    shift = amount * statistics.std * shift
    return lambda views, rows: views * scale[rows] + shift[rows]


def jitter_words(words: WordTokens, amount: float, random: torch.Generator) -> WordTokens:
    """Words with noise on every token, `amount` in the tokens' standard deviation; ids have no such thing."""
    tokens = words.content
    return replace(words, content=tokens + amount * tokens.std() * torch.randn(tokens.shape, generator=random))


def remove_in_tokens(before: Tensor, after: Tensor, statistics: Statistics, rng: np.random.Generator) -> Tensor:
    """(V, P, C) views with an aspect removed, some of them in a way that no pixels show.

    `before` and `after` (V, P, C) are a picture and the view without the aspect. Where they differ tells where the
    aspect is: a third stays, a third is removed in part, and where it sits in few tokens a third has these
    replaced by the picture's other tokens, those of another picture or the mean token.
    """
    change = (after - before).norm(dim=-1)  # (V, P)
    where = change / change.amax(1, keepdim=True).clamp_min(1e-6)
    out = after.clone()
    for n, way in enumerate(rng.integers(0, 3, len(after))):
        if way == 1:
            out[n] = before[n] + float(rng.uniform(0.5, 1.5)) * (after[n] - before[n])
        elif way == 2 and float(where[n].mean()) < LOCAL:
            share = ((where[n] - 0.35) / 0.4).clamp(0, 1)[:, None]  # (P, 1)
            out[n] = before[n] + share * (_substitute(n, before, where[n], statistics, rng) - before[n])
    return out


def _substitute(n: int, before: Tensor, where: Tensor, statistics: Statistics, rng: np.random.Generator) -> Tensor:
    """(P, C) what comes in the place of an aspect's tokens."""
    what = rng.integers(0, 4)
    if what == 0:  # the tokens of this picture that the aspect touches least
        least = where.argsort()[: max(1, len(where) // 3)]
        return before[n][least[torch.as_tensor(rng.integers(0, len(least), len(where)))]]
    if what == 1:
        return before[rng.integers(len(before))][torch.as_tensor(rng.permutation(len(where)))]
    if what == 2:
        return statistics.mean.expand_as(before[n])
    return before[n].mean(0).expand_as(before[n])
