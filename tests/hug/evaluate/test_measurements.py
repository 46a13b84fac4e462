"""A metric has one id and one title; measurements come back as they were written, and nothing else is read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hug.evaluate import bootstrap
from hug.evaluate.measurements import DEFINITIONS, FILE, Measurements, Metric, definition
from hug.files import write_json
from tests.hug.evaluate.measured import measurements


@pytest.mark.parametrize(
    ("id", "title"),
    [
        ("recall.10.clean", "HUG R@10, clean"),
        ("recall.10.all.words", "words only R@10, all"),
        ("mrr.all.means", "means without variance MRR, all"),
        ("recall.10.clean.lead", "HUG R@10 above the best baseline, clean"),
        ("recall.10.clean.reference.reader", "reference only, perfect reader R@10, clean"),
        ("recall.1.hard", "R@1, hard gallery"),
        ("recall.1.hard.random", "R@1 by chance, hard gallery"),
        ("mrr.hard", "MRR, hard gallery"),
        ("auroc.miss.chance.all", "AUROC miss@10 by doubt (calibrated), all"),
        ("auroc.miss.top1.clean", "AUROC miss@10 by top-1 score, clean"),
        ("auroc.miss.lead.all", "AUROC miss@10 by doubt (calibrated) above the best baseline, all"),
        ("auroc.corruption.gallery", "AUROC degraded/clean σ_c, gallery"),
        ("auroc.corruption.glare", "AUROC degraded/clean σ_c, glare (unseen)"),
        ("photographs.spearman.severity.blur", "photographs: spearman severity/σ_c, blur (trained)"),
        ("accuracy.coordination.fit", "paired conflict/fit σ_m"),
        ("tracked.unseen", "tracked aspects (unseen style)"),
        ("control.sleeve.trained", "delta of an equal area elsewhere, sleeve's component (trained style)"),
        ("followers.colour", "components that follow colour (η²)"),
    ],
)
def test_an_id_has_the_title_that_people_know(id: str, title: str) -> None:
    assert definition(id).title == title


def test_titles_differ_and_unknown_ids_are_refused() -> None:
    titles = [d.title for d in DEFINITIONS.values()]
    assert len(set(titles)) == len(titles) and definition("ece.all").better == "↓"
    for id in ("ece", "recall.10", "auroc.miss.all", "dance"):
        with pytest.raises(ValueError, match="unknown metric"):
            definition(id)


def test_an_estimate_has_the_interval_of_its_statistic() -> None:
    values = np.random.default_rng(0).normal(size=30)
    metric = Metric.estimate("brier.all", np.mean, values, draws=50, note="x")
    assert (metric.value, metric.low, metric.high) == bootstrap.interval(np.mean, values, draws=50)
    assert metric.count == 30 and metric.note == "x"


def test_measurements_come_back_as_they_were_written(tmp_path: Path) -> None:
    own = measurements("paper", **{"ece.all": 0.05, "recall.10.clean": (90.0, 88.5, 91.25)})
    assert Measurements.load(tmp_path) is None
    write_json(tmp_path / FILE, own.to_dict())
    assert Measurements.load(tmp_path) == own


def test_what_cannot_be_read_says_what_to_run(tmp_path: Path) -> None:
    raw = measurements("paper").to_dict()
    wrong = [
        "{",
        "[]",
        json.dumps({"rows": [], "weights": "abc"}),
        json.dumps({"format": 2}),
        json.dumps(raw | {"new": 1}),
    ]
    for text in wrong:
        (tmp_path / FILE).write_text(text)
        with pytest.raises(ValueError, match="run python -m hug evaluate again"):
            Measurements.load(tmp_path)
