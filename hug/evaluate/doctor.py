"""What is there of a data set, split by split, and what that does to each protocol; nothing is loaded or encoded."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hug.config import DataConfig
from hug.data.captions import STRIPPED
from hug.data.collection import Collection
from hug.data.datasets import DATASETS, layout_name, read, splits
from hug.data.health import Health, health, without
from hug.data.images import list_pictures
from hug.evaluate.protocols import PROTOCOLS, Protocol, default_protocol, fitted, kind_of
from hug.files import write_text


@dataclass(frozen=True)
class Diagnosis:
    """One data set: what to print, and whether all of it is there and can be read."""

    lines: tuple[str, ...]
    whole: bool


def examine(data: DataConfig, out: Path, progress: bool = True) -> Diagnosis:
    """Every split; lists of ids are written below `out`, a file each.

    Raises ValueError when the folder is of no known layout.
    """
    layout, lines, whole = layout_name(data), list[str](), True
    names, training = splits(data), frozenset[str]()
    lines.append(f"{data.root}: layout {layout}, splits {', '.join(names) or 'none'}")
    if layout == "folder":
        left_out = list_pictures(data.root).left_out
        lines += _listed(
            out / "left-out.txt", [f"{path}\t{why}" for path, why in left_out.items()], "picture", "left out"
        )
        whole &= not left_out
    for split in names:
        try:
            collection = read(data.replace(missing="fail"), split)
        except ValueError as error:
            lines += ["", f"{split}: {error}"]
            whole = False
            continue
        state = health(collection, data.cache, progress)
        lines += ["", *_annotations(collection, training), *_pictures(state, out, split)]
        if len(state.missing) == len(collection.needed):
            lines.append(f"  none is where it is looked for: {DATASETS[layout].pictures}")
        lines += _protocols(collection, state)
        training = frozenset(collection.needed) if split == "train" else training
        whole &= not (state.missing or state.corrupt)
    return Diagnosis(tuple(lines), whole and bool(names))


def fitting_protocols(collection: Collection) -> list[Protocol]:
    """Protocols that are defined on such data and this split, or else the data's own.

    None for training, for galleries without queries, and for hidden targets that no protocol asks for.
    """
    if collection.split == "train" or not collection.triplets:
        return []
    kind, own = kind_of(collection), default_protocol(collection)
    same = [p for p in PROTOCOLS.values() if p.kind == kind and p.split == collection.split and kind != "generated"]
    return [p for p in same or [own] if _fits(p, collection)]


def _fits(protocol: Protocol, collection: Collection) -> bool:
    try:
        protocol.check(collection)
    except ValueError:
        return False
    return True


# ---- lines ----


def _count(number: int, thing: str) -> str:
    """ "1 query", "2 queries"."""
    return f"{number:,} {thing if number == 1 else f'{thing[:-1]}ies' if thing.endswith('y') else f'{thing}s'}"


def _annotations(collection: Collection, training: frozenset[str]) -> Iterator[str]:
    triplets, galleries = collection.triplets, collection.galleries
    sizes = ", ".join(f"{c} {len(ids):,}" for c, ids in galleries.items())
    queries, pictures = _count(len(triplets), "query"), _count(len(collection.ids), "picture")
    yield f"{collection.split}: {queries}, {pictures}, galleries {sizes}"
    places = Counter(i for ids in galleries.values() for i in set(ids))
    repeated = Counter((t.reference, t.captions, t.category) for t in triplets)
    odd = {
        "in more than one category": (sum(n > 1 for n in places.values()), "id"),
        "named by the training split too": (len(training & {*collection.ids}), "id"),
        "with an empty caption, which is kept": (
            sum(not all(c.strip(STRIPPED) for c in t.captions) for t in triplets),
            "query",
        ),
        "that repeat another's reference and captions": (sum(n - 1 for n in repeated.values()), "query"),
        "with a hidden target": (sum(t.target is None for t in triplets), "query"),
    }
    yield from (f"  {_count(number, thing)} {what}" for what, (number, thing) in odd.items() if number)
    if len(collection.needed) < len(collection.ids):
        yield f"  triplets name {len(collection.needed):,} of {len(collection.ids):,} pictures: no other is needed"


def _pictures(state: Health, out: Path, split: str) -> Iterator[str]:
    yield from _listed(out / f"{split}-missing.txt", state.missing, "picture", "missing")
    rows = [f"{id}\t{why}" for id, why in state.corrupt.items()]
    yield from _listed(out / f"{split}-unreadable.txt", rows, "picture", "unreadable")
    groups = ["\t".join(group) for group in state.identical]
    title = f"of {sum(map(len, state.identical)):,} ids whose files are equal byte for byte"
    yield from _listed(out / f"{split}-identical.txt", groups, "group", title)
    if not (state.missing or state.corrupt):
        yield "  every picture is there and can be read"


def _listed(path: Path, rows: Sequence[str], thing: str, title: str) -> Iterator[str]:
    """Rows go to a file, their number to the report; what an earlier look wrote there goes."""
    if not rows:
        path.unlink(missing_ok=True)
        return
    write_text(path, "\n".join(rows) + "\n")
    yield f"  {_count(len(rows), thing)} {title}: {path}"


def _protocols(collection: Collection, state: Health) -> Iterator[str]:
    """What each protocol would be asked, whole and reduced."""
    gone = {*state.missing, *state.corrupt}
    if collection.split == "train":
        yield f"  training {_training(collection, gone)}"
    protocols = fitting_protocols(collection)
    if not protocols and collection.split != "train":
        yield "  no protocol measures it: there is no triplet, or its target is hidden"
    for protocol in protocols:
        yield f"  {protocol.name} {_measured(collection, protocol, gone)}"
        shared = _shared_targets(collection, protocol, state)
        if shared:
            yield (
                f"    in {shared:,} of {len(collection.triplets):,} queries a picture with the target's bytes is "
                "ranked too, so that which of them comes first is a matter of gallery order"
            )


def _training(collection: Collection, gone: set[str]) -> str:
    if not gone:
        return f"has all {len(collection.triplets):,} triplets"
    rest = [t for t in collection.triplets if t.reference not in gone and t.target not in gone]
    return f"stops; with --missing drop it goes on with {len(rest):,} of {len(collection.triplets):,} triplets"


def _measured(collection: Collection, protocol: Protocol, gone: set[str]) -> str:
    if not gone:
        return "can be measured"
    try:
        rest = without(collection, gone)
    except ValueError:
        reason = "the data are generated, so draw them again" if collection.truth else "a category would be empty"
        return f"can't be measured, nor with --missing drop: {reason}"
    sizes = ", ".join(
        f"{c} {len(protocol.gallery(rest, c)):,} of {len(protocol.gallery(collection, c)):,}" for c in rest.galleries
    )
    return (
        f"can't be measured; with --missing drop it is {fitted(protocol, rest).name}: galleries {sizes}, "
        f"{len(rest.triplets):,} of {len(collection.triplets):,} queries"
    )


def _shared_targets(collection: Collection, protocol: Protocol, state: Health) -> int:
    """Queries with a candidate that has the very bytes of their target, besides a removed reference."""
    group = {id: group for group in state.identical for id in group}
    members = {c: set(protocol.gallery(collection, c)) for c in collection.galleries}
    return sum(
        any(
            id != t.target and id in members[t.category] and (protocol.keep_reference or id != t.reference)
            for id in group.get(t.target or "", ())
        )
        for t in collection.triplets
    )
