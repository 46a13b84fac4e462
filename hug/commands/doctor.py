"""Say what is there of a data set."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from hug.commands.options import add_fields, with_options
from hug.config import DataConfig

HELP = "what is there of a data set, and what that does to each protocol"


def add(to: ArgumentParser) -> None:
    add_fields(to, DataConfig, only=("root", "format", "categories", "cache"))
    to.add_argument("--out", type=Path, help="folder for lists of ids (doctor/ in the folder of caches)")


def run(args: Namespace) -> int:
    """1 when anything is missing or unreadable."""
    from hug.evaluate.doctor import examine

    data = with_options(args, DataConfig())
    place = args.out or Path(data.cache) / "doctor" / (Path(data.root).resolve().name or "data")
    diagnosis = examine(data, place)
    print("\n".join(diagnosis.lines))
    return 0 if diagnosis.whole else 1
