from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from analysis import model_card
from analysis.experiments import Experiments
from analysis.session import Session
from analysis.store import StudyStore
from hug.evaluate.measurements import FILE, definition
from hug.files import write_json
from tests.hug.evaluate.measured import measurements


def written(session: Session, folder: Path, **changes: Any) -> Session:
    values = {"recall.10.all": (68.9, 67.8, 70.2), "ece.all": 0.05}
    own = dataclasses.replace(
        measurements("calibrated", **values), **{"weights": session.model.weights_hash, **changes}
    )
    write_json(folder / FILE, own.to_dict())
    return dataclasses.replace(session, folder=folder)


def test_the_cards_say_what_the_files_say(session: Session, tmp_path: Path) -> None:
    known = written(session, tmp_path)
    model = model_card.model(known).set_index("what").value
    assert model["weights"] == session.model.weights_hash and model["objective"] == "calibrated"
    data = model_card.data(known).set_index("what").value
    assert data["gallery searched"] == "12 pictures" and "dress 7, shirt 5" in data["  category"]
    assert data["measured on"] == "v, test split" and "15 pictures, 7 queries" in data["  galleries"]
    measures = model_card.measures(known).set_index("measure")
    assert measures.value[model_card.TITLES["recall.10.all"]] == pytest.approx(68.9) and len(measures) == 2


def test_metrics_of_studies_stand_beside_those_of_the_evaluation(store: StudyStore, experiments: Experiments) -> None:
    assert all(definition(id).title for id in model_card.TITLES)
    session = dataclasses.replace(experiments.session, folder=store.folder.parent)
    measures = model_card.measures(session).set_index("measure")
    assert {model_card.TITLES[id] for id in ("auroc.vague", "tracked.unseen")} <= set(measures.index)


def test_measurements_of_other_weights_are_not_shown(session: Session, tmp_path: Path) -> None:
    assert model_card.measures(written(session, tmp_path, weights="other")).empty
    (tmp_path / "measurements.json").write_text("{")
    assert model_card.measures(dataclasses.replace(session, folder=tmp_path)).empty
    assert model_card.measures(dataclasses.replace(session, folder=None)).empty


def test_training_is_told_where_a_log_tells_of_it(session: Session, tmp_path: Path) -> None:
    start = {"kind": "start", "command": "hug train", "seed": 3, "commit": "abc", "parameters": 1234,
             "config": {"training": {"batch": 64, "steps": 9}}}  # fmt: skip
    lines = [json.dumps(start), json.dumps({"kind": "step", "step": 7})]
    (tmp_path / "training.jsonl").write_text("\n".join(lines) + "\n")
    told = model_card.model(dataclasses.replace(session, folder=tmp_path)).set_index("what").value
    assert (
        told["steps × batch"] == "7 × 64" and told["trained parameters"] == "1,234" and told["training"] == "hug train"
    )
