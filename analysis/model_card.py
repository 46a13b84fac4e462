"""The model's and the data's card as tables, from what lies in a checkpoint folder."""

import json
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pandas as pd

from analysis import training_log
from analysis.session import QueryError, Session
from analysis.store import StudyStore
from hug.evaluate.measurements import Measurements

# metric -> how a card calls it
TITLES: dict[str, str] = json.loads(Path(__file__).with_suffix(".json").read_text())


def model(session: Session) -> pd.DataFrame:
    """Columns what, value: configuration, and training where `training.jsonl` tells of it."""
    config, objective, frozen = session.model.config, session.model.objective, session.model.backbone
    rows = [
        ("name", session.name),
        ("objective", objective.name),
        ("sub-features K × dimensions D", f"{config.components} × {config.dim}"),
        ("frozen backbone", f"{frozen.name} ({frozen.fingerprint[:12]})"),
        ("preprocessing", frozen.preprocessing.text()),
        ("Q-Former", f"{config.layers} layers of width {config.hidden}, {config.heads} heads"),
        ("merge of the sources", config.fusion),
        ("weights", session.model.weights_hash),
    ]
    records = training_log.read(session.folder) if session.folder else []
    if records and records[0].get("kind") == "start":
        start, settings = records[0], records[0].get("config", {}).get("training", {})
        step = next((r["step"] for r in reversed(records) if r.get("kind") == "step"), settings.get("steps"))
        rows += [
            ("trained parameters", f"{start.get('parameters', 0):,}"),
            ("steps × batch", f"{step} × {settings.get('batch')}"),
            ("training", start.get("command", "")),
            ("seed, commit", f"{start.get('seed')}, {start.get('commit')}"),
        ]
    return pd.DataFrame(rows, columns=["what", "value"])


def data(session: Session) -> pd.DataFrame:
    """Columns what, value: the gallery that is searched, and the data that was measured on."""
    index, measurements = session.index, _measurements(session)
    rows = [("gallery searched", f"{len(index)} pictures")]
    for label in ("category", "degradation"):
        if label in index.meta:
            counts = Counter(index.meta[label]).most_common()
            rows.append((f"  {label}", ", ".join(f"{name} {count}" for name, count in counts)))
    if measurements:
        version, galleries = measurements.data, measurements.galleries.items()
        sizes = [f"{n}: {g['size']} pictures, {g['queries']} queries" for n, g in galleries]
        rows += [
            ("measured on", f"{version.get('version', measurements.protocol)}, {measurements.split} split"),
            ("  galleries", ", ".join(sizes)),
            ("  hash", str(version.get("sha256", ""))[:16]),
            ("  command", measurements.command),
            ("  commit", measurements.commit),
        ]
    return pd.DataFrame(rows, columns=["what", "value"])


def measures(session: Session) -> pd.DataFrame:
    """Columns measure, value, low, high, count: the few metrics that a card needs; empty without them."""
    sources: list[Measurements | StudyStore | None] = [_measurements(session)]
    with suppress(QueryError):  # the tabs that show studies tell why there are none
        sources.append(session.prepared)
    metrics = {m.id: m for source in sources if source for m in source.metrics}
    rows = [(title, m.value, m.low, m.high, m.count) for id, title in TITLES.items() if (m := metrics.get(id))]
    table = pd.DataFrame(rows, columns=["measure", "value", "low", "high", "count"])
    return table.astype({"value": float, "low": float, "high": float})


def _measurements(session: Session) -> Measurements | None:
    """Those of these very weights; None when there are none, or they are of other weights or damaged."""
    try:
        measurements = Measurements.load(session.folder) if session.folder else None
    except ValueError:
        return None
    return measurements if measurements and measurements.weights == session.model.weights_hash else None
