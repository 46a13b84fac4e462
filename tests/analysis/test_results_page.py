"""The pages say on what they stand, refuse what can't be compared, and compare query by query where they can."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.experiments import Experiments
from analysis.registry import STUDIES
from analysis.results_page import (
    COLUMNS,
    Results,
    ablations_section,
    above_paper,
    aims_table,
    configuration,
    difference,
    findings_page,
    read_results,
    read_studies,
    results_page,
    stored_ablations,
)
from analysis.store import StudyStore, measure
from analysis.targets import AIMS, GUARDS
from hug.config import OBJECTIVES, Config, TrainConfig
from hug.evaluate.bootstrap import Interval
from hug.evaluate.measurements import FILE, Measurements, Metric
from hug.evaluate.query_table import VARIANCES
from hug.files import write_json, write_parquet, write_text
from tests.hug.evaluate.measured import line, measurements

RECALL = "recall.10.clean"


def of(folder: Path, *contents: Measurements) -> dict[str, Results]:
    return {m.objective: Results(folder / m.objective, m, None) for m in contents}


def table(aims: object, **columns: Measurements) -> str:
    return aims_table(of(Path(), *columns.values()), aims)  # type: ignore[arg-type]


def test_the_page_says_on_what_it_stands(tmp_path: Path) -> None:
    page = results_page(of(tmp_path, measurements("paper", **{"correlation.components": math.nan})))
    for part in ("garments, split test", "v, seed 0, `0123456789abcdef`", "`abc`", "`c0ffee`", "| dress | 15 | `beef`"):
        assert part in page
    assert "| mean \\|correlation\\| of components ↓ | undefined |" in page
    assert "| paper | words only | not measured |" in page and "## Guards" in page and "## Ablations" not in page


def test_what_was_measured_on_other_data_is_refused(tmp_path: Path) -> None:
    one, other = measurements("paper"), dataclasses.replace(measurements("calibrated"), data={"version": "w"})
    with pytest.raises(ValueError, match="paper and calibrated were measured with different data"):
        results_page(of(tmp_path, one, other))
    with pytest.raises(ValueError, match="at least one"):
        results_page({})


def test_studies_count_only_on_the_same_data_and_split(store: StudyStore) -> None:
    data = {key: store.origin.data[key] for key in ("version", "sha256", "seed")}
    own = dataclasses.replace(measurements("calibrated", **{"ece.all": 0.1}), data=data)
    assert set(Results(Path(), own, store).metrics) == {"ece.all", *(m.id for m in store.metrics)}
    for changes in ({"split": "val"}, {"data": {**data, "sha256": "0"}}):
        assert set(Results(Path(), dataclasses.replace(own, **changes), store).metrics) == {"ece.all"}


def stored(folder: Path, ranks: np.ndarray, weights: str = "abc") -> None:
    table = pd.DataFrame({"category": "dress", "row": np.arange(len(ranks)), "rank": ranks, "chance": 0.5})
    table[list(VARIANCES)] = 0.1
    table["clean"] = np.arange(len(ranks)) % 4 != 0
    table.attrs = {"weights": weights}
    write_parquet(folder / "test.parquet", table)


def test_recall_is_compared_with_papers_query_by_query(tmp_path: Path):
    recall = {RECALL: 88.0}
    both = of(tmp_path, measurements("paper", **recall), measurements("calibrated", **recall))
    alone = above_paper(both)["calibrated"]
    assert alone is not None and alone.value == 0 and math.isnan(alone.low)  # nothing stored: no interval
    ranks = np.where(np.arange(400) % 10 < 8, 1, 99)
    better = ranks.copy()
    better[[9, 18, 19]] = 1  # clean misses that now hit
    stored(tmp_path / "paper", ranks)
    stored(tmp_path / "calibrated", better)
    lead = above_paper(of(tmp_path, *(r.measurements for r in both.values())))["calibrated"]
    assert lead is not None and lead.value == pytest.approx(100 * 3 / 300)
    assert 0 <= lead.low < lead.value < lead.high < 3


def test_queries_of_other_weights_are_not_compared(tmp_path: Path):
    recall = {RECALL: 88.0}
    both = of(tmp_path, measurements("paper", **recall), measurements("calibrated", **{RECALL: 90.0}))
    for name in ("paper", "calibrated"):
        stored(tmp_path / name, np.ones(40, int), "abc" if name == "paper" else "older")
    lead = above_paper(both)["calibrated"]
    assert lead is not None and lead.value == 2 and math.isnan(lead.low)
    assert above_paper(of(tmp_path, measurements("calibrated", **recall))) == {}


def test_results_are_read_by_objective_and_folder(tmp_path: Path) -> None:
    for name, objective in (("a", "paper"), ("b", "calibrated"), ("c", "calibrated")):
        write_json(tmp_path / name / FILE, measurements(objective, **{"ece.all": 1.0}).to_dict())
    read = read_results([tmp_path / "a", tmp_path / "b", tmp_path / "c"])
    assert list(read) == ["paper", "calibrated (b)", "calibrated (c)"]
    assert read["paper"].measurements == Measurements.load(tmp_path / "a")
    with pytest.raises(ValueError, match="give each once"):
        read_results([tmp_path / "b", tmp_path / "b"])
    (tmp_path / "none").mkdir()
    with pytest.raises(ValueError, match="run python -m hug evaluate on it"):
        read_results([tmp_path / "none"])


def test_the_table_shows_interval_verdict_and_what_is_missing(tmp_path: Path) -> None:
    both = of(
        tmp_path,
        measurements("paper", **{RECALL: (90.0, 88.5, 91.25), "ece.all": 0.05}),
        measurements("calibrated", **{RECALL: 89.0, "ece.all": 0.03}),
    )
    text = aims_table(both, AIMS, {"calibrated": Interval(-1.0, -2.5, 0.5)})
    assert line(text, "R@10, clean queries") == ["| R@10, clean queries", "≥ 88", "90 [88.5, 91.2] met", "89 met |"]
    not_below = line(text, "R@10, clean queries, not below `paper`")
    assert not_below[1:] == ["≥ 0", "–", "-1.000 [-2.500, 0.500] **missed** |"]
    assert line(text, "ECE of doubt, all queries")[2:] == ["0.050 **missed**", "0.030 met |"]
    assert line(text, "AUROC vague/specific, σ_t")[2:] == ["not measured", "not measured |"]
    assert len(text.splitlines()) == 2 + len(AIMS)
    alone = aims_table({"calibrated": both["calibrated"]})
    assert line(alone, "R@10, clean queries, not below `paper`")[2] == "not measured |"


def test_a_lead_says_over_whom() -> None:
    lead = Metric("recall.10.clean.lead", 30.0, 28.0, 32.0, 9, "sum of both")
    text = table(AIMS, x=dataclasses.replace(measurements("calibrated"), metrics=(lead,)))
    name = "R@10 above the best baseline other than point matching, clean queries"
    assert line(text, name)[1:] == ["≥ 25", "30 [28, 32] (sum of both) met |"]


def test_counts_are_told_as_counts() -> None:
    text = table(AIMS, x=measurements("calibrated", **{"tracked.unseen": (1, 1, 2)}))
    assert line(text, "aspects tracked, of six, unseen removal style")[2] == "1 [1, 2] **missed** |"


def test_guards_have_two_sides() -> None:
    shares = {"percent.vague": 15.02, "percent.degraded": 26.0, "accuracy.coordination.words": 0.49}
    text = table(GUARDS, x=measurements("calibrated", **shares))
    assert line(text, "vague queries, percent")[1:] == ["= 15 ± 0.500", "15.0 met |"]
    assert line(text, "degraded pictures, percent")[2] == "26 **missed** |"
    assert line(text, "conflicting/fitting, paired, σ_t: the words tell nothing")[1:] == [
        "= 0.500", "0.490 **missed** |",
    ]  # fmt: skip


# ---- ablations ----


RELEASED = Config(objective=OBJECTIVES["calibrated"], training=TrainConfig(steps=2400))


def trained(folder: Path, config: Config) -> Path:
    start = {"kind": "start", "step": 0, "config": config.model_dump(mode="json")}
    write_text(folder / "training.jsonl", json.dumps(start) + '\n{"kind": "step"}\n')
    return folder


def test_the_log_tells_what_differs(tmp_path: Path):
    base = configuration(trained(tmp_path / "a", RELEASED))
    other = Config(objective=OBJECTIVES["paper"], training=TrainConfig(steps=700, threads=1))
    own = configuration(trained(tmp_path / "b", other))
    said = difference(base, own)
    assert said.startswith("objective paper (instead of calibrated); ") and "steps 700 (instead of 2400)" in said
    assert "cord_log off (instead of on)" in said and "threads" not in said
    assert difference(base, base) == ""


def test_what_only_one_run_sets_is_told():
    assert difference({"model.k": 1}, {"model.k": 1, "objective.new": True}) == "new on (instead of unset)"
    assert difference({"objective.old": 0.5}, {}) == "old unset (instead of 0.5)"


def test_the_configuration_of_a_checkpoint_does_without_a_log(tmp_path: Path):
    write_json(tmp_path / "config.json", {"model": {"dim": 32}, "objective": {"spec": 0.0}})
    assert configuration(tmp_path) == {"model.dim": 32, "objective.spec": 0.0}
    with pytest.raises(ValueError, match="doesn't tell its configuration"):
        configuration(tmp_path / "none")


def runs(tmp_path: Path, *contents: Measurements) -> list[Results]:
    configs = (RELEASED, RELEASED.replace(training=TrainConfig(steps=2400, seed=1)))
    return [Results(trained(tmp_path / n, c), m, None) for n, c, m in zip("ab", configs, contents, strict=True)]


def test_a_row_has_every_metric_or_says_that_it_lacks_it(tmp_path: Path) -> None:
    values = {id: 0.5 for id in COLUMNS.values() if id != "ece.all"} | {"accuracy.coordination.fit": (0.75, 0.72, 0.78)}
    text = ablations_section(runs(tmp_path, measurements("calibrated", **values), measurements("calibrated")))
    cells = line(text, "a")
    assert cells[1:4] == ["2400", "the released one", "500, unknown a category"]
    assert "0.750 [0.720, 0.780]" in cells and cells.count("not measured") == 1
    assert line(text, "b")[2] == "seed 1 (instead of 0)"


def test_runs_on_other_data_are_refused(tmp_path: Path) -> None:
    other = dataclasses.replace(measurements("calibrated"), data={"version": "w"})
    with pytest.raises(ValueError, match="a and b were measured with different data"):
        ablations_section(runs(tmp_path, measurements("calibrated"), other))


def test_runs_of_another_split_stand_apart_and_a_page_keeps_its_section(tmp_path: Path) -> None:
    section = ablations_section(runs(tmp_path, measurements("calibrated"), measurements("calibrated", "val")))
    first, second = section.split("On the validation split")
    assert line(first, "a") and "| b |" not in first and line(second, "b") and "Not to be compared" in second
    page = results_page(of(tmp_path, measurements("calibrated")), section)
    assert stored_ablations(page) == section and stored_ablations("# Results") == ""


# ---- findings ----


def test_the_page_says_what_holds_and_what_does_not(store: StudyStore) -> None:
    text = findings_page({"calibrated": store})
    rows = [line for line in text.splitlines() if line.startswith("| ") and ("hold" in line or "not measured" in line)]
    assert len(rows) == 20 and "### Does not hold" in text and store.origin.weights in text
    for name in store.tables:
        assert STUDIES[name].say(store.table(name)) in text
    assert "not computed yet" in text


def test_models_studied_on_different_data_are_not_put_side_by_side(
    store: StudyStore, gallery_only: Experiments, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="different data"):
        findings_page({"one": store, "another": measure(gallery_only, tmp_path, ["similar"])})
    with pytest.raises(ValueError, match="no checkpoint"):
        findings_page({})


def test_a_checkpoint_without_studies_is_told(studied: Path) -> None:
    with pytest.raises(ValueError, match="python -m analysis measure"):
        read_studies([studied])


def test_the_committed_pages_are_what_the_commands_write() -> None:
    root = Path(__file__).parents[2]
    shipped = [root / "checkpoints" / name for name in ("garments", "garments-paper")]
    page = (root / "docs/results.md").read_text()
    assert results_page(read_results(shipped), stored_ablations(page)) == page
    assert findings_page(read_studies(shipped)) == (root / "docs/findings.md").read_text()
