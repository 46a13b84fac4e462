"""Interventions change what they say, a tracking component is found, noise tracks nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from analysis.experiments import Experiments, component_levels
from analysis.studies.attributes import explained
from analysis.studies.tracking import (
    best_responses,
    intervention_table,
    metrics,
    responses,
    say,
    style_metrics,
    tracked_count,
    tracking_table,
)
from hug.data.garments.attributes import ASPECTS, VALUES, Spec
from hug.data.garments.intervene import control, remove
from hug.data.garments.render import render
from hug.data.truth import CONTROL, DEGRADED, STYLES
from hug.evaluate.measurements import Metric
from hug.gaussians import Gaussians


def long_table(deltas: np.ndarray, names: tuple[str, ...] = ASPECTS) -> pd.DataFrame:
    """A table of `Experiments.deltas` from deltas (N, A, K)."""
    index = pd.MultiIndex.from_product(
        [[f"p{n}" for n in range(len(deltas))], names, range(deltas.shape[2])], names=["id", "aspect", "component"]
    )
    return pd.Series(deltas.ravel(), index, name="delta").reset_index()


def best(deltas: np.ndarray, permutations: int, names: tuple[str, ...] = ASPECTS) -> pd.DataFrame:
    return best_responses(responses(long_table(deltas, names), permutations)).set_index("aspect")


def test_a_delta_is_the_log_ratio_of_mean_variances(experiments: Experiments) -> None:
    table = experiments.deltas["unseen"]
    assert len(table) == 9 * 13 * experiments.model.config.components and not table.isna().any().any()
    place, name = 4, table.id.unique()[4]
    labels = experiments.truth.labels.loc[name]
    assert labels.degradation == "none" and labels.split == "test"
    spec = Spec.from_json(labels.spec)
    pictures = [render(spec).picture, remove(spec, "colour", "unseen", place), control(spec, "sleeve", place)]
    levels = component_levels(experiments.model.target(pictures).var)  # (3, K)
    for n, aspect in enumerate(("colour", CONTROL + "sleeve"), 1):
        stored = table.delta[(table.id == name) & (table.aspect == aspect)].to_numpy()
        np.testing.assert_allclose(stored, levels[n] - levels[0], atol=0.01)  # half-precision tokens
        assert np.abs(stored).max() > 0


def test_styles_differ_in_what_they_remove_and_share_the_controls(experiments: Experiments) -> None:
    unseen, trained = experiments.deltas["unseen"], experiments.deltas["trained"]
    assert tuple(experiments.deltas) == STYLES
    extra = ~trained.aspect.isin(ASPECTS)
    pd.testing.assert_frame_equal(trained[extra], unseen[extra])
    assert not np.allclose(trained.delta[~extra], unseen.delta[~extra])


def test_a_second_run_draws_nothing(experiments: Experiments, monkeypatch: pytest.MonkeyPatch) -> None:
    table = experiments.deltas["unseen"]
    monkeypatch.setattr("hug.data.garments.truth.draw", None)  # would fail if a picture were drawn again
    again = dataclasses.replace(experiments)
    pd.testing.assert_frame_equal(again.deltas["unseen"], table)


def test_planted_components_are_found_and_the_rest_is_not():
    rng = np.random.default_rng(0)
    deltas = rng.normal(0, 0.2, (40, 6, 8))
    deltas[:, 0, 3] += 1.0  # colour: a component of its own
    deltas[:, 1, 5] += 0.6  # pattern: also moved, less, by sleeve
    deltas[:, 2, 5] += 0.3
    deltas[:, 3] += 1.0  # neckline: all components alike, each its own
    deltas[:, 4] -= 1.0  # length: falls
    found = best(deltas, 1999)
    assert found.tracked.to_dict() == {
        "colour": False, "pattern": False, "sleeve": False, "neckline": True, "length": False, "logo": False,
    }  # fmt: skip
    deltas[:, 3] -= 1.0
    found = best(deltas, 1999)
    assert found.index[found.tracked].tolist() == ["colour", "pattern"]
    assert found.component["colour"] == 3 and found.component["pattern"] == 5
    pattern = found.loc["pattern"]
    assert pattern.next_aspect == "sleeve" and pattern.margin == pytest.approx(pattern.delta - pattern.next_delta)
    assert found.p["colour"] < 0.05 < found.p["length"]


def test_the_metrics_are_those_of_the_best_components() -> None:
    rng = np.random.default_rng(0)
    deltas = rng.normal(0, 0.2, (40, 6, 8))
    deltas[:, 1, 5] += 0.6
    deltas[:, 2, 5] += 0.3
    table = long_table(deltas)
    own = {m.id: m for m in style_metrics(table, "unseen", 1999, 200)}
    rows = best(deltas, 1999)
    count = own["tracked.unseen"]
    assert (count.value, count.count) == (rows.tracked.sum(), 40) and isinstance(count.value, int)
    for aspect in ASPECTS:
        for name, value in (("delta", rows.delta[aspect]), ("margin", rows.margin[aspect])):
            metric = own[f"{name}.{aspect}.unseen"]
            assert metric.value == pytest.approx(value) and metric.low < metric.value < metric.high
    assert len(own) == 1 + 3 * len(ASPECTS)


def test_both_styles_are_measured(experiments: Experiments) -> None:
    ids = {m.id for m in metrics(experiments, pd.DataFrame())}
    assert {"tracked.unseen", "tracked.trained", "margin.logo.trained", "control.colour.unseen"} <= ids
    assert len(ids) == 2 * (1 + 3 * len(ASPECTS)) and all(Metric(id, 0).title for id in ids)


def test_falling_less_than_the_others_is_not_tracking():
    deltas = np.random.default_rng(0).normal(-1, 0.1, (40, 3, 2))
    deltas[:, 0, 0] = -0.5 + np.random.default_rng(1).normal(0, 0.1, 40)
    assert not best(deltas, 999, ASPECTS[:3]).tracked.any()


def test_noise_is_tracked_by_nothing_in_most_draws():
    hits = [
        best(np.random.default_rng(s).normal(0.5, 1, (20, 4, 8)), 499, ASPECTS[:4]).tracked.any() for s in range(10)
    ]
    assert sum(hits) <= 1


def test_controls_stand_beside_the_best_component():
    deltas = np.zeros((12, 4, 2))
    deltas[:, 0, 1], deltas[:, 2, 1], deltas[:, 3, 1] = 1.0, 0.25, 2.0
    names = ("colour", "logo", CONTROL + "colour", DEGRADED)
    colour = best(deltas, 999, names).iloc[0]
    assert (colour.component, colour.control, colour.degraded) == (1, 0.25, 2.0)
    assert colour.tracked  # the controls are told, they don't decide
    assert np.isnan(best(deltas, 999, names).control["logo"])


def test_the_sign_flip_p_is_the_share_of_all_patterns():
    deltas = np.zeros((4, 2, 1))
    deltas[:, 0, 0] = [3.0, 1.0, 1.0, -1.0]  # sum 4; patterns reaching it: 6+4 = {6: 1, 4: 3} of 16
    found = best(deltas, 20_000, ("colour", "logo"))
    assert found.p["colour"] == pytest.approx(2 * 4 / 16, abs=0.02)  # two tests: the smaller p doubled


def test_the_count_of_tracked_aspects_is_resampled():
    rng = np.random.default_rng(0)
    deltas = rng.normal(0, 0.2, (40, 6, 8))
    for aspect in range(3):
        deltas[:, aspect, aspect] += 1.0  # beyond doubt
    deltas[:, 3, 3] += 0.08  # by a hair
    table = long_table(deltas)
    found = tracked_count(table, 200)
    assert found.value == best(deltas, 1999).tracked.sum() and 3 <= found.low <= found.high <= 4
    assert tracked_count(long_table(rng.normal(0.5, 1, (20, 4, 8)), ASPECTS[:4]), 200).value == 0


def made_up(rng: np.random.Generator, effect: float, count: int = 60, k: int = 3) -> tuple[pd.DataFrame, Gaussians]:
    """Labels and Gaussians of pictures; the first component's log variance knows the colour, the others nothing."""
    truth = pd.DataFrame({"category": ["dress"] * count})
    for aspect in ASPECTS:
        truth[aspect] = rng.choice(VALUES["dress"][aspect][:3], count)
    logvar = rng.normal(-3, 0.5, (count, k, 4)) + rng.normal(0, 0.5, (count, k, 1))
    logvar[:, 0] += effect * pd.factorize(truth.colour)[0][:, None]
    var = torch.from_numpy(np.exp(logvar)).clamp(max=1).float()
    return truth, Gaussians(torch.zeros_like(var), var, torch.zeros(count))


def answer(rng: np.random.Generator, effect: float, k: int = 3) -> pd.DataFrame:
    truth, gaussians = made_up(rng, effect, k=k)
    table = explained(truth, component_levels(gaussians.var), 399)
    deltas = rng.normal(0.2, 0.5, (30, len(ASPECTS), k))  # every removal moves every component a little
    deltas[:, ASPECTS.index("colour"), 0] += effect
    return tracking_table(responses(long_table(deltas), 399), table)


def test_the_false_discovery_rate_is_held_over_two_hundred_draws() -> None:
    found, wrong = 0, []
    for seed in range(200):
        table = answer(np.random.default_rng(seed), 1.2)
        hits = table[table.tracked]
        true = (hits.attribute == "colour") & (hits.component == 1)
        found += int(true.any())
        wrong.append((~true).sum() / max(len(hits), 1))
    assert found >= 190
    assert np.mean(wrong) <= 0.05


def test_nothing_is_found_where_nothing_is() -> None:
    """Of either kind of evidence alone too: at most one draw in twenty finds anything, give or take chance."""
    alone, either = 0, []
    for seed in range(100):
        table = answer(np.random.default_rng(1000 + seed), 0.0)
        alone += int(table.tracked.any())
        either.append(((table.p <= 0.05).any(), (table.eta2_p <= 0.05).any()))
    assert alone <= 2
    assert (np.mean(either, axis=0) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 100)).all()


def test_tracking_needs_both_kinds_of_evidence() -> None:
    rng = np.random.default_rng(0)
    deltas = rng.normal(0, 0.1, (30, len(ASPECTS), 2))
    deltas[:, 0, :] += 1  # removing the colour raises both components
    explained = pd.DataFrame(
        [(a, c, 0.5, 0.001 if (a, c) == ("colour", 2) else 0.5) for a in ASPECTS for c in (1, 2)],
        columns=["attribute", "component", "eta2", "p"],
    )
    table = tracking_table(responses(long_table(deltas), 999), explained)
    assert [(r.attribute, r.component) for r in table[table.tracked].itertuples()] == [("colour", 2)]
    assert "colour by component 2" in say(table) and "No component tracks pattern" in say(table)


def test_the_ranking_puts_what_tracks_first_and_ties_keep_the_components_order() -> None:
    deltas = np.zeros((30, len(ASPECTS), 4)) + np.random.default_rng(0).normal(0, 1e-3, (30, 1, 1))
    deltas[:, 0, 1], deltas[:, 0, 2] = 1.0, 2.0
    rows = [(a, c, 0.5, 0.001 if c == 2 else 0.9) for a in ASPECTS for c in range(1, 5)]
    table = tracking_table(
        responses(long_table(deltas), 999), pd.DataFrame(rows, columns=["attribute", "component", "eta2", "p"])
    )
    colour = table[table.attribute == "colour"]
    assert list(colour.component) == [2, 3, 1, 4] and list(colour.place) == [1, 2, 3, 4]
    assert list(colour.tracked) == [True, False, False, False]
    assert len(table) == 24 and set(table.attribute) == set(ASPECTS)


def test_the_intervention_matrix_is_the_mean_with_controls() -> None:
    deltas = np.random.default_rng(0).normal(0, 1, (20, 8, 3))
    deltas[:, 1, 2] += 3
    names = (*ASPECTS, CONTROL + "logo", DEGRADED)
    table = intervention_table(long_table(deltas, names), 999, 200)
    assert set(table.aspect) == set(names) and set(table.component) == {1, 2, 3}
    for row in table.itertuples():
        own = deltas[:, names.index(row.aspect), row.component - 1]
        assert row.delta == pytest.approx(own.mean()) and row.low <= row.delta <= row.high
    assert list(table[table.p <= 0.05].itertuples())[0][1:3] == ("pattern", 3)
