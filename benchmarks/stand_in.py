"""Official annotations with stand-in pictures: a whole run on them shows that it works, and none of its numbers mean
anything.

    python -m benchmarks.stand_in --annotations data/fashion_iq --photos data/clothing_photos --out runs/fiq-stand-in

Every id of the annotations becomes a link to one of the photographs, by a hash of the id. The folder's name goes into
every protocol's record; a file in it says what it is.
"""

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from hug.data.images import SUFFIXES

NOTE = "Stand-in pictures: photographs of other things under official ids. No number measured on them means anything.\n"


def link(annotations: Path, photos: Path, out: Path) -> int:
    """Write the tree, Fashion-IQ's or CIRR's; returns how many pictures it has. Existing links stay."""
    pictures = sorted(path.resolve() for path in photos.rglob("*") if path.suffix.lower() in SUFFIXES)
    for part in ("captions", "image_splits"):
        (out / part).mkdir(parents=True, exist_ok=True)
        for file in (annotations / part).glob("*.json"):
            (out / part / file.name).write_bytes(file.read_bytes())
    places = wanted(annotations)
    for id, place in places.items():
        path = out / place
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_symlink():
            number = int.from_bytes(hashlib.blake2b(id.encode(), digest_size=8).digest())
            path.symlink_to(pictures[number % len(pictures)])
    (out / "STAND-IN.txt").write_text(NOTE)
    return len(places)


def wanted(annotations: Path) -> dict[str, str]:
    """Id -> place of every picture that the annotations name."""
    places: dict[str, str] = {}
    for file in sorted((annotations / "image_splits").glob("*.json")):
        ids = json.loads(file.read_text())
        places |= ids if isinstance(ids, dict) else {id: f"images/{id}.jpg" for id in ids}  # CIRR's files say where
    for file in sorted((annotations / "captions").glob("cap.*.*.json")):
        for entry in json.loads(file.read_text()):
            ids = [entry[side] for side in ("candidate", "target") if entry.get(side)]
            places |= {id: f"images/{id}.jpg" for id in ids}
    return places


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("annotations", "photos", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    args = parser.parse_args(argv)
    print(f"{link(args.annotations, args.photos, args.out)} pictures in {args.out}, each a link to a stand-in")


if __name__ == "__main__":
    main()
