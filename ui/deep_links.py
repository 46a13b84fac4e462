"""Links that reopen a view: explicit parameters, checked against what exists, nothing stored."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlencode

from analysis.session import MAX_WORDS, QueryError, Sessions
from hug.data.corruptions import CORRUPTIONS
from ui.state import QueryRequest

TAB = "tab"
LONGEST = 2000  # characters of one parameter that are looked at


def parameters(query_params: Mapping[str, Any]) -> dict[str, str]:
    """The parameters of a request as plain text, unknown ones included; Gradio's own are left to it."""
    return {str(name): str(value)[:LONGEST] for name, value in query_params.items() if not name.startswith("__")}


def completed(params: Mapping[str, str], first: str, words: str) -> dict[str, str]:
    """A link that names no tab opens the first; one that names a model alone asks it the example's words."""
    if TAB in params or not params.keys() & {"reference", "model"}:
        return dict(params)
    return {TAB: first, **({} if "reference" in params else {"words": words}), **params}


def query_link(request: QueryRequest, default: str) -> str | None:
    """The link of a query, or None when its picture was uploaded; what is as it starts is left out."""
    if request.reference is None:
        return None
    settings = {
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
    settings = {name: value for name, value in settings.items() if value}
    return "?" + urlencode({TAB: "query", "reference": request.reference, "words": request.words, **settings})


def read_query(params: Mapping[str, str], sessions: Sessions) -> QueryRequest:
    """The query of a link.

    Raises QueryError naming the parameter that doesn't fit, and what is accepted.
    """
    session = sessions.get(params.get("model") or None)
    most = min(QueryRequest.most, len(session.index))
    kind = params.get("degrade") or QueryRequest.kind
    if kind not in CORRUPTIONS:
        raise QueryError(f"The link's degrade must be one of {', '.join(CORRUPTIONS)}; got {kind[:40]!r}.")
    number = partial(_number, params)
    components = session.model.config.components
    ignored = [part for part in params.get("ignore", "").split(",") if part]
    request = QueryRequest(
        model=session.name,
        reference=params.get("reference") or session.ids()[0],
        picture=None,
        words=params.get("words", ""),
        category=params.get("category", ""),
        k=number("k", 1, most, min(QueryRequest.k, most)),
        leave_out=number("leave_out", 0, 1, 1) == 1,
        kind=kind,
        severity=number("severity", 0, 5, 0),
        dynamic=number("static", 0, 1, 0) == 0,
        use_var=number("means_only", 0, 1, 0) == 0,
        ignored=tuple(sorted({_number({"ignore": part}, "ignore", 1, components) for part in ignored})),
    )
    session.picture(str(request.reference))  # raises when there is none
    session.read(request.words[: MAX_WORDS + 1])
    session.search(category=request.category, ignored=request.ignored)
    return request


def _number(params: Mapping[str, str], name: str, least: int, most: int, default: int = 0) -> int:
    value = params.get(name)
    if not value:
        return default
    if not (value.isascii() and value.isdigit() and least <= int(value) <= most):
        raise QueryError(f"The link's {name} must be a whole number from {least} to {most}; got {value[:40]!r}.")
    return int(value)
