"""Packed galleries hold the pictures that were asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from hug.__main__ import main
from hug.data.garments import Sizes, build
from hug.retrieval.gallery import read_gallery


def test_clean_and_degraded_pictures_are_packed_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = build(tmp_path / "set", Sizes((0, 20, 20), (0, 5, 5)), 1, "small", progress=False)
    packed = {}
    for only in ("all", "clean", "degraded"):
        out = tmp_path / f"{only}.parquet"
        options = ["--root", str(root), "--out", str(out), "--only", only, "--per-category", "20", "--quality", "60"]
        assert main(["gallery", *options]) == 0
        source = read_gallery(out)
        packed[only] = set(source.ids)
        assert all({each.reference, each.target} <= packed[only] and each.words for each in source.samples)
        assert {each.kind for each in source.samples} <= {"specific", "presupposing", "vague", "conflict"}
        assert bool(source.samples) or only == "degraded"
        faults = [fault != "none" for fault in source.meta["degradation"]]
        assert {"all": any(faults), "clean": not any(faults), "degraded": all(faults)}[only]
    assert packed["clean"] | packed["degraded"] == packed["all"]
    assert len(packed["clean"]) == 48 and len(packed["degraded"]) == 12
    assert (tmp_path / "clean.parquet").stat().st_size < (tmp_path / "all.parquet").stat().st_size
    capsys.readouterr()
