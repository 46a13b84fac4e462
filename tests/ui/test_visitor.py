from __future__ import annotations

from pathlib import Path

import pytest

from analysis.session import QueryError
from ui.visitor import require_visitor, visitor, visitor_or_new


def test_a_visitor_keeps_their_number_and_a_new_one_gets_another() -> None:
    first, second = visitor_or_new(""), visitor_or_new(None)
    assert first != second and len(first) == 32 and visitor_or_new(first) == first
    assert visitor_or_new("../../etc") != "../../etc" and visitor_or_new(5) != 5


@pytest.mark.parametrize("value", ["", None, "a", 7, "G" * 32, "0" * 33, ["0" * 32]])
def test_what_is_no_visitor_is_told_what_to_do(value: object) -> None:
    with pytest.raises(QueryError, match="keeps no data"):
        require_visitor(value)
    assert require_visitor("0123456789abcdef" * 2) == "0123456789abcdef" * 2


def test_the_secret_is_made_once_or_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUG_SECRET", raising=False)
    first = visitor(tmp_path).secret
    assert visitor(tmp_path).secret == first and len(first) == 32
    assert (tmp_path / "secret").stat().st_mode & 0o077 == 0  # the owner's alone
    monkeypatch.setenv("HUG_SECRET", "of the environment")
    assert visitor(tmp_path).secret == "of the environment"
