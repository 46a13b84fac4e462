"""What one step reads and computes. A batch is a pure function of (seed, step): resuming is exact.

Letters: B triplets, V views, S aspect-removed views, K components, P image tokens, L words.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from hug.config import ObjectiveConfig
from hug.data.captions import training_texts
from hug.data.features import Features, tokens_of
from hug.gaussians import Gaussians
from hug.losses import Outputs
from hug.model import HUG
from hug.train.augment import Jitter, Statistics, removed_otherwise, spoiled

COMPANY = 24  # pictures a step, for the agreement between components

Triple = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True)
class TrainBatch:
    """Frozen tokens of B triplets and of the views that the switched-on terms ask for."""

    reference: Tensor  # (B, P, Cv)
    target: Tensor  # (B, P, Cv)
    words: Tensor  # (B, L, Ct)
    mask: Tensor  # (B, L)
    matches: Tensor  # (B, B) bool, true where the target is the query's
    shift: int  # Eq. 9 pairs item i with the words (or reference) of item i + shift
    shorter: tuple[Tensor, Tensor, Tensor] | None = None  # rows (V,), words (V, L, Ct), mask (V, L)
    views: tuple[Tensor, Tensor, Tensor] | None = None  # rows (V,), less and more degraded (V, P, Cv)
    mined: tuple[Tensor, ...] | None = None  # rows (M,), tokens (M, P, Cv) of references that lack, also that fit
    removed: tuple[Tensor, Tensor, Tensor] | None = None  # rows (S,), tokens (S, P, Cv), aspect (S,)
    clean: Tensor | None = None  # rows (C,) of targets known to be without a fault; None: nobody knows
    company: Tensor | None = None  # (E, P, Cv) pictures of all categories, as faultless as anybody knows


class Batches:
    """Batches of a training split in an order drawn anew each epoch.

    With `one_category` every batch comes from one category, so that its negatives are as hard as a gallery's: a
    gallery holds one category only. A category with fewer triplets than a batch gives one batch of all it has.
    """

    def __init__(
        self,
        features: Features,
        objective: ObjectiveConfig,
        batch: int,
        seed: int,
        one_category: bool = True,
        jitter: float = 0.0,
    ) -> None:
        self.features, self.objective, self.seed = features, objective, seed
        self.batch, self.jitter = batch, jitter
        self.known = _statistics(features) if objective.spoil or objective.spec_otherwise or jitter else None
        self.pools = _pools([t.category for t in features.collection.triplets], one_category)

    def at(self, step: int) -> TrainBatch:
        """The batch of a step."""
        batch = self._plain(step)
        if not self.jitter or self.known is None:
            return batch
        random = torch.Generator().manual_seed(int(np.random.SeedSequence([self.seed, 3, step]).generate_state(1)[0]))
        return jittered(batch, self.known, self.jitter, random)

    def _plain(self, step: int) -> TrainBatch:
        rng = np.random.default_rng([self.seed, 1, step])
        chosen = self._rows(step)
        triplets = [self.features.collection.triplets[n] for n in chosen]
        mined = self._mined(chosen, rng)
        forms = rng.integers(0, 4, len(triplets))  # "c1 and c2", "c2 and c1", "c1", "c2"
        forms[list(mined)] %= 2  # what is presupposed may stand in either caption
        texts = [training_texts(t.captions)[form] for t, form in zip(triplets, forms, strict=True)]
        targets = [t.target for t in triplets]
        names = np.array(targets)
        cut = self._shortened(texts)
        words, mask = self.features.texts.take([*texts, *(self.features.shorter[texts[n]] for n in cut)])
        size = len(texts)
        target = self.features.pictures.take(targets)
        return TrainBatch(
            reference=self.features.pictures.take([t.reference for t in triplets]),
            target=target,
            words=words[:size],
            mask=mask[:size],
            matches=torch.from_numpy(names[:, None] == names[None]),
            shift=int(rng.integers(1, len(triplets))),
            shorter=(torch.tensor(cut), words[size:], mask[size:]) if cut else None,
            views=self._views(targets, target, rng) if self.objective.picture_rank else None,
            mined=self._tokens(mined) if mined else None,
            removed=self._removed(targets, target, rng) if self.objective.spec else None,
            clean=self._clean(targets) if self.objective.agree else None,
            company=self._company(rng) if self.objective.agree else None,
        )

    def _rows(self, step: int) -> np.ndarray:
        per_epoch = sum(max(1, len(pool) // self.batch) for pool in self.pools)
        epoch, place = divmod(step, per_epoch)
        rng = np.random.default_rng([self.seed, 0, epoch])
        batches = [part for pool in self.pools for part in _cut(rng.permutation(pool), self.batch)]
        return batches[rng.permutation(len(batches))[place]]

    def _mined(self, chosen: np.ndarray, rng: np.random.Generator) -> dict[int, tuple[str, ...]]:
        """Place in the batch -> a mined reference that lacks, and where asked for one that fits."""
        if not self.objective.cord_mined:
            return {}
        found = {n: self.features.mined[row] for n, row in enumerate(chosen) if row in self.features.mined}
        kinds = [(m.lacks, m.fits) if self.objective.cord_fits else (m.lacks,) for m in found.values()]
        return {
            n: tuple(ids[rng.integers(len(ids))] for ids in of_a_kind)
            for n, of_a_kind in zip(found, kinds, strict=True)
        }

    def _tokens(self, mined: dict[int, tuple[str, ...]]) -> tuple[Tensor, ...]:
        pictures = [self.features.pictures.take(ids) for ids in zip(*mined.values(), strict=True)]
        return torch.tensor(list(mined)), *pictures

    def _shortened(self, texts: list[str]) -> list[int]:
        """Which texts of the batch also come shortened: at most half of it."""
        if not self.objective.text_rank:
            return []
        return [n for n, text in enumerate(texts) if text in self.features.shorter][: len(texts) // 2]

    def _views(self, targets: list[str], tokens: Tensor, rng: np.random.Generator) -> Triple | None:
        """Rows, less and more degraded views of half of the targets: drawn ones, then ones made of tokens."""
        views = self.features.views
        half = len(targets) // 2
        drawn = 0 if views is None else half // 2 if self.objective.spoil else half
        parts = []
        if views is not None and drawn:
            rows = [self.features.pictures.row[i] for i in targets[:drawn]]
            parts.append((tokens_of(views.less, rows), tokens_of(views.more, rows)))
        if self.known and self.objective.spoil and half > drawn:
            parts.append(spoiled(tokens[drawn:half], self.known, rng))
        if not parts:
            return None
        less, more = (torch.cat(column) for column in zip(*parts, strict=True))
        return torch.arange(len(less)), less, more

    def _removed(self, targets: list[str], tokens: Tensor, rng: np.random.Generator) -> Triple | None:
        views = self.features.views
        if views is None or views.removed is None:
            return None
        rows = [n for n, i in enumerate(targets) if i in views.removed_row][-(len(targets) // 2) :]
        if not rows:
            return None
        places = [views.removed_row[targets[n]] for n in rows]
        after = tokens_of(views.removed, places)
        if self.known and self.objective.spec_otherwise:
            after = removed_otherwise(tokens[rows], after, self.known, rng)
        return torch.tensor(rows), after, torch.from_numpy(views.aspect[places])

    def _clean(self, targets: list[str]) -> Tensor | None:
        """Rows of the targets without a fault: those whose aspects could be removed; None where nobody knows."""
        views = self.features.views
        if views is None or views.removed is None:
            return None
        return torch.tensor([n for n, i in enumerate(targets) if i in views.removed_row], dtype=torch.long)

    def _company(self, rng: np.random.Generator) -> Tensor:
        """Components that only tell categories apart agree too; a batch of one category would not show it."""
        views = self.features.views
        known = views is not None and views.removed is not None
        ids = list(views.removed_row) if views is not None and known else list(self.features.pictures.ids)
        return self.features.pictures.take([ids[n] for n in rng.integers(0, len(ids), COMPANY)])


def jittered(batch: TrainBatch, known: Statistics, amount: float, random: torch.Generator) -> TrainBatch:
    """The batch with each picture's tokens changed a little, all views of a target in the same way, and each word's."""

    def alone(tokens: Tensor) -> Tensor:
        return Jitter.of(tokens, known, amount, random)(tokens)

    def words(tokens: Tensor) -> Tensor:
        return tokens + amount * tokens.std() * torch.randn(tokens.shape, generator=random)

    change = Jitter.of(batch.target, known, amount, random)
    shorter, views, mined, removed = batch.shorter, batch.views, batch.mined, batch.removed
    return replace(
        batch,
        reference=alone(batch.reference),
        target=change(batch.target),
        words=words(batch.words),
        shorter=shorter and (shorter[0], words(shorter[1]), shorter[2]),
        views=views and (views[0], change(views[1], views[0]), change(views[2], views[0])),
        mined=mined and (mined[0], *(alone(tokens) for tokens in mined[1:])),
        removed=removed and (removed[0], change(removed[1], removed[0]), removed[2]),
        company=None if batch.company is None else alone(batch.company),
    )


def _statistics(features: Features, sample: int = 512) -> Statistics:
    ids = features.pictures.ids
    return Statistics.of(features.pictures.take([ids[n] for n in np.linspace(0, len(ids) - 1, sample).astype(int)]))


def _pools(categories: list[str], one_category: bool) -> list[np.ndarray]:
    """Rows of the triplets that may share a batch. Raises ValueError where fewer than two can."""
    names = np.array(categories)
    pools = [np.flatnonzero(names == c) for c in dict.fromkeys(categories)] if one_category else [np.arange(len(names))]
    pools = [pool for pool in pools if len(pool) > 1]
    if not pools:
        raise ValueError(f"training needs at least two triplets of a category, got {len(categories)} triplets")
    return pools


def _cut(order: np.ndarray, size: int) -> list[np.ndarray]:
    """Whole batches of an order; all of it where it is shorter than one."""
    return [order[i * size : (i + 1) * size] for i in range(max(1, len(order) // size))]


def supplied(objective: ObjectiveConfig, features: Features) -> tuple[ObjectiveConfig, list[str]]:
    """The objective with the terms off that these features can't supply, and a sentence for each.

    Raises ValueError for such a term that is in `objective.required`.
    """
    views = features.views
    lacking = {
        "picture_rank": "no degraded views of the pictures" if views is None and not objective.spoil else "",
        "text_rank": "" if features.shorter else "no text that could be shortened",
        "cord_mined": "" if features.mined else "no text known to presuppose something",
        "spec": "no picture with a known region of an aspect" if views is None or views.removed is None else "",
    }
    notes = []
    for term, reason in lacking.items():
        if reason and getattr(objective, term):
            if term in objective.required:
                raise ValueError(f"the term {term!r} was asked for, but this data has {reason}")
            notes.append(f"{term} is off: this data has {reason}")
            objective = replace(objective, **{term: 0.0})  # type: ignore[arg-type]
    return objective, notes


def compute(model: HUG, batch: TrainBatch, objective: ObjectiveConfig) -> Outputs:
    """One forward pass: plain pictures in one call, joint pairs in one call, words in one call."""
    size, former = len(batch.reference), model.qformer
    pictures = [batch.reference, batch.target]
    if batch.views:
        pictures += batch.views[1:]
    if batch.removed:
        pictures.append(batch.removed[1])
    if batch.company is not None:
        pictures.append(batch.company)
    seen = former.look(torch.cat(pictures))  # every picture once: (R, P, H)
    plain = former.image(seen)  # (R, K, H)
    joint, var_m, foreign, lacking = _joint(model, batch, seen[:size], objective)
    var_t, texts = _words(model, batch)
    var = model.g_v(plain)  # (R, K, D)
    target = slice(size, 2 * size)
    query = model.fuse(model.means(joint), var[:size], var_t, var_m)
    after = 2 * size
    ranked, removed = None, None
    if batch.views:
        rows, count = batch.views[0], len(batch.views[0])
        less, more = var[after : after + count], var[after + count : after + 2 * count]
        ranked = (torch.cat([var[target][rows], less]), torch.cat([less, more]))
        after += 2 * count
    if batch.removed:
        count = len(batch.removed[1])
        removed = (var[target][batch.removed[0]], var[after : after + count], batch.removed[2])
        after += count
    gaussians = Gaussians(model.means(plain[target]), var[target], model.candidate_bias(plain[target]))
    clean = var[target] if batch.clean is None else var[target][batch.clean]
    clean = torch.cat([clean, var[after:]])
    return Outputs(query, gaussians, batch.matches, foreign, ranked, texts, lacking, removed, clean)


Pair = tuple[Tensor, Tensor]


def _joint(
    model: HUG, batch: TrainBatch, seen: Tensor, objective: ObjectiveConfig
) -> tuple[Tensor, Tensor, Pair | None, Pair | None]:
    """Joint outputs (B, K, H), var_m (B, K, D); own and foreign var_m of Eq. 9; the same with mined references."""
    size, shift = len(seen), batch.shift
    parts = [(seen, batch.words, batch.mask)]
    if objective.cord:
        parts.append((seen, batch.words.roll(shift, 0), batch.mask.roll(shift, 0)))
        if objective.cord_reference:
            parts.append((seen.roll(shift, 0), batch.words, batch.mask))
    deranged = size * (len(parts) - 1)
    if batch.mined:
        rows = batch.mined[0]
        parts += [(model.qformer.look(tokens), batch.words[rows], batch.mask[rows]) for tokens in batch.mined[1:]]
    outputs = model.qformer.joint(*(torch.cat(column) for column in zip(*parts, strict=True)))
    var = model.g_m(outputs)
    own, foreign, mined = var[:size], var[size : size + deranged], None
    if batch.mined:
        lacks, *fits = var[size + deranged :].chunk(len(batch.mined) - 1)
        mined = torch.cat([own[batch.mined[0]], *fits]), lacks.repeat(1 + len(fits), 1, 1)
    return (
        outputs[:size],
        own,
        (own.repeat(deranged // size, 1, 1), foreign) if deranged else None,
        mined,
    )


def _words(model: HUG, batch: TrainBatch) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
    """var_t (B, K, D), and the pair (whole, shortened) of the text ranking."""
    words, mask = batch.words, batch.mask
    if batch.shorter:
        words, mask = torch.cat([words, batch.shorter[1]]), torch.cat([mask, batch.shorter[2]])
    var = model.g_t(model.qformer.words(words, mask))
    own = var[: len(batch.words)]
    return own, (own[batch.shorter[0]], var[len(own) :]) if batch.shorter else None
