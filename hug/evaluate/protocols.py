"""Evaluation protocols: which gallery is ranked by which text, whether the reference is in it, where recall is cut.

A number without the name of its protocol is not a result: every table names it, with the gallery's size and hash.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from hug.data.captions import joined
from hug.data.collection import Collection

Kind: TypeAlias = Literal["generated", "cirr", "plain"]  # of data: with its truth, with subsets, with neither


def whole_gallery(collection: Collection, category: str) -> tuple[str, ...]:
    """All ids of a category's split file, in its order."""
    return collection.galleries[category]


def union_gallery(collection: Collection, category: str) -> tuple[str, ...]:
    """References and targets of the category's queries, in the order of the split file."""
    triplets = [t for t in collection.triplets if t.category == category]
    used = {t.reference for t in triplets} | {t.target for t in triplets}
    return tuple(i for i in collection.galleries[category] if i in used)


def as_annotated(captions: tuple[str, ...]) -> str:
    """CIRR's one caption, untouched."""
    return " and ".join(captions)


@dataclass(frozen=True)
class Protocol:
    """How queries are asked and scored, category by category."""

    name: str
    kind: Kind  # of the data that it is defined on
    split: str  # that it is defined on
    text: Callable[[tuple[str, ...]], str]  # captions -> the query's words
    keep_reference: bool  # whether the reference may be among the results
    cuts: tuple[int, ...]  # of recall
    subset_cuts: tuple[int, ...] = ()  # of recall among the members of `Triplet.subset`
    gallery: Callable[[Collection, str], tuple[str, ...]] = whole_gallery  # of a category
    hidden: bool = False  # targets are hidden: a submission is written, nothing is measured

    @property
    def averaged(self) -> tuple[tuple[str, int], ...]:
        """The two recalls whose mean is the field's one number, each within the gallery or the subset."""
        if self.subset_cuts:
            return ("gallery", 5), ("subset", 1)
        return ("gallery", 10), ("gallery", 50)

    def check(self, collection: Collection) -> None:
        """Raises ValueError when the protocol asks for what the data are not."""
        own, where = kind_of(collection), f"split {collection.split!r} of {collection.name}"
        if self.kind != own and (self.kind, own) != ("plain", "generated"):  # generated data lie as Fashion-IQ does
            fitting = ", ".join(p.name for p in PROTOCOLS.values() if p.kind == own)
            raise ValueError(f"protocol {self.name} doesn't fit {collection.name}, {KINDS[own]}; choose from {fitting}")
        if self.kind == "generated" and self.name != _generated_name(collection):
            raise ValueError(f"protocol {self.name} isn't that of {collection.name}: {_generated_name(collection)}")
        targets = [t.target is not None for t in collection.triplets]
        if self.hidden and any(targets):
            raise ValueError(f"protocol {self.name} is of hidden targets, but {where} shows them")
        if not self.hidden and not any(targets):
            raise ValueError(f"{where} shows no target, so there is nothing to measure; choose another split")


KINDS: dict[Kind, str] = {
    "generated": "generated data",
    "cirr": "data with subsets, as CIRR's",
    "plain": "data without subsets, as Fashion-IQ's",
}

PROTOCOLS: dict[str, Protocol] = {
    each.name: each
    for each in (
        Protocol("fiq-std", "plain", "val", joined, True, (10, 50)),
        Protocol("fiq-noref", "plain", "val", joined, False, (10, 50)),
        Protocol("fiq-union", "plain", "val", joined, False, (10, 50), gallery=union_gallery),
        Protocol("cirr-val", "cirr", "val", as_annotated, False, (1, 5, 10, 50), (1, 2, 3)),
        Protocol("cirr-test", "cirr", "test", as_annotated, False, (1, 5, 10, 50), (1, 2, 3), hidden=True),
        Protocol("garments-1", "generated", "test", joined, False, (1, 10, 50)),
    )
}
OLD_NAMES = {"garments": "garments-1"}
GENERATED = r"garments-\d+"  # versions of generated data


def protocol_named(name: str) -> Protocol:
    """Raises ValueError for an unknown name; generated data of any version ("garments-2") have theirs."""
    name = OLD_NAMES.get(name, name)
    if re.fullmatch(GENERATED, name):
        return replace(PROTOCOLS["garments-1"], name=name)
    if name not in PROTOCOLS:
        raise ValueError(f"unknown protocol {name!r}; choose one of {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]


def kind_of(collection: Collection) -> Kind:
    """What protocols need to know of data."""
    if collection.truth is not None:
        return "generated"
    return "cirr" if any(t.subset for t in collection.triplets) else "plain"


def default_protocol(collection: Collection) -> Protocol:
    """That of generated data, under their version's name; CIRR's; else the one that HUG's own code asks by."""
    kind = kind_of(collection)
    if kind == "generated":
        return protocol_named(_generated_name(collection))
    if kind == "cirr":
        return PROTOCOLS["cirr-val" if any(t.target is not None for t in collection.triplets) else "cirr-test"]
    return PROTOCOLS["fiq-noref"]


def protocol_for(collection: Collection, name: str | None = None) -> Protocol:
    """The protocol of that name, or the data's own. Raises ValueError when it doesn't fit the data."""
    generic = name in OLD_NAMES and collection.truth is not None  # an old name says nothing of the version
    return fitted(default_protocol(collection) if name is None or generic else protocol_named(name), collection)


def fitted(protocol: Protocol, collection: Collection) -> Protocol:
    """The protocol, checked, under a name that says so where pictures were left out: galleries are then others."""
    protocol.check(collection)
    return replace(protocol, name=f"{protocol.name}-{collection.dropped.label}") if collection.dropped else protocol


def default_split(available: Sequence[str], name: str | None = None) -> str:
    """The split that a protocol is defined on where the data have it, else another that nothing is trained on.

    Without a name of a protocol it is val, as the field reports. Raises ValueError when there is none.
    """
    protocol = protocol_named(name) if name else PROTOCOLS["fiq-std"]
    order = [protocol.split] if protocol.hidden else list(dict.fromkeys([protocol.split, "val", "test"]))
    split = next((s for s in order if s in available), None)
    if split is None:
        there = ", ".join(available) or "none"
        raise ValueError(f"protocol {protocol.name} needs a split named {' or '.join(order)}, there is {there}")
    return split


def _generated_name(collection: Collection) -> str:
    version = str(collection.version.get("version", ""))
    return version if re.fullmatch(GENERATED, version) else "garments-1"
