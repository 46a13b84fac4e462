"""A collection as frozen tokens: its pictures, its wordings, and the views that the extension learns from.

Letters: N pictures, P image tokens, U distinct texts, L words, M triplets.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor

from hug.backbones import Backbone, Words
from hug.data.cache import TokenCache, content_key
from hug.data.captions import joined, shorten, training_texts
from hug.data.collection import Collection
from hug.data.corruptions import TRAINED, corrupt
from hug.data.garments import ASPECTS, Spec, remove
from hug.data.images import open_picture


@dataclass(frozen=True)
class Texts:
    """Distinct texts with their frozen tokens."""

    row: dict[str, int]
    tokens: np.ndarray  # (U, L, Ct) half precision, or (U, L) ids as integers; memory-mapped
    mask: np.ndarray  # (U, L) bool

    def take(self, texts: Sequence[str]) -> Words:
        """B texts, L the longest of them: padding costs time."""
        rows = [self.row[text] for text in texts]
        mask = self.mask[rows]
        longest = int(mask.sum(1).max())
        content = torch.from_numpy(self.tokens[rows, :longest])
        return Words.of(
            content.float() if content.is_floating_point() else content, torch.from_numpy(mask[:, :longest])
        )


@dataclass(frozen=True)
class Pictures:
    """Pictures of a collection with their frozen tokens, in the order of `ids`."""

    ids: tuple[str, ...]
    row: dict[str, int]
    tokens: np.ndarray  # (N, P, Cv) half precision, memory-mapped

    def take(self, ids: Sequence[str]) -> Tensor:
        """(B, P, Cv) float tokens."""
        return tokens_of(self.tokens, [self.row[i] for i in ids])


@dataclass(frozen=True)
class Views:
    """Per picture a slightly and a more degraded view of the same kind, and one with an aspect removed."""

    less: np.ndarray  # (N, P, Cv)
    more: np.ndarray  # (N, P, Cv)
    removed: np.ndarray | None  # (R, P, Cv); None where no aspect's region is known
    removed_row: dict[str, int]  # picture id -> row of `removed`
    aspect: np.ndarray  # (R,), index into garments.ASPECTS


@dataclass(frozen=True)
class Mined:
    """Ids of pictures as clean or spoiled as a triplet's reference: with all that its text presupposes, and without."""

    fits: tuple[str, ...]  # never empty: the triplet's own reference is one
    lacks: tuple[str, ...]  # never empty


@dataclass(frozen=True)
class Features:
    """All a training or an evaluation reads of one split."""

    collection: Collection
    pictures: Pictures
    texts: Texts
    shorter: dict[str, str]  # training text -> the same with clauses removed
    views: Views | None
    mined: dict[int, Mined] = field(default_factory=dict)  # row of a triplet -> mined references


def tokens_of(array: np.ndarray, rows: Sequence[int]) -> Tensor:
    """(B, P, Cv) float32 rows of a memory-mapped half-precision array."""
    return torch.from_numpy(np.asarray(array[list(rows)])).float()


def pictures_of(collection: Collection, cache: TokenCache, progress: bool = True) -> Pictures:
    """Tokens of every picture of a collection.

    Raises ValueError with the full list when pictures are missing.
    """
    collection.require_pictures()
    ids = collection.ids
    keys = [content_key(collection.path(i)) for i in ids]
    tokens = cache.tokens(_name(collection), keys, lambda n: open_picture(collection.path(ids[n])), progress)
    return Pictures(tuple(ids), {i: n for n, i in enumerate(ids)}, tokens)


def texts_of(texts: Sequence[str], cache: TokenCache) -> Texts:
    distinct = list(dict.fromkeys(texts))
    tokens, mask = cache.words(distinct)
    return Texts({text: n for n, text in enumerate(distinct)}, tokens, mask)


def query_text(captions: tuple[str, str]) -> str:
    """The text of an evaluated query: `fiq-std`, both captions joined by " and "."""
    return joined(captions)


def evaluation_features(collection: Collection, backbone: Backbone, folder: str | Path) -> Features:
    """Pictures and joined captions of a validation or test split."""
    cache = TokenCache(Path(folder), backbone)
    texts = [query_text(t.captions) for t in collection.triplets]
    return Features(collection, pictures_of(collection, cache), texts_of(texts, cache), {}, None)


def training_features(
    collection: Collection, backbone: Backbone, folder: str | Path, view_seed: int, views: bool = True
) -> Features:
    """Pictures, the four forms of each caption pair with a shortened form each, and the views."""
    cache = TokenCache(Path(folder), backbone)
    forms = [text for t in collection.triplets for text in training_texts(t.captions)]
    shorter = shortened(forms, view_seed)
    pictures = pictures_of(collection, cache)
    made = _views(collection, pictures, cache, view_seed) if views else None
    texts = texts_of([*forms, *shorter.values()], cache)
    return Features(collection, pictures, texts, shorter, made, mined_references(collection, view_seed))


def mined_references(collection: Collection, seed: int, most: int = 8) -> dict[int, Mined]:
    """For each triplet whose text presupposes something: references that have all of it, and some that lack all of it.

    All are pictures of the category, as clean or spoiled as the triplet's own; the text stays: what the text says
    alone can't tell the two kinds apart, nor can picture quality, nor which picture the text came with. Empty where
    presuppositions and attributes are unknown (real data).
    """
    triplets, images = triplet_truth(collection), garment_truth(collection.root)
    if triplets is None or images is None:
        return {}
    lacking, fitting = (np.random.default_rng([seed, stream]) for stream in (3, 4))
    images = images[images.split == collection.split].set_index("id")
    groups = dict(list(images.groupby(["category", "degradation", "severity"])))
    found = {}
    for row, (kind, needs) in enumerate(zip(triplets.kind, triplets.needs, strict=True)):
        if kind != "presupposing":
            continue
        own = images.loc[collection.triplets[row].reference]
        others = groups[own.category, own.degradation, own.severity]
        has = np.stack([others[aspect] == value for aspect, value in json.loads(needs).items()])  # (needs, pictures)
        fits, lacks = (others.index[which].to_numpy() for which in (has.all(0), ~has.any(0)))
        if len(lacks):
            found[row] = Mined(_some(fits, most, fitting), _some(lacks, most, lacking))
    return found


def _some(ids: np.ndarray, most: int, rng: np.random.Generator) -> tuple[str, ...]:
    return tuple(rng.choice(ids, min(most, len(ids)), replace=False))


def shortened(texts: Sequence[str], seed: int) -> dict[str, str]:
    """One shorter text for each distinct non-empty text; the empty text is the shortest of all."""
    rng = np.random.default_rng([seed, 0])
    return {text: shorten(text, rng) for text in dict.fromkeys(texts) if text}


def view_plan(ids: Sequence[str], seed: int) -> pd.DataFrame:
    """Columns id, kind, less, more: which degradation each picture's two views get, severities 1-5."""
    rng = np.random.default_rng([seed, 1])
    less = rng.integers(1, 4, len(ids))
    return pd.DataFrame(
        {
            "id": list(ids),
            "kind": rng.choice(TRAINED, len(ids)),
            "less": less,
            "more": less + 1 + (rng.random(len(ids)) * (5 - less)).astype(int),
        }
    )


def _views(collection: Collection, pictures: Pictures, cache: TokenCache, seed: int) -> Views:
    plan = view_plan(pictures.ids, seed)
    paths = [collection.path(i) for i in pictures.ids]
    keys = [content_key(path) for path in paths]

    def degraded(column: str) -> np.ndarray:
        severity = plan[column].to_numpy()

        def load(n: int) -> Image.Image:
            return corrupt(open_picture(paths[n]), plan.kind[n], int(severity[n]), seed=seed + n)

        names = [f"{key}:{plan.kind[n]}:{severity[n]}:{seed + n}" for n, key in enumerate(keys)]
        return cache.tokens(f"{_name(collection)}-{column}", names, load)

    removed, rows, aspect = _removed(collection, pictures, cache, seed)
    return Views(degraded("less"), degraded("more"), removed, rows, aspect)


def _removed(
    collection: Collection, pictures: Pictures, cache: TokenCache, seed: int
) -> tuple[np.ndarray | None, dict[str, int], np.ndarray]:
    truth = garment_truth(collection.root)
    if truth is None:
        return None, {}, np.empty(0, int)
    clean = truth[(truth.degradation == "none") & truth.id.isin(pictures.row)]
    rng = np.random.default_rng([seed, 2])
    aspect = rng.integers(0, len(ASPECTS), len(clean))
    specs = list(clean.spec)

    def load(n: int) -> Image.Image:
        return remove(Spec.from_json(specs[n]), ASPECTS[aspect[n]], "trained", seed + n)

    keys = [f"{spec}:{ASPECTS[aspect[n]]}:trained:{seed + n}" for n, spec in enumerate(specs)]
    tokens = cache.tokens(f"{_name(collection)}-removed", keys, load)
    return tokens, {i: n for n, i in enumerate(clean.id)}, aspect


def garment_truth(root: Path) -> pd.DataFrame | None:
    """One row a generated picture (attributes, degradation, severity, spec); None for real data."""
    path = Path(root) / "truth" / "images.parquet"
    return pd.read_parquet(path) if path.exists() else None


def triplet_truth(collection: Collection) -> pd.DataFrame | None:
    """One row a triplet, aligned with `collection.triplets`; None for real data."""
    path = Path(collection.root) / "truth" / "triplets.parquet"
    if not path.exists():
        return None
    truth = pd.read_parquet(path)
    truth = truth[truth.split == collection.split].set_index(["category", "row"])
    seen: dict[str, int] = {}
    order = []
    for triplet in collection.triplets:
        order.append((triplet.category, seen.get(triplet.category, 0)))
        seen[triplet.category] = order[-1][1] + 1
    return truth.loc[order].reset_index()


def coordination_pairs(collection: Collection) -> list[dict[str, object]]:
    """The same text with a reference it fits and one it doesn't; empty for real data."""
    path = Path(collection.root) / "truth" / "coordination.json"
    if not path.exists():
        return []
    pairs = json.loads(path.read_text())
    return [p for p in pairs if p["split"] == collection.split and p["category"] in collection.galleries]


def _name(collection: Collection) -> str:
    return f"{collection.name}-{collection.split}"
