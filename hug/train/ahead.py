"""Batches of the steps to come, read in threads while a step computes."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """What `make` gives for a step. It is a pure function, so reading ahead changes nothing but the time."""

    def __init__(self, make: Callable[[int], T], workers: int, end: int) -> None:
        """With no workers a batch is made when it is asked for; steps from `end` on are never made ahead."""
        self.make, self.workers, self.end = make, workers, end
        self._pool = ThreadPoolExecutor(workers, "batches") if workers else None
        self._futures: dict[int, Future[T]] = {}

    def at(self, step: int) -> T:
        """Raises what `make` raised."""
        if self._pool is None:
            return self.make(step)
        for number in range(step, max(step + 1, min(step + 1 + self.workers, self.end))):
            if number not in self._futures:
                self._futures[number] = self._pool.submit(self.make, number)
        return self._futures.pop(step).result()

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
