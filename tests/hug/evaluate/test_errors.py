"""The variance against the error of the positives, by a plain loop and on errors that are as the variance says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hug.data.collection import Collection, Triplet
from hug.evaluate.errors import error_metrics, errors, selections
from hug.evaluate.protocols import default_protocol
from hug.evaluate.queries import category_queries, target_ranks
from hug.evaluate.ranking import CategoryRanking, RankedSplit
from hug.gaussians import Gaussians, Query, distance, merge

Q, N, K, D = 400, 50, 4, 8


def ranked(scale: float = 1.0) -> RankedSplit:
    """Queries that miss their targets by what their variance says, times `scale`."""
    random = torch.Generator().manual_seed(0)
    mu = torch.randn(N, K, D, generator=random)
    candidates = Gaussians(mu, torch.full((N, K, D), 0.01), torch.zeros(N))
    targets = torch.arange(Q) % N
    var = torch.rand(Q, 1, 1, generator=random).expand(Q, K, D) * 0.5 + 0.02
    merged, weights = merge(var, var, var)
    shift = torch.randn(Q, K, D, generator=random) * (merged + 0.01).sqrt() * scale
    query = Query(mu[targets] + shift, merged, var, var, var, weights)
    ids = tuple(str(n) for n in range(N))
    triplets = tuple(Triplet(str((n + 1) % N), str(n), ("is red", ""), "dress") for n in targets.tolist())
    collection = Collection("made-up", "test", triplets, {"dress": ids}, lambda id: None)
    protocol = default_protocol(collection)
    distances, places = distance(query, candidates).numpy(), targets.numpy()
    queries = category_queries(collection, "dress", protocol)
    ranks = target_ranks(distances, places)
    part = CategoryRanking("dress", ids, np.arange(Q), query, candidates, distances, places, ranks, queries)
    return RankedSplit(collection, protocol, (part,))


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_z2_is_one_where_the_variance_is_that_of_the_error(scale: float) -> None:
    values = {m.id: m for m in error_metrics(ranked(scale), draws=50)}
    assert values["z2.all"].value == pytest.approx(scale**2, rel=0.05)
    assert values["spearman.error.all"].value > 0.8
    assert set(values) == {"z2.all", "spearman.error.all"}  # nobody knows the kinds of these queries


def test_errors_equal_a_plain_loop() -> None:
    part = ranked().categories[0]
    z2, error, var = errors(part)
    for n in (0, 7, 123):
        target = int(part.targets[n])
        squared = (part.query.mu[n] - part.candidates.mu[target]) ** 2
        total = part.query.var[n] + part.candidates.var[target]
        assert z2[n] == pytest.approx(float((squared / total).mean()), rel=1e-5)
        assert (error[n], var[n]) == (pytest.approx(float(squared.mean())), pytest.approx(float(total.mean())))
    assert list(selections(ranked())) == ["all"]
