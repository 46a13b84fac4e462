"""Photographs with other people's words: what comes back when nothing was planned for (docs/queries.md).

    .venv/bin/python -m benchmarks.queries --data FOLDER --out FOLDER [--checkpoint FOLDER] [--seed 0]

Two photographs of each class below FOLDER/clothing_photos, each with a caption of Fashion-IQ's validation split, drawn
at random. Writes `queries.csv` and one picture to look at, `queries.png`: the photograph, then the first results.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from analysis.session import Session
from hug.data.images import open_picture

EACH, RESULTS, SIZE = 2, 7, 128  # photographs a class, results, pixels
SOURCES = {"picture": "r", "words": "t", "fit": "m"}


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--data", type=Path, required=True, help="folder with clothing_photos and fashion_iq")
    flags.add_argument("--out", type=Path, required=True, help="folder to write")
    flags.add_argument("--checkpoint", help="folder or Hub id (the bundled one)")
    flags.add_argument("--seed", type=int, default=0, help="seed of the draw (%(default)s)")
    args = flags.parse_args()
    session, rng = Session.load(args.checkpoint), np.random.default_rng(args.seed)
    queries = draw(args.data, rng)
    sheet = Image.new("RGB", ((RESULTS + 1) * SIZE, len(queries) * (SIZE + 14)), "white")
    rows = []
    for n, (path, words) in enumerate(queries):
        picture = open_picture(path)
        trace = session.trace(picture, words, session.search(RESULTS))
        ids = trace.ranking.ids[0]
        rows.append(
            {
                "photograph": f"{path.parent.name}/{path.name}", "words": words,
                **{f"percentile of {name}": trace.percentiles[key] for name, key in SOURCES.items()},
                "chance": trace.chance, "degraded": sum(faulty(session, i) for i in ids),
                "first": "; ".join(session.describe(i) for i in ids[:3]),
            }
        )  # fmt: skip
        line(sheet, n, [picture, *(session.picture(i) for i in ids)], words)
    table = pd.DataFrame(rows)
    args.out.mkdir(parents=True, exist_ok=True)
    table.to_csv(args.out / "queries.csv", index=False)
    sheet.save(args.out / "queries.png")
    everything = [faulty(session, i) for i in session.index.ids]
    print(table.drop(columns="first").to_string(index=False, float_format=lambda v: f"{v:.2f}"))
    print(
        f"weights {session.weights}, seed {args.seed}: "
        f"{table.degraded.sum()} of {RESULTS * len(table)} results are degraded"
    )
    print(f"drawings, of the gallery {np.mean(everything):.0%}; table and picture are in {args.out}")


def draw(data: Path, rng: np.random.Generator) -> list[tuple[Path, str]]:
    """Photographs and captions, paired at random. Raises ValueError when there are none."""
    photographs = []
    for folder in sorted(path for path in (data / "clothing_photos").glob("*") if path.is_dir()):
        files = sorted(folder.glob("*.jpg"))
        photographs += [files[i] for i in rng.choice(len(files), min(EACH, len(files)), replace=False)]
    tables = sorted((data / "fashion_iq" / "captions").glob("cap.*.val.json"))
    captions = [text for file in tables for item in json.loads(file.read_text()) for text in item["captions"]]
    if not photographs or not captions:
        raise ValueError(f"{data} lacks clothing_photos/*/*.jpg or fashion_iq/captions/cap.*.val.json")
    return [
        (path, captions[i]) for path, i in zip(photographs, rng.choice(len(captions), len(photographs)), strict=True)
    ]


def faulty(session: Session, id: str) -> bool:
    """Whether a gallery picture was drawn with a fault."""
    return session.index.meta["degradation"][session.index.ids.index(id)] != "none"


def line(sheet: Image.Image, n: int, pictures: list[Image.Image], words: str) -> None:
    """One query in the picture to look at."""
    top = n * (SIZE + 14)
    ImageDraw.Draw(sheet).text((2, top), f"{n + 1}. {words}", fill="black")
    for place, picture in enumerate(pictures):
        small = picture.copy()
        small.thumbnail((SIZE, SIZE))
        sheet.paste(small, (place * SIZE, top + 14))


if __name__ == "__main__":
    main()
