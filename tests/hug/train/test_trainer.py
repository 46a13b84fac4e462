"""The loop learns, resumes exactly, stops when told, and refuses a folder that isn't its own."""

from __future__ import annotations

import json
import os
import signal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from hug.checkpoint import load
from hug.config import OBJECTIVES, SIZES, Config, TrainConfig
from hug.data.features import Features
from hug.losses import Criterion
from hug.train import trainer
from hug.train.batch import Batches
from hug.train.optimizer import optimizer_of
from hug.train.state import Log, State
from hug.train.trainer import Outcome, begin, learning_rate, train
from tests.hug.conftest import IdBackbone, small_model
from tests.hug.train.conftest import as_first_release, features_of

SHORT = TrainConfig(steps=6, batch=4, validate_every=3, save_every=2, precision="float32", lr=1e-3)


def run(folder: Path, features: Features, training: TrainConfig = SHORT, objective: str = "calibrated") -> Outcome:
    config = Config(model=SIZES["tiny"], objective=OBJECTIVES[objective], training=training)
    torch.manual_seed(training.seed)
    model = small_model(OBJECTIVES[objective], dropout=0.1)
    return train(config, features, features, folder, model=model, progress=False)


@pytest.mark.parametrize("objective", ["paper", "calibrated", "likelihood", "point"])
def test_overfits_eight_triplets(tmp_path: Path, features: Features, objective: str):
    training = TrainConfig(steps=150, batch=8, validate_every=150, lr=3e-3, precision="float32")
    config = Config(model=SIZES["tiny"], objective=OBJECTIVES[objective], training=training)
    train(config, features, features, tmp_path, model=small_model(OBJECTIVES[objective]), progress=False)
    last = [r for r in Log(tmp_path / "training.jsonl").records() if r["kind"] == "validation"][-1]
    assert last["recall"]["1"] == 1.0


def test_epochs_are_steps_over_all_triplets_and_threads_change_nothing(tmp_path: Path, features: Features):
    plain, ahead = SHORT, SHORT.replace(steps=1, epochs=3, workers=2, save_seconds=1000.0)
    assert run(tmp_path / "steps", features, plain).step == 6
    assert run(tmp_path / "epochs", features, ahead).step == 6  # eight triplets in batches of four
    a, b = (load_file(tmp_path / name / "state.safetensors") for name in ("steps", "epochs"))
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_states_come_by_the_clock_where_seconds_are_set(
    tmp_path: Path, features: Features, monkeypatch: pytest.MonkeyPatch
):
    saved, clock = [], iter(range(0, 10_000, 10))  # every look at the clock is ten seconds later
    monkeypatch.setattr(State, "save", lambda self: saved.append(self.step))
    monkeypatch.setattr(trainer.time, "monotonic", lambda: next(clock))
    run(tmp_path, features, SHORT.replace(save_every=1, save_seconds=15.0, validate_every=6))
    assert saved == [2, 4, 6, 6]


def steps_of(folder: Path) -> list[dict]:
    return [r["recall"] for r in Log(folder / "training.jsonl").records() if r["kind"] == "validation"]


@pytest.mark.parametrize("muon", [0.0, 2.0])
def test_resumed_equals_uninterrupted(tmp_path: Path, features: Features, monkeypatch: pytest.MonkeyPatch, muon: float):
    training, objective = SHORT.replace(muon=muon), "likelihood" if muon else "calibrated"
    run(tmp_path / "whole", features, training, objective)
    real = trainer.compute
    calls = []

    def interrupted(*args):
        calls.append(1)
        if len(calls) == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(*args)

    monkeypatch.setattr(trainer, "compute", interrupted)
    outcome = run(tmp_path / "parts", features, training, objective)
    assert outcome == Outcome(4, outcome.best, finished=False)
    monkeypatch.setattr(trainer, "compute", real)
    assert run(tmp_path / "parts", features, training, objective).finished
    for name in ("model.safetensors", "state.safetensors"):
        whole, parts = load_file(tmp_path / "whole" / name), load_file(tmp_path / "parts" / name)
        assert whole.keys() == parts.keys()
        for key in whole:
            assert torch.equal(whole[key], parts[key]), f"{name}: {key}"
    assert steps_of(tmp_path / "whole") == steps_of(tmp_path / "parts")


def test_a_crash_loses_at_most_the_steps_since_the_last_save(
    tmp_path: Path, features: Features, monkeypatch: pytest.MonkeyPatch
):
    run(tmp_path / "whole", features)
    real, calls = trainer.compute, []

    def crashing(*args):
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(trainer, "compute", crashing)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "crashed", features)
    with (tmp_path / "crashed" / "training.jsonl").open("a") as file:
        file.write('{"kind": "step", "st')
    monkeypatch.setattr(trainer, "compute", real)
    assert run(tmp_path / "crashed", features).finished
    whole, again = (load_file(tmp_path / n / "model.safetensors") for n in ("whole", "crashed"))
    assert all(torch.equal(whole[k], again[k]) for k in whole)
    records = Log(tmp_path / "crashed" / "training.jsonl").records()
    assert records[-1]["kind"] == "end" and [r["step"] for r in records] == sorted(r["step"] for r in records)


def test_words_as_ids_are_trained_jittered_saved_and_resumed(tmp_path: Path):
    backbone = IdBackbone()
    features = features_of(backbone=backbone)
    assert features.texts.tokens.dtype == np.int32 and features.texts.tokens.max() > 2048
    training = SHORT.replace(jitter=0.1)
    config = Config(model=SIZES["tiny"], objective=OBJECTIVES["calibrated"], training=training)
    model = small_model(OBJECTIVES["calibrated"], backbone)
    before = model.qformer.text.weight.detach().clone()
    assert train(config, features, features, tmp_path, model=model, progress=False).finished
    after = load(tmp_path, backbone).qformer.text.weight
    used = sorted({*features.texts.tokens.flatten().tolist()} - {0})
    assert not torch.equal(after[used], before[used])
    plain, noisy = (
        Batches(features, config.objective, TrainConfig(batch=4, seed=0, jitter=j)).at(0) for j in (0.0, 0.1)
    )
    assert torch.equal(plain.words.content, noisy.words.content) and not torch.equal(plain.target, noisy.target)


@pytest.mark.filterwarnings("ignore:.*which is a no-op")  # meta parameters hold no values
def test_a_state_moves_to_the_device_of_its_model(tmp_path: Path, features: Features):
    run(tmp_path, features)
    objective = OBJECTIVES["calibrated"]
    model, criterion = small_model(objective).to("meta"), Criterion(objective).to("meta")
    optimizer = optimizer_of(model, criterion, SHORT)
    assert State(tmp_path, model, criterion, optimizer).load()
    moments = [value for state in optimizer.moments().values() for name, value in state.items() if name != "step"]
    assert moments and all(value.device.type == "meta" for value in moments)


def test_another_device_or_folder_of_tokens_is_the_same_run(tmp_path: Path, features: Features):
    run(tmp_path, features)
    assert run(tmp_path, features, SHORT.replace(device="cpu")).finished


def test_a_run_of_the_first_release_is_resumed(tmp_path: Path, features: Features):
    """Its log has other names, and lacks what came later: which is off by default."""
    run(tmp_path, features)
    as_first_release(tmp_path)
    log = tmp_path / "training.jsonl"
    first, *rest = map(json.loads, log.read_text().splitlines())
    objective = first["config"]["objective"]
    objective["spoil"], objective["spec_otherwise"] = objective.pop("corrupt_tokens"), objective.pop("spec_tokens")
    del objective["picture_apart"], first["config"]["training"]["device"], first["config"]["data"]["format"]
    log.write_text("".join(json.dumps(record) + "\n" for record in (first, *rest)))
    assert run(tmp_path, features).finished


def test_the_log_says_first_what_was_run(tmp_path: Path, features: Features):
    run(tmp_path, features)
    first = json.loads((tmp_path / "training.jsonl").read_text().splitlines()[0])
    assert first["kind"] == "start" and first["seed"] == 0 and "commit" in first and first["config"]["model"]


def test_another_configuration_is_refused_and_changes_nothing(tmp_path: Path, features: Features):
    run(tmp_path, features)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(ValueError, match="training.lr = 0.001, now 0.002"):
        run(tmp_path, features, SHORT.replace(lr=2e-3))
    assert before == {p.name: p.read_bytes() for p in tmp_path.iterdir()}


def test_a_damaged_state_is_named(tmp_path: Path, features: Features):
    run(tmp_path, features)
    path = tmp_path / "state.safetensors"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="cannot be resumed"):
        run(tmp_path, features)


def test_a_checkpoint_without_a_state_is_never_overwritten(tmp_path: Path, features: Features):
    run(tmp_path, features)
    (tmp_path / "state.safetensors").unlink()
    with pytest.raises(ValueError, match="holds a finished checkpoint"):
        run(tmp_path, features)


def test_terms_without_data_are_off_with_a_line_or_refused_when_asked_for(tmp_path: Path):
    bare = features_of(views=False)
    objective = OBJECTIVES["calibrated"].replace(corrupt_tokens=False)
    config = Config(model=SIZES["tiny"], objective=objective, training=SHORT)
    train(config, bare, bare, tmp_path / "off", model=small_model(config.objective), progress=False)
    notes = Log(tmp_path / "off" / "training.jsonl").records()[0]["notes"]
    assert len(notes) == 3 and notes[1].startswith("picture_rank is off")
    required = OBJECTIVES["calibrated"].replace(required=("spec",))
    config = Config(model=SIZES["tiny"], objective=required, training=SHORT)
    with pytest.raises(ValueError, match="'spec' was asked for"):
        train(config, bare, bare, tmp_path / "refused", model=small_model(required), progress=False)


@pytest.mark.parametrize("muon", [0.0, 2.0])
def test_everything_trainable_is_in_the_optimizer_once_and_scales_are_not_decayed(muon: float):
    objective = OBJECTIVES["calibrated"]
    model, criterion = small_model(objective), Criterion(objective)
    groups = optimizer_of(model, criterion, TrainConfig(muon=muon)).param_groups
    inside = [id(p) for group in groups for p in group["params"]]
    assert len(inside) == len({*inside})
    if muon:
        assert groups[-1]["factor"] == 2.0 and all(p.ndim == 2 for p in groups[-1]["params"])
    for part in (model, criterion):
        assert all((id(p) in inside) == p.requires_grad for p in part.parameters())
    assert groups[2]["params"] and groups[2]["weight_decay"] == 0 and groups[2]["factor"] == 10


def test_learning_rate_warms_up_and_falls_to_nearly_zero():
    t = TrainConfig(steps=100, warmup=0.1, lr=1.0)
    rates = [learning_rate(s, t) for s in range(100)]
    assert rates[9] == max(rates) == 1.0 and rates[0] == pytest.approx(0.1)
    assert rates[-1] < 0.01 and all(a >= b for a, b in pairwise(rates[9:]))


def test_a_diverging_loss_ends_the_run_with_advice(tmp_path: Path, features: Features):
    with pytest.raises(FloatingPointError, match="lower --lr"):
        run(tmp_path, features, SHORT.replace(lr=1e30, steps=40))


def test_a_run_starts_from_another_ones_weights_and_scales(tmp_path: Path, features: Features):
    run(tmp_path / "first", features)
    first = load_file(tmp_path / "first" / "model.safetensors")
    scales = [r["scales"] for r in Log(tmp_path / "first" / "training.jsonl").records() if r["kind"] == "step"][-1]
    model, criterion = small_model(OBJECTIVES["calibrated"]), Criterion(OBJECTIVES["calibrated"])
    begin(model, criterion, str(tmp_path / "first"))
    assert all(torch.equal(first[name], value) for name, value in model.state_dict().items())
    assert criterion.scales() == pytest.approx(scales)
    other = small_model(OBJECTIVES["calibrated"], hidden=32)
    with pytest.raises(ValueError, match="another architecture"):
        begin(other, criterion, str(tmp_path / "first"))
    (tmp_path / "first" / "training.jsonl").unlink()
    with pytest.raises(ValueError, match="learned scales"):
        begin(model, criterion, str(tmp_path / "first"))
