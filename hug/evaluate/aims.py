"""The aims of the release beside what was measured, as Markdown: `docs/results.md` is written by this file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hug.evaluate.baselines import BASELINES
from hug.evaluate.measures import Interval
from hug.garments import TRAINED, UNSEEN
from hug.hub import local_folder

Measurements = Mapping[str, Any]  # the content of one measurements.json

NOT_MEASURED = "not measured"
ONLY_BASELINES = ("top-1 score", "top-1/top-2 margin", "entropy")  # of measure 3


class Aim(NamedTuple):
    """`rows` name measures; a lead is the first of them minus the largest of the rest."""

    name: str
    rows: tuple[str, ...]
    comparison: str  # "≥", "≤", "lead ≥", "lead >" or "≥ paper" (plus the bound)
    bound: float


AIMS: tuple[Aim, ...] = (
    Aim("R@10, clean queries", ("HUG R@10, clean",), "≥", 88),
    Aim("R@50, clean queries", ("HUG R@50, clean",), "≥", 97),
    Aim(
        "R@10 above the best baseline other than point matching, clean queries",
        ("HUG R@10, clean", *(f"{name} R@10, clean" for name in BASELINES)), "lead ≥", 25,
    ),
    Aim("R@10, clean queries, not below `paper`", ("HUG R@10, clean",), "≥ paper", 0),
    *(Aim(f"Spearman(severity, σ_c), {k}, trained", (f"spearman severity/σ_c, {k} (trained)",), "≥", 0.8)
      for k in TRAINED),
    *(Aim(f"Spearman(severity, σ_c), {k}, unseen", (f"spearman severity/σ_c, {k} (unseen)",), "≥", 0.6)
      for k in UNSEEN),
    Aim("AUROC degraded/clean, σ_c, galleries", ("AUROC degraded/clean σ_c, gallery",), "≥", 0.97),
    Aim("AUROC vague/specific, σ_t", ("AUROC vague/specific σ_t",), "≥", 0.97),
    Aim("AUROC conflicting/fitting, paired, σ_m", ("paired conflict/fit σ_m",), "≥", 0.85),
    Aim("Pearson(bin, R@10), all queries", ("Pearson(bin, R@10), all",), "≤", -0.9),
    Aim("AUROC of doubt for a miss, all queries", ("AUROC miss@10 by doubt (calibrated), all",), "≥", 0.8),
    Aim(
        "AUROC of doubt for a miss above every baseline, all queries",
        tuple(f"AUROC miss@10 by {name}, all" for name in ("doubt (calibrated)", *ONLY_BASELINES)), "lead >", 0,
    ),
    Aim("ECE of doubt, all queries", ("ECE of doubt, all",), "≤", 0.04),
    *(Aim(f"photographs: AUROC degraded/clean, {k}, trained",
          (f"photographs: AUROC degraded/clean σ_c, {k} (trained)",), "≥", 0.9) for k in TRAINED),
    *(Aim(f"photographs: AUROC degraded/clean, {k}, unseen",
          (f"photographs: AUROC degraded/clean σ_c, {k} (unseen)",), "≥", 0.8) for k in UNSEEN),
    Aim("aspects tracked, of six, unseen removal style", ("tracked aspects (unseen style)",), "≥", 6),
    Aim("mean absolute correlation between components", ("mean |correlation| of components",), "≤", 0.35),
)  # fmt: skip


# ---- one aim ----


def found(aim: Aim, measurements: Measurements, paper: float | None) -> Interval | None:
    """What an aim compares with its bound, NaN bounds where it has no interval; None when a measure is missing.

    `paper` is the same measure of the objective `paper`, for the aim that compares with it.
    """
    rows = {r["measure"]: r for r in measurements["rows"]}
    if any(name not in rows for name in aim.rows):
        return None
    first, *rest = (rows[name] for name in aim.rows)
    if aim.comparison.startswith("lead"):
        return Interval(first["value"] - max(r["value"] for r in rest), math.nan, math.nan)
    if aim.comparison == "≥ paper":
        return None if paper is None else Interval(first["value"] - paper, math.nan, math.nan)
    low, high = (math.nan if first[side] is None else first[side] for side in ("low", "high"))
    return Interval(first["value"], low, high)


def is_met(aim: Aim, value: float) -> bool:
    """Whether a value keeps the bound; NaN never does."""
    if aim.comparison == "≤":
        return value <= aim.bound
    return value > aim.bound if aim.comparison.endswith(">") else value >= aim.bound


def aims_table(measurements: Mapping[str, Measurements]) -> str:
    """Markdown: every aim beside what each checkpoint (by its name) reached, with intervals, met or missed."""
    lines = [_line(["aim", "bound", *measurements]), _line(["---"] * (2 + len(measurements)))]
    for aim in AIMS:
        paper = _paper_value(aim, measurements)
        cells = [_cell(aim, m, paper) for m in measurements.values()]
        lines.append(_line([aim.name, _bound(aim), *cells]))
    return "\n".join(lines)


def _paper_value(aim: Aim, measurements: Mapping[str, Measurements]) -> float | None:
    """The best value of any checkpoint trained with `paper`."""
    values = [
        r["value"]
        for m in measurements.values()
        if m["objective"] == "paper"
        for r in m["rows"]
        if r["measure"] == aim.rows[0]
    ]
    return max(values, default=None)


def _cell(aim: Aim, measurements: Measurements, paper: float | None) -> str:
    if aim.comparison == "≥ paper" and measurements["objective"] == "paper":
        return "–"
    value = found(aim, measurements, paper)
    if value is None:
        return NOT_MEASURED
    return f"{_value(value.value, value.low, value.high)} {'met' if is_met(aim, value.value) else '**missed**'}"


def _bound(aim: Aim) -> str:
    sign = aim.comparison.split()[-1] if aim.comparison != "≥ paper" else "≥"
    return f"{sign} {_number(aim.bound) if aim.bound else '0'}"


# ---- the page ----


def results_page(measurements: Mapping[str, Measurements]) -> str:
    """The whole of `docs/results.md`.

    Raises ValueError without measurements, or when they were made on different galleries, splits or protocols:
    their columns could not be compared.
    """
    if not measurements:
        raise ValueError("no measurements given; name at least one checkpoint folder")
    _same_ground(measurements)
    return "\n\n".join([
        "# Results",
        "Written by `python -m hug results`; don't edit. A number in brackets bounds a 95 % bootstrap interval; "
        "recall is in percent, an average over categories. \"Clean\" queries have specific, fitting words and "
        "undegraded pictures. An aim is met by the measured value, not by its interval.",
        "## What was measured", _conditions(measurements),
        "## Galleries", _galleries(next(iter(measurements.values()))),
        "## Aims", aims_table(measurements),
        "## Baselines", _baselines(measurements),
        "## Every measure", _every_measure(measurements),
    ]) + "\n"  # fmt: skip


def read_measurements(checkpoints: Sequence[str | Path]) -> dict[str, dict[str, Any]]:
    """`measurements.json` of checkpoint folders or Hub ids, by objective; by objective and folder where two share one.

    Raises ValueError for a checkpoint without a readable one, or given twice.
    """
    folders = [local_folder(c) for c in checkpoints]
    contents = [_read(folder) for folder in folders]
    objectives = [str(c["objective"]) for c in contents]
    names = [
        o if objectives.count(o) == 1 else f"{o} ({f.resolve().name})" for o, f in zip(objectives, folders, strict=True)
    ]
    if len(set(names)) < len(names):
        raise ValueError("two checkpoints have the same objective and folder name; give each once, or rename one")
    return dict(zip(names, contents, strict=True))


def _read(folder: Path) -> dict[str, Any]:
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
    return dict(content)


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
        "command": lambda m: f"`{m.get('command', 'unknown')}`",
        "commit": lambda m: f"`{m.get('commit', 'unknown')}`",
    }
    lines = [_line(["", *measurements]), _line(["---"] * (1 + len(measurements)))]
    return "\n".join(lines + [_line([name, *(of(m) for m in measurements.values())]) for name, of in facts.items()])


def _data(version: Mapping[str, Any]) -> str:
    if not version:
        return "without a version"
    return f"{version.get('version')}, seed {version.get('seed')}, `{str(version.get('sha256'))[:16]}`"


def _galleries(measurements: Measurements) -> str:
    lines = [_line(["category", "pictures", "hash of the ids", "queries"]), _line(["---"] * 4)]
    for category, gallery in measurements["galleries"].items():
        lines.append(_line([category, str(gallery["size"]), f"`{gallery['hash']}`", str(gallery["queries"])]))
    return "\n".join(lines)


def _baselines(measurements: Mapping[str, Measurements]) -> str:
    cuts = ("R@1", "R@10", "R@50", "MRR")
    lines = [_line(["all queries", "method", *cuts]), _line(["---"] * (2 + len(cuts)))]
    for name, m in measurements.items():
        rows = {r["measure"]: r for r in m["rows"]}
        for method in (*BASELINES, "point matching", "means without variance", "HUG"):
            cells = [_row_cell(rows.get(f"{method} {cut}, all")) for cut in cuts]
            lines.append(_line([name, method, *cells]))
    return "\n".join(lines)


def _every_measure(measurements: Mapping[str, Measurements]) -> str:
    tables = [{r["measure"]: r for r in m["rows"]} for m in measurements.values()]
    lines = [_line(["measure", *measurements]), _line(["---"] * (1 + len(tables)))]
    for name in dict.fromkeys(name for table in tables for name in table):
        lines.append(_line([name, *(_row_cell(table.get(name)) for table in tables)]))
    return "\n".join(lines)


def _row_cell(row: Mapping[str, Any] | None) -> str:
    return NOT_MEASURED if row is None else _value(row["value"], row["low"], row["high"])


def _value(value: float, low: float | None, high: float | None) -> str:
    bounded = low is not None and high is not None and not math.isnan(low) and not math.isnan(high)
    return _number(value) + (f" [{_number(low)}, {_number(high)}]" if bounded else "")  # type: ignore[arg-type]


def _number(value: float) -> str:
    if math.isnan(value):
        return "undefined"
    if float(value).is_integer() and abs(value) >= 2:
        return str(int(value))
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
