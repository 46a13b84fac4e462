"""Sub-features: interventions change what they say, a tracking component is found, noise tracks nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from hug.config import OBJECTIVES
from hug.data.cache import TokenCache
from hug.data.garments import ASPECTS, Spec, control, read, remove, render
from hug.evaluate.subfeatures import (
    CONTROL,
    DEGRADED,
    attributes_explained,
    component_correlation,
    component_levels,
    eta_squared,
    interventions,
    tracked,
    tracked_count,
)
from tests.hug.conftest import PixelBackbone, small_model


def long_table(deltas: np.ndarray, names: tuple[str, ...] = ASPECTS) -> pd.DataFrame:
    """The table of `interventions` from deltas (N, A, K)."""
    index = pd.MultiIndex.from_product(
        [[f"p{n}" for n in range(len(deltas))], names, range(deltas.shape[2])], names=["id", "aspect", "component"]
    )
    return pd.Series(deltas.ravel(), index, name="delta").reset_index()


@pytest.fixture(scope="module")
def cached(garments: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("cache")
    model = small_model(OBJECTIVES["calibrated"]).eval()
    return folder, interventions(model, read(garments, "test"), TokenCache(folder, PixelBackbone()), 2)


def test_a_delta_is_the_log_ratio_of_mean_variances(garments: Path, cached: tuple[Path, pd.DataFrame]):
    table, model = cached[1], small_model(OBJECTIVES["calibrated"]).eval()
    assert len(table) == 6 * 13 * 16 and not table.isna().any().any()
    name = table.id.unique()[4]
    truth = read(garments, "test").truth
    assert truth is not None
    row = truth.labels.loc[name]
    assert row.degradation == "none" and row.split == "test"
    spec = Spec.from_json(row.spec)
    pictures = [render(spec).picture, remove(spec, "colour", "unseen", 4), control(spec, "sleeve", 4)]
    levels = component_levels(model.target(pictures).var)  # (3, K)
    for n, aspect in enumerate(("colour", CONTROL + "sleeve"), 1):
        stored = table.delta[(table.id == name) & (table.aspect == aspect)].to_numpy()
        np.testing.assert_allclose(stored, levels[n] - levels[0], atol=0.01)  # half-precision tokens
        assert np.abs(stored).max() > 0


def test_a_second_run_draws_nothing_and_styles_share_the_controls(
    garments: Path, cached: tuple[Path, pd.DataFrame], monkeypatch: pytest.MonkeyPatch
):
    folder, table = cached
    monkeypatch.setattr("hug.data.garments.truth.control", None)  # would fail if a control were drawn again
    model, collection = small_model(OBJECTIVES["calibrated"]).eval(), read(garments, "test")
    cache = TokenCache(folder, PixelBackbone())
    other = interventions(model, collection, cache, 2, "trained")
    monkeypatch.setattr("hug.data.garments.truth.render", None)
    pd.testing.assert_frame_equal(interventions(model, collection, cache, 2), table)
    extra = ~table.aspect.isin(ASPECTS)
    pd.testing.assert_frame_equal(other[extra], table[extra])
    assert not np.allclose(other.delta[~extra], table.delta[~extra])


def test_wrong_requests_are_refused(garments: Path, tmp_path: Path):
    model, cache = small_model(OBJECTIVES["calibrated"]), TokenCache(tmp_path, PixelBackbone())
    collection = read(garments, "test")
    with pytest.raises(ValueError, match="unknown style 'none'"):
        interventions(model, collection, cache, 2, "none")
    with pytest.raises(ValueError, match="at least 1"):
        interventions(model, collection, cache, 0)


def test_planted_components_are_found_and_the_rest_is_not():
    rng = np.random.default_rng(0)
    deltas = rng.normal(0, 0.2, (40, 6, 8))
    deltas[:, 0, 3] += 1.0  # colour: a component of its own
    deltas[:, 1, 5] += 0.6  # pattern: also moved, less, by sleeve
    deltas[:, 2, 5] += 0.3
    deltas[:, 3] += 1.0  # neckline: all components alike, each its own
    deltas[:, 4] -= 1.0  # length: falls
    found = tracked(long_table(deltas), permutations=1999).set_index("aspect")
    assert found.tracked.to_dict() == {
        "colour": False, "pattern": False, "sleeve": False, "neckline": True, "length": False, "logo": False,
    }  # fmt: skip
    deltas[:, 3] -= 1.0
    found = tracked(long_table(deltas), permutations=1999).set_index("aspect")
    assert found.index[found.tracked].tolist() == ["colour", "pattern"]
    assert found.component["colour"] == 3 and found.component["pattern"] == 5
    pattern = found.loc["pattern"]
    assert pattern.next_aspect == "sleeve" and pattern.margin == pytest.approx(pattern.delta - pattern.next_delta)
    assert pattern.margin_low < pattern.margin < pattern.margin_high and pattern.low < pattern.delta < pattern.high
    assert found.p["colour"] < 0.05 < found.p["length"]


def test_falling_less_than_the_others_is_not_tracking():
    deltas = np.random.default_rng(0).normal(-1, 0.1, (40, 3, 2))
    deltas[:, 0, 0] = -0.5 + np.random.default_rng(1).normal(0, 0.1, 40)
    assert not tracked(long_table(deltas, ASPECTS[:3]), permutations=999).tracked.any()


def test_noise_is_tracked_by_nothing_in_most_draws():
    hits = [
        tracked(long_table(np.random.default_rng(s).normal(0.5, 1, (20, 4, 8)), ASPECTS[:4]), 499).tracked.any()
        for s in range(10)
    ]
    assert sum(hits) <= 1


def test_controls_stand_beside_the_best_component():
    deltas = np.zeros((12, 4, 2))
    deltas[:, 0, 1], deltas[:, 2, 1], deltas[:, 3, 1] = 1.0, 0.25, 2.0
    names = ("colour", "logo", CONTROL + "colour", DEGRADED)
    colour = tracked(long_table(deltas, names), 999).iloc[0]
    assert (colour.component, colour.control, colour.degraded) == (1, 0.25, 2.0)
    assert colour.tracked  # the controls are told, they don't decide
    assert np.isnan(tracked(long_table(deltas, names), 999).control[1])


def test_the_sign_flip_p_is_the_share_of_all_patterns():
    deltas = np.zeros((4, 2, 1))
    deltas[:, 0, 0] = [3.0, 1.0, 1.0, -1.0]  # sum 4; patterns reaching it: 6+4 = {6: 1, 4: 3} of 16
    found = tracked(long_table(deltas, ("colour", "logo")), permutations=20_000)
    assert found.p[0] == pytest.approx(2 * 4 / 16, abs=0.02)  # two tests: the smaller p doubled


def test_correlation_by_hand_and_without_constant_components():
    level = torch.tensor([0.1, 0.4, 0.2, 0.3], dtype=torch.float64)
    var = torch.stack([level, level**2, 0.05 / level, torch.full_like(level, 0.5)], dim=1)[..., None]  # (4, 4, 1)
    assert component_correlation(var) == pytest.approx(1.0)
    assert np.isnan(component_correlation(var[:, 2:]))
    wide = torch.rand((500, 6, 3), generator=torch.Generator().manual_seed(0))
    assert component_correlation(wide) < 0.1
    by_loop = [
        abs(np.corrcoef(component_levels(wide)[:, i], component_levels(wide)[:, j])[0, 1])
        for i in range(6)
        for j in range(6)
        if i != j
    ]
    assert component_correlation(wide) == pytest.approx(np.mean(by_loop))


def test_eta_squared_by_hand():
    values = np.array([[1.0, 5.0, 2.0], [3.0, 5.0, 2.0], [5.0, 5.0, 4.0], [7.0, 5.0, 4.0]])
    found = eta_squared(["a", "a", "b", "b"], values, permutations=2000)
    assert found.eta2.tolist() == pytest.approx([16 / 20, 0, 1])
    assert found.p[1] == 1 and found.p[2] == pytest.approx(1 / 3, abs=0.05)  # 2 of 6 splits are as pure
    with pytest.raises(ValueError, match="align"):
        eta_squared(["a"], values)


def test_a_component_that_knows_the_category_does_not_know_the_length():
    rng = np.random.default_rng(0)
    strata = np.repeat(["dress", "shirt"], 60)
    labels = np.concatenate([rng.choice(["mini", "maxi"], 60), rng.choice(["hip", "tunic"], 60)])
    values = np.stack(
        [(strata == "dress") * 3.0 + rng.normal(0, 1, 120), (labels == "mini") + rng.normal(0, 1, 120)], 1
    )
    plain, within = eta_squared(labels, values, 199), eta_squared(labels, values, 199, strata=strata)
    assert plain.eta2[0] > 0.5 and within.eta2[0] < 0.1
    assert within.p[0] > 0.05 >= within.p[1]


def test_all_attributes_are_adjusted_together(garments: Path):
    labels = pd.concat([read(garments, split).truth.labels for split in ("train", "val", "test")])
    rng = np.random.default_rng(0)
    levels = rng.normal(0, 0.1, (len(labels), 3))
    levels[:, 1] += labels.sleeve == "short"
    found = attributes_explained(labels, levels, ASPECTS, 199)
    assert len(found) == 18 and set(found.attribute) == set(ASPECTS)
    best = found.loc[found.eta2.idxmax()]
    assert (best.attribute, best.component) == ("sleeve", 1) and best.p <= 18 / 200 + 1e-9


def test_the_count_of_tracked_aspects_is_resampled():
    rng = np.random.default_rng(0)
    deltas = rng.normal(0, 0.2, (40, 6, 8))
    for aspect in range(3):
        deltas[:, aspect, aspect] += 1.0  # beyond doubt
    deltas[:, 3, 3] += 0.08  # by a hair
    table = long_table(deltas)
    found = tracked_count(table, 200)
    assert found.value == tracked(table, 1999).tracked.sum() and 3 <= found.low <= found.high <= 4
    assert tracked_count(long_table(rng.normal(0.5, 1, (20, 4, 8)), ASPECTS[:4]), 200).value == 0
