"""Encoding a split and ranking its queries, exactly and without a Python loop over candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hug.data.collection import Collection
from hug.data.features import Features, tokens_of
from hug.gaussians import Gaussians, Query, distance
from hug.model import HUG

BATCH = 128
CPU = torch.device("cpu")  # what is encoded becomes tables


@dataclass(frozen=True)
class CategoryRanking:
    """Queries of one category against its gallery, in the order of the triplets."""

    category: str
    gallery: tuple[str, ...]
    rows: np.ndarray  # (Q,) index into collection.triplets
    query: Query  # Q queries
    candidates: Gaussians  # N candidates
    distances: np.ndarray  # (Q, N); the reference of each query at +inf when the protocol removes it
    targets: np.ndarray  # (Q,) position of the target in the gallery
    ranks: np.ndarray  # (Q,) 1-based rank of the target


@torch.no_grad()
def encode_pictures(model: HUG, tokens: np.ndarray, rows: Sequence[int]) -> Gaussians:
    """Gaussians of pictures given by rows of a token array (N, P, Cv)."""
    model.eval()
    parts = [rows[i : i + BATCH] for i in range(0, len(rows), BATCH)]
    return Gaussians.cat([model.target_tokens(tokens_of(tokens, part)).to(CPU) for part in parts])


@torch.no_grad()
def encode_queries(model: HUG, features: Features, references: Sequence[str], texts: Sequence[str]) -> Query:
    """Queries from picture ids and texts, both known to the features."""
    model.eval()
    parts = []
    for i in range(0, len(texts), BATCH):
        images = features.pictures.take(references[i : i + BATCH])
        parts.append(model.query_tokens(images, features.texts.take(texts[i : i + BATCH])).to(CPU))
    return Query.cat(parts)


def rank_split(
    model: HUG, features: Features, use_var: bool = True, keep_reference: bool = False, limit: int | None = None
) -> list[CategoryRanking]:
    """Every category of a split, its first `limit` queries."""
    return [
        _rank_category(model, features, category, use_var, keep_reference, limit)
        for category in features.collection.galleries
    ]


def _rank_category(
    model: HUG, features: Features, category: str, use_var: bool, keep_reference: bool, limit: int | None
) -> CategoryRanking:
    collection = features.collection
    gallery, texts = collection.galleries[category], collection.texts
    rows = category_rows(collection, category)[:limit]
    triplets = [collection.triplets[n] for n in rows]
    candidates = encode_pictures(model, features.pictures.tokens, [features.pictures.row[i] for i in gallery])
    query = encode_queries(model, features, [t.reference for t in triplets], [texts[n] for n in rows])
    distances = distance(query, candidates, use_var=use_var).numpy()
    position = {i: n for n, i in enumerate(gallery)}
    targets = np.array([position[str(t.target)] for t in triplets])
    if not keep_reference:
        references = np.array([position.get(t.reference, -1) for t in triplets])
        present = references >= 0
        distances[np.flatnonzero(present), references[present]] = np.inf
    ranks = target_ranks(distances, targets)
    return CategoryRanking(category, gallery, rows, query, candidates, distances, targets, ranks)


def category_rows(collection: Collection, category: str) -> np.ndarray:
    """(Q,) places of a category's triplets in the collection."""
    return np.array([n for n, t in enumerate(collection.triplets) if t.category == category], dtype=int)


def ranks_without_variance(ranking: CategoryRanking) -> np.ndarray:
    """(Q,) ranks of the same queries by means and bias alone; what was encoded is used again."""
    distances = distance(ranking.query, ranking.candidates, use_var=False).numpy()
    distances[np.isinf(ranking.distances)] = np.inf  # the removed references
    return target_ranks(distances, ranking.targets)


def target_ranks(distances: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(Q,) 1-based rank of each query's target; ties go by gallery order."""
    own = distances[np.arange(len(targets)), targets][:, None]  # (Q, 1)
    before = np.arange(distances.shape[1])[None] < targets[:, None]  # (Q, N)
    return 1 + ((distances < own) | ((distances == own) & before)).sum(1)


def log_variances(query: Query) -> np.ndarray:
    """(Q, 4) log mean variances of reference, text, coordination and the merge: as a table of queries holds them."""
    means: Tensor = torch.stack([v.mean((1, 2)) for v in (query.var_r, query.var_t, query.var_m, query.var)], dim=1)
    return means.log().numpy()
