"""Generated data as a data set of the Hub, read by the library that everybody uses for those."""

from __future__ import annotations

from pathlib import Path

import pytest

from hug.__main__ import main
from hug.data import garments as generator
from hug.data.collection import Collection
from hug.data.export import export
from hug.data.fashioniq import read as read_plain
from hug.data.images import open_picture


@pytest.fixture(scope="module")
def exported(garments: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exported") / "data"
    assert main(["export", "--root", str(garments), "--out", str(out)]) == 0
    return out


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def test_the_library_reads_pictures_and_labels(exported: Path, garments: Path) -> None:
    from datasets import Image, load_dataset

    collection = generator.read(garments, "test")
    assert collection.truth is not None
    pictures = load_dataset(str(exported), "pictures", split="test")
    assert isinstance(pictures.features["image"], Image) and tuple(pictures["id"]) == collection.ids
    first = collection.ids[0]
    assert pictures[0]["image"].convert("RGB").tobytes() == open_picture(collection.path(first)).tobytes()
    labels = collection.truth.labels.loc[list(collection.ids)]
    for name in ("category", *collection.truth.aspects, "degradation", "severity"):
        assert list(pictures[name]) == list(labels[name])


def test_the_library_reads_triplets(exported: Path, garments: Path) -> None:
    from datasets import get_dataset_config_names, get_dataset_split_names, load_dataset

    assert sorted(get_dataset_config_names(str(exported))) == ["pictures", "triplets"]
    assert get_dataset_split_names(str(exported), "triplets") == ["train", "validation", "test"]
    collection = generator.read(garments, "val")
    triplets = load_dataset(str(exported), "triplets", split="validation", streaming=True)
    rows = list(triplets)
    assert [(r["reference"], r["target"], tuple(r["captions"])) for r in rows] == [
        (t.reference, t.target, t.captions) for t in collection.triplets
    ]
    assert collection.truth is not None and [r["kind"] for r in rows] == list(collection.truth.queries.kind)


def test_the_card_says_what_is_inside(exported: Path) -> None:
    from huggingface_hub import DatasetCard

    card = DatasetCard.load(exported / "README.md")
    assert (card.data.license, card.data.size_categories) == ("apache-2.0", ["n<1K"])
    assert "| validation | 45 | 45 | dress 15, shirt 15, toptee 15 |" in card.text and "{" not in card.text


def test_only_generated_data_and_only_into_an_empty_folder(garments: Path, exported: Path, tmp_path: Path) -> None:
    plain: Collection = read_plain(garments, "val")
    with pytest.raises(ValueError, match="is not generated; only generated data are exported"):
        export([plain], tmp_path / "out")
    with pytest.raises(ValueError, match="is not empty; name a new folder"):
        export([generator.read(garments, "val")], exported)
    assert not (tmp_path / "out").exists()
