"""The data sets that can be read, by the names of their layouts, and those that can be generated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hug.config import DataConfig
from hug.data import fashioniq, garments
from hug.data.collection import Collection

GENERATED = garments.SIZES  # version -> pictures and triplets a category


@dataclass(frozen=True)
class Layout:
    """How a data set lies on disk."""

    recognise: Callable[[Path], bool]
    read: Callable[[Path, str, Sequence[str]], Collection]  # root, split, categories


DATASETS: dict[str, Layout] = {  # the first that recognises a folder reads it
    "garments": Layout(garments.recognise, garments.read),
    "fashioniq": Layout(fashioniq.recognise, fashioniq.read),
}


def read(data: DataConfig, split: str) -> Collection:
    """One split of the data set that a configuration names.

    Raises ValueError when the folder is of no known layout, or for what its reader refuses.
    """
    root = Path(data.root)
    if data.format == "auto":
        layout = next((layout for layout in DATASETS.values() if layout.recognise(root)), None)
        if layout is None:
            raise ValueError(f"{root} holds no data set of a known layout ({', '.join(DATASETS)})")
    elif data.format in DATASETS:
        layout = DATASETS[data.format]
    else:
        raise ValueError(f"unknown format {data.format!r}; choose auto or one of {', '.join(DATASETS)}")
    return layout.read(root, split, data.categories)


def generate(out: Path, version: str, seed: int = 0, workers: int = 1) -> Path:
    """Write a generated data set; an interrupted one is continued. Raises ValueError for an unknown version."""
    if version not in GENERATED:
        raise ValueError(f"unknown version {version!r}; choose one of {', '.join(GENERATED)}")
    return garments.build(out, GENERATED[version], seed, version, workers=workers)
