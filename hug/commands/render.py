"""Write a generated data set."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from hug.console import require_writable

HELP = "write a generated data set in Fashion-IQ's layout"


def add(to: ArgumentParser) -> None:
    to.add_argument("--out", type=Path, default=Path("runs/garments"), help="folder to write (%(default)s)")
    to.add_argument("--version", default="garments-0", help="named sizes (%(default)s)")
    to.add_argument("--seed", type=int, default=0, help="seed (%(default)s)")
    to.add_argument("--workers", type=int, default=1, help="processes (%(default)s)")


def run(args: Namespace) -> int:
    from hug.data.datasets import GENERATED, generate
    from hug.files import only_writer

    if args.version in GENERATED:  # another is refused before a folder is made
        require_writable(args.out, "--out")
    with only_writer(args.out):
        folder = generate(args.out, args.version, args.seed, args.workers)
    print(f"{args.version} is in {folder}")
    return 0
