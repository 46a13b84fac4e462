"""`python -m analysis prepare | report | findings`: studies of a checkpoint, computed beforehand or as a report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from analysis.ground import Effort, Ground
from analysis.prepared import Prepared, prepare
from analysis.studies import STUDIES
from hug.config import DataConfig


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m analysis", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    _ground(commands.add_parser("prepare", help="compute the studies that the tabs show, beside the checkpoint"))
    return top


def _ground(to: argparse.ArgumentParser) -> None:
    data, effort = DataConfig(), Effort()
    to.add_argument("--checkpoint", default="checkpoints/garments", help="folder or Hub id (%(default)s)")
    to.add_argument("--root", help="data set in Fashion-IQ's layout; without it only the gallery is studied")
    to.add_argument("--split", default="test", help="split to study (%(default)s)")
    to.add_argument("--categories", nargs="+", default=list(data.categories), help="categories to read")
    to.add_argument("--cache", default=data.cache, help="folder of the frozen tokens (%(default)s)")
    to.add_argument("--studies", nargs="+", metavar="STUDY", help=f"only some of {', '.join(STUDIES)}")
    to.add_argument("--pictures", type=int, default=effort.pictures, help="clean pictures a category (%(default)s)")


def ground_of(args: argparse.Namespace) -> Ground:
    data = DataConfig(args.root, tuple(args.categories), args.cache) if args.root else None
    return Ground.load(args.checkpoint, data, args.split, Effort(pictures=args.pictures))


def main(argv: Sequence[str] | None = None) -> int:
    args = parser().parse_args(argv)
    try:
        return {"prepare": _prepare}[args.command](args)
    except (ValueError, OSError) as error:
        print(f"python -m analysis {args.command}: {error}", file=sys.stderr)
        return 1


def _prepare(args: argparse.Namespace) -> int:
    found = prepare(ground_of(args), names=args.studies)
    print(told(found))
    return 0


def told(found: Prepared) -> str:
    """What was computed, how long it took, and what was skipped and why."""
    lines = [f"{len(found.tables)} studies of {found.weights} are in {found.folder}"]
    for name in STUDIES:
        what = f"{found.seconds.get(name, 0):6.1f} s" if name in found.tables else f" skipped: {found.skipped[name]}"
        lines.append(f"  {name:<22} {what}")
    size = sum(path.stat().st_size for path in Path(found.folder).iterdir())
    return "\n".join([*lines, f"  {size / 1000:.0f} kB"])


if __name__ == "__main__":
    sys.exit(main())
