"""The mathematics of HUG: K Gaussians an item, their distance, and the merge of three sources.

Letters: B batch, N gallery, K components, D dimensions of one component. `var` is sigma squared.
Nothing here is learned. The order of the sources is everywhere r, t, m: reference picture, text,
and multi-modal coordination (the fit between the two).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from itertools import accumulate
from typing import Any, Self

import torch
from torch import Tensor

SOURCES = ("r", "t", "m")


@dataclass(frozen=True)
class Batch:
    """Base of what holds tensors by name; a field that is no tensor and no batch (None, a number) stays as it is."""

    def each(self, change: Callable[[Any], Any]) -> Self:
        """The batch with `change` applied to every tensor and to every batch in it."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return replace(self, **{n: change(v) for n, v in values.items() if isinstance(v, Tensor | Batch)})

    def to(self, device: torch.device) -> Self:
        return self.each(lambda value: value.to(device))

    def __getitem__(self, rows: slice | Tensor | Sequence[int]) -> Self:
        return self.each(lambda value: value[rows])

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    def split(self, sizes: Sequence[int]) -> list[Self]:
        """So many rows each, one part after another: the inverse of `cat`."""
        ends = list(accumulate(sizes))
        return [self[start:end] for start, end in zip([0, *ends], ends, strict=False)]

    @classmethod
    def cat(cls, parts: Sequence[Self]) -> Self:
        """The rows of all parts; a field is a tensor in all of them, or None in one and then in the whole."""
        columns = {f.name: [getattr(part, f.name) for part in parts] for f in fields(cls)}
        return cls(**{n: None if any(v is None for v in c) else torch.cat(c) for n, c in columns.items()})


@dataclass(frozen=True)
class Gaussians(Batch):
    """Items as K diagonal Gaussians each."""

    mu: Tensor  # (B, K, D)
    var: Tensor  # (B, K, D), in (0, 1]
    bias: Tensor  # (B,), candidate bias; zero under `paper`

    @property
    def overall(self) -> Tensor:
        """(B,) overall uncertainty, the paper's: mean variance of all components."""
        return self.var.mean((1, 2))

    def vectors(self) -> Tensor:
        """(B, K*D + 2*K + 1) plain vectors for any engine of inner products, see `candidate_vectors`."""
        return candidate_vectors(self)


@dataclass(frozen=True)
class Query(Batch):
    """A picture with words: one mean, three sources of variance and their merge."""

    mu: Tensor  # (B, K, D), Eq. 2
    var: Tensor  # (B, K, D), Eq. 10
    var_r: Tensor  # (B, K, D), Eq. 6, reference picture
    var_t: Tensor  # (B, K, D), Eq. 7, text
    var_m: Tensor  # (B, K, D), Eq. 8, coordination
    weights: Tensor  # (B, 3, K, D) in the order r, t, m; they sum to one over the sources
    mu_r: Tensor | None = None  # (B, K, D), mean of the reference picture alone; None where it isn't known

    @property
    def sources(self) -> Tensor:
        """(B, 3, K, D) variances in the order r, t, m."""
        return torch.stack([self.var_r, self.var_t, self.var_m], dim=1)

    @property
    def overall(self) -> Tensor:
        """(B,) overall uncertainty, the paper's: mean of the merged variance."""
        return self.var.mean((1, 2))

    def vectors(self, components: Sequence[int] | None = None, use_var: bool = True) -> Tensor:
        """(B, K*D + 2*K + 1) plain vectors for any engine of inner products, see `query_vectors`."""
        return query_vectors(self, components, use_var)


@dataclass(frozen=True)
class DistanceParts:
    """Eq. 15 taken apart: `means + var_q + var_c` sums over K, plus `bias`, to the distance."""

    means: Tensor  # (B, N, K), squared distance of the means
    var_q: Tensor  # (B, K), the query's variance; the same for every candidate
    var_c: Tensor  # (N, K), the candidate's variance
    bias: Tensor  # (N,), the candidate's bias

    @property
    def components(self) -> Tensor:
        """(B, N, K) what each component adds to the distance."""
        return self.means + self.var_q[:, None] + self.var_c[None]

    @property
    def total(self) -> Tensor:
        """(B, N) the distance."""
        return self.components.sum(-1) + self.bias


def merge(var_r: Tensor, var_t: Tensor, var_m: Tensor, dynamic: bool = True) -> tuple[Tensor, Tensor]:
    """Merged variance (B, K, D), Eq. 10, and its weights (B, 3, K, D), Eq. 11.

    Static weights (1/3 each) are the ablation of the paper's Table 3, row 6.
    """
    sources = torch.stack([var_r, var_t, var_m], dim=1)  # (B, 3, K, D)
    weights = torch.softmax(-sources, dim=1) if dynamic else torch.full_like(sources, 1 / 3)
    return (weights * sources).sum(1), weights


def distance(
    q: Gaussians | Query, c: Gaussians, use_var: bool = True, components: slice | list[int] = slice(None)
) -> Tensor:
    """(B, N) expected squared distance, Eq. 15, divided by K*D: the plain sum saturates the sigmoid.

    `use_var=False` compares means only (the candidate bias stays: it is not an uncertainty). Over some `components`
    it is a part of the whole distance: still divided by K*D of the whole model.
    """
    scale = q.mu.shape[1] * q.mu.shape[2]
    a, b = q.mu[:, components].flatten(1), c.mu[:, components].flatten(1)  # (B, K'*D), (N, K'*D)
    squared = a.square().sum(1)[:, None] + b.square().sum(1)[None] - 2 * a @ b.T  # (B, N)
    squared = squared.clamp_min(0)
    if use_var:
        var_q, var_c = (g.var[:, components].sum((1, 2)) for g in (q, c))  # (B,), (N,)
        squared = squared + var_q[:, None] + var_c[None]
    return squared / scale + c.bias


def distance_parts(q: Gaussians | Query, c: Gaussians) -> DistanceParts:
    """The same distance per component; memory grows as B*N*K*D, so pass few candidates."""
    scale = q.mu.shape[1] * q.mu.shape[2]
    means = (q.mu[:, None] - c.mu[None]).square().sum(-1)  # (B, N, K)
    return DistanceParts(means / scale, q.var.sum(-1) / scale, c.var.sum(-1) / scale, c.bias)


def candidate_vectors(c: Gaussians) -> Tensor:
    """(N, K*D + 2*K + 1): means, then what depends on the candidate alone: its squared norm and variance a component,
    and its bias. The inner product with `query_vectors` is minus the distance, up to a constant of the query.
    """
    scale = c.mu.shape[1] * c.mu.shape[2]
    means = c.mu.float()  # half precision is only for storage
    alone = (means.square().sum(-1) / -scale, c.var.float().sum(-1) / -scale, -c.bias.float()[:, None])
    return torch.cat([means.flatten(1), *alone], dim=1)


def query_vectors(q: Gaussians | Query, components: Sequence[int] | None = None, use_var: bool = True) -> Tensor:
    """(B, K*D + 2*K + 1): the same candidate vectors serve every choice of components, with the variances or without.

    Whoever has another engine searches by inner product, largest first; the order is that of `distance`. Only engines
    that compare with every candidate (or with every one of the cells they probe) find the nearest: the norms differ
    too much for a graph.
    """
    _, k, d = q.mu.shape
    counts = q.mu.new_zeros(k)
    counts[slice(None) if components is None else list(components)] = 1
    each = counts.expand(len(q), -1)  # (B, K)
    return torch.cat(
        [(q.mu * counts[:, None]).flatten(1) * (2 / (k * d)), each, each * use_var, each.new_ones(len(q), 1)], 1
    )
