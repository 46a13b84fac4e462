"""Is the uncertainty right? Measures 1-4 on generated data, where the truth is known, always with the sign.

Every function returns rows (measure, value, low, high, count): `low` and `high` bound 95 % bootstrap intervals
of `draws` resamples of queries, pairs or pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from hug.calibration import log_variance_features
from hug.data.cache import TokenCache, content_key
from hug.data.captions import joined
from hug.data.collection import Collection
from hug.data.corruptions import TRAINED, UNSEEN, corrupt
from hug.data.features import Features, texts_of
from hug.data.images import open_picture
from hug.data.truth import CoordinationPair
from hug.evaluate import bootstrap
from hug.evaluate.bootstrap import DRAWS, Statistic, interval
from hug.evaluate.metrics import entropy, top1_score, top_margin
from hug.evaluate.ranking import Ranked, encode_pictures, encode_queries
from hug.gaussians import Query
from hug.model import HUG

Row = dict[str, float | str | int | None]
SEVERITIES = range(6)
DOUBT = "doubt (calibrated)"
ONLY_BASELINES = ("top-1 score", "top-1/top-2 margin", "entropy")  # of measure 3


def row(measure: str, value: float, low: float | None = None, high: float | None = None, count: int = 0) -> Row:
    return {"measure": measure, "value": value, "low": low, "high": high, "count": count}


def measured(name: str, statistic: Statistic, count: int, groups: np.ndarray | None = None, draws: int = DRAWS) -> Row:
    """One row with its bootstrap interval; `groups` are resampled together (all severities of a picture)."""
    found = interval(statistic, count, groups, draws)
    return row(name, found.value, found.low, found.high, count)


# ---- measures 1 and 2: pictures ----


def severity_measures(
    model: HUG,
    pictures: Sequence[Callable[[], Image.Image]],
    keys: Sequence[str],
    cache: TokenCache,
    name: str,
    draws: int = DRAWS,
) -> list[Row]:
    """Measure 1 and the picture half of 2: pictures degraded at severities 0-5, trained and unseen kinds apart.

    Intervals resample pictures, each with all its severities.
    """
    rows: list[Row] = []
    groups = np.tile(np.arange(len(pictures)), len(SEVERITIES))
    severity = np.repeat(list(SEVERITIES), len(pictures))
    for kind in (*TRAINED, *UNSEEN):
        doubt = _degraded_doubt(model, pictures, keys, cache, kind, name)  # (6 * N,) severity by severity
        seen = "trained" if kind in TRAINED else "unseen"
        agreement, detection = bootstrap.spearman(severity, doubt), bootstrap.auroc(doubt, severity > 0)
        for label, statistic in (("spearman severity/σ_c", agreement), ("AUROC degraded/clean σ_c", detection)):
            rows.append(measured(f"{label}, {kind} ({seen})", statistic, len(doubt), groups, draws))
    return rows


def _degraded_doubt(
    model: HUG,
    pictures: Sequence[Callable[[], Image.Image]],
    keys: Sequence[str],
    cache: TokenCache,
    kind: str,
    name: str,
) -> np.ndarray:
    tokens = degraded_tokens(pictures, keys, cache, kind, name)
    return encode_pictures(model, tokens, range(len(tokens))).overall.numpy()


def degraded_tokens(
    pictures: Sequence[Callable[[], Image.Image]], keys: Sequence[str], cache: TokenCache, kind: str, name: str
) -> np.ndarray:
    """(6 * N, P, Cv) tokens of N pictures with one fault at severities 0-5, severity by severity."""
    count = len(pictures)

    def load(n: int) -> Image.Image:
        return corrupt(pictures[n % count](), kind, n // count, seed=n % count)

    names = [f"{key}:{kind}:{severity}:{n}" for severity in SEVERITIES for n, key in enumerate(keys)]
    return cache.tokens(f"{name}-{kind}", names, load)


def clean_pictures(collection: Collection, count: int) -> tuple[list[Callable[[], Image.Image]], list[str]]:
    """The pictures of `clean_ids` with their content keys."""
    paths = [collection.path(i) for i in clean_ids(collection, count)]
    return [partial(open_picture, p) for p in paths], [content_key(p) for p in paths]


def clean_ids(collection: Collection, count: int) -> list[str]:
    """`count` undegraded pictures a category, evenly over each gallery; any pictures where the truth is unknown."""
    clean = collection.truth.clean_ids if collection.truth else frozenset(collection.ids)
    chosen: list[str] = []
    for gallery in collection.galleries.values():
        ids = [i for i in gallery if i in clean]
        chosen += [ids[n] for n in np.linspace(0, len(ids) - 1, min(count, len(ids))).astype(int)]
    return chosen


def folder_pictures(folder: Path) -> tuple[list[Callable[[], Image.Image]], list[str]]:
    """Every picture below a folder: real photographs, never trained on."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))
    if not paths:
        raise ValueError(f"no JPEG, PNG or WebP picture below {folder}")
    return [partial(open_picture, p) for p in paths], [content_key(p) for p in paths]


def gallery_measures(features: Features, ranked: Sequence[Ranked], draws: int = DRAWS) -> list[Row]:
    """Measure 2 on the galleries as they are: degraded against clean candidates."""
    truth = features.collection.truth
    if truth is None:
        return []
    doubt = np.concatenate([r.candidates.overall.numpy() for r in ranked])
    bad = np.array([i not in truth.clean_ids for r in ranked for i in r.gallery])
    statistic = bootstrap.auroc(doubt, bad)
    return [measured("AUROC degraded/clean σ_c, gallery", statistic, len(doubt), draws=draws)]


# ---- measure 2: words and coordination ----


def words_measures(features: Features, ranked: Sequence[Ranked], draws: int = DRAWS) -> list[Row]:
    """AUROC of σ_t for vague against specific words."""
    truth = features.collection.truth
    if truth is None:
        return []
    kinds = truth.queries.kind.to_numpy()[np.concatenate([r.rows for r in ranked])]
    doubt = np.concatenate([r.query.var_t.mean((1, 2)).numpy() for r in ranked])
    fitting = kinds != "conflict"
    statistic = bootstrap.auroc(doubt[fitting], kinds[fitting] == "vague")
    return [measured("AUROC vague/specific σ_t", statistic, int(fitting.sum()), draws=draws)]


def coordination_measures(model: HUG, features: Features, cache: TokenCache, draws: int = DRAWS) -> list[Row]:
    """The paired test: the same text with a reference it fits and with one that lacks what it presupposes.

    σ_t must give 0.5 here: the text alone can tell nothing. σ_r shows whether the two references differ in
    plain picture quality, which would spoil the pairing.
    """
    pairs = features.collection.truth.coordination_pairs if features.collection.truth else []
    if not pairs:
        return []
    fits, lacks = encoded_pairs(model, features, pairs, cache)
    rows = []
    for name in ("var_m", "var_t", "var_r"):
        a, b = (getattr(q, name).mean((1, 2)).numpy() for q in (lacks, fits))
        above = bootstrap.mean((a > b) + 0.5 * (a == b))  # measures.paired_accuracy
        rows.append(measured(f"paired conflict/fit σ_{name[-1]}", above, len(pairs), draws=draws))
    return rows


def encoded_pairs(
    model: HUG, features: Features, pairs: Sequence[CoordinationPair], cache: TokenCache
) -> tuple[Query, Query]:
    """The queries of `coordination_pairs`: each text with the reference it fits, and with the one that lacks."""
    texts = [joined(p.captions) for p in pairs]
    known = Features(features.collection, features.pictures, texts_of(texts, cache), {}, None)
    fits = encode_queries(model, known, [p.fits for p in pairs], texts)
    return fits, encode_queries(model, known, [p.lacks for p in pairs], texts)


def fine_queries(features: Features) -> np.ndarray | None:
    """(M,) true where words are specific and fit, and both pictures are clean; None where nobody knows."""
    truth = features.collection.truth
    return None if truth is None else truth.clean_queries


# ---- measures 3 and 4: does the doubt predict the miss ----


def retrieval_measures(
    features: Features, ranked: Sequence[Ranked], chance: np.ndarray | None, scale: float, draws: int = DRAWS
) -> list[Row]:
    """R@10 by bins of query uncertainty, risk-coverage, miss prediction beside its baselines, calibration.

    On all queries, and on the clean ones with specific fitting words alone. `chance` (Q,) is the probability of a
    hit by the calibrated doubt, None without one; `scale` that of the entropy baseline.
    """
    everything = np.ones(sum(len(r.rows) for r in ranked), bool)
    rows = _retrieval(ranked, chance, scale, "all", everything, draws)
    fine = fine_queries(features)
    if fine is not None:
        rows += _retrieval(ranked, chance, scale, "clean", fine[np.concatenate([r.rows for r in ranked])], draws)
    return rows


def _retrieval(
    ranked: Sequence[Ranked], chance: np.ndarray | None, scale: float, which: str, chosen: np.ndarray, draws: int
) -> list[Row]:
    ranks = np.concatenate([r.ranks for r in ranked])[chosen]
    hit, count = ranks <= 10, int(chosen.sum())
    if count < 20 or hit.all() or not hit.any():
        return []
    overall = np.concatenate([r.query.overall.numpy() for r in ranked])[chosen]
    doubts = {"overall σ_q": overall} | {name: d[chosen] for name, d in baseline_doubts(ranked, scale).items()}
    statistics = {
        "Pearson(bin, R@10)": bootstrap.pearson_by_bin(overall, hit),
        "Spearman(overall, rank)": bootstrap.spearman(overall, ranks),
        "area under risk-coverage, overall": bootstrap.aurc(-overall, hit),
    }
    if chance is not None:
        doubts = {DOUBT: 1 - chance[chosen]} | doubts
        statistics |= {
            "ECE of doubt": bootstrap.calibration_error(chance[chosen], hit),
            "Brier of doubt": bootstrap.mean(np.square(chance[chosen] - hit)),
        }
    misses = {name: bootstrap.auroc(doubt, ~hit) for name, doubt in doubts.items()}
    statistics |= {f"AUROC miss@10 by {name}": statistic for name, statistic in misses.items()}
    rows = [measured(f"{name}, {which}", of, count, draws=draws) for name, of in statistics.items()]
    return rows if chance is None else [*rows, _doubt_lead(misses, count, which, draws)]


def baseline_doubts(ranked: Sequence[Ranked], scale: float) -> dict[str, np.ndarray]:
    """(Q,) doubts that anybody has without a variance, by their names."""
    of = (top1_score, top_margin, lambda d: entropy(d, scale))
    return {
        name: np.concatenate([doubt(r.distances) for r in ranked])
        for name, doubt in zip(ONLY_BASELINES, of, strict=True)
    }


def _doubt_lead(misses: dict[str, Statistic], count: int, which: str, draws: int) -> Row:
    return best_lead(
        f"AUROC miss@10 by {DOUBT} above the best baseline, {which}",
        misses[DOUBT], {name: misses[name] for name in ONLY_BASELINES}, count, draws,
    )  # fmt: skip


def best_lead(name: str, first: Statistic, others: dict[str, Statistic], count: int, draws: int) -> Row:
    """A paired bootstrap difference to the best of the others in every draw; `note` names the best of all rows."""
    whole = np.ones((1, count))
    best = max(others, key=lambda other: float(others[other](whole)[0]))
    lead = bootstrap.lead(first, list(others.values()))
    return {**measured(name, lead, count, draws=draws), "note": best}


def hits(ranked: Sequence[Ranked], within: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Features (Q, 4K) and hits (Q,) of all queries, for fitting the doubt model on validation."""
    features = np.concatenate([log_variance_features(r.query) for r in ranked])
    return features, np.concatenate([r.ranks for r in ranked]) <= within
