"""CIRR's hidden test targets: the two files that its server scores, and every rule that they must keep.

`recall` holds the 50 nearest of the gallery, `recall_subset` the 3 nearest of the image set; the reference is in none.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hug.data.annotations import some
from hug.data.collection import Collection, Triplet
from hug.evaluate.queries import nearest, nearest_members
from hug.evaluate.rank_files import object_once
from hug.files import write_text

if TYPE_CHECKING:
    from hug.evaluate.ranking import RankedSplit  # not for checking: it needs torch

VERSION = "rc2"
COUNTS = {"recall": 50, "recall_subset": 3}  # metric -> ids a query
BYTES = 5_000_000
HEAD = ("version", "metric")


def write_submission(ranking: "RankedSplit", folder: Path) -> list[Path]:
    """`recall.json` and `recall_subset.json`. Raises ValueError when a query has fewer candidates than it needs."""
    entries: dict[str, dict[str, list[str]]] = {metric: {} for metric in COUNTS}
    for part in ranking.categories:
        rows = {
            "recall": nearest(part.distances, COUNTS["recall"]),
            "recall_subset": nearest_members(part.distances, part.queries.members, COUNTS["recall_subset"]),
        }
        for metric, positions in rows.items():
            ids = ([part.gallery[n] for n in row] for row in positions.tolist())
            entries[metric].update(zip(part.queries.ids, ids, strict=True))
    paths = []
    for metric, answers in entries.items():
        paths.append(folder / f"{metric}.json")
        head = {"version": VERSION, "metric": metric}
        write_text(paths[-1], json.dumps({**head, **answers}, separators=(",", ":")))
    return paths


def submission_problems(path: Path, collection: Collection) -> list[str]:
    """One sentence for each rule that a file breaks; none when it can be sent. Pictures are not needed."""
    try:
        content = path.read_bytes()
        raw = json.loads(content, object_pairs_hook=object_once)
    except OSError as error:
        return [f"it can't be read ({error.strerror})"]
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        return [f"it is no JSON ({error})"]
    except ValueError as error:
        return [str(error)]
    if not isinstance(raw, dict):
        return ["it must be one JSON object"]
    problems = []
    if len(content) > BYTES:
        problems.append(f"it has {len(content):,} bytes; at most {BYTES:,} are taken")
    if raw.get("version") != VERSION:
        problems.append(f"version must be {VERSION!r}, got {raw.get('version')!r:.60}")
    metric = raw.get("metric")
    if not isinstance(metric, str) or metric not in COUNTS:
        return [*problems, f"metric must be one of {', '.join(COUNTS)}, got {metric!r:.60}"]
    return [*problems, *_of_queries(raw, metric, collection)]


def _of_queries(raw: Mapping[str, Any], metric: str, collection: Collection) -> list[str]:
    triplets = {t.id: t for t in collection.triplets}
    answers = {id: value for id, value in raw.items() if id not in HEAD}
    problems = []
    missing, unknown = [id for id in triplets if id not in answers], [id for id in answers if id not in triplets]
    if missing:
        problems.append(f"{len(missing)} of {len(triplets)} queries are missing: {some(missing)}")
    if unknown:
        problems.append(f"{len(unknown)} queries are not in {collection.name}'s {collection.split}: {some(unknown)}")
    pairs = [(triplets[id], answers[id]) for id in triplets if id in answers]
    lists = [(t, ids) for t, ids in pairs if isinstance(ids, list) and all(isinstance(i, str) for i in ids)]
    if len(lists) < len(pairs):
        wrong = [t.id for t, ids in pairs if not (isinstance(ids, list) and all(isinstance(i, str) for i in ids))]
        problems.append(f"{len(wrong)} queries have no list of ids: {some(wrong)}")
    gallery = {i for ids in collection.galleries.values() for i in ids}
    for rule, broken in _rules(metric, gallery).items():
        wrong = [t.id for t, ids in lists if broken(t, ids)]
        if wrong:
            problems.append(f"{len(wrong)} queries {rule}: {some(wrong)}")
    return problems


def _rules(metric: str, gallery: set[str]) -> dict[str, Callable[[Triplet, Sequence[str]], bool]]:
    """What must not be said of a query's list -> whether it can be."""
    count = COUNTS[metric]
    rules: dict[str, Callable[[Triplet, Sequence[str]], bool]] = {
        f"do not have {count} ids": lambda t, ids: len(ids) != count,
        "name an id twice": lambda t, ids: len(set(ids)) < len(ids),
        "name an id that is not in the gallery": lambda t, ids: not gallery.issuperset(ids),
        "name their own reference": lambda t, ids: t.reference in ids,
    }
    if metric == "recall_subset":
        # The reference has its own rule, and an id outside the gallery too.
        rules["name an id outside their image set"] = lambda t, ids: any(
            i in gallery and i != t.reference and i not in t.subset for i in ids
        )
    return rules
