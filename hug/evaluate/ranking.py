"""Encoding a split and ranking its queries, exactly and without a Python loop over candidates."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from hug.data.collection import Collection
from hug.data.features import Features, tokens_of
from hug.data.live import LiveTokens
from hug.evaluate.protocols import Protocol, default_protocol
from hug.evaluate.queries import MISSED, CategoryQueries, category_queries, subset_ranks, target_ranks
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
    queries: CategoryQueries  # what was asked


@dataclass(frozen=True)
class RankedSplit:
    """All queries of a split, category after category."""

    collection: Collection
    protocol: Protocol
    categories: tuple[CategoryRanking, ...]

    @cached_property
    def rows(self) -> np.ndarray:
        """(Q,) index into collection.triplets."""
        return np.concatenate([r.rows for r in self.categories])

    @cached_property
    def ranks(self) -> np.ndarray:
        """(Q,) 1-based rank of the target."""
        return np.concatenate([r.ranks for r in self.categories])

    @cached_property
    def subset_ranks(self) -> np.ndarray:
        """(Q,) 1-based rank of the target among the members of its subset; MISSED for data without subsets."""
        parts = [subset_ranks(r.distances, r.targets, r.queries.members) for r in self.categories]
        return np.concatenate(parts)

    @cached_property
    def codes(self) -> np.ndarray:
        """(Q,) number of the category."""
        return np.repeat(np.arange(len(self.categories)), [len(r.rows) for r in self.categories])

    @cached_property
    def query(self) -> Query:
        return Query.cat([r.query for r in self.categories])

    @cached_property
    def gallery(self) -> list[str]:
        """Ids of all candidates, gallery after gallery."""
        return [i for r in self.categories for i in r.gallery]

    @cached_property
    def candidates(self) -> Gaussians:
        """Of the pictures of `gallery`."""
        return Gaussians.cat([r.candidates for r in self.categories])

    @cached_property
    def selections(self) -> dict[str, np.ndarray]:
        """(Q,) true for the queries in question: all, and the clean ones with specific fitting words where known."""
        everything, truth = {"all": np.ones(len(self.rows), bool)}, self.collection.truth
        return everything if truth is None else {**everything, "clean": truth.clean_queries[self.rows]}

    @cached_property
    def selections_by_kind(self) -> dict[str, np.ndarray]:
        """(Q,) true for the queries of each kind of wording; none where nobody knows."""
        kinds = self.kinds
        return {} if kinds is None else {f"only_{kind}": kinds == kind for kind in sorted(set(kinds))}

    @cached_property
    def kinds(self) -> np.ndarray | None:
        """(Q,) kind of wording: specific, presupposing, vague or conflict; None where nobody knows."""
        truth = self.collection.truth
        return None if truth is None else truth.queries.kind.to_numpy(str)[self.rows]


@torch.no_grad()
def encode_pictures(model: HUG, tokens: np.ndarray | LiveTokens, rows: Sequence[int]) -> Gaussians:
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
    model: HUG, features: Features, protocol: Protocol | None = None, use_var: bool = True, limit: int | None = None
) -> RankedSplit:
    """Every category of a split, its first `limit` queries; by the data's own protocol unless another is given."""
    protocol, categories = protocol or default_protocol(features.collection), []
    for category in features.collection.galleries:
        queries = category_queries(features.collection, category, protocol, limit)
        rows = [features.pictures.row[i] for i in queries.gallery]
        candidates = encode_pictures(model, features.pictures.tokens, rows)
        query = encode_queries(model, features, queries.references, queries.texts)
        distances = queries.without_references(distance(query, candidates, use_var=use_var).numpy())
        hidden = np.full(len(queries.rows), MISSED)
        ranks = hidden if protocol.hidden else target_ranks(distances, queries.targets)
        categories.append(
            CategoryRanking(
                category, queries.gallery, queries.rows, query, candidates, distances, queries.targets, ranks, queries
            )
        )
    return RankedSplit(features.collection, protocol, tuple(categories))


def without_variance(ranking: CategoryRanking) -> CategoryRanking:
    """The same queries ranked by means and bias alone; what was encoded is used again."""
    distances = distance(ranking.query, ranking.candidates, use_var=False).numpy()
    distances[np.isinf(ranking.distances)] = np.inf  # the removed references
    return replace(ranking, distances=distances, ranks=target_ranks(distances, ranking.targets))


def log_variances(query: Query) -> np.ndarray:
    """(Q, 4) log mean variances of reference, text, coordination and the merge: as a table of queries holds them."""
    means: Tensor = torch.stack([v.mean((1, 2)) for v in (query.var_r, query.var_t, query.var_m, query.var)], dim=1)
    return means.log().numpy()
