"""The Train tab's trainings: whose they are, and what a look at them costs."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from analysis import training_log
from analysis.session import QueryError, Session, Sessions
from analysis.sharing import shared_name
from hug.train.jobs import FINISHED, RUNNING, Job, JobError
from tests.analysis.test_training_log import RUN
from tests.ui.test_training_runs import job
from ui.page import build, shared_state
from ui.state import answer
from ui.tabs import query, train
from ui.training import Settings, preset
from ui.visitor import require_visitor, visitor_or_new
from ui.visits import Pace

ANN, BEN = visitor_or_new(""), visitor_or_new("")


class FewJobs:
    """Two trainings of Ann's, none of anybody else's."""

    def __init__(self, folder: Path) -> None:
        self.jobs = [job(folder / "mine-2", RUNNING), job(folder / "mine-1", FINISHED, "prepare")]
        for one in self.jobs:
            (one.folder / "training.jsonl").write_text("".join(json.dumps(record) + "\n" for record in RUN))

    def list(self, owner: str) -> list[Job]:
        return self.jobs if owner == require_visitor(ANN) else []

    def get(self, owner: str, id: str) -> Job:
        match = [one for one in self.list(owner) if one.id == id]
        if not match:
            raise JobError("there is no such training")
        return match[0]

    def log(self, owner: str, id: str) -> str:
        return f"printed by {self.get(owner, id).id}"


@pytest.fixture
def panel(sessions: Sessions, tmp_path: Path) -> train.RunsPanel:
    session = sessions.get()
    with gr.Blocks():
        bar, model = gr.Tabs(), gr.Dropdown(list(sessions.names))
        state = shared_state(session, answer(session, query.start(sessions)), bar, model)
        for shared in (state.picture, state.words, state.ignored, state.component):
            shared.render()
        made = train.RunsPanel(sessions, state)
        made.build_below()
    made.jobs = FewJobs(tmp_path)  # type: ignore[assignment]
    return made


def test_a_look_reads_each_log_once(panel: train.RunsPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: Counter[str] = Counter()
    read = training_log.read

    def counting(folder: Path) -> list[dict[str, Any]]:
        reads[folder.name] += 1
        return read(folder)

    monkeypatch.setattr(training_log, "read", counting)
    updates = panel.look(ANN, "mine-2", [])
    assert reads == {"mine-2": 1, "mine-1": 1}  # the first for its state and curves, both for the comparison
    assert "Step 40 of 100" in updates[panel.status] and updates[panel.log] == "printed by mine-2"
    assert updates[panel.comparison] and updates[panel.buttons["stop"]].visible
    reads.clear()
    panel.look(ANN, "mine-2", updates[panel.stamp])
    assert not reads  # without news no log is read


def test_without_news_nothing_is_sent(panel: train.RunsPanel) -> None:
    updates = panel.look(ANN, "mine-2", [])
    assert panel.look(ANN, "mine-2", updates[panel.stamp]) == gr.skip()
    assert panel.look(ANN, "mine-1", updates[panel.stamp]) != gr.skip()  # another one was chosen


def test_a_visitor_sees_and_touches_only_their_own(panel: train.RunsPanel) -> None:
    assert panel.look(ANN, None, [])[panel.runs].value == "mine-2"
    for stranger in (BEN, "", None, "../" + ANN):
        updates = panel.refresh(stranger, "mine-2")
        assert updates[panel.runs].choices == [] and updates[panel.status] == updates[panel.log] == ""
        with pytest.raises((QueryError, JobError)):
            panel.pack(stranger, "mine-2")
        with pytest.raises((QueryError, JobError)):
            panel.use(stranger, "mine-1")
    assert [name for _, name in panel.models(BEN)] == list(panel.sessions.names)


def test_a_training_that_is_not_finished_is_not_used(panel: train.RunsPanel) -> None:
    with pytest.raises(QueryError, match="isn't finished"):
        panel.use(ANN, "mine-2")
    with pytest.raises(QueryError, match="Choose one"):
        panel.act(lambda owner, id: None, ANN, None)


def test_only_the_owner_shares_and_only_what_can_answer(panel: train.RunsPanel, sessions: Sessions) -> None:
    with pytest.raises(QueryError, match="isn't finished"):
        panel.act(panel.share, ANN, "mine-2")
    for stranger in (BEN, "", None):
        with pytest.raises((QueryError, JobError)):
            panel.act(panel.share, stranger, "mine-1")
    updates = panel.act(panel.share, ANN, "mine-1")
    (folder,) = [job.folder for job in panel.jobs.list(require_visitor(ANN)) if job.id == "mine-1"]
    name = shared_name(folder)
    assert f"model={name}" in updates[panel.status] and "Whoever has" in updates[panel.status]
    assert not updates[panel.buttons["share"]].visible and updates[panel.buttons["unshare"]].visible
    with pytest.raises((QueryError, JobError)):
        panel.act(panel.unshare, BEN, "mine-1")
    assert "Whoever has" not in panel.act(panel.unshare, ANN, "mine-1")[panel.status] and not shared_name(folder)


def test_an_address_starts_so_many_trainings_and_others_theirs(panel: train.RunsPanel) -> None:
    panel.jobs.running = lambda: False  # type: ignore[method-assign]
    panel.starts = Pace(0.0, 2)
    for _ in range(2):
        panel.check_start("192.0.2.1")
    with pytest.raises(QueryError, match="from your address"):
        panel.check_start("192.0.2.1")
    panel.check_start("192.0.2.2")
    panel.jobs.running = lambda: True  # type: ignore[method-assign]
    with pytest.raises(JobError, match="only one can"):  # told first, and it costs no try
        panel.check_start("192.0.2.1")


def test_who_acts_waits_in_no_pool_of_other_tabs(session: Session) -> None:
    page = build(Sessions({}, loaded=[session]))
    slots = Counter(fn.concurrency_id for fn in page.fns.values())
    assert slots["training"] == 8 and slots["reading"] > 3  # start, stop, resume, finish, remove, share, unshare, pack


def test_a_started_training_is_shown_to_who_started_it(panel: train.RunsPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs, asked = panel.jobs, list[str]()

    def start(owner: str, make_steps: Any, about: Any, room: int) -> Job:
        asked.append(owner)
        return jobs.get(owner, "mine-2")

    monkeypatch.setattr(jobs, "start", start, raising=False)
    monkeypatch.setattr(jobs, "running", lambda: False, raising=False)
    request = gr.Request(SimpleNamespace(client=("192.0.2.1", 5), headers={}, query_params={}))  # type: ignore[arg-type]
    values = {name: getattr(Settings(), name) for name in ("data", "size", "objective", "fusion")}
    values |= {"steps": 40, "seed": 0, "batch": 64, "lr": 1e-3, **preset("calibrated")}
    updates = panel.begin(values, ANN, request)
    assert asked == [require_visitor(ANN)] and updates[panel.runs].value == "mine-2"
    assert "Step 40 of 100" in updates[panel.status]
