"""What is on disk is complete, says the truth, can be checked and can be continued."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hug.data.corruptions import TRAINED
from hug.data.garments import SIZES, Sizes, build, read, verify
from hug.data.garments.attributes import ASPECTS, CATEGORIES, Spec
from hug.data.garments.dataset import plan, recipe_of
from hug.data.garments.recipes import SPLITS
from hug.data.garments.sampling import NEAR, distances
from hug.data.garments.wording import lacks

SMALL = Sizes((16, 16, 16), (30, 24, 24))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("garments") / "set", SMALL, 5, "small", progress=False)


@pytest.fixture
def copy(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "copy"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_layout_is_fashion_iqs(built: Path) -> None:
    seen: set[str] = set()
    for category in CATEGORIES:
        for split, images, entries in zip(SPLITS, SMALL.images, SMALL.triplets, strict=True):
            ids = json.loads((built / f"image_splits/split.{category}.{split}.json").read_text())
            assert len(ids) == len(set(ids)) == images
            assert not seen & set(ids)
            seen |= set(ids)
            captions = json.loads((built / f"captions/cap.{category}.{split}.json").read_text())
            assert len(captions) == entries
            for entry in captions:
                assert set(entry) == {"target", "candidate", "captions"}
                assert entry["target"] in ids
                assert entry["candidate"] in ids
                assert entry["target"] != entry["candidate"]
                assert len(entry["captions"]) == 2
    assert {p.stem for p in (built / "images").iterdir()} == seen
    with Image.open(built / "images/dress-test-00012.png") as picture:
        assert picture.size == (160, 160)


def test_the_truth_agrees_with_the_annotations(built: Path) -> None:
    images = pd.read_parquet(built / "truth/images.parquet").set_index("id")
    for row in pd.read_parquet(built / "truth/triplets.parquet").itertuples():
        entry = json.loads((built / f"captions/cap.{row.category}.{row.split}.json").read_text())[row.row]
        fits, target = images.loc[row.fits], images.loc[entry["target"]]
        assert list(row.changed) == [a for a in ASPECTS if fits[a] != target[a]]
        assert row.n_changed == len(row.changed)
        assert row.clean == (images.loc[entry["candidate"]].severity == 0 and target.severity == 0)
        assert (row.kind == "conflict") == (entry["candidate"] != row.fits)
    for image in images.itertuples():
        garment = Spec.from_json(image.spec).garment
        assert garment.key() == tuple(getattr(image, aspect) for aspect in ASPECTS)
        assert (image.degradation == "none") == (image.severity == 0)
    assert set(images.degradation) <= {"none", *TRAINED}
    assert (images.severity > 0).mean() == pytest.approx(0.2, abs=0.02)


def test_coordination_pairs_differ_in_nothing_but_the_fit(built: Path) -> None:
    images = pd.read_parquet(built / "truth/images.parquet").set_index("id")
    triplets = pd.read_parquet(built / "truth/triplets.parquet")
    pairs = json.loads((built / "truth/coordination.json").read_text())
    assert pairs
    assert {pair["split"] for pair in pairs} == {"val", "test"}
    for pair in pairs:
        fits, lacking = images.loc[pair["fits"]], images.loc[pair["lacks"]]
        assert (fits.degradation, fits.severity) == (lacking.degradation, lacking.severity)
        own = triplets[(triplets.fits == pair["fits"]) & triplets.kind.isin(["presupposing", "conflict"])]
        needs = [json.loads(text) for text in own.needs]
        assert any(lacks(Spec.from_json(lacking.spec).garment, need) for need in needs)
        assert all(not lacks(Spec.from_json(fits.spec).garment, need) for need in needs)


def test_targets_have_near_misses_in_the_gallery(built: Path) -> None:
    images, truth = pd.read_parquet(built / "truth/images.parquet"), read(built, "test").truth
    assert truth is not None
    targets = {e["target"] for e in json.loads((built / "captions/cap.shirt.test.json").read_text())}
    shirts = images[(images.category == "shirt") & (images.split == "test")].set_index("id")[list(ASPECTS)]
    for target in targets:
        assert ((shirts != shirts.loc[target]).sum(axis=1) == 1).sum() >= 5


def test_splits_share_no_random_numbers() -> None:
    parts = [plan("dress", split, SMALL, 5) for split in SPLITS]
    seeds = [{spec.seed for spec in part.specs} for part in parts]
    assert not seeds[0] & seeds[1] and not seeds[0] & seeds[2] and not seeds[1] & seeds[2]


def test_a_split_does_not_depend_on_the_sizes_of_the_others() -> None:
    other = Sizes((40, 16, 16), (60, 24, 24))
    assert plan("dress", "test", SMALL, 5) == plan("dress", "test", other, 5)
    assert plan("dress", "test", SMALL, 5) != plan("dress", "test", SMALL, 6)


def test_a_finished_folder_is_left_alone(built: Path) -> None:
    times = {p: p.stat().st_mtime_ns for p in built.rglob("*")}
    assert build(built, SMALL, 5, "small", progress=False) == built
    assert times == {p: p.stat().st_mtime_ns for p in built.rglob("*")}


def test_an_interrupted_build_continues_to_the_same_bytes(built: Path, copy: Path) -> None:
    head = json.loads((copy / "version.json").read_text())
    (copy / "version.json").unlink()
    (copy / "building.json").write_text(json.dumps({k: v for k, v in head.items() if k != "sha256"}))
    shutil.rmtree(copy / "truth")
    for picture in sorted((copy / "images").iterdir())[:40:2]:
        picture.unlink()
    half = copy / "images/toptee-test-00015.png"
    half.write_bytes(half.read_bytes()[:500])
    build(copy, SMALL, 5, "small", progress=False, workers=2)
    assert contents(copy) == contents(built)


def test_another_build_in_the_same_folder_is_refused(copy: Path) -> None:
    with pytest.raises(ValueError, match="choose another folder"):
        build(copy, SMALL, 6, "small", progress=False)
    with pytest.raises(ValueError, match="choose another folder"):
        build(copy, SMALL, 5, "large", progress=False)
    with pytest.raises(ValueError, match="use 1 or 2"):
        build(copy, SMALL, 5, "small", progress=False, workers=3)


def test_a_whole_folder_verifies(built: Path) -> None:
    assert verify(built) == []


def test_a_changed_pixel_is_found(copy: Path) -> None:
    path = copy / "images/shirt-val-00003.png"
    with Image.open(path) as stored:
        pixels = np.array(stored.convert("RGB"))
    pixels[80, 80, 0] ^= 1
    Image.fromarray(pixels).save(path)
    assert verify(copy) == ["picture shirt-val-00003 is missing or has changed"]


@pytest.mark.parametrize("name", ["captions/cap.dress.test.json", "truth/coordination.json"])
def test_a_changed_annotation_is_found(copy: Path, name: str) -> None:
    entries = json.loads((copy / name).read_text())
    entries[0]["captions"][0] += " or not"
    (copy / name).write_text(json.dumps(entries))
    assert verify(copy) == ["the annotations differ from the hash in version.json"]


def test_a_changed_table_is_found(copy: Path) -> None:
    table = pd.read_parquet(copy / "truth/images.parquet")
    table.loc[0, "colour"] = "red" if table.loc[0, "colour"] != "red" else "blue"
    table.to_parquet(copy / "truth/images.parquet", index=False)
    assert verify(copy)


def test_missing_and_broken_files_are_reported(copy: Path) -> None:
    (copy / "images/dress-val-00000.png").unlink()
    assert verify(copy) == ["picture dress-val-00000 is missing or has changed"]
    (copy / "truth/images.parquet").write_bytes(b"no table")
    assert "can't be read" in verify(copy)[0]
    (copy / "version.json").unlink()
    with pytest.raises(ValueError, match="holds no finished data set"):
        verify(copy)


def test_the_first_versions_stay_as_they_were_released(tmp_path: Path) -> None:
    """The hash is over captions, splits, truth and every pixel."""
    head = json.loads((build(tmp_path / "tiny", SIZES["tiny"], 0, "tiny", progress=False) / "version.json").read_text())
    assert head["sha256"] == "58a01f8687903ff6b81c05192e4dc5ea7ab72211a6782c738bbfc05c43ab6193"
    assert set(head) == {"version", "seed", "sizes", "sha256"}


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("garments") / "second"
    return build(folder, Sizes((24, 24, 24), (30, 24, 24)), 1, "small-2", progress=False, recipe="second")


def test_the_second_recipe_is_read_with_its_truth(second: Path) -> None:
    assert verify(second) == []
    data = read(second, "test")
    assert data.truth is not None and data.version["version"] == "small-2"
    captions = [t.captions for t in data.triplets]
    assert {len(c) for c in captions} == {1, 2} and all(text for c in captions for text in c)
    with Image.open(data.path(data.ids[0])) as picture:
        assert picture.size == (320, 320)
    assert "a nicer look" in data.truth.phrases
    clean = sorted(data.truth.clean_ids)[:2]
    edits = data.truth.edits(clean, ["untouched", "sleeve", "control:logo", "degraded"], "unseen")
    assert {edits.load(n).size for n in range(8)} == {(320, 320)}
    with Image.open(data.path(clean[0])) as stored:  # as drawn again, but for what JPEG loses
        difference = np.abs(np.asarray(stored, np.float64) - np.asarray(edits.load(0), np.float64))
    assert difference.mean() < 2.0
    assert data.truth.removals(0).edits.load(0).size == (320, 320)


def test_splits_of_the_second_recipe_share_no_garment() -> None:
    parts = [plan("dress", split, Sizes((400, 200, 200), (60, 60, 60)), 0, "second") for split in SPLITS]
    keys = [{spec.garment.key() for spec in part.specs} for part in parts]
    assert [len(each) for each in keys] == [400, 200, 200]
    assert not keys[0] & keys[2] and not keys[0] & keys[1] and not keys[1] & keys[2]
    for part in parts:
        near = (distances([spec.garment for spec in part.specs]) == 1).sum(1)
        assert min(near[t.target] for t in part.triplets) >= NEAR


def test_a_recipe_of_a_later_release_is_refused(second: Path, tmp_path: Path) -> None:
    head = json.loads((second / "version.json").read_text())
    (tmp_path / "version.json").write_text(json.dumps({**head, "recipe": "ninth"}))
    with pytest.raises(ValueError, match="made by 'ninth', which this version of hug doesn't know"):
        recipe_of(tmp_path)


def test_the_presets_are_the_promised_ones() -> None:
    full = SIZES["garments-1"]
    assert [3 * n for n in full.triplets] == [18_000, 6_000, 6_000]
    assert min(full.images[1:]) >= 1_000


def test_faults_are_spread_over_kinds_and_severities() -> None:
    part = plan("dress", "test", SIZES["garments-0"], 0)
    counts = Counter(q for q in part.quality if q[1])
    assert len(counts) == len(TRAINED) * 5
    assert np.ptp(list(counts.values())) == 0
