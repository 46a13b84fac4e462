"""A method's answers in any of the accepted forms have the same ranks; what is wrong with a file is one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hug.data import cirr, fashioniq
from hug.evaluate.protocols import PROTOCOLS
from hug.evaluate.queries import MISSED, CategoryQueries, category_queries
from hug.evaluate.rank_files import Answers, read_answers
from tests.hug.evaluate.trees import cirr_tree, fashioniq_tree

CIRR, FIQ = PROTOCOLS["cirr-val"], PROTOCOLS["fiq-std"]


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> list[CategoryQueries]:
    """CIRR's eight queries over sixty pictures."""
    return [category_queries(cirr.read(cirr_tree(tmp_path_factory.mktemp("cirr")), "val"), "all", CIRR)]


@pytest.fixture(scope="module")
def clothes(tmp_path_factory: pytest.TempPathFactory) -> list[CategoryQueries]:
    collection = fashioniq.read(fashioniq_tree(tmp_path_factory.mktemp("fiq")), "val")
    return [category_queries(collection, category, FIQ) for category in collection.galleries]


def same(one: Answers, other: Answers) -> bool:
    pairs = [*zip(one.ranks, other.ranks, strict=True), *zip(one.subset or (), other.subset or (), strict=True)]
    return all(np.array_equal(a, b) for a, b in pairs)


@settings(max_examples=25)
@given(distances=arrays(np.float32, (8, 60), elements=st.integers(0, 20).map(float)))
def test_every_form_of_the_same_answer_has_the_same_ranks(
    members: list[CategoryQueries], tmp_path_factory: pytest.TempPathFactory, distances: np.ndarray
):
    folder, queries = tmp_path_factory.mktemp("forms"), members[0]
    np.save(folder / "d.npy", distances)
    order = np.argsort(distances, axis=1, kind="stable")
    ids = {id: [queries.gallery[n] for n in row] for id, row in zip(queries.ids, order, strict=True)}
    scores = {
        id: {i: -float(d) for i, d in zip(queries.gallery, row, strict=True)}
        for id, row in zip(queries.ids, distances, strict=True)
    }
    lines = [f"{q} Q0 {i} 1 {s} x" for q, run in scores.items() for i, s in reversed(run.items())]
    forms = {
        "flat.json": json.dumps(ids), "nested.json": json.dumps({"all": ids}), "scores.json": json.dumps(scores),
        "ordered.json": json.dumps({"all": list(ids.values())}), "list.json": json.dumps(list(ids.values())),
        "submission.json": json.dumps({"version": "rc2", "metric": "recall", **ids}), "run.trec": "\n".join(lines),
        "bom.json": "\ufeff" + json.dumps(ids),
    }  # fmt: skip
    first = read_answers([folder / "d.npy"], members, CIRR)
    for name, text in forms.items():
        (folder / name).write_text(text)
        assert same(first, read_answers([folder / name], members, CIRR)), name


def test_hand_counted_ranks_of_lists(clothes: list[CategoryQueries], tmp_path: Path):
    ids = {f"{c}-{n}": [f"{c}{i}" for i in range(60)] for c in ("dress", "shirt", "toptee") for n in range(3)}
    ids["dress-0"] = ["dress0", "dress10"]  # the reference counts where the protocol keeps it
    ids["dress-1"] = ["dress5"]  # the target is left out
    (tmp_path / "r.json").write_text(json.dumps(ids))
    answers = read_answers([tmp_path / "r.json"], clothes, FIQ)
    assert answers.ranks[0].tolist() == [2, MISSED, 53] and answers.ranks[1].tolist() == [11, 12, 53]
    assert answers.notes == ("2 of 9 queries rank fewer than 50 ids; a target left out is missed",)
    removed = [category_queries_without_reference(queries) for queries in clothes]
    assert read_answers([tmp_path / "r.json"], removed, FIQ).ranks[0].tolist() == [1, MISSED, 52]


def category_queries_without_reference(queries: CategoryQueries) -> CategoryQueries:
    return CategoryQueries(**{**vars(queries), "keep_reference": False})


def test_the_subset_is_told_only_where_it_can_be(members: list[CategoryQueries], tmp_path: Path):
    ids = {str(100 + n): [f"p{n + step}" for step in (0, 5, 1)] for n in range(8)}
    (tmp_path / "r.json").write_text(json.dumps(ids))
    answers = read_answers([tmp_path / "r.json"], members, CIRR)
    assert answers.subset is not None and answers.subset[0].tolist() == [2] * 8
    (tmp_path / "short.json").write_text(json.dumps({id: each[:2] for id, each in ids.items()}))
    answers = read_answers([tmp_path / "short.json"], members, CIRR)
    assert answers.subset is None and "--subset-ranking" in answers.notes[-1]
    inside = {id: [f"p{n + 3}", f"p{n + 2}", f"p{n + 5}"] for n, id in enumerate(ids)}
    (tmp_path / "inside.json").write_text(json.dumps(inside))
    answers = read_answers([tmp_path / "short.json"], members, CIRR, tmp_path / "inside.json")
    assert answers.subset is not None and answers.subset[0].tolist() == [MISSED] * 8
    (tmp_path / "inside.json").write_text(json.dumps({**inside, "100": ["p9"]}))
    with pytest.raises(ValueError, match="query '100' ranks 'p9', which is not in its subset"):
        read_answers([tmp_path / "short.json"], members, CIRR, tmp_path / "inside.json")


def test_files_named_by_category_may_come_in_any_order(clothes: list[CategoryQueries], tmp_path: Path):
    rng = np.random.default_rng(0)
    for category in ("dress", "shirt", "toptee"):
        np.save(tmp_path / f"{category}.npy", rng.integers(0, 9, (3, 60)))
    paths = [tmp_path / f"{category}.npy" for category in ("toptee", "dress", "shirt")]
    assert same(read_answers(paths, clothes, FIQ), read_answers([*paths[1:], paths[0]], clothes, FIQ))
    with pytest.raises(ValueError, match="files are named toptee.npy, dress.npy, dress.npy; categories are dress"):
        read_answers([*paths[:2], paths[1]], clothes, FIQ)


def test_a_wrong_array_is_one_sentence(clothes: list[CategoryQueries], tmp_path: Path):
    def refused(value: object, says: str) -> None:
        for category in ("shirt", "toptee"):
            np.save(tmp_path / f"{category}.npy", np.zeros((3, 60)))
        path = tmp_path / "dress.npy"
        path.write_bytes(value) if isinstance(value, bytes) else np.save(path, np.asarray(value))
        with pytest.raises(ValueError, match=says):
            read_answers([tmp_path / f"{c}.npy" for c in ("dress", "shirt", "toptee")], clothes, FIQ)

    infinite = np.zeros((3, 60))
    infinite[1, 7] = np.inf
    refused(infinite, "dress.npy holds inf at row 1, column 7")
    infinite[1, 7] = np.nan
    refused(infinite, "dress.npy holds nan at row 1, column 7")
    refused(np.zeros((60, 3)), "shape .60, 3.; dress has 3 queries and 60 candidates.*transposed")
    refused(np.zeros(3), r"shape \(3,\)")
    refused(np.zeros((3, 60), complex), "holds complex128")
    refused(np.zeros((3, 60), bool), "holds bool")
    refused(np.full((3, 60), None), "no array of numpy.save")
    refused(b"", "no array of numpy.save")
    refused(b"{}", "no array of numpy.save")
    with pytest.raises(ValueError, match="1 .npy files for 3 categories"):
        read_answers([tmp_path / "dress.npy"], clothes, FIQ)
    with pytest.raises(ValueError, match="x.npy not found"):
        read_answers([tmp_path / "x.npy"] * 3, clothes, FIQ)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"dress-0": ["dress1", "dress1"]}, "query 'dress-0' ranks 'dress1' twice"),
        ({"dress-0": ["shirt1"]}, "query 'dress-0' ranks 'shirt1', which is not among the 60 ids"),
        ({"dress-9": []}, "'dress-9' is no query of this split; a query is named like 'dress-0'"),
        ({"dress-0": "dress1"}, "query 'dress-0' must be a list of ids"),
        ({"dress-0": [1]}, "query 'dress-0' must be a list of ids"),
        ({"dress-0": None}, "query 'dress-0' must be a list of ids"),
        ({"dress-0": {"dress1": "far"}}, "query 'dress-0' has a score that is not a finite number"),
        ({"dress-0": {"dress1": float("nan")}}, "query 'dress-0' has a score that is not a finite number"),
        ({"dress": [["dress1"]]}, "1 rankings for the 3 queries of dress"),
        ({"dress": {"0": ["dress1"]}}, "query 'dress-0' is there twice"),
        ({"dress": 3}, "dress must be rankings, got 3"),
    ],
)
def test_a_wrong_ranking_is_one_sentence(
    clothes: list[CategoryQueries], tmp_path: Path, change: dict[str, object], says: str
):
    ids: dict[str, object] = {f"{c}-{n}": [f"{c}1"] for c in ("dress", "shirt", "toptee") for n in range(3)}
    (tmp_path / "r.json").write_text(json.dumps({**ids, **change}))
    with pytest.raises(ValueError, match=says):
        read_answers([tmp_path / "r.json"], clothes, FIQ)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"dress-0": []', "no JSON"),
        ('{"dress-0": [], "dress-0": []}', "the key 'dress-0' is there twice"),
        ("[[]]", "is a list; with several categories"),
        ("{}", "9 of 9 queries have no ranking: dress-0, dress-1"),
        ("[" * 100_000, "no JSON"),
        ("", "is empty"),
        ("dress-0 Q0 dress1 1 0.5", "line 1 has 5 words"),
        ("dress-0 Q0 dress1 1 half x", "line 1: the score 'half' is no number"),
        ("dress-0 Q0 dress1 1 inf x", "a score that is not a finite number"),
        ("dress-0 Q0 dress1 1 2 x\ndress-0 Q0 dress1 2 1 x", "line 2: query 'dress-0' ranks 'dress1' twice"),
        ("\xff", "can't be read"),
    ],
)
def test_a_damaged_file_is_one_sentence(clothes: list[CategoryQueries], tmp_path: Path, text: str, says: str):
    (tmp_path / "r.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=says):
        read_answers([tmp_path / "r.json"], clothes, FIQ)
    with pytest.raises(ValueError, match="2 files"):
        read_answers([tmp_path / "r.json"] * 2, clothes, FIQ)
