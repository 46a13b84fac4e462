"""Whether the pictures of a split are there and can be read, and the split that is left without those that can't.

Every file is decoded once; what was found is kept beside the token cache and asked again only of a file whose size or
time of change is another.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterable, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter
from tqdm import tqdm

from hug.data.collection import Collection, Dropped, Triplet
from hug.data.images import PictureError, open_picture, printable
from hug.files import write_json

FORMAT = 1

log = logging.getLogger(__name__)


class FileFacts(NamedTuple):
    """What is known of a picture file."""

    size: int
    changed: int  # time of change, ns
    content: str  # hash of its bytes; empty where it can't be opened
    fault: str  # why it can't be read, in a sentence; empty where it can


FACTS = TypeAdapter(dict[str, FileFacts])


@dataclass(frozen=True)
class Health:
    """The needed pictures of a split."""

    missing: tuple[str, ...]  # ids without a file
    corrupt: dict[str, str]  # id -> why its file can't be read
    identical: tuple[tuple[str, ...], ...]  # ids whose files have the same bytes, two or more a group


def health(collection: Collection, cache: str | Path, progress: bool = True) -> Health:
    """Look for every needed picture and decode it; nothing is encoded."""
    missing = set(collection.missing)
    files = {i: collection.path(i) for i in collection.needed if i not in missing}
    facts = examine(files.values(), Path(cache), progress)
    corrupt = {i: facts[path].fault for i, path in files.items() if facts[path].fault}
    groups: dict[str, list[str]] = {}
    for i, path in files.items():
        if facts[path].content:
            groups.setdefault(facts[path].content, []).append(i)
    return Health(collection.missing, corrupt, tuple(tuple(g) for g in groups.values() if len(g) > 1))


def examine(paths: Iterable[Path], cache: Path, progress: bool = True) -> dict[Path, FileFacts]:
    """Facts of every file; they are remembered in `cache`, or in no place that can't be written."""
    files = list(dict.fromkeys(paths))
    folders = sorted({str(path.parent.resolve()) for path in files})
    name = hashlib.blake2b("\0".join(folders).encode(errors="surrogateescape"), digest_size=12).hexdigest()
    memory = cache / f"pictures-{name}.json"
    before = _remembered(memory)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        facts = pool.map(lambda path: _facts(path, before.get(printable(path.absolute()))), files)
        result = dict(zip(files, tqdm(facts, "pictures", len(files), disable=not (progress and files)), strict=True))
    now = before | {printable(path.absolute()): fact for path, fact in result.items()}
    if now != before:
        try:
            write_json(memory, {"format": FORMAT, "pictures": now})
        except OSError as error:
            log.warning("%s can't be written (%s), so the pictures will be looked at again", memory, error.strerror)
    return result


def without_faulty(collection: Collection, cache: str | Path, progress: bool = True) -> Collection:
    """The split without pictures that are missing or unreadable. Raises ValueError as `without` does."""
    state = health(collection, cache, progress)
    return without(collection, {*state.missing, *state.corrupt})


def without(collection: Collection, gone: Set[str]) -> Collection:
    """The split without these pictures and without the queries that name them; galleries keep their order.

    Raises ValueError when a category has no picture or no query left, and for data with a truth, which are generated
    whole.
    """
    if not gone:
        return collection
    if collection.truth is not None:
        raise ValueError(
            f"{len(gone)} pictures of {collection.name} are missing or unreadable; they are generated, so draw them "
            "again with python -m hug render"
        )
    galleries = {c: tuple(i for i in ids if i not in gone) for c, ids in collection.galleries.items()}
    triplets = tuple(_rest(t, gone) for t in collection.triplets if t.reference not in gone and t.target not in gone)
    before, after = ({t.category for t in rows} for rows in (collection.triplets, triplets))
    empty = [c for c, ids in galleries.items() if not ids or c in before - after]
    if empty:
        raise ValueError(
            f"{len(gone):,} of {len(collection.needed):,} pictures of {collection.name}, split {collection.split}, are "
            f"missing or unreadable, which leaves nothing to ask in {', '.join(empty)}; --categories names the others"
        )
    queries = len(collection.triplets)
    dropped = Dropped(len(gone), len(collection.needed), queries - len(triplets), queries)
    return replace(collection, triplets=triplets, galleries=galleries, dropped=dropped)


def _rest(triplet: Triplet, gone: Set[str]) -> Triplet:
    if gone.isdisjoint(triplet.subset):
        return triplet
    return replace(triplet, subset=tuple(i for i in triplet.subset if i not in gone))


def _facts(path: Path, before: FileFacts | None) -> FileFacts:
    try:
        stat = path.stat()
        if before and (before.size, before.changed) == (stat.st_size, stat.st_mtime_ns):
            return before
        with path.open("rb") as file:
            content = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        return FileFacts(0, 0, "", f"{printable(path.name)} can't be opened: {error.strerror}")
    try:
        open_picture(path)
    except PictureError as error:
        return FileFacts(stat.st_size, stat.st_mtime_ns, content, str(error))
    return FileFacts(stat.st_size, stat.st_mtime_ns, content, "")


def _remembered(memory: Path) -> dict[str, FileFacts]:
    try:
        record = json.loads(memory.read_text())
        if record["format"] == FORMAT:
            return FACTS.validate_python(record["pictures"])
    except (OSError, ValueError, TypeError, KeyError):
        pass  # nothing is known, or not in this format: it is found out again
    return {}
