"""HUG: composed image retrieval one can question.

`load` a checkpoint, build an `Index` of pictures, ask `model.query(pictures, sentences)`, and search.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hug.checkpoint import CheckpointError
    from hug.gaussians import Gaussians, Query
    from hug.retrieval.index import Index, Ranking
    from hug.sharing import HUG, load

__all__ = ["HUG", "CheckpointError", "Gaussians", "Index", "Query", "Ranking", "load"]

_HOMES = {
    "HUG": "hug.sharing",
    "CheckpointError": "hug.checkpoint",
    "Gaussians": "hug.gaussians",
    "Index": "hug.retrieval.index",
    "Query": "hug.gaussians",
    "Ranking": "hug.retrieval.index",
    "load": "hug.sharing",
}


def __getattr__(name: str) -> Any:
    """Import on first use: `python -m hug --help` need not wait for torch."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'hug' has no attribute {name!r}")
