"""Exact search in memory: a pass in float32 finds who can be among the first k, float64 puts those in order.

Letters: B queries, N candidates, K components, D dimensions of one component. What a candidate adds whatever the query
(its norm, variance and bias) is one number a candidate, so that the pass is an inner product with the means, read once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from threading import Lock

import numpy as np
import torch
from torch import Tensor

from hug.gaussians import Gaussians, Query

SCORES = 2**20  # scores (B x n) at once, to bound memory
TOGETHER = 64  # queries at once
PIECE = 1024  # candidates converted from half precision, or looked at closely, at once: they stay in the cache
CROWD = 64  # times k that may pass the bound before it is drawn closer
OFFSETS = 4  # choices of components remembered
ROUNDING = 2.0**-23


class Scan:
    """Candidates prepared for exact search; thread-safe, what it prepares is made at the first search."""

    def __init__(self, gaussians: Gaussians) -> None:
        self.gaussians = gaussians
        self._offsets: dict[tuple[tuple[int, ...], bool], Tensor] = {}
        self._lock = Lock()

    def nearest(
        self, query: Query | Gaussians, k: int, components: list[int], use_var: bool, mask: Tensor | None,
        rows: Tensor, places: Tensor,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """Distances (B, k) and positions (B, k), infinite and -1 where fewer remain; k at most N.

        `mask` (N,) says who may be ranked; query `rows` (E,) must not get candidates `places` (E,).
        """
        offset = self._offset(components, use_var)
        if mask is not None:
            offset = offset.masked_fill(~mask, torch.inf)
        parts = []
        for start in range(0, len(query), TOGETHER):
            own = (rows >= start) & (rows < start + TOGETHER)
            some = query[start : start + TOGETHER]
            near = self._near(some, k, components, offset, rows[own] - start, places[own])
            distances = self._exact(some, *near, _cut(components), use_var)
            parts.append(first(distances, *near, len(some), k))
        best, positions = (torch.cat(side) for side in zip(*parts, strict=True))
        return best, positions

    def _near(
        self, query: Query | Gaussians, k: int, components: list[int], offset: Tensor, rows: Tensor, places: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Query rows (P,) and positions (P,) of whoever may be among the first k: all within rounding of the k-th."""
        mu, low, high = self.gaussians.mu, components[0], components[-1] + 1
        weights = torch.zeros_like(query.mu)  # what lies between two components that count is read, and counts nothing
        cut = _cut(components)
        weights[:, cut] = query.mu[:, cut] * (2 / (mu.shape[1] * mu.shape[2]))
        weights = weights[:, low:high].flatten(1)  # (B, K'*D)
        slack = self._slack(weights)[:, None]
        best, bound = weights.new_empty(len(query), 0), weights.new_full((len(query), 1), torch.inf)
        hits = []
        step = max(SCORES // len(query), 1)
        for start in range(0, len(mu), step):
            stop = min(start + step, len(mu))
            scores = products(weights, mu[start:stop, low:high])  # (B, n)
            torch.sub(offset[start:stop], scores, out=scores)
            inside = (places >= start) & (places < stop)
            scores[rows[inside], places[inside] - start] = torch.inf
            flat = _below(scores, bound) if start else None
            if flat is None or len(flat) > CROWD * k * len(query):
                own = scores.topk(min(k, stop - start), largest=False).values
                best = torch.cat([best, own], dim=1)
                best = best.topk(min(k, best.shape[1]), largest=False).values
                if best.shape[1] == k:
                    bound = best.amax(1, keepdim=True) + slack
                flat = _below(scores, bound)
            row, place = flat // (stop - start), flat % (stop - start)
            hits.append((row, place + start, scores[row, place]))
        row, place, score = (torch.cat(side) for side in zip(*hits, strict=True))
        order, rank = _ranks(score, place, row, len(query))
        row, place, score = row[order], place[order], score[order]
        last = score.new_full((len(query),), torch.inf)
        last[row[rank == k - 1]] = score[rank == k - 1]
        close = score <= last[row] + slack[row, 0]
        return row[close], place[close]

    def _exact(
        self, query: Query | Gaussians, rows: Tensor, places: Tensor, cut: slice | list[int], use_var: bool
    ) -> Tensor:
        """(P,) distances of queries `rows` to candidates `places`, Eq. 15 in float64: equal candidates are equal."""
        _, k, d = query.mu.shape
        mu, gallery = query.mu[:, cut].double(), self.gaussians
        squared = [mu.new_empty(0)]
        for start in range(0, len(rows), PIECE):
            row, place = rows[start : start + PIECE], places[start : start + PIECE]
            squared.append((gallery.mu[place][:, cut].double() - mu[row]).square_().sum((1, 2)))
        total = torch.cat(squared)
        if use_var:
            total += query.var[:, cut].double().sum((1, 2))[rows] + self._var[places][:, cut].double().sum(1) * d
        return total / (k * d) + gallery.bias[places].double()

    def _offset(self, components: list[int], use_var: bool) -> Tensor:
        """(N,) what a candidate adds to its distance from any query, over these components."""
        key = (tuple(components), use_var)
        with self._lock:
            if key not in self._offsets:
                while len(self._offsets) >= OFFSETS:
                    self._offsets.pop(next(iter(self._offsets)))
                k, d = self.gaussians.mu.shape[1:]
                counts = self._norms.new_zeros(k)
                counts[components] = 1 / (k * d)
                total = self._norms @ counts + self.gaussians.bias
                self._offsets[key] = total + self._var @ (counts * d) if use_var else total
            return self._offsets[key]

    def _slack(self, weights: Tensor) -> Tensor:
        """(B,) twice what rounding can add to a score, generously."""
        largest, sizes = self._largest
        return ROUNDING * ((weights.shape[1] / 8 + 8) * weights.norm(dim=1) * largest + 16 * sizes)

    @cached_property
    def _norms(self) -> Tensor:
        """(N, K) squared norms of the means."""
        mu = self.gaussians.mu
        norms = mu.new_empty(mu.shape[:2], dtype=torch.float32)
        for start in range(0, len(mu), PIECE):
            norms[start : start + PIECE] = mu[start : start + PIECE].float().square().sum(-1)
        return norms

    @cached_property
    def _largest(self) -> tuple[Tensor, Tensor]:
        """The largest norm of a candidate, and the largest sum of what a candidate adds to a distance."""
        squared, scale = self._norms.sum(1).amax(), self.gaussians.mu.shape[1] * self.gaussians.mu.shape[2]
        return squared.sqrt(), squared / scale + self._var.amax() + self.gaussians.bias.abs().amax()

    @cached_property
    def _var(self) -> Tensor:
        """(N, K) mean variance of each component; nothing new where it is stored as that."""
        return summed(self.gaussians).var[..., 0]


def products(query: Tensor, mu: Tensor) -> Tensor:
    """(B, n) inner products of queries (B, V) with candidates (n, K', D) of any precision, in float32."""
    half, flat = mu.dtype != torch.float32, mu.flatten(1)  # a view, (n, V)
    out = query.new_empty(len(query), len(mu))
    piece = query.new_empty(min(PIECE, len(mu)), flat.shape[1]) if half else flat
    for start in range(0, len(mu), PIECE if half else len(mu)):
        part = piece[: len(mu) - start].copy_(flat[start : start + PIECE]) if half else flat
        target = out[:, start : start + len(part)]
        if len(query) == 1 and part.device.type == "cpu":  # at the speed of memory, which a matrix product isn't here
            np.vecdot(part.numpy(), query[0].numpy(), out=target[0].numpy())
        else:
            target.copy_(query @ part.T) if half else torch.mm(query, part.T, out=target)
    return out


def first(distances: Tensor, rows: Tensor, places: Tensor, count: int, k: int) -> tuple[Tensor, Tensor]:
    """Distances (B, k) in float32 and positions (B, k) from P pairs; equal distances by position, lowest first."""
    order, rank = _ranks(distances, places, rows, count)
    order, rank = order[rank < k], rank[rank < k]
    best = distances.new_full((count, k), torch.inf, dtype=torch.float32)
    positions = torch.full((count, k), -1, dtype=torch.long, device=distances.device)
    best[rows[order], rank] = distances[order].float()
    positions[rows[order], rank] = places[order]
    return best, positions


def summed(gaussians: Gaussians) -> Gaussians:
    """The same candidates with the mean variance of each component in place of its D variances, seen as (N, K, D).

    Distances are the same: they read only sums over a component. It takes a D-th of the memory.
    """
    var, d = gaussians.var, gaussians.var.shape[-1]
    if var.stride(-1) == 0 or d == 1:
        return gaussians
    means = torch.cat([var[start : start + PIECE].float().mean(-1) for start in range(0, max(len(var), 1), PIECE)])
    return Gaussians(gaussians.mu, means[..., None].expand(-1, -1, d), gaussians.bias)


def room(shape: Sequence[int], dtype: torch.dtype, device: torch.device) -> Gaussians:
    """N candidates (N, K, D) to be filled in, with variances as `summed` has them: `mu`, `var[..., 0]` and `bias`."""
    kinds = {torch.float32: np.float32, torch.float16: np.float16}
    if device.type == "cpu":  # numpy asks for large pages, on which a pass over all of it is faster
        mu = torch.from_numpy(np.empty(shape, kinds[dtype]))
    else:
        mu = torch.empty(tuple(shape), dtype=dtype, device=device)
    var = torch.empty(*shape[:2], 1, device=device).expand(tuple(shape))
    return Gaussians(mu, var, torch.empty(shape[0], device=device))


def _cut(components: list[int]) -> slice | list[int]:
    """The same components as a slice where they are neighbours: a view, nothing is copied."""
    low, high = components[0], components[-1] + 1
    return slice(low, high) if high - low == len(components) else components


def _below(scores: Tensor, bound: Tensor) -> Tensor:
    """Flat places of the finite scores at or below their query's bound."""
    near = (scores <= bound) & (scores < torch.inf)
    if near.device.type == "cpu":
        return torch.from_numpy(np.flatnonzero(near.numpy()))  # 7 times as fast as torch's
    return near.flatten().nonzero()[:, 0]


def _ranks(values: Tensor, places: Tensor, rows: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """An order (P,) of the pairs by row, value and place, and in it each pair's rank (P,) within its row."""
    order = torch.from_numpy(np.lexsort([side.cpu().numpy() for side in (places, values, rows)])).to(rows.device)
    starts = torch.searchsorted(rows[order].contiguous(), torch.arange(count, device=rows.device))
    return order, torch.arange(len(rows), device=rows.device) - starts[rows[order]]
