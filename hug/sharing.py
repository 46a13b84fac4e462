"""Models on the Hub: `HUG.from_pretrained`, `HUG.push_to_hub`, and what is uploaded of a checkpoint folder."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError
from huggingface_hub.utils import validate_repo_id

from hug.backbones import Backbone
from hug.checkpoint import CheckpointError, load, save_model
from hug.model import HUG

__all__ = ["HUG", "Upload", "load", "push", "upload_of"]

FILES = (  # of a checkpoint folder; nothing else that lies there leaves the machine
    "config.json", "model.safetensors", "training.jsonl", "training-first.jsonl", "measurements.json",
    "calibration.json", "calibration.safetensors", "validation.parquet", "val.parquet", "test.parquet",
    "analysis/about.json",
    "analysis/*.parquet", "results/*/*.json", "results/*/*.parquet",
)  # fmt: skip
GALLERY = ("gallery.safetensors", "gallery.json")  # with the ids of its pictures, which may be names of files


@dataclass(frozen=True)
class Upload:
    """What would be uploaded."""

    repo: str
    files: dict[str, Path]  # place in the repository -> file
    card: str  # README.md


def upload_of(folder: str | Path, repo: str, gallery: bool = False, backbone: Backbone | None = None) -> Upload:
    """The files of a checkpoint, with its index where that is wanted, and its card; nothing is sent.

    Raises CheckpointError when the checkpoint can't be loaded as it lies there, ValueError for no Hub id.
    """
    from hug.evaluate.card import model_card  # not at the top: whoever loads a model needs no statistics

    folder = Path(folder)
    try:
        validate_repo_id(repo)
    except HFValidationError:
        repo = ""
    if repo.count("/") != 1:
        raise ValueError("name the repository as the Hub does: owner/name")
    if not folder.is_dir():
        raise CheckpointError(f"no checkpoint folder at {folder}")
    weights = load(folder, backbone).weights_hash
    patterns = (*FILES, *(GALLERY if gallery else ()))
    files = {str(p.relative_to(folder)): p for pattern in patterns for p in sorted(folder.glob(pattern))}
    return Upload(repo, files, model_card(folder, weights, repo))


def push(upload: Upload, private: bool = True, api: HfApi | None = None) -> str:
    """Send it in one commit; returns its address. Raises ValueError with what the Hub refused."""
    api = api or HfApi()
    operations = [CommitOperationAdd(place, path) for place, path in upload.files.items()]
    operations.append(CommitOperationAdd("README.md", upload.card.encode()))
    try:
        api.create_repo(upload.repo, private=private, exist_ok=True)
        api.create_commit(upload.repo, operations, commit_message="A checkpoint with its card")
    except (HfHubHTTPError, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(
            f"the Hub did not take {upload.repo} ({type(error).__name__}: {reason}); hf auth login gives it a token"
        ) from error
    return f"https://huggingface.co/{upload.repo}"


def from_pretrained(
    source: str | Path, backbone: Backbone | None = None, device: str = "cpu", revision: str | None = None
) -> HUG:
    """The model of a checkpoint folder or a Hub id, at a revision where one is named; raises as `hug.load` does."""
    return load(source, backbone, device, revision)


def push_to_hub(
    model: HUG, repo: str, folder: str | Path | None = None, private: bool = True, api: HfApi | None = None
) -> str:
    """Upload the model, or the checkpoint folder that it was loaded from, with its measurements; returns its address.

    Raises ValueError when the folder holds other weights or the Hub refuses.
    """
    if folder is not None:
        if load(folder, model.backbone).weights_hash != model.weights_hash:
            raise ValueError(f"{folder} holds other weights than this model; leave the folder out, or save the model")
        return push(upload_of(folder, repo, backbone=model.backbone), private, api)
    with tempfile.TemporaryDirectory() as temporary:
        save_model(model, temporary)
        return push(upload_of(temporary, repo, backbone=model.backbone), private, api)


HUG.from_pretrained = staticmethod(from_pretrained)
HUG.push_to_hub = push_to_hub
