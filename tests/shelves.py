"""A shelf whose model has prepared studies: the small checkpoint with generated data of the analysis tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis import maps
from analysis.ground import Ground
from analysis.prepared import prepare
from analysis.workbench import Shelf, Workbench
from hug.data import read_fashioniq
from hug.gallery import GallerySource, Pictures
from tests.analysis.conftest import gallery_only, ground, pixels, shop, studied

__all__ = ["gallery_only", "ground", "pixels", "shelf", "shop", "studied", "studied_bench"]  # fixtures to import


@pytest.fixture(scope="session")
def studied_bench(ground: Ground, shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """The small model with all studies prepared, and its 45 pictures.

    The whole map has principal axes instead of UMAP, which would compile for a minute.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maps, "whole", maps.principal)
        prepare(ground)
    collection, index = read_fashioniq(shop, "test"), ground.index
    source = GallerySource(index.ids, Pictures([collection.path(i) for i in index.ids]), index.meta)
    return Workbench.load(ground.folder, source, tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="session")
def shelf(studied_bench: Workbench) -> Shelf:
    return Shelf({}, loaded=[studied_bench])
