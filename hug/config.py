"""Every default of the project, in frozen dataclasses that travel through JSON both ways.

A field is described once, in its metadata: the command line prints that text as help.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

FORMAT = 1  # version of the checkpoint folder; `hub` refuses what it does not know


def _field(default: Any, help: str, choices: tuple[str, ...] = ()) -> Any:
    return field(default=default, metadata={"help": help, "choices": choices})


@dataclass(frozen=True)
class DataConfig:
    """Where triplets and pictures come from."""

    root: str = _field("runs/garments", "folder of the data set")
    format: str = _field("auto", "layout of the data set; auto looks at the folder")
    categories: tuple[str, ...] = _field(("dress", "shirt", "toptee"), "categories to read")
    cache: str = _field("runs/cache", "folder of the frozen tokens")
    view_seed: int = _field(0, "seed of the degraded and aspect-removed training views")


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of the trained part; the frozen backbone is named, not stored."""

    backbone: str = _field("embedded", "frozen feature extractor")
    components: int = _field(32, "K, Gaussians an item")
    dim: int = _field(32, "D, dimensions of one Gaussian")
    hidden: int = _field(128, "width of the Q-Former")
    layers: int = _field(2, "layers of the Q-Former, each with cross-attention")
    heads: int = _field(4, "attention heads")
    dropout: float = _field(0.0, "dropout of the Q-Former")
    detach: bool = _field(False, "estimators read the Q-Former's outputs without gradient")
    fusion: str = _field("dynamic", "merge of the three sources", ("dynamic", "static"))


@dataclass(frozen=True)
class ObjectiveConfig:
    """One weight a term; a weight of 0 switches the term off."""

    name: str = _field("calibrated", "objective", ("paper", "calibrated", "point"))
    matching: str = _field("sigmoid", "holistic contrast: Eq. 13 or InfoNCE", ("sigmoid", "infonce"))
    variance: bool = _field(True, "Eq. 15 with variances; off: squared distance of means")
    fc: float = _field(0.5, "lambda_fc, fine-grained contrast (Eq. 16)")
    fc_component: bool = _field(True, "Eq. 16: component-wise negatives")
    fc_instance: bool = _field(True, "Eq. 16: instance-wise negatives")
    fc_modality: bool = _field(True, "Eq. 16: modality-wise negatives")
    cord: float = _field(0.1, "lambda_cord, coordination ranking (Eq. 9)")
    cord_log: bool = _field(True, "Eq. 9 on log mean variances, with the temperature")
    cord_reference: bool = _field(False, "Eq. 9 also deranges references, not only texts")
    cord_mined: float = _field(0.4, "Eq. 9 against mined references that lack what the text presupposes")
    cord_fits: bool = _field(False, "mined references come with mined ones that fit, not only with the text's own")
    temperature: float = _field(4.0, "temperature of the rankings on log mean variances")
    bias: bool = _field(True, "candidate bias beta_c in the distance")
    bias_l2: float = _field(0.01, "penalty on the candidate bias")
    nll: float = _field(0.1, "error likelihood of the positives")
    nll_sources: float = _field(0.1, "the same error likelihood for each source alone: what it can know of the error")
    picture_rank: float = _field(0.2, "a degraded picture is less certain than a better view of it")
    picture_apart: float = _field(0.0, "any degraded picture is less certain than any clean one of the batch")
    spoil: bool = _field(True, "half of the degraded views are made from tokens, in ways that no pixels show")
    text_rank: float = _field(0.1, "a shortened text is less certain than the whole text")
    spec: float = _field(0.1, "specialisation: which component answers a removed aspect")
    spec_sharpness: float = _field(5.0, "sharpness of the responding-component softmax")
    spec_otherwise: bool = _field(True, "aspects are also removed in tokens, so that no one style is learned")
    agree: float = _field(0.5, "agreement between components over clean pictures (mean squared correlation)")
    required: tuple[str, ...] = _field((), "terms that must not be switched off by lacking data")


@dataclass(frozen=True)
class TrainConfig:
    """One run of the loop."""

    start: str = _field("", "checkpoint folder or Hub id whose weights to start from; empty: new weights")
    steps: int = _field(3000, "optimizer steps")
    batch: int = _field(64, "triplets a step")
    one_category: bool = _field(True, "a batch is drawn from one category: its negatives are those of a gallery")
    lr: float = _field(1e-3, "peak learning rate (AdamW)")
    scale_lr: float = _field(10.0, "factor on the rate of a, b, a', b'")
    weight_decay: float = _field(0.01, "AdamW weight decay; none on scales, biases and norms")
    warmup: float = _field(0.05, "share of the steps with rising rate, then cosine")
    clip: float = _field(1.0, "norm to which gradients are clipped")
    precision: str = _field("auto", "number format of the forward pass", ("auto", "float32", "bfloat16"))
    jitter: float = _field(0.0, "noise, shift and scale of the frozen tokens a step sees, in their standard deviations")
    seed: int = _field(0, "seed of weights, order and sampling")
    threads: int = _field(0, "CPU threads; 0 leaves the default")
    validate_every: int = _field(400, "steps between validations")
    save_every: int = _field(100, "steps between resumable states")
    validation_queries: int = _field(600, "validation queries a category, at most")


@dataclass(frozen=True)
class Config:
    """All of one run."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    training: TrainConfig = TrainConfig()


OBJECTIVES: dict[str, ObjectiveConfig] = {
    "calibrated": ObjectiveConfig(),
    "paper": ObjectiveConfig(
        name="paper", cord_log=False, cord_mined=0.0, bias=False, bias_l2=0.0,
        nll=0.0, nll_sources=0.0, picture_rank=0.0, text_rank=0.0, spec=0.0, agree=0.0,
    ),
    "point": ObjectiveConfig(
        name="point", matching="infonce", variance=False, fc=0.0, cord=0.0, cord_log=False, cord_mined=0.0,
        bias=False, bias_l2=0.0, nll=0.0, nll_sources=0.0, picture_rank=0.0, text_rank=0.0, spec=0.0, agree=0.0,
    ),
}  # fmt: skip

SIZES: dict[str, ModelConfig] = {
    "bundled": ModelConfig(),
    "tiny": ModelConfig(components=16, dim=32, hidden=64, heads=2),
}

T = TypeVar("T")


def to_dict(config: Any) -> dict[str, Any]:
    """Plain JSON-able dictionary of a configuration dataclass."""
    return dataclasses.asdict(config)


def from_dict(kind: type[T], values: dict[str, Any], where: str = "config") -> T:
    """Build `kind` from parsed JSON.

    Raises ValueError naming the place when a key is unknown or a value has the wrong type.
    """
    if not isinstance(values, dict):
        raise ValueError(f"{where}: expected an object, got {type(values).__name__}")
    hints = get_type_hints(kind)
    known = {f.name: f for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise ValueError(f"{where}: unknown key {unknown[0]!r}; known are {', '.join(sorted(known))}")
    built = {name: _value(hints[name], value, f"{where}.{name}", known[name]) for name, value in values.items()}
    return kind(**built)


def _value(hint: Any, value: Any, where: str, spec: dataclasses.Field[Any]) -> Any:
    if dataclasses.is_dataclass(hint):
        return from_dict(hint, value, where)  # type: ignore[arg-type]
    if get_origin(hint) is tuple:
        inner = get_args(hint)[0]
        if not isinstance(value, list | tuple) or not all(isinstance(v, inner) for v in value):
            raise ValueError(f"{where}: expected a list of {inner.__name__}, got {value!r}")
        return tuple(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise ValueError(f"{where}: expected {hint.__name__}, got {value!r}")
    choices = spec.metadata.get("choices")
    if choices and value not in choices:
        raise ValueError(f"{where}: {value!r} is not one of {', '.join(choices)}")
    return value


def to_json(config: Any) -> str:
    return json.dumps(to_dict(config), indent=2) + "\n"


def from_json(kind: type[T], text: str) -> T:
    return from_dict(kind, json.loads(text))
