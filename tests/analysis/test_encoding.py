from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from PIL import Image

from analysis import encoding
from analysis.encoding import RecentCache
from analysis.session import Session
from hug.data.identity import content_hash


@pytest.fixture
def counted(session: Session, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the backbone was asked to encode."""
    seen: list[str] = []

    def counting(name: str, encode: Callable) -> Callable:
        def wrapped(things: list) -> object:
            seen.extend([name] * len(things))
            return encode(things)

        return wrapped

    for name in ("images", "words"):
        monkeypatch.setattr(session.model.backbone, name, counting(name, getattr(session.model.backbone, name)))
    for name, size in (("TOKENS", 4), ("WORDS", 4), ("QUERIES", 4)):
        monkeypatch.setattr(encoding, name, RecentCache(size))
    return seen


def test_only_what_changed_is_encoded(session: Session, counted: list[str]) -> None:
    picture = session.picture("noise/0")
    session.trace(picture, "red")
    assert counted == ["images", "words"]
    session.trace(picture, "red", session.search(3, "dress", "noise/0", [1, 2], use_var=False, dynamic=False))
    assert counted == ["images", "words"]  # ranking again encodes nothing
    session.trace(session.picture("noise/0"), "blue")
    assert counted == ["images", "words", "words"]  # other words: the picture stays
    session.trace(session.picture("noise/1"), "blue")
    assert counted[3:] == ["images"]  # and another picture: the words do


def test_cached_is_the_same_as_encoded(session: Session) -> None:
    picture = session.picture("noise/2")
    fresh = session.model.query([picture], ["is red"])
    for _ in range(2):
        again = session.query(picture, "is red")
        assert torch.equal(again.mu, fresh.mu) and torch.equal(again.var, fresh.var)


def test_many_sentences_of_one_picture(session: Session) -> None:
    picture, texts = session.picture("noise/3"), [f"red {n}" for n in range(40)]
    together = session.queries(session.tokens(picture), texts)
    assert len(together) == 40
    alone = session.model.query([picture], [texts[37]])
    assert torch.allclose(together.mu[37], alone.mu[0], atol=1e-5)


def test_memory_is_bounded_and_forgets_the_oldest() -> None:
    memory: RecentCache[int] = RecentCache(2)
    made = []

    def make(n: int) -> Callable[[], int]:
        return lambda: made.append(n) or n

    for n in (1, 2, 1, 3, 1, 2):
        assert memory.get((str(n),), make(n)) == n
    assert len(memory) == 2 and made == [1, 2, 3, 2]


def test_a_failure_is_not_stored() -> None:
    memory: RecentCache[int] = RecentCache(2)
    with pytest.raises(ZeroDivisionError):
        memory.get(("a",), lambda: 1 // 0)
    assert memory.get(("a",), lambda: 7) == 7


def test_a_key_names_pixels_and_size() -> None:
    flat = Image.new("RGB", (2, 8), "red")
    assert content_hash(flat) == content_hash(flat.copy())
    assert (
        len({content_hash(p) for p in (flat, Image.new("RGB", (8, 2), "red"), Image.new("RGB", (2, 8), "blue"))}) == 3
    )
