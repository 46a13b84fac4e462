"""The page of results: of the package `analysis`, which this one may not import."""

import subprocess
import sys
from argparse import ArgumentParser, Namespace

HELP = "the same as `python -m analysis results`"


def add(to: ArgumentParser) -> None:
    to.add_argument("--checkpoints", nargs="+", required=True, help="folders or Hub ids, measured before")
    to.add_argument("--ablations", nargs="+", default=[], help="more of them, compared with the first checkpoint")
    to.add_argument("--out", default="docs/results.md", help="page to write (%(default)s)")


def run(args: Namespace) -> int:
    ablations = ["--ablations", *args.ablations] if args.ablations else []
    options = ["--checkpoints", *args.checkpoints, *ablations, "--out", args.out]
    return subprocess.run([sys.executable, "-m", "analysis", "results", *options]).returncode
