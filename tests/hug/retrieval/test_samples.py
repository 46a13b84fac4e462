"""Questions with a known answer lie beside a gallery, and only those about its pictures are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from hug.retrieval.samples import SampleQuery, read_samples, samples_path, write_samples

SAMPLES = [SampleQuery("a", "b", "is red", "vague"), SampleQuery("a", "elsewhere", "is blue", "specific")]


def test_what_is_written_is_read_for_pictures_that_are_there(tmp_path: Path) -> None:
    gallery = tmp_path / "gallery.parquet"
    assert read_samples(gallery, {"a", "b"}) == ()
    assert write_samples(gallery, SAMPLES) == samples_path(gallery) == tmp_path / "gallery-queries.parquet"
    assert read_samples(gallery, {"a", "b"}) == (SAMPLES[0],)
    write_samples(gallery, [])
    assert read_samples(gallery, {"a", "b"}) == ()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    samples_path(tmp_path / "gallery.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(ValueError, match="gallery-queries.parquet holds no questions"):
        read_samples(tmp_path / "gallery.parquet", {"a"})
