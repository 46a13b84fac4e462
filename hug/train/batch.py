"""What one step reads and computes. A batch is a pure function of (seed, step): resuming is exact.

Letters: B triplets, V views, S aspect-removed views, K components, P image tokens, L words.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from hug.backbones import Words, WordTokens
from hug.config import ObjectiveConfig, TrainConfig
from hug.data.captions import training_texts
from hug.data.features import Features, tokens_of
from hug.gaussians import Batch
from hug.losses import (
    active,
)
from hug.train.augment import Statistics, corrupt_tokens, jitter, jitter_words, remove_in_tokens
from hug.train.distributed import World

VIEWS = {"aspects": "removed", "faulty": "removed"}  # what a term reads, and of which views it is made
FAULTS = ("less", "more", "tokens", "removed")  # degraded a little, much, in the tokens; without an aspect
DECORRELATION = 24  # pictures a step, for the agreement between components


@dataclass(frozen=True)
class DegradedViews(Batch):
    """Two views of some targets, the second more degraded than the first."""

    rows: Tensor  # (V,)
    less: Tensor  # (V, P, Cv)
    more: Tensor  # (V, P, Cv)


@dataclass(frozen=True)
class RemovedAspects(Batch):
    """Views of some targets without one aspect."""

    rows: Tensor  # (S,)
    tokens: Tensor  # (S, P, Cv)
    aspect: Tensor  # (S,)


@dataclass(frozen=True)
class ShortenedTexts(Batch):
    """Some texts of the batch with clauses left out."""

    rows: Tensor  # (V,)
    words: Words


@dataclass(frozen=True)
class MinedPictures(Batch):
    """References as clean as those of some triplets, without and with what their texts presuppose."""

    rows: Tensor  # (V,)
    lacks: Tensor  # (V, P, Cv)
    fits: Tensor | None = None  # (V, P, Cv)


@dataclass(frozen=True)
class Originals(Batch):
    """What pictures of the batch were before their fault."""

    rows: Tensor  # (V,) among the references and, after these, the targets
    tokens: Tensor  # (V, P, Cv)


@dataclass(frozen=True)
class TrainBatch(Batch):
    """Frozen tokens of B triplets and of the views that the switched-on terms ask for; None where none does."""

    reference: Tensor  # (B, P, Cv)
    target: Tensor  # (B, P, Cv)
    words: Words
    matches: Tensor  # (B, B) bool, true where the target is the query's
    shift: int  # Eq. 9 pairs item i with the words (or reference) of item i + shift
    foreign: Words | None = None  # those words, where the batch is spread over processes: of the whole batch
    degraded: DegradedViews | None = None
    removed: RemovedAspects | None = None
    shortened: ShortenedTexts | None = None
    mined: MinedPictures | None = None
    originals: Originals | None = None
    reference_matches: Tensor | None = None  # (B, B) bool, true where the reference is the query's target
    clean: Tensor | None = None  # rows of the targets without a fault; all where nobody knows
    decorrelation: Tensor | None = None  # (E, P, Cv) pictures of all categories, as faultless as anybody knows


class Batches:
    """Batches of a training split in an order drawn anew each epoch.

    With `one_category` every batch comes from one category, so that its negatives are as hard as a gallery's: a
    gallery holds one category only. A category with fewer triplets than a batch gives one batch of all it has.
    """

    def __init__(
        self,
        features: Features,
        objective: ObjectiveConfig,
        training: TrainConfig,
        world: World = World(),  # noqa: B008 (frozen)
    ) -> None:
        """Under a world of several processes a batch holds this one's pictures and words of the whole batch."""
        self.features, self.objective, self.training, self.world = features, objective, training, world
        ids, views = features.pictures.ids, features.views
        self.pools = pools_of([t.category for t in features.collection.triplets], training.one_category)
        self.needs = {need for term in active(objective) for need in term.needs}
        self.views = {VIEWS.get(need, need) for need in self.needs}
        clean = ids if views is None or views.removed is None else views.removed_row
        self.clean = dict.fromkeys(clean)  # ids of pictures without a fault: an aspect could be removed; or of all

        for size in {len(pool) for pool in self.pools if len(pool) < training.batch} | {training.batch}:
            world.share(size)  # or refused before anything is computed

    @cached_property
    def statistics(self) -> Statistics:
        """Of 512 pictures' tokens."""
        ids = self.features.pictures.ids
        return Statistics.of(
            self.features.pictures.take([ids[n] for n in np.linspace(0, len(ids) - 1, 512).astype(int)])
        )

    @property
    def epoch(self) -> int:
        """Steps in which every triplet is seen once, but for those that fill no batch."""
        return sum(self._counts)

    @property
    def _counts(self) -> list[int]:
        """Batches an epoch of each pool: whole ones, and one of all where it has fewer."""
        return [max(1, len(pool) // self.training.batch) for pool in self.pools]

    def at(self, step: int) -> TrainBatch:
        """The batch of a step."""
        batch, amount = self._plain(step), self.training.jitter
        if not amount:
            return batch
        seed = np.random.SeedSequence([self.training.seed, 3, step]).generate_state(1)
        random = torch.Generator().manual_seed(int(seed[0]))
        return jittered(batch, self.statistics, amount, random)

    def _plain(self, step: int) -> TrainBatch:
        rng = np.random.default_rng([self.training.seed, 1, step])
        rows = self._rows(step)
        triplets = [self.features.collection.triplets[n] for n in rows]
        mined = self._mined(rows, rng)
        forms = rng.integers(0, 4, len(triplets))  # "c1 and c2", "c2 and c1", "c1", "c2"
        if mined:
            forms[mined.rows] %= 2  # what is presupposed may stand in either caption
        texts = [training_texts(t.captions)[form] for t, form in zip(triplets, forms, strict=True)]
        words, shortened = self._words(texts)
        targets = [t.target for t in triplets]
        names, own = np.array(targets), self.world.share(len(triplets))
        references = [t.reference for t in triplets]
        whole = self.features.pictures.take(targets[own])
        shift = int(rng.integers(1, len(triplets)))
        faults = np.random.default_rng([self.training.seed, 4, step])
        share = self.objective.corrupt
        reference, worse = self._corrupted(references[own], self.features.pictures.take(references[own]), share, faults)
        target, bad = self._corrupted(targets[own], whole, share / 2, faults)
        clean = [n for n, i in enumerate(targets) if i in self.clean and n not in bad]
        return TrainBatch(
            reference=reference,
            target=target,
            words=words[own],
            matches=torch.from_numpy(names[:, None] == names[None]),
            shift=shift,
            foreign=words.roll(shift)[own] if self.world.size > 1 else None,
            degraded=self._degraded(targets, whole, rng) if "degraded" in self.needs else None,
            removed=self._removed(targets, whole, rng, bad) if "removed" in self.views else None,
            shortened=shortened,
            mined=mined,
            originals=self._originals([*references, *targets], [*worse, *(n + len(references) for n in bad)]),
            reference_matches=torch.from_numpy(names[:, None] == np.array(references)[None]),
            clean=torch.tensor(clean, dtype=torch.long) if "clean" in self.needs else None,
            decorrelation=self._decorrelation(rng) if "clean" in self.needs else None,
        )

    def _rows(self, step: int) -> np.ndarray:
        size, counts = self.training.batch, self._counts
        epoch, place = divmod(step, sum(counts))
        rng = np.random.default_rng([self.training.seed, 0, epoch])
        orders = [rng.permutation(pool) for pool in self.pools]
        batches = [o[i * size : (i + 1) * size] for o, count in zip(orders, counts, strict=True) for i in range(count)]
        return batches[rng.permutation(len(batches))[place]]

    def _mined(self, rows: np.ndarray, rng: np.random.Generator) -> MinedPictures | None:
        """For the triplets that have any: a mined reference that lacks, and with `cord_fits` one that fits."""
        mined = {n: self.features.mined[row] for n, row in enumerate(rows) if row in self.features.mined}
        if not mined or "mined" not in self.needs:
            return None
        kinds = ("lacks", "fits") if self.objective.cord_fits else ("lacks",)
        choices = [[getattr(references, kind) for kind in kinds] for references in mined.values()]
        names = [[ids[rng.integers(len(ids))] for ids in choice] for choice in choices]
        tokens = map(self.features.pictures.take, zip(*names, strict=True))
        return MinedPictures(torch.tensor(list(mined)), **dict(zip(kinds, tokens, strict=True)))

    def _words(self, texts: list[str]) -> tuple[Words, ShortenedTexts | None]:
        """The batch's texts, and at most half of them shortened; taken together, so that all are equally long."""
        rows = [n for n, text in enumerate(texts) if text in self.features.shorter][: len(texts) // 2]
        if not rows or "shortened" not in self.needs:
            return self.features.texts.take(texts), None
        short = [self.features.shorter[texts[n]] for n in rows]
        words, shortened = self.features.texts.take([*texts, *short]).split([len(texts), len(short)])
        return words, ShortenedTexts(torch.tensor(rows), shortened)

    def _degraded(self, targets: list[str], tokens: Tensor, rng: np.random.Generator) -> DegradedViews | None:
        """Views of half of the targets: of the first made from pixels, where there are any, of the rest from tokens."""
        views, corrupt = self.features.views, self.objective.corrupt_tokens
        half = len(targets) // 2
        pixels = 0 if views is None else half // 2 if corrupt else half
        parts = []
        if views is not None and pixels:
            rows = [self.features.pictures.row[i] for i in targets[:pixels]]
            parts.append((tokens_of(views.less, rows), tokens_of(views.more, rows)))
        if corrupt and half > pixels:
            parts.append(corrupt_tokens(tokens[pixels:half], self.statistics, rng))
        if not parts:
            return None
        less, more = (torch.cat(column) for column in zip(*parts, strict=True))
        return DegradedViews(torch.arange(len(less)), less, more)

    def _corrupted(
        self, ids: list[str], tokens: Tensor, share: float, rng: np.random.Generator
    ) -> tuple[Tensor, list[int]]:
        """Pictures (B, P, Cv) of which some have a fault, and which have: degraded, or without an aspect."""
        rows = [int(n) for n in np.flatnonzero(rng.random(len(ids)) < share)]
        views, out = self.features.views, tokens.clone() if rows else tokens
        for n in rows:
            place, fault = self.features.pictures.row[ids[n]], rng.choice(FAULTS)
            if views is not None and views.removed is not None and fault == "removed" and ids[n] in views.removed_row:
                out[n] = tokens_of(views.removed, [views.removed_row[ids[n]]])[0]
            elif views is not None and fault in ("less", "removed", "more"):
                out[n] = tokens_of(views.less if fault == "less" else views.more, [place])[0]
            else:
                pair = tokens[[n, int(rng.integers(len(ids)))]]
                out[n] = corrupt_tokens(pair, self.statistics, rng)[int(rng.integers(2))][0]
        return out, rows

    def _originals(self, ids: list[str], rows: list[int]) -> Originals | None:
        """Of those of the pictures `rows` that had no fault before, as far as anybody knows."""
        rows = [n for n in rows if ids[n] in self.clean]
        if not rows or "faulty" not in self.needs:
            return None
        return Originals(torch.tensor(rows), self.features.pictures.take([ids[n] for n in rows]))

    def _removed(
        self, targets: list[str], tokens: Tensor, rng: np.random.Generator, but: list[int]
    ) -> RemovedAspects | None:
        views = self.features.views
        if views is None or views.removed is None:
            return None
        rows = [n for n, i in enumerate(targets) if i in views.removed_row and n not in but][-(len(targets) // 2) :]
        if not rows:
            return None
        places = [views.removed_row[targets[n]] for n in rows]
        after = tokens_of(views.removed, places)
        if self.objective.spec_tokens:
            after = remove_in_tokens(tokens[rows], after, self.statistics, rng)
        return RemovedAspects(torch.tensor(rows), after, torch.from_numpy(views.aspect[places]))

    def _decorrelation(self, rng: np.random.Generator) -> Tensor:
        """Components that only tell categories apart agree too; a batch of one category would not show it."""
        ids = list(self.clean)
        return self.features.pictures.take([ids[n] for n in rng.integers(0, len(ids), DECORRELATION)])


def views_needed(objective: ObjectiveConfig) -> frozenset[str]:
    """Which views of the pictures must be made before a training: "degraded", "removed", both or none."""
    needs = {VIEWS.get(need, need) for term in active(objective) for need in term.needs}
    views = frozenset(("degraded", "removed"))
    return views if objective.corrupt else views & needs


def jittered(batch: TrainBatch, statistics: Statistics, amount: float, random: torch.Generator) -> TrainBatch:
    """The batch with each picture's tokens changed a little, all views of a target in the same way, and each word's.

    Words that are ids stay as they are.
    """

    def alone(tokens: Tensor) -> Tensor:
        return jitter(tokens, statistics, amount, random)(tokens, slice(None))

    def noisy(words: Words) -> Words:
        return jitter_words(words, amount, random) if isinstance(words, WordTokens) else words

    change = jitter(batch.target, statistics, amount, random)
    short, views, mined, removed = batch.shortened, batch.degraded, batch.mined, batch.removed
    return replace(
        batch,
        reference=alone(batch.reference),
        target=change(batch.target, slice(None)),
        words=noisy(batch.words),
        shortened=short and replace(short, words=noisy(short.words)),
        degraded=views and replace(views, less=change(views.less, views.rows), more=change(views.more, views.rows)),
        mined=mined
        and replace(mined, lacks=alone(mined.lacks), fits=None if mined.fits is None else alone(mined.fits)),
        removed=removed and replace(removed, tokens=change(removed.tokens, removed.rows)),
        decorrelation=None if batch.decorrelation is None else alone(batch.decorrelation),
    )


def pools_of(categories: list[str], one_category: bool) -> list[np.ndarray]:
    """Rows of the triplets that may share a batch. Raises ValueError where fewer than two can."""
    names = np.array(categories)
    pools = [np.flatnonzero(names == c) for c in dict.fromkeys(categories)] if one_category else [np.arange(len(names))]
    pools = [pool for pool in pools if len(pool) > 1]
    if not pools:
        raise ValueError(f"training needs at least two triplets of a category, got {len(categories)} triplets")
    return pools


def supplied(objective: ObjectiveConfig, features: Features) -> tuple[ObjectiveConfig, list[str]]:
    """The objective with the terms off that these features can't supply, and a sentence for each.

    Raises ValueError for such a term that is in `objective.required`.
    """
    views = features.views
    regions = "no picture with a known region of an aspect" if views is None or views.removed is None else ""
    missing = {
        "degraded": "no degraded views of the pictures" if views is None and not objective.corrupt_tokens else "",
        "shortened": "" if features.shorter else "no text that could be shortened",
        "mined": "" if features.mined else "no text known to presuppose something",
        "removed": regions,
        "aspects": regions,
        "faulty": "" if objective.corrupt else regions,
    }
    notes = []
    for term in active(objective):
        if reason := next((missing[need] for need in term.needs if missing.get(need)), ""):
            if term.weight in objective.required:
                raise ValueError(f"the term {term.weight!r} was asked for, but this data has {reason}")
            notes.append(f"{term.weight} is off: this data has {reason}")
            objective = objective.replace(**{term.weight: 0.0})
    return objective, notes
