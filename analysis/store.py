"""Studies stored beside their checkpoint: small Parquet tables, and `about.json` with the metrics and what made each.

A study is stale by itself: what other weights, another gallery or an older version of the study made is refused
with its reason, and leaves the others as they are.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import TypeAdapter

from analysis.experiments import Experiments, Skipped
from analysis.registry import STUDIES
from hug.evaluate.measurements import Metric
from hug.files import commit, write_json, write_parquet
from hug.retrieval.storage import TABLE

FORMAT = 2
OF_GALLERY = "made for the gallery"
COPY = (  # measured again, the checkpoint itself would only show its own gallery
    "to see this one, index it beside a copy of the checkpoint with `python -m hug index`, and run `python -m analysis "
    "measure` on the copy"
)
FOLDER, ABOUT = "analysis", "about.json"
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, OSError)


class StaleStudies(ValueError):
    """Nothing that is stored belongs to these weights, this gallery and this version of the code."""


@dataclass(frozen=True)
class StudyRecord:
    """What was measured by one study, and what made it."""

    version: int
    weights: str
    gallery: str  # hash of the gallery's ids
    data: dict[str, Any]  # name, split and `Collection.provenance` of the data set; empty without one
    commit: str
    effort: dict[str, Any]
    seconds: float
    file: str  # hash of the table's file; empty where the study was skipped
    skipped: str  # why there is no table
    metrics: tuple[Metric, ...] = ()


@dataclass(frozen=True, eq=False)
class StudyStore:
    """What is stored of one checkpoint; `stale` says of the studies that can't be shown why."""

    folder: Path
    records: dict[str, StudyRecord]
    stale: dict[str, str]

    @staticmethod
    def load(checkpoint: str | Path, weights: str, gallery: str | None = None) -> StudyStore | None:
        """What is stored beside a checkpoint of such weights (their hash); None when nothing was measured.

        Every study must be of the checkpoint's own gallery. With the hash of another `gallery`, which is searched
        instead, those that show pictures must be of that one; what the others measured holds of the model.

        Raises ValueError when `about.json` is damaged, and StaleStudies when nothing in it can be used, saying what
        to run.
        """
        folder = Path(checkpoint) / FOLDER
        if not (folder / ABOUT).exists():
            return None
        again = f"run `python -m analysis measure --checkpoint {checkpoint}` again"
        try:
            records = _read(folder)
        except UNREADABLE as error:
            kind = StaleStudies if isinstance(error, StaleStudies) else ValueError
            raise kind(f"{folder}: {error}; {again}") from error
        own = Path(checkpoint) / TABLE  # of the checkpoint's own gallery
        searched = gallery is not None
        if gallery is None:
            gallery = str(json.loads(own.read_text())["gallery"]) if own.exists() else ""
        galleries = {name: gallery if STUDIES[name].names_pictures or not searched else "" for name in records}
        reasons = {name: _stale(name, record, folder, weights, galleries[name]) for name, record in records.items()}
        stale = {name: why for name, why in reasons.items() if why}
        if records and len(stale) == len(records):
            raise StaleStudies(f"{folder}: {next(iter(stale.values()))}; {again}")
        records = {name: record for name, record in records.items() if name not in stale}
        advice = {name: COPY if searched and why.startswith(OF_GALLERY) else again for name, why in stale.items()}
        return StudyStore(folder, records, {name: f"{why}; {advice[name]}" for name, why in stale.items()})

    @property
    def tables(self) -> dict[str, str]:
        """Study -> hash of its file, of those that have a table."""
        return {name: record.file for name, record in self.records.items() if record.file}

    @property
    def skipped(self) -> dict[str, str]:
        """Study -> why there is no table."""
        reasons = {name: record.skipped for name, record in self.records.items()}
        reasons |= {name: self.stale.get(name, "not computed yet") for name in STUDIES if name not in reasons}
        return {name: reasons[name] for name in STUDIES if name not in self.tables}

    def table(self, name: str) -> pd.DataFrame:
        """The table of a study, a fresh copy. Raises KeyError with the reason when there is none."""
        if name not in self.tables:
            raise KeyError(self.skipped.get(name, f"there is no study {name!r}; there are {', '.join(STUDIES)}"))
        return self._read_tables[name].copy()

    @cached_property
    def _read_tables(self) -> dict[str, pd.DataFrame]:
        return {name: pd.read_parquet(self.folder / f"{name}.parquet") for name in self.tables}

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Those of every study, in the order of the registry."""
        return tuple(m for name in STUDIES if name in self.records for m in self.records[name].metrics)

    @property
    def origin(self) -> StudyRecord:
        """One record: weights, gallery and data are the same of all."""
        return next(iter(self.records.values()))

    def text(self) -> str:
        """What was computed, how long it took, and what was skipped and why."""
        lines = [f"{len(self.tables)} studies of {self.origin.weights} are in {self.folder}"]
        for name in STUDIES:
            what = f"{self.records[name].seconds:6.1f} s" if name in self.tables else f" skipped: {self.skipped[name]}"
            lines.append(f"  {name:<22} {what}")
        size = sum(path.stat().st_size for path in self.folder.iterdir())
        return "\n".join([*lines, f"  {size / 1000:.0f} kB"])


def measure(experiments: Experiments, folder: Path | None = None, names: Iterable[str] | None = None) -> StudyStore:
    """Compute every study (or those named; the others stay as they are) and write it beside the checkpoint.

    A study that is skipped is stored with its reason. What is stale, or was measured on other data, is dropped.
    Raises ValueError for an unknown study.
    """
    checkpoint, names = folder or experiments.folder, list(STUDIES) if names is None else list(names)
    folder, weights, gallery = checkpoint / FOLDER, experiments.model.weights_hash, experiments.index.gallery_hash
    unknown = [name for name in names if name not in STUDIES]
    if unknown:
        raise ValueError(f"unknown study {unknown[0]!r}; choose some of {', '.join(STUDIES)}")
    try:
        earlier = _read(folder)
    except UNREADABLE:
        earlier = {}
    records = {
        name: record
        for name, record in earlier.items()
        if record.data == experiments.provenance and not _stale(name, record, folder, weights, gallery)
    }
    records |= {name: _measured(name, experiments, folder) for name in names}
    for path in folder.glob("*.parquet"):
        if path.stem not in records or not records[path.stem].file:
            path.unlink()
    ordered = {name: asdict(records[name]) for name in STUDIES if name in records}
    write_json(folder / ABOUT, {"format": FORMAT, "studies": ordered})
    return StudyStore(folder, records, {})


def _measured(name: str, experiments: Experiments, folder: Path) -> StudyRecord:
    study, start, path = STUDIES[name], time.perf_counter(), folder / f"{name}.parquet"
    skipped, file, metrics = "", "", list[Metric]()
    try:
        table = study.measure(experiments)
        metrics = study.metrics(experiments, table)
        # single precision: the tables travel with the checkpoint
        write_parquet(path, table.astype({c: "float32" for c in table.select_dtypes("float64")}))
        file = _hash(path)
    except Skipped as reason:
        skipped = str(reason)
    return StudyRecord(
        study.version, experiments.model.weights_hash, experiments.index.gallery_hash, experiments.provenance,
        commit(), asdict(experiments.effort), round(time.perf_counter() - start, 1), file, skipped, tuple(metrics),
    )  # fmt: skip


def _read(folder: Path) -> dict[str, StudyRecord]:
    """Records of the studies that the registry knows."""
    raw = json.loads((folder / ABOUT).read_text())
    if raw["format"] != FORMAT:
        raise StaleStudies(f"format {raw['format']!r}, this version reads {FORMAT}")
    records = {name: record for name, record in raw["studies"].items() if name in STUDIES}
    return TypeAdapter(dict[str, StudyRecord]).validate_python(records)


def _stale(name: str, record: StudyRecord, folder: Path, weights: str, gallery: str) -> str:
    """Why a study can't be shown; empty when it can."""
    if record.version != STUDIES[name].version:
        return f"{name} is of version {record.version}, the study now of {STUDIES[name].version}"
    if record.weights != weights:
        return f"made by the weights {record.weights}, the model has {weights}"
    if gallery and record.gallery != gallery:
        return f"{OF_GALLERY} {record.gallery}, here is {gallery}"
    path = folder / f"{name}.parquet"
    if record.file and not (path.exists() and _hash(path) == record.file):
        return f"{name}.parquet is missing, cut off or of another run"
    return ""


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
