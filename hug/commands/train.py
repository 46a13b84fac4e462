"""Train a model."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from hug.commands.options import add_fields, command_line, with_options
from hug.config import OBJECTIVES, PRESETS, SIZES, Config
from hug.console import require_writable

HELP = "train a model; the same command again resumes"


def add(to: ArgumentParser) -> None:
    to.add_argument("--out", type=Path, required=True, help="run folder, also the checkpoint")
    add_recipe(to)


def add_recipe(to: ArgumentParser) -> None:
    """What is trained, on what and how."""
    recipe = to.add_mutually_exclusive_group()
    recipe.add_argument("--preset", choices=sorted(PRESETS), help="objective, steps and rate of a whole run")
    recipe.add_argument("--objective", choices=sorted(OBJECTIVES), help="objective alone (calibrated)")
    to.add_argument("--size", choices=sorted(SIZES), help="model size (the preset's, bundled)")
    for section in dict(Config()).values():
        add_fields(to, type(section))


def training_config(args: Namespace) -> Config:
    """A preset first, then what was typed; a term that was typed with a weight is required."""
    from hug.losses import TERMS

    base = PRESETS[args.preset] if args.preset else Config(objective=OBJECTIVES[args.objective or "calibrated"])
    if args.size:
        base = base.replace(model=SIZES[args.size].replace(backbone=base.model.backbone))
    if args.steps and not args.epochs:  # whoever types steps wants these, whatever the preset's epochs
        base = base.replace(training=base.training.replace(epochs=0))
    config = Config(**{part: with_options(args, getattr(base, part)) for part in Config.model_fields})
    weights = [t.weight for t in TERMS if t.depends_on_data and getattr(args, t.weight)]
    required = tuple(dict.fromkeys([*config.objective.required, *weights]))
    return config.replace(objective=config.objective.replace(required=required))


def run(args: Namespace) -> int:
    from hug.backbones import load_backbone
    from hug.data.datasets import read
    from hug.data.features import evaluation_features, training_features
    from hug.evaluate.protocols import default_protocol
    from hug.train.batch import views_needed
    from hug.train.distributed import own_device
    from hug.train.trainer import train

    config = training_config(args)
    device, data = own_device(config.training.device), config.data
    collections = [read(data, split) for split in ("train", "val")]
    for collection in collections:
        collection.require_pictures()
    require_writable(args.out, "--out")
    require_writable(data.cache, "--cache")
    backbone = load_backbone(config.model.backbone)
    backbone.to(device)
    views = bool(views_needed(config.objective))
    live, text = data.tokens == "live", default_protocol(collections[1]).text
    features = training_features(collections[0], backbone, data.cache, data.view_seed, views, live)
    validation = evaluation_features(collections[1], backbone, data.cache, text, live)
    outcome = train(config, features, validation, args.out, command=command_line())
    ended = "finished" if outcome.finished else "stopped; the same command resumes"
    if outcome.first:
        for collection in (c for c in collections if c.dropped):
            print(f"{collection.split}: {collection.dropped}")
        print(f"{ended} at step {outcome.step}; best validation R@10 {100 * outcome.best:.2f}; saved in {args.out}")
    return 0
