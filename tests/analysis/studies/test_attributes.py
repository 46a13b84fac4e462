"""What a label explains is SciPy's and scikit-learn's; a component that knows the category does not know the length."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.stats import f_oneway, pearsonr
from sklearn.feature_selection import f_classif

from analysis.experiments import Experiments, Skipped, component_levels
from analysis.studies.attributes import (
    clean_levels,
    eta_squared,
    explained,
    measure,
    measure_similar,
    metrics,
    similar_metrics,
    similar_table,
)
from hug.data.garments.attributes import ASPECTS
from hug.retrieval.index import Index
from tests.hug.evaluate import naive


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


def test_all_attributes_are_adjusted_together(experiments: Experiments) -> None:
    labels = experiments.truth.labels[["category", *ASPECTS]]
    rng = np.random.default_rng(0)
    levels = rng.normal(0, 0.1, (len(labels), 3))
    levels[:, 1] += labels.sleeve == "short"
    table = explained(labels, levels, 199)
    assert len(table) == 18 and set(table.attribute) == set(ASPECTS)
    best = table.loc[table.eta2.idxmax()]
    assert (best.attribute, best.component) == ("sleeve", 2) and best.p <= 18 / 200 + 1e-9


def test_the_metrics_are_of_the_clean_pictures_of_all_galleries(experiments: Experiments) -> None:
    ids, levels = clean_levels(experiments)
    assert set(ids) == {i for g in experiments.collection.galleries.values() for i in g} & experiments.truth.clean_ids
    (correlation,) = similar_metrics(experiments, measure_similar(experiments))
    assert correlation.value == pytest.approx(naive.mean_correlation(levels)) and correlation.count == len(ids)
    own = {m.id: m for m in metrics(experiments, measure(experiments))}
    labels = experiments.truth.labels.loc[ids]
    shares = eta_squared(labels.logo.to_numpy(), levels, 0, strata=labels.category.to_numpy())
    assert own["eta2.logo"].value == pytest.approx(shares.eta2.max())
    assert own["followers.logo"].value <= own["followers.logo"].count == levels.shape[1]


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


def test_attributes_are_those_of_the_gallery_s_clean_pictures(gallery_only: Experiments) -> None:
    table, index = measure(gallery_only), gallery_only.index
    clean = [n for n, fault in enumerate(index.meta["degradation"]) if fault == "none"]
    assert 0 < len(clean) < len(index) and list(gallery_only.clean_rows) == clean
    codes = np.array(index.meta["category"])[clean]
    for aspect in ("colour", "logo"):
        values = component_levels(index.gaussians.var[clean])
        own = eta_squared(np.array(index.meta[aspect])[clean], values, 0, strata=codes)
        np.testing.assert_allclose(table[table.attribute == aspect].eta2, own.eta2)


def test_a_gallery_without_labels_is_skipped_with_the_reason(gallery_only: Experiments) -> None:
    index = gallery_only.index
    bare = Index(index.ids, index.gaussians, {"category": index.meta["category"]})
    experiments = Experiments(dataclasses.replace(gallery_only.session, stored=bare))
    with pytest.raises(Skipped, match="no labels"):
        measure(experiments)
    assert len(measure_similar(experiments)) == 5 * gallery_only.model.config.components
