"""Two processes with gathered negatives are one process with the whole batch."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from hug.config import OBJECTIVES, SIZES, Config, ObjectiveConfig, TrainConfig
from hug.losses import Criterion
from hug.train.batch import Batches
from hug.train.distributed import World, own_device, world
from hug.train.state import Log
from hug.train.step import compute
from hug.train.trainer import train
from tests.hug.conftest import IdBackbone, small_model
from tests.hug.train.conftest import features_of

TRAINING = TrainConfig(steps=3, batch=8, validate_every=3, precision="float32", lr=1e-3, device="cpu")
PAPER = OBJECTIVES["paper"]


def gradients(processes: World) -> dict[str, torch.Tensor]:
    """Of one step, with the loss."""
    model, criterion = small_model(PAPER, IdBackbone()), Criterion(PAPER)
    batch = Batches(features_of(backbone=IdBackbone()), PAPER, TRAINING, processes).at(0)
    loss, _ = criterion(processes.gather(compute(model, batch, PAPER)))
    loss.backward()
    processes.sum_gradients(model.parameters())
    named = {name: p.grad for name, p in (*model.named_parameters(), *criterion.named_parameters())}
    return {"loss": loss.detach()} | {name: value for name, value in named.items() if value is not None}


def trained(folder: Path) -> None:
    config = Config(model=SIZES["tiny"], objective=PAPER, training=TRAINING)
    features = features_of(backbone=IdBackbone())
    train(config, features, features, folder, model=small_model(PAPER, IdBackbone()), progress=False)


def work(rank: int, folder: str, port: int) -> None:
    """One of two processes, as torchrun would start it."""
    torch.set_num_threads(1)
    own = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in own.items()})
    with world(torch.device("cpu")) as processes:
        save_file({n: v.contiguous() for n, v in gradients(processes).items()}, f"{folder}/{rank}.safetensors")
        assert processes.any(rank == 1, torch.device("cpu")) and not processes.any(False, torch.device("cpu"))
        trained(Path(folder) / "run")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.spawn(work, (str(folder), port), nprocs=2)
    return folder


def test_gradients_and_losses_are_those_of_the_whole_batch(both: Path):
    alone, parts = gradients(World()), [load_file(both / f"{rank}.safetensors") for rank in (0, 1)]
    for part in parts:
        assert part.keys() == alone.keys()
        for name, value in alone.items():
            torch.testing.assert_close(part[name], value, rtol=1e-4, atol=2e-6, msg=name)


def test_a_training_is_written_once_and_as_by_one_process(both: Path, tmp_path: Path):
    trained(tmp_path / "run")
    one, two = (Log(folder / "run" / "training.jsonl").records() for folder in (tmp_path, both))
    assert [r["kind"] for r in one] == [r["kind"] for r in two]
    losses = [[r["loss"] for r in log if r["kind"] == "step"] for log in (one, two)]
    assert losses[0] and losses[1] == pytest.approx(losses[0], rel=1e-4)
    assert {path.name for path in (both / "run").iterdir()} == {path.name for path in (tmp_path / "run").iterdir()}


def test_another_number_of_processes_is_refused(both: Path):
    with pytest.raises(ValueError, match="was started with 2 processes, now 1; use torchrun --nproc-per-node 2"):
        trained(both / "run")


def test_a_batch_that_cannot_be_shared_is_refused_before_anything_is_computed():
    with pytest.raises(ValueError, match="a batch of 8 triplets can't be shared by 3 processes"):
        Batches(features_of(), PAPER, TRAINING, World(0, 3))
    assert [World(rank, 4).share(8) for rank in range(4)] == [slice(n, n + 2) for n in (0, 2, 4, 6)]


@pytest.mark.parametrize(
    ("objective", "jitter", "says"),
    [
        (OBJECTIVES["calibrated"], 0.0, "cord_mined.*picture_rank.*can't be spread over 2 processes"),
        (PAPER.replace(corrupt=0.2, reference_negatives=True), 0.0, "corrupt, reference_negatives can't be spread"),
        (PAPER.replace(cord_reference=True), 0.0, "cord_reference can't be spread"),
        (PAPER, 0.1, "jitter can't be spread"),
    ],
)
def test_what_needs_the_whole_batch_in_one_process_is_refused(objective: ObjectiveConfig, jitter: float, says: str):
    World().check(objective, jitter)
    with pytest.raises(ValueError, match=says):
        World(0, 2).check(objective, jitter)


@pytest.mark.parametrize("name", ["paper", "point"])
def test_the_paper_s_objectives_can_be_spread(name: str):
    World(0, 2).check(OBJECTIVES[name], 0.0)


def test_each_process_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch):
    assert own_device("cpu") == torch.device("cpu")
    said: Any = {"LOCAL_RANK": "1"}
    monkeypatch.setattr(os, "environ", said)
    monkeypatch.setattr(
        "hug.train.distributed.device_of", lambda name: torch.device("cuda:0" if ":" in name else "cuda")
    )
    for count, device in ((2, torch.device("cuda:1")), (1, None)):
        monkeypatch.setattr(torch.cuda, "device_count", lambda count=count: count)
        if device:
            assert own_device("auto") == device and own_device("cuda:0") == torch.device("cuda:0")
        else:
            with pytest.raises(ValueError, match="use --nproc-per-node 1"):
                own_device("auto")
