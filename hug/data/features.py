"""A collection as frozen tokens: its pictures, its wordings, and the views that the extension learns from.

Letters: N pictures, P image tokens, U distinct texts, L words, M triplets.
"""

from collections.abc import Callable, Mapping, Sequence
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
from hug.data.images import open_picture
from hug.data.live import LiveTokens
from hug.data.truth import MinedReferences


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
    tokens: np.ndarray | LiveTokens  # (N, P, Cv) half precision, memory-mapped or computed when read

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
    aspect: np.ndarray  # (R,), index into the truth's aspects


@dataclass(frozen=True)
class Features:
    """All a training or an evaluation reads of one split."""

    collection: Collection
    pictures: Pictures
    texts: Texts
    shorter: dict[str, str]  # training text -> the same with clauses removed
    views: Views | None
    mined: Mapping[int, MinedReferences] = field(default_factory=dict)  # row of a triplet -> references


def tokens_of(array: np.ndarray | LiveTokens, rows: Sequence[int]) -> Tensor:
    """(B, P, Cv) float32 rows of half-precision tokens."""
    return torch.from_numpy(np.asarray(array[list(rows)])).float()


def pictures_of(collection: Collection, cache: TokenCache, progress: bool = True, live: bool = False) -> Pictures:
    """Tokens of every picture that is needed of a collection. Raises ValueError when pictures are missing."""
    collection.require_pictures()
    ids = collection.needed
    row = {i: n for n, i in enumerate(ids)}
    if live:
        return Pictures(tuple(ids), row, LiveTokens(collection, ids, cache.backbone))
    keys = [content_key(collection.path(i)) for i in ids]
    tokens = cache.tokens(_name(collection), keys, lambda n: open_picture(collection.path(ids[n])), progress)
    return Pictures(tuple(ids), row, tokens)


def texts_of(texts: Sequence[str], cache: TokenCache) -> Texts:
    distinct = list(dict.fromkeys(texts))
    tokens, mask = cache.words(distinct)
    return Texts({text: n for n, text in enumerate(distinct)}, tokens, mask)


def evaluation_features(
    collection: Collection,
    backbone: Backbone,
    folder: str | Path,
    text: Callable[[tuple[str, ...]], str] = joined,
    live: bool = False,
) -> Features:
    """Pictures of a validation or test split, and its queries' texts out of their captions."""
    cache = TokenCache(Path(folder), backbone)
    texts = texts_of([text(t.captions) for t in collection.triplets], cache)
    return Features(collection, pictures_of(collection, cache, live=live), texts, {}, None)


def training_features(
    collection: Collection,
    backbone: Backbone,
    folder: str | Path,
    view_seed: int,
    views: bool = True,
    live: bool = False,
) -> Features:
    """Pictures, the four forms of each caption pair with a shortened form each, and the views.

    Raises ValueError for views of live tokens, which are always kept.
    """
    if live and views:
        raise ValueError("an objective with degraded views keeps its tokens on disk; use --tokens cached")
    cache = TokenCache(Path(folder), backbone)
    forms = [text for t in collection.triplets for text in training_texts(t.captions)]
    shorter = shortened(forms, view_seed)
    pictures = pictures_of(collection, cache, live=live)
    both = _views(collection, pictures, cache, view_seed) if views else None
    texts = texts_of([*forms, *shorter.values()], cache)
    mined = collection.truth.mined_references(view_seed) if collection.truth else {}
    return Features(collection, pictures, texts, shorter, both, mined)


def shortened(texts: Sequence[str], seed: int) -> dict[str, str]:
    """One shorter text for each distinct non-empty text; the empty text is the shortest of all."""
    rng = np.random.default_rng([seed, 0])
    return {text: shorten(text, rng) for text in dict.fromkeys(texts) if text}


def view_plan(ids: Sequence[str], seed: int) -> pd.DataFrame:
    """Columns id, kind, less, more: which degradation each picture's two views get, severities 1-5."""
    rng = np.random.default_rng([seed, 1])
    less = rng.integers(1, 4, len(ids))
    kind = rng.choice(TRAINED, len(ids))
    more = less + 1 + (rng.random(len(ids)) * (5 - less)).astype(int)
    return pd.DataFrame({"id": list(ids), "kind": kind, "less": less, "more": more})


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

    less, more = degraded("less"), degraded("more")
    if collection.truth is None:
        return Views(less, more, None, {}, np.empty(0, int))
    removals = collection.truth.removals(seed)
    removed = cache.tokens(f"{_name(collection)}-removed", removals.edits.keys, removals.edits.load)
    return Views(less, more, removed, {i: n for n, i in enumerate(removals.ids)}, removals.aspects)


def _name(collection: Collection) -> str:
    return f"{collection.name}-{collection.split}"
