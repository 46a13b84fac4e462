"""The model's and the data's card as tables, from what lies in a checkpoint folder."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.session import Session

SHORT = {  # measure -> how a person reads it
    "HUG R@1, all": "target first (R@1), all queries, %",
    "HUG R@10, all": "target among the first ten (R@10), all queries, %",
    "HUG R@10, clean": "the same on clean queries, %",
    "point matching R@10, all": "the same network without uncertainty (R@10), all queries, %",
    "AUROC degraded/clean σ_c, gallery": "picture: degraded above clean (AUROC)",
    "AUROC vague/specific σ_t": "words: vague above specific (AUROC)",
    "paired conflict/fit σ_m": "fit: conflicting above fitting words, same text (paired)",
    "AUROC miss@10 by doubt (calibrated), all": "calibrated doubt finds misses (AUROC), all queries",
    "AUROC miss@10 by overall σ_q, all": "overall uncertainty finds misses (AUROC), all queries",
    "AUROC miss@10 by top-1 score, all": "the score of the first finds misses (AUROC), all queries",
    "ECE of doubt, all": "error of the calibrated chance (ECE), all queries",
    "tracked aspects (unseen style)": "attributes that a sub-feature tracks, of six, unseen removals",
    "mean |correlation| of components": "mean |correlation| between sub-features",
}


def model(session: Session) -> pd.DataFrame:
    """Columns what, value: configuration, and training where `training.jsonl` tells of it."""
    config, objective = session.model.config, session.model.objective
    rows = [
        ("name", session.name),
        ("objective", objective.name),
        ("sub-features K × dimensions D", f"{config.components} × {config.dim}"),
        ("frozen backbone", f"{config.backbone} ({session.model.backbone.fingerprint[:12]})"),
        ("Q-Former", f"{config.layers} layers of width {config.hidden}, {config.heads} heads"),
        ("merge of the sources", config.fusion),
        ("weights", session.model.weights_hash),
    ]
    start, last = _training(session.folder)
    if start:
        settings = start.get("config", {}).get("training", {})
        rows += [
            ("trained parameters", f"{start.get('parameters', 0):,}"),
            ("steps × batch", f"{last.get('step', settings.get('steps'))} × {settings.get('batch')}"),
            ("training", start.get("command", "")),
            ("seed, commit", f"{start.get('seed')}, {start.get('commit')}"),
        ]
    return pd.DataFrame(rows, columns=["what", "value"])


def data(session: Session) -> pd.DataFrame:
    """Columns what, value: the gallery that is searched, and the data that was measured on."""
    index, found = session.index, measurements(session)
    rows = [("gallery searched", f"{len(index)} pictures")]
    for label in ("category", "degradation"):
        if label in index.meta:
            counts = Counter(index.meta[label]).most_common()
            rows.append((f"  {label}", ", ".join(f"{name} {count}" for name, count in counts)))
    if found:
        version = found.get("data", {})
        galleries = ", ".join(
            f"{n}: {g['size']} pictures, {g['queries']} queries" for n, g in found["galleries"].items()
        )
        rows += [
            ("measured on", f"{version.get('version', found.get('protocol'))}, {found['split']} split"),
            ("  galleries", galleries),
            ("  hash", str(version.get("sha256", ""))[:16]),
            ("  command", found.get("command", "")),
            ("  commit", found.get("commit", "")),
        ]
    return pd.DataFrame(rows, columns=["what", "value"])


def measures(session: Session) -> pd.DataFrame:
    """Columns measure, value, low, high, count: the few of `measurements.json` that a card needs; empty without it."""
    rows = {row["measure"]: row for row in measurements(session).get("rows", [])}
    shown = [
        (said, rows[name]["value"], rows[name].get("low"), rows[name].get("high"), rows[name].get("count"))
        for name, said in SHORT.items()
        if name in rows
    ]
    table = pd.DataFrame(shown, columns=["measure", "value", "low", "high", "count"])
    return table.astype({"value": float, "low": float, "high": float})


def measurements(session: Session) -> dict[str, Any]:
    """`measurements.json` of these very weights; empty when there is none, or it is of other weights or damaged."""
    if session.folder is None:
        return {}
    try:
        found = json.loads((session.folder / "measurements.json").read_text())
        return found if found["weights"] == session.model.weights_hash and "galleries" in found else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _training(folder: Path | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """First record and last step of `training.jsonl`; empty without one."""
    try:
        lines = (folder / "training.jsonl").read_text().splitlines() if folder else []
        records = [json.loads(line) for line in lines if line.strip()]
    except (OSError, ValueError):
        return {}, {}
    steps = [r for r in records if r.get("kind") == "step"]
    first = records[0] if records and records[0].get("kind") == "start" else {}
    return first, steps[-1] if steps else {}
