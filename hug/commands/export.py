"""Write a generated data set as one of the Hub."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from hug.commands.options import add_fields, with_options
from hug.config import DataConfig

HELP = "write a generated data set as Parquet with its card, for the Hub and for `datasets`"


def add(to: ArgumentParser) -> None:
    to.add_argument("--out", type=Path, required=True, help="new folder to write")
    add_fields(to, DataConfig, only=("root", "format", "categories"))


def run(args: Namespace) -> int:
    from hug.data.datasets import read, splits
    from hug.data.export import export

    data = with_options(args, DataConfig())
    collections = [read(data, split) for split in splits(data)]
    folder = export(collections, args.out)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"{sum(len(c.ids) for c in collections):,} pictures, {size / 1e6:.0f} MB, are in {folder}; look at README.md")
    return 0
