"""`python -m hug`: render, train, evaluate, results, index, search and info, each typed from the configuration."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn, get_args, get_origin, get_type_hints

from hug.config import OBJECTIVES, SIZES, Config, DataConfig, ModelConfig, ObjectiveConfig, TrainConfig

TERMS = ("picture_rank", "text_rank", "cord_mined", "spec")  # what some data can't supply
OWN = ("name", "required")  # set by the preset and by what was typed


class Parser(argparse.ArgumentParser):
    """An error is one clear line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def parser() -> Parser:
    top = Parser(prog="python -m hug", description=__doc__.splitlines()[0] if __doc__ else None)
    commands = top.add_subparsers(dest="command", required=True, parser_class=Parser)

    render = commands.add_parser("render", help="write a generated data set in Fashion-IQ's layout")
    render.add_argument("--out", type=Path, default=Path("runs/garments"), help="folder to write (%(default)s)")
    render.add_argument("--version", default="garments-0", help="named sizes (%(default)s)")
    render.add_argument("--seed", type=int, default=0, help="seed (%(default)s)")
    render.add_argument("--workers", type=int, default=1, help="processes (%(default)s)")

    train = commands.add_parser("train", help="train a model; the same command again resumes")
    train.add_argument("--out", type=Path, required=True, help="run folder, also the checkpoint")
    train.add_argument("--objective", choices=sorted(OBJECTIVES), default="calibrated", help="preset (%(default)s)")
    train.add_argument("--size", choices=sorted(SIZES), default="bundled", help="model size (%(default)s)")
    for kind in (DataConfig, ModelConfig, ObjectiveConfig, TrainConfig):
        add_fields(train, kind)

    evaluate = commands.add_parser("evaluate", help="recall of a checkpoint, and the calibrated chance of a hit")
    evaluate.add_argument("--checkpoint", required=True, help="folder or Hub id")
    evaluate.add_argument("--split", choices=("val", "test"), default="test", help="split to measure (%(default)s)")
    evaluate.add_argument("--point", help="checkpoint trained with --objective point, as a baseline")
    evaluate.add_argument("--quick", action="store_true", help="few resamples, no baselines")
    add_fields(evaluate, DataConfig, only=("root", "format", "categories", "cache"))

    results = commands.add_parser("results", help="the same as `python -m analysis results`")
    results.add_argument("--checkpoints", nargs="+", required=True, help="folders or Hub ids, measured before")
    results.add_argument("--ablations", nargs="+", default=[], help="more of them, compared with the first checkpoint")
    results.add_argument("--out", default="docs/results.md", help="page to write (%(default)s)")

    gallery = commands.add_parser("gallery", help="pack pictures of a generated split into one Parquet gallery")
    gallery.add_argument("--out", type=Path, required=True, help="Parquet file to write")
    gallery.add_argument("--split", choices=("train", "val", "test"), default="test", help="split (%(default)s)")
    gallery.add_argument("--per-category", type=int, default=200, help="pictures a category (%(default)s)")
    add_fields(gallery, DataConfig, only=("root", "format", "categories"))

    index = commands.add_parser("index", help="encode a gallery beside a checkpoint")
    index.add_argument("--checkpoint", required=True, help="folder or Hub id")
    index.add_argument("--gallery", type=Path, required=True, help="folder of pictures, or a Parquet gallery")
    index.add_argument("--out", type=Path, required=True, help="folder for gallery.safetensors and gallery.json")

    search = commands.add_parser("search", help="ask one query from the command line")
    search.add_argument("--checkpoint", default="checkpoints/garments", help="folder or Hub id (%(default)s)")
    search.add_argument("--index", type=Path, help="folder of an index; the checkpoint's own by default")
    search.add_argument("--picture", type=Path, required=True, help="reference picture")
    search.add_argument("--words", default="", help="what to change")
    search.add_argument("-k", type=int, default=10, help="results (%(default)s)")

    info = commands.add_parser("info", help="what a checkpoint is")
    info.add_argument("--checkpoint", default="checkpoints/garments", help="folder or Hub id (%(default)s)")
    return top


def add_fields(to: argparse.ArgumentParser, kind: type, only: Sequence[str] = ()) -> None:
    """One option for each field of a configuration dataclass, typed and explained by it."""
    group = to.add_argument_group(kind.__name__)
    hints = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        if field.name in OWN or (only and field.name not in only):
            continue
        hint, help = hints[field.name], f"{field.metadata['help']} (default {field.default})"
        option: dict[str, Any] = {"dest": field.name, "default": None, "help": help.replace("%", "%%")}
        if hint is bool:
            option["action"] = argparse.BooleanOptionalAction
        elif get_origin(hint) is tuple:
            option |= {"nargs": "+", "type": get_args(hint)[0]}
        else:
            option |= {"type": hint, "choices": field.metadata["choices"] or None}
        group.add_argument(f"--{field.name.replace('_', '-')}", **option)


def chosen(args: argparse.Namespace, base: Any) -> Any:
    """A configuration with the typed options put in."""
    typed = {
        f.name: tuple(value) if isinstance(value, list) else value
        for f in dataclasses.fields(base)
        if f.name not in OWN and (value := getattr(args, f.name, None)) is not None
    }
    return dataclasses.replace(base, **typed)


def training_config(args: argparse.Namespace) -> Config:
    """Presets first, then what was typed; a term typed with a weight is required."""
    objective = chosen(args, OBJECTIVES[args.objective])
    required = tuple(t for t in TERMS if getattr(args, t) and getattr(objective, t))
    return Config(
        chosen(args, DataConfig()),
        chosen(args, SIZES[args.size]),
        dataclasses.replace(objective, required=required),
        chosen(args, TrainConfig()),
    )


def main(argv: Sequence[str] | None = None) -> int:
    args = parser().parse_args(argv)
    try:
        return {
            "render": _render, "train": _train, "evaluate": _evaluate, "results": _results,
            "gallery": _gallery, "index": _index, "search": _search, "info": _info,
        }[args.command](args)  # fmt: skip
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"python -m hug {args.command}: {error}", file=sys.stderr)
        return 1


def _render(args: argparse.Namespace) -> int:
    from hug.data.datasets import generate

    folder = generate(args.out, args.version, args.seed, args.workers)
    print(f"{args.version} is in {folder}")
    return 0


def _train(args: argparse.Namespace) -> int:
    from hug.backbones import load_backbone
    from hug.data.datasets import read
    from hug.data.features import evaluation_features, training_features
    from hug.train import train

    config = training_config(args)
    backbone, data = load_backbone(config.model.backbone), config.data
    collections = [read(data, split) for split in ("train", "val")]
    views = bool(config.objective.picture_rank or config.objective.spec)
    features = training_features(collections[0], backbone, data.cache, data.view_seed, views)
    validation = evaluation_features(collections[1], backbone, data.cache)
    outcome = train(config, features, validation, args.out, command=typed())
    ended = "finished" if outcome.finished else "stopped; the same command resumes"
    print(f"{ended} at step {outcome.step}; best validation R@10 {100 * outcome.best:.2f}; saved in {args.out}")
    return 0


def _evaluate(args: argparse.Namespace) -> int:
    from hug.checkpoint import load, local_folder
    from hug.evaluate.evaluation import QUICK, Effort, evaluate
    from hug.files import commit

    if args.quick and args.point:
        raise ValueError("--quick measures no baselines; leave out --point, or --quick")
    measurements = evaluate(
        load(args.checkpoint),
        chosen(args, DataConfig()),
        local_folder(args.checkpoint),
        args.split,
        load(args.point) if args.point else None,
        QUICK if args.quick else Effort(),
        typed(),
        commit(),
    )
    print(measurements.text())
    return 0


def _results(args: argparse.Namespace) -> int:
    """The page is of the package `analysis`, which this one may not import."""
    ablations = ["--ablations", *args.ablations] if args.ablations else []
    options = ["--checkpoints", *args.checkpoints, *ablations, "--out", args.out]
    return subprocess.run([sys.executable, "-m", "analysis", "results", *options]).returncode


def _gallery(args: argparse.Namespace) -> int:
    from hug.data.datasets import read
    from hug.data.images import open_picture
    from hug.retrieval.gallery import write_gallery

    data = chosen(args, DataConfig())
    collection = read(data, args.split)
    if collection.truth is None:
        raise ValueError(f"{data.root} knows no labels; a gallery is packed from generated data")
    ids = [i for gallery in collection.galleries.values() for i in gallery[: args.per_category]]
    pictures = [open_picture(collection.path(i)) for i in ids]
    labels = collection.truth.labels.loc[ids, ["category", *collection.truth.aspects, "degradation", "severity"]]
    write_gallery(args.out, ids, pictures, labels)
    print(f"{len(ids)} pictures packed into {args.out} ({args.out.stat().st_size / 1e6:.1f} MB)")
    return 0


def _index(args: argparse.Namespace) -> int:
    from hug.checkpoint import load
    from hug.retrieval.gallery import read_gallery
    from hug.retrieval.index import Index

    gallery = read_gallery(args.gallery)
    index = Index.build(load(args.checkpoint), gallery.pictures, gallery.ids, gallery.meta, progress=True)
    index.save(args.out)
    print(f"{len(index.ids)} pictures indexed in {args.out}, gallery hash {index.gallery_hash}")
    return 0


def _search(args: argparse.Namespace) -> int:
    from hug.checkpoint import load, local_folder
    from hug.data.images import open_picture
    from hug.retrieval.index import Index
    from hug.retrieval.trace import Calibration, trace

    folder = local_folder(args.checkpoint)
    model, index = load(folder), Index.load(args.index or folder)
    calibration = Calibration.load(folder, model)
    found = trace(model, index, open_picture(args.picture), args.words, args.k, calibration=calibration)
    for place, (name, distance) in enumerate(zip(found.ranking.ids[0], found.ranking.distances[0], strict=False), 1):
        print(f"{place:>3}  {distance:.4f}  {name}")
    print("variance  " + "  ".join(f"{n} {v:.4f}" for n, v in found.means.items()))
    if found.chance is not None:
        print(f"chance that it is among the first ten: {100 * found.chance:.0f} %")
    return 0


def _info(args: argparse.Namespace) -> int:
    from hug.checkpoint import load, local_folder

    model, folder = load(args.checkpoint), local_folder(args.checkpoint)
    facts: dict[str, Any] = {
        "weights": model.weights_hash,
        "parameters": sum(p.numel() for p in model.parameters()),
        "backbone": f"{model.backbone.name} ({model.backbone.fingerprint})",
        "objective": model.objective.name,
        "model": dataclasses.asdict(model.config),
        "files": sorted(p.name for p in folder.iterdir() if p.is_file()),
    }
    print(json.dumps(facts, indent=2))
    return 0


def typed() -> str:
    """The command line as it was typed."""
    return "python -m hug " + shlex.join(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
