"""What the readers of annotations share: files parsed and checked, ids that stay inside a folder, short lists."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, TypeAdapter, ValidationError

T = TypeVar("T")


def inside(id: str) -> str:
    """An id becomes part of a file name, so it must stay inside the folder of pictures."""
    if not id or "\\" in id or "\0" in id:
        raise ValueError("not the id of a picture")
    if id.startswith("/") or ".." in PurePosixPath(id).parts:
        raise ValueError("the id leads out of the folder of pictures")
    return id


Id = Annotated[str, AfterValidator(inside)]


def parsed(path: Path, adapter: TypeAdapter[T]) -> T:
    """A JSON file in any Unicode encoding, with or without a byte order mark.

    Raises ValueError with the file, the first entry that is wrong, and what is wrong with it.
    """
    content = path.read_bytes()
    try:
        text = content.decode(json.detect_encoding(content))
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not text in a Unicode encoding; save it as UTF-8") from None
    try:
        return adapter.validate_json(text, strict=True)
    except ValidationError as error:
        raise ValueError(f"{path}: {first_error(error)}") from None


def first_error(error: ValidationError) -> str:
    """ "entry 3 target: Field required, got …": the first thing that is wrong."""
    first = error.errors(include_url=False)[0]
    place = " ".join(["entry", *map(str, first["loc"])]) + ": " if first["loc"] else ""
    return f"{place}{first['msg'].removeprefix('Value error, ')}, got {brief(first['input'])}"


def brief(value: Any) -> str:
    """A value as Python writes it, cut at 200 characters: what came may be a whole file."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}… ({len(text)} characters)"


def some(ids: Iterable[str], most: int = 10) -> str:
    """The first few of a list, and how many more there are."""
    every = list(ids)
    more = f" and {len(every) - most:,} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more


def check_hidden(path: Path, targets: Sequence[str | None], split: str) -> None:
    """Only a test split may hide its targets, and then all of them. Raises ValueError with the entries' places."""
    hidden = [str(n) for n, target in enumerate(targets) if target is None]
    if hidden and (split != "test" or len(hidden) < len(targets)):
        raise ValueError(
            f"{path}: {len(hidden)} of {len(targets)} entries have no target: {some(hidden)}; "
            "only a test split may hide its targets, and then all of them"
        )
