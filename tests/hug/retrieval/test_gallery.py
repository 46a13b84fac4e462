"""A gallery from Parquet or from a folder; what isn't one is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hug.retrieval.gallery import read_gallery, write_gallery
from tests.hug.conftest import noise_pictures


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
        ("x.parquet", "columns id and image"),
        ("empty.parquet", "holds no picture"),
        ("text.parquet", "columns id and image"),
        ("absent", "no gallery at"),
        ("folder", "folder"),
    ]:
        with pytest.raises(ValueError, match=says):
            read_gallery(tmp_path / name)
