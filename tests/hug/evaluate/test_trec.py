"""Runs that others sort keep the order that they had here, ties too."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hug.config import OBJECTIVES
from hug.data import cirr
from hug.data.features import evaluation_features
from hug.evaluate.protocols import PROTOCOLS
from hug.evaluate.rank_files import read_answers
from hug.evaluate.ranking import RankedSplit, rank_split
from hug.evaluate.trec import QRELS, RUN, check_ids, qrels_of, run_of, write_trec
from tests.hug.conftest import small_model
from tests.hug.evaluate.trees import cirr_tree

CIRR = PROTOCOLS["cirr-val"]


@pytest.fixture(scope="module")
def ranking(tmp_path_factory: pytest.TempPathFactory) -> RankedSplit:
    root = cirr_tree(tmp_path_factory.mktemp("cirr"), pictures=True)
    model = small_model(OBJECTIVES["calibrated"]).eval()
    return rank_split(
        model, evaluation_features(cirr.read(root, "val"), model.backbone, root / "cache", CIRR.text), CIRR
    )


@given(arrays(np.float32, (8, 60), elements=st.sampled_from([0.0, 0.5, 0.5000001, 3.0, 1e30])))
def test_scores_fall_strictly_in_the_order_of_the_ranking(ranking: RankedSplit, distances: np.ndarray):
    part = ranking.categories[0]
    tied = dataclasses.replace(part, distances=part.queries.without_references(distances.copy()))
    run = run_of(dataclasses.replace(ranking, categories=(tied,)), 20)
    for n, id in enumerate(part.queries.ids):
        order = [i for i in np.argsort(distances[n], kind="stable") if i != part.queries.places[n]][:20]
        assert list(run[id]) == [part.gallery[i] for i in order]
        scores = np.array(list(run[id].values()), np.float32)
        assert (np.diff(scores) < 0).all() and scores == pytest.approx(-distances[n, order], rel=1e-5, abs=1e-40)


def test_a_written_run_is_scored_as_it_was_ranked(ranking: RankedSplit, tmp_path: Path):
    write_trec(ranking, tmp_path, 100)
    part = ranking.categories[0]
    answers = read_answers([tmp_path / RUN], [part.queries], ranking.protocol)
    assert np.array_equal(answers.ranks[0], part.ranks) and answers.subset is not None
    assert np.array_equal(answers.subset[0], ranking.subset_ranks)
    lines = [line.split() for line in (tmp_path / RUN).read_text().splitlines()]
    assert len(lines) == 8 * 59 and {len(line) for line in lines} == {6} and lines[0][:2] == ["100", "Q0"]
    assert [line[3] for line in lines[:59]] == [str(n) for n in range(1, 60)]
    grades = [line.split() for line in (tmp_path / QRELS).read_text().splitlines()]
    assert grades[0] == ["100", "0", "p1", "1"] and len(grades) == 8
    found = sum(next(iter(ids)) in run_of(ranking, 10)[id] for id, ids in qrels_of(ranking).items())
    assert found == (part.ranks <= 10).sum()


def test_what_trec_cannot_hold_is_refused(ranking: RankedSplit):
    with pytest.raises(ValueError, match="'my shop' has a blank in it"):
        check_ids(dataclasses.replace(ranking.collection, galleries={"my shop": ("a",)}))
    with pytest.raises(ValueError, match="k must be at least 1"):
        run_of(ranking, 0)
