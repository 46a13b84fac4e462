"""What a training from the app is: checked settings, the equivalent command, and the steps of its job."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from analysis.session import ROOT, RUNS, QueryError
from hug.config import OBJECTIVES, SIZES, DataConfig, ModelConfig, ObjectiveConfig, TrainConfig
from hug.data.datasets import GENERATED as VERSIONS
from hug.train.jobs import Step

TERMS = (  # the objective's weights that can be set here, in the order of the form
    "fc", "cord", "cord_mined", "nll", "nll_sources", "picture_rank", "picture_apart", "text_rank", "spec", "agree",
)  # fmt: skip
SWITCHES = ("variance", "fc_component", "fc_instance", "fc_modality", "cord_fits")
FUSIONS = ("dynamic", "static")
HEAVIEST = 10.0  # weight of a term
PICTURES = 20  # a category that the studies degrade and edit: half of the released models'
ON_SPACE = bool(os.environ.get("SPACE_ID"))  # others wait there: fewer steps, and no large data
MOST_STEPS = 600 if ON_SPACE else 20_000
DATA = tuple(name for name in VERSIONS if not (ON_SPACE and name == "garments-1"))
STEPS = ("data", "train", "index", "measure", "prepare")


@dataclass(frozen=True)
class Settings:
    """What the form says, in its order; `weights` and `switches` are those of `TERMS` and `SWITCHES`."""

    data: str = "garments-0"
    size: str = "tiny"
    objective: str = "calibrated"
    fusion: str = "dynamic"
    steps: int = 600
    batch: int = 64
    lr: float = 1e-3
    seed: int = 0
    weights: tuple[float, ...] = ()
    switches: tuple[bool, ...] = ()

    @staticmethod
    def of(values: list[Any]) -> Settings:
        """From the controls, checked again: a browser may send anything.

        Raises QueryError naming the first value that doesn't fit, and what is accepted.
        """
        data, size, objective, fusion, steps, batch, lr, seed, *rest = values
        weights, switches = rest[: len(TERMS)], rest[len(TERMS) :]
        _one_of("data set", data, DATA)
        _one_of("size", size, SIZES)
        _one_of("objective", objective, OBJECTIVES)
        _one_of("merge", fusion, FUSIONS)
        return Settings(
            data, size, objective, fusion,
            int(_number("steps", steps, 1, MOST_STEPS, whole=True)),
            int(_number("batch", batch, 4, 128, whole=True)),
            _number("learning rate", lr, 1e-6, 0.1),
            int(_number("seed", seed, 0, 2**31 - 1, whole=True)),
            tuple(_number(term, w, 0, HEAVIEST) for term, w in zip(TERMS, weights, strict=True)),
            tuple(bool(s) for s in switches),
        )  # fmt: skip

    @property
    def chosen(self) -> Mapping[str, Any]:
        """Fields of the objective that differ from its preset."""
        preset = OBJECTIVES[self.objective]
        given = dict(zip((*TERMS, *SWITCHES), (*self.weights, *self.switches), strict=False))
        return {name: value for name, value in given.items() if value != getattr(preset, name)}

    @property
    def about(self) -> dict[str, Any]:
        """What a list of trainings says of it, as JSON."""
        return {
            "data": self.data, "size": self.size, "objective": self.objective, "fusion": self.fusion,
            "steps": self.steps, "seed": self.seed, "changed": dict(self.chosen),
        }  # fmt: skip

    def train(self, out: str) -> tuple[str, ...]:
        """The arguments of `python -m` that train it; what is at its default is left out."""
        typed = {"root": _place(RUNS / self.data), "out": out, "size": self.size, "objective": self.objective}
        arguments = ["hug", "train", *(part for name, value in typed.items() for part in (f"--{name}", str(value)))]
        arguments += ["--steps", str(self.steps), "--validate-every", str(_validations(self.steps))]
        base = {**_defaults(TrainConfig), **_defaults(ModelConfig)}
        for name in ("batch", "lr", "seed", "fusion"):
            if (value := getattr(self, name)) != base[name]:
                arguments += [f"--{name}", f"{value:g}" if isinstance(value, float) else str(value)]
        for name, value in self.chosen.items():
            option = name.replace("_", "-")
            arguments += [f"--{'' if value else 'no-'}{option}"] if isinstance(value, bool) else [
                f"--{option}", f"{value:g}"
            ]  # fmt: skip
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


def preset(objective: str) -> list[Any]:
    """Values of `TERMS` and `SWITCHES` in an objective's preset."""
    return [getattr(OBJECTIVES[objective], name) for name in (*TERMS, *SWITCHES)]


def explained(name: str) -> str:
    """What a field of the objective is, in the words of the command line's help."""
    return next(str(f.metadata["help"]) for f in fields(ObjectiveConfig) if f.name == name)


def _validations(steps: int) -> int:
    """Steps between validations: about six in a run, none more often than every 25 steps."""
    return max(25, -(-steps // 6))


def _defaults(kind: Any) -> dict[str, Any]:
    return {f.name: f.default for f in fields(kind)}


def _cache() -> tuple[str, ...]:
    """The frozen tokens lie with whatever else is made here; said only where that isn't their default."""
    place = _place(RUNS / "cache")
    return () if place == DataConfig.cache else ("--cache", place)


def _place(path: Path) -> str:
    """As a command takes it from the project's root."""
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def _one_of(name: str, value: Any, known: Any) -> None:
    if value not in tuple(known):
        raise QueryError(f"The {name} must be one of {', '.join(known)}; got {str(value)[:40]!r}.")


def _number(name: str, value: Any, least: float, most: float, whole: bool = False) -> float:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most
    if not fits or (whole and value != int(value)):
        kind = "a whole number" if whole else "a number"
        raise QueryError(f"{name.capitalize()} must be {kind} from {least:g} to {most:g}; got {str(value)[:40]}.")
    return float(value)
