"""Runs that differ from the released one in something named, one row each: what every means brings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hug.evaluate.aims import NOT_MEASURED, Measurements, bounded, line
from hug.evaluate.uncertainty import DOUBT

COLUMNS = {
    "R@10, clean": "HUG R@10, clean",
    "AUROC degraded/clean": "AUROC degraded/clean σ_c, gallery",
    "AUROC vague": "AUROC vague/specific σ_t",
    "paired coordination, σ_m": "paired conflict/fit σ_m",
    "AUROC of doubt for a miss": f"AUROC miss@10 by {DOUBT}, all",
    "ECE": "ECE of doubt, all",
    "tracked, unseen style": "tracked aspects (unseen style)",
    "tracked, trained style": "tracked aspects (trained style)",
    "correlation": "mean |correlation| of components",
}
SPLITS = {
    "test": "On the test split.",
    "val": "On the validation split, which also chose each run's checkpoint; the doubt is fitted on one half of the "
    "queries and measured on the other, in turn. Not to be compared with figures of the test split.",
}
SILENT = ("root", "cache", "threads", "save_every", "required")  # they change no number


def ablations_table(runs: Sequence[tuple[Path, Measurements]]) -> str:
    """Markdown, a table a split: each run's folder, steps, what differs from the first run, and its measures.

    Raises ValueError when a configuration can't be read, or two runs of a split were measured on other data.
    """
    base = configuration(runs[0][0])
    rows: dict[str, list[tuple[Measurements, list[str]]]] = {}
    for n, (folder, measurements) in enumerate(runs):
        own = configuration(folder)
        changed = "the released one" if n == 0 else difference(base, own) or "nothing"
        head = [folder.resolve().name, str(own.get("training.steps", "unknown")), changed, _effort(measurements)]
        rows.setdefault(measurements["split"], []).append((measurements, head))
    texts = []
    for split, found in rows.items():
        for measurements, head in found:
            for key in ("data", "galleries"):
                if measurements.get(key) != found[0][0].get(key):
                    raise ValueError(f"{head[0]} and {found[0][1][0]} were measured with different {key}; do it again")
        titles = ["run", "steps", "differs in", "resamples, pictures", *COLUMNS]
        table = [line(titles), line(["---"] * len(titles))]
        table += [line([*head, *_measures(measurements)]) for measurements, head in found]
        texts += [SPLITS.get(split, f"On the split {split}."), "\n".join(table)]
    return "\n\n".join(texts)


def configuration(folder: Path) -> dict[str, Any]:
    """Every setting of a run by its dotted name: of its training where `training.jsonl` tells it, else of its model.

    Raises ValueError when neither file can be read.
    """
    try:
        log = folder / "training.jsonl"
        if log.exists():
            with log.open() as file:
                return _flat(json.loads(file.readline())["config"])
        config = json.loads((folder / "config.json").read_text())
        return _flat({part: config[part] for part in ("model", "objective")})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{folder} doesn't tell its configuration: {type(error).__name__} {error}") from error


def difference(base: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    """What `own` sets otherwise, as "name value (instead of value)"; settings that only one of the two has count."""
    said = []
    for name in dict.fromkeys([*base, *own]):
        short = name.split(".")[-1]
        if short not in SILENT and base.get(name) != own.get(name):
            new, old = (_said(settings.get(name, "unset")) for settings in (own, base))
            said.append(f"{'objective' if name == 'objective.name' else short} {new} (instead of {old})")
    return "; ".join(said)


def _flat(config: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{part}.{name}": value for part, values in config.items() for name, value in values.items()}


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _effort(measurements: Measurements) -> str:
    effort = measurements.get("effort") or {}
    return f"{effort.get('draws', 'unknown')}, {effort.get('subfeature_pictures', 'unknown')} a category"


def _measures(measurements: Measurements) -> list[str]:
    rows = {r["measure"]: r for r in measurements["rows"]}
    return [
        bounded(rows[name]["value"], rows[name]["low"], rows[name]["high"]) if name in rows else NOT_MEASURED
        for name in COLUMNS.values()
    ]
