"""What a metric is: its id, its title for people, which way is better, and `measurements.json`, which holds values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import ConfigDict, TypeAdapter

from hug.data.corruptions import TRAINED, UNSEEN
from hug.evaluate.bootstrap import Statistic, interval
from hug.evaluate.metrics import lead

FORMAT = 2
FILE = "measurements.json"


class Definition(NamedTuple):
    """How people read a metric; `better` is ↑, ↓, or empty where neither way is."""

    title: str
    better: str


_TABLES = json.loads(Path(__file__).with_name("metrics.json").read_text(encoding="utf-8"))
WORDS: dict[str, dict[str, str]] = {  # what stands in the braces of an id -> what people read
    **_TABLES["words"],
    "kind": {kind: f"{kind} ({'trained' if kind in TRAINED else 'unseen'})" for kind in (*TRAINED, *UNSEEN)},
}
DEFINITIONS = {id: Definition(*parts) for id, parts in _TABLES["definitions"].items()}  # the first that fits an id
WHOLE = ("category",)  # a word of an id that may hold dots: data name their categories as they like


def _pattern(id: str) -> re.Pattern[str]:
    word = {True: ".+", False: "[^.]+"}
    parts = re.sub(r"\\{(\w+)\\}", lambda name: f"(?P<{name[1]}>{word[name[1] in WHOLE]})", re.escape(id))
    return re.compile(parts)


PATTERNS = {_pattern(id): d for id, d in DEFINITIONS.items()}


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
    value: int | float
    low: int | float | None = None
    high: int | float | None = None
    count: int = 0
    note: str = ""

    @staticmethod
    def estimate(id: str, statistic: Statistic, *columns: np.ndarray, note: str = "", **resampling: Any) -> Metric:
        """Of aligned columns, with its bootstrap interval; `resampling` is of `interval`: groups, draws."""
        return Metric(id, *interval(statistic, *columns, **resampling), len(columns[0]), note)

    @property
    def title(self) -> str:
        return definition(self.id).title


@dataclass(frozen=True)
class Measurements:
    """Metrics of one checkpoint with what they were measured on, and by which command."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # of a file that is read

    protocol: str
    split: str
    weights: str
    backbone: str
    objective: str
    data: Mapping[str, Any]  # `Collection.provenance`
    galleries: Mapping[str, Mapping[str, Any]]  # category -> size, hash, queries
    command: str
    commit: str
    effort: Mapping[str, Any]
    metrics: tuple[Metric, ...]
    preprocessing: str = ""  # what pictures and texts went through; not in files of the first release
    notes: tuple[str, ...] = ()  # what was left out, and why
    validation: Mapping[str, Any] = field(default_factory=dict)  # provenance of what the calibration was fitted on

    def to_dict(self) -> dict[str, Any]:
        return {"format": FORMAT, **asdict(self)}

    @staticmethod
    def load(folder: Path) -> Measurements | None:
        """From a checkpoint folder; None when it was not measured.

        Raises ValueError when the file is damaged or of another format, saying what to run.
        """
        try:
            raw = json.loads((folder / FILE).read_text())
            if raw.pop("format", 1) != FORMAT:
                raise ValueError("it is of an older format")
            return TypeAdapter(Measurements).validate_python(raw)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"{folder / FILE} can't be read ({error}); run python -m hug evaluate again") from error

    def text(self) -> str:
        """A plain table, with protocol, gallery sizes and hashes above it."""
        galleries = ", ".join(f"{c} {g['size']} ({g['hash']})" for c, g in self.galleries.items())
        head = f"protocol {self.protocol}, split {self.split}, galleries: {galleries}, weights {self.weights}"
        notes = [*([self.preprocessing] if self.preprocessing else []), *(f"note: {note}" for note in self.notes)]
        return "\n".join([head, *notes, "", *lines(self.metrics)])


def lines(metrics: Sequence[Metric]) -> Iterator[str]:
    """One line a metric: title, value, interval, note."""
    width = max((len(m.title) for m in metrics), default=0)
    for m in metrics:
        bounds = f"  [{m.low:.3f}, {m.high:.3f}]" if m.low is not None else ""
        yield f"{m.title:<{width}}  {m.value:>8.3f}{bounds}{f'  ({m.note})' if m.note else ''}"


def best_lead(
    id: str, statistic: Statistic, shared: np.ndarray, own: np.ndarray, rivals: Mapping[str, np.ndarray], draws: int
) -> Metric:
    """A paired bootstrap difference to the best rival in every draw; `note` names the best of all rows."""
    best = max(rivals, key=lambda name: float(statistic(rivals[name], shared)))
    return Metric.estimate(id, lead(statistic), shared, own, *rivals.values(), draws=draws, note=best)
