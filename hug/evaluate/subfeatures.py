"""Measure 5: what each component's variance answers to. Interventions, attributes, and how far components agree.

Letters: N pictures, E edits of a picture, A aspects, K components. A component's level is the log of its mean
variance; a delta is the change of that level against the untouched picture.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from scipy.stats import false_discovery_control
from scipy.stats import t as student
from torch import Tensor

from hug.data.cache import TokenCache
from hug.data.collection import Collection
from hug.data.truth import CONTROL, DEGRADED, STYLES, UNTOUCHED, Edits, Truth
from hug.evaluate import bootstrap
from hug.evaluate.bootstrap import DRAWS
from hug.evaluate.metrics import Interval, bootstrap_rows
from hug.evaluate.ranking import Ranked, encode_pictures
from hug.evaluate.uncertainty import Row, measured, row
from hug.model import HUG

LEVEL = 0.05  # false discovery rate
STYLE_NAMES = {"unseen": "unseen style", "trained": "trained style"}
TRACKED_COLUMNS = [
    "aspect", "component", "delta", "low", "high", "next_aspect", "next_delta", "margin", "margin_low", "margin_high",
    "control", "degraded", "p", "tracked",
]  # fmt: skip
RESPONSE_COLUMNS = [
    "aspect", "component", "delta", "next_aspect", "next_delta", "margin", "control", "degraded", "p", "tracked",
]  # fmt: skip


def component_levels(var: Tensor) -> np.ndarray:
    """(N, K) log of the mean over D of variances (N, K, D)."""
    return var.double().mean(-1).log().numpy()


# ---- interventions ----


def interventions(
    model: HUG, collection: Collection, cache: TokenCache, count: int, style: str = "unseen", seed: int = 0
) -> pd.DataFrame:
    """Deltas of `count` clean pictures a category: columns id, aspect, component (0-based), delta.

    Beside the six aspects, removed in `style`, stand "control:{aspect}" (an equal area covered elsewhere) and
    "degraded" (the whole picture at severity 3). An aspect is removed wherever its zone is, also where there is
    nothing to see: a chest without a logo. Raises ValueError for an unknown style, a count below 1, or data
    without specifications.
    """
    if style not in STYLES:
        raise ValueError(f"unknown style {style!r}; choose one of {', '.join(STYLES)}")
    truth, ids = _picked(collection, count)
    name, aspects = f"interventions-{collection.name}-{collection.split}", truth.aspects
    controls = (UNTOUCHED, *(CONTROL + aspect for aspect in aspects), DEGRADED)
    references = _edited_levels(model, cache, f"{name}-control", truth.edits(ids, controls, style, seed), len(ids))
    removed = _edited_levels(model, cache, f"{name}-{style}", truth.edits(ids, aspects, style, seed), len(ids))
    deltas = np.concatenate([removed, references[:, 1:]], axis=1) - references[:, :1]  # (N, 13, K)
    index = pd.MultiIndex.from_product(
        [ids, (*aspects, *controls[1:]), range(deltas.shape[2])], names=["id", "aspect", "component"]
    )
    return pd.Series(deltas.ravel(), index, name="delta").reset_index()


def _picked(collection: Collection, count: int) -> tuple[Truth, list[str]]:
    """The truth, and `count` clean pictures a category, evenly over each gallery."""
    truth = collection.truth
    if truth is None:
        raise ValueError(f"{collection.name} has no truth; interventions need generated data")
    if count < 1:
        raise ValueError(f"{count} pictures a category asked for; give at least 1")
    ids: list[str] = []
    for gallery in collection.galleries.values():
        clean = [i for i in gallery if i in truth.clean_ids]
        ids += [clean[n] for n in np.linspace(0, len(clean) - 1, min(count, len(clean))).astype(int)]
    return truth, ids


def _edited_levels(model: HUG, cache: TokenCache, name: str, edits: Edits, pictures: int) -> np.ndarray:
    """(N, E, K) levels of every edit of N pictures."""
    encoded = encode_pictures(model, cache.tokens(name, edits.keys, edits.load), range(len(edits.keys)))
    return component_levels(encoded.var).reshape(pictures, -1, encoded.var.shape[1])


# ---- which component tracks which aspect ----


def tracked(table: pd.DataFrame, permutations: int = 9999, seed: int = 0) -> pd.DataFrame:
    """One row an aspect: its best component, how far that rises, and whether it tracks the aspect.

    A component tracks an aspect when removing it raises the component more than every other aspect does, and more
    than nothing at all, significantly: the largest p of paired sign-flip tests against each (an
    intersection-union test, so the choice of the next aspect costs nothing), Benjamini-Hochberg over all
    components x aspects. The best component is the one with the largest margin among those that track the aspect,
    or among all. `delta` and `margin` (own minus next aspect) have 95 % intervals over resampled pictures;
    `control` and `degraded` are what those do to the same component; `p` is adjusted.
    """
    found, (aspects, deltas) = responses(table, permutations, seed), _deltas(table)
    rows = []
    for a, aspect in enumerate(aspects):
        own = found[found.aspect == aspect].reset_index(drop=True)
        passed = own.tracked.to_numpy()
        best = int(np.where(passed | ~passed.any(), own.margin, -np.inf).argmax())
        rise = bootstrap_rows(np.mean, deltas[:, a, best])
        lead = bootstrap_rows(_lead, deltas[:, a, best], np.delete(deltas[:, :, best], a, axis=1))
        r = own.iloc[best]
        rows.append((
            aspect, best, rise.value, rise.low, rise.high, r.next_aspect, r.next_delta, lead.value, lead.low, lead.high,
            r.control, r.degraded, r.p, bool(passed.any()),
        ))  # fmt: skip
    return pd.DataFrame(rows, columns=TRACKED_COLUMNS)


def responses(table: pd.DataFrame, permutations: int = 9999, seed: int = 0) -> pd.DataFrame:
    """One row an aspect and component, with what `tracked` chooses from: columns RESPONSE_COLUMNS.

    `margin` is the component's mean delta above that under the next aspect; `tracked` where it is positive, the
    delta too, and the adjusted p at most LEVEL.
    """
    aspects, deltas = _deltas(table)  # (N, A, K)
    p = false_discovery_control(_unlike_others(deltas, permutations, seed).ravel()).reshape(deltas.shape[1:])
    means = deltas.mean(0)  # (A, K)
    edits = table.groupby(["aspect", "component"]).delta.mean().to_dict()
    rows = []
    for a, aspect in enumerate(aspects):
        others = np.delete(np.arange(len(aspects)), a)
        following = others[means[others].argmax(0)]  # (K,)
        for k, n in enumerate(following):
            delta, next_delta = float(means[a, k]), float(means[n, k])
            rows.append((
                aspect, k, delta, aspects[n], next_delta, delta - next_delta,
                edits.get((CONTROL + aspect, k), np.nan), edits.get((DEGRADED, k), np.nan), float(p[a, k]),
                bool(p[a, k] <= LEVEL and delta > next_delta and delta > 0),
            ))  # fmt: skip
    return pd.DataFrame(rows, columns=RESPONSE_COLUMNS)


def _deltas(table: pd.DataFrame) -> tuple[list[str], np.ndarray]:
    """The removed aspects, and the deltas (N, A, K) of pictures under each."""
    aspects = [a for a in table.aspect.unique() if a != DEGRADED and not a.startswith(CONTROL)]
    wide = table.pivot(index="id", columns=["aspect", "component"], values="delta")
    return aspects, np.stack([wide[a].sort_index(axis=1).to_numpy() for a in aspects], axis=1)


def _lead(own: np.ndarray, others: np.ndarray) -> float:
    """Mean of (N,) above the largest of the means of (N, A - 1)."""
    return float(own.mean() - others.mean(0).max())


def tracked_count(table: pd.DataFrame, draws: int = DRAWS) -> Interval:
    """How many aspects are tracked, over resampled pictures.

    The count of all pictures is by `tracked`'s rule with paired t-tests in place of sign flips, which every draw can
    afford; the two agree but for p near the level.
    """
    _, deltas = _deltas(table)
    n, a, k = deltas.shape
    flat = _differences(deltas).reshape(n, -1)  # (N, A*A*K)
    squares = np.square(flat)

    def statistic(counts: np.ndarray) -> np.ndarray:
        means, moments = counts @ flat / n, counts @ squares / n  # (R, A*A*K)
        error = np.sqrt(np.maximum(moments - np.square(means), 1e-12) / max(n - 1, 1))
        p = student.sf(means / error, max(n - 1, 1)).reshape(-1, a, a, k).max(2)  # (R, A, K)
        adjusted = false_discovery_control(p.reshape(len(counts), -1), axis=1).reshape(p.shape)
        margins = means.reshape(-1, a, a, k).min(2)  # (R, A, K), against the next aspect and against nothing
        return ((adjusted <= LEVEL) & (margins > 0)).any(2).sum(1).astype(float)

    return bootstrap.interval(statistic, n, draws=draws)


def _differences(deltas: np.ndarray) -> np.ndarray:
    """(N, A, A, K) own minus other aspect's delta of deltas (N, A, K); on the diagonal own minus nothing."""
    differences = deltas[:, :, None] - deltas[:, None]
    aspects = range(deltas.shape[1])
    differences[:, aspects, aspects] = deltas
    return differences


def _unlike_others(deltas: np.ndarray, permutations: int, seed: int) -> np.ndarray:
    """(A, K) the largest one-sided sign-flip p of deltas (N, A, K) against each other aspect and against zero."""
    n, a, k = deltas.shape
    flat = _differences(deltas).reshape(n, -1)  # (N, A*A*K)
    observed = flat.sum(0) - 1e-9 * np.abs(flat).sum(0)  # sums in another order are still ties
    rng = np.random.default_rng(seed)
    reached = np.zeros(flat.shape[1])
    for start in range(0, permutations, 1000):
        signs = rng.choice([-1.0, 1.0], (min(1000, permutations - start), n))
        reached += (signs @ flat >= observed).sum(0)
    return ((1 + reached) / (1 + permutations)).reshape(a, a, k).max(1)


# ---- untouched pictures ----


def component_correlation(var: Tensor) -> float:
    """Mean absolute off-diagonal correlation of the components' levels over pictures, from variances (N, K, D).

    Components that never vary have no correlation and are left out; NaN when fewer than two are left.
    """
    levels = component_levels(var)
    levels = levels[:, np.ptp(levels, axis=0) > 0]
    if len(levels) < 2 or levels.shape[1] < 2:
        return float("nan")
    found = np.corrcoef(levels, rowvar=False)
    return float(np.abs(found[~np.eye(len(found), dtype=bool)]).mean())


def eta_squared(
    labels: Sequence[str] | np.ndarray,
    values: np.ndarray,
    permutations: int = 999,
    seed: int = 0,
    strata: Sequence[str] | np.ndarray | None = None,
) -> pd.DataFrame:
    """Share of each component's variance that one attribute explains: columns component, eta2, p.

    `labels` (N,) are the attribute's values, `values` (N, K) the levels; p comes from permuted labels. With `strata`
    (N,) only what varies within a stratum counts and labels move within it: garments of different categories have
    different lengths, so a component that knows the category would seem to know the length. A component that never
    varies has eta2 0 and p 1. Raises ValueError when the lengths differ.
    """
    labels, values = np.asarray(labels), np.asarray(values, float)
    groups = np.zeros(len(labels), int) if strata is None else np.unique(strata, return_inverse=True)[1]
    if not len(labels) == len(values) == len(groups):
        raise ValueError(f"{len(labels)} labels, {len(values)} rows of values, {len(groups)} strata; align them")
    codes = np.unique(labels, return_inverse=True)[1]
    members = [np.flatnonzero(groups == g) for g in range(groups.max() + 1)]
    centred = values.copy()
    for rows in members:
        centred[rows] -= values[rows].mean(0)
    total = np.square(centred).sum(0)  # (K,)
    varies = total > 1e-12 * np.maximum(np.square(values).sum(0), 1e-300)
    observed = _between(codes, centred)
    rng = np.random.default_rng(seed)
    reached, moved = np.zeros(values.shape[1]), codes.copy()
    for _ in range(permutations):
        for rows in members:
            moved[rows] = codes[rng.permutation(rows)]
        reached += _between(moved, centred) >= observed * (1 - 1e-9)
    eta2 = np.where(varies, observed / np.where(varies, total, 1), 0.0)
    p = np.where(varies, (1 + reached) / (1 + permutations), 1.0)
    return pd.DataFrame({"component": np.arange(values.shape[1]), "eta2": eta2, "p": p})


def _between(codes: np.ndarray, centred: np.ndarray) -> np.ndarray:
    """(K,) sum of squares between the groups of (N,) codes, of values (N, K) with mean zero."""
    member = codes == np.arange(codes.max() + 1)[:, None]  # (G, N)
    return (np.square(member @ centred) / member.sum(1)[:, None]).sum(0)


def attributes_explained(
    labels: pd.DataFrame, levels: np.ndarray, aspects: Sequence[str], permutations: int = 999, seed: int = 0
) -> pd.DataFrame:
    """`eta_squared` within categories for every aspect: columns attribute, component, eta2, p.

    `labels` has a row a picture (category and the attributes), aligned with `levels` (N, K); p is adjusted by
    Benjamini-Hochberg over components x attributes.
    """
    tables = []
    for aspect in aspects:
        found = eta_squared(labels[aspect].to_numpy(), levels, permutations, seed, labels.category.to_numpy())
        found.insert(0, "attribute", aspect)
        tables.append(found)
    table = pd.concat(tables, ignore_index=True)
    table["p"] = false_discovery_control(table.p)
    return table


# ---- rows of measurements.json ----


def subfeature_measures(
    model: HUG,
    collection: Collection,
    ranked: Sequence[Ranked],
    cache: TokenCache,
    count: int,
    draws: int = DRAWS,
    permutations: int = 999,
) -> list[Row]:
    """Measure 5 in both removal styles, and the components' agreement; no rows for real data."""
    if collection.truth is None:
        return []
    rows: list[Row] = []
    for style, label in STYLE_NAMES.items():
        table = interventions(model, collection, cache, count, style)
        rows += tracked_rows(tracked(table), tracked_count(table, draws), label, table.id.nunique())
    return rows + untouched_rows(collection, ranked, draws, permutations)


def tracked_rows(found: pd.DataFrame, resampled: Interval, label: str, count: int) -> list[Row]:
    low, high = round(resampled.low), round(resampled.high)
    rows = [row(f"tracked aspects ({label})", int(found.tracked.sum()), low, high, count)]
    for r in found.itertuples():
        rows.append(row(f"delta of {r.aspect}, best component ({label})", r.delta, r.low, r.high, count))
        rows.append(
            row(f"margin of {r.aspect}, best component ({label})", r.margin, r.margin_low, r.margin_high, count)
        )
        rows.append(row(f"delta of an equal area elsewhere, {r.aspect}'s component ({label})", r.control, count=count))
    return rows


def untouched_rows(
    collection: Collection, ranked: Sequence[Ranked], draws: int = DRAWS, permutations: int = 999
) -> list[Row]:
    """Agreement of the components, and the attributes they follow, over the clean pictures of the galleries.

    Intervals resample pictures; that of η² is of the component that is the best in all of them.
    """
    truth = collection.truth
    if truth is None:
        return []
    clean = truth.labels.loc[truth.labels.degradation == "none"]
    var, ids = [], []
    for r in ranked:
        kept = [n for n, i in enumerate(r.gallery) if i in clean.index]
        var.append(r.candidates.var[kept])
        ids += [r.gallery[n] for n in kept]
    levels, looks = component_levels(torch.cat(var)), clean.loc[ids]
    agreement = bootstrap.mean_correlation(levels)
    rows = [measured("mean |correlation| of components", agreement, len(ids), draws=draws)]
    for aspect, part in attributes_explained(looks, levels, truth.aspects, permutations).groupby(
        "attribute", sort=False
    ):
        best = levels[:, int(part.component[part.eta2.idxmax()])]
        share = bootstrap.eta_squared(looks[str(aspect)].to_numpy(), best, looks.category.to_numpy())
        rows.append(measured(f"η² of {aspect}, best component", share, len(ids), draws=draws))
        rows.append(row(f"components that follow {aspect} (η²)", int((part.p <= LEVEL).sum()), count=len(part)))
    return rows
