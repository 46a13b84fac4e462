"""Reading annotations in Fashion-IQ's layout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from hug.data.fashioniq import read

ENTRY = {"candidate": "a", "target": "b", "captions": ["is red.", "long sleeves"]}


def tree(root: Path, entries: object, gallery: object, split: str = "val") -> Path:
    """A one-category tree in Fashion-IQ's layout; strings are written as they are."""
    for folder, prefix, value in (("captions", "cap", entries), ("image_splits", "split", gallery)):
        (root / folder).mkdir(parents=True, exist_ok=True)
        text = value if isinstance(value, str) else json.dumps(value)
        (root / folder / f"{prefix}.dress.{split}.json").write_text(text)
    return root


def test_official_validation_counts(test_data: Path) -> None:
    collection = read(test_data / "fashion_iq", "val")
    counts = {c: sum(t.category == c for t in collection.triplets) for c in collection.galleries}
    assert counts == {"dress": 2017, "shirt": 2038, "toptee": 1961}
    assert {c: len(g) for c, g in collection.galleries.items()} == {"dress": 3817, "shirt": 6346, "toptee": 5373}
    assert sum(not all(t.captions) for t in collection.triplets) == 3
    assert (collection.name, collection.split, len(collection.ids)) == (
        "fashion_iq",
        "val",
        15415,
    )  # 121 ids are in two galleries


def test_official_training_counts(test_data: Path) -> None:
    collection = read(test_data / "fashion_iq", "train")
    counts = {c: sum(t.category == c for t in collection.triplets) for c in collection.galleries}
    assert counts == {"dress": 5985, "shirt": 5988, "toptee": 6027}
    assert sum(not all(t.captions) for t in collection.triplets) == 12


def test_entries_and_ids_keep_file_order(tmp_path: Path) -> None:
    collection = read(tree(tmp_path, [ENTRY], ["z", "b", "a"]), "val", ("dress",))
    assert collection.galleries == {"dress": ("z", "b", "a")} and collection.ids == ("z", "b", "a")
    (triplet,) = collection.triplets
    assert (triplet.reference, triplet.target, triplet.category) == ("a", "b", "dress")
    assert triplet.captions == ("is red.", "long sleeves")


@pytest.mark.parametrize(
    ("entries", "gallery", "message"),
    [
        ("[{", ["a", "b"], "Invalid JSON"),
        ({"a": 1}, ["a", "b"], "Input should be a valid array"),
        (["a"], ["a", "b"], "entry 0: Input should be an object"),
        (
            [{"candidate": "a", "captions": ["x", "y"]}],
            ["a", "b"],
            "1 of 1 entries have no target: 0; only",
        ),
        ([ENTRY, {**ENTRY, "captions": ["one"]}], ["a", "b"], "entry 1 captions 1: Field required"),
        ([{**ENTRY, "captions": ["one", None]}], ["a", "b"], "entry 0 captions 1: Input should be a valid string"),
        ([{**ENTRY, "candidate": 7}], ["a", "b"], "entry 0 candidate: Input should be a valid string, got 7"),
        ([{**ENTRY, "candidate": "../../secret"}], ["a", "b"], "leads out"),
        ([ENTRY], ["a", "b", "a"], "1 duplicate ids: a"),
        ([ENTRY], [], "gallery is empty"),
        ([ENTRY], ["b"], "1 ids are in no split file and no picture: a"),
    ],
)
def test_errors_name_the_file_and_what_is_wrong(tmp_path: Path, entries: object, gallery: object, message: str) -> None:
    with pytest.raises(ValueError, match=r"dress\.val\.json") as caught:
        read(tree(tmp_path, entries, gallery), "val", ("dress",))
    assert message in str(caught.value)


def test_a_missing_file_says_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"split\.coat\.val\.json not found; there is split\.dress\.val\.json"):
        read(tree(tmp_path, [ENTRY], ["a", "b"]), "val", ("coat",))


def test_a_target_outside_the_searched_gallery_is_an_error_except_in_training(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (2, 2)).save(tmp_path / "images" / "b.jpg")
    collection = read(tree(tmp_path, [ENTRY], ["a"], "train"), "train", ("dress",))
    assert collection.ids == ("a", "b")  # known only as a picture: after the gallery
    with pytest.raises(ValueError, match="1 targets are not in the gallery"):
        read(tree(tmp_path, [ENTRY], ["a"]), "val", ("dress",))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp"])
def test_pictures_are_found_and_all_missing_ones_listed(tmp_path: Path, suffix: str) -> None:
    collection = read(tree(tmp_path, [ENTRY], ["a", "b", "c"]), "val", ("dress",))
    (tmp_path / "images").mkdir()
    Image.new("RGB", (2, 2)).save(tmp_path / "images" / f"b{suffix}")
    assert collection.path("b") == tmp_path / "images" / f"b{suffix}"
    with pytest.raises(ValueError, match="no picture 'a'"):
        collection.path("a")
    with pytest.raises(ValueError, match="2 of 3 pictures are missing in .*: a, c"):
        collection.require_pictures()


def test_pictures_are_found_whatever_the_case_of_their_suffix(test_data: Path) -> None:
    collection = read(test_data / "cases" / "08_uppercase_suffix_tree", "val")
    collection.require_pictures()
    assert collection.path(collection.ids[0]).suffix == ".JPG"


def test_a_byte_order_mark_is_read_over(tmp_path: Path) -> None:
    collection = read(tree(tmp_path, "\ufeff" + json.dumps([ENTRY]), '\ufeff["a", "b"]'), "val", ("dress",))
    assert collection.ids == ("a", "b") and len(collection.triplets) == 1
