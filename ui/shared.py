"""What the tabs share: the model picker and the current query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from hug.gaussians import Query

MODEL_CALLS: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 1}  # one at a time, whoever asks
PRIVATE: dict[str, Any] = {"api_visibility": "private"}


@dataclass(frozen=True)
class Asked:
    """The query that was answered last."""

    model: str
    reference: str | None  # id of a gallery picture; None for an upload
    words: str
    category: str  # empty for the whole gallery
    query: Query  # B = 1
    results: tuple[str, ...]  # ids, nearest first


@dataclass(frozen=True)
class Shared:
    """Components that every tab may read and set."""

    tabs: gr.Tabs
    model: gr.Dropdown
    asked: gr.State  # of Asked, or None before the first answer
    visitor: gr.BrowserState  # a number that is this browser's; outside the tabs, or it would load only with its tab
