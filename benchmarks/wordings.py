"""Which words count as being about something else: real captions of garments beside sentences that are about none.

    .venv/bin/python -m benchmarks.wordings --data FOLDER [--checkpoint FOLDER] [--captions 1000] [--seed 0]

FOLDER/fashion_iq has the official captions. Prints the share of each kind that gets no chance for its words alone:
not understood (unknown or taken-apart words), or without a similar text in validation (`hug.calibration.ELSEWHERE`).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from analysis.session import Session

FEW = 8  # examples shown
KINDS = {
    "wishes in plain words": (
        "is red and has long sleeves", "the same but in blue", "more formal", "without the logo",
        "shorter, with a v-neck", "is black", "darker", "I want it in green please", "less busy pattern",
        "make it striped", "something for summer", "does it come in white?", "no sleeves", "like this but longer",
        "a bit cheaper looking", "tighter at the waist",
    ),
    "about something else": (
        "is a bicycle", "a photo of the Eiffel tower at night", "how do I cook rice", "the stock market fell today",
        "my dog likes to run", "please open the door", "two plus two is four", "quantum mechanics lecture notes",
        "has four wheels and a diesel engine", "a bowl of soup with noodles", "the president gave a speech",
        "turn left at the next junction", "a wooden chair", "football match results", "a kitchen with two windows",
        "the train leaves at noon", "has feathers and can fly", "a laptop with a large screen",
    ),
    "other languages": (
        "je voudrais une robe rouge", "красное платье с длинными рукавами", "红色的长袖连衣裙", "فستان أحمر",
        "ein rotes Kleid mit langen Ärmeln", "quiero una camisa azul sin mangas", "赤い長袖のドレス", "빨간 드레스",
    ),
    "noise": ("asdf qwer zxcv", "lkjsdf oiuwer", "12345 67890", "xk xk xk", "!!! ??? ***", "qqqq wwww eeee rrrr"),
}  # fmt: skip


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    flags.add_argument("--data", type=Path, required=True, help="folder with fashion_iq")
    flags.add_argument("--checkpoint", help="folder or Hub id (the bundled one)")
    flags.add_argument("--captions", type=int, default=1000, help="captions drawn (%(default)s)")
    flags.add_argument("--seed", type=int, default=0, help="seed of the draw (%(default)s)")
    args = flags.parse_args()
    session = Session.load(args.checkpoint)
    tokens = session.tokens(session.picture(session.index.ids[0]))
    for name, texts in {"Fashion-IQ's captions": captions(args.data, args.captions, args.seed), **KINDS}.items():
        withheld = [bool(session.reasons(tokens, session.queries(tokens, [text]), text)) for text in texts]
        passed = [text for text, held in zip(texts, withheld, strict=True) if not held][:FEW]
        print(f"{name}: {100 * np.mean(withheld):.1f} % of {len(texts)} get no chance; with one: {'; '.join(passed)}")


def captions(data: Path, count: int, seed: int) -> list[str]:
    """Captions of the validation split, without the empty ones."""
    files = sorted((data / "fashion_iq" / "captions").glob("cap.*.val.json"))
    texts = [text for file in files for entry in json.loads(file.read_text()) for text in entry["captions"]]
    return [str(text) for text in np.random.default_rng(seed).permutation([t for t in texts if t.strip()])[:count]]


if __name__ == "__main__":
    main()
