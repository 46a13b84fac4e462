"""Triplets from CSV and JSON lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from hug.config import DataConfig
from hug.data import datasets
from hug.data.table import read, splits

HEAD = "reference,target,caption,category"
ROWS = ["a.jpg,b.jpg,is red,dress", 'b.jpg,c,"longer, and blue",dress', "d,e,,shirt"]


def table(root: Path, text: str, name: str = "val.csv", encoding: str = "utf-8") -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(text.encode(encoding))
    return root


def csv_of(*rows: str, head: str = HEAD) -> str:
    return "\r\n".join([head, *rows]) + "\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_rows_become_triplets(tmp_path: Path, encoding: str) -> None:
    root = table(tmp_path, csv_of(*ROWS), encoding=encoding)
    collection = datasets.read(DataConfig(root=str(root)), "val")
    assert collection.layout == "table" and collection.name == tmp_path.name
    assert [(t.reference, t.target, t.captions, t.category) for t in collection.triplets] == [
        ("a", "b", ("is red",), "dress"),
        ("b", "c", ("longer, and blue",), "dress"),
        ("d", "e", ("",), "shirt"),
    ]
    assert collection.galleries == {"dress": ("a", "b", "c"), "shirt": ("d", "e")}
    assert read(root, "val", ("shirt",)).galleries == {"shirt": ("d", "e")}


def test_json_lines_hold_more(tmp_path: Path) -> None:
    rows = [
        {"candidate": "./a", "target": "b", "captions": ["is red", "long\u2028sleeves"], "id": 7, "subset": ["b", "c"]},
        {"reference": "c", "target": "a", "caption1": "is blue", "caption2": "", "category": None},
    ]  # fmt: skip
    root = table(tmp_path, "\n".join(json.dumps(r, ensure_ascii=False) for r in rows) + "\n\n", "val.jsonl")
    first, second = read(root, "val").triplets
    assert (first.reference, first.id, first.subset) == ("a", "7", ("b", "c"))
    assert first.captions == ("is red", "long\u2028sleeves") and second.captions == ("is blue", "")
    assert read(root, "val").galleries == {"all": ("a", "b", "c")}


def test_one_file_of_all_splits_is_named_or_lies_in_a_folder(tmp_path: Path) -> None:
    rows = [f"{row},{split}" for row, split in zip(ROWS, ("val", "train", "val"), strict=True)]
    table(tmp_path, csv_of(*rows, head=f"{HEAD},split"), "triplets.csv")
    for root in (tmp_path, tmp_path / "triplets.csv"):
        assert splits(root) == ("train", "val") and len(read(root, "val").triplets) == 2
        assert datasets.splits(DataConfig(root=str(root))) == ("train", "val")
    with pytest.raises(ValueError, match=r"triplets\.csv: there is no row of the split 'test'; there is val, train"):
        read(tmp_path, "test")


def test_a_gallery_of_its_own_is_searched(tmp_path: Path) -> None:
    table(tmp_path, csv_of(*ROWS))
    table(tmp_path, "id,category\nz,dress\nc,dress\nb.jpg,dress\ne,shirt\n", "gallery.val.csv")
    assert read(tmp_path, "val").galleries == {"dress": ("z", "c", "b"), "shirt": ("e",)}
    table(tmp_path, "id,category\nz,dress\ne,shirt\n", "gallery.val.csv")
    with pytest.raises(ValueError, match=r"val\.csv: 2 targets are not in the gallery that is searched: b, c"):
        read(tmp_path, "val")


def test_pictures_are_found_with_and_without_suffix(tmp_path: Path) -> None:
    table(tmp_path, csv_of(*ROWS))
    for name in ("images/a.jpg", "c.PNG"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (2, 2)).save(tmp_path / name)
    collection = read(tmp_path, "val")
    assert collection.path("a") == tmp_path / "images" / "a.jpg" and collection.path("c") == tmp_path / "c.PNG"
    assert collection.missing == ("b", "d", "e")


def test_a_picture_has_one_id_however_it_is_written(tmp_path: Path) -> None:
    table(tmp_path, csv_of("a.jpg,x.png,is red,all", "x.png,a,is blue,all", "x.jpg,./a.jpg,is long,all"))
    for name in ("a.jpg", "a.png", "x.png", "x.jpg"):
        Image.new("RGB", (2, 2)).save(tmp_path / name)
    collection = read(tmp_path, "val")
    assert collection.galleries == {"all": ("a", "x.png", "x.jpg")}  # two files share the name x
    assert [collection.path(i).name for i in collection.ids] == ["a.jpg", "x.png", "x.jpg"]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("val.csv", "", "there is no row"),
        ("val.csv", "reference,target\na,b\n", "entry 0 captions: Field required.*columns are reference, target"),
        ("val.csv", "target,caption\na,b\n", "entry 0 reference: Field required"),
        ("val.csv", csv_of("../../a,b,c,d"), "leads out of the folder"),
        ("val.csv", csv_of("a,b"), "line 2 has another number of fields"),
        ("val.csv", csv_of("a,b,c,d,e"), "line 2 has another number of fields"),
        ("val.csv", csv_of("a,,is red,d"), "1 of 1 entries have no target: 0"),
        ("val.csv", csv_of("a,b,c," + "x" * 200_000), "what follows line 1 can't be read .field larger"),
        ("val.jsonl", '{"reference": "a"', "line 1 is not JSON"),
        ("val.jsonl", '\n["a"]', "line 2 is not an object"),
        ("val.jsonl", '{"reference": 3, "target": "b", "caption": "c"}', "entry 0 reference: .*valid string, got 3"),
        ("val.jsonl", '{"reference": "a", "target": "b", "captions": []}', "entry 0 captions: .*at least 1"),
        ("triplets.csv", csv_of(ROWS[0]), "every row needs a split .train, val or test., or name a file for each"),
    ],
)
def test_what_is_wrong_is_one_sentence(tmp_path: Path, name: str, text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        read(table(tmp_path, text, name), "val")
    assert name in str(caught.value) and len(str(caught.value)) < 900


def test_bytes_that_are_no_text_and_a_missing_split(tmp_path: Path) -> None:
    (tmp_path / "val.csv").write_bytes(b"reference,target,caption\n\xe4,b,c\n")
    with pytest.raises(ValueError, match="not text in a Unicode encoding"):
        read(tmp_path, "val")
    with pytest.raises(ValueError, match=r"has no train\.csv or train\.jsonl; there is val\.csv"):
        read(tmp_path, "train")
