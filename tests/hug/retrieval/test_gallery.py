"""A gallery from Parquet or from a folder; what isn't one is refused."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hug.config import OBJECTIVES
from hug.retrieval.gallery import left_out_lines, read_gallery, write_gallery
from hug.retrieval.index import Index
from tests.hug.conftest import noise_pictures, small_model

MODEL = small_model(OBJECTIVES["calibrated"])


def test_pictures_and_labels_survive_the_round_trip(tmp_path: Path):
    pictures = [p.resize((64, 64)) for p in noise_pictures(3)]
    labels = pd.DataFrame({"category": ["dress", "shirt", "dress"], "severity": [0, 3, 0]})
    write_gallery(tmp_path / "g.parquet", ["a", "b", "c"], pictures, labels)
    read = read_gallery(tmp_path / "g.parquet")
    assert read.ids == ["a", "b", "c"] and read.meta["category"] == ["dress", "shirt", "dress"]
    assert read.meta["severity"] == ["0", "3", "0"]
    for before, after in zip(pictures, read.pictures, strict=True):
        assert np.abs(np.asarray(before, float) - np.asarray(after, float)).mean() < 12  # WebP at quality 85


def test_labels_are_the_columns_whatever_their_names(tmp_path: Path):
    columns = {"brand": ["a", "b"], "stock": [3, 0], "sale": [True, False], "price": [9.5, 7.0], "tags": [["x"], []]}
    write_gallery(tmp_path / "g.parquet", ["a", "b"], noise_pictures(2), pd.DataFrame(columns))
    meta = read_gallery(tmp_path / "g.parquet").meta
    assert meta == {"brand": ["a", "b"], "stock": ["3", "0"], "sale": ["True", "False"]}


def test_datasets_reads_it_as_images(tmp_path: Path):
    from datasets import Features, Image, Value, load_dataset

    write_gallery(tmp_path / "g.parquet", ["a"], noise_pictures(1), pd.DataFrame({"category": ["dress"]}))
    features = Features({"id": Value("string"), "category": Value("string"), "image": Image()})
    read = load_dataset(
        "parquet", data_files=str(tmp_path / "g.parquet"), features=features, split="train", cache_dir=str(tmp_path)
    )
    assert read[0]["image"].size == (8, 8)


def test_a_folder_of_pictures(tmp_path: Path):
    for n, picture in enumerate(noise_pictures(2)):
        picture.save(tmp_path / f"{n}.png")
    read = read_gallery(tmp_path)
    assert read.ids == ["0", "1"] and len(list(read.pictures)) == 2 and read.meta == {}


def test_what_is_no_gallery_is_refused(tmp_path: Path):
    pd.DataFrame({"x": [1]}).to_parquet(tmp_path / "x.parquet")
    pd.DataFrame({"id": [], "image": []}).to_parquet(tmp_path / "empty.parquet")
    (tmp_path / "text.parquet").write_text("no parquet")
    (tmp_path / "folder").mkdir()
    for name, says in [
        ("x.parquet", r"needs a column image \(bytes or path\) or path; it has the columns x"),
        ("empty.parquet", "has no pictures"),
        ("text.parquet", "not a Parquet file"),
        ("absent", "no gallery at"),
        ("folder", "folder has no pictures"),
    ]:
        with pytest.raises(ValueError, match=says):
            read_gallery(tmp_path / name)


# ---- columns of other types ----


def png(n: int = 0) -> bytes:
    file = io.BytesIO()
    noise_pictures(n + 1)[n].save(file, "PNG")
    return file.getvalue()


def parquet(file: Path, **columns: object) -> Path:
    pq.write_table(pa.table(columns), file)
    return file


@pytest.mark.parametrize(
    ("ids", "texts"),
    [
        ([7, 8, 9], ["7", "8", "9"]),
        ([7, None, 9], ["7", "row 1", "9"]),
        ([7.0, float("nan"), 2.5], ["7", "row 1", "2.5"]),
        (["a", None, "c"], ["a", "row 1", "c"]),
        ([b"a", b"\xff", None], ["a", "\\xff", "row 2"]),
        ([True, False, None], ["True", "False", "row 2"]),
        (pa.nulls(3), ["row 0", "row 1", "row 2"]),
        (None, ["0", "1", "2"]),
    ],
)
def test_ids_of_any_type_become_texts(tmp_path: Path, ids: object, texts: list[str]):
    columns = {} if ids is None else {"id": ids}
    source = read_gallery(parquet(tmp_path / "g.parquet", image=[png(n) for n in range(3)], **columns))
    assert source.ids == texts and not source.left_out
    assert Index.build(MODEL, source.pictures, source.ids, source.meta).ids == texts


def test_rows_without_a_picture_or_with_an_earlier_id_are_listed(tmp_path: Path):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "a.png").write_bytes(png())
    rows = [
        {"bytes": png(), "path": None}, {"bytes": None, "path": "own/a.png"}, {"bytes": None, "path": "own/b.png"},
        {"bytes": None, "path": None}, None, {"bytes": png(1), "path": "own/a.png"},
    ]  # fmt: skip
    path = parquet(tmp_path / "g.parquet", id=["a", "b", "c", "d", "e", "a"], image=rows)
    source = read_gallery(path)
    assert source.ids == ["a", "b"] and len([*source.pictures]) == 2
    assert list(source.left_out.values()) == [
        "there is no file own/b.png", "has no picture", "has no picture", "its id is that of an earlier row",
    ]  # fmt: skip
    assert next(iter(source.left_out)) == f"{path}, row 2 (c)"


@pytest.mark.parametrize("column", ["image", "path"])
def test_paths_alone_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, column: str):
    (tmp_path / "a.png").write_bytes(png())
    parquet(tmp_path / "g.parquet", **{column: ["a.png"], "category": ["dress"]})
    monkeypatch.chdir(Path(__file__).parent)
    source = read_gallery(tmp_path / "g.parquet")
    assert len([*source.pictures]) == 1 and source.meta == {"category": ["dress"]}


def test_labels_that_lack_are_empty(tmp_path: Path):
    labels = {"category": ["dress", None], "stock": [3, None], "sale": [True, None], "none": pa.nulls(2)}
    path = parquet(tmp_path / "g.parquet", id=["a", "b"], image=[png(), png(1)], **labels)
    assert read_gallery(path).meta == {"category": ["dress", ""], "stock": ["3", ""], "sale": ["True", ""]}


@pytest.mark.parametrize("image", [[1, 2], [[0, 1], [2]], [0.5, None], pa.nulls(2)])
def test_a_column_of_something_else_is_told_in_a_sentence(tmp_path: Path, image: object):
    with pytest.raises(ValueError, match=r"has no pictures; .*row 0 \(a\): has no picture"):
        read_gallery(parquet(tmp_path / "g.parquet", id=["a", "b"], image=image))


def test_the_cases_of_parquet_galleries_are_read(test_data: Path):
    cases = test_data / "cases" / "07_parquet"
    assert len([*read_gallery(cases / "colour.parquet").pictures]) == 3
    source = read_gallery(cases / "pathonly.parquet")
    assert len(source.ids) + len(source.left_out) == 3


# ---- pictures that can't be read ----


def test_bad_pictures_are_listed_and_the_others_encoded(test_data: Path, tmp_path: Path):
    source = read_gallery(test_data / "cases" / "02_one_bad_of_eight")
    index = source.index(MODEL, tmp_path / "checkpoint", tmp_path / "cache")
    assert index.ids == ["p0", "p1", "p2", "p4", "p5", "p7"]
    bad = source.unreadable(index)
    folder = test_data / "cases" / "02_one_bad_of_eight"
    assert list(bad) == [str(folder / "p3.jpg"), str(folder / "p6.jpg")]
    assert "damaged or cut off" in bad[str(folder / "p3.jpg")] and "is not a" in bad[str(folder / "p6.jpg")]
    with pytest.raises(ValueError, match="p3.jpg is damaged"):
        Index.build(MODEL, source.pictures, source.ids)


def test_a_folder_named_like_a_picture_and_odd_suffixes_are_read(test_data: Path):
    assert read_gallery(test_data / "cases" / "03_folder_named_jpg").ids == ["album.jpg/inside", "p0", "p1", "p2"]
    source = read_gallery(test_data / "cases" / "04_silently_left_out")
    assert source.ids == ["a", "b", "c", "download", "p0", "p1"] and len([*source.pictures]) == 6
    assert [Path(path).name for path in source.left_out] == ["IMG_1.HEIC"]


def test_a_gallery_of_bad_pictures_alone_is_refused_with_a_reason(tmp_path: Path):
    (tmp_path / "a.png").write_text("no picture")
    source = read_gallery(tmp_path)
    with pytest.raises(ValueError, match="none of the 1 pictures can be read; a.png is not a PNG"):
        source.index(MODEL, tmp_path / "checkpoint", tmp_path / "cache")
    (tmp_path / "a.png").rename(tmp_path / "a.heic")
    with pytest.raises(ValueError, match="has no pictures .*a.heic: HEIC pictures can't be read here"):
        read_gallery(tmp_path)


def test_many_left_out_are_counted():
    bad = {f"{n}.jpg": "is damaged" for n in range(9)}
    assert left_out_lines(bad, most=2) == ["0.jpg: is damaged", "1.jpg: is damaged", "and 7 more"]
    assert len(left_out_lines(bad)) == len(left_out_lines(bad, most=9)) == 9
