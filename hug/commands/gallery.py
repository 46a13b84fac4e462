"""Pack pictures into one file, and the questions about them whose answer is known into another."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from hug.commands.options import add_fields, with_options
from hug.config import DataConfig
from hug.console import require_writable

HELP = "pack pictures of a generated split into one Parquet gallery"


def add(to: ArgumentParser) -> None:
    to.add_argument("--out", type=Path, required=True, help="Parquet file to write")
    to.add_argument("--split", choices=("train", "val", "test"), default="test", help="split (%(default)s)")
    to.add_argument("--per-category", type=int, default=200, help="pictures a category (%(default)s)")
    which = "of these pictures alone: clean, or degraded (%(default)s of them)"
    to.add_argument("--only", choices=("all", "clean", "degraded"), default="all", help=which)
    to.add_argument(
        "--quality", type=int, choices=range(1, 101), metavar="1-100", default=85, help="WebP (%(default)s)"
    )
    add_fields(to, DataConfig, only=("root", "format", "categories"))


def run(args: Namespace) -> int:
    from hug.data.datasets import read
    from hug.data.images import open_picture
    from hug.retrieval.gallery import write_gallery
    from hug.retrieval.samples import samples_of, write_samples

    data = with_options(args, DataConfig())
    require_writable(args.out.parent, "--out")
    collection = read(data, args.split)
    if collection.truth is None:
        raise ValueError(f"{data.root} knows no labels; a gallery is packed from generated data")
    clean, wanted = collection.truth.clean_ids, {"clean": (True,), "degraded": (False,)}.get(args.only, (True, False))
    galleries = [[i for i in gallery if (i in clean) in wanted] for gallery in collection.galleries.values()]
    ids = [i for gallery in galleries for i in gallery[: args.per_category]]
    if not ids:
        raise ValueError(f"no picture to pack: no {args.only} one in the {args.split} split of {data.root}")
    pictures = [open_picture(collection.path(i)) for i in ids]
    labels = collection.truth.labels.loc[ids, ["category", *collection.truth.aspects, "degradation", "severity"]]
    write_gallery(args.out, ids, pictures, labels, args.quality)
    samples = samples_of(collection, set(ids))
    write_samples(args.out, samples)
    size = args.out.stat().st_size / 1e6
    print(f"{len(ids)} pictures packed into {args.out} ({size:.1f} MB), {len(samples)} questions beside it")
    return 0
