"""A change of variance is by the model's own calls; a sentence never claims what its numbers don't show."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from analysis.experiments import Experiments
from analysis.studies.severity import measure, metrics, say
from hug.data.corruptions import TRAINED, UNSEEN, corrupt
from hug.data.images import open_picture
from tests.hug.conftest import noise_pictures


def test_a_severity_is_the_mean_change_of_the_log_variance(experiments: Experiments) -> None:
    table = measure(experiments)
    assert set(table.kind) == {*TRAINED, *UNSEEN} and (table[table.severity == 0].value == 0).all()
    pictures = [open_picture(experiments.collection.path(i)) for i in experiments.clean_ids]
    for kind, level in (("blur", 4), ("glare", 2)):
        faulty = [corrupt(p, kind, level, seed=n) for n, p in enumerate(pictures)]
        before, after = (experiments.model.target(p).overall.log().numpy() for p in (pictures, faulty))
        row = table[(table.kind == kind) & (table.severity == level)].iloc[0]
        assert row.value == pytest.approx(float((after - before).mean()), abs=5e-3)  # tokens in half precision


def curve(value: float, seen: str = "trained") -> pd.DataFrame:
    rows = [(seen, "blur", s, value * s, value * s - 0.01, value * s + 0.01) for s in range(6)]
    return pd.DataFrame(rows, columns=["seen", "kind", "severity", "value", "low", "high"])


def test_a_falling_curve_is_not_called_rising() -> None:
    assert "at every step for 1 of 1" in say(curve(0.5))
    assert "at every step for 0 of 1" in say(curve(-0.5)) and "for 0 of 1 (blur" in say(curve(-0.5))


def test_the_metrics_are_scipy_s_and_scikit_learn_s(experiments: Experiments) -> None:
    own = {m.id: m for m in metrics(experiments, measure(experiments))}
    assert len(own) == 2 * len((*TRAINED, *UNSEEN)) + 1
    for kind in ("jpeg", "glare"):
        values = experiments.corrupted_variances[kind]
        severity = np.repeat(np.arange(6), values.shape[1])
        agreement, detection = own[f"spearman.severity.{kind}"], own[f"auroc.corruption.{kind}"]
        assert agreement.value == pytest.approx(spearmanr(severity, values.ravel()).statistic)
        assert detection.value == pytest.approx(roc_auc_score(severity > 0, values.ravel()))
        assert detection.low <= detection.value <= detection.high and detection.count == values.size
    clean, categories = experiments.truth.clean_ids, experiments.ranking.categories
    candidates = [(r.gallery, r.candidates.overall) for r in categories]
    faulty = [i not in clean for gallery, _ in candidates for i in gallery]
    scores = np.concatenate([overall.numpy() for _, overall in candidates])
    assert own["auroc.corruption.gallery"].value == pytest.approx(roc_auc_score(faulty, scores))


def test_photographs_are_corrupted_alike(experiments: Experiments, tmp_path: Path) -> None:
    pictures = noise_pictures(3)
    for n, picture in enumerate(pictures):
        picture.save(tmp_path / f"{n}.png")
    own = dataclasses.replace(experiments, photographs=tmp_path)
    ids = {m.id for m in metrics(own, measure(own)) if m.id.startswith("photographs.")}
    assert len(ids) == 2 * len((*TRAINED, *UNSEEN)) and "photographs.auroc.corruption.blur" in ids
    blurred = [corrupt(p, "blur", 3, seed=n) for n, p in enumerate(pictures)]
    expected = own.model.target(blurred).overall.numpy()
    np.testing.assert_allclose(own.photograph_variances["blur"][3], expected, rtol=0.02)  # tokens in half precision
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no picture that can be read"):
        _ = dataclasses.replace(experiments, photographs=tmp_path / "empty").photograph_variances
