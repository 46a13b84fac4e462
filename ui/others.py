"""The tabs beside Query, in the order of the page, and the ways between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ui import train_wording, wording
from ui.crossing import opens
from ui.state import Shared
from ui.tabs import about, subfeatures, train, uncertainty

OTHERS: dict[str, tuple[str, Any]] = {  # id -> (title, module with `build(sessions, shared, query)`)
    "uncertainty": (wording.TAB_UNCERTAINTY, uncertainty),
    "sub-features": (wording.TAB_SUBFEATURES, subfeatures),
    "map": (wording.TAB_MAP, map),
    "train": (train_wording.TAB, train),
    "about": (wording.TAB_ABOUT, about),
}


def connect(built: Mapping[str, Any], shared: Shared) -> None:
    """A component pressed anywhere opens its page in Sub-features."""
    target = built["sub-features"]
    presses = [built["uncertainty"].standing.select, built["query"].component.select]
    for press in presses:
        opens(press, target.component, shared)
