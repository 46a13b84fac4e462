"""A protocol's name says what was asked and what was ranked."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from hug.config import DataConfig
from hug.data.datasets import DATASETS, GENERATED, generate, read
from hug.evaluate.protocols import PROTOCOLS, default_protocol


def test_data_without_truth_are_never_called_generated(garments: Path):
    collection = read(DataConfig(root=str(garments)), "test")
    assert default_protocol(collection).name == "garments" and collection.version["version"] == "test"
    plain = dataclasses.replace(collection, truth=None)
    assert default_protocol(plain).name == "fiq-noref"


def test_a_query_is_both_captions_in_file_order():
    for protocol in PROTOCOLS.values():
        assert protocol.text(("Is RED. ", " long sleeves?")) == "Is red and long sleeves"
    assert PROTOCOLS["fiq-std"].keep_reference and not PROTOCOLS["fiq-noref"].keep_reference


def test_a_folder_is_read_by_the_layout_it_has(garments: Path, tmp_path: Path):
    for part in ("images", "captions", "image_splits"):
        (tmp_path / part).symlink_to(garments / part)
    plain = read(DataConfig(root=str(tmp_path)), "val")
    assert plain.truth is None and plain.version == {}
    whole = read(DataConfig(root=str(garments)), "val")
    assert whole.truth is not None and whole.triplets == plain.triplets and whole.galleries == plain.galleries
    assert read(DataConfig(root=str(garments), format="fashioniq"), "val").truth is None


def test_measurements_tell_two_data_sets_apart(garments: Path):
    generated = read(DataConfig(root=str(garments)), "val")
    read_back = DataConfig(root=str(garments), format="fashioniq")
    assert generated.provenance == generated.version
    plain = read(read_back, "val")
    assert plain.provenance == read(read_back, "val").provenance != read(read_back, "test").provenance
    shorter = dataclasses.replace(plain, triplets=plain.triplets[1:])
    fewer = dataclasses.replace(plain, galleries={c: ids[1:] for c, ids in plain.galleries.items()})
    assert len({str(each.provenance) for each in (plain, shorter, fewer)}) == 3


def test_what_cannot_be_read_is_refused_with_what_can(tmp_path: Path):
    with pytest.raises(ValueError, match=f"no data set of a known layout .{', '.join(DATASETS)}"):
        read(DataConfig(root=str(tmp_path)), "val")
    with pytest.raises(ValueError, match=f"unknown format 'coco'; choose auto or one of {', '.join(DATASETS)}"):
        read(DataConfig(root=str(tmp_path), format="coco"), "val")
    with pytest.raises(ValueError, match=f"unknown version 'garments-9'; choose one of {', '.join(GENERATED)}"):
        generate(tmp_path, "garments-9")
