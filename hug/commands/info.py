"""Say what a checkpoint is."""

import json
from argparse import ArgumentParser, Namespace
from typing import Any

from hug.commands.options import add_checkpoint

HELP = "what a checkpoint is"


def add(to: ArgumentParser) -> None:
    add_checkpoint(to)


def run(args: Namespace) -> int:
    from hug.checkpoint import load, local_folder

    model, folder = load(args.checkpoint), local_folder(args.checkpoint)
    facts: dict[str, Any] = {
        "weights": model.weights_hash,
        "parameters": sum(p.numel() for p in model.parameters()),
        "backbone": f"{model.backbone.name} ({model.backbone.fingerprint})",
        "preprocessing": model.backbone.preprocessing.text(),
        "objective": model.objective.name,
        "model": model.config.model_dump(),
        "files": sorted(p.name for p in folder.iterdir() if p.is_file()),
    }
    print(json.dumps(facts, indent=2))
    return 0
