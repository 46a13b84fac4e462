from __future__ import annotations

import numpy as np
import pytest

from analysis import query, standing
from analysis.session import Session
from hug.retrieval.trace import QueryTrace


def test_the_sources_are_those_of_the_split(session: Session, trace: QueryTrace) -> None:
    found, split = standing.sources(trace.query, trace.words, session.calibration), query.split(trace)
    for column in ("source", "name", "variance", "percentile"):
        assert found[column].tolist() == pytest.approx(split[column].tolist()) or found[column].equals(split[column])
    assert standing.draw_sources(found).data[0].x.tolist() == pytest.approx(split.percentile.tolist())


def test_no_words_are_the_vaguest_and_without_calibration_nothing_is_known(session: Session, trace: QueryTrace) -> None:
    assert standing.sources(trace.query, "", session.calibration).percentile[1] == 100
    assert standing.sources(trace.query, "", None).percentile.isna().all()


def test_components_stand_where_counting_puts_them(session: Session, trace: QueryTrace) -> None:
    found = standing.components(session.index, trace.query).set_index("component")
    own, gallery = trace.query.var_r[0].mean(-1), session.index.gaussians.var.mean(-1)
    for component in found.index:
        theirs = gallery[:, component - 1]
        below = sum(float(v) < float(own[component - 1]) for v in theirs)
        same = sum(float(v) == float(own[component - 1]) for v in theirs)
        assert found.percentile[component] == pytest.approx(100 * (below + same / 2) / len(theirs))
    assert np.all(np.diff(standing.components(session.index, trace.query).percentile) <= 0)
