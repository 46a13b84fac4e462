"""Every study keeps the same promises: columns, finite numbers, empty input, a figure that shows the table."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from analysis.experiments import Experiments, Skipped
from analysis.plots import NOTHING
from analysis.registry import STUDIES
from analysis.sources import TESTS
from analysis.targets import AIMS, GUARDS
from hug.config import DataConfig

DRAWN = {  # study -> a column whose every value the figure shows
    "samples": "value", "severity": "value", "recall_by_bin": "recall", "risk_coverage": "risk",
    "reliability": "hits", "miss_prediction": "auroc", "coordination": "share", "coordination_examples": "var_lacks",
    "interventions": "delta", "attributes": "eta2", "similar": "correlation", "captions": "value",
    "phrases": "delta_words", "weights": "weight", "proposition": "correlation", "faithfulness": "change",
}  # fmt: skip
SUBSETS = {"tracking", "map"}  # their figures show the best rows, and the whole gallery's map
BY_EVALUATION = ("recall", "near_misses", "percent", "pearson", "auroc.miss", "ece", "photographs")  # ids begin so
GALLERY = {"samples", "attributes", "similar", "map"}  # what a gallery alone supplies
COLUMNS = {  # what the tabs, the claims and whoever opens a CSV rely on
    "samples": "side place value id text",
    "severity": "kind seen severity value low high",
    "recall_by_bin": "which bin recall low high uncertainty count",
    "risk_coverage": "by coverage risk",
    "reliability": "bin chance hits low high count",
    "miss_prediction": "which by auroc low high",
    "coordination": "source pairs share low high",
    "coordination_examples": "text fits lacks var_fits var_lacks",
    "tracking": "attribute component delta margin next_aspect next_delta control eta2 eta2_p p tracked place",
    "interventions": "aspect component delta low high p",
    "attributes": "attribute component eta2 p",
    "similar": "component other correlation",
    "captions": "source end text id value",
    "phrases": "phrase aspect kind delta_words delta_fit low high count",
    "weights": "change level source weight low high",
    "proposition": "source covariance correlation low high loss_source loss_dynamic loss_static loss_own_means "
    "gain_static gain_static_low gain_static_high gain_own gain_own_low gain_own_high",
    "faithfulness": "explains order removed change low high area p",
    "map": "component id x y",
}
names = pytest.mark.parametrize("name", list(STUDIES))


@pytest.fixture(scope="session")
def tables(experiments: Experiments) -> dict[str, pd.DataFrame]:
    return {name: study.measure(experiments) for name, study in STUDIES.items()}


def numbers(figure: go.Figure) -> np.ndarray:
    """Every finite number that some trace places or colours."""
    found: list[float] = []
    for trace in figure.data:
        for axis in ("x", "y", "z"):
            values = getattr(trace, axis, None)
            for v in np.ravel(np.asarray([] if values is None else values, dtype=object)):
                if isinstance(v, int | float | np.number) and np.isfinite(v):
                    found.append(float(v))
    return np.array(found)


def inside(some: np.ndarray, all_: np.ndarray) -> bool:
    if not len(some):
        return True
    nearest = np.abs(np.asarray(some)[:, None] - np.asarray(all_)[None]).min(1)
    return bool((nearest <= 1e-9 * np.maximum(np.abs(some), 1)).all())


def test_the_registry_is_in_order() -> None:
    assert all(name == study.name for name, study in STUDIES.items())
    assert len({study.title for study in STUDIES.values()}) == len(STUDIES)
    assert all(study.question.endswith("?") for study in STUDIES.values())
    assert set(DRAWN) | SUBSETS == set(STUDIES) == set(COLUMNS)


@names
def test_the_table_has_its_columns_and_finite_numbers(
    name: str, tables: dict[str, pd.DataFrame], experiments: Experiments
) -> None:
    table = tables[name]
    assert list(table.columns) == COLUMNS[name].split() and len(table)
    assert not table.isna().any().any()
    assert np.isfinite(table.select_dtypes("number").to_numpy(float)).all()
    if {"low", "high"} <= set(table):
        assert (table.low <= table.high).all()
    k = experiments.model.config.components
    for column in {"component", "other"} & set(table):
        assert table[column].between(0 if name == "map" else 1, k).all()
    for column in {"id", "fits", "lacks"} & set(table):
        assert set(table[column]) - {""} <= set(experiments.collection.ids)
    for column in {"p", "eta2_p", "eta2", "share", "recall", "risk", "coverage", "chance", "hits"} & set(table):
        assert table[column].between(0, 1).all()


@names
def test_the_figure_shows_the_table_and_nothing_else(name: str, tables: dict[str, pd.DataFrame]) -> None:
    table = tables[name]
    figure = STUDIES[name].draw(table)
    assert len(figure.to_json()) > 500
    shown, known = numbers(figure), table.select_dtypes("number").to_numpy(float).ravel()
    assert len(shown) and inside(shown, known)
    if name in DRAWN:
        assert inside(table[DRAWN[name]].to_numpy(float), shown)


@names
def test_the_figure_follows_the_table(name: str, tables: dict[str, pd.DataFrame]) -> None:
    """A changed number changes the figure."""
    table, column = tables[name], DRAWN.get(name, {"tracking": "delta", "map": "x"}.get(name, ""))
    moved = table.assign(**{column: table[column] * 0.5 + 0.123})
    assert not np.array_equal(np.sort(numbers(STUDIES[name].draw(table))), np.sort(numbers(STUDIES[name].draw(moved))))


@names
def test_an_empty_table_is_drawn_and_said(name: str) -> None:
    study, empty = STUDIES[name], pd.DataFrame(columns=COLUMNS[name].split())
    assert study.draw(empty).to_json() and not len(numbers(study.draw(empty)))
    assert study.say(empty) == NOTHING


@names
def test_the_sentence_is_one(name: str, tables: dict[str, pd.DataFrame]) -> None:
    said = STUDIES[name].say(tables[name])
    assert said[0].isupper() or said[0].isdigit()
    assert said.endswith(".") and "nan" not in said and "\n" not in said


@names
def test_a_gallery_alone_is_studied_or_the_reason_is_told(name: str, gallery_only: Experiments) -> None:
    if name in GALLERY:
        table = STUDIES[name].measure(gallery_only)
        assert list(table.columns) == COLUMNS[name].split() and len(table)
        assert STUDIES[name].metrics(gallery_only, table) == []
    else:
        with pytest.raises(Skipped, match="--root"):
            STUDIES[name].measure(gallery_only)


def test_data_without_truth_skip_just_what_needs_it(experiments: Experiments, real: Any) -> None:
    """The same pictures and captions as real data have them: no table of truth beside them."""
    data = DataConfig(root=str(real), cache=experiments.data.cache)
    bare = dataclasses.replace(experiments.session, stored=None)
    plain, skipped, ids = dataclasses.replace(experiments, data=data, session=bare), set(), []
    for name, study in STUDIES.items():
        try:
            table = study.measure(plain)
            assert list(table.columns) == COLUMNS[name].split() and len(table), name
            ids += [m.id for m in study.metrics(plain, table)]
            assert study.draw(table).to_json() and study.say(table) != NOTHING
        except Skipped as reason:
            skipped.add(name)
            assert "truth" in str(reason) or "labels" in str(reason)
    assert {id.rpartition(".")[0] for id in ids} == {"spearman.severity", "auroc.corruption"}
    assert skipped == {
        "coordination", "coordination_examples", "tracking", "interventions", "attributes", "phrases",
    }  # fmt: skip


@pytest.fixture
def real(shop: Any, tmp_path: Any) -> Any:
    for part in ("images", "captions", "image_splits"):
        (tmp_path / part).symlink_to(shop / part)
    return tmp_path


def test_validation_alone_is_measured_in_halves(experiments: Experiments) -> None:
    held = dataclasses.replace(experiments, split="val")
    assert len(held.chance) == len(held.queries) and held.validation is held.ranking
    assert STUDIES["reliability"].measure(held)["count"].sum() == len(held.queries)


def test_every_metric_is_defined_and_measured_once(experiments: Experiments, tables: dict[str, pd.DataFrame]) -> None:
    """The aims and guards that the studies measure find their metrics, and no id or title occurs twice."""
    metrics = [m for name, study in STUDIES.items() for m in study.metrics(experiments, tables[name])]
    assert len({m.id for m in metrics}) == len({m.title for m in metrics}) == len(metrics)
    studied = {id for aim in (*AIMS, *GUARDS) for id in aim.ids if not id.startswith(BY_EVALUATION)}
    assert studied == {id for id in studied if id in {m.id for m in metrics}} and len(studied) > 10
    assert set(TESTS.values()) <= {m.id for m in metrics}
