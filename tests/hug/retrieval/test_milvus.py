"""A gallery in Milvus (embedded) answers as the one in memory; what would lose the nearest is not opened."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from hug.config import OBJECTIVES
from hug.gaussians import Gaussians
from hug.retrieval import milvus
from hug.retrieval.index import Index
from hug.retrieval.milvus import MilvusIndex
from hug.retrieval.options import Ranking, SearchOptions
from hug.retrieval.trace import trace
from tests.hug.conftest import small_model
from tests.hug.test_gaussians import a_query, some

pytest.importorskip("milvus_lite")
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")

K, D, COUNT = 4, 8, 20_000
VALUES = ["dress", 'say "shirt"', "top\\tee, 'été'"]


@pytest.fixture(scope="module")
def index() -> Index:
    """Twenty thousand candidates, a hundred of them the same."""
    c = some(COUNT, K, D)
    mu = c.mu.clone()
    mu[5000:5100], c.var[5000:5100], c.bias[5000:5100] = mu[5000], c.var[5000], c.bias[5000] - 1
    meta = {"category": [VALUES[n % 3] for n in range(COUNT)], "a label": [str(n % 7) for n in range(COUNT)]}
    return Index([f"n/{n} é" for n in range(COUNT)], Gaussians(mu, c.var, c.bias / 50), meta, "w", "b")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("milvus") / "gallery.db")


@pytest.fixture(scope="module")
def flat(index: Index, address: str) -> Iterator[MilvusIndex]:
    MilvusIndex.push(index, address, "flat")
    with MilvusIndex.open(address, "flat") as opened:
        yield opened


def equal(one: Ranking, other: Ranking) -> None:
    assert one.ids == other.ids and torch.equal(one.positions, other.positions)
    torch.testing.assert_close(one.distances, other.distances, atol=1e-5, rtol=1e-5)


EXCLUDE = [None, "n/17 é", ["n/3 é", "n/5000 é", "unknown"]]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"components": [0, 3]},
        {"use_var": False},
        {"where": {"category": VALUES[1]}},
        {"where": {"category": VALUES[1:], "a label": 3}},
        {"where": {"a label": []}},
        {"where": torch.arange(COUNT) % 5000 == 3},
        {"where": torch.arange(COUNT) != 3},
        {"exclude": EXCLUDE},
        {
            "components": [1, 2], "use_var": False, "exclude": EXCLUDE,
            "where": {"category": [VALUES[0], VALUES[2]], "a label": {1, 2, "5"}},
        },
    ],
)  # fmt: skip
def test_the_answers_are_those_from_memory(index: Index, flat: MilvusIndex, options: dict):
    assert (flat.kind, flat.recall, len(flat), flat.gallery_hash) == ("FLAT", 1.0, COUNT, index.gallery_hash)
    query = a_query(3, K, D)
    equal(flat.search(query, 20, **options), index.search(query, 20, **options))


def test_a_hundred_equal_candidates_keep_the_gallery_s_order(index: Index, flat: MilvusIndex):
    query = index.gaussians[[5000]]
    ranking = flat.search(query, 7, exclude=["n/5002 é"])
    assert ranking.positions.tolist() == [[5000, 5001, 5003, 5004, 5005, 5006, 5007]]
    equal(ranking, index.search(query, 7, exclude=["n/5002 é"]))


def test_a_trace_is_the_one_from_memory(index: Index, flat: MilvusIndex):
    query = a_query(1, K, D)
    one, other = (trace(gallery, query, "red", SearchOptions(5)) for gallery in (index, flat))
    equal(one.ranking, other.ranking)
    torch.testing.assert_close(one.parts.total, other.parts.total)


def test_few_cells_find_too_little_and_enough_are_looked_for(index: Index, address: str):
    index = Index(index.ids[:4000], index.gaussians[:4000])
    MilvusIndex.push(index, address, "cells", kind="IVF_FLAT")
    with pytest.raises(ValueError, match=r"cells \(IVF_FLAT with nprobe 1\) finds \d+% of the true first ten"):
        MilvusIndex.open(address, "cells", nprobe=1)
    with MilvusIndex.open(address, "cells") as opened:
        assert opened.kind == "IVF_FLAT" and opened.nprobe > 1 and opened.recall >= milvus.LEAST
        query = a_query(3, K, D)
        ranking, exact = opened.search(query, 10), index.search(query, 10)
        shared = sum(len(set(a) & set(b)) for a, b in zip(ranking.ids, exact.ids, strict=True))
        assert shared >= 27


def test_a_graph_is_refused_before_and_after(flat: MilvusIndex, index: Index, address: str):
    for kind in ("HNSW", "AUTOINDEX", "DISKANN", ""):
        with pytest.raises(ValueError, match="choose FLAT or IVF_FLAT by name: .* HNSW finds few of the nearest"):
            MilvusIndex.push(index, address, "graph", kind=kind)
    assert not flat.client.has_collection("graph")
    small = Index(index.ids[:50], index.gaussians[:50])
    MilvusIndex.push(small, address, "graph")
    flat.client.release_collection("graph")
    flat.client.drop_index("graph", "vector")
    parameters = flat.client.prepare_index_params()
    parameters.add_index("vector", index_type="HNSW", metric_type="IP", params={"M": 8, "efConstruction": 32})
    flat.client.create_index("graph", parameters)
    with pytest.raises(ValueError, match="the index is of kind 'HNSW'"):
        MilvusIndex.open(address, "graph")


def test_what_is_incomplete_strange_or_taken_is_told(flat: MilvusIndex, index: Index, address: str):
    small = Index(index.ids[:50], index.gaussians[:50])
    MilvusIndex.push(small, address, "small")
    with pytest.raises(ValueError, match="has a collection 'small' already"):
        MilvusIndex.push(small, address, "small")
    MilvusIndex.push(small, address, "small", replace=True)
    with MilvusIndex.open(address, "small") as opened:
        assert len(opened) == 50 and len(opened.search(a_query(1, K, D), 99).ids[0]) == 50
    flat.client.delete("small", filter="position in [7]")
    with pytest.raises(ValueError, match="holds 49 of 50 pictures; push the gallery again"):
        MilvusIndex.open(address, "small")
    flat.client.create_collection("strange", dimension=4)
    with pytest.raises(ValueError, match="was not made by HUG"):
        MilvusIndex.open(address, "strange")
    with pytest.raises(ValueError, match="has no collection 'absent'"):
        MilvusIndex.open(address, "absent")
    with pytest.raises(ValueError, match="no address of Milvus"):
        MilvusIndex.open("somewhere", "flat")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"k": 0}, "at least 1"),
        ({"k": 20_000}, "gives 16384 candidates at once"),
        ({"where": {"colour": "red"}}, "unknown label 'colour'"),
        ({"where": torch.ones(3, dtype=torch.bool)}, "mask has shape"),
        ({"where": torch.arange(COUNT) % 2 == 0}, None),
        ({"where": torch.arange(COUNT) % 2 == 0, "most": 100}, "names at most 100"),
        ({"components": [4]}, "some of 0-3"),
        ({"exclude": ["a", "b"]}, "for each of 1 queries"),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(flat: MilvusIndex, monkeypatch, options: dict, says: str | None):
    monkeypatch.setattr(milvus, "MASK", options.pop("most", milvus.MASK))
    if says is None:
        assert len(flat.search(a_query(1, K, D), **options).ids[0]) == 10
        return
    with pytest.raises(ValueError, match=says):
        flat.search(a_query(1, K, D), **options)


def test_another_model_s_gallery_is_not_searched(flat: MilvusIndex):
    with pytest.raises(ValueError, match="made on the backbone b"):
        flat.check(small_model(OBJECTIVES["paper"]))
