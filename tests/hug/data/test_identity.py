"""A picture is its content: a name, a date or a copy changes nothing, a pixel does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from hug.data.identity import content_hash
from tests.hug.conftest import noise_pictures


def test_names_and_dates_are_not_content_and_bytes_are(tmp_path: Path):
    one, copy, other = (tmp_path / name for name in ("0001.png", "b.jpg", "0002.png"))
    one.write_bytes(b"some bytes")
    copy.write_bytes(b"some bytes")
    other.write_bytes(b"some bytez")  # the same size, and the same time
    os.utime(other, ns=(one.stat().st_atime_ns, one.stat().st_mtime_ns))
    assert content_hash(one) == content_hash(copy) == content_hash(b"some bytes") != content_hash(other)


def test_pixels_count_with_their_shape_and_mode():
    one, two = noise_pictures(2)
    assert content_hash(one) == content_hash(one.copy()) != content_hash(two)
    assert content_hash(Image.new("L", (2, 3))) != content_hash(Image.new("L", (3, 2)))
    assert content_hash(Image.new("L", (3, 1))) != content_hash(Image.new("RGB", (1, 1)))


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path):
    with pytest.raises(OSError):
        content_hash(tmp_path / "absent.png")
