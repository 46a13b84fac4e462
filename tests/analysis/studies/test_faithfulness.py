"""An explanation that is right by construction is found faithful, one that says nothing is not."""

from __future__ import annotations

import numpy as np

from analysis.experiments import Experiments
from analysis.studies.faithfulness import (
    ORDERS,
    SHARES,
    WORD_SHARES,
    component_curve,
    measure,
    say,
    table_of,
)


def test_the_component_that_decides_is_removed_first() -> None:
    """Ten candidates; one component of four sets the first result apart, in the others it is the worst."""
    parts = np.zeros((10, 4))
    parts[:, 0] = np.r_[0.0, np.linspace(9, 10, 9)]
    parts[:, 1:] = np.r_[1.0, np.linspace(0, 0.5, 9)][:, None]
    important, random, least = component_curve(parts, np.zeros(10), np.random.default_rng(0))
    assert important[0] == random[0] == least[0] == 0
    assert list(important[1:]) == [np.log(10)] * (len(SHARES) - 1)
    assert list(least) == [0] * len(SHARES)  # the deciding component goes last
    assert (random <= important).all()


def test_the_bias_stays_when_components_go() -> None:
    parts, bias = np.zeros((3, 4)), np.array([0.3, 0.1, 0.2])
    assert (component_curve(parts, bias, np.random.default_rng(0)) == 0).all()  # the second is first by its bias


def planted(good: bool, seed: int = 0) -> np.ndarray:
    """(40, 3, 5) changes: the important ones first are larger, or not."""
    found = np.random.default_rng(seed).normal(0, 0.1, (40, 3, 5))
    found[:, 0] += 1.0 if good else 0.0
    return found


def test_only_the_true_explanation_is_called_faithful() -> None:
    curves = {"good": planted(True), "bad": planted(False)}
    table = table_of(curves, {name: WORD_SHARES for name in curves}, 999, 100)
    p = table[table.order == "important"].groupby("explains").p.first()
    assert p["good"] < 0.01 < p["bad"] and (table[table.order == "random"].p == 1).all()
    said = say(table)
    assert "Good: faithful" in said and "bad: not shown to be faithful" in said
    area = table[(table.explains == "good") & (table.order == "important")].area.iloc[0]
    np.testing.assert_allclose(area, curves["good"][:, 0].mean())


def test_an_inverted_explanation_is_not_faithful() -> None:
    table = table_of({"x": planted(True)[:, [2, 1, 0]] - planted(True)[:, [0]]}, {"x": WORD_SHARES}, 999, 100)
    assert "not shown" in say(table)


def test_nothing_removed_changes_nothing_and_all_words_gone_are_gone_in_every_order(experiments: Experiments) -> None:
    table = measure(experiments)
    assert len(table) == 3 * (len(SHARES) + 2 * len(WORD_SHARES)) and set(table.order) == set(ORDERS)
    assert table[table.removed == 0].change.abs().max() < 1e-4
    ends = table[table.removed == 1].groupby("explains").change
    assert (ends.max() - ends.min()).max() < 1e-4
    words = table[table.explains != "parts of the distance"].groupby(["explains", "order"]).area.first().unstack()
    assert (words.important >= words.least - 1e-6).all()
