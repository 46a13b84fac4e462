"""HUG: composed image retrieval one can question.

`load` a checkpoint, build an `Index` of pictures, ask `model.query(pictures, sentences)`, and search.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hug.gaussians import Gaussians, Query
    from hug.hub import CheckpointError, load
    from hug.index import Index, Ranking
    from hug.model import HUG

__all__ = ["HUG", "CheckpointError", "Gaussians", "Index", "Query", "Ranking", "load"]

_HOMES = {
    "HUG": "hug.model",
    "CheckpointError": "hug.hub",
    "Gaussians": "hug.gaussians",
    "Index": "hug.index",
    "Query": "hug.gaussians",
    "Ranking": "hug.index",
    "load": "hug.hub",
}


def __getattr__(name: str) -> Any:
    """Import on first use: `python -m hug --help` need not wait for torch."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'hug' has no attribute {name!r}")
