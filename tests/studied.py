"""A sessions whose model has prepared studies: the small checkpoint with generated data of the analysis tests."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import gradio as gr
import pytest

from analysis.experiments import Experiments
from analysis.session import Session, Sessions
from analysis.store import measure
from analysis.studies import embedding_map
from hug.data.garments import read
from hug.retrieval.gallery import GallerySource, Pictures
from tests.analysis.conftest import experiments, gallery_only, pixels, shop, studied
from ui.page import TABS, shared_state
from ui.state import QueryRequest, QueryResult, Tab, answer
from ui.tabs import query

__all__ = [
    "gallery_only",
    "experiments",
    "pixels",
    "sessions",
    "shop",
    "studied",
    "studied_session",
    "tabs",
]  # fixtures to import


@pytest.fixture(scope="session")
def studied_session(experiments: Experiments, shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Session:
    """The small model with all studies prepared, and its 45 pictures.

    The maps are the first two coordinates instead of UMAP, which would compile for a minute.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedding_map, "layout", lambda means: means[:, :2])
        measure(experiments)
    collection, index = read(shop, "test"), experiments.index
    source = GallerySource(index.ids, Pictures([collection.path(i) for i in index.ids]), index.meta)
    return Session.load(experiments.folder, source, tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="session")
def sessions(studied_session: Session) -> Sessions:
    return Sessions({}, loaded=[studied_session])


@pytest.fixture(scope="session")
def tabs(sessions: Sessions) -> dict[str, Tab]:
    """The tabs as the page builds them, by id."""
    session = sessions.get()
    with gr.Blocks():
        model = gr.Dropdown(list(sessions.names), value=sessions.default)
        with gr.Tabs() as bar:
            state = shared_state(session, answer(session, query.start(sessions)), bar, model)
            built = []
            for build in TABS:
                with gr.Tab():
                    built.append(build(sessions, state))
    return {tab.id: tab for tab in built}


def without_studies(session: Session, folder: Path) -> Session:
    """The same model in a folder where nothing was prepared."""
    return dataclasses.replace(session, folder=folder)


def answered(session: Session, words: str = "is red and has long sleeves") -> QueryResult:
    """A query of the gallery's first picture."""
    return answer(session, QueryRequest(session.name, session.index.ids[0], None, words, k=5))


def elsewhere(result: QueryResult) -> QueryResult:
    """The same answer as if another model had given it."""
    return dataclasses.replace(result, request=dataclasses.replace(result.request, model="another"))
