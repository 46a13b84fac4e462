"""Studies computed beforehand, beside their checkpoint: small Parquet tables and `about.json`, which names them.

What other weights, another gallery or an older version made is refused, never shown.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.ground import Ground, Skipped
from analysis.registry import STUDIES
from hug.files import commit, replacing, write_json
from hug.model import HUG
from hug.retrieval.index import TABLE

FORMAT = 1
FOLDER, ABOUT = "analysis", "about.json"


@dataclass(frozen=True)
class Prepared:
    """Tables of one model; `skipped` says of the other studies why there is none."""

    folder: Path
    weights: str
    gallery: str  # hash of the gallery's ids
    commit: str
    skipped: dict[str, str]
    data: dict[str, Any]  # name, split and, where generated, version and hash of the data set; empty without one
    seconds: dict[str, float]
    tables: dict[str, str] = field(repr=False)  # study -> hash of its file

    @staticmethod
    def load(folder: str | Path, model: HUG) -> Prepared | None:
        """From a checkpoint folder; None when nothing was prepared.

        Raises ValueError when it is damaged or stale, saying what to run.
        """
        folder = Path(folder)
        if not (folder / FOLDER / ABOUT).exists():
            return None
        try:
            found = _read(folder / FOLDER)
            found._check(model, folder / TABLE)
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise ValueError(
                f"{folder / FOLDER}: {error}; run `python -m analysis prepare --checkpoint {folder}` again"
            ) from error
        return found

    def table(self, name: str) -> pd.DataFrame:
        """The table of a study, a fresh copy. Raises KeyError with the reason when there is none."""
        if name not in self._read_tables:
            raise KeyError(self.skipped.get(name, f"there is no study {name!r}; there are {', '.join(STUDIES)}"))
        return self._read_tables[name].copy()

    @cached_property
    def _read_tables(self) -> dict[str, pd.DataFrame]:
        return {name: pd.read_parquet(self.folder / f"{name}.parquet") for name in self.tables}

    def _check(self, model: HUG, gallery: Path) -> None:
        if self.weights != model.weights_hash:
            raise ValueError(f"made by the weights {self.weights}, the model has {model.weights_hash}")
        if gallery.exists():
            now = json.loads(gallery.read_text())["gallery"]
            if now != self.gallery:
                raise ValueError(f"made for the gallery {self.gallery}, the checkpoint has {now}")
        unknown = sorted(set(STUDIES) ^ {*self.tables, *self.skipped})
        if unknown:
            raise ValueError(f"made by another version of the code, which differs in {', '.join(unknown)}")
        for name, expected in self.tables.items():
            path = self.folder / f"{name}.parquet"
            if not path.exists() or _hash(path) != expected:
                raise ValueError(f"{path.name} is missing, cut off or of another run")


def prepare(ground: Ground, folder: Path | None = None, names: Iterable[str] | None = None) -> Prepared:
    """Compute every study (or those named, keeping what is there of the others) and write it beside the checkpoint.

    A study that is skipped is told with its reason. Raises ValueError for an unknown study.
    """
    folder = (folder or ground.folder) / FOLDER
    chosen = list(STUDIES) if names is None else list(names)
    wrong = [name for name in chosen if name not in STUDIES]
    if wrong:
        raise ValueError(f"unknown study {wrong[0]!r}; choose some of {', '.join(STUDIES)}")
    tables, skipped, seconds = _kept(ground, folder, chosen)
    for name in chosen:
        start = time.perf_counter()
        try:
            _write(folder / f"{name}.parquet", STUDIES[name].table(ground))
            tables[name] = _hash(folder / f"{name}.parquet")
        except Skipped as reason:
            skipped[name] = str(reason)
            (folder / f"{name}.parquet").unlink(missing_ok=True)
        seconds[name] = round(time.perf_counter() - start, 1)
    about = {
        "format": FORMAT, "weights": ground.model.weights_hash, "gallery": ground.index.gallery_hash,
        "commit": commit(), "data": _data(ground), "skipped": skipped, "seconds": seconds, "tables": tables,
    }  # fmt: skip
    write_json(folder / ABOUT, about)
    return _read(folder)


def _kept(ground: Ground, folder: Path, chosen: list[str]) -> tuple[dict[str, str], dict[str, str], dict[str, float]]:
    """What stands of an earlier run of the same weights, gallery and data, apart from the chosen studies."""
    try:
        old = _read(folder)
    except (ValueError, KeyError, TypeError, OSError):
        old = None
    same = old and (old.weights, old.gallery, old.data) == (
        ground.model.weights_hash, ground.index.gallery_hash, _data(ground)
    )  # fmt: skip
    rest = {n: "not computed yet" for n in STUDIES if n not in chosen}
    if old is None or not same:
        return {}, rest, {}
    tables = {n: h for n, h in old.tables.items() if n in rest}
    skipped = {n: old.skipped.get(n, reason) for n, reason in rest.items() if n not in tables}
    return tables, skipped, {n: s for n, s in old.seconds.items() if n in rest}


def _data(ground: Ground) -> dict[str, Any]:
    if ground.data is None:
        return {}
    return {"name": ground.collection.name, "split": ground.split, **ground.collection.version}


def _write(path: Path, table: pd.DataFrame) -> None:
    """Single precision and repeated values written once: the tables travel with the checkpoint."""
    small = table.astype({c: "float32" for c in table.select_dtypes("float64")})
    with replacing(path) as temporary:
        small.to_parquet(temporary, index=False, compression="zstd")


def _read(folder: Path) -> Prepared:
    raw = json.loads((folder / ABOUT).read_text())
    if raw["format"] != FORMAT:
        raise ValueError(f"format {raw['format']!r}, this version reads {FORMAT}")
    names = ("weights", "gallery", "commit", "skipped", "data", "seconds", "tables")
    return Prepared(folder, *(raw[name] for name in names))


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
