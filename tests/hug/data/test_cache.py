"""The token cache: laws of resuming and of noticing damage, with a tiny backbone that counts its work."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from hug.backbones import WordIds, Words, WordTokens
from hug.data.cache import BLOCK, CacheError, TokenCache, content_key

ROWS = 2 * BLOCK + 40
KEYS = [f"key {n}" for n in range(ROWS)]


class Counting:
    """The token of a picture is its first pixel; of a text, the codes of its characters."""

    name, fingerprint = "counting", "f1"
    image_tokens, image_dim, text_tokens, text_dim = 2, 3, 4, 5
    word_kind = "tokens"

    def images(self, pictures: Sequence[Image.Image]) -> Tensor:
        pixels = torch.tensor([picture.getpixel((0, 0)) for picture in pictures], dtype=torch.float32)
        return pixels[:, None].expand(-1, 2, 3)

    def words(self, texts: Sequence[str]) -> Words:
        mask = torch.tensor([[n <= len(text) for n in range(4)] for text in texts])
        codes = torch.tensor([[*map(ord, text.ljust(4, "\0"))] for text in texts], dtype=torch.float32)
        return WordTokens(codes[..., None].expand(-1, 4, 5), mask)


class Ids(Counting):
    """A text is one id of a large vocabulary, written as a number."""

    word_kind, text_dim = "ids", 250_000

    def words(self, texts: Sequence[str]) -> Words:
        ids = torch.zeros(len(texts), 4, dtype=torch.long)
        ids[:, 0] = torch.tensor([int(text) for text in texts])
        return WordIds(ids, ids > 0)


class Loader:
    """Gives picture n and remembers which were asked for."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.asked: list[int] = []
        self.stop_at = stop_at

    def __call__(self, n: int) -> Image.Image:
        if n == self.stop_at:
            raise KeyboardInterrupt
        self.asked.append(n)
        return Image.new("RGB", (1, 1), (n // 256, n % 256, 7))


@pytest.fixture
def cache(tmp_path: Path) -> TokenCache:
    return TokenCache(tmp_path / "cache", Counting())


def expected() -> np.ndarray:
    rows = np.array([(n // 256, n % 256, 7) for n in range(ROWS)], np.float16)
    return np.repeat(rows[:, None], 2, axis=1)


def build(cache: TokenCache, load: Loader | None = None) -> np.memmap:
    return cache.tokens("garments-train", KEYS, load or Loader(), progress=False)


def files(cache: TokenCache) -> tuple[Path, Path]:
    (array,) = cache.folder.glob("*.npy")
    return array, array.with_suffix(".json")


def test_rows_are_in_order_and_computed_once(cache: TokenCache) -> None:
    first, again = Loader(), Loader()
    np.testing.assert_array_equal(build(cache, first), expected())
    stored = build(cache, again)
    np.testing.assert_array_equal(stored, expected())
    assert first.asked == list(range(ROWS)) and again.asked == []
    assert isinstance(stored, np.memmap) and stored.dtype == np.float16 and not stored.flags.writeable
    np.testing.assert_array_equal(np.load(files(cache)[0]), expected())  # a plain .npy file


def test_it_resumes_after_a_kill_with_the_blocks_that_are_missing(cache: TokenCache) -> None:
    with pytest.raises(KeyboardInterrupt):
        build(cache, Loader(stop_at=BLOCK + 7))
    rest = Loader()
    np.testing.assert_array_equal(build(cache, rest), expected())
    assert rest.asked == list(range(BLOCK, ROWS))


@pytest.mark.parametrize(("row", "block"), [(3, range(BLOCK)), (ROWS - 1, range(2 * BLOCK, ROWS))])
def test_only_a_damaged_block_is_computed_again(cache: TokenCache, row: int, block: range) -> None:
    build(cache)
    array, _ = files(cache)
    damaged = np.lib.format.open_memmap(array, mode="r+")
    damaged[row, 1, 2] += 1
    damaged.flush()
    again = Loader()
    np.testing.assert_array_equal(build(cache, again), expected())
    assert again.asked == list(block)


def test_a_half_written_block_is_noticed(cache: TokenCache) -> None:
    """The data of a block reaches the disk before its checksum: without one, it counts as absent."""
    build(cache)
    array, record = files(cache)
    sums = json.loads(record.read_text())
    sums["crc32"][1] = None
    record.write_text(json.dumps(sums))
    again = Loader()
    build(cache, again)
    assert again.asked == list(range(BLOCK, 2 * BLOCK))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 99}', '{"format": 1, "block": 256, "crc32": [1]}'])
def test_an_unreadable_record_means_that_nothing_is_known(cache: TokenCache, content: str) -> None:
    build(cache)
    files(cache)[1].write_text(content)
    again = Loader()
    np.testing.assert_array_equal(build(cache, again), expected())
    assert len(again.asked) == ROWS


@pytest.mark.parametrize("keep", [0, 50, 4000])
def test_a_cut_file_is_rebuilt(cache: TokenCache, keep: int) -> None:
    build(cache)
    os.truncate(files(cache)[0], keep)
    np.testing.assert_array_equal(build(cache), expected())


def test_a_missing_array_is_rebuilt(cache: TokenCache) -> None:
    build(cache)
    files(cache)[0].unlink()
    np.testing.assert_array_equal(build(cache), expected())


def test_keys_order_and_backbone_each_have_their_own_cache(cache: TokenCache) -> None:
    build(cache)
    cache.tokens("garments-train", KEYS[::-1], Loader(), progress=False)
    other = Counting()
    other.fingerprint = "f2"
    build(TokenCache(cache.folder, other))
    assert len(list(cache.folder.glob("*.npy"))) == 3


def test_words_with_their_mask(cache: TokenCache) -> None:
    texts = ["", "abc", "a"] * 100
    for _ in range(2):
        tokens, mask = cache.words(texts, progress=False)
        assert tokens.shape == (300, 4, 5) and tokens.dtype == np.float16
        assert mask.shape == (300, 4) and mask.dtype == bool
        assert tokens[1, :, 0].tolist() == [97, 98, 99, 0] and mask[2].tolist() == [True, True, False, False]
        assert tokens[[298, 299]][:, 0, 0].tolist() == [97, 97]


def test_ids_come_back_as_they_were(cache: TokenCache) -> None:
    texts = [str(n) for n in range(1, 249_000, 7)]  # half precision holds a fifth of those up to 30,522
    for _ in range(2):
        ids, mask = TokenCache(cache.folder, Ids()).words(texts, progress=False)
        assert ids.shape == (len(texts), 4) and ids.dtype == np.int32 and mask[:, 0].all()
        assert ids[:, 0].tolist() == [int(text) for text in texts]


def test_nothing_to_cache(cache: TokenCache) -> None:
    assert cache.tokens("empty", [], Loader(), progress=False).shape == (0, 2, 3)
    assert cache.words([], progress=False)[0].shape == (0, 4, 5)


def test_every_unreadable_picture_is_listed_and_the_rest_is_kept(cache: TokenCache) -> None:
    bad = {5, 6, ROWS - 1}

    def load(n: int) -> Image.Image:
        if n in bad:
            raise ValueError(f"picture {n} is damaged")
        return Loader()(n)

    with pytest.raises(CacheError, match="3 of 552 pictures .*picture 5 .*picture 6 .*picture 551 is damaged"):
        cache.tokens("garments-train", KEYS, load, progress=False)
    again = Loader()
    np.testing.assert_array_equal(build(cache, again), expected())
    assert again.asked == [*range(BLOCK), *range(2 * BLOCK, ROWS)]


def test_a_folder_that_is_a_file_is_a_clear_error(cache: TokenCache) -> None:
    cache.folder.write_text("in the way")
    with pytest.raises(CacheError, match="choose another cache folder"):
        build(cache)


def test_a_full_disk_is_a_clear_error_before_any_work(cache: TokenCache, monkeypatch: pytest.MonkeyPatch) -> None:
    full = shutil.disk_usage("/")._replace(free=10)
    monkeypatch.setattr("hug.data.cache.shutil.disk_usage", lambda _: full)
    load = Loader()
    with pytest.raises(CacheError, match="0 MB are free"):
        build(cache, load)
    assert load.asked == []


def test_a_disk_that_fills_up_is_a_clear_error_and_resumes(cache: TokenCache, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("hug.data.cache.os.fsync", refuse)
        with pytest.raises(CacheError, match="No space left on device"):
            build(cache)
    np.testing.assert_array_equal(build(cache), expected())


def test_two_at_once_compute_it_once(cache: TokenCache) -> None:
    loaders, made = [Loader(), Loader()], []
    threads = [threading.Thread(target=lambda load=load: made.append(np.array(build(cache, load)))) for load in loaders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(len(load.asked) for load in loaders) == ROWS
    for array in made:
        np.testing.assert_array_equal(array, expected())


def test_a_name_with_a_path_stays_in_the_folder(cache: TokenCache) -> None:
    cache.tokens("../my shop/é", KEYS[:3], Loader(), progress=False)
    assert [p.parent for p in cache.folder.parent.rglob("*.npy")] == [cache.folder]


def test_progress_starts_where_it_was_left(cache: TokenCache, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        build(cache, Loader(stop_at=BLOCK))
    cache.tokens("garments-train", KEYS, Loader(), progress=True)
    assert "garments-train" in (shown := capsys.readouterr().err) and f"256/{ROWS}" in shown


def test_content_key_is_of_the_bytes(tmp_path: Path) -> None:
    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (content_key(tmp_path / name) for name in "abc")
    assert a == b != c and len(a) == 32
