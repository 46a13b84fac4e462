"""The resumable state of a run and its log, both written atomically.

`state.safetensors` holds the last weights, the criterion's scales and AdamW's moments, and in its metadata the step
and the best validation. Random numbers need no state: every step seeds itself from (seed, step).
"""

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn

from hug.files import write_tensors, write_text

OLD_NAMES = {"doubt_rank_spearman": "uncertainty_rank_spearman"}  # in logs of the first release, to what they are now


class State:
    """How far a run is: step, best validation, parameters and moments in one file, so they always agree."""

    def __init__(self, folder: Path, model: nn.Module, criterion: nn.Module, optimizer: torch.optim.AdamW) -> None:
        self.path = folder / "state.safetensors"
        self.model, self.criterion, self.optimizer = model, criterion, optimizer
        self.step, self.best = 0, -1.0

    def save(self) -> None:
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        tensors |= {f"criterion.{k}": v for k, v in self.criterion.state_dict().items()}
        for number, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{k}": v for k, v in moments.items()}
        write_tensors(self.path, tensors, {"step": str(self.step), "best": repr(self.best)})

    def load(self) -> bool:
        """Continue where the last save was; False when there is none.

        Raises ValueError when the file is damaged or belongs to another configuration.
        """
        if not self.path.exists():
            return False
        try:
            with safe_open(self.path, framework="pt") as file:
                parts = _by_owner({key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118
                metadata = file.metadata()
            self.model.load_state_dict(parts["model"])
            self.criterion.load_state_dict(parts["criterion"])
            moments = {int(number): values for number, values in _by_owner(parts["optimizer"]).items()}
            groups = self.optimizer.state_dict()["param_groups"]
            self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
        except Exception as error:
            raise ValueError(f"{self.path} cannot be resumed ({error}); train into an empty folder instead") from error
        self.step, self.best = int(metadata["step"]), float(metadata["best"])
        return True


def _by_owner(tensors: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """Tensors by the first part of their names, under the rest of it."""
    parts: dict[str, dict[str, Tensor]] = defaultdict(dict)
    for key, value in tensors.items():
        owner, _, name = key.partition(".")
        parts[owner][name] = value
    return parts


class Log:
    """`training.jsonl`: one record a line, the run's command, seed and commit first."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def records(self) -> list[dict[str, Any]]:
        """All complete lines; a half-written last line (a crash) is left out."""
        if not self.path.exists():
            return []
        records = []
        for line in self.path.read_text().splitlines():
            try:
                record = json.loads(line)
            except json.JSONDecodeError:
                break
            records.append({OLD_NAMES.get(name, name): value for name, value in record.items()})
        return records

    def rewind(self, step: int) -> None:
        """Drop what was logged after the step of the saved state: it will be logged again."""
        before = (r for r in self.records() if r.get("step", 0) <= step)
        write_text(self.path, "".join(json.dumps(r) + "\n" for r in before))

    def write(self, **record: Any) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(record) + "\n")
            file.flush()
            os.fsync(file.fileno())
