"""CIRR's test answers: written as its server wants them, and every rule of it checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hug.__main__ import main
from hug.checkpoint import save_model
from hug.config import OBJECTIVES, DataConfig
from hug.data import cirr
from hug.data.collection import Collection
from hug.data.datasets import read
from hug.data.features import evaluation_features
from hug.evaluate.evaluation import answer_plan
from hug.evaluate.plan import plan_evaluation, results_folder
from hug.evaluate.ranking import rank_split
from hug.evaluate.submission import BYTES, submission_problems
from hug.gaussians import distance
from tests.hug.conftest import small_model
from tests.hug.evaluate.trees import cirr_tree


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cirr_tree(tmp_path_factory.mktemp("cirr"), "test", pictures=True)


@pytest.fixture(scope="module")
def collection(tree: Path) -> Collection:
    return cirr.read(tree, "test")


def answers(collection: Collection, metric: str) -> dict[str, Any]:
    ids = collection.galleries["all"]
    rows = {t.id: [i for i in ids if i != t.reference][:50] for t in collection.triplets}
    rows = rows if metric == "recall" else {t.id: list(t.subset[:3]) for t in collection.triplets}
    return {"version": "rc2", "metric": metric, **rows}


def test_an_evaluation_writes_two_files_that_keep_every_rule(tree: Path, collection: Collection, tmp_path: Path):
    model = small_model(OBJECTIVES["calibrated"]).eval()
    save_model(model, tmp_path / "checkpoint")
    before = sorted((tmp_path / "checkpoint").iterdir())
    plan = plan_evaluation(DataConfig(root=str(tree)), None, "cirr-test", baselines=True)
    folder = results_folder(tmp_path / "checkpoint", tmp_path / "checkpoint", plan, model.weights_hash)
    paths = answer_plan(plan, model, str(tmp_path / "cache"), folder)
    assert [p.name for p in paths] == ["recall.json", "recall_subset.json"] and folder.parent.name == "results"
    assert sorted(p for p in (tmp_path / "checkpoint").iterdir() if p.is_file()) == before
    recall, subset = (json.loads(path.read_text()) for path in paths)
    assert len(recall) == len(subset) == len(collection.triplets) + 2
    assert [submission_problems(path, collection) for path in paths] == [[], []]
    features = evaluation_features(collection, model.backbone, tmp_path / "cache", plan.protocol.text)
    part = rank_split(model, features, plan.protocol).categories[0]
    plain = distance(part.query, part.candidates).numpy()
    for n, triplet in enumerate(collection.triplets):
        ordered = [part.gallery[m] for m in np.argsort(plain[n], kind="stable")]
        assert recall[triplet.id] == [i for i in ordered if i != triplet.reference][:50]
        assert subset[triplet.id] == [i for i in ordered if i in triplet.subset][:3]


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "version": ({"version": "rc1"}, "version must be 'rc2', got 'rc1'"),
    "no metric": ({"metric": None}, "metric must be one of recall, recall_subset"),
    "other metric": ({"metric": ["recall"]}, "metric must be one of recall, recall_subset"),
    "unknown query": ({"7": []}, "1 queries are not in"),
    "too few": ({"100": ["p3"]}, "1 queries do not have {} ids: 100"),
    "reference": ({"100": ["p0"]}, "1 queries name their own reference: 100"),
    "unknown id": ({"101": ["x"]}, "1 queries name an id that is not in the gallery: 101"),
    "twice": ({"102": ["p5", "p5"]}, "1 queries name an id twice: 102"),
    "no list": ({"103": "p5"}, "1 queries have no list of ids: 103"),
    "no ids": ({"103": [1, 2, 3]}, "1 queries have no list of ids: 103"),
}


@pytest.mark.parametrize("metric", ["recall", "recall_subset"])
@pytest.mark.parametrize("name", BROKEN)
def test_each_broken_rule_has_its_own_sentence(collection: Collection, tmp_path: Path, name: str, metric: str):
    change, says = BROKEN[name]
    (tmp_path / "x.json").write_text(json.dumps({**answers(collection, metric), **change}))
    problems = submission_problems(tmp_path / "x.json", collection)
    assert any(problem.startswith(says.format(50 if metric == "recall" else 3)) for problem in problems), problems
    changed = {"too few", "reference", "unknown id", "twice"}
    assert len(problems) == (1 if name not in changed or name == "too few" else 2), problems


def test_members_missing_queries_and_size_are_checked(collection: Collection, tmp_path: Path):
    file, subset = tmp_path / "x.json", answers(collection, "recall_subset")
    file.write_text(json.dumps({**subset, "100": ["p1", "p2", "p30"]}))
    assert submission_problems(file, collection) == ["1 queries name an id outside their image set: 100"]
    del subset["107"]
    file.write_text(json.dumps(subset))
    assert submission_problems(file, collection) == ["1 of 8 queries are missing: 107"]
    file.write_text(json.dumps(answers(collection, "recall")) + " " * BYTES)
    assert "at most 5,000,000 are taken" in submission_problems(file, collection)[0]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"1": 1, "1": 2}', b"[" * 100_000, b"null"])
def test_a_damaged_file_is_one_sentence(collection: Collection, tmp_path: Path, content: bytes):
    (tmp_path / "x.json").write_bytes(content)
    assert len(submission_problems(tmp_path / "x.json", collection)) == 1
    assert "can't be read" in submission_problems(tmp_path / "none.json", collection)[0]


def test_the_command_answers_with_its_exit_status(tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    collection = read(DataConfig(root=str(tree)), "test")
    for metric in ("recall", "recall_subset"):
        (tmp_path / f"{metric}.json").write_text(json.dumps(answers(collection, metric)))
    line = f"submission {tmp_path}/recall.json {tmp_path}/recall_subset.json --data {tree}"
    assert main(line.split()) == 0 and capsys.readouterr().out.count("every rule is kept, 8 queries") == 2
    (tmp_path / "recall.json").write_text(json.dumps({**answers(collection, "recall"), "version": "rc1"}))
    assert main(line.split()) == 1
    out = capsys.readouterr().out
    assert "recall.json: version must be 'rc2'" in out and "recall_subset.json: every rule is kept" in out


def test_official_answers_have_4150_keys(test_data: Path, tmp_path: Path):
    collection = read(DataConfig(root=str(test_data / "cirr")), "test")
    for metric in ("recall", "recall_subset"):
        entries = answers(collection, metric)
        assert len(entries) == 4150
        (tmp_path / "x.json").write_text(json.dumps(entries))
        assert submission_problems(tmp_path / "x.json", collection) == []
