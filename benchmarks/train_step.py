"""Where a training step's time goes, and what share of the machine's matrix throughput it reaches.

    .venv/bin/python -m benchmarks.train_step [--objective calibrated] [--size bundled] [--threads 1] [--runs 7]

Made-up tokens of the embedded backbone's shape, so no data set is needed. Every row is one number format and one
attention kernel, as steps a second beside the plainest form (fp32, fused attention, one call a pass), and its share
of the throughput of one large product in the same format.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext

import torch
from PIL import Image
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from hug.backbones import Reader, WordKind, Words, WordTokens
from hug.backbones.preprocessing import Preprocessing
from hug.config import OBJECTIVES, SIZES, TrainConfig
from hug.losses import Criterion, DegradedVariances, Outputs, Pair, RemovedVariances
from hug.model import HUG
from hug.train.batch import DegradedViews, MinedPictures, RemovedAspects, ShortenedTexts, TrainBatch
from hug.train.optimizer import optimizer_of
from hug.train.step import compute

P, CV, L, CT = 25, 768, 24, 384  # the embedded backbone's tokens
WORDS = 12  # of which this many are words in a usual batch


class Shapes:
    """A backbone that is only its shapes."""

    name, fingerprint, revision = "shapes", "shapes", ""
    preprocessing = Preprocessing(size=160, fit="white", word_pieces=L, captions="as typed")
    image_tokens, image_dim, text_tokens, text_dim = P, CV, L, CT
    word_kind: WordKind = "tokens"

    def images(self, pictures: Sequence[Image.Image]) -> Tensor:
        return torch.randn(len(pictures), P, CV)

    def words(self, texts: Sequence[str]) -> Words:
        return words(len(texts), L)

    def reader(self) -> Reader:
        return Reader()

    def to(self, device: torch.device) -> None:
        pass


def words(count: int, length: int) -> Words:
    return WordTokens(torch.randn(count, length, CT), torch.ones(count, length, dtype=torch.bool))


def a_batch(size: int) -> TrainBatch:
    half, some = torch.arange(size // 2), torch.arange(size // 4)

    def pictures(count: int) -> Tensor:
        return torch.randn(count, P, CV)

    return TrainBatch(
        pictures(size), pictures(size), words(size, WORDS), torch.eye(size, dtype=torch.bool), shift=1,
        degraded=DegradedViews(half, pictures(len(half)), pictures(len(half))),
        removed=RemovedAspects(half, pictures(len(half)), torch.arange(len(half)) % 6),
        shortened=ShortenedTexts(half, words(len(half), WORDS)),
        mined=MinedPictures(some, pictures(len(some)), None),
    )  # fmt: skip


def separate(model: HUG, batch: TrainBatch) -> Outputs:
    """The same step with one call a pass: what `compute` batches and shares."""
    views, removed, short, mined = batch.degraded, batch.removed, batch.shortened, batch.mined
    assert views and removed and short and mined
    query, target = model.query_tokens(batch.reference, batch.words), model.target_tokens(batch.target)
    foreign = model.query_tokens(batch.reference, batch.words.roll(batch.shift))
    lacks = model.query_tokens(mined.lacks, batch.words[mined.rows])
    shorter = model.query_tokens(batch.reference[short.rows], short.words)
    picture, before = model.target_tokens(batch.target[views.rows]), model.target_tokens(batch.target[removed.rows])
    less, more, after = (model.target_tokens(tokens).var for tokens in (views.less, views.more, removed.tokens))
    return Outputs(
        query, target, batch.matches,
        foreign=Pair(query.var_m, foreign.var_m),
        degraded=DegradedVariances(picture.var, less, more),
        shortened=Pair(query.var_t[short.rows], shorter.var_t),
        mined=Pair(query.var_m[mined.rows], lacks.var_m),
        removed=RemovedVariances(before.var, after, removed.aspect),
    )  # fmt: skip


def median(step: Callable[[], object], runs: int) -> float:
    step()
    taken = []
    for _ in range(runs):
        start = time.perf_counter()
        step()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def peak_throughput(bf16: bool) -> float:
    """GFLOP/s of a 2048-wide product."""
    a = torch.randn(2048, 2048, dtype=torch.bfloat16 if bf16 else torch.float32)
    return 2 * 2048**3 / median(lambda: a @ a, 5) / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objective", choices=["calibrated"], default="calibrated")
    parser.add_argument("--size", choices=sorted(SIZES), default="bundled")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    objective, batch = OBJECTIVES[args.objective], a_batch(args.batch)
    print(f"torch {torch.__version__}, {args.threads} threads, {args.size}, {args.objective}, batch {args.batch}")
    peaks = {bf16: peak_throughput(bf16) for bf16 in (False, True)}
    first = None
    forms = [("separate passes, fused, fp32", separate, "sdpa", False)] + [
        (f"batched passes, {name}, {'bf16' if bf16 else 'fp32'}", None, kernel, bf16)
        for bf16 in (False, True)
        for name, kernel in (("fused", "sdpa"), ("written out", "eager"))
    ]
    for name, form, kernel, bf16 in forms:
        torch.manual_seed(0)
        model = HUG(SIZES[args.size], objective, Shapes()).train()
        model.qformer.qformer.config._attn_implementation = kernel
        criterion = Criterion(objective)
        optimizer = optimizer_of(model, criterion, TrainConfig())

        def step(form=form, model=model, criterion=criterion, optimizer=optimizer, kernel=kernel, bf16=bf16) -> None:  # type: ignore[no-untyped-def]
            backends = nullcontext() if kernel == "sdpa" else sdpa_kernel(SDPBackend.MATH)
            with backends:
                with torch.autocast("cpu", torch.bfloat16) if bf16 else nullcontext():
                    out = form(model, batch) if form else compute(model, batch, objective)
                optimizer.zero_grad()
                criterion(out)[0].backward()
            optimizer.step()

        with FlopCounterMode(display=False) as counter:
            step()
        seconds = median(step, args.runs)
        first = first or seconds
        share = counter.get_total_flops() / seconds / 1e9 / peaks[bf16]
        print(
            f"{name:<34} {1 / seconds:5.2f} steps/s  {first / seconds:4.2f}x  "
            f"{counter.get_total_flops() / 1e9:5.1f} GFLOP, {100 * share:4.1f} % of {peaks[bf16]:.0f} GFLOP/s",
            flush=True,
        )


if __name__ == "__main__":
    main()
