"""Every command, study, tab and endpoint on each kind of published model: tiny ones, by the library's own classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

import analysis.__main__ as analysis_main
import hug
from analysis.experiments import Effort
from analysis.registry import STUDIES
from analysis.session import Session, Sessions
from analysis.store import StudyStore
from analysis.studies import embedding_map
from hug.__main__ import main
from hug.data.garments import Sizes, build
from tests.towers import KINDS, tower
from ui.endpoints import retrieve, uncertainty
from ui.page import TABS, shared_state
from ui.state import QueryRequest, answer

SMALL = Effort(pictures=1, texts=10, explained=2, permutations=19, label_permutations=9, draws=10)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("shop"), Sizes((15, 15, 15), (15, 15, 15)), 0, "test", progress=False)


@pytest.fixture(scope="module", params=KINDS)
def trained(request: pytest.FixtureRequest, shop: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A backbone's name and a run folder: trained, measured and indexed by the commands."""
    home = tmp_path_factory.mktemp(request.param)
    name, run = f"{request.param}:{tower(request.param, home / 'published')}", home / "run"
    data = f"--root {shop} --cache {home}/cache"
    small = "--size tiny --steps 3 --batch 8 --validate-every 3 --jitter 0.1"
    assert main(f"train {data} --backbone {name} --out {run} --objective calibrated {small}".split()) == 0
    assert main(f"evaluate {data} --checkpoint {run}".split()) == 0  # with every baseline
    assert main(f"gallery --root {shop} --out {home}/gallery.parquet --per-category 12".split()) == 0
    assert main(f"index --checkpoint {run} --gallery {home}/gallery.parquet --out {run}".split()) == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedding_map, "layout", lambda means: means[:, :2])  # UMAP would compile for a minute
        patch.setattr(analysis_main, "QUICK", SMALL)
        measure = f"measure --checkpoint {run} --root {shop} --cache {home}/cache --quick"
        assert analysis_main.main(measure.split()) == 0
    return name, run


@pytest.fixture(scope="module")
def session(trained: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Session:
    _, run = trained
    return Session.load(run, run.parent / "gallery.parquet", tmp_path_factory.mktemp("kept"))


def test_the_checkpoint_says_what_it_was_trained_on(trained: tuple[str, Path], capsys: pytest.CaptureFixture[str]):
    name, run = trained
    stored, model = json.loads((run / "config.json").read_text())["backbone"], hug.load(run)
    assert f"{stored['kind']}:{stored['source']}" == name == model.backbone.name
    assert stored["preprocessing"] == model.backbone.preprocessing.model_dump()
    assert main(["info", "--checkpoint", str(run)]) == 0
    assert model.backbone.preprocessing.text() in capsys.readouterr().out
    assert model.backbone.preprocessing.text() in (run / "measurements.json").read_text()


def test_its_words_doubt_differs_between_components(session: Session):
    query = session.query(session.picture(session.index.ids[0]), "is red and has long sleeves")
    assert float(query.var_t.std(1).min()) > 0


def test_search_answers(trained: tuple[str, Path], shop: Path, capsys: pytest.CaptureFixture[str]):
    _, run = trained
    picture = next((shop / "images").iterdir())
    assert main(["search", "--checkpoint", str(run), "--picture", str(picture), "--words", "is red", "-k", "5"]) == 0
    answer = capsys.readouterr().out.splitlines()
    assert answer[0].startswith("  1  ") and len(answer) >= 6


def test_every_study_was_measured(trained: tuple[str, Path], session: Session):
    store = StudyStore.load(trained[1], session.model.weights_hash)
    assert store is not None
    without_photographs = {name for name, why in store.skipped.items() if "photograph" in why}
    assert set(store.tables) | without_photographs == set(STUDIES)


def test_every_tab_shows_it(session: Session):
    sessions = Sessions({}, loaded=[session])
    result = answer(session, QueryRequest(session.name, session.index.ids[0], None, "is red and longer", k=5))
    with gr.Blocks():
        model = gr.Dropdown([session.name], value=session.name)
        with gr.Tabs() as bar:
            state = shared_state(session, result, bar, model)
            for build_tab in TABS:
                with gr.Tab():
                    tab = build_tab(sessions, state)
                if tab.refresh and tab.id != "train":  # which belongs to a visitor
                    given: dict[Any, Any] = {id(state.model): session.name, id(state.result): result}
                    inputs = [given.get(id(each), getattr(each, "value", None)) for each in tab.refresh["inputs"]]
                    shown = tab.refresh["fn"](*inputs)
                    assert shown, tab.id


def test_both_endpoints_answer(session: Session, shop: Path):
    sent = {"path": str(next((shop / "images").iterdir()))}
    assert len(retrieve(session, sent, "is red", 5, "", "")) == 5
    split = uncertainty(session, sent, "is red")
    assert set(split) >= {"picture", "words", "fit", "overall", "chance"}
