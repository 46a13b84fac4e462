"""The resumable state of a run and its log; what is read back has a checksum, and damage is told from an old format.

`state.safetensors` holds the last weights, the best ones, the criterion's scales and the optimizer's moments, and in
its metadata the step, the best validation and how the run began. Random numbers need no state: every step seeds itself
from (seed, step).
"""

import hashlib
import json
import os
import re
import zlib
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from hug.files import write_tensors, write_text
from hug.train.optimizer import Optimizer

OLD_NAMES = {"doubt_rank_spearman": "uncertainty_rank_spearman"}  # in logs of the first release, to what they are now
LINE = re.compile(rb'(\{.*), "crc32": "([0-9a-f]{8})"\}')  # a line of a log


class State:
    """How far a run is: step, best validation, parameters and moments in one file, so they always agree."""

    def __init__(self, folder: Path, model: nn.Module, criterion: nn.Module, optimizer: Optimizer) -> None:
        self.path = folder / "state.safetensors"
        self.model, self.criterion, self.optimizer = model, criterion, optimizer
        self.step, self.best = 0, -1.0
        self.best_weights: dict[str, Tensor] = {}  # the best weights; none in a state of the first releases
        self.start: dict[str, Any] = {}  # the log's first record

    def keep(self, best: float) -> None:
        """The weights as they are now are the best."""
        self.best = best
        self.best_weights = {name: value.detach().cpu().clone() for name, value in self.model.state_dict().items()}

    def save(self) -> None:
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"best.{k}": v for k, v in self.best_weights.items()}
        tensors |= {f"criterion.{k}": v for k, v in self.criterion.state_dict().items()}
        for number, moments in self.optimizer.moments().items():
            tensors |= {f"optimizer.{number}.{k}": v for k, v in moments.items()}
        facts = {"step": str(self.step), "best": repr(self.best), "start": json.dumps(self.start)}
        write_tensors(self.path, tensors, {**facts, "sha256": _digest(tensors, facts)})

    def load(self) -> bool:
        """Continue where the last save was; False when there is none.

        Raises ValueError when the file is damaged or belongs to another configuration.
        """
        if not self.path.exists():
            return False
        try:
            with safe_open(self.path, framework="pt") as file:
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
                facts = file.metadata()
            if facts.keys() != {"step", "best"}:  # all that the first releases kept
                if facts.pop("sha256") != _digest(tensors, facts):
                    raise ValueError("its content doesn't match its checksum")
                self.start = json.loads(facts["start"])
            parts = _by_owner(tensors)
            self.model.load_state_dict(parts["model"])
            self.criterion.load_state_dict(parts["criterion"])
            moments = {int(number): values for number, values in _by_owner(parts["optimizer"]).items()}
            self.optimizer.load_moments(moments)
            self.step, self.best, self.best_weights = int(facts["step"]), float(facts["best"]), parts["best"]
        except Exception as error:
            raise ValueError(
                f"{self.path} cannot be resumed ({error}); train into an empty folder instead, or start there from "
                f"the best weights of this one: --start {self.path.parent}"
            ) from error
        return True


def _digest(tensors: Mapping[str, Tensor], facts: Mapping[str, str]) -> str:
    """Of names, types, shapes and values."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {[*value.shape]}".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _by_owner(tensors: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Tensors by the first part of their names, under the rest of it."""
    parts: dict[str, dict[str, Tensor]] = defaultdict(dict)
    for key, value in tensors.items():
        owner, _, name = key.partition(".")
        parts[owner][name] = value
    return parts


class Log:
    """`training.jsonl`: one record a line with its checksum, the run's command, seed and commit first."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def records(self) -> list[dict[str, Any]]:
        """Every line that is whole; what a crash or the disk has damaged costs that line."""
        return self.read()[0]

    def read(self) -> tuple[list[dict[str, Any]], int]:
        """The whole lines, and how many were damaged, not counting a last one that was never finished."""
        if not self.path.exists():
            return [], 0
        *lines, last = self.path.read_bytes().split(b"\n")
        sums = any(map(LINE.fullmatch, lines))  # else of an earlier release
        records = [_record(line, sums) for line in lines if line.strip()]
        whole = [record for record in records if record is not None]
        unfinished = _record(last, sums)
        return [*whole, *([unfinished] if unfinished else [])], len(records) - len(whole)

    def rewind(self, step: int, start: Mapping[str, Any] | None = None) -> int:
        """Drop what was logged after the step of the saved state, and an end: they will be logged again.

        A first record that was damaged is written again from `start`. Returns how many lines were damaged.
        """
        records, damaged = self.read()
        before = [r for r in records if r.get("step", 0) <= step and r["kind"] != "end"]
        if start and not any(r["kind"] == "start" for r in before):
            before.insert(0, dict(start))
        write_text(self.path, "".join(map(_line, before)))
        return damaged

    def write(self, **record: Any) -> None:
        with self.path.open("a") as file:
            file.write(_line(record))
            file.flush()
            os.fsync(file.fileno())


def _line(record: Mapping[str, Any]) -> str:
    text = json.dumps(record)
    return f'{text[:-1]}, "crc32": "{zlib.crc32(text.encode()):08x}"}}\n'


def _record(line: bytes, sums: bool) -> dict[str, Any] | None:
    """What a line says; None when it is damaged, as one without a checksum is among those that have one."""
    if match := LINE.fullmatch(line):
        line = match[1] + b"}"
        if zlib.crc32(line) != int(match[2], 16):
            return None
    elif sums:
        return None
    try:
        record = json.loads(line)
    except ValueError:  # bytes that are no text, too
        return None
    if not isinstance(record, dict) or not isinstance(record.get("kind"), str):
        return None
    return {str(OLD_NAMES.get(name, name)): value for name, value in record.items()}
