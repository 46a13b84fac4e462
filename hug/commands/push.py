"""Put a checkpoint on the Hub."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

HELP = "put a checkpoint on the Hub, with a card of what was measured and what never was"


def add(to: ArgumentParser) -> None:
    to.add_argument("--checkpoint", type=Path, required=True, help="checkpoint folder")
    to.add_argument("--to", required=True, help="repository: owner/name")
    to.add_argument("--public", action="store_true", help="for everybody to see; else private")
    to.add_argument("--with-gallery", action="store_true", help="the index too, with the ids of its pictures")
    to.add_argument("--dry-run", action="store_true", help="say what would be sent and print the card; send nothing")


def run(args: Namespace) -> int:
    from hug.sharing import push, upload_of

    upload = upload_of(args.checkpoint, args.to, args.with_gallery)
    if args.dry_run:
        size = sum(path.stat().st_size for path in upload.files.values())
        print(
            f"{len(upload.files)} files, {size / 1e6:.1f} MB, would be sent to {args.to}: {', '.join(upload.files)}\n"
        )
        print(upload.card)
        return 0
    print(f"sent to {push(upload, private=not args.public)}")
    return 0
