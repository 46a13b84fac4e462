"""Measure a checkpoint on a data set."""

from argparse import ArgumentParser, Namespace

from hug.commands.options import add_checkpoint, add_device, add_fields, command_line, with_options
from hug.config import DataConfig

HELP = "recall of a checkpoint, and the calibrated chance of a hit"


def add(to: ArgumentParser) -> None:
    add_checkpoint(to, default=None)
    to.add_argument("--split", choices=("val", "test"), default="test", help="split to measure (%(default)s)")
    to.add_argument("--point", help="checkpoint trained with --objective point, as a baseline")
    to.add_argument("--protocol", help="what is asked and ranked: garments, fiq-std, fiq-noref (the data's own)")
    to.add_argument("--quick", action="store_true", help="few resamples, no baselines")
    add_fields(to, DataConfig, only=("root", "format", "categories", "cache"))
    add_device(to)


def run(args: Namespace) -> int:
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
