"""One batch spread over several processes, as `torchrun` starts them: each reads and computes its own triplets.

Means and variances are gathered before the losses, so that every query meets every target of the whole batch, and
Eq. 9 takes foreign words from the whole batch too. Every process then has the whole loss; its gradient reaches the
process's own rows alone, and the sum over processes is the gradient of one process with the whole batch.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from hug.config import ObjectiveConfig
from hug.losses import Outputs, active
from hug.model import device_of

PATIENCE = timedelta(hours=3)  # others wait while the first validates, or computes tokens
BUCKET = 2**25  # numbers summed at once


@dataclass(frozen=True)
class World:
    """The processes of a training; alone, nothing is exchanged."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this process writes, validates and speaks."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """This process's rows of a batch. Raises ValueError when they can't be shared equally."""
        if count % self.size:
            raise ValueError(f"a batch of {count} triplets can't be shared by {self.size} processes; change --batch")
        part = count // self.size
        return slice(self.rank * part, (self.rank + 1) * part)

    def gather(self, out: Outputs) -> Outputs:
        """The outputs of the whole batch; only this process's own rows carry a gradient."""
        if self.size == 1:
            return out
        return replace(out, **{n: self._whole(getattr(out, n)) for n in ("query", "target", "foreign")})

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Over the processes, in place."""
        if self.size == 1:
            return
        bucket: list[Tensor] = []
        for gradient in (p.grad for p in parameters if p.grad is not None):
            bucket.append(gradient)
            if sum(part.numel() for part in bucket) >= BUCKET:
                _sum(bucket)
                bucket = []
        if bucket:
            _sum(bucket)

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether it is so in any process: all stop after the same step."""
        if self.size == 1:
            return flag
        most = torch.tensor(float(flag), device=device)
        dist.all_reduce(most, dist.ReduceOp.MAX)
        return bool(most.item())

    def wait(self) -> None:
        """Until all have come so far."""
        if self.size > 1:
            dist.barrier()

    def check(self, objective: ObjectiveConfig, jitter: float) -> None:
        """Raises ValueError for what is computed within one process only."""
        if self.size == 1:
            return
        alone = [term.weight for term in active(objective) if set(term.needs) - {"foreign"}]
        alone += ["cord_reference"] * objective.cord_reference + ["jitter"] * bool(jitter)
        alone += ["corrupt"] * bool(objective.corrupt) + ["reference_negatives"] * objective.reference_negatives
        if alone:
            raise ValueError(
                f"{', '.join(alone)} can't be spread over {self.size} processes; train the objective paper or point "
                "with torchrun, or this one without"
            )

    def _whole(self, part: Any) -> Any:
        return part if part is None else part.each(self._rows)

    def _rows(self, own: Tensor) -> Tensor:
        parts = [torch.empty_like(own) for _ in range(self.size)]
        dist.all_gather(parts, own.detach().contiguous())
        parts[self.rank] = own
        return torch.cat(parts)


def _sum(bucket: list[Tensor]) -> None:
    flat = torch.cat([part.flatten() for part in bucket])
    dist.all_reduce(flat)
    for part, total in zip(bucket, flat.split([part.numel() for part in bucket]), strict=True):
        part.copy_(total.view_as(part))


def own_device(name: str) -> torch.device:
    """The device of a name; of "auto" and "cuda" under torchrun the GPU that is this process's.

    Raises ValueError when there are fewer GPUs than processes.
    """
    device, local = device_of(name), os.environ.get("LOCAL_RANK")
    if local is None or device.type != "cuda" or device.index is not None and name != "auto":
        return device
    if int(local) >= torch.cuda.device_count():
        raise ValueError(
            f"torchrun started process {local} here, and there are {torch.cuda.device_count()} GPUs; "
            f"use --nproc-per-node {torch.cuda.device_count()}"
        )
    return torch.device("cuda", int(local))


@contextmanager
def world(device: torch.device) -> Iterator[World]:
    """The processes that torchrun started, or this one alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield World()
        return
    begun = not dist.is_initialized()
    if begun:
        if device.type == "cuda":
            torch.cuda.set_device(device)
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield World(dist.get_rank(), dist.get_world_size())
    finally:
        if begun:
            dist.destroy_process_group()
