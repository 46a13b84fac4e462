"""An index on disk: what earlier versions wrote, the means left in the file, and nothing twice in memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from hug.gaussians import Gaussians
from hug.retrieval import storage
from hug.retrieval.index import Index
from hug.retrieval.storage import TABLE, TENSORS, file_hash
from tests.hug.test_gaussians import a_query, some

CHECKPOINTS = sorted((Path(__file__).parents[3] / "checkpoints").glob("*/gallery.json"))
NAMES = [f"n{i}" for i in range(12)]


def halves(g: Gaussians) -> Gaussians:
    return Gaussians(g.mu.half(), g.var, g.bias)


def test_what_is_stored_is_the_sums_and_half_the_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(storage, "ROWS", 5)  # slices of unequal size
    c = some(12)
    index = Index(NAMES, c, {}, "w", "b", [f"{n:032x}" for n in range(12)])
    index.save(tmp_path)
    tensors = load_file(tmp_path / TENSORS)  # the library's own reader takes it
    assert torch.equal(tensors["mu"], c.mu.half()) and torch.equal(tensors["bias"], c.bias)
    torch.testing.assert_close(tensors["var"], c.var.sum(-1))
    for half in (False, True):
        again = Index.load(tmp_path, half=half)
        assert again.contents == index.contents and again.gaussians.var.stride(-1) == 0
        assert torch.equal(again.gaussians.mu.float(), c.mu.half().float())
        torch.testing.assert_close(again.gaussians.overall, c.overall)


@pytest.mark.parametrize("rounded", [False, True])
def test_half_precision_ranks_as_the_same_numbers_in_full(tmp_path: Path, rounded: bool):
    Index([str(n) for n in range(500)], some(500)).save(tmp_path)
    full, half = Index.load(tmp_path), Index.load(tmp_path, half=True)
    assert half.gaussians.mu.dtype == torch.float16
    options = {"use_var": rounded, "components": [0, 2], "exclude": ["7", None, ["8"]]}
    for query in (a_query(3), some(3, seed=3)):
        one, two = (index.search(query, 40, **options) for index in (full, half))
        assert one.ids == two.ids and torch.equal(one.distances, two.distances)
    assert half.candidates(two).mu.dtype == torch.float32


def test_an_index_in_half_precision_is_saved_and_grows_as_it_is(tmp_path: Path):
    index = Index(NAMES, halves(some(12)))
    index.save(tmp_path)
    assert Index.load(tmp_path).search(a_query(2), 12).ids == index.search(a_query(2), 12).ids


@pytest.mark.parametrize("half", [False, True])
def test_the_first_format_is_read(tmp_path: Path, half: bool):
    c = some(12)
    save_file({"mu": c.mu.half(), "var": c.var.half(), "bias": c.bias}, tmp_path / TENSORS)
    table = {
        "format": 1, "weights": "w", "backbone": "b", "gallery": Index(NAMES, c).gallery_hash,
        "tensors": file_hash(tmp_path / TENSORS), "ids": NAMES, "meta": {},
    }  # fmt: skip
    (tmp_path / TABLE).write_text(json.dumps(table))
    index = Index.load(tmp_path, half)
    assert index.contents == [] and index.ids == NAMES
    torch.testing.assert_close(index.gaussians.overall, c.var.half().float().mean((1, 2)))
    assert index.search(a_query(3), 12).ids == Index(NAMES, halves(c)).search(a_query(3), 12).ids


@pytest.mark.parametrize("path", CHECKPOINTS, ids=lambda path: path.parent.name)
def test_the_shipped_indexes_are_read_and_search_the_same_either_way(path: Path):
    full, half = Index.load(path.parent), Index.load(path.parent, half=True)
    query = full.gaussians[[3, 700]]
    for options in ({}, {"components": [1, 5], "where": {"category": "shirt"}}):
        assert full.search(query, 50, **options).ids == half.search(query, 50, **options).ids


def test_an_index_with_too_few_content_hashes_is_damaged(tmp_path: Path):
    Index(NAMES, some(12)).save(tmp_path)
    table = json.loads((tmp_path / TABLE).read_text()) | {"contents": ["0" * 32]}
    (tmp_path / TABLE).write_text(json.dumps(table))
    with pytest.raises(ValueError, match="1 content hashes for 12 pictures"):
        Index.load(tmp_path)


def test_tensors_of_other_shapes_are_damaged(tmp_path: Path):
    Index(NAMES, some(12)).save(tmp_path)
    table = json.loads((tmp_path / TABLE).read_text())
    for tensors in ({"mu": torch.zeros(12, 12)}, {"mu": torch.zeros(3), "var": torch.zeros(3), "bias": torch.zeros(3)}):
        save_file(tensors, tmp_path / TENSORS)
        (tmp_path / TABLE).write_text(json.dumps(table | {"tensors": file_hash(tmp_path / TENSORS)}))
        for half in (False, True):
            with pytest.raises(ValueError, match="damaged"):
                Index.load(tmp_path, half)
