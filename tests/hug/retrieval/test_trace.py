"""A trace holds what the search and the model say, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hug.calibration import HitModel, log_variance_features
from hug.config import OBJECTIVES
from hug.retrieval.index import Index
from hug.retrieval.trace import NAMES, Calibration, trace, traced
from tests.hug.conftest import noise_pictures, small_model


@pytest.fixture(scope="module")
def parts():
    model = small_model(OBJECTIVES["calibrated"]).eval()
    pictures = noise_pictures(8)
    return model, Index.build(model, pictures, meta={"category": ["dress", "shirt"] * 4}), pictures


def test_a_trace_is_the_search_and_the_query(parts):
    model, index, pictures = parts
    found = trace(model, index, pictures[0], "is red", k=3, exclude="0")
    query = model.query([pictures[0]], ["is red"])
    assert found.ranking.ids == index.search(query, 3, exclude=["0"]).ids and "0" not in found.ranking.ids[0]
    assert torch.equal(found.query.mu, query.mu) and found.words == "is red"
    assert found.parts.means.shape == (1, 3, 16) and len(found.candidates) == 3
    assert found.percentiles == dict.fromkeys(NAMES) and found.chance is None


def test_parts_explain_the_shown_distances(parts):
    model, index, pictures = parts
    found = trace(model, index, pictures[0], "is red", k=5)
    torch.testing.assert_close(found.parts.total, found.ranking.distances)


def test_filters_reach_the_search(parts):
    model, index, pictures = parts
    found = trace(model, index, pictures[0], "", k=8, exclude=["1"], where={"category": "shirt"}, use_var=False)
    assert sorted(found.ranking.ids[0]) == ["3", "5", "7"] and len(found.candidates) == 3
    one = trace(model, index, pictures[0], "", k=8, components=[4])
    torch.testing.assert_close(
        one.ranking.distances, one.parts.components[..., 4] + index.gaussians.bias[one.ranking.positions]
    )


def test_an_encoded_query_gives_the_same_trace(parts):
    model, index, pictures = parts
    whole = trace(model, index, pictures[0], "is red", k=4, exclude="0", components=[3, 1], use_var=False)
    query = model.query([pictures[0]], ["is red"])
    again = traced(index, query, "is red", 4, exclude="0", components={1, 3}, use_var=False)
    assert again.ranking.ids == whole.ranking.ids and torch.equal(again.ranking.distances, whole.ranking.distances)
    assert (again.components, again.use_var) == (whole.components, whole.use_var) == ((1, 3), False)
    assert (traced(index, query, "is red").components, traced(index, query, "is red").use_var) == (None, True)


def test_means_are_the_mean_variances_and_the_merge_is_the_papers_overall(parts):
    model, index, pictures = parts
    found = trace(model, index, pictures[0], "is red")
    assert found.means["t"] == pytest.approx(float(found.query.var_t.mean()))
    assert found.means["q"] == pytest.approx(float(found.query.overall))


def test_calibration_gives_percentiles_and_a_chance(parts):
    model, index, pictures = parts
    first = trace(model, index, pictures[0], "is red")
    plain, at = first.means, log_variance_features(first.query)[0]
    values = {name: np.sort([plain[name] * f for f in (0.5, 0.9, 1.1, 2.0)]) for name in NAMES}
    doubt = HitModel((-1.0,) * len(at), tuple(at), (1.0,) * len(at), (-1.0, 1.0), (0.2, 0.8))
    found = trace(model, index, pictures[0], "is red", calibration=Calibration(doubt, 10, values))
    assert found.percentiles == dict.fromkeys(NAMES, 50.0)
    assert found.chance == pytest.approx(0.5, abs=1e-3)


def test_an_index_of_other_weights_is_refused(parts):
    _, index, pictures = parts
    with pytest.raises(ValueError, match="made by the weights"):
        trace(small_model(OBJECTIVES["paper"]).eval(), index, pictures[0], "x")
