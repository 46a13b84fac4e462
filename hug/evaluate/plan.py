"""What an evaluation reads, asks and writes, settled before anything is encoded: hours later is too late to refuse.

A checkpoint's own files hold what it was calibrated on. Whatever is measured on other data, or under another protocol,
lies in `results/{data}-{hash}-{protocol}` beside them, in files of the same names.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub.constants import HF_HUB_CACHE

from hug.config import DataConfig
from hug.console import require_writable
from hug.data.collection import Collection
from hug.data.datasets import layout_name, read, splits
from hug.evaluate.measurements import FILE, Measurements
from hug.evaluate.protocols import OLD_NAMES, PROTOCOLS, Protocol, default_split, fitted, protocol_for

RESULTS = "results"


@dataclass(frozen=True)
class Plan:
    """One evaluation: a split with the validation that calibrates it, and training data where baselines have them."""

    protocol: Protocol
    collection: Collection  # what is measured
    validation: Collection | None  # None where targets are hidden: nothing is calibrated
    training: Collection | None  # None where no baseline needs it, or it isn't there
    notes: tuple[str, ...]  # what is left out, and why


def plan_evaluation(data: DataConfig, split: str | None, protocol: Protocol | str | None, baselines: bool) -> Plan:
    """Read annotations and look for every picture.

    Raises ValueError for a split that the data lack, a protocol that doesn't fit, or pictures that are missing.
    """
    collection = read(data, split or _default_split(data, protocol))
    protocol = fitted(protocol, collection) if isinstance(protocol, Protocol) else protocol_for(collection, protocol)
    collection.require_pictures()
    if protocol.hidden:
        return Plan(protocol, collection, None, None, (str(collection.dropped),) if collection.dropped else ())
    validation = collection if collection.split == "val" else read(data, "val")
    protocol.check(validation)
    validation.require_pictures()
    training, notes = _training(data) if baselines else (None, ())
    reduced = {c.split: f"{c.split}: {c.dropped}" for c in (collection, validation, training) if c and c.dropped}
    return Plan(protocol, collection, validation, training, (*reduced.values(), *notes))


def _default_split(data: DataConfig, protocol: Protocol | str | None) -> str:
    name = protocol.name if isinstance(protocol, Protocol) else protocol
    return default_split(splits(data), name or ("garments-1" if layout_name(data) == "garments" else None))


def _training(data: DataConfig) -> tuple[Collection | None, tuple[str, ...]]:
    try:
        training = read(data, "train")
        training.require_pictures()
    except ValueError as error:
        reason = str(error) if len(str(error)) < 200 else f"{str(error)[:200]}…"
        return None, (f"the baselines of words are left out, they are fitted on training pictures: {reason}",)
    return training, ()


# ---- where results lie ----


def results_folder(
    checkpoint: str | Path, folder: Path, plan: Plan, weights: str, out: Path | None = None, recalibrate: bool = False
) -> Path:
    """Where this evaluation writes: `out`, or beside the checkpoint, or in its `results`.

    `recalibrate` makes it the checkpoint's own whatever was there. Raises ValueError when the place can't be written
    or is the Hub's cache, or nobody knows what the calibration there is of.
    """
    place = out or folder
    if out is None and (not Path(checkpoint).expanduser().is_dir() or _inside_cache(folder)):
        raise ValueError(f"{checkpoint} is in the Hub's cache, which is not written into; name a folder with --out")
    if out is not None:
        require_writable(out, "--out")
    if plan.protocol.hidden:
        place = out or folder / RESULTS / _name(plan)
    elif not recalibrate and calibrated_otherwise(place, plan, weights):
        if out is not None:
            raise ValueError(f"{out} holds what was measured on other data; name another folder, or add --recalibrate")
        place = folder / RESULTS / _name(plan)
    return require_writable(place, "--out")


def calibrated_otherwise(folder: Path, plan: Plan, weights: str) -> bool:
    """Whether a folder holds a calibration of these weights on other data or under another protocol.

    Raises ValueError when its measurements can't be read while there is a calibration to lose.
    """
    try:
        measured = Measurements.load(folder)
    except ValueError as error:
        raise ValueError(f"{error}, with --recalibrate, or name another folder with --out") from error
    if measured is None:
        if not (folder / "calibration.json").exists():
            return False
        raise ValueError(f"{folder} has a calibration but no {FILE}; add --recalibrate to replace it, or name --out")
    validation = plan.validation or plan.collection
    if measured.weights != weights:
        return False
    same = (measured.validation or measured.data) == _stored(validation.provenance)
    same &= set(measured.galleries) == set(validation.galleries)
    return not (same and _same_protocol(measured.protocol, plan.protocol.name))


def _same_protocol(stored: str, name: str) -> bool:
    """The old name says nothing of the version, which the data tell."""
    return stored == name or (stored in OLD_NAMES and name not in PROTOCOLS) or OLD_NAMES.get(stored) == name


def _stored(values: Mapping[str, object]) -> object:
    return json.loads(json.dumps(values))


def _name(plan: Plan) -> str:
    """Data by their version or folder and a hash of what they are, and the protocol."""
    validation = plan.validation or plan.collection
    identity = json.dumps([validation.provenance, list(validation.galleries)], sort_keys=True)
    digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", str(validation.version.get("version") or validation.name))
    return f"{name}-{digest}-{plan.protocol.name}"


def _inside_cache(folder: Path) -> bool:
    return Path(HF_HUB_CACHE).resolve() in folder.resolve().parents
