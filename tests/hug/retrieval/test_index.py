"""Exact search against a plain loop; ties, filters, storage, and refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from hug.config import OBJECTIVES
from hug.gaussians import Gaussians, distance, distance_parts
from hug.retrieval import exact
from hug.retrieval.index import Index
from tests.hug.conftest import noise_pictures, small_model
from tests.hug.test_gaussians import a_query, some

NAMES = [f"n{i}" for i in range(12)]
META = {"category": ["dress", "shirt", "toptee"] * 4}


def an_index(count: int = 12) -> Index:
    return Index(NAMES[:count], some(count), {"category": META["category"][:count]}, "w")


def _wider(g: Gaussians) -> Gaussians:
    return Gaussians(g.mu.repeat(1, 2, 1), g.var.repeat(1, 2, 1), g.bias)


def _spoiled(g: Gaussians) -> Gaussians:
    return Gaussians(g.mu * torch.nan, g.var, g.bias)


def test_distances_equal_a_loop_over_queries_candidates_and_components():
    q, index = a_query(2), an_index(4)
    c, (_, k, d) = index.gaussians, q.mu.shape
    table = distance(q, index.gaussians, components=[0, 2]).tolist()
    for b in range(2):
        for n in range(4):
            total = sum(
                float((q.mu[b, i, j] - c.mu[n, i, j]) ** 2 + q.var[b, i, j] + c.var[n, i, j])
                for i in (0, 2)
                for j in range(d)
            )
            assert table[b][n] == pytest.approx(total / (k * d) + float(c.bias[n]), abs=1e-5)


def test_distances_are_those_of_eq_15():
    q, index = a_query(3), an_index()
    for use_var in (True, False):
        ranking = index.search(q, k=12, use_var=use_var)
        expected = distance(q, index.gaussians, use_var).gather(1, ranking.positions)
        torch.testing.assert_close(ranking.distances, expected)
        assert (ranking.distances.diff() >= 0).all()


def test_kept_components_are_the_sum_of_their_parts():
    q, index = a_query(3), an_index()
    parts = distance_parts(q, index.gaussians)
    expected = parts.components[..., [0, 2]].sum(-1) + parts.bias
    torch.testing.assert_close(distance(q, index.gaussians, components=[2, 0]), expected)


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
    ranked = index.search(q, k=7, exclude=[None, "n0", ["n4", "n5", "n11"]])
    monkeypatch.setattr(exact, "SCORES", 15)
    again = index.search(q, k=7, exclude=[None, "n0", ["n4", "n5", "n11"]])
    assert again.ids == ranked.ids and torch.equal(again.positions, ranked.positions)
    torch.testing.assert_close(again.distances, ranked.distances)


@pytest.mark.parametrize("chunk", [1, 2, 4096])
def test_ties_keep_the_order_of_the_gallery(monkeypatch: pytest.MonkeyPatch, chunk: int):
    monkeypatch.setattr(exact, "SCORES", chunk)
    same = some(1)
    index = Index(["b", "a", "c"], Gaussians.cat([same, same, same]))
    assert index.search(a_query(1), k=3).ids == [["b", "a", "c"]]
    assert index.search(a_query(1), k=1).ids == [["b"]]


def test_a_candidate_s_variance_and_bias_move_ranks_and_the_query_s_does_not():
    one = some(1)
    index = Index(["sure", "unsure"], Gaussians.cat([one, Gaussians(one.mu, one.var + 0.5, one.bias)]))
    assert index.search(a_query(1), k=2).ids == [["sure", "unsure"]]
    d = distance(a_query(1), index.gaussians, use_var=False)
    assert d[0, 0] == d[0, 1]
    liked = Index(["plain", "liked"], Gaussians.cat([one, Gaussians(one.mu, one.var, one.bias - 1)]))
    assert liked.search(a_query(1), k=2, use_var=False).ids == [["liked", "plain"]]
    q = some(3, seed=7)
    vaguer = Gaussians(q.mu, q.var * 3, q.bias)
    assert an_index().search(q, 12).ids == an_index().search(vaguer, 12).ids


def test_a_k_above_the_gallery_gives_all_of_it():
    assert len(an_index(3).search(a_query(1), k=99).ids[0]) == 3


def test_what_remains_may_be_less_than_k():
    found = an_index(3).search(a_query(1), k=3, exclude=["n0"], where={"category": "dress"})
    assert found.ids == [[]] and found.positions.tolist() == [[-1] * 3] and torch.isinf(found.distances).all()


def test_a_mask_is_a_filter_too():
    mask = torch.tensor([True] + [False] * 11)
    for where in (mask, mask.numpy(), mask.tolist()):
        assert an_index().search(a_query(1), where=where).ids == [["n0"]]


def test_labels_are_compared_as_text_and_must_all_hold():
    index = Index(NAMES, some(12), {**META, "severity": [str(n % 2) for n in range(12)]})
    found = index.search(a_query(1), k=12, where={"severity": 1, "category": {"dress"}}).ids[0]
    assert sorted(found) == ["n3", "n9"]
    assert index.search(a_query(1), where={"category": []}).ids == [[]]


def test_storage_keeps_ranks_and_values(tmp_path: Path):
    index = an_index()
    index.save(tmp_path)
    again = Index.load(tmp_path)
    assert again.ids == index.ids and again.meta == index.meta and again.gallery_hash == index.gallery_hash
    q = a_query(4)
    assert again.search(q, 12).ids == index.search(q, 12).ids
    torch.testing.assert_close(distance(q, again.gaussians), distance(q, index.gaussians), rtol=2e-3, atol=2e-3)
    assert again.gaussians.mu.dtype == again.gaussians.var.dtype == torch.float32
    assert (again.weights_hash, again.backbone) == ("w", "")


def test_the_smallest_variance_of_the_model_survives_storage(tmp_path: Path):
    least = torch.exp(torch.tensor(-9.0))
    one = some(1)
    Index(["a"], Gaussians(one.mu, torch.full_like(one.var, least), one.bias)).save(tmp_path)
    torch.testing.assert_close(Index.load(tmp_path).gaussians.var, torch.full_like(one.var, least), rtol=5e-4, atol=0)


def test_halves_of_two_indexes_are_not_mistaken_for_one(tmp_path: Path):
    """A crash between the two writes leaves new tensors beside the old table, of the same length."""
    index = an_index()
    index.save(tmp_path)
    table = (tmp_path / "gallery.json").read_text()
    Index(NAMES, some(12, seed=5), index.meta, "other").save(tmp_path)
    (tmp_path / "gallery.json").write_text(table)
    with pytest.raises(ValueError, match="belongs to another"):
        Index.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 9}, "format 9, this version reads 1 and 2"),
        ({"ids": NAMES[::-1]}, "the ids were changed"),
        ({"ids": NAMES[:3]}, "3 ids for 12 pictures"),
        ({"ids": "abcdefghijkl"}, "give a list"),
        ({"ids": list(range(12))}, "an id must be a text, got 0"),
        ({"meta": [1]}, "label -> values"),
        ({"meta": {"category": ["x"]}}, "1 values of 'category'"),
        ({"tensors": "0" * 16}, "belongs to another"),
    ],
)
def test_a_changed_table_is_refused(tmp_path: Path, change: dict, says: str):
    an_index().save(tmp_path)
    path = tmp_path / "gallery.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError, match=says):
        Index.load(tmp_path)


def test_a_mean_too_large_for_the_file_changes_nothing(tmp_path: Path):
    one = some(1)
    with pytest.raises(ValueError, match="half precision|stored index"):
        Index(["a"], Gaussians(one.mu + 1e5, one.var, one.bias)).save(tmp_path / "new")
    assert not (tmp_path / "new").exists()


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
    with pytest.raises(ValueError, match=r"labels \[\], the new pictures \['colour'\]"):
        more.add(model, pictures[:1], ["z"], {"colour": ["red"]})
    assert index.backbone == model.backbone.fingerprint == more.backbone
    with pytest.raises(ValueError, match="made on the backbone other-1"):
        Index(index.ids, index.gaussians, {}, model.weights_hash, "other-1").check(model)


def test_pictures_are_opened_when_needed_from_files_and_bytes(tmp_path: Path):
    model, pictures = small_model(OBJECTIVES["paper"]), noise_pictures(3)
    paths = [tmp_path / f"{n}.png" for n in range(3)]
    for path, picture in zip(paths, pictures, strict=True):
        picture.save(path)
    index = Index.build(model, [pictures[0], paths[1], paths[2].read_bytes()], batch=1)
    torch.testing.assert_close(index.gaussians.mu, model.target(pictures).mu)
    paths[1].write_text("no picture")
    with pytest.raises(ValueError, match="1.png"):
        Index.build(model, paths)


def test_parts_of_a_ranking_sum_to_its_distances():
    q, index = a_query(1), an_index()
    found = index.search(q, k=4)
    torch.testing.assert_close(distance_parts(q, index.gaussians[found.positions[0]]).total, found.distances)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda i: i.search(a_query(1), k=0), "at least 1"),
        (lambda i: i.search(a_query(1), where={"colour": "red"}), "unknown label 'colour'"),
        (lambda i: i.search(a_query(1), components=[3]), "some of 0-2"),
        (lambda i: i.search(a_query(1), components=[]), "some of 0-2"),
        (lambda i: i.search(a_query(1), where=torch.ones(3)), "mask has shape"),
        (lambda i: i.search(a_query(1), where=torch.arange(12)), "expected 12 Booleans"),
        (lambda i: i.search(a_query(2), exclude=["n1"]), "for each of 2 queries"),
        (lambda i: i.search(a_query(2), exclude="n1"), "for each of 2 queries"),
        (lambda i: i.search(_wider(some(2))), "gallery 3 of"),
        (lambda i: i.search(_spoiled(some(2))), "not finite"),
        (lambda i: Index(["a", 2], i.gaussians[:2]), "an id must be a text, got 2"),
        (lambda i: Index(NAMES, Gaussians(i.gaussians.mu, -i.gaussians.var, i.gaussians.bias)), "negative variance"),
        (lambda i: Index(NAMES, Gaussians(i.gaussians.mu, i.gaussians.var[..., :1], i.gaussians.bias)), "expected mu"),
        (lambda i: Index.build(small_model(OBJECTIVES["paper"]), noise_pictures(2), ["a", "a"]), "'a' occurs twice"),
        (lambda i: Index.build(small_model(OBJECTIVES["paper"]), noise_pictures(2), ["a"]), "1 ids for 2 pictures"),
        (lambda i: Index.build(small_model(OBJECTIVES["paper"]), noise_pictures(2), batch=0), "batch must be"),
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


def test_a_query_comes_to_the_device_of_the_index(monkeypatch):
    moves = []
    monkeypatch.setattr(type(a_query(1)), "to", lambda self, device: moves.append(device) or self)
    index = an_index()
    index.search(a_query(1))
    assert moves == [index.gaussians.mu.device]
