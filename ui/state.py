"""What the page keeps and its tabs share: the question and its answer, the components in common, what a tab is."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import gradio as gr
from PIL import Image
from torch import Tensor

from analysis.labels import plain
from analysis.session import DEFAULT_K, QueryError, Session
from analysis.thumbnails import THUMBNAIL
from hug.data.corruptions import CORRUPTIONS, corrupt
from hug.retrieval.index import SearchOptions
from hug.retrieval.trace import QueryTrace
from ui.html import texts
from ui.requests import read_picture

MODEL_CALLS: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 1}  # one at a time, whoever asks
PRIVATE: dict[str, Any] = {"api_visibility": "private"}
AT_ONCE: dict[str, Any] = {"queue": False, **PRIVATE}  # what can't fail: no message of an error is shown
WORKING = 480  # pixels, short side, at which a fault is drawn: the backbone reads 160
LONGEST = 4 * WORKING  # of the long side: a strip stays small too
KINDS: dict[str, str] = texts("query_panels")["kinds"]  # of faults, for people
SEED = 0  # the same fault each time, so that only the severity changes


@dataclass(frozen=True)
class QueryRequest:
    """One question; its fields are named as the Query tab's controls."""

    model: str
    reference: str | None  # id of a gallery picture; None for an upload
    picture: str | None  # path of the upload; None with a gallery picture
    words: str
    category: str = ""  # empty for the whole gallery
    k: int = DEFAULT_K
    leave_out: bool = True  # the reference is not among the results
    kind: str = next(iter(CORRUPTIONS))  # of the fault
    severity: int = 0  # 0 is the picture as it is
    dynamic: bool = True
    use_var: bool = True
    ignored: tuple[int, ...] = ()  # components, from 1
    most: ClassVar[int] = 100  # results

    @staticmethod
    def of(values: Mapping[str, Any]) -> QueryRequest:
        """From the controls' values as the page sent them, by field name.

        Raises QueryError for a number that is none or a fault that doesn't exist.
        """
        sent, reference = values["picture"], values["reference"]
        path = sent.get("path") if isinstance(sent, dict) else sent
        ignored = (_whole(n, "Each ignored sub-feature") for n in values["ignored"] or ())
        request = QueryRequest(**{
            **values, "picture": None if reference else path, "words": values["words"] or "",
            "category": values["category"] or "", "k": _whole(values["k"], "Results"),
            "severity": _whole(values["severity"], "Severity"), "ignored": tuple(sorted(ignored)),
            **{name: bool(values[name]) for name in ("leave_out", "dynamic", "use_var")},
        })  # fmt: skip
        if request.kind not in CORRUPTIONS or request.severity not in range(6):
            raise QueryError("There is no such fault: choose one of the list, with a severity from 0 to 5.")
        return request

    def open(self, session: Session) -> Image.Image:
        """The reference without a fault, decoded.

        Raises QueryError or PictureError when there is none or it can't be read.
        """
        if self.reference:
            return session.picture(self.reference)
        if self.picture and not Path(self.picture).exists():
            raise QueryError("The uploaded picture was deleted after an hour: upload it again.")
        return read_picture(self.picture and {"path": self.picture})

    def options(self, session: Session) -> SearchOptions:
        """How it is ranked. Raises QueryError for what the session doesn't have."""
        exclude = self.reference if self.leave_out and self.reference else ""
        k = min(self.k, len(session.index))
        return session.search(k, self.category, exclude, self.ignored, self.use_var, self.dynamic)


@dataclass(frozen=True, eq=False)
class QueryResult:
    """An answered question: what every panel reads, so that none opens a picture or searches again."""

    request: QueryRequest
    trace: QueryTrace
    picture: Image.Image  # the reference without a fault, in the size at which faults are drawn
    tokens: Tensor  # (1, P, Cv) frozen tokens of the reference as the model saw it
    backbone: str  # fingerprint of what made the tokens

    @property
    def ids(self) -> tuple[str, ...]:
        """Results, nearest first."""
        return tuple(self.trace.ranking.ids[0])

    @property
    def seen(self) -> Image.Image:
        """The reference with the chosen fault, if there is one."""
        request = self.request
        return corrupt(self.picture, request.kind, request.severity, SEED) if request.severity else self.picture

    def thumbnail(self, session: Session) -> Path | Image.Image:
        """A small copy of the reference without a fault."""
        if self.request.reference:
            return session.thumbnail(self.request.reference)
        small = self.picture.copy()
        small.thumbnail((THUMBNAIL, THUMBNAIL))
        return small


def answer(session: Session, request: QueryRequest) -> QueryResult:
    """The picture is decoded here, once for all panels.

    Raises QueryError or PictureError for a question that can't be answered.
    """
    whole = request.open(session)
    working = working_copy(whole)
    picture = corrupt(working, request.kind, request.severity, SEED) if request.severity else whole
    trace = session.trace(picture, request.words, request.options(session))
    return QueryResult(request, trace, working, session.tokens(picture), session.model.backbone.fingerprint)


def answer_again(session: Session, result: QueryResult) -> QueryResult:
    """The same question answered by another model. Sub-feature 7 of another model is another one: none is ignored."""
    request = replace(result.request, model=session.name, ignored=())
    backbone, words = session.model.backbone.fingerprint, result.trace.words
    tokens = result.tokens if backbone == result.backbone else session.tokens(result.seen)
    trace = session.rank(tokens, session.queries(tokens, [words]), words, request.options(session))
    return replace(result, request=request, trace=trace, tokens=tokens, backbone=backbone)


def working_copy(picture: Image.Image) -> Image.Image:
    """The picture with a short side of at most 480 pixels and a long one of at most four times that."""
    scale = min(WORKING / min(picture.size), LONGEST / max(picture.size))
    if scale >= 1:
        return picture
    return picture.resize((max(round(picture.width * scale), 1), max(round(picture.height * scale), 1)))


def _whole(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise QueryError(f"{name} must be a whole number.")
    return int(value)


# ---- what tabs share ----


@dataclass(frozen=True)
class State:
    """Components that every tab may read and set, made by the page.

    To ask with another picture or other words, a handler sets `reference` with `picture`, or `words`, and `asks` to
    `signal()`; to let another model answer, `model` and `switches`; to open a sub-feature, `component` and `tabs`.
    """

    tabs: gr.Tabs
    model: gr.Dropdown
    result: gr.State  # of QueryResult: the last answer; the page opens with one
    visitor: gr.BrowserState  # a number that is this browser's; outside the tabs, or it would load only with its tab
    reference: gr.State  # id of the gallery picture to ask with; None for an upload
    picture: gr.Image  # of the reference; the Query tab renders it
    words: gr.Textbox  # the Query tab renders it
    ignored: gr.Dropdown  # sub-features, from 1, that are left out of the distance; the Query tab renders it
    component: gr.Dropdown  # number of a sub-feature, from 1; the Sub-features tab renders it
    asks: gr.State  # a new value makes the Query tab answer what its controls say
    switches: gr.State  # a new value makes the model in the picker the one that answers


def numbers(session: Session) -> list[tuple[str, int]]:
    """Sub-features to choose from, from 1."""
    return [(str(n), n) for n in range(1, session.model.config.components + 1)]


def categories(session: Session, value: str = "") -> dict[str, Any]:
    """Choices and value of a list of categories, the first of them all; it is there where the gallery has some."""
    choices = [("all", ""), *((plain(name), name) for name in session.categories)]
    return {"choices": choices, "value": value, "visible": bool(session.categories)}


def unless_chosen(update: dict[str, Any], current: Any) -> dict[str, Any]:
    """The update of a list without its value where that is what the visitor has: while a tab was being shown another
    choice may have been made, which stays."""
    same = (update.get("value") or None) == (current or None)
    return gr.update(**{name: value for name, value in update.items() if name != "value" or not same})


def signal() -> str:
    """A value that `State.asks` and `State.switches` have not had before."""
    return secrets.token_hex(8)


Listener = dict[str, Any]  # what happens on an event, `event(**listener)`: fn, inputs, outputs and options


def only_in(id: str, open_tab: gr.State, listener: Listener) -> Listener:
    """The same that does nothing while another tab than this is open."""
    count = len(listener["outputs"])

    def refresh(current: str, *values: Any) -> Any:
        if current == id:
            return listener["fn"](*values)
        return gr.skip() if count == 1 else [gr.skip()] * count

    return {**listener, "fn": refresh, "inputs": [open_tab, *listener["inputs"]]}


@dataclass(frozen=True)
class Tab:
    """One tab as the page sees it, returned by its `build(sessions, state)`."""

    id: str  # in links: ?tab=
    title: str
    controls: Sequence[Any]  # components that a link sets
    restore: Callable[[Mapping[str, str]], list[Any]]  # a link's parameters -> values for `controls`
    refresh: Listener | None = None  # when the tab is selected, and when a new answer comes while it is open
    arrive: Listener | None = None  # when the page opens, whatever tab it shows
