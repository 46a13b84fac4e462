"""Files of somebody else's are refused in one sentence, before they take memory or time."""

from __future__ import annotations

import json
import os
import resource
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet
from safetensors.torch import load_file, save_file

from hug.bounded import brief, check_file, check_table, read_json, refusing
from hug.checkpoint import CheckpointError, load, save_model
from hug.config import OBJECTIVES
from hug.retrieval.gallery import read_gallery
from tests.hug.conftest import PixelBackbone, small_model

Change = Callable[[Path], Any]


def configured(**changes: Any) -> Change:
    def change(folder: Path) -> None:
        path = folder / "config.json"
        config = json.loads(path.read_text())
        path.write_text(json.dumps({**config, "model": {**config["model"], **changes}}))

    return change


def written(name: str, content: bytes) -> Change:
    def change(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)

    return change


def weighed(**tensors: Any) -> Change:
    """Other tensors under these names (`__` for a dot); None takes one away."""

    def change(folder: Path) -> None:
        path = folder / "model.safetensors"
        state = load_file(path)
        for name, make in tensors.items():
            key = name.replace("__", ".")
            if make is None:
                state.pop(key)
            else:
                state[key] = make(state.get(key))
        save_file(state, path)

    return change


def replaced(name: str, make: Change) -> Change:
    def change(folder: Path) -> None:
        (folder / name).unlink()
        make(folder / name)

    return change


def unpacking(folder: Path) -> None:
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 2000, pa.int32()), ["x" * 2_000_000])
    parquet.write_table(
        pa.table({"side": column}), folder / "validation.parquet", compression="zstd", store_schema=False
    )
    assert (folder / "validation.parquet").stat().st_size < 2**20  # and 4 GB in memory


HOSTILE: dict[str, tuple[Change, str]] = {
    "dim of ten million": (configured(dim=10**7), "less than or equal to 65536"),
    "dim beyond the file": (configured(dim=60_000), "by config.json"),
    "width beyond the file": (configured(hidden=16_000, heads=2), "by config.json"),
    "layers beyond the file": (configured(layers=64), "tensors differ"),
    "a billion layers": (configured(layers=10**9), "less than or equal"),
    "components beyond the file": (configured(components=4000), "by config.json"),
    "feed-forward beyond the file": (configured(intermediate=65_000), "tensors differ"),
    "a number of thirty digits": (configured(dim=10**30), "less than or equal"),
    "a value of a megabyte": (configured(dim="x" * 10**6), "valid integer"),
    "a number that is none": (configured(dropout=float("nan")), "dropout"),
    "null": (written("config.json", b"null"), "valid dictionary"),
    "nested": (written("config.json", b"[" * 100_000), "nested too deep"),
    "digits": (written("config.json", b'{"format": ' + b"9" * 5000 + b"}"), "digits"),
    "no text": (written("config.json", b"\xff\xfe\x00"), "config.json"),
    "a folder": (replaced("config.json", Path.mkdir), "no plain file"),
    "a pipe": (replaced("config.json", os.mkfifo), "no plain file"),
    "a device": (replaced("config.json", lambda path: path.symlink_to("/dev/zero")), "no plain file"),
    "a pipe of weights": (replaced("model.safetensors", os.mkfifo), "no plain file"),
    "a header of a terabyte": (written("model.safetensors", struct.pack("<Q", 2**40) + b"{}"), "header"),
    "an empty file": (written("model.safetensors", b""), "damaged"),
    "whole numbers": (weighed(mean__weight=lambda old: old.to(torch.int8)), "of the kind I8"),
    "small numbers": (weighed(mean__weight=lambda old: old.to(torch.float8_e4m3fn)), "of the kind F8"),
    "not a number": (weighed(mean__weight=lambda old: old.fill_(float("nan"))), "not a finite number"),
    "one tensor more": (weighed(more=lambda _: torch.zeros(1)), "1 tensors differ"),
    "one tensor less": (weighed(mean__bias=None), "mean.bias has the shape None"),
    "a tensor of no shape": (weighed(mean__weight=lambda _: torch.zeros(())), "has the shape ()"),
    "a table that unpacks": (unpacking, "unpacks to more than 256 MB"),
    "no table": (written("analysis/map.parquet", b"PAR1junkPAR1"), "map.parquet can't be read"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_checkpoint_is_one_sentence(kind: str, tmp_path: Path) -> None:
    change, says = HOSTILE[kind]
    save_model(small_model(OBJECTIVES["calibrated"]), tmp_path / "model")
    change(tmp_path / "model")
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(CheckpointError) as told:
        load(tmp_path / "model", PixelBackbone())
    assert says in str(told.value) and len(str(told.value)) < 700 and "\n" not in str(told.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_000_000  # kB, of 4 GB and more
    assert time.process_time() - started < 10


def test_a_gallery_that_unpacks_is_refused(tmp_path: Path) -> None:
    unpacking(tmp_path)
    with pytest.raises(ValueError, match="unpacks to more than 256 MB"):
        read_gallery(tmp_path / "validation.parquet")


def test_tables_of_pictures_and_of_numbers_are_read(tmp_path: Path) -> None:
    for name, column in (("pictures", [os.urandom(50_000)] * 200), ("numbers", range(100_000))):
        pd.DataFrame({"a": column}).to_parquet(tmp_path / f"{name}.parquet")
        check_table(tmp_path / f"{name}.parquet")
    pd.DataFrame({"a": []}).to_parquet(tmp_path / "empty.parquet")
    check_table(tmp_path / "empty.parquet")


def test_a_file_has_its_bound(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[1]")
    assert check_file(tmp_path / "a.json", 3) == 3 and read_json(tmp_path / "a.json") == [1]
    with pytest.raises(ValueError, match="at most 0 MB"):
        read_json(tmp_path / "a.json", 2)


def test_what_a_reader_raises_is_a_sentence() -> None:
    for error in (RecursionError("deep"), MemoryError(), AttributeError("x\ny"), OverflowError("y" * 10_000)):
        with pytest.raises(ValueError, match="^the index can't be used") as told, refusing("the index"):
            raise error
        assert len(str(told.value)) < 500 and "\n" not in str(told.value)
    with pytest.raises(FileNotFoundError), refusing("the index"):
        raise FileNotFoundError("none")
    assert brief(ValueError("")) == "ValueError"
