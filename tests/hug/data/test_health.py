"""What is there of a split, and what is left of it without pictures that can't be read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from hug.config import DataConfig
from hug.data.collection import Collection
from hug.data.datasets import read
from hug.data.health import examine, health, without_faulty
from tests.hug.data.test_cirr import MEMBERS
from tests.hug.data.test_cirr import tree as cirr_tree

SHAPES = {"a": "red", "b": "green", "c": "blue", "d": "red", "e": "white", "f": "black"}  # d has the bytes of a
ENTRIES = [("a", "b"), ("b", "c"), ("c", "d"), ("a", "e")]


def fashion(root: Path, split: str = "val", missing: str = "", corrupt: str = "") -> Path:
    """A tree of one category and six pictures."""
    entries = [{"candidate": r, "target": t, "captions": ["is red", "is blue"]} for r, t in ENTRIES]
    for folder, prefix, value in (("captions", "cap", entries), ("image_splits", "split", [*SHAPES])):
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / f"{prefix}.dress.{split}.json").write_text(json.dumps(value))
    (root / "images").mkdir(exist_ok=True)
    for id, colour in SHAPES.items():
        if id not in missing:
            Image.new("RGB", (8, 8), colour).save(root / "images" / f"{id}.png")
    for id in corrupt:
        path = root / "images" / f"{id}.png"
        Image.effect_noise((64, 64), 50).save(path)
        path.write_bytes(path.read_bytes()[:2000])
    return root


def collection_of(root: Path, split: str = "val", missing: str = "fail") -> Collection:
    data = DataConfig(root=str(root), categories=("dress",), missing=missing, cache=str(root / "cache"))
    return read(data, split)


def test_missing_corrupt_and_identical_pictures_are_told_apart(tmp_path: Path) -> None:
    result = health(collection_of(fashion(tmp_path, missing="e", corrupt="b")), tmp_path / "cache", progress=False)
    assert result.missing == ("e",) and result.identical == (("a", "d"),)
    assert list(result.corrupt) == ["b"] and "b.png is damaged or cut off" in result.corrupt["b"]


def test_a_whole_split_stays_as_it_is(tmp_path: Path) -> None:
    whole = collection_of(fashion(tmp_path))
    assert without_faulty(whole, tmp_path / "cache", progress=False) is whole and whole.dropped is None


def test_a_reduced_split_says_what_it_lacks(tmp_path: Path) -> None:
    reduced = collection_of(fashion(tmp_path, missing="f", corrupt="b"), missing="drop")
    assert reduced.galleries == {"dress": ("a", "c", "d", "e")}
    assert [(t.reference, t.target) for t in reduced.triplets] == [("c", "d"), ("a", "e")]
    assert reduced.dropped is not None and reduced.dropped.label == "reduced-2-of-6"
    assert "2 of 6 pictures are missing or unreadable, so 2 of 4 queries are left out" in str(reduced.dropped)
    reduced.require_pictures()
    assert reduced.provenance != collection_of(tmp_path).provenance


def test_nothing_is_dropped_unless_asked(tmp_path: Path) -> None:
    whole = collection_of(fashion(tmp_path, missing="f"))
    assert whole.dropped is None and len(whole.ids) == 6
    with pytest.raises(ValueError, match="1 of 6 pictures are missing in .*: f; python -m hug doctor lists them all"):
        whole.require_pictures()


def test_training_needs_only_the_pictures_that_triplets_name(tmp_path: Path) -> None:
    training = collection_of(fashion(tmp_path, "train", missing="f"), "train")
    assert training.needed == ("a", "b", "c", "d", "e") and len(training.ids) == 6
    training.require_pictures()
    assert collection_of(tmp_path, "train", missing="drop").dropped is None


def test_official_training_names_fewer_pictures_than_are_listed(test_data: Path) -> None:
    training = read(DataConfig(root=str(test_data / "fashion_iq")), "train")
    assert (len(training.needed), len(training.ids)) == (25_136, 45_429)
    with pytest.raises(ValueError, match="25136 of 25136 pictures are missing") as caught:
        training.require_pictures()
    assert len(str(caught.value)) < 500


def test_nothing_left_to_ask_is_one_sentence(tmp_path: Path) -> None:
    fashion(tmp_path)
    shutil.rmtree(tmp_path / "images")
    with pytest.raises(ValueError, match="6 of 6 pictures .* leaves nothing to ask in dress; --categories"):
        collection_of(tmp_path, missing="drop")


def test_members_of_a_subset_are_dropped_with_their_pictures(tmp_path: Path) -> None:
    cirr_tree(tmp_path)
    for name in [*MEMBERS[1:], "dev-9-0-img0"]:
        Image.new("RGB", (4, 4)).save(tmp_path / "img_raw" / "dev" / f"{name}.png")
    reduced = read(DataConfig(root=str(tmp_path), missing="drop", cache=str(tmp_path / "cache")), "val")
    (triplet,) = reduced.triplets
    assert triplet.subset == (MEMBERS[1], *MEMBERS[3:]) and MEMBERS[0] not in reduced.galleries["all"]


def test_generated_data_are_drawn_again_not_dropped(garments: Path, tmp_path: Path) -> None:
    shutil.copytree(garments, tmp_path / "data")
    next((tmp_path / "data" / "images").glob("dress-val-*")).unlink()
    with pytest.raises(ValueError, match="1 pictures of data are missing .* again with python -m hug render"):
        read(DataConfig(root=str(tmp_path / "data"), missing="drop", cache=str(tmp_path / "cache")), "val")


def test_what_was_found_is_remembered_until_a_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [path for path in (fashion(tmp_path, corrupt="b") / "images").iterdir()]
    first = examine(files, tmp_path / "cache", progress=False)
    decoded: list[Path] = []
    monkeypatch.setattr("hug.data.health.open_picture", lambda path: decoded.append(path))
    assert examine(files, tmp_path / "cache", progress=False) == first and not decoded
    Image.new("RGB", (9, 9), "red").save(tmp_path / "images" / "b.png")
    assert not examine(files, tmp_path / "cache", progress=False)[tmp_path / "images" / "b.png"].fault
    assert decoded == [tmp_path / "images" / "b.png"]


def test_a_damaged_memory_or_an_unwritable_place_only_costs_time(tmp_path: Path) -> None:
    files = list((fashion(tmp_path) / "images").iterdir())
    first = examine(files, tmp_path / "cache", progress=False)
    next((tmp_path / "cache").glob("pictures-*.json")).write_text('{"format": 1, "pictures": {"a": 3}}')
    assert examine(files, tmp_path / "cache", progress=False) == first
    (tmp_path / "file").write_text("")
    assert examine(files, tmp_path / "file", progress=False) == first
