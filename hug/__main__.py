"""`python -m hug`: render, train, evaluate, results, index, search and info, each typed from the configuration."""

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar, get_args, get_origin

from pydantic import AliasChoices

from hug.config import OBJECTIVES, PRESETS, SIZES, Config, DataConfig, Section, TrainConfig

NOT_TYPED = ("name", "required")  # set by the preset and by what was typed

S = TypeVar("S", bound=Section)


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
    recipe = train.add_mutually_exclusive_group()
    recipe.add_argument("--preset", choices=sorted(PRESETS), help="objective, steps and rate of a whole run")
    recipe.add_argument("--objective", choices=sorted(OBJECTIVES), help="objective alone (calibrated)")
    train.add_argument("--size", choices=sorted(SIZES), help="model size (the preset's, bundled)")
    for section in dict(Config()).values():
        add_fields(train, type(section))

    evaluate = commands.add_parser("evaluate", help="recall of a checkpoint, and the calibrated chance of a hit")
    evaluate.add_argument("--checkpoint", required=True, help="folder or Hub id")
    evaluate.add_argument("--split", choices=("val", "test"), default="test", help="split to measure (%(default)s)")
    evaluate.add_argument("--point", help="checkpoint trained with --objective point, as a baseline")
    evaluate.add_argument("--protocol", help="what is asked and ranked: garments, fiq-std, fiq-noref (the data's own)")
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
    for command in (evaluate, index, search):
        command.add_argument("--device", default="auto", help=TrainConfig.model_fields["device"].description)

    info = commands.add_parser("info", help="what a checkpoint is")
    info.add_argument("--checkpoint", default="checkpoints/garments", help="folder or Hub id (%(default)s)")
    return top


def add_fields(to: argparse.ArgumentParser, kind: type[Section], only: Sequence[str] = ()) -> None:
    """One option for each field of a section of the configuration, typed and explained by it."""
    group = to.add_argument_group(kind.__name__)
    for name, field in kind.model_fields.items():
        if name in NOT_TYPED or (only and name not in only):
            continue
        hint: Any = field.annotation
        help = f"{field.description} (default {field.default})".replace("%", "%%")
        option: dict[str, Any] = {"dest": name, "default": None, "help": help}
        if hint is bool:
            option["action"] = argparse.BooleanOptionalAction
        elif get_origin(hint) is tuple:
            option |= {"nargs": "+", "type": get_args(hint)[0]}
        else:
            option |= {"choices": get_args(hint)} if get_origin(hint) is Literal else {"type": hint}
        aliases = field.validation_alias  # names of earlier versions
        names = aliases.choices if isinstance(aliases, AliasChoices) else [name]
        group.add_argument(*(f"--{str(n).replace('_', '-')}" for n in names), **option)


def with_options(args: argparse.Namespace, base: S) -> S:
    """A section with the typed options put in."""
    options = {name: getattr(args, name, None) for name in type(base).model_fields if name not in NOT_TYPED}
    return base.replace(**{name: value for name, value in options.items() if value is not None})


def training_config(args: argparse.Namespace) -> Config:
    """A preset first, then what was typed; a term that was typed with a weight is required."""
    from hug.losses import TERMS

    base = PRESETS[args.preset] if args.preset else Config(objective=OBJECTIVES[args.objective or "calibrated"])
    if args.size:
        base = base.replace(model=SIZES[args.size])
    config = Config(**{part: with_options(args, getattr(base, part)) for part in Config.model_fields})
    weights = [t.weight for t in TERMS if t.depends_on_data and getattr(args, t.weight)]
    required = tuple(dict.fromkeys([*config.objective.required, *weights]))
    return config.replace(objective=config.objective.replace(required=required))


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
    from hug.losses import active
    from hug.train.trainer import train

    config = training_config(args)
    backbone, data = load_backbone(config.model.backbone), config.data
    collections = [read(data, split) for split in ("train", "val")]
    views = not {"degraded", "removed"}.isdisjoint(need for term in active(config.objective) for need in term.needs)
    features = training_features(collections[0], backbone, data.cache, data.view_seed, views)
    validation = evaluation_features(collections[1], backbone, data.cache)
    outcome = train(config, features, validation, args.out, command=command_line())
    ended = "finished" if outcome.finished else "stopped; the same command resumes"
    print(f"{ended} at step {outcome.step}; best validation R@10 {100 * outcome.best:.2f}; saved in {args.out}")
    return 0


def _evaluate(args: argparse.Namespace) -> int:
    from hug.checkpoint import load, local_folder
    from hug.evaluate.evaluation import QUICK, Effort, evaluate
    from hug.evaluate.protocols import PROTOCOLS
    from hug.files import commit

    if args.quick and args.point:
        raise ValueError("--quick measures no baselines; leave out --point, or --quick")
    if args.protocol and args.protocol not in PROTOCOLS:
        raise ValueError(f"unknown protocol {args.protocol!r}; choose one of {', '.join(PROTOCOLS)}")
    model, folder = load(args.checkpoint, device=args.device), local_folder(args.checkpoint)
    point = load(args.point, device=args.device) if args.point else None
    data, effort, protocol = with_options(args, DataConfig()), QUICK if args.quick else Effort(), args.protocol
    measurements = evaluate(
        model, data, folder, args.split, point, effort, command_line(), commit(), PROTOCOLS.get(protocol)
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

    data = with_options(args, DataConfig())
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
    model = load(args.checkpoint, device=args.device)
    index = Index.build(model, gallery.pictures, gallery.ids, gallery.meta, progress=True)
    index.save(args.out)
    print(f"{len(index.ids)} pictures indexed in {args.out}, gallery hash {index.gallery_hash}")
    return 0


def _search(args: argparse.Namespace) -> int:
    from hug.calibration import Calibration
    from hug.checkpoint import load, local_folder
    from hug.data.images import open_picture
    from hug.retrieval.index import Index, SearchOptions
    from hug.retrieval.trace import trace

    folder = local_folder(args.checkpoint)
    model, index = load(folder, device=args.device), Index.load(args.index or folder)
    index.check(model)
    query = model.query([open_picture(args.picture)], [args.words])
    answer = trace(index, query, args.words, SearchOptions(args.k), Calibration.load(folder, model))
    for rank, (name, distance) in enumerate(zip(answer.ranking.ids[0], answer.ranking.distances[0], strict=False), 1):
        print(f"{rank:>3}  {distance:.4f}  {name}")
    print("variance  " + "  ".join(f"{n} {v:.4f}" for n, v in answer.means.items()))
    if answer.chance is not None:
        print(f"chance that it is among the first ten: {100 * answer.chance:.0f} %")
    return 0


def _info(args: argparse.Namespace) -> int:
    from hug.checkpoint import load, local_folder

    model, folder = load(args.checkpoint), local_folder(args.checkpoint)
    facts: dict[str, Any] = {
        "weights": model.weights_hash,
        "parameters": sum(p.numel() for p in model.parameters()),
        "backbone": f"{model.backbone.name} ({model.backbone.fingerprint})",
        "objective": model.objective.name,
        "model": model.config.model_dump(),
        "files": sorted(p.name for p in folder.iterdir() if p.is_file()),
    }
    print(json.dumps(facts, indent=2))
    return 0


def command_line() -> str:
    """The command as it was typed."""
    return "python -m hug " + shlex.join(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
