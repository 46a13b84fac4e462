"""The loop. A run folder is a checkpoint folder: the best weights, the log, and the state to resume from."""

import math
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from tqdm import tqdm

from hug.checkpoint import intact, load, local_folder, save_model
from hug.config import Config, TrainConfig, from_dict
from hug.data.features import Features
from hug.evaluate.metrics import macro_mean, spearman
from hug.evaluate.ranking import rank_split
from hug.files import commit, only_writer
from hug.losses import Criterion
from hug.model import HUG
from hug.train.ahead import Ahead
from hug.train.batch import Batches, supplied
from hug.train.distributed import World, own_device, world
from hug.train.optimizer import optimizer_of
from hug.train.state import Log, State
from hug.train.step import compute

FREE = ("threads", "cache", "device", "tokens", "workers", "save_seconds")  # settings that change nothing but rounding


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    step: int
    best: float  # mean R@10 on validation of the saved weights
    finished: bool  # False when a signal stopped it
    first: bool = True  # False in all but the first of several processes


def train(
    config: Config,
    features: Features,
    validation: Features,
    folder: str | Path,
    command: str = "",
    model: HUG | None = None,
    progress: bool = True,
) -> Outcome:
    """Train into `folder`; a folder with a state is resumed and gives what an uninterrupted run would.

    SIGTERM and SIGINT end the run after the current step with everything saved. Raises ValueError when the
    folder belongs to another configuration, another process writes it, or a required term lacks its data.
    """
    device = own_device(config.training.device)
    with world(device) as processes, only_writer(Path(folder)) if processes.first else nullcontext():
        run = _Run(config, features, validation, Path(folder), model, processes, device)
        run.open(command)
        with _stop_on_signal() as signals, closing(run.batches):
            return run.go(signals, progress and processes.first)


class _Run:
    def __init__(
        self,
        config: Config,
        features: Features,
        validation: Features,
        folder: Path,
        model: HUG | None,
        processes: World,
        device: torch.device,
    ) -> None:
        t = config.training
        if t.threads:
            torch.set_num_threads(t.threads)
        self.objective, self.notes = supplied(config.objective, features)
        torch.manual_seed(t.seed)
        self.device, self.world = device, processes
        self.world.check(self.objective, t.jitter)
        self.model = (model or HUG(config.model, config.objective)).to(self.device)
        self.criterion = Criterion(self.objective).to(self.device)
        if t.start:
            begin(self.model, self.criterion, t.start)
        self.optimizer = optimizer_of(self.model, self.criterion, t)
        self.state = State(folder, self.model, self.criterion, self.optimizer)
        self.log = Log(folder / "training.jsonl")
        batches = Batches(features, self.objective, t, self.world)
        if t.epochs:
            t = t.replace(steps=t.epochs * batches.epoch)
            config = config.replace(training=t)
        self.batches = Ahead(batches.at, t.workers, t.steps)
        self.saved = time.monotonic()
        self.config, self.validation, self.folder = config, validation, folder
        self.bf16 = uses_bf16(t.precision, self.device)

    def open(self, command: str) -> None:
        """Begin the log, or check that the folder's state is this run's and go back to it."""
        resumed = self.state.load()
        if resumed:
            self._check_same()
        if not self.world.first:  # which writes nothing
            return
        if resumed:
            damaged = self.log.rewind(self.state.step, self.state.start)
            notes = [f"{damaged} damaged lines of training.jsonl are left out"] if damaged else []
            notes += self._mend_best()
            self.log.write(kind="resume", step=self.state.step, time=time.time(), notes=notes)
            sys.stderr.writelines(f"{self.folder}: {note}\n" for note in notes)
            return
        if (self.folder / "model.safetensors").exists() and self.log.records():
            raise ValueError(f"{self.folder} holds a finished checkpoint; train into another folder")
        self.log.rewind(-1)
        self.state.start = dict(
            kind="start", step=0, time=time.time(), command=command, seed=self.config.training.seed,
            commit=commit(), config=self.config.model_dump(mode="json"), notes=self.notes,
            parameters=sum(p.numel() for p in self.model.parameters()), bf16=self.bf16, device=str(self.device),
            processes=self.world.size,
        )  # fmt: skip
        self.log.write(**self.state.start)

    def _mend_best(self) -> list[str]:
        """Best weights that are damaged or gone are written again, from the state; what is lost is told."""
        if self.state.best < 0 or intact(self.folder, self.model):
            return []
        if self.state.best_weights:
            now = {name: value.clone() for name, value in self.model.state_dict().items()}
            self.model.load_state_dict(self.state.best_weights)
            save_model(self.model, self.folder)
            self.model.load_state_dict(now)
            return ["the best weights were damaged and are written again"]
        self.state.best = -1.0  # a state of an earlier release has no copy
        self._validate()
        return [f"the best weights are lost; those of step {self.state.step} take their place"]

    def _check_same(self) -> None:
        start = self.state.start or next((r for r in self.log.records() if r["kind"] == "start"), {})
        if not start:
            raise ValueError(f"{self.folder} has a state but no log; train into an empty folder")
        processes = start.get("processes", 1)
        if processes != self.world.size:
            raise ValueError(
                f"{self.folder} was started with {processes} processes, now {self.world.size}; "
                f"use torchrun --nproc-per-node {processes}, or another folder"
            )
        before = from_dict(Config, start["config"], f"{self.folder}/training.jsonl")
        for part, ours in self.config:
            theirs = getattr(before, part)
            for key, value in ours:
                if getattr(theirs, key) != value and key not in FREE:
                    raise ValueError(
                        f"{self.folder} was started with {part}.{key} = {getattr(theirs, key)!r}, "
                        f"now {value!r}; use the same value or another folder"
                    )

    def go(self, signals: list[int], progress: bool) -> Outcome:
        t, start = self.config.training, time.time()
        # The bar is closed before an error is told, which then is the last word.
        with tqdm(total=t.steps, initial=self.state.step, disable=not progress, desc="train", unit="step") as bar:
            while self.state.step < t.steps and not self.world.any(bool(signals), self.device):
                record = self.step()
                bar.update()
                bar.set_postfix(loss=f"{record['loss']:.3f}")
                done = self.state.step
                if not self.world.first:
                    continue
                if done % 20 == 0 or done == t.steps:
                    spent = round(time.time() - start, 2)
                    self.log.write(kind="step", step=done, seconds=spent, memory=peak_memory(), **record)
                if done % t.validate_every == 0 or done == t.steps:
                    self._validate()
                if self._due() or done % t.validate_every == 0 or done == t.steps:
                    self.state.save()
                    self.saved = time.monotonic()
        finished = self.state.step >= t.steps
        if self.world.first:
            self.state.save()
            self.log.write(kind="end" if finished else "stop", step=self.state.step, best=self.state.best)
        self.world.wait()
        return Outcome(self.state.step, self.state.best, finished, self.world.first)

    def _due(self) -> bool:
        """Whether a state is to be saved, by the clock where seconds are set, else by steps."""
        t = self.config.training
        if t.save_seconds:
            return time.monotonic() - self.saved >= t.save_seconds
        return self.state.step % t.save_every == 0

    def step(self) -> dict[str, Any]:
        """One optimizer step; returns what the log keeps of it. Raises FloatingPointError when the loss diverges."""
        t, number = self.config.training, self.state.step
        own = [self.world.rank] if self.world.rank else []  # every process drops other numbers
        torch.manual_seed(int(np.random.SeedSequence([t.seed, 2, number, *own]).generate_state(1)[0]))  # dropout
        rate = learning_rate(number, t)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        self.model.train()
        precision = torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext()
        on_cpu = self.device.type == "cpu"  # measured: its fused kernel's backward is slower at these sizes
        with sdpa_kernel(SDPBackend.MATH) if on_cpu else nullcontext():
            with precision:
                out = compute(self.model, self.batches.at(number), self.objective)
            out = self.world.gather(out)
            loss, terms = self.criterion(out)
            if not torch.isfinite(loss):
                raise FloatingPointError(f"the loss is {loss.item()} at step {number}; lower --lr")
            self.optimizer.zero_grad()
            loss.backward()
        self.world.sum_gradients(self.model.parameters())
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), t.clip)
        self.optimizer.step()
        self.state.step += 1
        return {
            "loss": loss.item(), "lr": rate, "gradient": norm.item(),
            "terms": {k: round(v.item(), 6) for k, v in terms.items()}, "scales": self.criterion.scales(),
            "var": {
                "c": out.target.var.mean().item(), "r": out.query.var_r.mean().item(),
                "t": out.query.var_t.mean().item(), "m": out.query.var_m.mean().item(),
            },
        }  # fmt: skip

    def _validate(self) -> None:
        limit = self.config.training.validation_queries
        ranking = rank_split(self.model, self.validation, use_var=self.objective.variance, limit=limit)
        recall = {k: macro_mean(ranking.ranks <= k, ranking.codes) for k in (1, 10, 50)}
        agreement = spearman(ranking.query.overall.numpy(), ranking.ranks)
        self.log.write(
            kind="validation", step=self.state.step, protocol=ranking.protocol.name,
            recall={str(k): v for k, v in recall.items()},
            uncertainty_rank_spearman=agreement if math.isfinite(agreement) else None,
        )  # fmt: skip
        if recall[10] > self.state.best:
            self.state.keep(recall[10])
            save_model(self.model, self.folder)


def begin(model: HUG, criterion: Criterion, checkpoint: str) -> None:
    """Take the weights and the learned scales of a trained checkpoint.

    Raises ValueError when it has another architecture or no log of its scales.
    """
    folder = local_folder(checkpoint)
    trained = load(folder, model.backbone)
    ours, theirs = (m.config.replace(dropout=0.0) for m in (model, trained))
    if (theirs, trained.bias is None) != (ours, model.bias is None):
        raise ValueError(f"{checkpoint} has another architecture ({trained.config}); start from one of the same")
    scales = [r["scales"] for r in Log(folder / "training.jsonl").records() if r["kind"] == "step"]
    if not scales:
        raise ValueError(f"{checkpoint} has no training.jsonl with its learned scales; start from a whole run folder")
    model.load_state_dict(trained.state_dict())
    criterion.start(scales[-1])


def learning_rate(step: int, t: TrainConfig) -> float:
    """Linear warm-up, then half a cosine to zero."""
    warm = max(1, round(t.warmup * t.steps))
    if step < warm:
        return t.lr * (step + 1) / warm
    return t.lr * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, t.steps - warm)))


def uses_bf16(precision: str, device: torch.device) -> bool:
    """bf16 autocast pays only where the device multiplies bf16 itself."""
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(torch.cpu.get_capabilities().get("avx512_bf16", False))


def peak_memory() -> float | None:
    """The most memory this process has held, in MB; None where the system doesn't tell."""
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3), 1)  # bytes there, KiB on Linux


@contextmanager
def _stop_on_signal() -> Iterator[list[int]]:
    """A list that fills when the process is asked to stop; handlers can only be set in the main thread."""
    signals: list[int] = []
    before = {}
    with suppress(ValueError):
        for number in (signal.SIGTERM, signal.SIGINT):
            before[number] = signal.signal(number, lambda n, _: signals.append(n))
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
