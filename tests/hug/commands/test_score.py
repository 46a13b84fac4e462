"""Any method's ranking, scored on annotations alone: counted by hand, and on the official files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hug.__main__ import main
from hug.config import DataConfig
from hug.data.datasets import read
from hug.evaluate.protocols import PROTOCOLS
from hug.evaluate.queries import category_queries
from tests.hug.evaluate.trees import cirr_tree, fashioniq_tree

CLOTHES = ("dress", "shirt", "toptee")


def scored(line: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert main(f"score {line} --json".split()) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def clothes(tmp_path: Path) -> Path:
    """Distances that grow with the place in the gallery: targets are at places 11, 12 and 53."""
    root = fashioniq_tree(tmp_path / "fiq")
    for category in CLOTHES:
        np.save(root / f"{category}.npy", np.tile(np.arange(60), (3, 1)))
    return root


def test_a_hand_counted_score(clothes: Path, capsys: pytest.CaptureFixture[str]):
    files = " ".join(str(clothes / f"{c}.npy") for c in CLOTHES)
    kept = scored(f"--data {clothes} --protocol fiq-std --distances {files}", capsys)
    assert kept["protocol"] == "fiq-std" and kept["split"] == "val"
    for category in CLOTHES:
        part = kept["categories"][category]
        assert (part["queries"], part["gallery"]) == (3, 60) and part["hits"] == {"10": 0, "50": 2}
        assert part["recall"]["50"] == pytest.approx(200 / 3)
    assert kept["means"]["recall"]["50"] == pytest.approx(200 / 3)
    assert kept["means"]["average"] == pytest.approx(100 / 3)
    removed = scored(f"--data {clothes} --protocol fiq-noref --distances {files}", capsys)
    assert removed["categories"]["dress"]["hits"] == {"10": 1, "50": 2}  # the first query's own reference was before
    hashes = {r["categories"]["dress"]["gallery_hash"] for r in (kept, removed)}
    assert len(hashes) == 1 and len({r["categories"]["dress"]["texts_hash"] for r in (kept, removed)}) == 1


def test_the_union_is_the_references_and_targets_in_the_gallery_s_order(
    clothes: Path, capsys: pytest.CaptureFixture[str]
):
    for category in CLOTHES:
        np.save(clothes / f"{category}.npy", np.tile(np.arange(6), (3, 1)))  # places 0, 1, 2, 10, 11, 52
    files = " ".join(str(clothes / f"{c}.npy") for c in CLOTHES)
    union = scored(f"--data {clothes} --protocol fiq-union --distances {files}", capsys)
    assert union["categories"]["dress"]["gallery"] == 6 and union["categories"]["dress"]["hits"]["10"] == 3


def test_gaps_to_one_modality_and_notes_are_printed(clothes: Path, capsys: pytest.CaptureFixture[str]):
    files = " ".join(str(clothes / f"{c}.npy") for c in CLOTHES)
    answers = {f"{c}-{n}": [f"{c}{n + 10}"] for c in CLOTHES for n in range(3)}
    (clothes / "r.json").write_text(json.dumps(answers))
    line = f"--data {clothes} --protocol fiq-std --ranking {clothes}/r.json --reference-only {files}"
    report = scored(line, capsys)
    assert report["one_modality"]["reference"]["gap"] == {"R@10": pytest.approx(200 / 3), "R@50": pytest.approx(0)}
    assert "words" not in report["one_modality"] and "9 of 9 queries rank fewer than 50 ids" in report["notes"][0]
    assert main(f"score {line}".split()) == 0
    text = capsys.readouterr().out
    assert "protocol fiq-std, fiq, split val" in text and "above reference only: R@10 +66.67, R@50 +0.00" in text
    assert "mean" in text and "average of R@10 and R@50: 66.67" in text and "note: 9 of 9" in text


def test_cirr_is_scored_with_its_subsets(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    root = cirr_tree(tmp_path / "cirr")
    distances = np.tile(np.arange(60.0), (8, 1))  # every target is right behind its reference
    distances[3, 4] = 100  # but one, which is last
    np.save(tmp_path / "d.npy", distances)
    report = scored(f"--data {root} --distances {tmp_path}/d.npy", capsys)
    part = report["categories"]["all"]
    assert report["protocol"] == "cirr-val" and part["hits"] == {"1": 1, "5": 4, "10": 7, "50": 7}
    assert part["subset"]["hits"] == {"1": 7, "2": 7, "3": 7} and part["subset"]["recall"]["1"] == 87.5
    assert report["means"]["average"] == (50 + 87.5) / 2


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("--protocol cirr-val --ranking x", "protocol cirr-val doesn't fit fiq, data without subsets"),
        ("--protocol garments-1 --split val --ranking x", "protocol garments-1 doesn't fit fiq"),
        ("--protocol fiq --ranking x", "unknown protocol 'fiq'; choose one of fiq-std, fiq-noref"),
        ("--split test --ranking x", "split.dress.test.json not found"),
        ("--protocol cirr-test --ranking x", "protocol cirr-test needs a split named test, there is val"),
        ("--ranking {0}/none.json", "none.json can't be read"),
        ("--distances {0}/dress.npy --subset-ranking x", "--subset-ranking goes with --ranking"),
        ("--distances {0}/dress.npy", "1 .npy files for 3 categories"),
    ],
)
def test_what_cannot_be_scored_is_one_line(clothes: Path, capsys: pytest.CaptureFixture[str], line: str, says: str):
    assert main(f"score --data {clothes} {line.format(clothes)}".split()) == 1
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1


def test_hidden_targets_are_not_scored(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    root = cirr_tree(tmp_path, "test")
    assert main(f"score --data {root} --protocol cirr-test --ranking x".split()) == 1
    assert "hides its targets" in capsys.readouterr().err
    assert main(f"score --data {root} --protocol cirr-val --split test --ranking x".split()) == 1
    assert "split 'test' of" in capsys.readouterr().err


# ---- on the official annotations ----


def test_official_fashion_iq_with_known_ranks(test_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """The target of query n is made the (n % 60)-th of the gallery, the reference left out."""
    data, files = DataConfig(root=str(test_data / "fashion_iq")), []
    collection, protocol = read(data, "val"), PROTOCOLS["fiq-noref"]
    for category in CLOTHES:
        queries = category_queries(collection, category, protocol)
        distances = np.ones((len(queries.rows), len(queries.gallery)), np.float32)
        for n, (target, place) in enumerate(zip(queries.targets, queries.places, strict=True)):
            others = np.setdiff1d(np.arange(n % 60 + 2), [target, place])[: n % 60]
            distances[n, others], distances[n, target] = 0.1, 0.5
        np.save(tmp_path / f"{category}.npy", distances)
        files.append(str(tmp_path / f"{category}.npy"))
    report = scored(f"--data {data.root} --protocol fiq-noref --distances {' '.join(files)}", capsys)
    galleries, counts = {"dress": 3817, "shirt": 6346, "toptee": 5373}, {"dress": 2017, "shirt": 2038, "toptee": 1961}
    for category, part in report["categories"].items():
        assert (part["gallery"], part["queries"]) == (galleries[category], counts[category])
        for cut in (10, 50):
            assert part["hits"][str(cut)] == sum(n % 60 < cut for n in range(counts[category]))


def test_official_cirr_by_a_ranking_of_members(test_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    data = DataConfig(root=str(test_data / "cirr"))
    triplets = read(data, "val").triplets
    (tmp_path / "r.json").write_text(json.dumps({t.id: t.subset for t in triplets}))
    report = scored(f"--data {data.root} --protocol cirr-val --ranking {tmp_path}/r.json", capsys)
    part, places = report["categories"]["all"], [t.subset.index(str(t.target)) for t in triplets]
    assert (part["queries"], part["gallery"]) == (4181, 2297)
    assert part["subset"]["hits"] == {str(k): sum(place < k for place in places) for k in (1, 2, 3)}
    assert part["hits"]["5"] == 4181 and part["hits"]["1"] == part["subset"]["hits"]["1"]
