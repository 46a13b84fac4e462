"""Frozen tokens on disk: computed once, memory-mapped, resumed after a kill, checked at every opening.

A cache is `{name}-{hash}.npy`, laid out in full at the start, and `{name}-{hash}.json` with one CRC-32 per block of
256 rows, written after that block is on disk. A block without a matching checksum is computed again; the others
stay. The hash covers the backbone's fingerprint and the list of keys, so nothing stale can be read; a folder of
caches can be deleted at any time. Letters: N rows, P, Cv image tokens, L, Ct word tokens.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import re
import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from PIL import Image
from tqdm import tqdm

from hug.backbones import Backbone
from hug.files import write_json

FORMAT = 1
BLOCK = 256  # rows a checksum: 10 MB of image tokens, about three seconds of computing to lose
TOGETHER = 8  # pictures in memory at once; at the 25 megapixels allowed that is 0.6 GB

log = logging.getLogger(__name__)


class CacheError(ValueError):
    """The folder can't be written, or rows can't be computed."""


def content_key(path: Path) -> str:
    """32 hex digits of a file's content (BLAKE2b); append what else makes a picture, such as ":blur:3:17"."""
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()


class TokenCache:
    """Tokens of one backbone in one folder."""

    def __init__(self, folder: Path, backbone: Backbone) -> None:
        self.folder, self.backbone = Path(folder), backbone

    def tokens(
        self, name: str, keys: Sequence[str], load: Callable[[int], Image.Image], progress: bool = True
    ) -> np.memmap:
        """(N, P, Cv) float16, read-only; `load(n)` gives the picture of `keys[n]` and is called where needed.

        Raises CacheError with how many pictures' `load` raised a ValueError and the first of them, after the rest is
        done, and CacheError for a folder that can't be written or a full disk.
        """
        dtype = np.dtype(("<f2", (self.backbone.image_tokens, self.backbone.image_dim)))
        blocks = self._blocks(name, keys, dtype)
        return blocks.filled(lambda rows: self._pictures(rows, load), progress)

    def words(self, texts: Sequence[str], progress: bool = True) -> tuple[np.ndarray, np.ndarray]:
        """(N, L, Ct) float16 tokens or (N, L) int32 ids, memory-mapped and read-only, and the mask (N, L) bool.

        Raises CacheError for a folder that can't be written or a full disk.
        """
        length, dim = self.backbone.text_tokens, self.backbone.text_dim
        kinds = {"tokens": ("tokens", "<f2", (length, dim)), "ids": ("ids", "<i4", (length,))}
        content = kinds[self.backbone.word_kind]
        dtype = np.dtype([content, ("mask", "?", (length,))])

        def compute(rows: range) -> np.ndarray:
            words = self.backbone.words([texts[n] for n in rows])
            block = np.empty(len(rows), dtype)
            block[content[0]], block["mask"] = words.content.cpu().numpy(), words.mask.cpu().numpy()
            return block

        stored = self._blocks("words", texts, dtype).filled(compute, progress)
        return stored[content[0]], np.ascontiguousarray(stored["mask"])

    def _blocks(self, name: str, keys: Sequence[str], dtype: np.dtype[Any]) -> Blocks:
        identity = json.dumps([FORMAT, self.backbone.fingerprint, str(dtype), list(keys)]).encode()
        digest = hashlib.blake2b(identity, digest_size=12).hexdigest()
        return Blocks(self.folder / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}-{digest}.npy", len(keys), dtype)

    def _pictures(self, rows: range, load: Callable[[int], Image.Image]) -> np.ndarray:
        tokens, failures = [], []
        for start in range(0, len(rows), TOGETHER):
            pictures = []
            for n in rows[start : start + TOGETHER]:
                try:
                    pictures.append(load(n))
                except ValueError as error:
                    failures.append(str(error))
            if not failures:
                tokens.append(self.backbone.images(pictures).cpu().numpy().astype("<f2"))
        if failures:
            raise Unreadable(*failures)
        return np.concatenate(tokens)


class Unreadable(Exception):
    """Rows of one block could not be loaded; its arguments say why, one sentence a row."""


@dataclass(frozen=True)
class Blocks:
    """Rows of one dtype in a preallocated .npy file, with a checksum per block beside it."""

    path: Path
    rows: int
    dtype: np.dtype[Any]

    def filled(self, compute: Callable[[range], np.ndarray], progress: bool) -> np.memmap:
        """(N, ...) read-only rows; blocks that are absent or damaged are computed first."""
        with self._using():
            complete = self._laid_out() and None not in self.sums()
        if not complete:
            with self._alone():
                self._fill(compute, progress)
        with self._using():
            return np.load(self.path, mmap_mode="r", allow_pickle=False)

    def sums(self) -> list[int | None]:
        """Checksum of every block that is on disk as it was written; None for the others."""
        recorded = self._recorded()
        if not self._laid_out():
            return [None] * len(recorded)
        with self.path.open("rb") as file:
            file.seek(len(self._header))
            for n, expected in enumerate(recorded):
                content = file.read(len(self._block(n)) * self.dtype.itemsize)
                if expected is not None and zlib.crc32(content) != expected:
                    log.warning("%s: block %d is damaged and is computed again", self.path, n)
                    recorded[n] = None
        return recorded

    def _fill(self, compute: Callable[[range], np.ndarray], progress: bool) -> None:
        with self._using():
            sums = self.sums()  # read again: another process may have filled it meanwhile
            if not self._laid_out():
                self._lay_out()
        done = sum(len(self._block(n)) for n, value in enumerate(sums) if value is not None)
        failures: list[str] = []
        title = self.path.stem.rsplit("-", 1)[0]
        with tqdm(total=self.rows, initial=done, desc=title, disable=not progress) as bar:
            for n in (n for n, value in enumerate(sums) if value is None):
                try:
                    content = np.ascontiguousarray(compute(self._block(n))).tobytes()
                    sums[n] = self._write(n, content)
                    self._record(sums)
                except Unreadable as error:
                    failures += error.args
                bar.update(len(self._block(n)))
        if failures:
            few = "; ".join(failures[:10]) + ("; …" if len(failures) > 10 else "")
            hint = "python -m hug doctor lists all of a data set"
            raise CacheError(f"{len(failures)} of {self.rows} pictures can't be read: {few}; {hint}")

    def _block(self, n: int) -> range:
        return range(n * BLOCK, min((n + 1) * BLOCK, self.rows))

    @property
    def _header(self) -> bytes:
        file = io.BytesIO()
        base, shape = self.dtype.subdtype or (self.dtype, ())
        fields = {"descr": np.lib.format.dtype_to_descr(base), "fortran_order": False, "shape": (self.rows, *shape)}
        np.lib.format.write_array_header_1_0(file, fields)
        return file.getvalue()

    def _laid_out(self) -> bool:
        header = self._header
        try:
            with self.path.open("rb") as file:
                whole = os.fstat(file.fileno()).st_size == len(header) + self.rows * self.dtype.itemsize
                return whole and file.read(len(header)) == header
        except FileNotFoundError:
            return False

    def _lay_out(self) -> None:
        """A file of full length, put in place at once: a process that maps the old one keeps it."""
        header, part = self._header, self.path.with_name(self.path.name + ".part")
        size = len(header) + self.rows * self.dtype.itemsize
        free = shutil.disk_usage(self.path.parent).free
        if free < size:
            raise CacheError(
                f"{self.path.parent}: the cache needs {size / 2**20:.0f} MB and {free / 2**20:.0f} MB are free; "
                "free space or choose another cache folder"
            )
        with part.open("wb") as file:
            file.write(header)
            file.truncate(size)
        os.replace(part, self.path)

    def _write(self, n: int, content: bytes) -> int:
        """Plain writes, not the map: a full disk is then an error, not the end of the process."""
        if len(content) != len(self._block(n)) * self.dtype.itemsize:
            raise CacheError(f"{self.path}: block {n} has {len(content)} bytes; the backbone gave another shape")
        with self._using(), self.path.open("r+b") as file:
            file.seek(len(self._header) + n * BLOCK * self.dtype.itemsize)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return zlib.crc32(content)

    def _recorded(self) -> list[int | None]:
        """The checksums written so far; a missing or malformed record means that nothing is known."""
        count = -(-self.rows // BLOCK)
        try:
            record = json.loads(self.path.with_suffix(".json").read_text())
            sums = record["crc32"]
            if (record["format"], record["block"], len(sums)) == (FORMAT, BLOCK, count):
                return [value if isinstance(value, int) else None for value in sums]
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            pass
        return [None] * count

    def _record(self, sums: list[int | None]) -> None:
        with self._using():
            write_json(self.path.with_suffix(".json"), {"format": FORMAT, "block": BLOCK, "crc32": sums})

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process fills a cache; the system frees the lock when that process ends, however it ends."""
        with self._using():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path.with_suffix(".lock"))
            try:
                lock.acquire(timeout=0)
            except Timeout:
                log.warning("%s is being computed by another process; waiting for it", self.path.name)
                lock.acquire()
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _using(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CacheError(
                f"{self.path.parent}: the token cache can't be read or written ({error.strerror or error}); "
                "free space or choose another cache folder"
            ) from error
