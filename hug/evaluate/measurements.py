"""What a metric is: its id, its title for people, which way is better, and `measurements.json`, which holds values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hug.data.corruptions import TRAINED, UNSEEN
from hug.evaluate.bootstrap import DRAWS, Statistic, interval

FORMAT = 2
FILE = "measurements.json"
HIGHER, LOWER, NEITHER = "↑", "↓", ""


class Definition(NamedTuple):
    """How people read a metric."""

    title: str
    better: str = NEITHER


WORDS: dict[str, dict[str, str]] = {  # what stands in the braces of an id -> what people read
    "method": {
        "reference": "reference only", "words": "words only", "sum": "sum of both", "point": "point matching",
        "means": "means without variance",
    },
    "by": {
        "chance": "doubt (calibrated)", "overall": "overall σ_q", "top1": "top-1 score",
        "margin": "top-1/top-2 margin", "entropy": "entropy",
    },
    "source": {"fit": "σ_m", "words": "σ_t", "picture": "σ_r"},
    "kind": {kind: f"{kind} ({'trained' if kind in TRAINED else 'unseen'})" for kind in (*TRAINED, *UNSEEN)},
    "style": {"unseen": "unseen style", "trained": "trained style"},
}  # fmt: skip
DEFINITIONS: dict[str, Definition] = {  # the first that fits an id
    "recall.1.hard": Definition("R@1, hard gallery", HIGHER),
    "recall.1.hard.random": Definition("R@1 by chance, hard gallery"),
    "mrr.hard": Definition("MRR, hard gallery", HIGHER),
    "size.hard": Definition("mean size of the hard gallery"),
    "recall.{k}.{which}": Definition("HUG R@{k}, {which}", HIGHER),
    "mrr.{which}": Definition("HUG MRR, {which}", HIGHER),
    "recall.10.clean.lead": Definition("HUG R@10 above the best baseline, clean", HIGHER),
    "recall.{k}.{which}.{method}": Definition("{method} R@{k}, {which}", HIGHER),
    "mrr.{which}.{method}": Definition("{method} MRR, {which}", HIGHER),
    "recall.10.clean.{method}.reader": Definition("{method}, perfect reader R@10, clean"),
    "near_misses.least": Definition("near misses of a target, least"),
    "near_misses.median": Definition("near misses of a target, median"),
    "percent.degraded": Definition("degraded pictures, percent"),
    "percent.vague": Definition("vague queries, percent"),
    "percent.conflicting": Definition("conflicting queries, percent"),
    "auroc.corruption.gallery": Definition("AUROC degraded/clean σ_c, gallery", HIGHER),
    "auroc.vague": Definition("AUROC vague/specific σ_t", HIGHER),
    "accuracy.coordination.{source}": Definition("paired conflict/fit {source}"),
    "pearson.bin.{which}": Definition("Pearson(bin, R@10), {which}", LOWER),
    "spearman.rank.{which}": Definition("Spearman(overall, rank), {which}", HIGHER),
    "aurc.{which}": Definition("area under risk-coverage, overall, {which}", LOWER),
    "ece.{which}": Definition("ECE of doubt, {which}", LOWER),
    "brier.{which}": Definition("Brier of doubt, {which}", LOWER),
    "auroc.miss.lead.{which}": Definition(
        "AUROC miss@10 by doubt (calibrated) above the best baseline, {which}", HIGHER
    ),
    "auroc.miss.{by}.{which}": Definition("AUROC miss@10 by {by}, {which}", HIGHER),
    "spearman.severity.{kind}": Definition("spearman severity/σ_c, {kind}", HIGHER),
    "auroc.corruption.{kind}": Definition("AUROC degraded/clean σ_c, {kind}", HIGHER),
    "tracked.{style}": Definition("tracked aspects ({style})", HIGHER),
    "delta.{aspect}.{style}": Definition("delta of {aspect}, best component ({style})", HIGHER),
    "margin.{aspect}.{style}": Definition("margin of {aspect}, best component ({style})", HIGHER),
    "control.{aspect}.{style}": Definition("delta of an equal area elsewhere, {aspect}'s component ({style})"),
    "correlation.components": Definition("mean |correlation| of components", LOWER),
    "eta2.{aspect}": Definition("η² of {aspect}, best component", HIGHER),
    "followers.{aspect}": Definition("components that follow {aspect} (η²)"),
    "photographs.spearman.severity.{kind}": Definition("photographs: spearman severity/σ_c, {kind}", HIGHER),
    "photographs.auroc.corruption.{kind}": Definition("photographs: AUROC degraded/clean σ_c, {kind}", HIGHER),
}
PATTERNS = {re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^.]+)", re.escape(id))): d for id, d in DEFINITIONS.items()}


def definition(id: str) -> Definition:
    """Raises ValueError for an id that no definition fits."""
    for pattern, (title, better) in PATTERNS.items():
        if match := pattern.fullmatch(id):
            words = {name: WORDS.get(name, {}).get(value, value) for name, value in match.groupdict().items()}
            return Definition(title.format(**words), better)
    raise ValueError(f"unknown metric {id!r}")


@dataclass(frozen=True)
class Metric:
    """One number; its interval is None where it has none. `note` says more, such as the name of a best baseline."""

    id: str
    value: float
    low: float | None = None
    high: float | None = None
    count: int = 0
    note: str = ""

    @staticmethod
    def estimate(
        id: str, statistic: Statistic, count: int, groups: np.ndarray | None = None, draws: int = DRAWS, note: str = ""
    ) -> Metric:
        """With its bootstrap interval; `groups` are resampled together (all severities of a picture)."""
        return Metric(id, *interval(statistic, count, groups, draws), count, note)

    @property
    def title(self) -> str:
        return definition(self.id).title


@dataclass(frozen=True)
class Measurements:
    """Metrics of one checkpoint with what they were measured on, and by which command."""

    protocol: str
    split: str
    weights: str
    backbone: str
    objective: str
    data: Mapping[str, Any]  # version, seed and sha256 where they are known
    galleries: Mapping[str, Mapping[str, Any]]  # category -> size, hash, queries
    command: str
    commit: str
    effort: Mapping[str, Any]
    metrics: tuple[Metric, ...]

    def to_dict(self) -> dict[str, Any]:
        rest = {name: value for name, value in vars(self).items() if name != "metrics"}
        return {"format": FORMAT, **rest, "metrics": metric_rows(self.metrics)}

    @staticmethod
    def load(folder: Path) -> Measurements | None:
        """From a checkpoint folder; None when it was not measured.

        Raises ValueError when the file is damaged or of another format, saying what to run.
        """
        try:
            raw = json.loads((folder / FILE).read_text())
            if raw.pop("format", 1) != FORMAT:
                raise ValueError("it is of an older format")
            return Measurements(**{**raw, "metrics": read_metrics(raw["metrics"])})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{folder / FILE} can't be read ({error}); run python -m hug evaluate again") from error

    def text(self) -> str:
        """A plain table, with protocol, gallery sizes and hashes above it."""
        galleries = ", ".join(f"{c} {g['size']} ({g['hash']})" for c, g in self.galleries.items())
        head = f"protocol {self.protocol}, split {self.split}, galleries: {galleries}, weights {self.weights}"
        return "\n".join([head, "", *lines(self.metrics)])


def lines(metrics: Sequence[Metric]) -> Iterator[str]:
    """One line a metric: title, value, interval, note."""
    width = max((len(m.title) for m in metrics), default=0)
    for m in metrics:
        bounds = f"  [{m.low:.3f}, {m.high:.3f}]" if m.low is not None else ""
        yield f"{m.title:<{width}}  {m.value:>8.3f}{bounds}{f'  ({m.note})' if m.note else ''}"


def metric_rows(metrics: Sequence[Metric]) -> list[dict[str, Any]]:
    """As JSON; an empty note is left out."""
    return [{k: v for k, v in asdict(m).items() if k != "note" or v} for m in metrics]


def read_metrics(rows: Sequence[Mapping[str, Any]]) -> tuple[Metric, ...]:
    """The reverse; raises TypeError for other keys."""
    return tuple(Metric(**row) for row in rows)
