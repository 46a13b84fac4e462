from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from analysis import query as study
from analysis.session import Session
from hug.retrieval.trace import QueryTrace
from tests.small import constant


def table(r: float, t: float, m: float) -> pd.DataFrame:
    rows = [("r", "picture", 0.1, r), ("t", "words", 0.1, t), ("m", "fit", 0.1, m), ("q", "overall", 0.1, 99.0)]
    return pd.DataFrame(rows, columns=["source", "name", "variance", "percentile"])


def test_the_split_has_the_mean_variances_and_their_percentiles(trace: QueryTrace) -> None:
    split = study.split(trace)
    assert list(split.name) == ["picture", "words", "fit", "overall"]
    assert split.variance.tolist() == pytest.approx([trace.means[n] for n in "rtmq"])
    assert split.percentile.tolist() == pytest.approx((100 * split.variance).tolist(), abs=0.1)


def test_no_words_are_the_vaguest_words(session: Session) -> None:
    split = study.split(session.trace(session.picture("noise/0"), " \n"))
    assert split.percentile[split.source == "t"].item() == 100
    assert study.verdict(split) == "t"


def test_without_calibration_nothing_is_claimed(trace: QueryTrace) -> None:
    bare = dataclasses.replace(trace, words="", percentiles=dict.fromkeys("rtmq"))
    split = study.split(bare)
    assert split.percentile.isna().all()
    assert study.verdict(split) is None


@pytest.mark.parametrize(
    ("percentiles", "untrusted", "expected"),
    [
        ((90, 85, 10), (), "r"),
        ((90, 95, 10), (), "t"),
        ((10, 20, 86), (), "m"),
        ((10, 20, 85), (), ""),  # nothing above the 85th
        ((10, 20, 99), ("m",), ""),  # at chance on the test split: never named
        ((90, 20, 99), ("m",), "r"),
        ((99, 99, 99), ("r", "t", "m"), None),
    ],
)
def test_the_sentence_follows_the_highest_percentile(
    percentiles: tuple[float, float, float], untrusted: tuple[str, ...], expected: str | None
) -> None:
    assert study.verdict(table(*percentiles), untrusted) == expected


def test_component_variances_average_to_the_split(trace: QueryTrace) -> None:
    variances, split = study.variances(trace), study.split(trace)
    assert variances.component.tolist() == list(range(1, 17))
    for name, mean in zip(split.name, split.variance, strict=True):
        assert variances[name].mean() == pytest.approx(mean, rel=1e-5)


def test_weights_sum_to_one_and_their_differences_to_zero(trace: QueryTrace) -> None:
    weights = study.weights(trace).groupby("component")
    assert np.allclose(weights.weight.sum(), 1)
    assert np.allclose(weights.difference.sum(), 0, atol=1e-6)


def test_results_are_the_ranking_with_each_picture_s_own_doubt(session: Session, trace: QueryTrace) -> None:
    results = study.results(trace)
    assert results["rank"].tolist() == [1, 2, 3, 4, 5]
    assert results.distance.is_monotonic_increasing
    assert results.distance.tolist() == pytest.approx(trace.parts.total[0].tolist(), rel=1e-4)
    places = [session.index.ids.index(i) for i in results.id]
    assert results.uncertainty.tolist() == pytest.approx(session.index.gaussians.overall[places].tolist())


def test_variances_are_drawn_as_a_row_a_source_in_its_colour(trace: QueryTrace) -> None:
    figure = study.draw_variances(study.variances(trace))
    assert [bar.name for bar in figure.data] == ["picture", "words", "fit", "overall"]
    assert [bar.marker.color for bar in figure.data][:3] == ["#0072B2", "#E69F00", "#009E73"]
    assert all(list(bar.x) == list(range(1, 17)) for bar in figure.data)
    assert {axis.rangemode for axis in figure.select_yaxes()} == {"tozero"}


def test_weights_are_drawn_as_a_map_centred_at_zero(trace: QueryTrace) -> None:
    weights = study.weights(trace)
    drawn = study.draw_weights(weights).data[0]
    assert np.shape(drawn.z) == (3, 16)
    assert list(drawn.y) == ["picture", "words", "fit"]
    assert drawn.zmin == -drawn.zmax
    first = weights[(weights.source == "words") & (weights.component == 1)].difference.item()
    assert drawn.z[1][0] == pytest.approx(first)


def test_validation_is_counted_on_a_log_scale() -> None:
    values = np.array([0.001, 0.002, 0.2, 1.0])
    calibration = constant(0.5, {"t": values})
    shares, low, high = study.validation(calibration, "t", bins=3)
    assert shares.tolist() == [0.5, 0.0, 0.5]  # a bin is a factor of ten wide
    assert (low, high) == pytest.approx((np.log(0.001), 0))


def test_merges_are_both_there_whatever_is_asked(session: Session) -> None:
    picture = session.picture("noise/0")
    tables = [study.merges(session.trace(picture, "red", session.search(dynamic=dynamic))) for dynamic in (True, False)]
    pd.testing.assert_frame_equal(*tables)
    static = tables[0].set_index("fusion").loc["static"]
    assert static.least == pytest.approx(1 / 3) and static.most == pytest.approx(1 / 3)
    assert tables[0].overall[0] <= static.overall  # dynamic weights favour the surer source


def test_moves_are_places_gained() -> None:
    assert study.moves(["a", "b", "c"], ["c", "a", "x"]) == [2, -1, None]
    assert study.moves(None, ["a"]) == [None] and study.moves([], ["a"]) == [None]


def test_percentiles_are_drawn_as_they_are(trace: QueryTrace) -> None:
    split = study.split(trace)
    assert study.draw_split(split).data[0].x.tolist() == pytest.approx(split.percentile.tolist())


def test_components_have_the_percentile_that_counting_gives(session: Session, trace: QueryTrace) -> None:
    percentiles = study.gallery_percentiles(session.index, trace.query).set_index("component")
    own, gallery = trace.query.var_r[0].mean(-1), session.index.gaussians.var.mean(-1)
    for component in percentiles.index:
        theirs = gallery[:, component - 1]
        below = sum(float(v) < float(own[component - 1]) for v in theirs)
        same = sum(float(v) == float(own[component - 1]) for v in theirs)
        assert percentiles.percentile[component] == pytest.approx(100 * (below + same / 2) / len(theirs))
    assert np.all(np.diff(study.gallery_percentiles(session.index, trace.query).percentile) <= 0)
