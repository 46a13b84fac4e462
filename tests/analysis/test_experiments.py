"""Studies ask data by its own protocol: its texts are those that are encoded."""

from __future__ import annotations

from pathlib import Path

from analysis.experiments import Experiments
from analysis.session import Session
from hug.config import DataConfig
from tests.hug.evaluate.trees import cirr_tree


def test_queries_of_cirr_are_its_captions_as_they_are(session: Session, tmp_path: Path) -> None:
    data = DataConfig(root=str(cirr_tree(tmp_path / "cirr", pictures=True)), cache=str(tmp_path / "cache"))
    experiments = Experiments(session, data, "val")
    ranking = experiments.ranking
    assert ranking.protocol.name == "cirr-val" and len(ranking.ranks) == 8
    assert set(experiments.features.texts.row) == {f"show {n} dogs" for n in range(8)}
    assert experiments.validation is ranking and experiments.calibration.tau > 0
