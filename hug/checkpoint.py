"""A checkpoint folder, local or on the Hub: JSON and safetensors only, each file written atomically."""

import json
from pathlib import Path
from typing import Literal

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError
from safetensors.torch import load_file

from hug.backbones import Backbone, load_backbone
from hug.config import ModelConfig, ObjectiveConfig, Section, from_dict
from hug.files import write_json, write_tensors
from hug.model import HUG, device_of


class BackboneName(Section):
    """The frozen extractor that a model was trained on."""

    name: str
    fingerprint: str


class Description(Section):
    """`config.json`: what the weights beside it are of."""

    format: Literal[1]
    weights: str
    backbone: BackboneName
    model: ModelConfig
    objective: ObjectiveConfig


class CheckpointError(ValueError):
    """A checkpoint that is missing, half written, damaged, or made for something else."""


def save_model(model: HUG, folder: str | Path) -> None:
    """Write `config.json` and `model.safetensors`; weights first, so that a config never lacks its weights."""
    folder = Path(folder)
    write_tensors(folder / "model.safetensors", model.state_dict())
    description = Description(
        format=1,
        weights=model.weights_hash,
        backbone=BackboneName(name=model.backbone.name, fingerprint=model.backbone.fingerprint),
        model=model.config,
        objective=model.objective,
    )
    write_json(folder / "config.json", description.model_dump(mode="json"))


def load(source: str | Path, backbone: Backbone | None = None, device: str = "cpu") -> HUG:
    """The model of a checkpoint folder or of a Hub id ("owner/name"), in evaluation mode on a device.

    Raises CheckpointError when the folder is missing or incomplete, the format or a key is unknown, the weights
    don't belong to the configuration, or the frozen backbone differs from the one trained with, and ValueError for a
    device that isn't here.
    """
    folder = local_folder(source)
    saved = _read_config(folder)
    backbone = backbone or load_backbone(saved.model.backbone)
    if backbone.fingerprint != saved.backbone.fingerprint:
        raise CheckpointError(
            f"{source}: trained on backbone {saved.backbone.fingerprint}, but {backbone.name} here is "
            f"{backbone.fingerprint}; install the versions in requirements.txt"
        )
    model = HUG(saved.model, saved.objective, backbone)
    try:
        model.load_state_dict(load_file(folder / "model.safetensors"))
    except (SafetensorError, RuntimeError, OSError) as error:
        raise CheckpointError(f"{source}: model.safetensors is damaged or doesn't fit config.json ({error})") from error
    if model.weights_hash != saved.weights:
        raise CheckpointError(f"{source}: config.json and model.safetensors are of different models; copy both again")
    return model.eval().to(device_of(device))


def local_folder(source: str | Path) -> Path:
    """The folder itself, or the downloaded copy of a Hub id.

    Raises CheckpointError when neither exists.
    """
    folder = Path(source)
    if folder.is_dir():
        return folder
    name = str(source)
    if name.count("/") != 1 or name.startswith((".", "/")):
        raise CheckpointError(f"no checkpoint folder at {source}; give a folder or a Hub id such as owner/name")
    try:
        return Path(snapshot_download(name, allow_patterns=["*.json", "*.jsonl", "*.safetensors", "*.parquet", "*.md"]))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise CheckpointError(
            f"no checkpoint folder at {source}, and the Hub gave none: {type(error).__name__}"
        ) from error


def push(folder: str | Path, repo: str, private: bool = True) -> str:
    """Upload a whole checkpoint folder (without its resumable state) to the Hub; returns its address."""
    api = HfApi()
    api.create_repo(repo, private=private, exist_ok=True)
    api.upload_folder(folder_path=str(folder), repo_id=repo, ignore_patterns=["state.safetensors", ".*"])
    return f"https://huggingface.co/{repo}"


def _read_config(folder: Path) -> Description:
    for name in ("config.json", "model.safetensors"):
        if not (folder / name).exists():
            raise CheckpointError(f"{folder} is not a complete checkpoint: {name} is missing")
    try:
        return from_dict(Description, json.loads((folder / "config.json").read_text()))
    except ValueError as error:
        raise CheckpointError(f"{folder}/config.json: {error}") from error
