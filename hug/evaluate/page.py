"""`docs/results.md`: conditions, aims, guards, baselines, ablations and every measure, from stored measurements."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from hug.checkpoint import local_folder
from hug.evaluate.ablations import ablations_table
from hug.evaluate.aims import AIMS, GUARDS, NOT_MEASURED, Measurements, aims_table, bounded, line
from hug.evaluate.baselines import BASELINES
from hug.evaluate.metrics import Interval
from hug.evaluate.tables import paired_recall, read_queries

RECALL = "HUG R@10, clean"
KEPT = "What the data must keep for the measures to mean something."


@dataclass(frozen=True)
class Measured:
    """A checkpoint folder with its measurements."""

    folder: Path
    content: dict[str, Any]  # of measurements.json

    @cached_property
    def queries(self) -> pd.DataFrame | None:
        """One row a query, where it was stored; see `tables.query_table`."""
        return read_queries(self.folder, self.content["split"], self.content["weights"])


def read_measurements(checkpoints: Sequence[str | Path]) -> dict[str, Measured]:
    """Checkpoint folders or Hub ids by objective; by objective and folder where two share one.

    Raises ValueError for a checkpoint without a readable `measurements.json`, or given twice.
    """
    read = [_read(local_folder(c)) for c in checkpoints]
    objectives = [str(m.content["objective"]) for m in read]
    names = [
        o if objectives.count(o) == 1 else f"{o} ({m.folder.resolve().name})"
        for o, m in zip(objectives, read, strict=True)
    ]
    if len(set(names)) < len(names):
        raise ValueError("two checkpoints have the same objective and folder name; give each once, or rename one")
    return dict(zip(names, read, strict=True))


def _read(folder: Path) -> Measured:
    path = folder / "measurements.json"
    try:
        content = json.loads(path.read_text())
    except FileNotFoundError:
        raise ValueError(f"{folder} has no measurements.json; run python -m hug evaluate on it") from None
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}); run python -m hug evaluate again") from error
    lacking = [k for k in ("objective", "protocol", "split", "weights", "galleries", "rows") if k not in content]
    if lacking:
        raise ValueError(f"{path} lacks {', '.join(lacking)}; run python -m hug evaluate again")
    return Measured(folder, content)


def results_page(measured: Mapping[str, Measured], ablations: Sequence[str | Path] = ()) -> str:
    """The whole of `docs/results.md`; `ablations` are more checkpoints, compared with the first of `measured`.

    Raises ValueError without measurements, or when they were made on different galleries, splits or protocols:
    their columns could not be compared.
    """
    if not measured:
        raise ValueError("no measurements given; name at least one checkpoint folder")
    contents = {name: m.content for name, m in measured.items()}
    _same_ground(contents)
    first = next(iter(measured.values()))
    sections = {
        "What was measured": _conditions(contents),
        "Galleries": _galleries(first.content),
        "Aims": aims_table(contents, AIMS, above_paper(measured)),
        "Guards": "What the data must keep for the measures to mean something.\n\n"
        + aims_table(contents, GUARDS, title="guard"),
        "Baselines": _baselines(contents),
    }
    if ablations:
        runs = [_read(local_folder(c)) for c in ablations]
        sections["Ablations"] = ablations_table([(m.folder, m.content) for m in (first, *runs)])
    sections["Every measure"] = _every_measure(contents)
    return "\n\n".join([
        "# Results",
        "Written by `python -m hug results`; don't edit. A number in brackets bounds a 95 % bootstrap interval; "
        "recall is in percent, an average over categories. \"Clean\" queries have specific, fitting words and "
        "undegraded pictures. An aim is met by the measured value, not by its interval; a lead over others is a "
        "paired difference, its interval over the same queries.",
        *(f"## {title}\n\n{text}" for title, text in sections.items()),
    ]) + "\n"  # fmt: skip


def above_paper(measured: Mapping[str, Measured]) -> dict[str, Interval | None]:
    """R@10 on clean queries of each checkpoint above the best one trained with `paper`, None where unknown.

    A paired difference where both stored their queries; otherwise without an interval.
    """
    papers = {name: value for name, m in measured.items() if m.content["objective"] == "paper"
              if (value := _value_of(m.content, RECALL)) is not None}  # fmt: skip
    if not papers:
        return {}
    best = max(papers, key=lambda name: papers[name])
    return {name: _above(m, measured[best]) for name, m in measured.items()}


def _above(own: Measured, other: Measured) -> Interval | None:
    if own.queries is not None and other.queries is not None:
        paired = paired_recall(own.queries, other.queries)
        if paired is not None:
            return paired
    values = [_value_of(m.content, RECALL) for m in (own, other)]
    if values[0] is None or values[1] is None:
        return None
    return Interval(values[0] - values[1], float("nan"), float("nan"))


def _value_of(measurements: Measurements, name: str) -> float | None:
    return next((float(r["value"]) for r in measurements["rows"] if r["measure"] == name), None)


def _same_ground(measurements: Mapping[str, Measurements]) -> None:
    first_name, first = next(iter(measurements.items()))
    for name, other in measurements.items():
        for key in ("protocol", "split", "data", "galleries"):  # ids alone don't tell two versions of the data apart
            if other.get(key) != first.get(key):
                raise ValueError(
                    f"{first_name} and {name} were measured with different {key}; evaluate both on the same ground"
                )


def _conditions(measurements: Mapping[str, Measurements]) -> str:
    facts = {
        "protocol": lambda m: f"{m['protocol']}, split {m['split']}",
        "data": lambda m: _data(m.get("data") or {}),
        "weights": lambda m: f"`{m['weights']}`",
        "backbone": lambda m: f"`{m.get('backbone', 'unknown')}`",
        "resamples": lambda m: str((m.get("effort") or {}).get("draws", "unknown")),
        "command": lambda m: f"`{m.get('command', 'unknown')}`",
        "commit": lambda m: f"`{m.get('commit', 'unknown')}`",
    }
    lines = [line(["", *measurements]), line(["---"] * (1 + len(measurements)))]
    return "\n".join(lines + [line([name, *(of(m) for m in measurements.values())]) for name, of in facts.items()])


def _data(version: Mapping[str, Any]) -> str:
    if not version:
        return "without a version"
    return f"{version.get('version')}, seed {version.get('seed')}, `{str(version.get('sha256'))[:16]}`"


def _galleries(measurements: Measurements) -> str:
    lines = [line(["category", "pictures", "hash of the ids", "queries"]), line(["---"] * 4)]
    for category, gallery in measurements["galleries"].items():
        lines.append(line([category, str(gallery["size"]), f"`{gallery['hash']}`", str(gallery["queries"])]))
    return "\n".join(lines)


def _baselines(measurements: Mapping[str, Measurements]) -> str:
    cuts = ("R@1", "R@10", "R@50", "MRR")
    lines = [line(["all queries", "method", *cuts]), line(["---"] * (2 + len(cuts)))]
    for name, m in measurements.items():
        rows = {r["measure"]: r for r in m["rows"]}
        for method in (*BASELINES, "point matching", "means without variance", "HUG"):
            lines.append(line([name, method, *(_row_cell(rows.get(f"{method} {cut}, all")) for cut in cuts)]))
    return "\n".join(lines)


def _every_measure(measurements: Mapping[str, Measurements]) -> str:
    tables = [{r["measure"]: r for r in m["rows"]} for m in measurements.values()]
    lines = [line(["measure", *measurements]), line(["---"] * (1 + len(tables)))]
    for name in dict.fromkeys(name for table in tables for name in table):
        lines.append(line([name, *(_row_cell(table.get(name)) for table in tables)]))
    return "\n".join(lines)


def _row_cell(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return NOT_MEASURED
    return bounded(row["value"], row["low"], row["high"]) + (f" ({row['note']})" if row.get("note") else "")
