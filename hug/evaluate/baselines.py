"""Baselines on the same frozen tokens, without the Q-Former: what a query is worth before HUG.

Each gives distances (Q, N) per category; a picture or text is the mean of its tokens.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from hug.data.features import Features, Pictures, Texts
from hug.evaluate.ranking import category_rows, target_ranks

BASELINES = ("reference", "words", "sum")


def baseline_ranks(train: Features, test: Features) -> dict[str, np.ndarray]:
    """Baseline -> ranks (Q,) of the targets category by category, reference removed.

    Words meet pictures through a ridge regression from the pooled words to the pooled target picture, fitted on
    the training split; the sum adds that prediction to the pooled reference, both at unit length.
    """
    centre, texts_centre, words_to_picture = _ridge(train)
    ranks: dict[str, list[np.ndarray]] = {name: [] for name in BASELINES}
    sentences = test.collection.texts
    for category, gallery in test.collection.galleries.items():
        rows = category_rows(test.collection, category)
        triplets = [test.collection.triplets[n] for n in rows]
        candidates = F.normalize(pooled_pictures(test.pictures, gallery) - centre, dim=1)  # (N, Cv)
        references = F.normalize(pooled_pictures(test.pictures, [t.reference for t in triplets]) - centre, dim=1)
        pooled = pooled_texts(test.texts, [sentences[n] for n in rows]) - texts_centre
        words = F.normalize(pooled @ words_to_picture, dim=1)  # (Q, Cv)
        position = {i: n for n, i in enumerate(gallery)}
        targets = np.array([position[str(t.target)] for t in triplets])
        own = np.array([position[t.reference] for t in triplets])
        for name, query in zip(BASELINES, (references, words, references + words), strict=True):
            distances = -(query @ candidates.T).numpy()
            distances[np.arange(len(own)), own] = np.inf
            ranks[name].append(target_ranks(distances, targets))
    return {name: np.concatenate(parts) for name, parts in ranks.items()}


def pooled_pictures(pictures: Pictures, ids: list[str] | tuple[str, ...]) -> Tensor:
    """(B, Cv) mean token of each picture, in parts that bound memory."""
    return torch.cat([pictures.take(ids[i : i + 256]).mean(1) for i in range(0, len(ids), 256)])


def pooled_texts(texts: Texts, sentences: list[str]) -> Tensor:
    """(B, Ct) mean word of each sentence."""
    parts = []
    for i in range(0, len(sentences), 256):
        words = texts.take(sentences[i : i + 256])
        parts.append((words.content * words.mask[..., None]).sum(1) / words.mask.sum(1, keepdim=True))
    return torch.cat(parts)


def _ridge(train: Features, penalty: float = 10.0) -> tuple[Tensor, Tensor, Tensor]:
    """Centres of pictures (Cv,) and texts (Ct,), and the map (Ct, Cv)."""
    triplets = train.collection.triplets
    x = pooled_texts(train.texts, train.collection.texts)  # (M, Ct)
    y = pooled_pictures(train.pictures, [str(t.target) for t in triplets])  # (M, Cv)
    x_centre, y_centre = x.mean(0), y.mean(0)
    x, y = x - x_centre, y - y_centre
    gram = x.T @ x + penalty * torch.eye(x.shape[1])
    return y_centre, x_centre, torch.linalg.solve(gram, x.T @ y)
