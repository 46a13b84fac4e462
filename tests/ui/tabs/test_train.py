"""The Train tab's trainings: whose they are, and what a look at them costs."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from analysis import training_log
from analysis.session import QueryError, Sessions
from hug.train.jobs import FINISHED, RUNNING, Job, JobError
from tests.analysis.test_training_log import RUN
from tests.ui.test_training_runs import job
from ui.page import shared_state
from ui.state import answer
from ui.tabs import query, train

ANN, BEN = "a" * 32, "b" * 32


class FewJobs:
    """Two trainings of Ann's, none of anybody else's."""

    def __init__(self, folder: Path) -> None:
        self.jobs = [job(folder / "mine-2", RUNNING), job(folder / "mine-1", FINISHED, "prepare")]
        for one in self.jobs:
            (one.folder / "training.jsonl").write_text("".join(json.dumps(record) + "\n" for record in RUN))

    def list(self, owner: str) -> list[Job]:
        return self.jobs if owner == ANN else []

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
