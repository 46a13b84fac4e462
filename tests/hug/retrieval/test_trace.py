"""A trace holds what the search and the model say, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from hug.calibration import NAMES, Calibration
from hug.config import OBJECTIVES
from hug.gaussians import merge
from hug.novelty import Neighbours, Novelty
from hug.retrieval.index import Index, SearchOptions
from hug.retrieval.trace import ELSEWHERE, STRANGE, reasons_before, trace
from tests.hug.conftest import noise_pictures, small_model
from tests.small import constant

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


def calibrated(index) -> Calibration:
    """Half of the validation queries below the query `is red`; every query has a chance of one half."""
    first = trace(index, a_query())
    values = {name: np.sort([first.means[name] * f for f in (0.5, 0.9, 1.1, 2.0)]) for name in NAMES}
    return constant(0.5, values, within=6, size=8)


def test_calibration_gives_percentiles_a_chance_and_a_set(index):
    whole = trace(
        index, a_query(), "is red", SearchOptions(3, where={"category": ["dress", "shirt"]}), calibrated(index)
    )
    assert whole.percentiles == dict.fromkeys(NAMES, 50.0) and whole.chance == 0.5
    held = whole.certainty.answer_set
    assert held is not None and held.level == 0.9 and len(whole.ranking.ids[0]) == 3
    posterior = whole.certainty.posterior
    assert posterior is not None and posterior.probability.shape == (1, 8)
    before = posterior.mass[0] - posterior.probability[0]
    assert held.size == (before < 0.45).sum()  # the mass that `constant` gives a set of 0.9
    wider = trace(index, a_query(), "is red", SearchOptions(3), calibrated(index), level=0.99)
    assert wider.certainty.answer_set.size >= held.size


@pytest.mark.parametrize(
    ("options", "words", "reasons", "reason"),
    [
        (SearchOptions(3, where={"category": "dress"}), "is red", (), "all of them are among the first"),
        (SearchOptions(1, where=np.arange(8) < 1), "is red", (), "all of them are among the first"),
        (SearchOptions(3, components=[1, 2]), "is red", (), "sub-features are left out"),
        (SearchOptions(3, use_var=False), "is red", (), "variance is left out"),
        (SearchOptions(3), " ", (), "no words were given"),
        (SearchOptions(3), "is red", ("the gallery is of another kind",), "another kind"),
    ],
)
def test_where_nothing_holds_nothing_is_promised(index, options: SearchOptions, words: str, reasons, reason: str):
    answer = trace(index, a_query(), words, options, calibrated(index), reasons)
    assert answer.chance is None and answer.certainty.answer_set is None
    assert any(reason in clause for clause in answer.certainty.withheld)
    plain = trace(index, a_query(), words, options)
    assert answer.ranking.ids == plain.ranking.ids and torch.equal(answer.ranking.distances, plain.ranking.distances)
    assert len(answer.candidates) == len(plain.candidates) and "calibration" in plain.certainty.withheld[0]


def test_a_larger_gallery_than_was_measured_has_no_chance(index):
    values = {name: np.array([0.1]) for name in NAMES}
    answer = trace(index, a_query(), "is red", SearchOptions(2), constant(0.5, values, within=2, size=4))
    assert answer.chance is None and "galleries up to 6" in answer.certainty.withheld[0]


def test_a_picture_of_another_kind_has_no_chance(index):
    known = np.asarray(
        torch.randn(400, 3).numpy() @ np.random.default_rng(0).standard_normal((3, index.gaussians.mu[0].numel()))
    )
    strange = replace(calibrated(index), novelty=Novelty.fit(known))
    answer = trace(index, a_query(), "is red", SearchOptions(2), strange)
    assert answer.chance is None and "of another kind" in answer.certainty.withheld[0]
    own = replace(strange, novelty=Novelty(np.zeros(known.shape[1]), np.zeros((1, known.shape[1])), 1e9))
    assert trace(index, a_query(), "is red", SearchOptions(2), own).chance == 0.5


def test_another_merge_moves_no_rank_and_has_no_percentile(index):
    query, calibration = a_query(), calibrated(index)
    own, static = (trace(index, query, "is red", SearchOptions(8, dynamic=d), calibration) for d in (None, False))
    assert static.ranking.ids == own.ranking.ids and static.chance == own.chance
    assert torch.equal(static.query.var, merge(query.var_r, query.var_t, query.var_m, dynamic=False)[0])
    assert static.percentiles == {**own.percentiles, "q": None}


def test_what_is_known_beforehand_has_one_reason_a_kind(monkeypatch: pytest.MonkeyPatch):
    backbone = MODEL.backbone
    tokens, words, query = backbone.images(PICTURES[:1]), backbone.words(["is red"]).mean.numpy(), a_query()
    asked, red = (backbone, tokens, query), backbone.words(["is red"])
    elsewhere = Calibration(1.0, {}, "w", wording=Neighbours.of(-words, 0.5))
    assert reasons_before(None, False, *asked, "is red", red) == []
    assert reasons_before(elsewhere, True, *asked, "is red", red) == [STRANGE, ELSEWHERE]
    assert reasons_before(elsewhere, False, *asked, " ", backbone.words([" "])) == []
    known = Calibration(1.0, {}, "w", wording=Neighbours.of(words, 0.5))
    assert reasons_before(known, False, *asked, "is red", red) == []
    assert reasons_before(replace(known, garments=1e9), False, *asked, "is red", red) == []  # it has no classifier
    monkeypatch.setattr(type(backbone), "classify", lambda self, tokens: torch.zeros(1, 1000), raising=False)
    (reason,) = reasons_before(replace(known, garments=1e9), False, *asked, "is red", red)
    assert reason.startswith("the picture looks like")
    assert reasons_before(replace(known, garments=-1e9), False, *asked, "is red", red) == []
