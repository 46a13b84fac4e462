"""What turns gradients into steps: AdamW, for matrices also Muon (K. Jordan and others, 2024)."""

from collections.abc import Iterable
from typing import Any

import torch

from hug.config import TrainConfig
from hug.losses import Criterion
from hug.model import HUG


class Optimizer:
    """One or more optimizers of torch as one: its parameters are numbered one optimizer after another."""

    def __init__(self, *parts: torch.optim.Optimizer) -> None:
        self.parts = parts

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        return [group for part in self.parts for group in part.param_groups]

    def zero_grad(self) -> None:
        for part in self.parts:
            part.zero_grad(set_to_none=True)

    def step(self) -> None:
        for part in self.parts:
            part.step()

    def moments(self) -> dict[int, dict[str, Any]]:
        """What is kept of each parameter, by its number."""
        return {
            first + number: values
            for part, first in zip(self.parts, self._firsts, strict=True)
            for number, values in part.state_dict()["state"].items()
        }

    def load_moments(self, moments: dict[int, dict[str, Any]]) -> None:
        """Go on from what was kept. Raises ValueError or KeyError when it is of other parameters."""
        ends = [*self._firsts[1:], sum(map(_count, self.parts))]
        for part, first, end in zip(self.parts, self._firsts, ends, strict=True):
            own = {number - first: values for number, values in moments.items() if first <= number < end}
            part.load_state_dict({"state": own, "param_groups": part.state_dict()["param_groups"]})

    @property
    def _firsts(self) -> list[int]:
        """The number of each optimizer's first parameter."""
        return [sum(map(_count, self.parts[:n])) for n in range(len(self.parts))]


def _count(part: torch.optim.Optimizer) -> int:
    return sum(len(group["params"]) for group in part.param_groups)


def optimizer_of(model: HUG, criterion: Criterion, t: TrainConfig) -> Optimizer:
    """Of everything trainable: no decay on vectors and scales, a faster rate for a, b, a', b'.

    With `muon` the matrices have it, with steps as long as AdamW's would be (`match_rms_adamw`) times that factor. A
    group's `factor` is that on the learning rate of a step.
    """
    trained = [p for p in model.parameters() if p.requires_grad]
    scales = [p for p in criterion.parameters() if p.requires_grad]
    large = [p for p in trained if p.ndim > 1]
    matrices = [p for p in large if p.ndim == 2] if t.muon else []
    rest = [p for p in large if p.ndim > 2] if t.muon else large
    adam = torch.optim.AdamW(
        [
            _group(rest, 1.0, t.weight_decay),
            _group([p for p in trained if p.ndim <= 1], 1.0),
            _group(scales, t.scale_lr),
        ],
        lr=t.lr,
        betas=(0.9, 0.999),
    )
    if not matrices:
        return Optimizer(adam)
    muon = torch.optim.Muon([_group(matrices, t.muon, t.weight_decay)], lr=t.lr, adjust_lr_fn="match_rms_adamw")
    return Optimizer(adam, muon)


def _group(parameters: Iterable[torch.nn.Parameter], factor: float, decay: float = 0.0) -> dict[str, Any]:
    return {"params": list(parameters), "weight_decay": decay, "factor": factor}
