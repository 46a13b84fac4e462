"""Samples come evenly from both ends."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.experiments import Experiments
from analysis.studies.samples import draw, measure, spread


def test_samples_are_spread_from_the_least_to_the_most() -> None:
    values = np.array([0.5, 0.1, 0.9, 0.3, 0.3])
    rows, places = spread(values, 3)
    assert list(rows) == [1, 4, 2] and list(places) == [0, 0.5, 1]
    assert list(spread(np.ones(4), 4)[0]) == [0, 1, 2, 3]  # ties keep their order
    assert list(spread(values, 60)[1]) == [0, 0.25, 0.5, 0.75, 1] and list(spread(values[:1])[1]) == [0]


def test_every_sample_has_the_value_of_its_picture_or_words(experiments: Experiments) -> None:
    table = measure(experiments)
    overall = dict(zip(experiments.index.ids, experiments.index.gaussians.overall.tolist(), strict=True))
    queries = experiments.queries
    for row in table.itertuples():
        if row.side == "target":
            assert row.value == pytest.approx(overall[row.id]) and row.text == ""
        elif row.side == "reference":
            assert set(queries.r[queries.reference == row.id]) >= {row.value}
        elif row.side == "words":
            assert row.id == "" and row.value in set(queries.t[queries.text == row.text])
        else:
            assert row.value in set(queries.m[(queries.text == row.text) & (queries.reference == row.id)])
    for _, part in table.groupby("side"):
        assert part.value.is_monotonic_increasing and part.place.iloc[0] == 0 and part.place.iloc[-1] == 1
        assert len(part) == part.drop_duplicates(["id", "text"]).shape[0]


def test_what_somebody_wrote_is_never_markup() -> None:
    table = pd.DataFrame(
        {"side": "words", "place": [0.0], "value": [0.1], "id": [""], "text": ["<b>red</b> & <script>"]}
    )
    assert "<script>" not in draw(table).data[0].text[0]
