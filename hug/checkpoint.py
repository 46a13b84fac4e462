"""A checkpoint folder, local or on the Hub: JSON and safetensors only, each file written atomically."""

from pathlib import Path
from typing import Any, Literal

import torch
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from hug.backbones import Backbone, Name, load_backbone
from hug.backbones.preprocessing import Preprocessing
from hug.bounded import JSON_BYTES, TENSOR_BYTES, brief, check_file, check_table, read_json
from hug.config import ModelConfig, ObjectiveConfig, Section, from_dict
from hug.console import is_path
from hug.files import write_json, write_tensors
from hug.hub import TooLargeError, download
from hug.model import HUG, device_of

PATTERNS = ["*.json", "*.jsonl", "*.safetensors", "*.parquet", "*.md"]  # of a repository; nothing that could run
WHOLE = 3 * TENSOR_BYTES  # of a repository that is downloaded: weights, an index, and what was measured
KINDS = {"F64", "F32", "F16", "BF16"}  # of numbers in a file of weights


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
    except ValueError as error:
        raise CheckpointError(f"{source} was trained on {brief(saved.backbone.name, 80)}: {brief(error)}") from error
    _check_backbone(source, saved.backbone, backbone)
    try:
        _check_shapes(folder / "model.safetensors", saved, backbone)
        model = HUG(saved.model, saved.objective, backbone)
        model.load_state_dict(load_file(folder / "model.safetensors"))
        if not all(bool(torch.isfinite(value).all()) for value in model.state_dict().values()):
            raise ValueError("a weight is not a finite number")
    except (SafetensorError, RuntimeError, OSError, ValueError, KeyError, MemoryError) as error:
        why = f"model.safetensors is damaged or doesn't fit config.json ({brief(error)})"
        raise CheckpointError(f"{source}: {why}") from error
    if model.weights_hash != saved.weights:
        raise CheckpointError(f"{source}: config.json and model.safetensors are of different models; copy both again")
    model.eval().to(device_of(device))
    model.backbone.to(model.device)
    return model


def intact(folder: Path, model: HUG) -> bool:
    """Whether a folder holds a whole checkpoint of this architecture, objective and backbone, of whichever weights."""
    try:
        saved, device = _read_config(folder), str(model.device)
        same = (saved.model, saved.objective) == (model.config, model.objective)
        return same and bool(load(folder, model.backbone, device))
    except CheckpointError:
        return False


def local_folder(source: str | Path, revision: str | None = None) -> Path:
    """The folder itself, or the downloaded copy of a Hub id; what is meant as a path is not looked for on the Hub.

    Raises CheckpointError when neither exists, or the Hub's is beyond what is read.
    """
    folder, name = Path(source).expanduser(), str(source)
    if folder.is_dir():
        return folder
    if isinstance(source, Path) or is_path(name):
        raise CheckpointError(f"no checkpoint folder at {source}; give a folder or a Hub id such as owner/name")
    try:
        return download(name, revision, PATTERNS, TENSOR_BYTES, WHOLE)
    except TooLargeError as error:
        raise CheckpointError(str(error)) from error
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
    """The description, once every file beside it was found plain and within bounds, whoever will read it."""
    for name in ("config.json", "model.safetensors"):
        if not (folder / name).exists():
            raise CheckpointError(f"{folder} is not a complete checkpoint: {name} is missing")
    try:
        for path in (*folder.iterdir(), *folder.glob("analysis/*")):
            if path.suffix == ".json":
                check_file(path, JSON_BYTES)
            elif path.suffix == ".parquet":
                check_table(path)
    except Exception as error:  # readers raise almost anything on hostile bytes; all of it means the same
        raise CheckpointError(f"{folder}: {path.name} can't be read ({brief(error)})") from error
    try:
        return from_dict(Description, _current(read_json(folder / "config.json")))
    except (ValueError, OSError) as error:
        raise CheckpointError(f"{folder}/config.json: {brief(error)}") from error


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


def _check_shapes(path: Path, saved: Description, backbone: Backbone) -> None:
    """Compare the names and shapes in a file with those of the configured model, before room is made for either.

    Raises ValueError for what differs, and for numbers that are no real ones.
    """
    check_file(path, TENSOR_BYTES)
    with safe_open(path, "pt") as file:
        stored = {name: file.get_slice(name) for name in file.offset_keys()}
        shapes = {name: tuple(part.get_shape()) for name, part in stored.items()}
        kinds = {part.get_dtype() for part in stored.values()}
    if strange := kinds - KINDS:
        raise ValueError(f"it holds numbers of the kind {min(strange)}; accepted are {', '.join(sorted(KINDS))}")
    size = saved.model
    for name, shape in (
        ("mean.weight", (size.dim, size.hidden)),
        ("qformer.queries", (1, size.components, size.hidden)),
    ):
        if shapes.get(name) != shape:
            raise ValueError(f"{name} has the shape {shapes.get(name)}, by config.json {shape}")
    if backbone.word_kind == "ids":
        return  # a pretrained reader brings its own parts, in its own sizes
    with torch.device("meta"):  # shapes without numbers
        model = HUG(size, saved.objective, backbone)
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    if wrong := [name for name in sorted({*expected, *shapes}) if expected.get(name) != shapes.get(name)]:
        first = f"{wrong[0][:80]} has the shape {shapes.get(wrong[0])}, by config.json {expected.get(wrong[0])}"
        raise ValueError(f"{len(wrong)} tensors differ: {first}")
