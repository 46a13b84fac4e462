"""Samples come evenly from both ends, and a sentence never claims what its numbers don't show."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.ground import Ground
from analysis.studies.levels import (
    coordination,
    coordination_examples,
    draw_samples,
    samples,
    say_coordination,
    say_examples,
    say_severity,
    severity,
    spread,
)
from hug.data.corruptions import TRAINED, UNSEEN, corrupt
from hug.data.images import open_picture
from hug.evaluate.uncertainty import coordination_measures


def test_samples_are_spread_from_the_least_to_the_most() -> None:
    values = np.array([0.5, 0.1, 0.9, 0.3, 0.3])
    rows, places = spread(values, 3)
    assert list(rows) == [1, 4, 2] and list(places) == [0, 0.5, 1]
    assert list(spread(np.ones(4), 4)[0]) == [0, 1, 2, 3]  # ties keep their order
    assert list(spread(values, 60)[1]) == [0, 0.25, 0.5, 0.75, 1] and list(spread(values[:1])[1]) == [0]


def test_every_sample_has_the_value_of_its_picture_or_words(ground: Ground) -> None:
    table = samples(ground)
    overall = dict(zip(ground.index.ids, ground.index.gaussians.overall.tolist(), strict=True))
    known = ground.questions
    for row in table.itertuples():
        if row.side == "target":
            assert row.value == pytest.approx(overall[row.id]) and row.text == ""
        elif row.side == "reference":
            assert set(known.r[known.reference == row.id]) >= {row.value}
        elif row.side == "words":
            assert row.id == "" and row.value in set(known.t[known.text == row.text])
        else:
            assert row.value in set(known.m[(known.text == row.text) & (known.reference == row.id)])
    for _, part in table.groupby("side"):
        assert part.value.is_monotonic_increasing and part.place.iloc[0] == 0 and part.place.iloc[-1] == 1
        assert len(part) == part.drop_duplicates(["id", "text"]).shape[0]


def test_what_somebody_wrote_is_never_markup() -> None:
    table = pd.DataFrame(
        {"side": "words", "place": [0.0], "value": [0.1], "id": [""], "text": ["<b>red</b> & <script>"]}
    )
    assert "<script>" not in draw_samples(table).data[0].text[0]


def test_a_severity_is_the_mean_change_of_the_log_variance(ground: Ground) -> None:
    table = severity(ground)
    assert set(table.kind) == {*TRAINED, *UNSEEN} and (table[table.severity == 0].value == 0).all()
    pictures = [open_picture(ground.collection.path(i)) for i in ground.clean_ids]
    for kind, level in (("blur", 4), ("glare", 2)):
        spoiled = [corrupt(p, kind, level, seed=n) for n, p in enumerate(pictures)]
        before, after = (ground.model.target(p).overall.log().numpy() for p in (pictures, spoiled))
        row = table[(table.kind == kind) & (table.severity == level)].iloc[0]
        assert row.value == pytest.approx(float((after - before).mean()), abs=5e-3)  # tokens in half precision


def curve(value: float, seen: str = "trained") -> pd.DataFrame:
    rows = [(seen, "blur", s, value * s, value * s - 0.01, value * s + 0.01) for s in range(6)]
    return pd.DataFrame(rows, columns=["seen", "kind", "severity", "value", "low", "high"])


def test_a_falling_curve_is_not_called_rising() -> None:
    assert "at every step for 1 of 1" in say_severity(curve(0.5))
    assert "at every step for 0 of 1" in say_severity(curve(-0.5)) and "for 0 of 1 (blur" in say_severity(curve(-0.5))


def test_the_paired_shares_are_those_of_the_evaluation(ground: Ground) -> None:
    table = coordination(ground).set_index("source").share
    rows = {r["measure"]: r["value"] for r in coordination_measures(ground.model, ground.features, ground.cache)}
    for source, name in (("picture", "r"), ("words", "t"), ("fit", "m")):
        assert table[source] == pytest.approx(rows[f"paired conflict/fit σ_{name}"])
    assert table["words"] == 0.5


def paired(fit: tuple[float, float, float], picture: tuple[float, float, float]) -> pd.DataFrame:
    rows = [("picture", 90, *picture), ("words", 90, 0.5, 0.5, 0.5), ("fit", 90, *fit)]
    return pd.DataFrame(rows, columns=["source", "pairs", "share", "low", "high"])


def test_the_sentence_says_which_way_the_fit_goes_and_whether_the_control_held() -> None:
    even = (0.5, 0.45, 0.55)
    assert "variance tells the two apart" in say_coordination(paired((0.8, 0.7, 0.9), even))
    assert "does not tell" in say_coordination(paired((0.54, 0.47, 0.6), even))
    assert "wrong way round" in say_coordination(paired((0.3, 0.2, 0.4), even))
    assert "spoils" not in say_coordination(paired((0.8, 0.7, 0.9), even))
    assert "spoils" in say_coordination(paired((0.8, 0.7, 0.9), (0.7, 0.6, 0.8)))


def test_the_examples_go_from_the_clearest_to_the_worst(ground: Ground) -> None:
    table = coordination_examples(ground)
    ratio = table.var_fits / table.var_lacks
    assert len(table) == 6 and ratio.is_monotonic_increasing
    assert f"in {(ratio < 1).sum()} the" in say_examples(table)
