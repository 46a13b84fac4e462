"""What a training will take: disk, memory and hours, from counted operations and a measured probe of this machine.

The probe is the real step with new weights and made-up tokens at a small batch; its operations are counted while it
runs, so that its time scales to the whole batch. Of BLIP-2 no weights are needed.
"""

import shutil
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from hug.backbones import Backbone
from hug.backbones.outline import Blip2Outline, outline
from hug.config import Config
from hug.data.collection import Collection
from hug.losses import Criterion
from hug.model import HUG
from hug.train.batch import TrainBatch, pools_of, views_needed
from hug.train.distributed import own_device
from hug.train.step import compute
from hug.train.trainer import uses_bf16

PROBE = 2  # triplets of the probe; the batch itself on a GPU
LAYERS = 2  # of BLIP-2's vision model that are timed
GB = 1e9


@dataclass(frozen=True)
class Cost:
    """Operations (a product and a sum are two) and seconds of one pass."""

    flops: float
    seconds: float

    def times(self, factor: float) -> "Cost":
        return Cost(self.flops * factor, self.seconds * factor)


class Counter(TorchDispatchMode):
    """Operations of whatever runs under it, by the library's formula for each kernel."""

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0.0

    def __torch_dispatch__(self, kernel: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = kernel(*args, **(kwargs or {}))
        if (formula := flop_registry.get(kernel._overloadpacket)) is not None:
            self.flops += formula(*args, **(kwargs or {}), out_val=out)
        return out


@dataclass(frozen=True)
class Plan:
    """All of it in numbers; `text` says it."""

    notes: tuple[str, ...]
    triplets: int
    steps: int
    batch: int
    pictures: dict[str, int]  # split -> pictures that are needed
    token_bytes: int  # a picture
    copies: int  # of a training picture's tokens: itself, degraded views, one without an aspect
    trained: int  # parameters
    activations: float  # bytes of the whole batch
    picture: Cost  # of one through the frozen network
    step: Cost  # of the whole batch, forward and backward
    validation: Cost  # once
    validations: int
    device: str
    bf16: bool
    free: int  # bytes on the disk of the cache

    @property
    def cache(self) -> int:
        """Bytes of the token cache."""
        train, rest = self.pictures["train"], sum(n for split, n in self.pictures.items() if split != "train")
        return (train * self.copies + rest) * self.token_bytes

    @property
    def state(self) -> int:
        """Bytes of a resumable state: weights, two moments, and the best weights so far."""
        return 4 * 4 * self.trained

    def to_dict(self) -> dict[str, Any]:
        """Numbers for other programs: bytes, operations, seconds."""
        hours = self._hours()
        return {
            "triplets": self.triplets, "steps": self.steps, "batch": self.batch, "pictures": self.pictures,
            "disk": {"cache": self.cache, "state": self.state, "weights": 4 * self.trained, "free": self.free},
            "memory": {"weights_gradients_moments": 16 * self.trained, "activations": round(self.activations)},
            "flops": {"picture": self.picture.flops, "step": self.step.flops, "validation": self.validation.flops},
            "seconds": {name: 3600 * value for name, value in hours.items()},
            "device": self.device, "bf16": self.bf16, "notes": list(self.notes),
        }  # fmt: skip

    def _hours(self) -> dict[str, float]:
        tokens = self.picture.seconds * self.cache / self.token_bytes
        return {
            "frozen tokens, once": tokens / 3600,
            "steps": self.steps * self.step.seconds / 3600,
            "validations": self.validations * self.validation.seconds / 3600,
        }

    def text(self) -> str:
        hours, counts = self._hours(), ", ".join(f"{split} {n:,}" for split, n in self.pictures.items())
        rate = self.step.flops / self.step.seconds / 1e9
        lines = [
            f"data      {self.triplets:,} triplets; pictures needed: {counts}",
            f"training  {self.steps:,} steps of {self.batch} triplets; {self.trained / 1e6:.1f} M trained parameters",
            f"disk      {self.cache / GB:.2f} GB token cache ({self.token_bytes / 1e6:.3f} MB a picture, "
            f"{self.copies} of each training picture); {self.state / GB:.2f} GB state, "
            f"{4 * self.trained / GB:.2f} GB weights; {self.free / GB:.0f} GB are free",
            f"memory    {16 * self.trained / GB:.2f} GB weights, gradients and moments; "
            f"{self.activations / GB:.2f} GB activations",
            f"work      {self.picture.flops / 1e9:,.1f} GFLOP a picture through the frozen network, "
            f"{self.step.flops / 1e9:,.1f} a step",
            f"here      {self.device}{', bf16' if self.bf16 else ''}: the probe reached {rate:,.1f} GFLOP/s",
            "hours     " + "; ".join(f"{name} {value:.2f}" for name, value in hours.items())
            + f"; together {sum(hours.values()):.2f}",
        ]  # fmt: skip
        if self.cache + self.state > self.free:
            lines.append("warning   the disk is too small: use --tokens live, or another --cache")
        return "\n".join([*lines, *(f"note      {note}" for note in self.notes)])


def plan(config: Config, collections: dict[str, Collection]) -> Plan:
    """Of a training of `train` and `val`. Raises ValueError for a backbone or a device that isn't there."""
    t, device = config.training, own_device(config.training.device)
    backbone = outline(config.model.backbone)
    train, validation = collections["train"], collections["val"]
    views = views_needed(config.objective)
    copies = 1 + 2 * ("degraded" in views) + ("removed" in views and train.truth is not None)
    pools = pools_of([x.category for x in train.triplets], t.one_category)
    steps = t.epochs * sum(max(1, len(pool) // t.batch) for pool in pools) if t.epochs else t.steps
    torch.manual_seed(t.seed)
    model = HUG(config.model, config.objective, backbone).to(device)
    bf16 = uses_bf16(t.precision, device)
    probe = t.batch if device.type == "cuda" else min(PROBE, t.batch)
    step, activations = _step(model, config, probe, bf16)
    picture = _picture(backbone, device)
    size = sum(p.numel() for p in model.parameters() if p.requires_grad)
    queries = min(len(validation.triplets), t.validation_queries * len(validation.galleries))
    folder = Path(config.data.cache)
    return Plan(
        notes=_notes(backbone, device, probe, t.batch), triplets=len(train.triplets), steps=steps, batch=t.batch,
        pictures={name: len(each.needed) for name, each in collections.items()},
        token_bytes=2 * backbone.image_tokens * backbone.image_dim, copies=copies if t.epochs or t.steps else 1,
        trained=size, activations=activations * t.batch / probe, picture=picture, step=step.times(t.batch / probe),
        validation=_validation(model, sum(map(len, validation.galleries.values())), queries, bf16),
        validations=-(-steps // t.validate_every), device=str(device), bf16=bf16,
        free=shutil.disk_usage(next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())).free,
    )  # fmt: skip


def _notes(backbone: Backbone, device: torch.device, probe: int, batch: int) -> tuple[str, ...]:
    own = [backbone.note] if isinstance(backbone, Blip2Outline) and backbone.note else []
    scaled = [f"measured with {probe} triplets and scaled to {batch} by the operations"] if probe != batch else []
    alone = "processor time: what others take of the machine comes on top" if device.type == "cpu" else "wall time"
    return (*own, *scaled, f"hours are {alone}; reading pictures and saving are not in them")


def _tokens(model: HUG, count: int) -> tuple[Tensor, Any]:
    """Made-up picture tokens and words, as many as the backbone ever gives."""
    backbone = model.backbone
    pictures = torch.randn(count, backbone.image_tokens, backbone.image_dim, device=model.device)
    return pictures, backbone.words(["is red and has " + "very " * backbone.text_tokens] * count).to(model.device)


def _step(model: HUG, config: Config, count: int, bf16: bool) -> tuple[Cost, float]:
    """A step of the paper's terms, with the bytes that its forward pass keeps for the backward one."""
    objective = config.objective.replace(
        cord_mined=0.0, picture_rank=0.0, picture_apart=0.0, text_rank=0.0, spec=0.0, agree=0.0
    )
    criterion = Criterion(objective).to(model.device)
    reference, words = _tokens(model, count)
    target, _ = _tokens(model, count)
    batch = TrainBatch(reference, target, words, torch.eye(count, dtype=torch.bool, device=model.device), shift=1)
    storages: dict[int, int] = {}
    weights = {tuple(sorted(value.shape)) for value in model.parameters()}  # and their copies in bf16: once a step

    def keep(value: Tensor) -> Tensor:
        place = value.untyped_storage()
        if tuple(sorted(value.shape)) not in weights:
            storages[place.data_ptr()] = place.nbytes()
        return value

    def run() -> None:
        model.zero_grad(set_to_none=True)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda value: value):
            with torch.autocast(model.device.type, torch.bfloat16) if bf16 else nullcontext():
                out = compute(model, batch, objective)
            loss, _ = criterion(out)
        loss.backward()

    model.train()
    return _measured(run, model.device), float(sum(storages.values()))


@torch.no_grad()
def _validation(model: HUG, gallery: int, queries: int, bf16: bool) -> Cost:
    """One validation, from the passes over a few pictures and queries."""
    model.eval()
    pictures, words = _tokens(model, PROBE)
    target = _measured(lambda: model.target_tokens(pictures), model.device).times(gallery / PROBE)
    query = _measured(lambda: model.query_tokens(pictures, words), model.device).times(queries / PROBE)
    return Cost(target.flops + query.flops, target.seconds + query.seconds)


@torch.no_grad()
def _picture(backbone: Backbone, device: torch.device) -> Cost:
    """One picture through the frozen network; of BLIP-2's, a few layers are timed and all of them counted."""
    if not isinstance(backbone, Blip2Outline):
        picture = Image.new("RGB", (backbone.preprocessing.size,) * 2)
        backbone.to(device)
        return _measured(lambda: backbone.images([picture]), device)
    side, half = backbone.preprocessing.size, torch.float16 if device.type == "cuda" else torch.float32
    whole = backbone.vision()
    with Counter() as counter:
        whole(torch.empty(1, 3, side, side, device="meta"))
    few: nn.Module = backbone.vision(min(LAYERS, backbone.layers), str(device)).to(half)
    pixels = torch.randn(1, 3, side, side, device=device, dtype=half)
    probe = _measured(lambda: few(pixels), device)
    return Cost(counter.flops, probe.seconds * counter.flops / probe.flops)


def _measured(run: Callable[[], Any], device: torch.device) -> Cost:
    """Counted once, which also warms up; then the faster of two."""
    with Counter() as counter:
        run()
    times = []
    for _ in range(2):
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        start, busy = time.perf_counter(), time.process_time()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
            times.append(time.perf_counter() - start)
        else:  # what others take of the processors is not counted
            times.append((time.process_time() - busy) / torch.get_num_threads())
    return Cost(counter.flops, min(times))
