"""A checkpoint folder, local or on the Hub: JSON and safetensors only, each file written atomically."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError
from safetensors.torch import load_file

from hug.backbones import Backbone, load_backbone
from hug.config import FORMAT, ModelConfig, ObjectiveConfig, from_dict, to_dict
from hug.files import write_json, write_tensors
from hug.model import HUG


class CheckpointError(ValueError):
    """A checkpoint that is missing, half written, damaged, or made for something else."""


def save_model(model: HUG, folder: str | Path) -> None:
    """Write `config.json` and `model.safetensors`; weights first, so that a config never lacks its weights."""
    folder = Path(folder)
    write_tensors(folder / "model.safetensors", model.state_dict())
    config = {
        "format": FORMAT,
        "weights": model.weights_hash,
        "backbone": {"name": model.backbone.name, "fingerprint": model.backbone.fingerprint},
        "model": to_dict(model.config),
        "objective": to_dict(model.objective),
    }
    write_json(folder / "config.json", config)


def load(source: str | Path, backbone: Backbone | None = None) -> HUG:
    """The model of a checkpoint folder or of a Hub id ("owner/name"), in evaluation mode.

    Raises CheckpointError when the folder is missing or incomplete, the format or a key is unknown, the weights
    don't belong to the configuration, or the frozen backbone differs from the one trained with.
    """
    folder = local_folder(source)
    config = _read_config(folder)
    backbone = backbone or load_backbone(config["model"].backbone)
    if backbone.fingerprint != config["fingerprint"]:
        raise CheckpointError(
            f"{source}: trained on backbone {config['fingerprint']}, but {backbone.name} here is "
            f"{backbone.fingerprint}; install the versions in requirements.txt"
        )
    model = HUG(config["model"], config["objective"], backbone)
    try:
        model.load_state_dict(load_file(folder / "model.safetensors"))
    except (SafetensorError, RuntimeError, OSError) as error:
        raise CheckpointError(f"{source}: model.safetensors is damaged or doesn't fit config.json ({error})") from error
    if model.weights_hash != config["weights"]:
        raise CheckpointError(f"{source}: config.json and model.safetensors are of different models; copy both again")
    return model.eval()


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


def _read_config(folder: Path) -> dict[str, Any]:
    for name in ("config.json", "model.safetensors"):
        if not (folder / name).exists():
            raise CheckpointError(f"{folder} is not a complete checkpoint: {name} is missing")
    try:
        raw = json.loads((folder / "config.json").read_text())
        if raw.get("format") != FORMAT:
            raise ValueError(f"format {raw.get('format')!r}; this version reads format {FORMAT}")
        unknown = sorted(set(raw) - {"format", "weights", "backbone", "model", "objective"})
        if unknown:
            raise ValueError(f"unknown key {unknown[0]!r}")
        return {
            "model": from_dict(ModelConfig, raw["model"], "model"),
            "objective": from_dict(ObjectiveConfig, raw["objective"], "objective"),
            "weights": raw["weights"],
            "fingerprint": raw["backbone"]["fingerprint"],
        }
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise CheckpointError(f"{folder}/config.json: {error}") from error
