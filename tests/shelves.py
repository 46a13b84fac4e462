"""A shelf whose model has prepared studies: the small checkpoint with generated data of the analysis tests."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from analysis import maps
from analysis.ground import Ground
from analysis.prepared import prepare
from analysis.workbench import Shelf, Workbench
from hug.data import read_fashioniq
from hug.gallery import GallerySource, Pictures
from tests.analysis.conftest import gallery_only, ground, pixels, shop, studied
from ui import query
from ui.others import OTHERS, connect
from ui.shared import Asked, Shared

__all__ = [
    "gallery_only",
    "ground",
    "pixels",
    "shelf",
    "shop",
    "studied",
    "studied_bench",
    "tabs",
]  # fixtures to import


@pytest.fixture(scope="session")
def studied_bench(ground: Ground, shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """The small model with all studies prepared, and its 45 pictures.

    The maps are the first two coordinates instead of UMAP, which would compile for a minute.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maps, "layout", lambda means: means[:, :2])
        prepare(ground)
    collection, index = read_fashioniq(shop, "test"), ground.index
    source = GallerySource(index.ids, Pictures([collection.path(i) for i in index.ids]), index.meta)
    return Workbench.load(ground.folder, source, tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="session")
def shelf(studied_bench: Workbench) -> Shelf:
    return Shelf({}, loaded=[studied_bench])


@pytest.fixture(scope="session")
def tabs(shelf: Shelf) -> dict[str, Any]:
    """The tabs as the page builds them, by id, and "page"."""
    with gr.Blocks() as page, gr.Tabs() as bar, gr.Tab("all"):
        shared = Shared(bar, gr.Dropdown(list(shelf.names), value=shelf.default), gr.State(None), gr.BrowserState(""))
        first = query.build(shelf, shared)
        built = {name: module.build(shelf, shared, first) for name, (_, module) in OTHERS.items()}
        connect({"query": first, **built}, shared)
    return {**built, "query": first, "page": page, "shared": shared}


def without_studies(bench: Workbench, folder: Path) -> Workbench:
    """The same model in a folder where nothing was prepared."""
    return dataclasses.replace(bench, folder=folder)


def asked(bench: Workbench, words: str = "is red and has long sleeves") -> Asked:
    """A query of the gallery's first picture."""
    first = bench.index.ids[0]
    trace = bench.trace(bench.picture(first), words, 5, exclude=first)
    return Asked(bench.name, first, words, "", trace.query, tuple(trace.ranking.ids[0]))
