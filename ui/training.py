"""What a training from the app is: validated settings, the equivalent command, and the steps of its job."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from analysis.session import ROOT, RUNS, QueryError
from hug.config import OBJECTIVES, SIZES, DataConfig, ModelConfig, ObjectiveConfig, TrainConfig
from hug.data.datasets import GENERATED
from hug.train.jobs import Step

TERMS = (  # the objective's weights that can be set here, in the order of the form
    "fc", "cord", "cord_mined", "nll", "nll_sources", "nll_views", "divide", "picture_rank", "picture_apart",
    "text_rank", "spec", "agree",
)  # fmt: skip
SWITCHES = ("variance", "fc_component", "fc_instance", "fc_modality", "cord_fits")
FUSIONS = ("dynamic", "static")
PICTURES = 20  # a category that the studies degrade and edit: half of the released models'
ON_SPACE = bool(os.environ.get("SPACE_ID"))  # others wait there: fewer steps, and no large data
PICTURE_BYTES = 320_000  # of a picture with its tokens and views, words among them: 4.6 GB for 15,000, measured
OWN_BYTES = 100_000_000  # weights, state, index and studies of one training
MOST_STEPS = 600 if ON_SPACE else 20_000
DATA = {
    name: sizes for name, sizes in GENERATED.items() if sizes.triplets[0] and not (ON_SPACE and sizes.images[0] > 1_000)
}


class Settings(BaseModel):
    """What the form says; bounds and choices are declared here alone."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    data: Literal[*DATA] = Field(default="garments-0", title="data set")  # type: ignore[valid-type]
    size: Literal[*SIZES] = Field(default="tiny", title="size")  # type: ignore[valid-type]
    objective: Literal[*OBJECTIVES] = Field(default="calibrated", title="objective")  # type: ignore[valid-type]
    fusion: Literal[*FUSIONS] = Field(default="dynamic", title="merge")  # type: ignore[valid-type]
    steps: int = Field(default=600, ge=1, le=MOST_STEPS, title="Steps")
    batch: int = Field(default=64, ge=4, le=128, title="Batch")
    lr: float = Field(default=1e-3, ge=1e-6, le=0.1, title="Learning rate")
    seed: int = Field(default=0, ge=0, le=2**31 - 1, title="Seed")
    terms: dict[str, Annotated[float, Field(ge=0, le=10)]] = {}  # weights, by names of TERMS
    switches: dict[str, bool] = {}  # by names of SWITCHES

    @staticmethod
    def of(values: Mapping[str, Any]) -> Settings:
        """From the controls by name, those of TERMS and SWITCHES among them; a browser may send anything.

        Raises QueryError naming the first value that doesn't fit, and what is accepted.
        """
        fields = {name: value for name, value in values.items() if name in Settings.model_fields}
        fields |= {"terms": {n: values[n] for n in TERMS}, "switches": {n: values[n] for n in SWITCHES}}
        try:
            return Settings.model_validate(fields)
        except ValidationError as error:
            problem = error.errors()[0]
            raise QueryError(_sentence(problem["loc"], problem["input"])) from error

    @property
    def changes(self) -> dict[str, Any]:
        """Fields of the objective that differ from its preset."""
        preset = OBJECTIVES[self.objective]
        return {name: v for name, v in {**self.terms, **self.switches}.items() if v != getattr(preset, name)}

    @property
    def about(self) -> dict[str, Any]:
        """What a list of trainings says of it, as JSON."""
        settings = self.model_dump(include={"data", "size", "objective", "fusion", "steps", "seed"})
        return {**settings, "changed": self.changes}

    @property
    def room(self) -> int:
        """Bytes that it writes at most: pictures and frozen tokens where the data set isn't there yet, and its own."""
        there = any((RUNS / "cache").glob(f"{self.data}-train-*.npy"))
        return OWN_BYTES + (0 if there else 3 * sum(DATA[self.data].images) * PICTURE_BYTES)

    def train(self, out: str) -> tuple[str, ...]:
        """The arguments of `python -m` that train it; what is at its default is left out."""
        interval = max(25, -(-self.steps // 6))  # about six validations in a run, none more often than every 25 steps
        arguments = [
            "hug", "train", "--root", _place(RUNS / self.data), "--out", out, "--size", self.size,
            "--objective", self.objective, "--steps", str(self.steps), "--validate-every", str(interval),
        ]  # fmt: skip
        defaults = {**dict(TrainConfig()), **dict(ModelConfig())}
        changes = {name: getattr(self, name) for name in ("batch", "lr", "seed", "fusion")}
        changes = {name: value for name, value in changes.items() if value != defaults[name]} | self.changes
        for name, value in changes.items():
            option = name.replace("_", "-")
            if isinstance(value, bool):
                arguments.append(f"--{'' if value else 'no-'}{option}")
            else:
                arguments += [f"--{option}", f"{value:g}" if isinstance(value, float) else str(value)]
        return (*arguments, *_cache())

    def command(self, out: str = "runs/mine") -> str:
        """The same in a terminal."""
        return f"python -m {shlex.join(self.train(out))}"

    def job(self, folder: Path, gallery: str | Path) -> list[Step]:
        """Draw the data where they lack, train, index the app's gallery, measure, and prepare what the tabs show."""
        out, root, most, cache = _place(folder), _place(RUNS / self.data), str(PICTURES), _cache()
        return [
            Step("data", ("hug", "render", "--version", self.data, "--out", root)),
            Step("train", self.train(out)),
            Step("index", ("hug", "index", "--checkpoint", out, "--gallery", _place(Path(gallery)), "--out", out)),
            Step("measure", ("hug", "evaluate", "--checkpoint", out, "--root", root, "--quick", *cache)),
            Step("prepare", ("analysis", "measure", "--checkpoint", out, "--root", root, "--pictures", most, *cache)),
        ]  # fmt: skip


def preset(objective: str) -> dict[str, Any]:
    """Values of `TERMS` and `SWITCHES` in an objective's preset."""
    return {name: getattr(OBJECTIVES[objective], name) for name in (*TERMS, *SWITCHES)}


def help_of(name: str) -> str:
    """What a field of the objective is, in the words of the command line's help."""
    return str(ObjectiveConfig.model_fields[name].description)


def _sentence(place: tuple[int | str, ...], value: Any) -> str:
    """What is accepted at a place of the settings, and what came."""
    schema = Settings.model_json_schema()["properties"][place[0]]
    schema = schema.get("additionalProperties", schema)  # of a group's members
    title, came = schema.get("title", str(place[-1]).capitalize()), str(value)[:40]
    if "enum" in schema:
        return f"The {title} must be one of {', '.join(schema['enum'])}; got {came!r}."
    if schema["type"] == "boolean":
        return f"{title} must be on or off; got {came}."
    kind = "a whole number" if schema["type"] == "integer" else "a number"
    return f"{title} must be {kind} from {schema['minimum']:g} to {schema['maximum']:g}; got {came}."


def _cache() -> tuple[str, ...]:
    """The frozen tokens lie with whatever else is made here; said only where that isn't their default."""
    place = _place(RUNS / "cache")
    return () if place == DataConfig().cache else ("--cache", place)


def _place(path: Path) -> str:
    """As a command takes it from the project's root."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)
