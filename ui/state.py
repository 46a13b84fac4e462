"""What the tabs share: the model picker and the current query."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Listener:
    """What happens on an event: `event(**listener.arguments)`."""

    fn: Callable[..., Any]
    inputs: Sequence[Any]
    outputs: Sequence[Any]
    options: Mapping[str, Any] = field(default_factory=dict)  # queue, concurrency, progress

    @property
    def arguments(self) -> dict[str, Any]:
        return {"fn": self.fn, "inputs": list(self.inputs), "outputs": list(self.outputs), **self.options}


@dataclass(frozen=True)
class Tab:
    """One tab as the page sees it."""

    id: str  # in links: ?tab=
    title: str
    refresh: Listener  # when the tab is selected, and when a new answer comes while it is open
    controls: Sequence[Any]  # components that a link sets
    restore: Callable[[Mapping[str, str]], list[Any]]  # a link's parameters -> values for `controls`
