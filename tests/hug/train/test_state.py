"""What a run reads back is checked: a flipped bit is refused, mended or told, never trained on."""

from __future__ import annotations

import json
import multiprocessing
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from hug.config import OBJECTIVES, SIZES, Config, TrainConfig
from hug.data.features import Features
from hug.files import only_writer
from hug.losses import Criterion
from hug.train.optimizer import optimizer_of
from hug.train.state import Log, State
from hug.train.trainer import Outcome, train
from tests.hug.conftest import small_model
from tests.hug.train.conftest import as_first_release, features_of

SHORT = TrainConfig(steps=4, batch=4, validate_every=2, save_every=2, precision="float32")
WEIGHTS, STATE, LOG, CONFIG = "model.safetensors", "state.safetensors", "training.jsonl", "config.json"


def run(folder: Path, features: Features) -> Outcome:
    config = Config(model=SIZES["tiny"], objective=OBJECTIVES["calibrated"], training=SHORT)
    return train(config, features, features, folder, model=small_model(OBJECTIVES["calibrated"]), progress=False)


def resumable(folder: Path) -> State:
    model, criterion = small_model(OBJECTIVES["calibrated"]), Criterion(OBJECTIVES["calibrated"])
    return State(folder, model, criterion, optimizer_of(model, criterion, SHORT))


def flip(path: Path, place: int, bit: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << bit
    path.write_bytes(content)


@pytest.fixture(scope="module")
def features() -> Features:
    return features_of()


@pytest.fixture(scope="module")
def finished(features: Features, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    assert run(folder, features).finished
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


def test_a_bit_that_flips_anywhere_in_the_state_is_refused(folder: Path):
    path = folder / STATE
    content, rng = path.read_bytes(), np.random.default_rng(0)
    header = 8 + int.from_bytes(content[:8], "little")
    metadata = content.index(b'"__metadata__"')
    places = [0, 7, metadata + 3, content.index(b'"best"'), content.index(b'"sha256"') + 2, content.index(b'\\"seed')]
    places += [*rng.integers(8, header, 25), *rng.integers(header, len(content), 25), header, len(content) - 1]
    for place in places:
        path.write_bytes(content)
        flip(path, int(place), int(rng.integers(8)))
        with pytest.raises(ValueError, match="cannot be resumed .*--start"):
            resumable(folder).load()


def test_a_state_of_an_earlier_release_is_read(folder: Path, features: Features):
    as_first_release(folder)
    assert resumable(folder).load() and run(folder, features).finished
    flip(folder / STATE, 400)  # it is written anew, with all there is today
    with pytest.raises(ValueError, match="cannot be resumed"):
        resumable(folder).load()


def change_objective(folder: Path) -> None:
    config = json.loads((folder / CONFIG).read_text())
    config["objective"]["fc"] += 1
    (folder / CONFIG).write_text(json.dumps(config))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a flipped bit": lambda folder: flip(folder / WEIGHTS, -5),
    "a flipped bit in its header": lambda folder: flip(folder / WEIGHTS, 40),
    "cut off": lambda folder: (folder / WEIGHTS).write_bytes((folder / WEIGHTS).read_bytes()[:5000]),
    "empty": lambda folder: (folder / WEIGHTS).write_bytes(b""),
    "gone": lambda folder: (folder / WEIGHTS).unlink(),
    "no configuration": lambda folder: (folder / CONFIG).unlink(),
    "a configuration of bytes": lambda folder: (folder / CONFIG).write_bytes(b"\xff\xfe\x00"),
    "another objective": change_objective,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damaged_best_weights_are_written_again(
    folder: Path, features: Features, damage: Callable[[Path], object], capsys: pytest.CaptureFixture[str]
):
    before = {name: (folder / name).read_bytes() for name in (WEIGHTS, CONFIG)}
    damage(folder)
    assert run(folder, features).finished
    assert before == {name: (folder / name).read_bytes() for name in (WEIGHTS, CONFIG)}
    told = "the best weights were damaged and are written again"
    assert told in capsys.readouterr().err
    assert [r["notes"] for r in Log(folder / LOG).records() if r["kind"] == "resume"] == [[told]]


def test_best_weights_without_a_copy_are_told_as_lost_and_replaced(folder: Path, features: Features):
    as_first_release(folder)
    flip(folder / WEIGHTS, -5)
    assert run(folder, features).finished
    assert Log(folder / LOG).records()[-2]["notes"] == ["the best weights are lost; those of step 4 take their place"]
    model, last = load_file(folder / WEIGHTS), load_file(folder / STATE)
    assert all(torch.equal(value, last[f"model.{name}"]) for name, value in model.items())


def test_a_damaged_line_of_the_log_costs_that_line(folder: Path, features: Features):
    lines, rng = (folder / LOG).read_bytes().splitlines(keepends=True), np.random.default_rng(0)
    records = Log(folder / LOG).records()
    for number, line in enumerate(lines):
        others = records[:number] + records[number + 1 :]
        for place in (0, 1, len(line) - 2, *rng.integers(0, len(line) - 1, 40)):
            for bit in (0, 7):  # the high one leaves no text
                broken = bytearray(line)
                broken[place] ^= 1 << bit
                (folder / LOG).write_bytes(b"".join([*lines[:number], bytes(broken), *lines[number + 1 :]]))
                assert Log(folder / LOG).read() == (others, 1), (number, place, bit)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_run_with_a_damaged_line_is_resumed_and_says_so(folder: Path, features: Features, number: int):
    lines = (folder / LOG).read_bytes().splitlines(keepends=True)
    first = Log(folder / LOG).records()[0]
    (folder / LOG).write_bytes(b"".join([*lines[:number], b"\x80\n", *lines[number + 1 :]]))
    assert run(folder, features).finished
    records = Log(folder / LOG).records()
    assert records[0] == first  # of the state where the log has lost it
    assert [r["notes"] for r in records if r["kind"] == "resume"] == [
        ["1 damaged lines of training.jsonl are left out"]
    ]


def test_a_run_whose_log_is_gone_is_resumed(folder: Path, features: Features):
    first = Log(folder / LOG).records()[0]
    (folder / LOG).unlink()
    assert run(folder, features).finished
    assert [r["kind"] for r in Log(folder / LOG).records()] == ["start", "resume", "end"]
    assert Log(folder / LOG).records()[0] == first


def test_two_lines_run_into_one_and_a_line_in_two_cost_just_these(tmp_path: Path):
    log = Log(tmp_path / LOG)
    for step in range(4):
        log.write(kind="step", step=step)
    lines = log.path.read_bytes().splitlines()
    log.path.write_bytes(lines[0] + b"\n" + lines[1] + b"\x0b" + lines[2] + b"\n" + lines[3] + b"\n")
    assert [r["step"] for r in log.records()] == [0, 3]
    log.path.write_bytes(lines[0] + b"\n" + lines[1][:9] + b"\n" + lines[1][9:] + b"\n" + lines[3] + b"\n")
    assert [r["step"] for r in log.records()] == [0, 3]


def test_a_line_without_a_checksum_counts_only_where_none_has_one(tmp_path: Path):
    log = Log(tmp_path / LOG)
    log.path.write_text('{"kind": "step", "step": 1}\n[1]\n{"step": 2}\n{"kind": "st')
    assert log.read() == ([{"kind": "step", "step": 1}], 2)  # what was never finished is no damage
    log.path.write_text('{"kind": "step", "step": 1}\n')
    log.write(kind="step", step=2)
    assert log.read() == ([{"kind": "step", "step": 2}], 1)


def test_a_second_training_in_a_folder_is_refused_with_the_first_ones_process(tmp_path: Path, features: Features):
    def first(folder: Path) -> None:
        with only_writer(folder):
            (folder / "ready").touch()
            time.sleep(600)

    process = multiprocessing.get_context("fork").Process(target=first, args=(tmp_path,))
    process.start()
    try:
        end = time.monotonic() + 60
        while not (tmp_path / "ready").exists():
            assert time.monotonic() < end
            time.sleep(0.01)
        with pytest.raises(ValueError, match=f"written by process {process.pid};"):
            run(tmp_path, features)
        assert not (tmp_path / LOG).exists()
    finally:
        process.kill()
        process.join()
    assert run(tmp_path, features).finished
