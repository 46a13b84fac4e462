"""Check files for CIRR's server before they are sent."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from hug.commands.options import add_fields, with_options
from hug.config import DataConfig

HELP = "check a submission to CIRR's server, offline: exit status 0 or 1"


def add(to: ArgumentParser) -> None:
    to.add_argument("files", type=Path, nargs="+", metavar="FILE", help="JSON file of recall or of recall_subset")
    to.add_argument("--data", "--root", dest="root", required=True, help="folder of CIRR's annotations")
    to.add_argument("--split", default="test", help="split that was asked (%(default)s)")
    add_fields(to, DataConfig, only=("format",))


def run(args: Namespace) -> int:
    from hug.data.datasets import read
    from hug.evaluate.submission import submission_problems

    collection = read(with_options(args, DataConfig()), args.split)
    if not any(t.subset for t in collection.triplets):
        raise ValueError(f"{args.root} is not CIRR: its queries have no image set")
    wrong = 0
    for file in args.files:
        problems = submission_problems(file, collection)
        wrong += bool(problems)
        for problem in problems:
            print(f"{file}: {problem}")
        if not problems:
            print(f"{file}: every rule is kept, {len(collection.triplets)} queries")
    return 1 if wrong else 0
