"""Which garments a gallery holds and which pairs of them become triplets.

A gallery is a few families; a family is nearly the full grid over a few values of each aspect, so every garment has
many neighbours that differ in one aspect, and whatever a text states holds for many images. Knowing only the reference
or only the words is then not enough.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hug.data.garments.attributes import ASPECTS, VALUES, Garment, differing
from hug.data.garments.wording import Wording, compose, lacks

FAMILY = 340  # garments of one family, about
NEAR = 5  # a target has at least so many neighbours at distance one
CHANGES = ((1, 0.15), (2, 0.65), (3, 0.20))  # aspects that change from reference to target
VAGUE, CONFLICT, PRESUPPOSING = 0.15, 0.10, 0.28  # shares of the kinds; the rest is specific
KIND_NAMES = ("vague", "conflict", "presupposing", "specific")

Quality = tuple[str, int]  # degradation and severity


Compose = Callable[[Garment, Garment, np.random.Generator, str], Wording]


@dataclass(frozen=True)
class Rules:
    """What a version of the data does in its own way; the defaults are those of garments-0 and garments-1."""

    compose: Compose = compose
    changes: tuple[tuple[int, float], ...] = CHANGES  # aspects that change from reference to target, and how often
    allows: Callable[[Garment], bool] | None = None  # the garments that this split may show; all of them
    share: float = 1.0  # of all garments that it allows


FIRST = Rules()


@dataclass(frozen=True)
class Triplet:
    """One caption entry by positions in the gallery; of a conflict, `fits` is the reference its words are about."""

    candidate: int
    target: int
    fits: int
    kind: str
    changed: tuple[str, ...]
    wording: Wording


def gallery(category: str, count: int, rng: np.random.Generator, rules: Rules = FIRST) -> list[Garment]:
    """`count` different garments in families. Raises ValueError where the rules don't allow so many."""
    families = max(round(count / FAMILY), 1)
    sizes = [count // families + (i < count % families) for i in range(families)]
    members: dict[Garment, None] = {}
    uses: Counter[tuple[str, str]] = Counter()
    for i, size in enumerate(sizes):
        total = sum(sizes[: i + 1])
        for _ in range(100):
            for garment in _dense_family(category, size, uses, rng, rules):
                if len(members) < total:
                    members[garment] = None
            if len(members) == total:
                break
            size = max(total - len(members), 24)  # the rest of a family that overlaps an earlier one
        else:
            raise ValueError(f"a {category} has fewer than {total} garments that this split may show; ask for fewer")
    garments = list(members)
    return [garments[i] for i in rng.permutation(len(garments))]


def _dense_family(
    category: str, count: int, uses: Counter[tuple[str, str]], rng: np.random.Generator, rules: Rules
) -> list[Garment]:
    """A family; a small one that isn't shown whole is the one of some with the most neighbours at distance one."""
    if rules.allows is None or count >= 200:
        return _family(category, count, uses, rng, rules)
    small = replace(rules, share=1.0)  # a grid of just `count` garments, of which some are allowed as a whole
    families = [_family(category, count, uses, rng, small)[:count] for _ in range(40)]
    return max(families, key=lambda family: int((distances(family) == 1).sum()) if family else 0)


def _family(
    category: str, count: int, uses: Counter[tuple[str, str]], rng: np.random.Generator, rules: Rules
) -> list[Garment]:
    """About `count` garments or more where the aspects allow it: a random order of a grid over their values.

    Values that few families have used come first, so that a gallery of some families has them all.
    """
    values = VALUES[category]
    limits = [len(values[aspect]) for aspect in ASPECTS]
    sides = _sides(limits, min(round(count / rules.share), math.prod(limits)), rng)
    grid: list[list[str]] = []
    for aspect, side in zip(ASPECTS, sides, strict=True):
        shuffled = [str(value) for value in rng.permutation(values[aspect])]
        order = np.argsort([uses[aspect, value] for value in shuffled], kind="stable")[:side]
        grid.append([shuffled[i] for i in order])
        uses.update((aspect, value) for value in grid[-1])
    cells = np.stack(np.meshgrid(*(np.arange(side) for side in sides), indexing="ij"), -1).reshape(-1, len(ASPECTS))
    cells = cells[rng.permutation(len(cells))]
    garments = [Garment(category, *(grid[a][k] for a, k in enumerate(cell))) for cell in cells]
    return garments if rules.allows is None else [garment for garment in garments if rules.allows(garment)]


def _sides(limits: Sequence[int], count: int, rng: np.random.Generator) -> tuple[int, ...]:
    """How many values of each aspect: a grid barely larger than `count` with many neighbours at distance one."""
    sides = np.indices(limits).reshape(len(limits), -1).T + 1  # (grids, 6)
    size, near = sides.prod(1), sides.sum(1) - len(limits)
    expected = near * np.minimum(count / size, 1.0)  # neighbours left once the grid is thinned to `count`
    large = count >= 200
    score = np.minimum(expected, 13.0 if large else 7.0) - 12.0 * (size / count - 1.0)
    score = score + 2.0 * (sides > 1).sum(1) + rng.uniform(0.0, 0.5, len(sides))
    enough = (expected >= NEAR + 0.5) | ((size == count) & (near >= NEAR))
    score = np.where(size >= count, score + 1e3 * enough, -np.inf)
    return tuple(int(side) for side in sides[score.argmax()])


def distances(garments: Sequence[Garment]) -> NDArray[np.uint8]:
    """(n, n) number of aspects in which two garments differ."""
    codes = np.array([[VALUES[g.category][a].index(g.value(a)) for a in ASPECTS] for g in garments], np.uint8)
    return np.asarray((codes[:, None, :] != codes[None, :, :]).sum(-1), np.uint8)


def triplets(
    garments: Sequence[Garment], quality: Sequence[Quality], count: int, rng: np.random.Generator, rules: Rules = FIRST
) -> list[Triplet]:
    """`count` triplets whose targets all have `NEAR` near misses. Raises ValueError if no garment has as many."""
    apart = distances(garments)
    targets = np.flatnonzero((apart == 1).sum(1) >= NEAR)
    if not len(targets):
        raise ValueError(f"no garment of {len(garments)} has {NEAR} near misses; make the gallery larger")
    kinds = _kinds(count, rng)
    out: list[Triplet] = []
    pairs: set[tuple[int, int]] = set()
    while len(out) < count:
        target = int(rng.choice(targets))
        reference = _reference(garments, apart, target, rng, rules)
        if reference is None or ((reference, target) in pairs and rng.random() < 0.98):
            continue
        entry = _triplet(garments, quality, apart, reference, target, kinds[len(out)], rng, rules)
        if entry is not None:
            pairs.add((reference, target))
            out.append(entry)
    return out


def _kinds(count: int, rng: np.random.Generator) -> list[str]:
    """The kinds in fixed shares and random order."""
    numbers = [round(count * share) for share in (VAGUE, CONFLICT, PRESUPPOSING)]
    kinds = np.repeat(KIND_NAMES, [*numbers, count - sum(numbers)])
    return [str(kind) for kind in rng.permutation(kinds)]


def _reference(
    garments: Sequence[Garment], apart: NDArray[np.uint8], target: int, rng: np.random.Generator, rules: Rules
) -> int | None:
    """A garment one to three changes away; first the changed aspects are drawn, so that colour does not prevail."""
    changes = int(rng.choice([n for n, _ in rules.changes], p=[p for _, p in rules.changes]))
    aspects = {str(a) for a in rng.choice(ASPECTS, changes, replace=False)}
    if changes == 3 and {"colour", "pattern"} <= aspects and rng.random() < 0.75:
        return None  # such words alone nearly name the target
    near = np.flatnonzero(apart[target] == changes)
    fit = [i for i in near.tolist() if set(differing(garments[i], garments[target])) == aspects]
    return fit[int(rng.integers(len(fit)))] if fit else None


def _triplet(
    garments: Sequence[Garment], quality: Sequence[Quality], apart: NDArray[np.uint8],
    reference: int, target: int, kind: str, rng: np.random.Generator, rules: Rules,
) -> Triplet | None:  # fmt: skip
    wording = rules.compose(garments[reference], garments[target], rng, "presupposing" if kind == "conflict" else kind)
    changed = differing(garments[reference], garments[target])
    candidate: int | None = reference
    if kind == "conflict":
        candidate = foreign(garments, quality, apart, reference, target, wording.needs, rng)
    return None if candidate is None else Triplet(candidate, target, reference, kind, changed, wording)


def foreign(
    garments: Sequence[Garment], quality: Sequence[Quality], apart: NDArray[np.uint8],
    reference: int, target: int, needs: Mapping[str, str], rng: np.random.Generator,
) -> int | None:  # fmt: skip
    """A reference of the same quality that lacks all that is presupposed, otherwise as like the fitting one as can be.

    None when no image within one attribute more than necessary exists; never the target itself.
    """
    near = np.flatnonzero(apart[reference] <= len(needs) + 1)
    fit = [
        i for i in near.tolist()
        if i not in (reference, target) and quality[i] == quality[reference] and lacks(garments[i], needs)
    ]  # fmt: skip
    if not fit:
        return None
    least = min(apart[reference, i] for i in fit)
    fit = [i for i in fit if apart[reference, i] == least]
    return fit[int(rng.integers(len(fit)))]
