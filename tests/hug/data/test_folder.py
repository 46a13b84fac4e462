"""A plain folder as galleries."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from hug.config import DataConfig
from hug.data import datasets
from hug.data.folder import read


def test_folders_are_categories(test_data: Path) -> None:
    data = DataConfig(root=str(test_data / "clothing_photos"))
    collection = datasets.read(data, "test")
    assert (collection.layout, datasets.splits(data), collection.triplets) == ("folder", ("test",), ())
    assert len(collection.galleries) == 10 and {len(g) for g in collection.galleries.values()} == {36}
    collection.require_pictures()
    assert all(i.startswith("hat/") for i in collection.galleries["hat"])
    assert list(read(test_data / "clothing_photos", "test", ("skirt", "hat")).galleries) == ["skirt", "hat"]


def test_a_folder_with_pictures_of_its_own_is_one_gallery(tmp_path: Path) -> None:
    for name in ("a.jpg", "sub/b.PNG", "sub/deep/c.webp"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (2, 2)).save(tmp_path / name)
    collection = read(tmp_path, "test")
    assert collection.galleries == {"all": ("a", "sub/b", "sub/deep/c")}
    assert collection.path("sub/b") == tmp_path / "sub" / "b.PNG"
    (tmp_path / "a.jpg").unlink()
    assert read(tmp_path, "test").galleries == {"sub": ("sub/b", "sub/deep/c")}


def test_what_a_folder_is_not(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing to see")
    with pytest.raises(ValueError, match="no data set of a known layout"):
        datasets.read(DataConfig(root=str(tmp_path)), "test")
    with pytest.raises(ValueError, match="has no pictures"):
        read(tmp_path, "test")
    Image.new("RGB", (2, 2)).save(tmp_path / "a.jpg")
    with pytest.raises(ValueError, match="without triplets, so it has no split 'train'; .* table of triplets"):
        read(tmp_path, "train")
    with pytest.raises(ValueError, match="has no folder hat; there is all"):
        read(tmp_path, "test", ("hat",))
