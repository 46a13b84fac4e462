"""Every default of the project, in frozen models that travel through JSON both ways.

A field is described once: the command line prints its description as help. The defaults of the objective are the
paper's, so that a term that a preset does not name is a term it does not have.
"""

from typing import Any, Literal, Self, TypeVar, cast

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

S = TypeVar("S", bound="Section")


class Section(BaseModel):
    """Settings that belong together: frozen, without unknown keys, and nothing converted but an integer to a float."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def replace(self, **changes: Any) -> Self:
        """A copy with other values, validated like the first."""
        return from_dict(type(self), {**dict(self), **changes}, type(self).__name__)


def from_dict(kind: type[S], values: Any, where: str = "config") -> S:
    """Build `kind` from parsed JSON.

    Raises ValueError naming the place, what came and what is accepted.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise ValueError(_sentence(error, kind, where)) from None


def _sentence(error: ValidationError, kind: type[BaseModel], where: str) -> str:
    """The first thing that is wrong: "model.fusion: input should be 'dynamic' or 'static', got 'sum'"."""
    first = error.errors(include_url=False)[0]
    place = ".".join([where, *map(str, first["loc"])])
    if first["type"] == "extra_forbidden":
        for part in first["loc"][:-1]:
            kind = cast(type[BaseModel], kind.model_fields[str(part)].annotation)
        outer, _, name = place.rpartition(".")
        return f"{outer}: unknown key {_short(name)}; accepted are {', '.join(sorted(kind.model_fields))}"
    message = first["msg"].removeprefix("Value error, ").replace("a valid tuple", "a list")
    got = "" if first["type"] in ("value_error", "missing") else f", got {_short(first['input'])}"
    return f"{place}: {message[0].lower()}{message[1:]}{got}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"


class DataConfig(Section):
    """Where triplets and pictures come from."""

    root: str = Field(
        "runs/garments", validation_alias=AliasChoices("root", "data"), description="folder of the data set"
    )
    format: str = Field("auto", description="layout of the data set; auto looks at the folder")
    categories: tuple[str, ...] = Field(("dress", "shirt", "toptee"), strict=False, description="categories to read")
    cache: str = Field("runs/cache", description="folder of the frozen tokens")
    tokens: Literal["cached", "live"] = Field(
        "cached", description="frozen image tokens are kept on disk, or computed anew whenever they are needed"
    )
    missing: Literal["fail", "drop"] = Field(
        "fail", description="pictures that are missing or unreadable: fail, or go on without, under a reduced protocol"
    )
    view_seed: int = Field(0, description="seed of the degraded and aspect-removed training views")

    @field_validator("categories")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        """Raises ValueError for a category that is named twice: its queries would count twice."""
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"the category {twice!r} is named twice")
        return names


class ModelConfig(Section):
    """Sizes of the trained part; the frozen backbone is named, not stored. A pretrained reader brings its own."""

    backbone: str = Field("embedded", description="frozen feature extractor")
    components: int = Field(32, ge=2, le=4096, description="K, Gaussians an item")
    dim: int = Field(32, ge=1, le=65536, description="D, dimensions of one Gaussian")
    hidden: int = Field(128, ge=1, le=16384, description="width of the Q-Former")
    layers: int = Field(2, ge=1, le=256, description="layers of the Q-Former")
    heads: int = Field(4, ge=1, le=1024, description="attention heads")
    intermediate: int = Field(0, ge=0, le=65536, description="width of the Q-Former's feed-forward; 0 is twice its own")
    cross_attention_frequency: int = Field(
        1, ge=1, le=256, description="layers to one with cross-attention, from the first"
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout of the Q-Former")
    detach: bool = Field(False, description="estimators read the Q-Former's outputs without gradient")
    fusion: Literal["dynamic", "static"] = Field("dynamic", description="merge of the three sources")

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Self:
        if self.hidden % self.heads:
            raise ValueError(f"hidden ({self.hidden}) must be a multiple of heads ({self.heads})")
        return self


class ObjectiveConfig(Section):
    """One weight a term; a weight of 0 switches the term off."""

    name: Literal["paper", "calibrated", "likelihood", "point"] = Field("paper", description="objective")
    matching: Literal["sigmoid", "infonce"] = Field("sigmoid", description="holistic contrast: Eq. 13 or InfoNCE")
    scale: float = Field(7.4, gt=0, description="a of Eq. 13, or of InfoNCE, at the start")
    reference_negatives: bool = Field(False, description="InfoNCE: the batch's references are negatives too")
    unit_means: bool = Field(False, description="means of one length a component, so that only variances have a scale")
    corrupt: float = Field(
        0.0, ge=0, le=1, description="share of references that triplets show with a fault; of targets half of it"
    )
    variance: bool = Field(True, description="Eq. 15 with variances; off: squared distance of means")
    fc: float = Field(0.5, description="lambda_fc, fine-grained contrast (Eq. 16)")
    fc_component: bool = Field(True, description="Eq. 16: component-wise negatives")
    fc_instance: bool = Field(True, description="Eq. 16: instance-wise negatives")
    fc_modality: bool = Field(True, description="Eq. 16: modality-wise negatives")
    cord: float = Field(0.1, description="lambda_cord, coordination ranking (Eq. 9)")
    cord_log: bool = Field(False, description="Eq. 9 on log mean variances, with the temperature")
    cord_reference: bool = Field(False, description="Eq. 9 also deranges references, not only texts")
    cord_mined: float = Field(0.0, description="Eq. 9 against mined references that lack what the text presupposes")
    cord_fits: bool = Field(False, description="mined references come with mined ones that fit, not the own one alone")
    temperature: float = Field(4.0, description="temperature of the rankings on log mean variances")
    bias: bool = Field(False, description="candidate bias beta_c in the distance")
    bias_l2: float = Field(0.0, description="penalty on the candidate bias")
    nll: float = Field(0.0, description="error likelihood of the positives")
    nll_sources: float = Field(0.0, description="error likelihood of each source alone: what it can know of the error")
    nll_views: float = Field(0.0, description="error likelihood of pictures: how far a fault moves their means")
    picture_rank: float = Field(0.0, description="a degraded picture is less certain than a better view of it")
    picture_apart: float = Field(0.0, description="any degraded picture is less certain than any clean one of a batch")
    corrupt_tokens: bool = Field(
        True,
        validation_alias=AliasChoices("corrupt_tokens", "spoil"),
        description="half of the degraded views are made from tokens, in ways that no pixels show",
    )
    text_rank: float = Field(0.0, description="a shortened text is less certain than the whole text")
    spec: float = Field(0.0, description="specialisation: which component answers a removed aspect")
    spec_sharpness: float = Field(5.0, description="sharpness of the responding-component softmax")
    spec_tokens: bool = Field(
        True,
        validation_alias=AliasChoices("spec_tokens", "spec_otherwise"),
        description="aspects are also removed in tokens, so that no one style is learned",
    )
    divide: float = Field(0.0, description="division of labour: which component's mean moves with a removed aspect")
    agree: float = Field(0.0, description="agreement between components over clean pictures (mean squared correlation)")
    required: tuple[str, ...] = Field((), strict=False, description="terms that lacking data must not switch off")


class TrainConfig(Section):
    """One run of the loop."""

    start: str = Field("", description="checkpoint folder or Hub id whose weights to start from; empty: new weights")
    steps: int = Field(3000, ge=1, description="optimizer steps")
    epochs: int = Field(0, ge=0, description="passes over the triplets, instead of steps; 0 leaves it to the steps")
    batch: int = Field(64, ge=2, description="triplets a step, over all processes")
    one_category: bool = Field(True, description="a batch has one category: its negatives are those of a gallery")
    lr: float = Field(1e-3, gt=0, description="peak learning rate")
    scale_lr: float = Field(10.0, description="factor on the rate of a, b, a', b'")
    weight_decay: float = Field(0.01, description="decoupled weight decay; none on scales, biases and norms")
    warmup: float = Field(0.05, description="share of the steps with rising rate, then cosine")
    muon: float = Field(
        0.0, ge=0, description="matrices learn by Muon, at so many times the learning rate; 0: by AdamW like the rest"
    )
    clip: float = Field(1.0, description="norm to which gradients are clipped")
    precision: Literal["auto", "float32", "bfloat16"] = Field("auto", description="number format of the forward pass")
    jitter: float = Field(
        0.0, description="noise, shift and scale of the frozen tokens a step sees, in their standard deviations"
    )
    seed: int = Field(0, description="seed of weights, order and sampling")
    device: str = Field("auto", description="cpu, cuda, cuda:1, ...; auto is a GPU where there is one")
    threads: int = Field(0, description="CPU threads; 0 leaves the default")
    validate_every: int = Field(400, ge=1, description="steps between validations")
    save_every: int = Field(100, ge=1, description="steps between resumable states")
    save_seconds: float = Field(0.0, ge=0, description="seconds between resumable states, instead of steps")
    workers: int = Field(0, ge=0, description="threads that read the batches to come while a step computes")
    validation_queries: int = Field(600, ge=1, description="validation queries a category, at most")


class Config(Section):
    """All of one run."""

    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    objective: ObjectiveConfig = ObjectiveConfig()
    training: TrainConfig = TrainConfig()


OBJECTIVES: dict[str, ObjectiveConfig] = {
    "paper": ObjectiveConfig(),
    "calibrated": ObjectiveConfig(
        name="calibrated", cord_log=True, cord_mined=0.4, bias=True, bias_l2=0.01, nll=0.1, nll_sources=0.1,
        picture_rank=0.2, text_rank=0.1, spec=0.1, agree=0.5,
    ),
    "likelihood": ObjectiveConfig(
        name="likelihood", matching="infonce", scale=30.0, reference_negatives=True, unit_means=True, corrupt=0.25,
        fc=0.0, cord=0.0, cord_mined=0.4, nll=0.3, nll_sources=0.3, nll_views=0.3, divide=0.3,
    ),
    "point": ObjectiveConfig(name="point", matching="infonce", variance=False, fc=0.0, cord=0.0),
}  # fmt: skip

SIZES: dict[str, ModelConfig] = {
    "bundled": ModelConfig(),
    "tiny": ModelConfig(components=16, dim=32, hidden=64, heads=2),
}

BLIP2 = "blip2:Salesforce/blip2-itm-vit-g"  # the paper's backbone; its shape below is that of its Q-Former
_WHOLE = TrainConfig(validate_every=500)
PRESETS: dict[str, Config] = {  # whole runs; `released` is a second, shorter one that starts from `calibrated`
    **{name: Config(objective=objective, training=_WHOLE) for name, objective in OBJECTIVES.items()},
    "likelihood": Config(
        model=ModelConfig(detach=True),
        objective=OBJECTIVES["likelihood"].replace(required=("cord_mined", "nll_views", "divide")),
        training=_WHOLE.replace(muon=2.0),
    ),
    "paper-blip2": Config(  # the settings of the official configuration; a state is 2.3 GB, so they come by time
        model=ModelConfig(
            backbone=BLIP2,
            components=32,
            dim=64,
            hidden=768,
            layers=12,
            heads=12,
            intermediate=3072,
            cross_attention_frequency=2,
        ),
        training=TrainConfig(
            epochs=30,
            warmup=2 / 30,
            batch=32,
            lr=3e-5,
            weight_decay=0.01,
            validate_every=560,
            validation_queries=10_000,
            save_seconds=900,
            workers=2,
        ),
    ),
    "released": Config(
        objective=OBJECTIVES["calibrated"].replace(
            cord_mined=1.2, cord_fits=True, picture_apart=0.2, corrupt_tokens=False, required=("cord_mined",)
        ),
        training=TrainConfig(start="runs/garments-1-calibrated", steps=800, lr=4e-4, jitter=0.15, validate_every=800),
    ),
}
