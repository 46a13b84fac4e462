"""A ranked split as others read it: the dictionaries of ranx and pytrec_eval, and files in TREC's two formats.

Whoever reads a run sorts it by score and breaks ties in a way of their own, some in single precision; so scores fall
strictly, in float32: minus the distance, a tie one step lower in gallery order. Ids are those of
`hug.evaluate.queries`: CIRR's pairid, or "{category}-{n}".
"""

from pathlib import Path

import numpy as np

from hug.data.collection import Collection
from hug.evaluate.ranking import RankedSplit
from hug.files import write_text

RUN, QRELS = "run.trec", "qrels.trec"


def run_of(ranking: RankedSplit, k: int = 100) -> dict[str, dict[str, float]]:
    """Query -> id -> score of the first k; a removed reference is not among them."""
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    run = {}
    for part in ranking.categories:
        order = np.argsort(part.distances, axis=1, kind="stable")[:, :k]
        near = np.take_along_axis(part.distances, order, axis=1)
        for id, places, distances in zip(part.queries.ids, order, near, strict=True):
            there = np.isfinite(distances)
            scores = _falling(-distances[there])
            run[id] = {part.gallery[n]: float(s) for n, s in zip(places[there], scores, strict=True)}
    return run


def qrels_of(ranking: RankedSplit) -> dict[str, dict[str, int]]:
    """Query -> its target, relevance 1."""
    return {
        id: {part.gallery[target]: 1}
        for part in ranking.categories
        for id, target in zip(part.queries.ids, part.targets, strict=True)
    }


def check_ids(collection: Collection) -> None:
    """Raises ValueError for an id or category that TREC's columns can't hold: they are parted by blanks."""
    names = [*collection.ids, *(t.id for t in collection.triplets), *collection.galleries]
    wrong = next((name for name in names if any(letter.isspace() for letter in name)), None)
    if wrong is not None:
        raise ValueError(f"{wrong!r} has a blank in it, which a TREC run can't hold; leave --trec out")


def write_trec(ranking: RankedSplit, folder: Path, k: int = 100, tag: str = "hug") -> None:
    """`run.trec` (query Q0 id rank score tag) and `qrels.trec` (query 0 id relevance)."""
    check_ids(ranking.collection)
    lines = [
        f"{query} Q0 {id} {rank} {score!r} {tag}\n"
        for query, scores in run_of(ranking, k).items()
        for rank, (id, score) in enumerate(scores.items(), 1)
    ]
    write_text(folder / RUN, "".join(lines))
    rows = (f"{query} 0 {id} {grade}\n" for query, ids in qrels_of(ranking).items() for id, grade in ids.items())
    write_text(folder / QRELS, "".join(rows))


def _falling(scores: np.ndarray) -> np.ndarray:
    """(k,) float32, each below the one before; scores that differ stay as they are unless a tie reached them."""
    falling = scores.astype(np.float32)
    for n in range(1, len(falling)):
        falling[n] = min(falling[n], np.nextafter(falling[n - 1], np.float32(-np.inf)))
    return falling
