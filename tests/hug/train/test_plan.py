"""Counts are those of the run that would follow; operations those that one counts by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from hug.__main__ import main
from hug.backbones import Name
from hug.backbones.outline import Blip2Outline
from hug.config import PRESETS
from hug.data.datasets import read
from hug.train.plan import Counter
from tests.towers import tower


def test_operations_are_counted_forward_and_backward():
    layer, x = nn.Linear(8, 4, bias=False), torch.randn(3, 8, requires_grad=True)
    with Counter() as forward:
        out = layer(x)
    with Counter() as backward:
        out.sum().backward()
    assert forward.flops == 2 * 3 * 8 * 4 and backward.flops == 2 * forward.flops


def test_without_its_files_blip2_has_the_published_sizes(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    outline = Blip2Outline(Name.parse(PRESETS["paper-blip2"].model.backbone))
    assert "isn't on this machine" in outline.note
    assert (outline.image_tokens, outline.image_dim, outline.layers) == (257, 1408, 39)
    parameters = sum(p.numel() for p in outline.vision().parameters())
    assert parameters == pytest.approx(986e6, rel=0.01)


def test_a_plan_counts_what_the_training_then_does(garments: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    name = f"blip2:{tower('blip2', tmp_path / 'published')}"
    line = f"--preset paper-blip2 --backbone {name} --data {garments} --cache {tmp_path}/cache --epochs 2 --batch 5"
    assert main(f"plan {line} --json".split()) == 0
    plan = json.loads(capsys.readouterr().out)
    assert not (tmp_path / "cache").exists()  # a plan leaves nothing
    assert main(f"train {line} --workers 1 --out {tmp_path}/run".split()) == 0
    log = [json.loads(each) for each in (tmp_path / "run" / "training.jsonl").read_text().splitlines()]
    config = PRESETS["paper-blip2"].data.replace(root=str(garments))
    assert plan["steps"] == log[-1]["step"] == plan["triplets"] // 5 * 2
    assert plan["pictures"] == {split: len(read(config, split).needed) for split in ("train", "val")}
    arrays = [p.stat().st_size for p in (tmp_path / "cache").glob("*.npy") if not p.name.startswith("words")]
    assert plan["disk"]["cache"] == pytest.approx(sum(arrays), abs=128 * len(arrays))
    state = (tmp_path / "run" / "state.safetensors").stat().st_size
    assert 0.8 * state < plan["disk"]["state"] < 1.3 * state
    assert plan["flops"]["step"] > 0 and plan["memory"]["activations"] > 0


def test_a_plan_is_said_in_lines(garments: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    small = f"--objective calibrated --size tiny --steps 10 --batch 4 --data {garments} --cache {tmp_path}/cache"
    assert main(f"plan {small}".split()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:7]] == [
        "data", "training", "disk", "memory", "work", "here", "hours",
    ]  # fmt: skip
    assert "10 steps of 4 triplets" in lines[1] and "4 of each training picture" in lines[2]
