"""The data sets that can be read, by the names of their layouts, and those that can be generated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hug.config import DataConfig
from hug.data import cirr, fashioniq, folder, garments, hub, table
from hug.data.collection import Collection
from hug.data.health import without_faulty

GENERATED = garments.SIZES  # version -> pictures and triplets a category


@dataclass(frozen=True)
class Layout:
    """How a data set lies on disk."""

    recognise: Callable[[Path], bool]
    read: Callable[[Path, str, Sequence[str]], Collection]  # root, split, categories
    splits: Callable[[Path], tuple[str, ...]]  # those that have annotations, in the order train, val, test
    pictures: str  # where they are looked for, for people
    categories: tuple[str, ...] = ()  # those of the layout, which are read unless others are named


DATASETS: dict[str, Layout] = {  # the first that recognises a folder reads it
    "hub": Layout(hub.recognise, hub.read, hub.splits, "the rows themselves"),
    "garments": Layout(garments.recognise, garments.read, fashioniq.splits, "images/ID.png", fashioniq.CATEGORIES),
    "cirr": Layout(cirr.recognise, cirr.read, cirr.splits, "img_raw/dev/ID.png or dev/ID.png, as the split file says"),
    "fashioniq": Layout(fashioniq.recognise, fashioniq.read, fashioniq.splits, "images/ID.jpg", fashioniq.CATEGORIES),
    "table": Layout(table.recognise, table.read, table.splits, "images/ID or ID, with or without suffix"),
    "folder": Layout(folder.recognise, folder.read, folder.splits, "the folder"),
}


def read(data: DataConfig, split: str) -> Collection:
    """One split of the data set that a configuration names.

    Raises ValueError when the folder is of no known layout, or for what its reader refuses.
    """
    name = layout_name(data)
    unnamed = data.categories == DataConfig().categories  # those of garments; other data have their own
    categories = DATASETS[name].categories if unnamed else data.categories
    collection = replace(DATASETS[name].read(Path(data.root), split, categories), layout=name)
    return without_faulty(collection, data.cache) if data.missing == "drop" else collection


def splits(data: DataConfig) -> tuple[str, ...]:
    """Splits that the data set has, in the order train, val, test. Raises ValueError for an unknown layout."""
    return DATASETS[layout_name(data)].splits(Path(data.root))


def layout_name(data: DataConfig) -> str:
    """The layout that is named, or else the first that recognises the folder. Raises ValueError without one."""
    root = Path(data.root)
    if data.format != "auto" and data.format not in DATASETS:
        raise ValueError(f"unknown format {data.format!r}; choose auto or one of {', '.join(DATASETS)}")
    if garments.unfinished(root):
        raise ValueError(f"{root} is still being drawn, or its drawing was stopped; python -m hug render continues it")
    fitting = (name for name, layout in DATASETS.items() if layout.recognise(root))
    name = data.format if data.format != "auto" else next(fitting, None)
    if name is None:
        start = f"{root} holds" if root.exists() else f"{root} does not exist, so it holds"
        raise ValueError(f"{start} no data set of a known layout ({', '.join(DATASETS)})")
    return name


def generate(out: Path, version: str, seed: int = 0, workers: int = 1) -> Path:
    """Write a generated data set; an interrupted one is continued. Raises ValueError for an unknown version."""
    if version not in GENERATED:
        raise ValueError(f"unknown version {version!r}; choose one of {', '.join(GENERATED)}")
    recipe = garments.VERSIONS.get(version, "first")
    return garments.build(out, GENERATED[version], seed, version, workers=workers, recipe=recipe)
