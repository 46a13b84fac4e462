"""Links that reopen a view: explicit parameters, checked against what exists, nothing stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from analysis.session import MAX_WORDS, QueryError, Sessions
from hug.data.corruptions import CORRUPTIONS
from ui import wording
from ui.state import QueryRequest

TAB = "tab"
LONGEST = 2000  # characters of one parameter that are looked at


def parameters(query_params: Mapping[str, Any]) -> dict[str, str]:
    """The parameters of a request as plain text, unknown ones included; Gradio's own are left to it."""
    return {str(name): str(value)[:LONGEST] for name, value in query_params.items() if not name.startswith("__")}


def query_link(request: QueryRequest, default: str) -> str | None:
    """The link of a query, or None when its picture was uploaded; what is as it starts is left out."""
    if request.reference is None:
        return None
    known = {
        "model": request.model if request.model != default else "",
        "category": request.category,
        "k": str(request.k) if request.k != QueryRequest.k else "",
        "leave_out": "" if request.leave_out else "0",
        "degrade": request.kind if request.severity else "",
        "severity": str(request.severity) if request.severity else "",
        "static": "" if request.dynamic else "1",
        "means_only": "" if request.use_var else "1",
        "ignore": ",".join(map(str, request.ignored)),
    }
    said = {name: value for name, value in known.items() if value}
    return "?" + urlencode({TAB: "query", "reference": request.reference, "words": request.words, **said})


def opened_query(params: Mapping[str, str], sessions: Sessions) -> QueryRequest:
    """The query of a link.

    Raises QueryError naming the parameter that doesn't fit, and what is accepted.
    """
    model = params.get("model") or sessions.default
    session = sessions.get(model)
    reference = params.get("reference") or session.ids()[0]
    session.picture(reference)  # raises when there is none
    category, words = params.get("category", ""), params.get("words", "")
    session.checked(words[: MAX_WORDS + 1], category)
    components = session.model.config.components
    return QueryRequest(
        model=model,
        reference=reference,
        picture=None,
        words=words,
        category=category,
        k=_whole(params, "k", 1, min(QueryRequest.most, len(session.index)), min(QueryRequest.k, len(session.index))),
        leave_out=_flag(params, "leave_out", True),
        kind=_kind(params),
        severity=_whole(params, "severity", 0, 5, 0),
        dynamic=not _flag(params, "static", False),
        use_var=not _flag(params, "means_only", False),
        ignored=tuple(_components(params.get("ignore", ""), components)),
    )


def _whole(params: Mapping[str, str], name: str, least: int, most: int, otherwise: int) -> int:
    value = params.get(name, "")
    if not value:
        return otherwise
    if not (value.isascii() and value.isdigit() and least <= int(value) <= most):
        raise QueryError(wording.LINK_NUMBER.format(name=name, least=least, most=most, value=value[:40]))
    return int(value)


def _flag(params: Mapping[str, str], name: str, otherwise: bool) -> bool:
    value = params.get(name, "")
    if value not in ("", "0", "1"):
        raise QueryError(wording.LINK_NUMBER.format(name=name, least=0, most=1, value=value[:40]))
    return otherwise if value == "" else value == "1"


def _kind(params: Mapping[str, str]) -> str:
    kind = params.get("degrade", "") or QueryRequest.kind
    if kind not in CORRUPTIONS:
        raise QueryError(wording.LINK_KIND.format(value=kind[:40], known=", ".join(CORRUPTIONS)))
    return kind


def _components(value: str, count: int) -> list[int]:
    """Components counted from 1, in order."""
    parts = [part for part in value.split(",") if part]
    if not all(part.isascii() and part.isdigit() and 1 <= int(part) <= count for part in parts):
        raise QueryError(wording.LINK_NUMBER.format(name="ignore", least=1, most=count, value=value[:40]))
    return sorted({int(part) for part in parts})
