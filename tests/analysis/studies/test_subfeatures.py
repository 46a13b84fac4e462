"""A planted truth is found and noise is not; a picture's id stays its own under every filter and order."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import f_oneway, pearsonr
from sklearn.feature_selection import f_classif

from analysis.ground import Ground, Skipped
from analysis.studies.subfeatures import (
    attributes,
    intervention_table,
    levels,
    say_tracking,
    similar,
    similar_table,
    top_bottom,
    tracking_table,
)
from hug.data.garments import ASPECTS, VALUES
from hug.evaluate.subfeatures import (
    CONTROL,
    DEGRADED,
    attributes_explained,
    component_levels,
    eta_squared,
    responses,
    tracked,
)
from hug.gaussians import Gaussians
from hug.retrieval.index import Index
from tests.hug.evaluate.test_subfeatures import long_table


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
    explained = attributes_explained(truth, component_levels(gaussians.var), ASPECTS, 399)
    deltas = rng.normal(0.2, 0.5, (30, len(ASPECTS), k))  # every removal moves every component a little
    deltas[:, ASPECTS.index("colour"), 0] += effect
    return tracking_table(responses(long_table(deltas), 399), explained.assign(component=explained.component + 1))


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
    assert "colour by component 2" in say_tracking(table) and "No component tracks pattern" in say_tracking(table)


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


def test_responses_agree_with_the_best_that_the_evaluation_tells() -> None:
    deltas = np.random.default_rng(3).normal(0, 1, (25, 8, 5))
    deltas[:, 1, 4] += 2
    table = long_table(deltas, (*ASPECTS, CONTROL + "colour", DEGRADED))
    every, best = responses(table, 499), tracked(table, 499)
    for row in best.itertuples():
        same = every[(every.aspect == row.aspect) & (every.component == row.component)].iloc[0]
        for name in ("delta", "next_delta", "margin", "p", "degraded"):
            assert getattr(row, name) == pytest.approx(same[name])
        assert row.tracked == every[every.aspect == row.aspect].tracked.any()


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


def test_eta_squared_is_the_f_test_s() -> None:
    rng = np.random.default_rng(0)
    labels, values = rng.choice(["a", "b", "c"], 90), rng.normal(0, 1, (90, 4))
    values[:, 0] += labels == "a"
    found = eta_squared(labels, values, 999)
    f, p = f_classif(values, labels)
    np.testing.assert_allclose(found.eta2 / 2 / ((1 - found.eta2) / 87), f)
    np.testing.assert_allclose(found.p, p, atol=0.04)
    assert f_oneway(*(values[labels == g, 1] for g in "abc")).statistic == pytest.approx(f[1])


def test_the_most_alike_components_are_those_of_scipy() -> None:
    values = np.random.default_rng(0).normal(0, 1, (50, 8))
    values[:, 5] = values[:, 2] + 0.01 * values[:, 5]
    values[:, 7] = 1.0
    table = similar_table(values)
    assert table.groupby("component").size().eq(5).all() and (table.component != table.other).all()
    for row in table[~(table[["component", "other"]] == 8).any(axis=1)].itertuples():
        own, other = values[:, row.component - 1], values[:, row.other - 1]
        assert row.correlation == pytest.approx(pearsonr(own, other).statistic)
    assert table[table.component == 3].other.iloc[0] == 6
    assert (table[table.component == 8].correlation == 0).all()
    assert table.groupby("component").correlation.apply(lambda c: c.is_monotonic_decreasing).all()


# ---- pictures of one component ----


@pytest.fixture(scope="module")
def index() -> Index:
    rng = np.random.default_rng(0)
    var = torch.from_numpy(rng.integers(1, 6, (41, 3, 2)) / 8).float()  # few distinct values: many ties
    meta = {"category": [str(c) for c in rng.choice(["dress", "shirt", "toptee"], 41, p=[0.6, 0.35, 0.05])]}
    return Index([f"p{n}" for n in rng.permutation(41)], Gaussians(torch.zeros_like(var), var, torch.zeros(41)), meta)


@pytest.mark.parametrize("category", [None, "", "dress", "shirt"])
@pytest.mark.parametrize("component", [0, 1, 3])
@pytest.mark.parametrize("leave_out", [0.0, 0.2, 0.77])
def test_ids_and_values_belong_together_under_every_filter(
    index: Index, category: str | None, component: int, leave_out: float
) -> None:
    """A readable loop over the gallery finds the same pictures in the same order."""
    var = index.gaussians.var.numpy()
    value = var.mean((1, 2)) if component == 0 else var[:, component - 1].mean(1)
    overall = {i: v for i, v in zip(index.ids, var.mean((1, 2)), strict=True)}
    own = {i: v for i, v in zip(index.ids, value, strict=True)}
    group = [i for i, c in zip(index.ids, index.meta["category"], strict=True) if not category or c == category]
    kept = sorted(group, key=lambda i: overall[i])[: len(group) - int(leave_out * len(group))]
    kept = [i for i in index.ids if i in kept]

    table = levels(index, component, category, leave_out)
    assert list(table.id) == kept
    assert all(
        r.value == pytest.approx(own[r.id]) and r.overall == pytest.approx(overall[r.id]) for r in table.itertuples()
    )

    for count in (1, 4, 100):
        ends = top_bottom(index, category, component, leave_out, count)
        highest, lowest = ends[ends.end == "highest"], ends[ends.end == "lowest"]
        assert list(highest.id) == sorted(kept, key=lambda i: -own[i])[: min(count, (len(kept) + 1) // 2)]
        rest = [i for i in sorted(kept, key=lambda i: own[i]) if i not in set(highest.id)]
        assert list(lowest.id) == rest[: min(count, len(kept) // 2)]
        assert all(r.value == pytest.approx(own[r.id]) for r in ends.itertuples())
        assert list(highest.place) == list(range(1, len(highest) + 1))
        if len(lowest):
            assert highest.value.min() >= lowest.value.max()


def test_ties_keep_the_gallery_s_order() -> None:
    var = torch.full((6, 2, 1), 0.5)
    index = Index(list("fedcba"), Gaussians(torch.zeros_like(var), var, torch.zeros(6)))
    ends = top_bottom(index, None, 1, leave_out=0.34, count=2)
    assert list(levels(index, 1, leave_out=0.34).id) == ["f", "e", "d", "c"]  # of equal ones the later go
    assert list(ends.id) == ["f", "e", "d", "c"]


def test_one_picture_is_at_one_end_only(index: Index) -> None:
    alone = Index(["x"], index.gaussians[[0]], {"category": ["dress"]})
    assert list(top_bottom(alone, "dress", 1, 0.9).end) == ["highest"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((None, 4), "choose one of 1-3"), ((None, -1), "choose one of 1-3"), (("hat", 1), "no category 'hat'"),
        ((None, 1, 1.0), r"\[0, 1\)"), ((None, 1, -0.1), r"\[0, 1\)"), ((None, 1, 0.2, 0), "at least 1"),
    ],
)  # fmt: skip
def test_what_does_not_exist_is_refused(index: Index, arguments: tuple, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        top_bottom(index, *arguments)


def test_attributes_are_those_of_the_gallery_s_clean_pictures(gallery_only: Ground) -> None:
    table, index = attributes(gallery_only), gallery_only.index
    clean = [n for n, fault in enumerate(index.meta["degradation"]) if fault == "none"]
    assert 0 < len(clean) < len(index) and list(gallery_only.clean) == clean
    codes = np.array(index.meta["category"])[clean]
    for aspect in ("colour", "logo"):
        values = component_levels(index.gaussians.var[clean])
        own = eta_squared(np.array(index.meta[aspect])[clean], values, 0, strata=codes)
        np.testing.assert_allclose(table[table.attribute == aspect].eta2, own.eta2)


def test_a_gallery_without_labels_is_skipped_with_the_reason(gallery_only: Ground, studied: object) -> None:
    bare = Index(
        gallery_only.index.ids, gallery_only.index.gaussians, {"category": gallery_only.index.meta["category"]}
    )
    ground = Ground(gallery_only.model, gallery_only.folder, bare)
    with pytest.raises(Skipped, match="no labels of attributes"):
        attributes(ground)
    assert len(similar(ground)) == 5 * gallery_only.model.config.components
