"""The objective: one function per equation, vectorised over B, N and K; `Criterion` owns a, b, a', b'.

Every loss is in logits (softplus, binary cross-entropy with logits); nothing is log(x + epsilon). `TERMS` lists what
is summed. Terms 1-5 of the extension (docs/paper.md) follow the paper's Eqs 9-17.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.special import entr

from hug.config import ObjectiveConfig
from hug.gaussians import Batch, Gaussians, Query, distance

ERROR_FLOOR = 1e-3  # squared error to which the mean of a picture without a fault is known; a mean's squares are 1/4


def holistic_contrast(distances: Tensor, matches: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """L_HC, Eq. 13: pairwise sigmoid loss on distances (B, B), summed over all pairs and divided by B.

    `matches` (B, B) is true where a target belongs to the query; a target that occurs twice matches twice.
    """
    logits = -(a * distances + b)
    return F.binary_cross_entropy_with_logits(logits, matches.float(), reduction="sum") / len(distances)


def point_contrast(distances: Tensor, matches: Tensor, a: Tensor) -> Tensor:
    """InfoNCE on -a*d (B, B), queries against targets: the paper's Table 3, row 0."""
    logits = -a * distances
    positive = logits.masked_fill(~matches, -torch.inf).logsumexp(1)
    return (logits.logsumexp(1) - positive).mean()


def fine_contrast(
    var_q: Tensor,
    var_c: Tensor,
    a: Tensor,
    b: Tensor,
    component: bool = True,
    instance: bool = True,
    modality: bool = True,
) -> Tensor:
    """L_FC, Eq. 16: sigmoid contrast of L2-normalised variance vectors, merged var_q against var_c (B, K, D).

    Positive: the same component of the matched other side. Negatives, each averaged over its pairs and over
    both sides as anchors: other components of the same instance (`component`), of other instances of the same
    side (`instance`), of any instance of the other side (`modality`).
    """
    batch, k = var_q.shape[:2]
    pairs = batch * k * (k - 1)  # of one side and instance
    own = var_q.new_full((batch, batch), instance / (pairs * (batch - 1)) if batch > 1 else 0.0)
    own.fill_diagonal_(component / pairs)
    other = torch.full_like(own, modality / (pairs * batch))
    weight = torch.cat([torch.cat([own, other], dim=1), torch.cat([other, own], dim=1)])  # (2B, 2B)
    return _FineContrast.apply(torch.cat([var_q, var_c]), weight, a, b)


class _FineContrast(torch.autograd.Function):
    """Mean of -log sigmoid(-a*d - b) over positives, plus the weighted sum of -log sigmoid(a*d + b) over negatives.

    `var` (M, K, D) holds both sides, `weight` (M, M) one number a pair of instances, symmetric. Positives are the
    same component of an instance of either side, negatives all pairs of different components. With d = 2 - 2*dot of
    unit vectors the logit of a negative is 2a*dot - (2a + b).

    The gradient is written by hand because pairs are symmetric, which autograd can't know: each is computed once, in
    strips of rows whose logits stay in the processor's cache, and no (M*K, M*K) matrix is ever stored.
    """

    ROWS = 128  # of a strip

    @staticmethod
    def forward(ctx: Any, var: Tensor, weight: Tensor, a: Tensor, b: Tensor) -> Tensor:
        m, k, _ = var.shape
        norm = torch.linalg.vector_norm(var, dim=-1, keepdim=True).clamp_min(1e-12)  # (M, K, 1)
        x = var / norm
        flat, pull = x.flatten(0, 1), torch.zeros_like(x)  # the gradient by x is 2a * pull
        pulled = pull.flatten(0, 1)  # (M*K, D), the same memory
        q, c = x.chunk(2)
        logits = 2 * a * (1 - (q * c).sum(-1)) + b  # (B, K), positives
        loss, force = F.softplus(logits).mean(), logits.sigmoid() / logits.numel()
        pull[: m // 2].addcmul_(force[..., None], c, value=-1)
        pull[m // 2 :].addcmul_(force[..., None], q, value=-1)
        force = force.sum()  # the derivative by b
        step, scale, shift = max(1, _FineContrast.ROWS // k), 2 * float(a), -(2 * a + b)
        for start in range(0, m, step):
            own = min(step, m - start)
            rest = flat[start * k :]  # rows before were partners already
            rows = rest[: own * k]
            pairs = weight[start : start + own, start:].clone()  # (own, rest)
            pairs[:, :own] /= 2  # both orders are in the strip
            logits = torch.addmm(shift, rows, rest.T, alpha=scale)
            blocks = logits.view(own, k, m - start, k)
            blocks.diagonal(dim1=1, dim2=3).fill_(-torch.inf)  # the same component is no negative
            loss = loss + (F.softplus(logits).view_as(blocks).sum((1, 3)) * pairs).sum()
            logits.sigmoid_()
            blocks *= pairs[:, None, :, None]
            force = force - logits.sum()
            pulled[start * k : (start + own) * k].addmm_(logits, rest)
            pulled[start * k :].addmm_(logits.T, rows)
        ctx.save_for_backward(x, norm, pull, force, a)
        return loss

    @staticmethod
    def backward(ctx: Any, outer: Tensor) -> tuple[Tensor, None, Tensor, Tensor]:
        x, norm, pull, force, a = ctx.saved_tensors
        along = (x * pull).sum(-1, keepdim=True)  # (M, K, 1): what only lengthens a vector
        by_var = torch.addcmul(pull, x, along, value=-1) * (2 * a * outer / norm)
        return by_var, None, outer * (along.sum() + 2 * force), outer * force


def ranking(less: Tensor, more: Tensor, temperature: float = 1.0, log: bool = True) -> Tensor:
    """-log sigmoid of the rise from `less` to `more`, two variances (B, K, D) of which the second should be larger.

    With `log=False` and temperature 1 this is Eq. 9. On log mean variances it is scale-free: the difference of
    two mean variances of size 0.1 gives the sigmoid of Eq. 9 nothing to work with.
    """
    a, b = less.mean((1, 2)), more.mean((1, 2))  # (B,)
    rise = b.log() - a.log() if log else b - a
    return F.softplus(-temperature * rise).mean()


def apart(less: Tensor, more: Tensor, temperature: float) -> Tensor:
    """`ranking` of every one of `less` (V, K, D) against every one of `more` (W, K, D): no pair shares its picture."""
    a, b = less.mean((1, 2)).log(), more.mean((1, 2)).log()
    return F.softplus(-temperature * (b[None] - a[:, None])).mean()


def error_likelihood(q: Query, c: Gaussians) -> Tensor:
    """Gaussian negative log likelihood of the positives' error, per component and dimension, means detached."""
    error = (q.mu - c.mu).detach().square()  # (B, K, D)
    return _likelihood(error, q.var + c.var)


def source_likelihood(q: Query, c: Gaussians, sources: slice = slice(None)) -> Tensor:
    """The same likelihood with each source's variance in the place of the merged one, mean of these `sources`.

    Each then says what it can know of the error: the words alone, the picture alone, both together. In the merge
    (Eq. 10) an uncertain source is outweighed by the others, and learns little.
    """
    error = (q.mu - c.mu).detach().square()[:, None]  # (B, 1, K, D)
    return _likelihood(error, q.sources[:, sources] + c.var[:, None])


def view_likelihood(views: FaultyPictures) -> Tensor:
    """The likelihood, by a picture's own variance, of how far its fault moves its mean; without a fault it is where it
    is. So a component's variance answers to what its mean tells.
    """
    error = (views.mu - views.mu_before).detach().square()  # (V, K, D)
    faulty, before = (
        _likelihood(error + ERROR_FLOOR, views.var),
        _likelihood(torch.full_like(error, ERROR_FLOOR), views.var_before),
    )
    return faulty + before


def _likelihood(error: Tensor, var: Tensor) -> Tensor:
    return 0.5 * (error / var + var.log()).mean()


def agreement(var: Tensor) -> Tensor:
    """Mean squared correlation of different components' log mean variances over pictures, from (V, K, D).

    Components that all rise and fall together say one thing K times.
    """
    levels = var.mean(-1).log()  # (V, K)
    levels = F.normalize(levels - levels.mean(0), dim=0)
    squared = (levels.T @ levels).square()  # (K, K)
    k = len(squared)
    return (squared.sum() - squared.diagonal().sum()) / (k * (k - 1))


@dataclass(frozen=True)
class RemovedVariances(Batch):
    """Variances of pictures and of their views without an aspect."""

    before: Tensor  # (V, K, D)
    after: Tensor  # (V, K, D)
    aspect: Tensor  # (V,)


def specialisation(views: RemovedVariances, sharpness: float, temperature: float) -> Tensor:
    """Which component answers which removed aspect, without naming any component.

    The responding component of a view is softmax(sharpness * rise) over K; the loss is minus the mutual
    information between aspect and responding component (in units of its upper bound, the log of the number of
    aspects present), plus a ranking that asks the responding component's log variance to rise.
    """
    rise = views.after.mean(-1).log() - views.before.mean(-1).log()  # (V, K)
    answer = torch.softmax(sharpness * rise, dim=1)  # (V, K)
    by_aspect = _by_group(answer, views.aspect)  # (A, K)
    rises = F.softplus(-temperature * (answer * rise).sum(1)).mean()
    return rises if len(by_aspect) < 2 else rises - _information(by_aspect)


@dataclass(frozen=True)
class RemovedMeans(Batch):
    """Means of pictures and of their views without an aspect."""

    before: Tensor  # (V, K, D)
    after: Tensor  # (V, K, D)
    aspect: Tensor  # (V,)


def division(views: RemovedMeans) -> Tensor:
    """Which component moves its mean when which aspect is removed, without naming any: minus the mutual information
    between aspect and component, in units of its upper bound, each view's shares being those of the squared shift.

    Only aspects that are present count. Where variances are taught by shifts, they divide the aspects alike.
    """
    shift = (views.after - views.before).square().mean(-1)  # (V, K)
    shares = shift / shift.sum(1, keepdim=True).clamp_min(1e-12)
    by_aspect = _by_group(shares, views.aspect)  # (A, K)
    if len(by_aspect) < 2:
        return shares.sum() * 0.0
    return -_information(by_aspect)


def _by_group(shares: Tensor, group: Tensor) -> Tensor:
    """(A, K) mean of shares (V, K) in each of the groups that are present."""
    present, number = group.unique(return_inverse=True)
    member = F.one_hot(number, len(present)).to(shares)  # (V, A)
    return (member.T @ shares) / member.sum(0)[:, None]


def _information(by_group: Tensor) -> Tensor:
    """Mutual information between equally frequent groups and components, from shares (A, K), over its upper bound."""
    information = entr(by_group.mean(0)).sum() - entr(by_group).sum(-1).mean()
    return information / math.log(len(by_group))


@dataclass(frozen=True)
class Pair(Batch):
    """Variances (V, K, D) of which the second should be larger."""

    less: Tensor
    more: Tensor


@dataclass(frozen=True)
class DegradedVariances(Batch):
    """Variances (V, K, D) of pictures and of two views of each, the second more degraded than the first."""

    picture: Tensor
    less: Tensor
    more: Tensor

    @property
    def pairs(self) -> Pair:
        """The picture before the one view, and that before the other."""
        return Pair(torch.cat([self.picture, self.less]), torch.cat([self.less, self.more]))


@dataclass(frozen=True)
class FaultyPictures(Batch):
    """Means and variances (V, K, D) of pictures with a fault, and of the same before it."""

    mu: Tensor
    var: Tensor
    mu_before: Tensor
    var_before: Tensor


@dataclass(frozen=True)
class Negatives(Batch):
    """Further candidates, and for which of the B queries they are the target after all."""

    candidates: Gaussians  # N
    matches: Tensor  # (B, N) bool


@dataclass(frozen=True)
class Outputs(Batch):
    """What one training step computed. Optional parts are None where no term asks for them or the data lack them."""

    query: Query
    target: Gaussians
    matches: Tensor  # (B, B) bool
    foreign: Pair | None = None  # var_m with the own and with foreign words (or references), Eq. 9
    degraded: DegradedVariances | None = None
    shortened: Pair | None = None  # var_t of the whole and of the shortened text
    mined: Pair | None = None  # var_m with a fitting reference and with one that lacks
    removed: RemovedVariances | None = None
    faulty: FaultyPictures | None = None
    aspects: RemovedMeans | None = None
    negatives: Negatives | None = None
    clean: Tensor | None = None  # (V, K, D) variances of pictures without a fault, as far as anybody knows


@dataclass(frozen=True)
class Term:
    """A summand of the objective beside L_HC: off when its weight is zero or what it needs is None."""

    weight: str  # the objective's field, and the term's name in a log
    value: Callable[[Criterion, Any], Tensor]  # of the step's outputs
    needs: tuple[str, ...] = ()  # the optional fields of `Outputs` that it reads

    @property
    def depends_on_data(self) -> bool:
        """Whether some data can't supply what it needs."""
        return not {"degraded", "shortened", "mined", "removed", "faulty", "aspects"}.isdisjoint(self.needs)


class Criterion(nn.Module):
    """Eq. 17 and the extension; owns the learned scales a, b of Eq. 13 and a', b' of Eq. 16."""

    def __init__(self, objective: ObjectiveConfig) -> None:
        super().__init__()
        self.objective, self.temperature = objective, objective.temperature
        self.log_a = nn.Parameter(torch.tensor(objective.scale).log())
        self.b = nn.Parameter(torch.tensor(-1.0), requires_grad=objective.matching == "sigmoid")
        self.log_a_fine = nn.Parameter(torch.tensor(4.0).log(), requires_grad=objective.fc > 0)
        self.b_fine = nn.Parameter(torch.tensor(-2.0), requires_grad=objective.fc > 0)

    def scales(self) -> dict[str, float]:
        """The learned numbers by their names in the paper."""
        return {
            "a": self.log_a.exp().item(), "b": self.b.item(),
            "a_fine": self.log_a_fine.exp().item(), "b_fine": self.b_fine.item(),
        }  # fmt: skip

    def start(self, scales: dict[str, float]) -> None:
        """Take the learned numbers of an earlier run."""
        with torch.no_grad():
            self.log_a.fill_(math.log(scales["a"]))
            self.b.fill_(scales["b"])
            self.log_a_fine.fill_(math.log(scales["a_fine"]))
            self.b_fine.fill_(scales["b_fine"])

    @property
    def sources(self) -> slice:
        """Those of r, t, m that the error teaches; the picture's is taught by views where there are any."""
        return slice(1, None) if self.objective.nll_views else slice(None)

    def terms(self, out: Outputs) -> dict[str, Tensor]:
        """Every term that is switched on and supplied, unweighted."""
        supplied = (t for t in active(self.objective) if all(getattr(out, need) is not None for need in t.needs))
        return {"hc": self.matching(out), **{t.weight: t.value(self, out) for t in supplied}}

    def forward(self, out: Outputs) -> tuple[Tensor, dict[str, Tensor]]:
        """Weighted sum (a scalar) and the unweighted terms."""
        terms = self.terms(out)
        weights = {name: 1.0 if name == "hc" else getattr(self.objective, name) for name in terms}
        return torch.stack([weights[name] * value for name, value in terms.items()]).sum(), terms

    def matching(self, out: Outputs) -> Tensor:
        """L_HC, or InfoNCE; the candidate bias has zero mean in the batch."""
        target, matches = replace(out.target, bias=out.target.bias - out.target.bias.mean()), out.matches
        if out.negatives:
            target = Gaussians.cat([target, out.negatives.candidates])
            matches = torch.cat([matches, out.negatives.matches], dim=1)
        distances = distance(out.query, target, use_var=self.objective.variance)
        if self.objective.matching == "infonce":
            return point_contrast(distances, matches, self.log_a.exp())
        return holistic_contrast(distances, matches, self.log_a.exp(), self.b)

    def fine(self, out: Outputs) -> Tensor:
        """L_FC with the learned scales and the objective's kinds of negatives."""
        o, a = self.objective, self.log_a_fine.exp()
        negatives = o.fc_component, o.fc_instance, o.fc_modality
        return fine_contrast(out.query.var, out.target.var, a, self.b_fine, *negatives)

    def candidates(self, out: Outputs) -> Gaussians:
        """The targets as the error's likelihood sees them: where views teach the variance of pictures, it does not."""
        target = out.target
        return replace(target, var=target.var.detach()) if self.objective.nll_views else target

    def rise(self, pair: Pair, log: bool = True) -> Tensor:
        """`ranking` with the objective's temperature, which is for logs."""
        return ranking(pair.less, pair.more, self.temperature if log else 1.0, log)


def active(objective: ObjectiveConfig) -> list[Term]:
    """The terms whose weight is not zero."""
    return [term for term in TERMS if getattr(objective, term.weight)]


# A new term is an entry here and a weight in `ObjectiveConfig`. The order is that of the sum: floats add up in it.
TERMS: tuple[Term, ...] = (
    Term("fc", lambda c, out: c.fine(out)),
    Term("cord", lambda c, out: c.rise(out.foreign, c.objective.cord_log), ("foreign",)),
    Term("cord_mined", lambda c, out: c.rise(out.mined), ("mined",)),
    Term("bias_l2", lambda c, out: out.target.bias.square().mean()),
    Term("nll", lambda c, out: error_likelihood(out.query, c.candidates(out))),
    Term("nll_sources", lambda c, out: source_likelihood(out.query, c.candidates(out), c.sources)),
    Term("nll_views", lambda c, out: view_likelihood(out.faulty), ("faulty",)),
    Term("picture_rank", lambda c, out: c.rise(out.degraded.pairs), ("degraded",)),
    Term("picture_apart", lambda c, out: apart(out.clean, out.degraded.more, c.temperature), ("clean", "degraded")),
    Term("text_rank", lambda c, out: c.rise(out.shortened), ("shortened",)),
    Term("spec", lambda c, out: specialisation(out.removed, c.objective.spec_sharpness, c.temperature), ("removed",)),
    Term("divide", lambda c, out: division(out.aspects), ("aspects",)),
    Term("agree", lambda c, out: agreement(out.clean), ("clean",)),
)
