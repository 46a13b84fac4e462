"""Measure a checkpoint on a data set."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from hug.commands.options import add_checkpoint, add_device, add_fields, command_line, with_options
from hug.config import DataConfig
from hug.console import require_writable

HELP = "recall of a checkpoint, and the calibrated chance of a hit"


def add(to: ArgumentParser) -> None:
    add_checkpoint(to, default=None)
    to.add_argument("--split", help="split to measure (the protocol's, where the data have it)")
    to.add_argument("--point", help="checkpoint trained with --objective point, as a baseline")
    to.add_argument(
        "--protocol",
        help="fiq-std, fiq-noref, fiq-union, cirr-val, cirr-test or garments-1 (the data's own)",
    )
    to.add_argument("--quick", action="store_true", help="few resamples, no baselines")
    to.add_argument("--trec", type=int, default=0, metavar="K", help="also write each query's first K ids as run.trec, "
                    "and qrels.trec")  # fmt: skip
    to.add_argument("--out", type=Path, help="folder for what is measured (the checkpoint, or its results/ for data "
                    "that it was not calibrated on)")  # fmt: skip
    to.add_argument("--recalibrate", action="store_true", help="replace the checkpoint's calibration by this one")
    add_fields(to, DataConfig, only=("root", "format", "categories", "cache", "missing"))
    add_device(to)


def run(args: Namespace) -> int:
    from hug.checkpoint import load, local_folder
    from hug.evaluate.evaluation import QUICK, Effort, answer_plan, measure_plan
    from hug.evaluate.plan import plan_evaluation, results_folder
    from hug.evaluate.trec import check_ids
    from hug.files import commit, only_writer

    if args.quick and args.point:
        raise ValueError("--quick measures no baselines; leave out --point, or --quick")
    require_writable(args.cache or DataConfig().cache, "--cache")
    data, effort = with_options(args, DataConfig()), QUICK if args.quick else Effort()
    model, folder = load(args.checkpoint, device=args.device), local_folder(args.checkpoint)
    point = load(args.point, device=args.device) if args.point else None
    if args.trec < 0:
        raise ValueError(f"--trec takes how many ids to write of each query, got {args.trec}")
    plan = plan_evaluation(data, args.split, args.protocol, effort.baselines)
    place = results_folder(args.checkpoint, folder, plan, model.weights_hash, args.out, args.recalibrate)
    if plan.protocol.hidden and args.trec:
        raise ValueError(f"protocol {plan.protocol.name} hides its targets; leave out --trec")
    if args.trec:
        check_ids(plan.collection)
    if plan.protocol.hidden:
        with only_writer(place):
            paths = answer_plan(plan, model, data.cache, place)
        print(f"written to {' and '.join(map(str, paths))}; check them with `python -m hug submission`")
        return 0
    with only_writer(place):
        measurements = measure_plan(plan, model, data.cache, place, point, effort, command_line(), commit(), args.trec)
    print(measurements.text())
    print(f"written to {place}")
    return 0
