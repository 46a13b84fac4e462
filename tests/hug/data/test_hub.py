"""Data sets of the Hub, read from folders laid out like them: no network is used."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from hug.config import DataConfig
from hug.data import datasets, hub
from hug.data import garments as generator
from hug.data.export import export


@pytest.fixture(scope="module")
def exported(garments: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("exported") / "data"
    return export([generator.read(garments, split) for split in ("train", "val", "test")], out, progress=False)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def inline(tmp_path: Path) -> Path:
    """One configuration whose rows hold their pictures; two rows share a reference."""
    from datasets import Dataset, Features, Value
    from datasets import Image as ImageFeature

    pictures = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue", "green")]
    features = Features({"reference": ImageFeature(), "target": ImageFeature(), "caption": Value("string")})
    rows = {"reference": [pictures[0]] * 2, "target": pictures[1:], "caption": ["is blue", ""]}
    (tmp_path / "inline").mkdir()
    Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "inline" / "validation.parquet")
    return tmp_path / "inline"


def test_what_was_exported_is_read_as_it_was(exported: Path, garments: Path) -> None:
    data = DataConfig(root=f"hub:{exported}")
    assert datasets.splits(data) == ("train", "val", "test")
    for split in ("train", "val"):
        before, after = generator.read(garments, split), datasets.read(data, split)
        assert (after.triplets, after.galleries, after.layout) == (before.triplets, before.galleries, "hub")
        after.require_pictures()
        assert all(after.path(i).read_bytes() == before.path(i).read_bytes() for i in before.ids)
    assert list(datasets.read(data.replace(categories=("shirt",)), "val").galleries) == ["shirt"]


@pytest.mark.parametrize("large", [0, 2**40])
def test_rows_with_their_pictures_are_taken_apart(inline: Path, large: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "LARGE", large)  # streamed or not
    collection = hub.read(f"hub:{inline}", "val")
    first, second = collection.triplets
    assert first.reference == second.reference and collection.galleries["all"] == (
        first.reference, first.target, second.target,
    )  # fmt: skip
    assert [t.captions for t in collection.triplets] == [("is blue",), ("",)]
    with Image.open(collection.path(str(second.target))) as picture:
        assert picture.getpixel((0, 0)) == (0, 128, 0)


def test_what_was_fetched_is_not_fetched_again(inline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = hub.read(f"hub:{inline}", "val")
    monkeypatch.setattr(hub, "_fetch", None)
    assert hub.read(f"hub:{inline}", "val").triplets == before.triplets
    (next((inline.parent / "cache" / "hug").iterdir()) / "index.json").write_text("{")
    with pytest.raises(TypeError):  # a damaged index is fetched again
        hub.read(f"hub:{inline}", "val")


def test_what_cannot_be_read_is_one_sentence(inline: Path, exported: Path, tmp_path: Path) -> None:
    for root, split, says in (
        (f"hub:{tmp_path}/none", "val", "can't be read by datasets: .*(none|any data|doesn't exist)"),
        (f"hub:{inline}", "train", "has no split 'train'; there is validation"),
        (f"hub:{exported}", "other", "has no split 'other'; there is train, validation, test"),
    ):
        with pytest.raises(ValueError, match=says) as caught:
            hub.read(root, split)
        assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "train.csv").write_text("picture,text\na,b\n")
    with pytest.raises(ValueError, match="entry 0 reference: Field required.*columns are picture, text"):
        hub.read(f"hub:{tmp_path}/odd", "train")
    with pytest.raises(ValueError, match="has no category hat; there is dress, shirt, toptee"):
        hub.read(f"hub:{exported}", "val", ("hat",))
