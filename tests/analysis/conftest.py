"""A small checkpoint on pixels with a generated data set: what every study can run on in seconds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.experiments import Effort, Experiments
from analysis.registry import STUDIES
from analysis.store import StudyStore, measure
from hug.backbones import BACKBONES
from hug.checkpoint import save_model
from hug.config import OBJECTIVES, DataConfig
from hug.data.garments import Sizes, build, read
from hug.data.images import open_picture
from hug.retrieval.index import Index
from tests.hug.conftest import PixelBackbone, small_model

SMALL = Effort(pictures=3, texts=30, explained=6, permutations=199, label_permutations=49, draws=50)


@pytest.fixture(autouse=True)
def registry_in_order() -> Iterator[None]:
    """A test that takes a study out puts it back last; the pages follow the registry's order."""
    studies = dict(STUDIES)
    yield
    STUDIES.clear()
    STUDIES.update(studies)


@pytest.fixture(scope="session")
def pixels() -> Iterator[None]:
    """The backbone of the tests under a name, so that a checkpoint on it can be loaded."""
    BACKBONES["pixels"] = PixelBackbone
    yield
    BACKBONES.pop("pixels", None)  # another folder may have asked for it too


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated data: 20 pictures and 30 triplets a category and split."""
    return build(tmp_path_factory.mktemp("shop"), Sizes((15, 20, 20), (15, 30, 30)), 0, "test", progress=False)


@pytest.fixture(scope="session")
def studied(shop: Path, pixels: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint folder with a gallery and a training log."""
    folder = tmp_path_factory.mktemp("studied") / "tiny"
    model = small_model(OBJECTIVES["calibrated"], backbone="pixels").eval()
    save_model(model, folder)
    (folder / "training.jsonl").write_text(json.dumps({"kind": "step", "scales": {"a": 4.0, "b": -2.0}}) + "\n")
    collection = read(shop, "test")
    assert collection.truth is not None
    ids = [i for gallery in collection.galleries.values() for i in gallery[:15]]
    labels = collection.truth.labels.loc[ids, ["category", *collection.truth.aspects, "degradation", "severity"]]
    pictures = [open_picture(collection.path(i)) for i in ids]
    Index.build(model, pictures, ids, {str(label): list(values.astype(str)) for label, values in labels.items()}).save(
        folder
    )
    return folder


@pytest.fixture(scope="session")
def experiments(studied: Path, shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Experiments:
    data = DataConfig(root=str(shop), cache=str(tmp_path_factory.mktemp("cache")))
    return Experiments.load(studied, data, effort=SMALL)


@pytest.fixture(scope="session")
def store(experiments: Experiments, tmp_path_factory: pytest.TempPathFactory) -> StudyStore:
    """All studies but the map, which takes longest."""
    return measure(experiments, tmp_path_factory.mktemp("beside"), [name for name in STUDIES if name != "map"])


@pytest.fixture(scope="session")
def gallery_only(studied: Path) -> Experiments:
    return Experiments.load(studied, effort=SMALL)
