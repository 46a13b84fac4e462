"""A checkpoint folder, local or on the Hub: JSON and safetensors only, each file written atomically."""

import json
from pathlib import Path
from typing import Any, Literal

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError
from safetensors.torch import load_file

from hug.backbones import Backbone, BackboneError, Name, load_backbone
from hug.backbones.preprocessing import Preprocessing
from hug.config import ModelConfig, ObjectiveConfig, Section, from_dict
from hug.console import is_path
from hug.files import write_json, write_tensors
from hug.model import HUG, device_of

PATTERNS = ["*.json", "*.jsonl", "*.safetensors", "*.parquet", "*.md"]  # of a repository; nothing that could run


class TrainedOn(Section):
    """The frozen extractor that a model was trained on."""

    kind: str
    source: str  # folder or Hub id; "" where the kind has but one
    revision: str  # commit of a Hub model
    fingerprint: str
    preprocessing: Preprocessing | None  # None in a checkpoint that was saved before it was stored

    @property
    def name(self) -> str:
        return str(Name(self.kind, self.source, self.revision))


class Description(Section):
    """`config.json`: what the weights beside it are of."""

    format: Literal[2]
    weights: str
    backbone: TrainedOn
    model: ModelConfig
    objective: ObjectiveConfig


class CheckpointError(ValueError):
    """A checkpoint that is missing, half written, damaged, or made for something else."""


def save_model(model: HUG, folder: str | Path) -> None:
    """Write `config.json` and `model.safetensors`; weights first, so that a config never lacks its weights."""
    folder = Path(folder)
    write_tensors(folder / "model.safetensors", model.state_dict())
    frozen = model.backbone
    description = Description(
        format=2,
        weights=model.weights_hash,
        backbone=TrainedOn(
            **Name.parse(frozen.name)._replace(revision=frozen.revision)._asdict(),
            fingerprint=frozen.fingerprint,
            preprocessing=frozen.preprocessing,
        ),
        model=model.config,
        objective=model.objective,
    )
    write_json(folder / "config.json", description.model_dump(mode="json"))


def load(source: str | Path, backbone: Backbone | None = None, device: str = "cpu", revision: str | None = None) -> HUG:
    """The model of a checkpoint folder or of a Hub id ("owner/name"), in evaluation mode on a device.

    A revision (branch, tag or commit) is of a Hub id.

    Raises CheckpointError when the folder is missing or incomplete, the format or a key is unknown, the weights
    don't belong to the configuration, or the frozen backbone differs from the one trained with, and ValueError for a
    device that isn't here.
    """
    folder = local_folder(source, revision)
    saved = _read_config(folder)
    try:
        backbone = backbone or load_backbone(saved.backbone.name)
    except BackboneError as error:
        raise CheckpointError(f"{source} was trained on {saved.backbone.name}: {error}") from error
    _check_backbone(source, saved.backbone, backbone)
    model = HUG(saved.model, saved.objective, backbone)
    try:
        model.load_state_dict(load_file(folder / "model.safetensors"))
    except (SafetensorError, RuntimeError, OSError) as error:
        raise CheckpointError(f"{source}: model.safetensors is damaged or doesn't fit config.json ({error})") from error
    if model.weights_hash != saved.weights:
        raise CheckpointError(f"{source}: config.json and model.safetensors are of different models; copy both again")
    model.eval().to(device_of(device))
    model.backbone.to(model.device)
    return model


def local_folder(source: str | Path, revision: str | None = None) -> Path:
    """The folder itself, or the downloaded copy of a Hub id; what is meant as a path is not looked for on the Hub.

    Raises CheckpointError when neither exists.
    """
    folder, name = Path(source).expanduser(), str(source)
    if folder.is_dir():
        return folder
    if isinstance(source, Path) or is_path(name):
        raise CheckpointError(f"no checkpoint folder at {source}; give a folder or a Hub id such as owner/name")
    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=PATTERNS))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise CheckpointError(
            f"no checkpoint folder at {source}, and the Hub gave none: {type(error).__name__}"
        ) from error


def shown_name(source: str | Path) -> str:
    """What a checkpoint is called: its folder, or the name that a Hub model has there, not the commit it lies in."""
    folder = Path(source).resolve()
    repository = folder.parent.parent.name
    if folder.parent.name == "snapshots" and repository.startswith("models--"):  # a download of the Hub's client
        return repository.rpartition("--")[2]
    return folder.name


def _check_backbone(source: str | Path, trained: TrainedOn, here: Backbone) -> None:
    if here.fingerprint == trained.fingerprint:
        return
    before, now = trained.preprocessing, here.preprocessing
    if before not in (None, now):
        raise CheckpointError(f"{source}: trained with {before.text()}, but {here.name} here takes {now.text()}")
    raise CheckpointError(
        f"{source}: trained on backbone {trained.fingerprint}, but {here.name} here is {here.fingerprint}; "
        + ("put back the files it was trained on" if trained.source else "install the versions in requirements.txt")
    )


def _read_config(folder: Path) -> Description:
    for name in ("config.json", "model.safetensors"):
        if not (folder / name).exists():
            raise CheckpointError(f"{folder} is not a complete checkpoint: {name} is missing")
    try:
        return from_dict(Description, _current(json.loads((folder / "config.json").read_text())))
    except ValueError as error:
        raise CheckpointError(f"{folder}/config.json: {error}") from error


def _current(raw: Any) -> Any:
    """What `config.json` says, in the present format: before, a backbone had a name and a fingerprint only."""
    if not (isinstance(raw, dict) and raw.get("format") == 1 and isinstance(raw.get("backbone"), dict)):
        return raw
    backbone = raw["backbone"]
    if set(backbone) != {"name", "fingerprint"}:
        return raw
    name = Name.parse(str(backbone["name"]))._asdict()
    return {
        **raw, "format": 2,
        "backbone": {**name, "fingerprint": backbone["fingerprint"], "preprocessing": None},
    }  # fmt: skip
