"""Is the uncertainty right? Measures 1-4 on generated data, where the truth is known, always with the sign.

Every function returns rows (measure, value, low, high, count): `low` and `high` bound 95 % bootstrap intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from hug.backbones.cache import TokenCache, content_key
from hug.data import Collection, open_picture
from hug.doubt import DoubtModel
from hug.evaluate.measures import (
    aurc,
    auroc,
    bootstrap,
    brier,
    entropy,
    expected_calibration_error,
    miss_auroc,
    paired_accuracy,
    recall_by_bin,
    spearman,
    top1_score,
    top_margin,
)
from hug.evaluate.ranks import Ranked, encode_pictures, encode_queries, log_variances
from hug.features import Features, coordination_pairs, garment_truth, query_text, texts_of, triplet_truth
from hug.garments import TRAINED, UNSEEN, degrade
from hug.model import HUG

Row = dict[str, float | str | int | None]
SEVERITIES = range(6)


def row(measure: str, value: float, low: float | None = None, high: float | None = None, count: int = 0) -> Row:
    return {"measure": measure, "value": value, "low": low, "high": high, "count": count}


def measured(
    name: str, statistic: Callable[..., float], *arrays: np.ndarray, groups: np.ndarray | None = None, draws: int = 500
) -> Row:
    """One row with its bootstrap interval; `groups` are resampled together (all severities of a picture)."""
    interval = bootstrap(statistic, *arrays, groups=groups, draws=draws, seed=0)
    return row(name, interval.value, interval.low, interval.high, len(arrays[0]))


# ---- measures 1 and 2: pictures ----


def severity_measures(
    model: HUG, pictures: Sequence[Callable[[], Image.Image]], keys: Sequence[str], cache: TokenCache, name: str
) -> list[Row]:
    """Measure 1 and the picture half of 2: pictures degraded at severities 0-5, trained and unseen kinds apart."""
    rows: list[Row] = []
    groups = np.tile(np.arange(len(pictures)), len(SEVERITIES))
    severity = np.repeat(list(SEVERITIES), len(pictures))
    for kind in (*TRAINED, *UNSEEN):
        doubt = _degraded_doubt(model, pictures, keys, cache, kind, name)  # (6 * N,) severity by severity
        seen = "trained" if kind in TRAINED else "unseen"
        rows.append(measured(f"spearman severity/σ_c, {kind} ({seen})", spearman, severity, doubt, groups=groups))
        clean, degraded = doubt[severity == 0], doubt[severity > 0]
        rows.append(row(f"AUROC degraded/clean σ_c, {kind} ({seen})", auroc(degraded, clean), count=len(degraded)))
    return rows


def _degraded_doubt(
    model: HUG,
    pictures: Sequence[Callable[[], Image.Image]],
    keys: Sequence[str],
    cache: TokenCache,
    kind: str,
    name: str,
) -> np.ndarray:
    count = len(pictures)

    def load(n: int) -> Image.Image:
        return degrade(pictures[n % count](), kind, n // count, seed=n % count)

    names = [f"{key}:{kind}:{severity}:{n}" for severity in SEVERITIES for n, key in enumerate(keys)]
    tokens = cache.tokens(f"{name}-{kind}", names, load)
    return encode_pictures(model, tokens, range(len(names))).overall.numpy()


def clean_pictures(collection: Collection, count: int) -> tuple[list[Callable[[], Image.Image]], list[str]]:
    """`count` undegraded pictures a category with their content keys, evenly over each gallery."""
    truth = garment_truth(collection.root)
    clean = set(truth[truth.degradation == "none"].id) if truth is not None else set(collection.ids)
    chosen = []
    for gallery in collection.galleries.values():
        ids = [i for i in gallery if i in clean]
        chosen += [ids[n] for n in np.linspace(0, len(ids) - 1, min(count, len(ids))).astype(int)]
    paths = [collection.path(i) for i in chosen]
    return [partial(open_picture, p) for p in paths], [content_key(p) for p in paths]


def folder_pictures(folder: Path) -> tuple[list[Callable[[], Image.Image]], list[str]]:
    """Every picture below a folder: real photographs, never trained on."""
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))
    if not paths:
        raise ValueError(f"no JPEG, PNG or WebP picture below {folder}")
    return [partial(open_picture, p) for p in paths], [content_key(p) for p in paths]


def gallery_measures(features: Features, ranked: Sequence[Ranked]) -> list[Row]:
    """Measure 2 on the galleries as they are: degraded against clean candidates."""
    truth = garment_truth(features.collection.root)
    if truth is None:
        return []
    degraded = set(truth[truth.degradation != "none"].id)
    doubt = np.concatenate([r.candidates.overall.numpy() for r in ranked])
    bad = np.array([i in degraded for r in ranked for i in r.gallery])
    return [row("AUROC degraded/clean σ_c, gallery", auroc(doubt[bad], doubt[~bad]), count=len(doubt))]


# ---- measure 2: words and coordination ----


def words_measures(features: Features, ranked: Sequence[Ranked]) -> list[Row]:
    """AUROC of σ_t for vague against specific words."""
    truth = triplet_truth(features.collection)
    if truth is None:
        return []
    kinds = truth.kind.to_numpy()[np.concatenate([r.rows for r in ranked])]
    doubt = np.concatenate([r.query.var_t.mean((1, 2)).numpy() for r in ranked])
    vague, specific = doubt[kinds == "vague"], doubt[(kinds == "specific") | (kinds == "presupposing")]
    return [row("AUROC vague/specific σ_t", auroc(vague, specific), count=len(vague) + len(specific))]


def coordination_measures(model: HUG, features: Features, cache: TokenCache) -> list[Row]:
    """The paired test: the same text with a reference it fits and with one that lacks what it presupposes.

    σ_t must give 0.5 here: the text alone can tell nothing. σ_r shows whether the two references differ in
    plain picture quality, which would spoil the pairing.
    """
    pairs = coordination_pairs(features.collection)
    if not pairs:
        return []
    texts = [query_text(tuple(p["captions"])) for p in pairs]  # type: ignore[arg-type]
    known = Features(features.collection, features.pictures, texts_of(texts, cache), {}, None)
    fits = encode_queries(model, known, [str(p["fits"]) for p in pairs], texts)
    lacks = encode_queries(model, known, [str(p["lacks"]) for p in pairs], texts)
    rows = []
    for name in ("var_m", "var_t", "var_r"):
        a, b = (getattr(q, name).mean((1, 2)).numpy() for q in (lacks, fits))
        rows.append(measured(f"paired conflict/fit σ_{name[-1]}", paired_accuracy, a, b))
    return rows


def fine_queries(features: Features) -> np.ndarray | None:
    """(M,) true where words are specific and fit, and both pictures are clean; None where nobody knows."""
    truth = triplet_truth(features.collection)
    return None if truth is None else (truth.clean & truth.kind.isin(["specific", "presupposing"])).to_numpy()


# ---- measures 3 and 4: does the doubt predict the miss ----


def retrieval_measures(
    features: Features, ranked: Sequence[Ranked], doubt_model: DoubtModel | None, scale: float
) -> list[Row]:
    """R@10 by bins of query uncertainty, risk-coverage, miss prediction beside its baselines, calibration.

    On all queries, and on the clean ones with specific fitting words alone.
    """
    rows = _retrieval(ranked, doubt_model, scale, "all", None)
    fine = fine_queries(features)
    if fine is not None:
        rows += _retrieval(ranked, doubt_model, scale, "clean", fine)
    return rows


def _retrieval(
    ranked: Sequence[Ranked], doubt_model: DoubtModel | None, scale: float, which: str, keep: np.ndarray | None
) -> list[Row]:
    chosen = np.concatenate([np.ones(len(r.rows), bool) if keep is None else keep[r.rows] for r in ranked])
    ranks = np.concatenate([r.ranks for r in ranked])[chosen]
    overall = np.concatenate([r.query.overall.numpy() for r in ranked])[chosen]
    if len(ranks) < 20 or (ranks <= 10).all() or (ranks > 10).all():
        return []
    recalls, pearson = recall_by_bin(overall, ranks)
    rows = [row(f"Pearson(bin, R@10), {which}", pearson, count=len(ranks))]
    rows.append(measured(f"Spearman(overall, rank), {which}", spearman, overall, ranks))
    rows.append(row(f"area under risk-coverage, overall, {which}", aurc(-overall, ranks <= 10), count=len(ranks)))
    doubts = {"overall σ_q": overall}
    for name, of in {
        "top-1 score": top1_score,
        "top-1/top-2 margin": top_margin,
        "entropy": lambda d: entropy(d, scale),
    }.items():
        doubts[name] = np.concatenate([of(r.distances) for r in ranked])[chosen]
    if doubt_model is not None:
        features = np.concatenate([log_variances(r.query) for r in ranked])[chosen]
        chance = doubt_model.probability(features)
        doubts = {"doubt (calibrated)": 1 - chance} | doubts
        rows.append(row(f"ECE of doubt, {which}", expected_calibration_error(chance, ranks <= 10), count=len(ranks)))
        rows.append(row(f"Brier of doubt, {which}", brier(chance, ranks <= 10), count=len(ranks)))
    for name, doubt in doubts.items():
        rows.append(measured(f"AUROC miss@10 by {name}, {which}", miss_auroc, doubt, ranks))
    return rows


def hits(ranked: Sequence[Ranked], within: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Features (Q, 4) and hits (Q,) of all queries, for fitting the doubt model on validation."""
    features = np.concatenate([log_variances(r.query) for r in ranked])
    return features, np.concatenate([r.ranks for r in ranked]) <= within
