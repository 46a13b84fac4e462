"""What is promised is kept on queries that the fit has not seen; a file that no fit wrote is refused."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from hug.backbones import WordIds, WordTokens
from hug.calibration import FILE, LEVELS, NAMES, TABLE, Calibration, SizeCalibration, Steps, part_of_gallery
from hug.config import OBJECTIVES
from hug.files import write_json, write_parquet
from hug.gaussians import Gaussians
from tests.hug.conftest import noise_pictures, small_model

MODEL = small_model(OBJECTIVES["paper"]).eval()


def drawn(queries: int, candidates: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances and targets of which some queries know more than others, all of them less than they claim."""
    rng = np.random.default_rng(seed)
    distances = rng.normal(1.0, 0.25, (queries, candidates))
    targets = rng.integers(0, candidates, queries)
    distances[np.arange(queries), targets] -= rng.choice([0.1, 0.5, 0.9], queries)
    return distances, targets


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return Calibration.fit({"category": [drawn(2000, 300, 0)]}, weights="w", protocol="p")


@pytest.mark.parametrize("size", [30, 60, 150, 300])
def test_sets_hold_what_they_promise_in_every_fifth(calibration: Calibration, size: int):
    distances, targets = drawn(2000, 300, 1)
    distances, targets = part_of_gallery(distances, targets, size)
    posterior = calibration.posterior(distances)
    ranks = 1 + np.argmax(posterior.order == targets[:, None], axis=1)
    ten = posterior.first(10)
    fifth = np.digitize(ten, np.quantile(ten, [0.2, 0.4, 0.6, 0.8]))
    for level in (0.8, 0.9, 0.95):
        inside = ranks <= calibration.answer_set(posterior, size, level)
        assert inside.mean() >= level - 0.02
        assert min(inside[fifth == n].mean() for n in range(5) if (fifth == n).sum() > 100) >= level - 0.07


@pytest.mark.parametrize("k", [1, 4, 10, 30])
def test_the_chance_is_the_share_of_hits(calibration: Calibration, k: int):
    distances, targets = drawn(2000, 300, 2)
    posterior = calibration.posterior(distances)
    hit = np.argmax(posterior.order == targets[:, None], axis=1) < k
    chance = calibration.chance(posterior, 300, k)
    for part in np.array_split(np.argsort(chance, kind="stable"), 4):
        assert chance[part].mean() == pytest.approx(hit[part].mean(), abs=0.06)


def test_a_longer_list_has_no_smaller_chance_and_a_higher_level_no_smaller_set(calibration: Calibration):
    posterior = calibration.posterior(drawn(200, 300, 3)[0])
    chances = np.stack([calibration.chance(posterior, 300, k) for k in (1, 2, 4, 7, 10, 25, 50, 299)])
    assert (np.diff(chances, axis=0) >= -1e-9).all() and chances.min() >= 0.01 and chances.max() <= 0.99
    sizes = np.stack([calibration.answer_set(posterior, 300, level) for level in LEVELS])
    assert (np.diff(sizes, axis=0) >= 0).all() and sizes.min() >= 1 and sizes.max() <= 300


def test_fewer_than_ten_and_far_more_than_measured_have_reasons(calibration: Calibration):
    assert "all of them" in calibration.reasons(10)[0] and "450" in calibration.reasons(451)[0]
    assert calibration.reasons(11) == calibration.reasons(450) == []


def test_nothing_to_learn_gives_the_rate():
    always = Steps.fit(np.linspace(0, 1, 50), np.ones(50, bool))
    assert always(np.array([0.0, 1.0])).tolist() == [pytest.approx(51 / 52, abs=1e-3)] * 2


def test_few_queries_share_one_group():
    calibration = Calibration.fit({"category": [drawn(30, 20, 0)]})
    (size,) = calibration.scopes["category"]
    assert size.size == 20 and size.edges == () and len(size.thresholds) == 1


def test_a_part_of_a_gallery_holds_the_target_and_no_one_left_out():
    distances, targets = drawn(50, 40, 0)
    distances[:, 7] = np.where(targets == 7, distances[:, 7], np.inf)
    part, places = part_of_gallery(distances, targets, 12)
    assert part.shape == (50, 12) and np.isfinite(part).all()
    np.testing.assert_array_equal(part[np.arange(50), places], distances[np.arange(50), targets])


def test_pictures_of_another_kind_are_new():
    rng = np.random.default_rng(0)
    mu = torch.from_numpy(rng.standard_normal((400, 3)) @ rng.standard_normal((3, 64))).float().view(400, 8, 8)
    known = Gaussians(mu, torch.ones_like(mu), torch.zeros(400))
    calibration = Calibration.fit({"category": [drawn(200, 50, 0)]}, known)
    assert calibration.new_pictures(mu).mean() < 0.05 and not calibration.strange_gallery(mu)
    other = mu + torch.randn(mu.shape, generator=torch.Generator().manual_seed(0))
    assert calibration.new_pictures(other).all() and calibration.strange_gallery(other)


def test_words_about_something_else_are_noticed_and_ids_never_are():
    backbone = MODEL.backbone
    known = backbone.words(["is red", "has long sleeves", "is shorter and striped"])
    assert isinstance(known, WordTokens)
    calibration = Calibration.fit({"category": [drawn(200, 50, 0)]}, texts=known.mean.numpy())
    assert not calibration.about_something_else(known).any()
    opposite = WordTokens(-known.content, known.mask)
    assert calibration.about_something_else(opposite).all()
    ids = WordIds(torch.ones(2, 3, dtype=torch.long), torch.ones(2, 3, dtype=torch.bool))
    assert not calibration.about_something_else(ids).any()
    assert not Calibration.fit({"category": [drawn(200, 50, 0)]}).about_something_else(opposite).any()


# ---- storage ----


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    candidates = MODEL.target(noise_pictures(300))
    data, texts = {"category": [drawn(200, 50, 0)]}, np.eye(3, 8)
    fitted = Calibration.fit(data, candidates, MODEL.weights_hash, "garments-1", {"v": 1}, texts, -1.5)
    fitted.save(tmp_path)
    table = pd.DataFrame({"side": ["query"] * 3, **{f"var_{n}": [0.3, 0.1, 0.2] for n in NAMES}})
    write_parquet(tmp_path / TABLE, table)
    return tmp_path


def test_what_is_saved_comes_back(folder: Path):
    back = Calibration.load(folder, MODEL)
    assert back is not None and back.protocol == "garments-1" and back.data == {"v": 1}
    fitted = Calibration.fit({"category": [drawn(200, 50, 0)]}, MODEL.target(noise_pictures(300)), MODEL.weights_hash)
    posterior = fitted.posterior(drawn(20, 50, 4)[0])
    np.testing.assert_array_equal(back.chance(posterior, 50), fitted.chance(posterior, 50))
    np.testing.assert_array_equal(back.answer_set(posterior, 50), fitted.answer_set(posterior, 50))
    assert back.percentile("t", 0.2) == 50.0
    assert back.garments == -1.5
    assert back.wording is not None and back.wording.new(np.eye(4, 8)).tolist() == [False] * 3 + [True]
    assert back.novelty is not None and fitted.novelty is not None and back.novelty.limit == fitted.novelty.limit


def test_an_unmeasured_checkpoint_has_none(tmp_path: Path):
    assert Calibration.load(tmp_path, MODEL) is None


def test_one_of_an_earlier_version_counts_as_none(folder: Path):
    write_json(folder / FILE, {"within": 10, "weights": MODEL.weights_hash, "coefficients": [0.1]})
    assert Calibration.load(folder, MODEL) is None


def first(raw: dict) -> dict:
    return raw["scopes"]["category"][0]


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.update(weights="other"),
        lambda raw: raw.update(format=3),
        lambda raw: raw.pop("tau"),
        lambda raw: raw.update(tau=-1.0),
        lambda raw: raw.update(tau=float("nan")),
        lambda raw: raw.update(scopes={}),
        lambda raw: raw.update(levels=[0.5]),
        lambda raw: raw["scopes"]["category"].reverse(),
        lambda raw: first(raw)["chances"]["1"].update(chance=[0.9, 0.1], mass=[0.0, 1.0]),
        lambda raw: first(raw)["chances"]["1"].update(mass=[]),
        lambda raw: first(raw)["thresholds"].pop(),
        lambda raw: first(raw)["thresholds"][0].reverse(),
        lambda raw: first(raw).update(size="many"),
    ],
)
def test_damaged_numbers_are_refused(folder: Path, change):
    raw = json.loads((folder / FILE).read_text())
    changed = copy.deepcopy(raw)
    change(changed)
    write_json(folder / FILE, changed)
    with pytest.raises(ValueError, match="python -m hug evaluate"):
        Calibration.load(folder, MODEL)


def test_tensors_that_are_missing_or_damaged_are_refused(folder: Path):
    tensors = folder / "calibration.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:40])
    with pytest.raises(ValueError, match="python -m hug evaluate"):
        Calibration.load(folder, MODEL)
    tensors.unlink()
    with pytest.raises(ValueError, match="python -m hug evaluate"):
        Calibration.load(folder, MODEL)


def test_a_size_between_two_is_between_their_chances():
    fitted = Calibration.fit({"category": [drawn(500, 300, 0)]})
    posterior = fitted.posterior(drawn(50, 180, 5)[0])
    low, high = (s.chance(posterior, 10) for s in fitted.scopes["category"][1:3])
    own = fitted.chance(posterior, 180)
    assert ((np.minimum(low, high) - 1e-9 <= own) & (own <= np.maximum(low, high) + 1e-9)).all()
    assert isinstance(fitted.scopes["category"][0], SizeCalibration)
