"""The cache of encoded pictures and queries, by content: editing words doesn't encode the picture again.

One cache a process, bounded. Keys are hashes of what was sent, so a visitor finds only what the same visitor, or
somebody with the very same picture, could have computed; nothing can be listed.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar

import torch
from PIL import Image
from torch import Tensor

from hug.gaussians import Query
from hug.model import HUG

V = TypeVar("V")
PICTURES = 128  # 77 kB each with the embedded backbone
QUERIES = 256  # 25 kB each with K = D = 32
TOGETHER = 32  # sentences encoded in one pass


class RecentCache(Generic[V]):
    """The values used last, at most `size`; safe between threads."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._values: OrderedDict[tuple[str, ...], V] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: tuple[str, ...], make: Callable[[], V]) -> V:
        """The value of that key, made when it isn't there; a failure is not stored."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self.size:
                self._values.popitem(last=False)
        return value


_TOKENS: RecentCache[Tensor] = RecentCache(PICTURES)
_QUERIES: RecentCache[Query] = RecentCache(QUERIES)


def picture_key(picture: Image.Image) -> str:
    """Names the pixels of a picture."""
    head = f"{picture.mode} {picture.size}".encode()
    return hashlib.sha256(head + picture.tobytes()).hexdigest()


def image_tokens(model: HUG, picture: Image.Image, key: str | None = None) -> Tensor:
    """(1, P, Cv) frozen tokens of a picture; models on the same backbone share them."""
    place = (model.backbone.fingerprint, key or picture_key(picture))
    return _TOKENS.get(place, lambda: model.backbone.images([picture]))


def query(model: HUG, weights: str, picture: Image.Image, words: str) -> Query:
    """The query (B = 1) of one picture and one sentence; `weights` is the model's hash, which takes time to make."""
    key = picture_key(picture)

    def encoded() -> Query:
        return queries(model, image_tokens(model, picture, key), [words])

    return _QUERIES.get((weights, key, words), encoded)


def queries(model: HUG, tokens: Tensor, texts: Sequence[str]) -> Query:
    """B queries of one picture's tokens (1, P, Cv) with B sentences; the picture is not encoded again."""
    parts = []
    with torch.no_grad():
        for start in range(0, len(texts), TOGETHER):
            words = model.backbone.words(texts[start : start + TOGETHER])
            parts.append(model.query_tokens(tokens.expand(len(words), -1, -1), words))
    return Query.cat(parts)
