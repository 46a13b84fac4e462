"""A write that fails leaves the old content."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch

from hug.files import commit, write_json, write_parquet, write_tensors, write_text


def test_a_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "x.json"
    write_json(path, {"a": 1})
    before = path.read_text()
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("no space")))
    for write, value in ((write_text, "new"), (write_tensors, {"a": torch.ones(2)})):
        with pytest.raises(OSError, match="no space"):
            write(path, value)
    with pytest.raises(OSError, match="no space"):
        write_parquet(path, pd.DataFrame({"a": [1]}))
    assert path.read_text() == before


def test_tensors_may_be_views(tmp_path: Path):
    whole = torch.arange(6.0).view(2, 3)
    write_tensors(tmp_path / "x.safetensors", {"a": whole.T, "b": whole[1]})
    assert [p.name for p in tmp_path.iterdir()] == ["x.safetensors"]


def test_the_commit_is_named_or_unknown():
    name = commit()
    assert name == "unknown" or len(name.removesuffix("-changed")) == 12
