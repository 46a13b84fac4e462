"""Exact search: ours, a plain torch product, FAISS flat and a loop over pairs, by gallery size and batch; and memory.

    nice .venv/bin/python -m benchmarks.search [--sizes 1000,10000,100000,1000000] [--k 16] [--d 32] [--turns 7]
    nice .venv/bin/python -m benchmarks.search --memory 1000000

One thread. The methods take turns, so that another program on the machine slows all; the seconds are of the processor,
least and median over the turns, and the ratio to FAISS is the median over the turns. `read` is the share of the
memory's bandwidth (measured here, a pass over one GiB) that reading the means once in that time is. The first ten ids
are compared with FAISS's (by the means alone, which is what FAISS is given). The loop is timed on a sample of pairs and
multiplied. --memory prints the peak of a process that builds, loads and searches a gallery of drawn numbers.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hug.gaussians import Gaussians, Query, distance
from hug.retrieval.exact import room
from hug.retrieval.index import Index

PAIRS = 200  # of the loop
LABELS = ("dress", "shirt", "toptee")


def gallery(count: int, k: int, d: int, dtype: torch.dtype = torch.float32) -> Gaussians:
    """Drawn numbers; biases are zero, so that the means alone have an order that FAISS knows."""
    g = torch.Generator().manual_seed(0)
    made = room((count, k, d), dtype, torch.device("cpu"))
    for start in range(0, count, 10_000):
        part = made.mu[start : start + 10_000]
        part.copy_(torch.randn(part.shape, generator=g))
    made.var[..., 0].copy_(torch.rand(count, k, generator=g))
    made.bias.zero_()
    return made


def queries(count: int, k: int, d: int) -> Query:
    g = torch.Generator().manual_seed(1)
    mu, var = torch.randn(count, k, d, generator=g), torch.rand(count, k, d, generator=g)
    return Query(mu, var, var, var, var, torch.full((count, 3, k, d), 1 / 3))


def torch_product(mu: Tensor, norms: Tensor, query: Tensor) -> Tensor:
    """(B, 10) positions by one product over everything."""
    return torch.addmm(norms, query, mu.T, alpha=-2).topk(10, largest=False).indices


def loop(query: Query, candidates: Gaussians) -> float:
    """Seconds a pair, each computed by itself."""
    start = time.process_time()
    for n in range(PAIRS):
        distance(query[n % len(query) : n % len(query) + 1], candidates[n % len(candidates) : n % len(candidates) + 1])
    return (time.process_time() - start) / PAIRS


def bandwidth() -> float:
    """Bytes a second that one pass over memory reads."""
    block = torch.from_numpy(np.ones(2**28, np.float32))
    return 2**30 / min(seconds(lambda: block.amax()) for _ in range(7))


def seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def compare(batch: int, args: argparse.Namespace, full: Index, half: Index, flat: object, rate: float) -> None:
    """One table: the methods at this size and batch."""
    count, query, mu = len(full), queries(batch, args.k, args.d), full.gaussians.mu.flatten(1)
    plain, norms = query.mu.flatten(1), mu.square().sum(1) if count <= 10**5 else full._scan._norms.sum(1)
    some = list(range(0, args.k, 2))
    calls: dict[str, Callable[[], object]] = {
        "FAISS flat": lambda: flat.search(plain.numpy(), 10),  # type: ignore[attr-defined]
        "ours": lambda: full.search(query),
        "ours, float16": lambda: half.search(query),
        "ours, every second component": lambda: full.search(query, components=some),
        "ours, one of three labels": lambda: full.search(query, where={"category": "dress"}),
        "torch product": lambda: torch_product(mu, norms, plain),
    }
    turns = [{name: seconds(call) for name, call in calls.items()} for _ in range(args.turns + 1)][1:]  # one to warm up
    pair = loop(query, full.gaussians)
    print(f"\nN {count:,}, batch {batch}, K*D {args.k * args.d}")
    print(f"  {'method':30} {'least ms':>10} {'median ms':>10} {'of FAISS':>9} {'read':>6}")
    for name in calls:
        times = [turn[name] for turn in turns]
        ratio = statistics.median(turn[name] / max(turn["FAISS flat"], 1e-9) for turn in turns)
        size = mu.nbytes / (2 if "16" in name else 1)
        share = f"{size / max(min(times), 1e-9) / rate:6.0%}" if batch == 1 else "     -"
        print(f"  {name:30} {1e3 * min(times):10.2f} {1e3 * statistics.median(times):10.2f} {ratio:9.2f} {share}")
    print(f"  {'loop over pairs, from a sample':30} {1e3 * pair * count * batch:10.0f}", flush=True)
    theirs = flat.search(plain.numpy(), 10)[1].tolist()  # type: ignore[attr-defined]
    for name, index in (("float32", full), ("float16", half)):
        same = (index.search(query, use_var=False).positions.numpy() == theirs).all(1).mean()
        print(f"  queries with FAISS's ten ids in its order, {name}: {same:.0%}")


def sizes(args: argparse.Namespace) -> None:
    import faiss

    faiss.omp_set_num_threads(1)
    rate = bandwidth()
    print(f"memory reads {rate / 1e9:.1f} GB/s; torch {torch.__version__}, FAISS {faiss.__version__}, one thread")
    for count in map(int, args.sizes.split(",")):
        full = gallery(count, args.k, args.d)
        ids, meta = [str(n) for n in range(count)], {"category": [LABELS[n % 3] for n in range(count)]}
        half = Index(ids, Gaussians(full.mu.half(), full.var, full.bias), meta)
        flat = faiss.IndexFlatL2(args.k * args.d)
        flat.add(full.mu.flatten(1).numpy())
        for batch in map(int, args.batches.split(",")):
            compare(batch, args, Index(ids, full, meta), half, flat, rate)


class Drawn:
    """In a model's place: numbers for pictures, so that only the gallery takes memory."""

    weights_hash = "drawn"

    def __init__(self, k: int, d: int) -> None:
        self.k, self.d, self.backbone = k, d, self
        self.fingerprint = "drawn"

    def target(self, images: list) -> Gaussians:
        n = len(images)
        return Gaussians(torch.randn(n, self.k, self.d), torch.rand(n, self.k, self.d), torch.zeros(n))


def step(args: argparse.Namespace) -> None:
    """One step in a process of its own; prints its peak of memory."""
    folder, (name, _, kind) = Path(args.folder), args.step.partition("-")
    start = time.perf_counter()
    if name == "build":
        from PIL import Image

        picture = Image.new("RGB", (1, 1))
        model = Drawn(args.k, args.d)
        Index.build(model, [picture] * args.memory, batch=256, half=kind == "float16").save(folder)  # type: ignore[arg-type]
    else:
        index = Index.load(folder, half=kind == "float16")
        index.search(queries(1, args.k, args.d), components=[0, 1], where=None)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{name:5} {kind}: peak {peak:.2f} GiB, {time.perf_counter() - start:.0f} s")


def memory(args: argparse.Namespace) -> None:
    print(f"N {args.memory:,}, K*D {args.k * args.d}; about 0.4 GiB of each peak are Python and torch")
    with tempfile.TemporaryDirectory(dir=args.folder or None) as folder:
        for name in ("build-float32", "build-float16", "load-float32", "load-float16"):
            options = {"--memory": args.memory, "--k": args.k, "--d": args.d, "--folder": folder, "--step": name}
            words = [str(word) for pair in options.items() for word in pair]
            subprocess.run([sys.executable, "-m", "benchmarks.search", *words], check=True)
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        print(f"on disk {size / 2**30:.2f} GiB, {size / args.memory:.0f} bytes a picture")


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--sizes", default="1000,10000,100000,1000000", help="gallery sizes (%(default)s)")
    flags.add_argument("--batches", default="1,64", help="queries at once (%(default)s)")
    flags.add_argument("--k", type=int, default=16, help="components (%(default)s)")
    flags.add_argument("--d", type=int, default=32, help="numbers of one component (%(default)s)")
    flags.add_argument("--turns", type=int, default=7, help="times each is measured (%(default)s)")
    flags.add_argument("--memory", type=int, help="measure memory at this size instead")
    flags.add_argument("--folder", default="", help="where --memory writes (the system's temporary folder)")
    flags.add_argument("--step", help=argparse.SUPPRESS)
    args = flags.parse_args()
    torch.set_num_threads(1)
    step(args) if args.step else memory(args) if args.memory else sizes(args)


if __name__ == "__main__":
    main()
