"""A trace holds what the search and the model say, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hug.calibration import NAMES, Calibration, HitModel, log_variance_features
from hug.config import OBJECTIVES
from hug.gaussians import merge
from hug.retrieval.index import Index, SearchOptions
from hug.retrieval.trace import trace
from tests.hug.conftest import noise_pictures, small_model

MODEL = small_model(OBJECTIVES["calibrated"]).eval()
PICTURES = noise_pictures(8)


@pytest.fixture(scope="module")
def index():
    return Index.build(MODEL, PICTURES, meta={"category": ["dress", "shirt"] * 4})


def a_query(words: str = "is red"):
    return MODEL.query([PICTURES[0]], [words])


def test_a_trace_is_the_search_and_the_query(index):
    query = a_query()
    whole = trace(index, query, "is red", SearchOptions(3, exclude=["0"]))
    assert whole.ranking.ids == index.search(query, 3, exclude=["0"]).ids and "0" not in whole.ranking.ids[0]
    assert torch.equal(whole.query.mu, query.mu) and whole.words == "is red"
    assert whole.parts.means.shape == (1, 3, 16) and len(whole.candidates) == 3
    assert whole.percentiles == dict.fromkeys(NAMES) and whole.chance is None


def test_parts_explain_the_ranked_distances(index):
    whole = trace(index, a_query(), options=SearchOptions(5))
    torch.testing.assert_close(whole.parts.total, whole.ranking.distances)


def test_options_reach_the_search(index):
    options = SearchOptions(8, exclude=["1"], where={"category": "shirt"}, use_var=False)
    few = trace(index, a_query(""), "", options)
    assert sorted(few.ranking.ids[0]) == ["3", "5", "7"] and len(few.candidates) == 3 and few.options is options
    one = trace(index, a_query(""), "", SearchOptions(8, components=[4]))
    torch.testing.assert_close(
        one.ranking.distances, one.parts.components[..., 4] + index.gaussians.bias[one.ranking.positions]
    )


def test_means_are_the_mean_variances_and_the_merge_is_the_papers_overall(index):
    whole = trace(index, a_query())
    assert whole.means["t"] == pytest.approx(float(whole.query.var_t.mean()))
    assert whole.means["q"] == pytest.approx(float(whole.query.overall))


@pytest.mark.parametrize(
    ("options", "few"),
    [
        (SearchOptions(3), False),
        (SearchOptions(3, exclude=["1"]), True),
        (SearchOptions(8, where={"category": "dress"}), True),
        (SearchOptions(1, where=np.arange(8) < 1), True),
    ],
)
def test_no_chance_is_told_where_all_candidates_are_among_the_first(index, options: SearchOptions, few: bool):
    """The calibration here is of the first seven."""
    calibration = calibrated(index)
    answer = trace(index, a_query(), "is red", options, calibration)
    assert answer.few is few and (answer.chance is None) is few
    plain = trace(index, a_query(), "is red", options)
    assert answer.ranking.ids == plain.ranking.ids and torch.equal(answer.ranking.distances, plain.ranking.distances)
    assert len(answer.candidates) == len(plain.candidates) and not plain.few


def calibrated(index) -> Calibration:
    """Half of the validation queries below the query `is red`, which has a chance of one half."""
    first = trace(index, a_query())
    at = log_variance_features(first.query)[0]
    values = {name: np.sort([first.means[name] * f for f in (0.5, 0.9, 1.1, 2.0)]) for name in NAMES}
    return Calibration(HitModel((-1.0,) * len(at), tuple(at), (1.0,) * len(at), (-1.0, 1.0), (0.2, 0.8)), 7, values)


def test_calibration_gives_percentiles_and_a_chance(index):
    whole = trace(index, a_query(), calibration=calibrated(index))
    assert whole.percentiles == dict.fromkeys(NAMES, 50.0)
    assert whole.chance == pytest.approx(0.5, abs=1e-3)


def test_another_merge_moves_no_rank_and_has_no_percentile(index):
    query, calibration = a_query(), calibrated(index)
    own, static = (trace(index, query, "", SearchOptions(8, dynamic=d), calibration) for d in (None, False))
    assert static.ranking.ids == own.ranking.ids and static.chance == own.chance
    assert torch.equal(static.query.var, merge(query.var_r, query.var_t, query.var_m, dynamic=False)[0])
    assert static.percentiles == {**own.percentiles, "q": None}
