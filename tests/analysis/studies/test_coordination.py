"""The paired test of the fit, and what is said of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis.experiments import Experiments
from analysis.studies.coordination import measure, measure_examples, metrics, say, say_examples
from hug.evaluate.metrics import auroc


def test_the_shares_are_counted_pair_by_pair(experiments: Experiments) -> None:
    table, queries = measure(experiments), experiments.coordination
    for source, name in (("picture", "r"), ("words", "t"), ("fit", "m")):
        above = [
            1.0 if lacks > fits else 0.5 if lacks == fits else 0.0
            for lacks, fits in zip(
                getattr(queries.lacks, f"var_{name}").mean((1, 2)), getattr(queries.fits, f"var_{name}").mean((1, 2)),
                strict=True,
            )
        ]  # fmt: skip
        row = table.set_index("source").loc[source]
        assert row.share == pytest.approx(np.mean(above)) and row.pairs == len(above)
    assert table.set_index("source").share["words"] == 0.5  # the text alone can tell nothing


def test_the_metrics_are_the_table(experiments: Experiments) -> None:
    table = measure(experiments)
    own = {m.id: (m.value, m.low, m.high, m.count) for m in metrics(experiments, table)}
    for r in table.itertuples():
        assert own[f"accuracy.coordination.{r.source}"] == (r.share, r.low, r.high, r.pairs)


def test_a_paired_test_sees_what_an_unpaired_one_does_not() -> None:
    text = np.random.default_rng(0).normal(0, 10, 500)  # differences between texts dwarf the effect
    assert ((text + 0.1) > text).all() and auroc(np.append(text + 0.1, text), np.arange(1000) < 500) < 0.55


def paired(fit: tuple[float, float, float], picture: tuple[float, float, float]) -> pd.DataFrame:
    rows = [("picture", 90, *picture), ("words", 90, 0.5, 0.5, 0.5), ("fit", 90, *fit)]
    return pd.DataFrame(rows, columns=["source", "pairs", "share", "low", "high"])


def test_the_sentence_says_which_way_the_fit_goes_and_whether_the_control_held() -> None:
    even = (0.5, 0.45, 0.55)
    assert "variance tells the two apart" in say(paired((0.8, 0.7, 0.9), even))
    assert "does not tell" in say(paired((0.54, 0.47, 0.6), even))
    assert "wrong way round" in say(paired((0.3, 0.2, 0.4), even))
    assert "ruins" not in say(paired((0.8, 0.7, 0.9), even))
    assert "ruins" in say(paired((0.8, 0.7, 0.9), (0.7, 0.6, 0.8)))


def test_the_examples_go_from_the_clearest_to_the_worst(experiments: Experiments) -> None:
    table = measure_examples(experiments)
    ratio = table.var_fits / table.var_lacks
    assert len(table) == 6 and ratio.is_monotonic_increasing
    assert f"in {(ratio < 1).sum()} the" in say_examples(table)
