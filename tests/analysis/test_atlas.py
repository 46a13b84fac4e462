from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from analysis import atlas
from analysis.session import Session
from hug.gaussians import distance
from hug.retrieval.trace import QueryTrace


@pytest.fixture(scope="module")
def where(session: Session) -> pd.DataFrame:
    """Coordinates that tell which picture they belong to, in another order than the gallery's."""
    rows = [(c, id, n + 100 * c, -n) for c in (0, 2) for n, id in enumerate(session.index.ids)]
    return pd.DataFrame(rows, columns=["component", "id", "x", "y"]).sample(frac=1, random_state=0)


def test_a_point_is_its_picture_under_every_filter_and_colouring(session: Session, where: pd.DataFrame) -> None:
    for component in (0, 2):
        truth = where[where.component == component].set_index("id")
        for category in ("", *session.categories):
            for colouring in atlas.colourings(session.index):
                shown = atlas.points(where, session.index, component, category, colouring)
                figure = atlas.draw(shown, colouring)
                drawn = [(id, x, y) for t in figure.data for id, x, y in zip(t.customdata, t.x, t.y, strict=True)]
                assert sorted(i for i, _, _ in drawn) == sorted(session.ids(category))
                assert all((x, y) == tuple(truth.loc[id, ["x", "y"]]) for id, x, y in drawn)


def test_a_point_has_the_colour_of_its_own_value(session: Session, where: pd.DataFrame) -> None:
    shown = atlas.points(where, session.index, 0, "", atlas.OVERALL).set_index("id")
    third = atlas.points(where, session.index, 0, "", f"{atlas.COMPONENT}3").set_index("id")
    category = atlas.points(where, session.index, 0, "", "category").set_index("id")
    for n, id in enumerate(session.index.ids):
        assert shown.value[id] == pytest.approx(float(session.index.gaussians.overall[n]))
        assert third.value[id] == pytest.approx(float(session.index.gaussians.var[n, 2].mean()))
        assert category.value[id] == session.category(id)


def test_a_query_is_placed_at_the_mean_of_its_nearest(session: Session, where: pd.DataFrame, trace: QueryTrace) -> None:
    place = atlas.place_of(where, session.index, trace.query, 0)
    nearest = np.argsort(distance(trace.query, session.index.gaussians)[0].numpy(), kind="stable")[: atlas.NEAREST]
    assert place.ids == tuple(session.index.ids[n] for n in nearest)
    assert (place.x, place.y) == pytest.approx((nearest.mean(), -nearest.mean()))
    one = atlas.place_of(where, session.index, trace.query, 2)
    distances = distance(trace.query, session.index.gaussians, components=[1])[0]
    alone = np.argsort(distances.numpy(), kind="stable")[: atlas.NEAREST]
    assert one.ids == tuple(session.index.ids[n] for n in alone)
    assert "approximation" in atlas.say(atlas.points(where, session.index, 0, "", "category"), "category", 0, place)


def test_the_query_and_its_results_are_drawn(session: Session, where: pd.DataFrame, trace: QueryTrace) -> None:
    shown = atlas.points(where, session.index, 0, "", "category")
    results = tuple(trace.ranking.ids[0])
    figure = atlas.draw(shown, "category", atlas.place_of(where, session.index, trace.query, 0), results, "noise/0")
    named = {t.name: t for t in figure.data}
    assert set(named["results"].customdata) == set(results)
    assert list(named["reference"].customdata) == ["noise/0"]
    assert len(named["query"].x) == 1
    first = list(named["results"].customdata).index(results[0])
    assert "1. result" in named["results"].text[first]


def test_neighbours_leave_the_picture_itself_out_and_come_nearest_first(session: Session) -> None:
    near = atlas.neighbours(session.index, "noise/3")
    assert "noise/3" not in set(near.id) and len(near) == atlas.NEAREST
    assert near.distance.is_monotonic_increasing
    with pytest.raises(ValueError, match="no picture"):
        atlas.neighbours(session.index, "elsewhere")


def test_what_does_not_exist_is_refused(session: Session, where: pd.DataFrame) -> None:
    for component, category, colouring in ((1, "", "category"), (0, "hat", "category"), (0, "", "fabric")):
        with pytest.raises(ValueError, match="there is no"):
            atlas.points(where, session.index, component, category, colouring)


def test_pictures_that_the_gallery_lacks_are_left_out(session: Session, where: pd.DataFrame) -> None:
    more = pd.concat([where, pd.DataFrame([(0, "elsewhere", 1.0, 1.0)], columns=where.columns)])
    assert "elsewhere" not in set(atlas.points(more, session.index, 0, "", "category").id)


def test_a_gallery_without_labels_has_a_map(session: Session, where: pd.DataFrame) -> None:
    bare = dataclasses.replace(session.index, meta={})
    shown = atlas.points(where, bare, 0, "", atlas.OVERALL)
    assert len(shown) == len(bare) and set(shown.label) == {""}


def test_labels_say_what_a_picture_shows_and_not_how_it_was_made_worse(session: Session, where: pd.DataFrame) -> None:
    count = len(session.index)
    meta = {"category": ["dress"] * count, "colour": ["red"] * count, "degradation": ["blur"] * count}
    labelled = dataclasses.replace(session.index, meta=meta)
    assert set(atlas.points(where, labelled, 0, "", atlas.OVERALL).label) == {"dress red"}
