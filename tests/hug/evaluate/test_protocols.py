"""A protocol's name says what was asked and what was ranked."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from hug.config import DataConfig
from hug.data.datasets import DATASETS, GENERATED, generate, read
from hug.evaluate.protocols import PROTOCOLS, default_protocol, default_split, protocol_for
from tests.hug.evaluate.trees import cirr_tree, fashioniq_tree


def test_data_without_truth_are_never_called_generated(garments: Path):
    collection = read(DataConfig(root=str(garments)), "test")
    assert default_protocol(collection).name == "garments-1" and collection.version["version"] == "test"
    plain = dataclasses.replace(collection, truth=None)
    assert default_protocol(plain).name == "fiq-noref"


def test_a_query_is_both_captions_in_file_order_and_cirr_s_is_its_caption():
    for protocol in PROTOCOLS.values():
        if protocol.kind != "cirr":
            assert protocol.text(("Is RED. ", " long sleeves?")) == "Is red and long sleeves"
            assert protocol.text(("", "is red")) == " and is red"
        else:
            assert protocol.text(("Is RED. ",)) == "Is RED. " and protocol.text(("",)) == ""
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
    with pytest.raises(ValueError, match="none does not exist, so it holds no data set"):
        read(DataConfig(root=str(tmp_path / "none")), "val")
    (tmp_path / "building.json").write_text("{}")
    (tmp_path / "a.png").write_text("half of it is there")
    with pytest.raises(ValueError, match="is still being drawn, or .* python -m hug render continues it"):
        read(DataConfig(root=str(tmp_path)), "val")
    with pytest.raises(ValueError, match=f"unknown format 'coco'; choose auto or one of {', '.join(DATASETS)}"):
        read(DataConfig(root=str(tmp_path), format="coco"), "val")
    with pytest.raises(ValueError, match=f"unknown version 'garments-9'; choose one of {', '.join(GENERATED)}"):
        generate(tmp_path, "garments-9")


def test_a_protocol_is_of_its_own_data(garments: Path, tmp_path: Path):
    generated = read(DataConfig(root=str(garments)), "test")
    clothes = read(DataConfig(root=str(fashioniq_tree(tmp_path / "fiq"))), "val")
    val, test = (read(DataConfig(root=str(cirr_tree(tmp_path / s, s))), s) for s in ("val", "test"))
    own = {"garments-1": generated, "fiq-noref": clothes, "cirr-val": val, "cirr-test": test}
    for name, collection in own.items():
        assert protocol_for(collection).name == protocol_for(collection, name).name == name
        for other in set(PROTOCOLS) - {name, "fiq-std", "fiq-union"}:
            if not (collection is generated and other == "fiq-noref"):
                with pytest.raises(ValueError, match=f"protocol {other}|shows no target"):
                    protocol_for(collection, other)
    assert protocol_for(generated, "garments").name == "garments-1"
    assert protocol_for(generated, "fiq-std").name == "fiq-std"  # it lies in Fashion-IQ's layout


def test_a_version_of_generated_data_names_its_protocol(garments: Path):
    collection = read(DataConfig(root=str(garments)), "test")
    newer = dataclasses.replace(collection, version={**collection.version, "version": "garments-7"})
    assert protocol_for(newer).name == protocol_for(newer, "garments").name == "garments-7"
    assert protocol_for(newer, "garments-7").cuts == PROTOCOLS["garments-1"].cuts
    with pytest.raises(ValueError, match="protocol garments-1 isn't that of garments0: garments-7"):
        protocol_for(newer, "garments-1")


def test_the_default_split_is_one_that_the_data_have():
    assert default_split(("train", "val")) == default_split(("train", "val", "test")) == "val"
    assert default_split(("train", "val", "test"), "garments") == "test" == default_split(("test",))
    assert default_split(("train", "val"), "garments-1") == "val"
    assert default_split(("val", "test"), "cirr-test") == "test"
    for available, name, says in ((("train", "val"), "cirr-test", "there is train, val"), ((), None, "there is none")):
        with pytest.raises(ValueError, match=says):
            default_split(available, name)


def test_the_field_s_one_number_and_cuts():
    assert PROTOCOLS["cirr-val"].averaged == (("gallery", 5), ("subset", 1))
    assert PROTOCOLS["fiq-union"].averaged == (("gallery", 10), ("gallery", 50))
    assert {name: p.cuts for name, p in PROTOCOLS.items() if not name.startswith("fiq")} == {
        "cirr-val": (1, 5, 10, 50), "cirr-test": (1, 5, 10, 50), "garments-1": (1, 10, 50),
    }  # fmt: skip


def test_official_galleries_and_unions_have_their_counts(test_data: Path):
    collection = read(DataConfig(root=str(test_data / "fashion_iq")), "val")
    sizes = [
        len(PROTOCOLS[name].gallery(collection, c)) for name in ("fiq-std", "fiq-union") for c in collection.galleries
    ]
    assert sizes == [3817, 6346, 5373, 2628, 3089, 2902]
