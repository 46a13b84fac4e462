"""How much the losses cost, forward and backward: ours, products left to autograd, a materialised form, a loop.

    .venv/bin/python -m benchmarks.losses [--sizes 32,32,768 64,32,32] [--loop]

Prints one line a size: the median seconds of each form, peak memory over the inputs, and the ratios. All forms give
the same number (checked before timing). Ours and the products take turns and their ratio is the median over the
turns, so that another program on the machine slows both; with one thread they are processor seconds. The loop is
what a direct reading of the equations gives; it takes minutes at the paper's size, so it is timed once and only when
asked for.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from hug.gaussians import Gaussians, Query, distance
from hug.losses import fine_contrast, holistic_contrast, ranking

A, B_, A_FINE, B_FINE = (torch.tensor(v) for v in (7.4, -1.0, 4.0, -2.0))


def inputs(batch: int, k: int, d: int) -> list[Tensor]:
    """mu_q, mu_c, var_q, var_c, var_m, foreign var_m, each (B, K, D) and asking for a gradient."""
    g = torch.Generator().manual_seed(0)
    draw = [torch.randn, torch.randn, *[torch.rand] * 4]
    return [f(batch, k, d, generator=g).requires_grad_() for f in draw]


def ours(mu_q: Tensor, mu_c: Tensor, var_q: Tensor, var_c: Tensor, own: Tensor, other: Tensor) -> Tensor:
    query = Query(mu_q, var_q, var_q, var_q, var_q, var_q[:, None])
    target = Gaussians(mu_c, var_c, mu_c.new_zeros(len(mu_c)))
    matches = torch.eye(len(mu_q), dtype=torch.bool)
    holistic = holistic_contrast(distance(query, target), matches, A, B_)
    return holistic + fine_contrast(var_q, var_c, A_FINE, B_FINE) + ranking(own, other, log=False)


def products(mu_q: Tensor, mu_c: Tensor, var_q: Tensor, var_c: Tensor, own: Tensor, other: Tensor) -> Tensor:
    """As ours, but the contrast as whole matrix products whose gradient autograd finds."""
    query = Query(mu_q, var_q, var_q, var_q, var_q, var_q[:, None])
    target = Gaussians(mu_c, var_c, mu_c.new_zeros(len(mu_c)))
    matches = torch.eye(len(mu_q), dtype=torch.bool)
    loss = holistic_contrast(distance(query, target), matches, A, B_) + ranking(own, other, log=False)
    q, c = (F.normalize(v, dim=-1) for v in (var_q, var_c))
    batch, k, _ = q.shape

    def repel(dots: Tensor) -> Tensor:
        return F.softplus(dots * (2 * A_FINE) - (2 * A_FINE + B_FINE)).sum()

    def within(x: Tensor, y: Tensor) -> Tensor:
        return repel(x @ y.transpose(1, 2))  # (B, K, K): same instance

    def same(x: Tensor, y: Tensor) -> Tensor:
        return repel((x * y).sum(-1))  # (B, K): same instance and component

    def others(x: Tensor, y: Tensor) -> Tensor:
        """Different components, any instances."""
        everything = repel(x.flatten(0, 1) @ y.flatten(0, 1).T)  # (B*K, B*K)
        return everything - repel(x.transpose(0, 1) @ y.permute(1, 2, 0))  # minus (K, B, B): same component

    pairs = batch * k * (k - 1)
    for x in (q, c):
        inside = within(x, x) - same(x, x)
        loss = loss + inside / (2 * pairs) + (others(x, x) - inside) / (2 * pairs * (batch - 1))
    positive = (q - c).square().sum(-1)
    return loss + others(q, c) / (pairs * batch) + F.softplus(A_FINE * positive + B_FINE).mean()


def materialised(mu_q: Tensor, mu_c: Tensor, var_q: Tensor, var_c: Tensor, own: Tensor, other: Tensor) -> Tensor:
    """Every difference written out in memory, every pair under a mask."""
    batch, k, d = mu_q.shape
    gap = (mu_q[:, None] - mu_c[None]).square().sum((2, 3))  # (B, B) through (B, B, K, D)
    distances = (gap + var_q.sum((1, 2))[:, None] + var_c.sum((1, 2))[None]) / (k * d)
    loss = holistic_contrast(distances, torch.eye(batch, dtype=torch.bool), A, B_)
    sides = [F.normalize(v, dim=-1).flatten(0, 1) for v in (var_q, var_c)]  # (B*K, D)
    item, part = torch.arange(batch).repeat_interleave(k), torch.arange(k).repeat(batch)
    same_item, same_part = item[:, None] == item[None], part[:, None] == part[None]
    masks = {"component": same_item & ~same_part, "instance": ~same_item & ~same_part, "modality": ~same_part}
    for name, x, y in [(n, s, s) for n in ("component", "instance") for s in sides] + [("modality", *sides)]:
        pairs = (x[:, None] - y[None]).square().sum(-1)  # (B*K, B*K) through (B*K, B*K, D)
        weight = 1.0 if name == "modality" else 0.5
        loss = loss + weight * F.softplus(-(A_FINE * pairs + B_FINE))[masks[name]].mean()
    positive = (sides[0] - sides[1]).square().sum(-1)
    return loss + F.softplus(A_FINE * positive + B_FINE).mean() + ranking(own, other, log=False)


def looped(mu_q: Tensor, mu_c: Tensor, var_q: Tensor, var_c: Tensor, own: Tensor, other: Tensor) -> Tensor:
    """One pair at a time."""
    batch, k, d = mu_q.shape
    loss = ranking(own, other, log=False)
    for i in range(batch):
        for j in range(batch):
            gap = (mu_q[i] - mu_c[j]).square().sum() + var_q[i].sum() + var_c[j].sum()
            loss = loss + F.softplus((A * gap / (k * d) + B_) * (1 if i == j else -1)) / batch
    sides = [F.normalize(v, dim=-1) for v in (var_q, var_c)]
    sums: dict[str, list[Tensor]] = {"component": [], "instance": [], "modality": [], "positive": []}
    for s in range(2):
        for i in range(batch):
            for c in range(k):
                own_pair = (sides[s][i, c] - sides[1 - s][i, c]).square().sum()
                sums["positive"].append(F.softplus(A_FINE * own_pair + B_FINE))
                for j in range(batch):
                    keep = torch.arange(k) != c
                    for name, side in (("component" if i == j else "instance", s), ("modality", 1 - s)):
                        pairs = (sides[s][i, c] - sides[side][j][keep]).square().sum(-1)
                        sums[name].append(F.softplus(-(A_FINE * pairs + B_FINE)).mean())
    for values in sums.values():
        loss = loss + torch.stack(values).mean()
    return loss


def turns(forms: list[Callable[..., Tensor]], values: list[Tensor], runs: int) -> list[list[float]]:
    """Seconds of forward and backward of each form, by turns; a first turn isn't counted when there are several."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    taken: list[list[float]] = [[] for _ in forms]
    for _ in range(runs + (runs > 1)):
        for form, times in zip(forms, taken, strict=True):
            start = clock()
            torch.autograd.grad(form(*values), values)
            times.append(clock() - start)
    return [times[-runs:] for times in taken]


def peak(form: Callable[..., Tensor], values: list[Tensor]) -> float:
    """MB allocated at once by forward and backward, from the allocator's own events."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        torch.autograd.grad(form(*values), values)
    level = highest = 0
    for event in record.profiler.kineto_results.events():  # type: ignore[union-attr]
        if event.name() == "[memory]":
            level += event.nbytes()
            highest = max(highest, level)
    return highest / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["16,16,32", "32,32,32", "64,32,32", "32,32,768"], help="B,K,D")
    parser.add_argument("--loop", action="store_true", help="time the loop as well, once")
    parser.add_argument("--threads", type=int, default=0)
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads; L_HC + L_FC + L_cord, forward and backward")
    for size in args.sizes:
        b, k, d = map(int, size.split(","))
        values = inputs(b, k, d)
        large = (b * k) ** 2 * d * 4 > 1e9  # several of these would not fit
        torch.testing.assert_close(ours(*values), products(*values), rtol=1e-3, atol=1e-4)
        own, plain = turns([ours, products], values, 9)
        mine, ratio = statistics.median(own), statistics.median(p / o for o, p in zip(own, plain, strict=True))
        line = f"B {b:>3} K {k:>3} D {d:>4}: ours {mine:.4f} s, {peak(ours, values):.0f} MB"
        line += f"; products {statistics.median(plain):.4f} s, {peak(products, values):.0f} MB, {ratio:.2f}x"
        if not large:
            torch.testing.assert_close(ours(*values), materialised(*values), rtol=1e-3, atol=1e-4)
            other = statistics.median(turns([materialised], values, 3)[0])
            line += f"; materialised {other:.3f} s, {peak(materialised, values):.0f} MB, {other / mine:.0f}x"
        if args.loop:
            torch.testing.assert_close(ours(*values), looped(*values), rtol=1e-3, atol=1e-4)
            other = turns([looped], values, 1)[0][0]
            line += f"; loop {other:.2f} s, {other / mine:.0f}x"
        print(line, flush=True)


if __name__ == "__main__":
    main()
