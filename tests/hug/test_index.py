"""Exact search against a plain loop; ties, filters, storage, and refusals."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hug import index as index_module
from hug.config import OBJECTIVES
from hug.gaussians import Gaussians, distance, distance_parts
from hug.index import Index
from tests.hug.conftest import noise_pictures, small_model
from tests.hug.test_gaussians import a_query, some

NAMES = [f"n{i}" for i in range(12)]
META = {"category": ["dress", "shirt", "toptee"] * 4}


def an_index(count: int = 12) -> Index:
    return Index(NAMES[:count], some(count), {"category": META["category"][:count]}, "w")


def test_distances_are_those_of_eq_15():
    q, index = a_query(3), an_index()
    torch.testing.assert_close(index.distances(q), distance(q, index.gaussians))
    torch.testing.assert_close(index.distances(q, use_var=False), distance(q, index.gaussians, use_var=False))


def test_kept_components_are_the_sum_of_their_parts():
    q, index = a_query(3), an_index()
    parts = distance_parts(q, index.gaussians)
    expected = parts.components[..., [0, 2]].sum(-1) + parts.bias
    torch.testing.assert_close(index.distances(q, components=[2, 0]), expected)


def test_search_equals_a_readable_loop():
    q, index = a_query(3), an_index()
    table = distance(q, index.gaussians).tolist()
    found = index.search(q, k=5, exclude=["n3", None, ["n1", "n2", "unknown"]], where={"category": ["dress", "shirt"]})
    for row, banned in enumerate([{"n3"}, set(), {"n1", "n2"}]):
        allowed = [n for n, c in zip(NAMES, META["category"], strict=True) if c != "toptee" and n not in banned]
        expected = sorted(allowed, key=lambda n: table[row][NAMES.index(n)])[:5]  # noqa: B023
        assert found.ids[row] == expected
        assert [NAMES[p] for p in found.positions[row]] == expected


def test_the_chunk_size_changes_nothing(monkeypatch: pytest.MonkeyPatch):
    q, index = a_query(3), an_index()
    whole = index.distances(q)
    monkeypatch.setattr(index_module, "CHUNK", 5)
    torch.testing.assert_close(index.distances(q), whole)


def test_ties_keep_the_order_of_the_gallery():
    same = some(1)
    index = Index(["b", "a", "c"], Gaussians.cat([same, same, same]))
    assert index.search(a_query(1), k=3).ids == [["b", "a", "c"]]


def test_a_k_above_the_gallery_gives_all_of_it():
    assert len(an_index(3).search(a_query(1), k=99).ids[0]) == 3


def test_what_remains_may_be_less_than_k():
    found = an_index(3).search(a_query(1), k=3, exclude=["n0"], where={"category": "dress"})
    assert found.ids == [[]] and found.positions.tolist() == [[-1] * 3] and torch.isinf(found.distances).all()


def test_a_mask_is_a_filter_too():
    mask = torch.tensor([True] + [False] * 11)
    assert an_index().search(a_query(1), where=mask).ids == [["n0"]]


def test_storage_keeps_ranks_and_values(tmp_path: Path):
    index = an_index()
    index.save(tmp_path)
    again = Index.load(tmp_path)
    assert again.ids == index.ids and again.meta == index.meta and again.gallery_hash == index.gallery_hash
    q = a_query(4)
    assert again.search(q, 12).ids == index.search(q, 12).ids
    torch.testing.assert_close(again.distances(q), index.distances(q), rtol=2e-3, atol=2e-3)


def test_a_model_builds_adds_and_is_recognised():
    model, other = small_model(OBJECTIVES["paper"]), small_model(OBJECTIVES["calibrated"])
    pictures = noise_pictures(5)
    index = Index.build(model, pictures[:3], batch=2)
    more = index.add(model, pictures[3:], ["x", "y"])
    assert index.ids == ["0", "1", "2"] and more.ids == ["0", "1", "2", "x", "y"]
    torch.testing.assert_close(more.gaussians.mu, model.target(pictures).mu)
    with pytest.raises(ValueError, match="made by the weights"):
        index.check(other)
    with pytest.raises(ValueError, match="'x' occurs twice"):
        more.add(model, pictures[:1], ["x"])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda i: i.search(a_query(1), k=0), "at least 1"),
        (lambda i: i.search(a_query(1), where={"colour": "red"}), "unknown label 'colour'"),
        (lambda i: i.search(a_query(1), components=[3]), "some of 0-2"),
        (lambda i: i.search(a_query(1), components=[]), "some of 0-2"),
        (lambda i: i.search(a_query(1), where=torch.ones(3)), "mask has shape"),
        (lambda i: Index([], i.gaussians[:0]), "gallery is empty"),
        (lambda i: Index(["a"], i.gaussians), "1 ids for 12 pictures"),
        (lambda i: Index(NAMES, i.gaussians, {"c": ["x"]}), "1 values of 'c'"),
        (lambda i: Index(NAMES, Gaussians(i.gaussians.mu * torch.nan, i.gaussians.var, i.gaussians.bias)), "finite"),
        (lambda i: Index.build(small_model(OBJECTIVES["paper"]), []), "gallery is empty"),
    ],
)
def test_what_cannot_be_is_refused(call, says: str):
    with pytest.raises(ValueError, match=says):
        call(an_index())


@pytest.mark.parametrize("name", ["gallery.json", "gallery.safetensors"])
def test_missing_and_half_written_files_are_refused(tmp_path: Path, name: str):
    an_index().save(tmp_path)
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match="damaged"):
        Index.load(tmp_path)
    path.unlink()
    with pytest.raises(ValueError, match=f"{name} is missing"):
        Index.load(tmp_path)
