"""The cache of encoded pictures, words and queries, by content: editing words doesn't encode the picture again.

One cache a process, bounded. Keys are hashes of what was sent, so a visitor finds only what the same visitor, or
somebody with the very same picture, could have computed; nothing can be listed.
"""

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from torch import Tensor

from hug.backbones import Words
from hug.gaussians import Query

V = TypeVar("V")


class RecentCache(Generic[V]):
    """The values used last, at most `size`; safe between threads."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._values: dict[tuple[str, ...], V] = {}  # the last is the one used last
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: tuple[str, ...], make: Callable[[], V]) -> V:
        """The value of that key, made when it isn't there; a failure is not stored."""
        with self._lock:
            value = self._values.get(key)
        value = make() if value is None else value
        with self._lock:
            self._values.pop(key, None)
            self._values[key] = value
            while len(self._values) > self.size:
                self._values.pop(next(iter(self._values)))
        return value


TOKENS: RecentCache[Tensor] = RecentCache(128)  # 77 kB each with the embedded backbone
WORDS: RecentCache[Words] = RecentCache(256)  # 37 kB each
QUERIES: RecentCache[Query] = RecentCache(256)  # 25 kB each with K = D = 32
