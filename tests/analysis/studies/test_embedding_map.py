"""Coordinates: the same every time, alike on both axes, and neighbours stay neighbours."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from analysis.experiments import Experiments, Skipped
from analysis.studies import embedding_map
from analysis.studies.embedding_map import layout, measure, squared


def clusters() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(0, 1, (20, 30)), rng.normal(9, 1, (20, 30))])


def test_coordinates_keep_their_proportions() -> None:
    found = squared(np.array([[0.0, 10.0], [4.0, 12.0], [2.0, 11.0]]))
    assert found.tolist() == [[0, 0.25], [1, 0.75], [0.5, 0.5]]
    assert np.isfinite(squared(np.ones((5, 2)))).all()


def test_umap_keeps_neighbours_together_and_is_the_same_every_time() -> None:
    found = layout(clusters())
    near = np.linalg.norm(found[:, None] - found[None], axis=-1)
    same = np.arange(40)[:, None] // 20 == np.arange(40) // 20
    np.fill_diagonal(near, np.inf)
    assert same[np.arange(40), near.argmin(1)].all()
    np.testing.assert_array_equal(found, layout(clusters()))


def test_every_component_has_a_place_for_every_picture(
    gallery_only: Experiments, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of its own means: two of their axes stand for UMAP, which the tests beside look at."""
    monkeypatch.setattr(embedding_map, "layout", lambda means: means[:, :2])
    table, index = measure(gallery_only), gallery_only.index
    k = gallery_only.model.config.components
    assert len(table) == len(index) * (k + 1) and set(table.component) == set(range(k + 1))
    for _, part in table.groupby("component"):
        assert list(part.id) == index.ids and part[["x", "y"]].to_numpy().min() >= 0 and part.x.max() <= 1
    second = squared(index.gaussians.mu[:, 1, :2].numpy())
    np.testing.assert_allclose(table[table.component == 2][["x", "y"]], second)


def test_a_large_gallery_is_laid_out_without_all_its_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    means = np.concatenate([clusters()] * 3)
    near = layout(means)
    monkeypatch.setattr("analysis.studies.embedding_map.EXACT", 10)
    far = layout(means)
    assert far.shape == near.shape and np.isfinite(far).all()


def test_a_map_of_almost_nothing_is_skipped(gallery_only: Experiments) -> None:
    index = gallery_only.index
    few = dataclasses.replace(index, ids=index.ids[:4], gaussians=index.gaussians[:4], meta={}, contents=[])
    with pytest.raises(Skipped, match="fewer than 5"):
        measure(dataclasses.replace(gallery_only, session=dataclasses.replace(gallery_only.session, stored=few)))
