"""The curves of uncertainty are those of the evaluation and of scikit-learn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import roc_auc_score

from analysis.experiments import Experiments
from analysis.studies.selective_prediction import (
    NAMES,
    binned,
    measure_misses,
    measure_recall,
    measure_reliability,
    measure_risk,
    say_misses,
    say_recall,
    say_reliability,
)
from hug.evaluate.metrics import aurc


def scores(experiments: Experiments) -> dict[str, np.ndarray]:
    values = experiments.uncertainties
    return {NAMES[by]: value for by, value in values.items()}


def test_a_bin_s_recall_by_hand() -> None:
    uncertainty, ranks = np.arange(20)[::-1] / 10, np.array([1, 99] * 5 + [1] * 10)
    table = binned(uncertainty, ranks, "all")
    assert list(table.recall) == [1] * 5 + [0.5] * 5 and list(table["count"]) == [2] * 10
    assert table.uncertainty.iloc[0] == pytest.approx(0.05) and (table.low <= table.recall).all()


def test_bins_share_all_queries(experiments: Experiments) -> None:
    table = measure_recall(experiments)
    part = table[table.which == "all"]
    assert part["count"].sum() == len(experiments.queries) and part.uncertainty.is_monotonic_increasing
    hits = (part.recall * part["count"]).sum()
    assert hits == pytest.approx((experiments.queries["rank"] <= 10).sum())


def test_risk_ends_at_the_share_of_misses_and_keeps_the_area(experiments: Experiments) -> None:
    table, missed = measure_risk(experiments), (experiments.queries["rank"] > 10).mean()
    for by, part in table.groupby("by"):
        assert part.risk.iloc[-1] == pytest.approx(missed) and part.coverage.iloc[-1] == 1 and len(part) <= 100
        whole = aurc(-scores(experiments)[str(by)], (experiments.queries["rank"] <= 10).to_numpy())
        assert part.risk.mean() == pytest.approx(whole, abs=0.02)


def test_the_auroc_of_every_uncertainty_is_scikit_learn_s(experiments: Experiments) -> None:
    table, missed = measure_misses(experiments), experiments.queries["rank"] > 10
    own = table[table.which == "all"].set_index("by")
    assert set(own.index) == set(scores(experiments)) and {"doubt", "overall", "entropy"} <= set(own.index)
    for by, values in scores(experiments).items():
        assert own.auroc[by] == pytest.approx(roc_auc_score(missed, values)) and own.low[by] <= own.high[by]


def test_reliability_is_scikit_learn_s(experiments: Experiments) -> None:
    table = measure_reliability(experiments)
    hit = (experiments.queries["rank"] <= 10).to_numpy()
    inside = np.minimum(experiments.chance + 1e-9, 1)  # a chance at a bin's edge belongs to the bin above
    observed, promised = calibration_curve(hit, inside, n_bins=10)
    np.testing.assert_allclose(table.hits, observed)
    np.testing.assert_allclose(table.chance, promised, atol=1e-8)
    assert ((table.low <= table.hits) & (table.hits <= table.high)).all()
    assert (table.bin == np.minimum(((table.chance + 1e-9) * 10).astype(int) + 1, 10)).all()


def test_a_kept_promise_and_a_broken_one() -> None:
    kept = pd.DataFrame({"bin": [1, 9], "chance": [0.05, 0.85], "hits": [0.05, 0.85], "low": [0.0, 0.8],
                         "high": [0.1, 0.9], "count": [50, 50]})  # fmt: skip
    assert "by 0.0 percentage points" in say_reliability(kept) and "in 0 of 2 bins" in say_reliability(kept)
    assert "in 1 of 2 bins" in say_reliability(kept.assign(chance=[0.05, 0.99]))


def test_the_sentences_name_the_best_and_the_direction() -> None:
    rows = [("all", "doubt", 0.6, 0.5, 0.7), ("all", "entropy", 0.7, 0.6, 0.8)]
    said = say_misses(pd.DataFrame(rows, columns=["which", "by", "auroc", "low", "high"]))
    assert "entropy predicts a miss best" in said
    rising = binned(np.arange(100.0), np.where(np.arange(100) < 50, 99, 1), "all")
    assert "0 % found" in say_recall(rising) and "+0." in say_recall(rising)
