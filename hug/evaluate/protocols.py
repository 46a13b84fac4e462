"""Evaluation protocols: which text a query has, whether its reference is ranked, and where recall is cut.

A number without the name of its protocol is not a result: every table names it, with the gallery's size and hash.
"""

from collections.abc import Callable
from dataclasses import dataclass

from hug.data.captions import joined
from hug.data.collection import Collection


@dataclass(frozen=True)
class Protocol:
    """How queries are asked and scored; galleries are the collection's, one a category."""

    name: str
    text: Callable[[tuple[str, ...]], str]  # captions -> the query's words
    keep_reference: bool  # whether the reference may be among the results
    cuts: tuple[int, ...] = (1, 10, 50)  # of recall
    subset_cuts: tuple[int, ...] = ()  # of recall within `Triplet.subset`, where the data has one


PROTOCOLS: dict[str, Protocol] = {
    each.name: each
    for each in (
        Protocol("garments", joined, keep_reference=False),
        Protocol("fiq-std", joined, keep_reference=True, cuts=(10, 50)),
        Protocol("fiq-noref", joined, keep_reference=False, cuts=(10, 50)),
    )
}


def default_protocol(collection: Collection) -> Protocol:
    """That of generated data, or the one in which this project's models were trained to answer."""
    return PROTOCOLS["garments" if collection.truth is not None else "fiq-noref"]
