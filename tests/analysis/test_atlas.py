from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis import atlas
from analysis.workbench import Workbench
from hug.trace import QueryTrace


@pytest.fixture(scope="module")
def where(bench: Workbench) -> pd.DataFrame:
    """Coordinates that tell which picture they belong to, in another order than the gallery's."""
    rows = [(c, id, n + 100 * c, -n) for c in (0, 2) for n, id in enumerate(bench.index.ids)]
    return pd.DataFrame(rows, columns=["component", "id", "x", "y"]).sample(frac=1, random_state=0)


def test_a_point_is_its_picture_under_every_filter_and_colouring(bench: Workbench, where: pd.DataFrame) -> None:
    for component in (0, 2):
        truth = where[where.component == component].set_index("id")
        for category in ("", *bench.categories):
            for colouring in atlas.colourings(bench.index):
                shown = atlas.points(where, bench.index, component, category, colouring)
                figure = atlas.draw(shown, colouring)
                drawn = [(id, x, y) for t in figure.data for id, x, y in zip(t.customdata, t.x, t.y, strict=True)]
                assert sorted(i for i, _, _ in drawn) == sorted(bench.ids(category))
                assert all((x, y) == tuple(truth.loc[id, ["x", "y"]]) for id, x, y in drawn)


def test_a_point_has_the_colour_of_its_own_value(bench: Workbench, where: pd.DataFrame) -> None:
    shown = atlas.points(where, bench.index, 0, "", atlas.OVERALL).set_index("id")
    third = atlas.points(where, bench.index, 0, "", f"{atlas.COMPONENT}3").set_index("id")
    category = atlas.points(where, bench.index, 0, "", "category").set_index("id")
    for n, id in enumerate(bench.index.ids):
        assert shown.value[id] == pytest.approx(float(bench.index.gaussians.overall[n]))
        assert third.value[id] == pytest.approx(float(bench.index.gaussians.var[n, 2].mean()))
        assert category.value[id] == bench.category(id)


def test_a_query_is_placed_at_the_mean_of_its_nearest(bench: Workbench, where: pd.DataFrame, trace: QueryTrace) -> None:
    placed = atlas.place(where, bench.index, trace.query, 0)
    nearest = np.argsort(bench.index.distances(trace.query)[0].numpy(), kind="stable")[: atlas.NEAREST]
    assert placed.ids == tuple(bench.index.ids[n] for n in nearest)
    assert (placed.x, placed.y) == pytest.approx((nearest.mean(), -nearest.mean()))
    one = atlas.place(where, bench.index, trace.query, 2)
    alone = np.argsort(bench.index.distances(trace.query, components=[1])[0].numpy(), kind="stable")[: atlas.NEAREST]
    assert one.ids == tuple(bench.index.ids[n] for n in alone)
    assert "approximation" in atlas.say(atlas.points(where, bench.index, 0, "", "category"), "category", 0, placed)


def test_the_query_and_its_results_are_drawn(bench: Workbench, where: pd.DataFrame, trace: QueryTrace) -> None:
    shown = atlas.points(where, bench.index, 0, "", "category")
    results = tuple(trace.ranking.ids[0])
    figure = atlas.draw(shown, "category", atlas.place(where, bench.index, trace.query, 0), results, "noise/0")
    named = {t.name: t for t in figure.data}
    assert set(named["results"].customdata) == set(results)
    assert list(named["reference"].customdata) == ["noise/0"]
    assert len(named["query"].x) == 1
    first = list(named["results"].customdata).index(results[0])
    assert "1. result" in named["results"].text[first]


def test_neighbours_leave_the_picture_itself_out_and_come_nearest_first(bench: Workbench) -> None:
    found = atlas.neighbours(bench.index, "noise/3")
    assert "noise/3" not in set(found.id) and len(found) == atlas.NEAREST
    assert found.distance.is_monotonic_increasing
    with pytest.raises(ValueError, match="no picture"):
        atlas.neighbours(bench.index, "elsewhere")


def test_what_does_not_exist_is_refused(bench: Workbench, where: pd.DataFrame) -> None:
    for component, category, colouring in ((1, "", "category"), (0, "hat", "category"), (0, "", "fabric")):
        with pytest.raises(ValueError, match="there is no"):
            atlas.points(where, bench.index, component, category, colouring)


def test_pictures_that_the_gallery_lacks_are_left_out(bench: Workbench, where: pd.DataFrame) -> None:
    more = pd.concat([where, pd.DataFrame([(0, "elsewhere", 1.0, 1.0)], columns=where.columns)])
    assert "elsewhere" not in set(atlas.points(more, bench.index, 0, "", "category").id)
