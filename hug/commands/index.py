"""Encode a gallery."""

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from hug.commands.options import add_checkpoint, add_device, add_milvus
from hug.console import require_writable

HELP = "encode a gallery beside a checkpoint"


def add(to: ArgumentParser) -> None:
    add_checkpoint(to, default=None)
    to.add_argument("--gallery", type=Path, required=True, help="folder of pictures, or a Parquet gallery")
    to.add_argument("--out", type=Path, required=True, help="folder for gallery.safetensors and gallery.json")
    add_device(to)
    add_milvus(to)
    to.add_argument("--kind", default="FLAT", help="FLAT or IVF_FLAT: how Milvus searches (%(default)s)")
    to.add_argument("--replace", action="store_true", help="drop the collection that Milvus has by that name")


def run(args: Namespace) -> int:
    from hug.checkpoint import load
    from hug.files import only_writer
    from hug.retrieval.encode import encode
    from hug.retrieval.gallery import left_out_lines, read_gallery
    from hug.retrieval.milvus import MilvusIndex, check_kind

    require_writable(args.out, "--out")
    check_kind(args.kind)
    gallery = read_gallery(args.gallery)
    model = load(args.checkpoint, device=args.device)
    try:
        with only_writer(args.out):
            encoding = encode(model, gallery.pictures.sources, gallery.ids, gallery.meta, gallery.contents, args.out)
    except KeyboardInterrupt:
        note = f"stopped; what was encoded lies in {args.out}, the same command goes on from there"
        print(f"\npython -m hug index: {note}", file=sys.stderr)
        return 130
    left_out = gallery.unreadable(encoding.index)
    if left_out:
        print("\n".join([f"left out ({len(left_out)}):", *left_out_lines(left_out)]), file=sys.stderr)
    print(f"{encoding.encoded} encoded, {encoding.reused} known from before, {encoding.copies} copies of others")
    print(f"{len(encoding.index)} pictures indexed in {args.out}, gallery hash {encoding.index.gallery_hash}")
    if args.milvus:
        MilvusIndex.push(encoding.index, args.milvus, args.collection, args.kind, args.replace, progress=True)
        print(f"and in Milvus at {args.milvus}, collection {args.collection}, index {args.kind}")
    return 0
