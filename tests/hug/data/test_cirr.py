"""Reading CIRR's annotations in the trees in which people keep them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from hug.config import DataConfig
from hug.data import datasets
from hug.data.annotations import parsed
from hug.data.cirr import ENTRIES, read, splits

MEMBERS = [f"dev-{n}-0-img0" for n in range(6)]
ENTRY: dict[str, Any] = {
    "pairid": 7, "reference": MEMBERS[2], "target_hard": MEMBERS[4], "target_soft": {MEMBERS[4]: 1.0, MEMBERS[0]: -1.0},
    "caption": "is outdoors", "img_set": {"id": 1, "members": MEMBERS, "reference_rank": 2, "target_rank": 4},
}  # fmt: skip
TREES = {"own": (".", "img_raw"), "clip4cir": ("cirr", "."), "flat": (".", ".")}  # annotations, pictures


def tree(root: Path, entries: object = (ENTRY,), kind: str = "own", split: str = "val") -> Path:
    """A tree with one split; `entries` that are no list are written as they are."""
    annotations, pictures = (root / part for part in TREES[kind])
    places = {m: f"./dev/{m}.png" for m in [*MEMBERS, "dev-9-0-img0"]}
    for folder, prefix, value in (("captions", "cap", entries), ("image_splits", "split", places)):
        (annotations / folder).mkdir(parents=True, exist_ok=True)
        (annotations / folder / f"{prefix}.rc2.{split}.json").write_text(json.dumps(value))
    (pictures / "dev").mkdir(parents=True)
    return root


def test_official_validation_counts(test_data: Path) -> None:
    collection = read(test_data / "cirr", "val")
    assert len(collection.triplets) == 4181 and {c: len(g) for c, g in collection.galleries.items()} == {"all": 2297}
    assert all(t.target in t.subset and t.reference not in t.subset for t in collection.triplets)
    assert {len(t.subset) for t in collection.triplets} == {5}
    assert collection.ids == collection.galleries["all"]  # no triplet names another picture
    entries = parsed(test_data / "cirr" / "captions" / "cap.rc2.val.json", ENTRIES)
    assert sum(len(e.target_soft) > 1 for e in entries) == 645  # read and left alone: recall is by the hard target
    assert sum(-1 in e.target_soft.values() for e in entries) == 570
    assert [t.target for t in collection.triplets] == [e.target_hard for e in entries]


def test_official_test_counts(test_data: Path) -> None:
    collection = read(test_data / "cirr", "test")
    assert (len(collection.triplets), len(collection.galleries["all"])) == (4148, 2315)
    assert {t.target for t in collection.triplets} == {None} and {len(t.subset) for t in collection.triplets} == {5}
    assert sum(not t.captions[0].strip() for t in collection.triplets) == 1  # its caption is empty, and it is kept
    assert len({t.id for t in collection.triplets}) == 4148 and collection.triplets[0].id == "12063"


def test_the_official_tree_is_recognised_with_the_splits_it_has(test_data: Path) -> None:
    data = DataConfig(root=str(test_data / "cirr"))
    assert datasets.splits(data) == ("val", "test")
    collection = datasets.read(data, "val")
    assert (collection.layout, collection.split) == ("cirr", "val")
    with pytest.raises(ValueError, match=r"cap\.rc2\.train\.json not found; there is cap\.rc2\.test1\.json, cap\.rc2"):
        datasets.read(data, "train")


@pytest.mark.parametrize("kind", TREES)
@pytest.mark.parametrize("suffix", [".png", ".PNG", ".jpg"])
def test_the_three_trees_give_the_same_collection(tmp_path: Path, kind: str, suffix: str) -> None:
    tree(tmp_path, kind=kind)
    picture = tmp_path / TREES[kind][1] / "dev" / f"{MEMBERS[4]}{suffix}"
    Image.new("RGB", (2, 2)).save(picture)
    data = DataConfig(root=str(tmp_path))
    collection = datasets.read(data, "val")
    (triplet,) = collection.triplets
    assert (triplet.id, triplet.reference, triplet.target) == ("7", MEMBERS[2], MEMBERS[4])
    assert triplet.subset == tuple(MEMBERS[:2] + MEMBERS[3:]) and triplet.captions == ("is outdoors",)
    assert collection.galleries == {"all": (*MEMBERS, "dev-9-0-img0")}
    assert collection.path(MEMBERS[4]) == picture and collection.locate(MEMBERS[0]) is None
    assert collection.locate("unlisted") is None


def without(key: str) -> dict[str, Any]:
    return {k: v for k, v in ENTRY.items() if k != key}


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], "there is no entry"),
        ({"a": 1}, "Input should be a valid array"),
        ([without("caption")], "entry 0 caption: Field required"),
        ([without("img_set")], "entry 0 img_set: Field required"),
        ([{**ENTRY, "pairid": "7"}], "entry 0 pairid: Input should be a valid integer, got '7'"),
        ([{**ENTRY, "reference": "../../secret"}], "entry 0 reference: the id leads out"),
        ([{**ENTRY, "reference": "other"}], "1 ids are not in the split file: other"),
        ([ENTRY, ENTRY], "1 pairids occur more than once: 7"),
        ([ENTRY, {**without("target_hard"), "pairid": 8}], "1 of 2 entries have no target: 1"),
        ([{**ENTRY, "target_hard": "dev-9-0-img0"}], "1 targets are not members of their image set: pairids 7"),
    ],
)
def test_errors_name_the_file_and_what_is_wrong(tmp_path: Path, entries: object, message: str) -> None:
    with pytest.raises(ValueError, match=r"cap\.rc2\.val\.json") as caught:
        read(tree(tmp_path, entries), "val")
    assert message in str(caught.value)


def test_only_the_test_split_hides_its_targets(tmp_path: Path) -> None:
    assert read(tree(tmp_path / "a", [without("target_hard")], split="test1"), "test").triplets[0].target is None
    with pytest.raises(ValueError, match="1 of 1 entries have no target: 0"):
        read(tree(tmp_path / "b", [without("target_hard")], split="train"), "train")
    assert splits(tmp_path / "a") == ("test",) and splits(tmp_path / "b") == ("train",)


def test_a_place_outside_the_folder_and_a_category_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="CIRR has no categories, so there is no dress"):
        read(tree(tmp_path), "val", ("dress",))
    (tmp_path / "image_splits" / "split.rc2.val.json").write_text('{"a": "./../../secret.png"}')
    with pytest.raises(ValueError, match=r"split\.rc2\.val\.json: entry a: the id leads out"):
        read(tmp_path, "val")
