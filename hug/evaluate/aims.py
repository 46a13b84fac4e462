"""The aims of the release and the guards of its data beside what was measured, each judged by its own rule."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hug.data.corruptions import TRAINED, UNSEEN
from hug.evaluate.metrics import Interval
from hug.evaluate.run import LEAD
from hug.evaluate.uncertainty import DOUBT

Measurements = Mapping[str, Any]  # the content of one measurements.json

NOT_MEASURED = "not measured"


class Aim(NamedTuple):
    """`rows` name measures; of several the largest is judged."""

    name: str
    rows: tuple[str, ...]
    comparison: str  # "≥", "≤", ">", "=" (give or take `slack`) or "≥ paper" (plus the bound)
    bound: float
    slack: float = 0.0


AIMS: tuple[Aim, ...] = (
    Aim("R@10, clean queries", ("HUG R@10, clean",), "≥", 88),
    Aim("R@50, clean queries", ("HUG R@50, clean",), "≥", 97),
    Aim("R@10 above the best baseline other than point matching, clean queries", (LEAD,), "≥", 25),
    Aim("R@10, clean queries, not below `paper`", ("HUG R@10, clean",), "≥ paper", 0),
    *(Aim(f"Spearman(severity, σ_c), {k}, trained", (f"spearman severity/σ_c, {k} (trained)",), "≥", 0.8)
      for k in TRAINED),
    *(Aim(f"Spearman(severity, σ_c), {k}, unseen", (f"spearman severity/σ_c, {k} (unseen)",), "≥", 0.6)
      for k in UNSEEN),
    Aim("AUROC degraded/clean, σ_c, galleries", ("AUROC degraded/clean σ_c, gallery",), "≥", 0.97),
    Aim("AUROC vague/specific, σ_t", ("AUROC vague/specific σ_t",), "≥", 0.97),
    Aim("AUROC conflicting/fitting, paired, σ_m", ("paired conflict/fit σ_m",), "≥", 0.85),
    Aim("Pearson(bin, R@10), all queries", ("Pearson(bin, R@10), all",), "≤", -0.9),
    Aim("AUROC of doubt for a miss, all queries", (f"AUROC miss@10 by {DOUBT}, all",), "≥", 0.8),
    Aim(
        "AUROC of doubt for a miss above every baseline, all queries",
        (f"AUROC miss@10 by {DOUBT} above the best baseline, all",), ">", 0,
    ),
    Aim("ECE of doubt, all queries", ("ECE of doubt, all",), "≤", 0.04),
    *(Aim(f"photographs: AUROC degraded/clean, {k}, trained",
          (f"photographs: AUROC degraded/clean σ_c, {k} (trained)",), "≥", 0.9) for k in TRAINED),
    *(Aim(f"photographs: AUROC degraded/clean, {k}, unseen",
          (f"photographs: AUROC degraded/clean σ_c, {k} (unseen)",), "≥", 0.8) for k in UNSEEN),
    Aim("aspects tracked, of six, unseen removal style", ("tracked aspects (unseen style)",), "≥", 6),
    Aim("mean absolute correlation between components", ("mean |correlation| of components",), "≤", 0.35),
)  # fmt: skip

GUARDS: tuple[Aim, ...] = (
    Aim(
        "R@10 of the reference alone, clean queries, the better of the baseline and a perfect reader",
        ("reference only R@10, clean", "reference only, perfect reader R@10, clean"), "≤", 15,
    ),
    Aim(
        "R@10 of the words alone, clean queries, the better of the baseline and a perfect reader",
        ("words only R@10, clean", "words only, perfect reader R@10, clean"), "≤", 25,
    ),
    Aim("pictures that differ from a target in one attribute only, least", ("near misses of a target, least",), "≥", 5),
    Aim("the same, median", ("near misses of a target, median",), "≥", 5),
    Aim("degraded pictures, percent", ("degraded pictures, percent",), "=", 20, 0.5),
    Aim("vague queries, percent", ("vague queries, percent",), "=", 15, 0.5),
    Aim("conflicting queries, percent", ("conflicting queries, percent",), "=", 10, 0.5),
    Aim("conflicting/fitting, paired, σ_t: the words tell nothing", ("paired conflict/fit σ_t",), "=", 0.5),
    Aim("conflicting/fitting, paired, σ_r: nor does the picture", ("paired conflict/fit σ_r",), "=", 0.5, 0.05),
)  # fmt: skip


class Found(NamedTuple):
    """What an aim compares with its bound; NaN bounds where it has no interval. `note` says what it is."""

    value: float
    low: float
    high: float
    note: str = ""


def found(aim: Aim, measurements: Measurements, paper: Interval | None = None) -> Found | None:
    """None when a measure is missing. `paper` is the lead over the objective `paper`, for the aim that asks for it."""
    if aim.comparison == "≥ paper":
        return None if paper is None else Found(paper.value, paper.low, paper.high)
    rows = {r["measure"]: r for r in measurements["rows"]}
    if any(name not in rows for name in aim.rows):
        return None
    chosen = max((rows[name] for name in aim.rows), key=lambda r: float(r["value"]))
    low, high = (math.nan if chosen[side] is None else chosen[side] for side in ("low", "high"))
    said = [chosen["measure"].split(" R@")[0]] if len(aim.rows) > 1 else []
    note = ", ".join([*said, *([chosen["note"]] if chosen.get("note") else [])])
    return Found(chosen["value"], low, high, note)


def is_met(aim: Aim, value: float) -> bool:
    """Whether a value keeps the bound; NaN never does."""
    if aim.comparison == "=":
        return abs(value - aim.bound) <= aim.slack + 1e-9
    if aim.comparison == "≤":
        return value <= aim.bound
    return value > aim.bound if aim.comparison == ">" else value >= aim.bound


def aims_table(
    measurements: Mapping[str, Measurements],
    aims: Sequence[Aim] = AIMS,
    above_paper: Mapping[str, Interval | None] | None = None,
    title: str = "aim",
) -> str:
    """Markdown: every aim beside what each checkpoint (by its name) reached, with intervals, met or missed.

    `above_paper` has the R@10 of each above that of `paper`, where it is known.
    """
    lines = [line([title, "bound", *measurements]), line(["---"] * (2 + len(measurements)))]
    for aim in aims:
        cells = [_cell(aim, m, (above_paper or {}).get(name)) for name, m in measurements.items()]
        lines.append(line([aim.name, _bound(aim), *cells]))
    return "\n".join(lines)


def _cell(aim: Aim, measurements: Measurements, paper: Interval | None) -> str:
    if aim.comparison == "≥ paper" and measurements["objective"] == "paper":
        return "–"
    value = found(aim, measurements, paper)
    if value is None:
        return NOT_MEASURED
    note = f" ({value.note})" if value.note else ""
    verdict = "met" if is_met(aim, value.value) else "**missed**"
    return f"{bounded(value.value, value.low, value.high)}{note} {verdict}"


def _bound(aim: Aim) -> str:
    give = f" ± {number(aim.slack)}" if aim.slack else ""
    return f"{aim.comparison.split()[0]} {number(aim.bound) if aim.bound else '0'}{give}"


# ---- Markdown ----


def bounded(value: float, low: float | None, high: float | None) -> str:
    """A number with its interval, where it has one."""
    known = low is not None and high is not None and not math.isnan(low) and not math.isnan(high)
    return number(value) + (f" [{number(low)}, {number(high)}]" if known else "")  # type: ignore[arg-type]


def number(value: float) -> str:
    """A count (an int) as it is; other numbers to three or four places."""
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "undefined"
    if float(value).is_integer() and abs(value) >= 2:
        return str(int(value))
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
