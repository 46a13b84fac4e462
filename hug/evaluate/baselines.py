"""Baselines on the same frozen tokens, without the Q-Former: what a query is worth before HUG.

Each gives distances (Q, N) per category; a picture or text is the mean of its tokens. Where words are ids, which have
no mean, a text is how often each of the training texts' most frequent ids occurs in it.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from hug.backbones import WordTokens
from hug.data.features import Features, Pictures, Texts
from hug.evaluate.protocols import Protocol
from hug.evaluate.queries import category_queries, target_ranks

BASELINES = ("reference", "words", "sum")
FREQUENT = 2048  # ids that are counted


def baseline_ranks(train: Features | None, test: Features, protocol: Protocol) -> dict[str, np.ndarray]:
    """Baseline -> ranks (Q,) of the targets category by category, by the protocol.

    Words meet pictures through a ridge regression from the pooled words to the pooled target picture, fitted on
    the training split; the sum adds that prediction to the pooled reference, both at unit length. Without a training
    split there is the reference alone, and pictures are centred on their gallery.
    """
    counted = frequent_ids(train.texts) if train else torch.empty(0, dtype=torch.long)
    ridge = _ridge(train, protocol, counted) if train else None
    ranks: dict[str, list[np.ndarray]] = {name: [] for name in (BASELINES if ridge else BASELINES[:1])}
    for category in test.collection.galleries:
        queries = category_queries(test.collection, category, protocol)
        candidates = pooled_pictures(test.pictures, queries.gallery)  # (N, Cv)
        centre = ridge[0] if ridge else candidates.mean(0)
        candidates = F.normalize(candidates - centre, dim=1)
        queried = {"reference": F.normalize(pooled_pictures(test.pictures, queries.references) - centre, dim=1)}
        if ridge:
            words = pooled_texts(test.texts, queries.texts, counted) - ridge[1]  # (Q, Ct)
            queried["words"] = F.normalize(words @ ridge[2], dim=1)
            queried["sum"] = queried["reference"] + queried["words"]
        for name, query in queried.items():  # (Q, Cv)
            distances = queries.without_references(-(query @ candidates.T).numpy())
            ranks[name].append(target_ranks(distances, queries.targets))
    return {name: np.concatenate(parts) for name, parts in ranks.items()}


def pooled_pictures(pictures: Pictures, ids: list[str] | tuple[str, ...]) -> Tensor:
    """(B, Cv) mean token of each picture, in parts that bound memory."""
    return torch.cat([pictures.take(ids[i : i + 256]).mean(1) for i in range(0, len(ids), 256)])


def frequent_ids(texts: Texts) -> Tensor:
    """(C,) the most frequent word ids of texts, at most FREQUENT; none where words are tokens."""
    if not np.issubdtype(texts.tokens.dtype, np.integer):
        return torch.empty(0, dtype=torch.long)
    ids, counts = np.unique(np.asarray(texts.tokens)[texts.mask], return_counts=True)
    return torch.from_numpy(ids[np.argsort(-counts, kind="stable")[:FREQUENT]]).long()


def pooled_texts(texts: Texts, sentences: list[str], counted: Tensor) -> Tensor:
    """(B, Ct) mean word of each sentence, or (B, C) counts of the ids in question where words are ids."""
    parts = []
    for i in range(0, len(sentences), 256):
        words = texts.take(sentences[i : i + 256])
        if isinstance(words, WordTokens):
            parts.append(words.mean)
        else:
            occurs = (words.content[..., None] == counted) & words.mask[..., None]  # (b, L, C)
            parts.append(occurs.sum(1).float())
    return torch.cat(parts)


def _ridge(
    train: Features, protocol: Protocol, counted: Tensor, penalty: float = 10.0
) -> tuple[Tensor, Tensor, Tensor]:
    """Centres of pictures (Cv,) and texts (Ct,), and the map (Ct, Cv)."""
    triplets = [t for t in train.collection.triplets if t.target is not None]
    x = pooled_texts(train.texts, [protocol.text(t.captions) for t in triplets], counted)  # (M, Ct)
    y = pooled_pictures(train.pictures, [str(t.target) for t in triplets])  # (M, Cv)
    x_centre, y_centre = x.mean(0), y.mean(0)
    x, y = x - x_centre, y - y_centre
    gram = x.T @ x + penalty * torch.eye(x.shape[1])
    return y_centre, x_centre, torch.linalg.solve(gram, x.T @ y)
