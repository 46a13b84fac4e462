"""Any method's answers, read from files and turned into ranks: distances, or ids ranked query by query.

Distances are one `.npy` file a category, (Q, N), rows in the annotation's order, columns in the gallery's, smaller is
nearer. Ranked ids are JSON by query, or by category and then by query or in the annotation's order; an object of scores
in place of a list (larger is nearer) is sorted. A TREC run (`query Q0 id rank score tag`) is sorted by its scores, as
trec_eval does. Equal numbers go by gallery order. Letters: Q queries, N candidates.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from hug.evaluate.protocols import Protocol
from hug.evaluate.queries import MISSED, CategoryQueries, subset_ranks, target_ranks

ROWS = 256  # queries compared at once, to bound memory
HEAD = ("version", "metric")  # of a CIRR submission, beside its queries

Lists: TypeAlias = list[list[np.ndarray]]  # category -> query -> positions in the gallery, nearest first


@dataclass(frozen=True)
class Answers:
    """Ranks of one method: per category (Q,) in the gallery, and among members where the protocol asks for them."""

    ranks: tuple[np.ndarray, ...]
    subset: tuple[np.ndarray, ...] | None  # None where there are no subsets, or the files don't tell
    notes: tuple[str, ...] = ()  # what a reader of the numbers must know


def read_answers(
    paths: Sequence[Path], categories: Sequence[CategoryQueries], protocol: Protocol, subset: Path | None = None
) -> Answers:
    """Distances when every file is a `.npy`, else one file of ranked ids; `subset` holds ranked members.

    Raises ValueError naming the file and what is wrong with it.
    """
    if all(path.suffix == ".npy" for path in paths):
        return _of_distances(paths, categories, protocol)
    if len(paths) > 1:
        raise ValueError(f"{len(paths)} files; give one .npy file a category, or one file of ranked ids")
    lists = read_lists(paths[0], categories)
    ranks = tuple(_list_ranks(part, queries) for part, queries in zip(lists, categories, strict=True))
    notes, parts = _short(lists, categories, protocol), None
    if protocol.subset_cuts:
        inside = _members_only(subset, categories) if subset else lists
        parts = _list_subset_ranks(inside, categories, max(protocol.subset_cuts))
        if parts is None:
            notes += ("no R_subset: rank more ids, or give the members' ranking with --subset-ranking",)
    return Answers(ranks, parts, notes)


# ---- distances ----


def _of_distances(paths: Sequence[Path], categories: Sequence[CategoryQueries], protocol: Protocol) -> Answers:
    pairs = [
        _distance_ranks(path, queries)
        for path, queries in zip(_by_category(paths, categories), categories, strict=True)
    ]
    subset = tuple(members for _, members in pairs) if protocol.subset_cuts else None
    return Answers(tuple(ranks for ranks, _ in pairs), subset)


def _by_category(paths: Sequence[Path], categories: Sequence[CategoryQueries]) -> list[Path]:
    """Files in the categories' order: by their names where these are the categories, else as they were given."""
    names = [queries.category for queries in categories]
    if len(paths) != len(names):
        raise ValueError(
            f"{len(paths)} .npy files for {len(names)} categories ({', '.join(names)}); give one a category"
        )
    named = {path.stem: path for path in paths}
    if set(named) & set(names) and set(named) != set(names):
        raise ValueError(f"files are named {', '.join(p.name for p in paths)}; categories are {', '.join(names)}")
    return [named[c] for c in names] if set(named) == set(names) else list(paths)


def _distance_ranks(path: Path, queries: CategoryQueries) -> tuple[np.ndarray, np.ndarray]:
    """(Q,) ranks in the gallery and among members."""
    array = _load(path)
    wanted = (len(queries.rows), len(queries.gallery))
    if array.shape != wanted:
        turned = "; it is transposed" if array.shape == wanted[::-1] else ""
        raise ValueError(
            f"{path} has shape {array.shape}; {queries.category} has {wanted[0]} queries and {wanted[1]} candidates, "
            f"so it must be {wanted}{turned}"
        )
    ranks, members = np.empty(wanted[0], int), np.empty(wanted[0], int)
    for start in range(0, wanted[0], ROWS):
        rows = slice(start, start + ROWS)
        part = np.array(array[rows], float)
        if not np.isfinite(part).all():
            row, column = np.argwhere(~np.isfinite(part))[0]
            value = part[row, column]
            raise ValueError(
                f"{path} holds {value} at row {start + row}, column {column}; every distance must be finite"
            )
        members[rows] = subset_ranks(part, queries.targets[rows], queries.members[rows])
        ranks[rows] = target_ranks(_removed(part, queries, start), queries.targets[rows])
    return ranks, members


def _removed(part: np.ndarray, queries: CategoryQueries, start: int) -> np.ndarray:
    """The rows from `start` on with each reference at +inf, where the protocol removes it; changed in place."""
    places = queries.places[start : start + len(part)]
    if not queries.keep_reference:
        part[np.flatnonzero(places >= 0), places[places >= 0]] = np.inf
    return part


def _load(path: Path) -> np.ndarray:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise ValueError(f"{path} not found") from None
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{path} is no array of numpy.save ({error})") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iuf":
        kind = array.dtype if isinstance(array, np.ndarray) else "several arrays"
        raise ValueError(f"{path} holds {kind}; save one array of numbers with numpy.save")
    return array


# ---- ranked ids ----


def read_lists(path: Path, categories: Sequence[CategoryQueries]) -> Lists:
    """Every query's ranked ids as positions. Raises ValueError for a query or id that is unknown, missing or twice."""
    places = {id: (c, row) for c, queries in enumerate(categories) for row, id in enumerate(queries.ids)}
    if len(places) < sum(len(queries.ids) for queries in categories):
        raise ValueError("two queries of these annotations have the same id, so a ranking by query can't be read")
    columns = [{id: n for n, id in enumerate(queries.gallery)} for queries in categories]
    lists: list[list[np.ndarray | None]] = [[None] * len(queries.ids) for queries in categories]
    for id, answer in _entries(path, categories):
        if id not in places:
            example = categories[0].ids[0] if categories[0].ids else "none"
            raise ValueError(f"{path}: {id!r} is no query of this split; a query is named like {example!r}")
        category, row = places[id]
        if lists[category][row] is not None:
            raise ValueError(f"{path}: query {id!r} is there twice")
        lists[category][row] = _positions(f"{path}: query {id!r}", answer, columns[category])
    missing = [q.ids[n] for q, part in zip(categories, lists, strict=True) for n, one in enumerate(part) if one is None]
    if missing:
        some = ", ".join(missing[:5]) + (" …" if len(missing) > 5 else "")
        raise ValueError(f"{path}: {len(missing)} of {len(places)} queries have no ranking: {some}")
    return [[one for one in part if one is not None] for part in lists]


def _entries(path: Path, categories: Sequence[CategoryQueries]) -> Iterable[tuple[str, Any]]:
    """Query ids with a list of ids or an object of scores."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} can't be read ({error})") from None
    if text.lstrip()[:1] not in ("{", "["):
        return _trec(path, text).items()
    try:
        raw = json.loads(text, object_pairs_hook=object_once)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is no JSON ({error})") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if isinstance(raw, list):
        if len(categories) > 1:
            raise ValueError(f"{path} is a list; with several categories give an object by query or by category")
        raw = {categories[0].category: raw}
    return _by_query(path, raw, {queries.category: queries for queries in categories})


def _by_query(
    path: Path, raw: Mapping[str, Any], categories: Mapping[str, CategoryQueries]
) -> Iterator[tuple[str, Any]]:
    for key, value in raw.items():
        if key in HEAD and isinstance(value, str):
            continue
        queries = categories.get(key)
        if queries is None or key in queries.ids:
            yield key, value
        elif isinstance(value, list):
            if len(value) != len(queries.ids):
                raise ValueError(f"{path}: {len(value)} rankings for the {len(queries.ids)} queries of {key}")
            yield from zip(queries.ids, value, strict=True)
        elif isinstance(value, dict):
            names = {str(n): id for n, id in enumerate(queries.ids)} | {id: id for id in queries.ids}
            for inner, answer in value.items():
                yield names.get(str(inner), str(inner)), answer
        else:
            raise ValueError(f"{path}: {key} must be rankings, got {value!r:.60}")


def object_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are all different: the last of two would win in silence."""
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(k for k in keys if keys.count(k) > 1)!r} is there twice")
    return values


def _trec(path: Path, text: str) -> dict[str, dict[str, float]]:
    """Query -> id -> score."""
    runs: dict[str, dict[str, float]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        parts = line.split()
        if len(parts) != 6:
            raise ValueError(f"{path}: line {number} has {len(parts)} words; a TREC run has query Q0 id rank score tag")
        query, _, id, _, score, _ = parts
        run = runs.setdefault(query, {})
        if id in run:
            raise ValueError(f"{path}: line {number}: query {query!r} ranks {id!r} twice")
        try:
            run[id] = float(score)
        except ValueError:
            raise ValueError(f"{path}: line {number}: the score {score!r} is no number") from None
    if not runs:
        raise ValueError(f"{path} is empty")
    return runs


def _positions(where: str, answer: Any, column: Mapping[str, int]) -> np.ndarray:
    ids = list(answer) if isinstance(answer, list | dict) else None
    if ids is None or not all(isinstance(id, str) for id in ids):
        raise ValueError(f"{where} must be a list of ids, or scores by id, got {answer!r:.60}")
    unknown = next((id for id in ids if id not in column), None)
    if unknown is not None:
        raise ValueError(f"{where} ranks {unknown!r}, which is not among the {len(column)} ids of its gallery")
    positions = np.array([column[id] for id in ids], int)
    if len(np.unique(positions)) < len(ids):
        raise ValueError(f"{where} ranks {next(id for id in ids if ids.count(id) > 1)!r} twice")
    if isinstance(answer, list):
        return positions
    scores = list(answer.values())
    if not all(type(s) in (int, float) and math.isfinite(s) for s in scores):
        raise ValueError(f"{where} has a score that is not a finite number")
    return positions[np.lexsort((positions, -np.array(scores, float)))]


def _without_reference(row: int, one: np.ndarray, queries: CategoryQueries) -> np.ndarray:
    return one if queries.keep_reference else one[one != queries.places[row]]


def _list_ranks(lists: list[np.ndarray], queries: CategoryQueries) -> np.ndarray:
    """(Q,) place of the target in each list, the reference left out where the protocol removes it."""
    return np.array(
        [_place(_without_reference(n, one, queries), queries.targets[n]) for n, one in enumerate(lists)], int
    )


def _place(one: np.ndarray, target: int) -> int:
    places = np.flatnonzero(one == target)
    return int(places[0]) + 1 if len(places) else MISSED


def _list_subset_ranks(lists: Lists, categories: Sequence[CategoryQueries], cut: int) -> tuple[np.ndarray, ...] | None:
    """Per category (Q,); None when a list holds neither the target nor `cut` members, so that nobody can tell."""
    ranks = []
    for part, queries in zip(lists, categories, strict=True):
        inside = [one[np.isin(one, members)] for one, members in zip(part, queries.members, strict=True)]
        places = [_place(one, target) for one, target in zip(inside, queries.targets, strict=True)]
        if any(place == MISSED and len(one) < cut for place, one in zip(places, inside, strict=True)):
            return None
        ranks.append(np.array(places, int))
    return tuple(ranks)


def _members_only(path: Path, categories: Sequence[CategoryQueries]) -> Lists:
    lists = read_lists(path, categories)
    for part, queries in zip(lists, categories, strict=True):
        for row, one in enumerate(part):
            outside = one[~np.isin(one, queries.members[row])]
            if len(outside):
                id = queries.gallery[outside[0]]
                raise ValueError(f"{path}: query {queries.ids[row]!r} ranks {id!r}, which is not in its subset")
    return lists


def _short(lists: Lists, categories: Sequence[CategoryQueries], protocol: Protocol) -> tuple[str, ...]:
    cut, short, every = max(protocol.cuts), 0, 0
    for part, queries in zip(lists, categories, strict=True):
        least = min(cut, len(queries.gallery) - (not queries.keep_reference))
        short += sum(len(_without_reference(row, one, queries)) < least for row, one in enumerate(part))
        every += len(part)
    return (f"{short} of {every} queries rank fewer than {cut} ids; a target left out is missed",) if short else ()
