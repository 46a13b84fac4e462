"""What the generator knows of one split: the tables beside its pictures, and pictures drawn again without an aspect."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from hug.data import fashioniq, truth
from hug.data.collection import Collection, Triplet
from hug.data.corruptions import TRAINED, corrupt
from hug.data.garments.attributes import ASPECTS, Spec, check_choice
from hug.data.garments.dataset import UNFINISHED, recipe_of
from hug.data.garments.drawing import draw
from hug.data.garments.intervene import STYLES, apply, control, remove
from hug.data.garments.render import Rendered

SEVERITY = 3  # of the edit DEGRADED, of kinds seen in training by turns


def recognise(root: Path) -> bool:
    """Whether a folder holds generated garments."""
    return (root / "truth" / "images.parquet").exists()


def unfinished(root: Path) -> bool:
    """Whether garments are still being drawn there, or were until something stopped it."""
    return (root / UNFINISHED).exists()


def read(root: str | Path, split: str, categories: Sequence[str] = fashioniq.CATEGORIES) -> Collection:
    """One split with its truth. Raises ValueError as the reader of Fashion-IQ's layout does."""
    collection, version = fashioniq.read(root, split, categories), Path(root) / "version.json"
    head = json.loads(version.read_text()) if version.exists() else {}
    about = {key: head[key] for key in ("version", "sha256", "seed") if key in head}
    # A single caption was written with an empty second one.
    triplets = tuple(
        dataclasses.replace(t, captions=t.captions[: 2 if t.captions[1] else 1]) for t in collection.triplets
    )
    own_truth = GarmentTruth(Path(root) / "truth", split, triplets, frozenset(collection.galleries))
    return dataclasses.replace(collection, triplets=triplets, version=about, truth=own_truth)


@dataclass(frozen=True)
class GarmentTruth:
    """The truth of one split's triplets and pictures (`hug.data.truth.Truth`); tables are read when asked for."""

    folder: Path
    split: str
    triplets: tuple[Triplet, ...]
    categories: frozenset[str]
    aspects: tuple[str, ...] = ASPECTS

    @cached_property
    def labels(self) -> pd.DataFrame:
        table = pd.read_parquet(self.folder / "images.parquet")
        return table[table.split == self.split].set_index("id")

    @cached_property
    def queries(self) -> pd.DataFrame:
        table = pd.read_parquet(self.folder / "triplets.parquet")
        table = table[table.split == self.split].set_index(["category", "row"])
        categories = pd.Series([t.category for t in self.triplets], dtype=object)
        order = pd.MultiIndex.from_arrays([categories, categories.groupby(categories).cumcount()])
        table = table.loc[order].reset_index()
        return table.assign(**{column: table[column].map(json.loads) for column in ("says", "needs")})

    @cached_property
    def clean_ids(self) -> frozenset[str]:
        return frozenset(self.labels.index[self.labels.degradation == "none"])

    @cached_property
    def clean_queries(self) -> np.ndarray:
        return (self.queries.clean & self.queries.kind.isin(["specific", "presupposing"])).to_numpy()

    @cached_property
    def coordination_pairs(self) -> Sequence[truth.CoordinationPair]:
        pairs = json.loads((self.folder / "coordination.json").read_text())
        return [
            truth.CoordinationPair(tuple(p["captions"]), p["fits"], p["lacks"], p["category"])
            for p in pairs
            if p["split"] == self.split and p["category"] in self.categories
        ]

    @cached_property
    def phrases(self) -> Mapping[str, truth.Meaning]:
        return recipe_of(self.folder.parent).lexicon()

    def edits(self, ids: Sequence[str], edits: Sequence[str], style: str, seed: int = 0) -> truth.Edits:
        check_choice("style", style, STYLES)
        removers = STYLES[style]
        wrong = [e for e in edits if e.removeprefix(truth.CONTROL) not in (*ASPECTS, truth.UNTOUCHED, truth.DEGRADED)]
        if wrong:
            raise ValueError(f"unknown edit {wrong[0]!r}; choose an aspect of {', '.join(ASPECTS)}")
        specs = [Spec.from_json(text) for text in self.labels.spec[list(ids)]]
        rendered = lru_cache(maxsize=1)(lambda n: draw(specs[n]))  # a picture is drawn once for all its edits

        def load(place: int) -> Image.Image:
            n, edit = divmod(place, len(edits))
            return _edited(rendered(n), specs[n], edits[edit], removers, n, seed + n)

        keys = [
            f"{spec.to_json()}:{edit}:{removers.get(edit, '')}:{n}:{seed + n}"
            for n, spec in enumerate(specs)
            for edit in edits
        ]
        return truth.Edits(keys, load)

    def removals(self, seed: int) -> truth.Removals:
        clean = self.labels[self.labels.degradation == "none"]
        clean = clean[clean.category.isin(self.categories)]
        aspects = np.random.default_rng([seed, 2]).integers(0, len(ASPECTS), len(clean))
        specs = list(clean.spec)

        def load(n: int) -> Image.Image:
            return remove(Spec.from_json(specs[n]), ASPECTS[aspects[n]], "trained", seed + n)

        keys = [f"{spec}:{ASPECTS[aspects[n]]}:trained:{seed + n}" for n, spec in enumerate(specs)]
        return truth.Removals(tuple(clean.index), aspects, truth.Edits(keys, load))

    def mined_references(self, seed: int, most: int = 8) -> Mapping[int, truth.MinedReferences]:
        """All are of the category and as clean or degraded as the triplet's own, and the text stays: what it says alone
        can't tell the two kinds apart, nor can picture quality, nor which picture the text came with."""
        lacking, fitting = (np.random.default_rng([seed, stream]) for stream in (3, 4))
        groups = dict(list(self.labels.groupby(["category", "degradation", "severity"])))
        mined = {}
        for row in np.flatnonzero(self.queries.kind == "presupposing"):
            own = self.labels.loc[self.triplets[row].reference]
            alike = groups[own.category, own.degradation, own.severity]
            has = np.stack([alike[aspect] == value for aspect, value in self.queries.needs[row].items()])
            fits, lacks = (alike.index[which].to_numpy() for which in (has.all(0), ~has.any(0)))
            if len(lacks):
                mined[int(row)] = truth.MinedReferences(_some(fits, most, fitting), _some(lacks, most, lacking))
        return mined


def _some(ids: np.ndarray, most: int, rng: np.random.Generator) -> tuple[str, ...]:
    return tuple(rng.choice(ids, min(most, len(ids)), replace=False))


def _edited(rendered: Rendered, spec: Spec, edit: str, removers: Mapping[str, str], n: int, seed: int) -> Image.Image:
    if edit == truth.UNTOUCHED:
        return rendered.picture
    if edit == truth.DEGRADED:
        return corrupt(rendered.picture, TRAINED[n % len(TRAINED)], SEVERITY, seed)
    if edit.startswith(truth.CONTROL):
        return control(spec, edit.removeprefix(truth.CONTROL), seed)
    return apply(rendered, edit, removers[edit], seed)
