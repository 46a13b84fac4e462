"""How many may visit at once and how fast each may ask: bounds on memory and on pace, by session and by address."""

import time
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

from gradio.state_holder import SessionState, StateHolder

SESSIONS = 256  # pages open at once whose state is kept
PAGES = 32  # of them from one address
ADDRESSES = 4096  # whose pace is remembered; the one that asked longest ago is forgotten first


class Refusal(Exception):
    """A request that isn't answered: the status and one sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


class Pace:
    """At most `burst` requests of an address at once, and `rate` a second for long."""

    def __init__(self, rate: float, burst: int) -> None:
        self.rate, self.burst = rate, burst
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # address -> tokens, when counted

    def check(self, address: str) -> None:
        """Count one request. Raises Refusal when it comes too soon."""
        now = time.monotonic()
        left, then = self._left.pop(address, (float(self.burst), now))
        left = min(self.burst, left + (now - then) * self.rate)
        self._left[address] = (max(left - 1, 0.0), now) if left >= 1 else (left, now)
        if len(self._left) > ADDRESSES:
            self._left.popitem(last=False)
        if left < 1:
            raise Refusal(429, "Too many requests from one address: wait a moment and try again.")


class Visit(SessionState):
    """What is kept of one session: its states, without the copy of the page that only deep links would read."""

    def __init__(self, blocks: Any) -> None:
        super().__init__(_Bare(blocks))  # type: ignore[arg-type]

    def _update_config(self, key: int) -> None:
        pass

    def _update_value_in_config(self, key: int, value: Any) -> None:
        pass

    def __setitem__(self, key: int, value: Any) -> None:
        super().__setitem__(key, value)
        self.config_values.clear()


class _Bare:
    """A page as `SessionState` reads it when it starts, with no components to copy."""

    def __init__(self, blocks: Any) -> None:
        self.default_config, self.blocks = blocks.default_config, ()


class Visits(StateHolder):
    """Sessions, bounded: beyond the bound goes the one unused for longest, those with an open page last."""

    def __init__(self, most: int = SESSIONS, pages: int = PAGES) -> None:
        super().__init__()
        self.most, self.pages = most, pages
        self._open: Counter[str] = Counter()  # session -> pages that hold it open
        self._addresses: Counter[str] = Counter()  # address -> its open pages

    def set_blocks(self, blocks: Any) -> None:
        super().set_blocks(blocks)
        self.capacity = self.most

    def __getitem__(self, session_id: str) -> SessionState:
        with self.lock:
            if session_id not in self.session_data:
                self.session_data[session_id] = Visit(self.blocks)
            self.session_data.move_to_end(session_id)
            visit = self.session_data[session_id]
            while len(self.session_data) > self.most:
                candidates = (name for name in self.session_data if name != session_id)
                gone = next((name for name in candidates if not self._open[name]), next(iter(self.session_data)))
                self.session_data.pop(gone)
        return visit

    def check(self, session: str) -> None:
        """Raises Refusal for a new session while as many pages as may be are open."""
        if session not in self.session_data and len(self._open) >= self.most:
            raise Refusal(503, "Too many people are here right now: try again in a few minutes.")

    @contextmanager
    def page(self, session: str, address: str) -> Iterator[None]:
        """While a page is open. Raises Refusal when one more can't be."""
        self.check(session)
        if self._addresses[address] >= self.pages:
            raise Refusal(429, f"At most {self.pages} pages can be open from one address: close one.")
        self._open[session] += 1
        self._addresses[address] += 1
        try:
            yield
        finally:
            for counts, name in ((self._open, session), (self._addresses, address)):
                counts[name] -= 1
                if counts[name] <= 0:
                    del counts[name]


def address_of(client: Any) -> str:
    """Who counts as one: an IPv4 address, or the first half of an IPv6 one, which is a household's."""
    host = str(client[0]) if client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return host[:64]
    if address.version == 4:
        return str(address)
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped) if mapped else ":".join(address.exploded.split(":")[:4])
