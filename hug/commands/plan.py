"""What a training will take."""

import json
from argparse import ArgumentParser, Namespace

from hug.commands.train import add_recipe, training_config

HELP = "disk, memory and hours of a training, before it is begun"


def add(to: ArgumentParser) -> None:
    add_recipe(to)
    to.add_argument("--json", action="store_true", help="one JSON object: bytes, operations, seconds")


def run(args: Namespace) -> int:
    from hug.data.datasets import read
    from hug.train.plan import plan

    config = training_config(args)
    report = plan(config, {split: read(config.data, split) for split in ("train", "val")})
    print(json.dumps(report.to_dict()) if args.json else report.text())
    return 0
