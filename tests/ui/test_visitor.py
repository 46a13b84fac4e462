from __future__ import annotations

from pathlib import Path

import pytest

from analysis.session import QueryError
from ui import visitor as module
from ui.visitor import require_visitor, visitor, visitor_or_new, visitor_or_nobody


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("HUG_SECRET", raising=False)
    monkeypatch.setattr(module, "RUNS", tmp_path)
    return tmp_path


def test_a_visitor_keeps_their_number_and_a_new_one_gets_another() -> None:
    first, second = visitor_or_new(""), visitor_or_new(None)
    assert require_visitor(first) != require_visitor(second) and visitor_or_new(first) == first
    assert visitor_or_nobody(first) == require_visitor(first) == first[:32]
    assert visitor_or_nobody("") != visitor_or_nobody("")


@pytest.mark.parametrize("value", ["", None, "a", 7, "0" * 32, "0" * 32 + "." + "0" * 32, ["0" * 32], "../../etc"])
def test_what_was_not_given_here_is_nobody_and_told_what_to_do(value: object) -> None:
    with pytest.raises(QueryError, match="keeps no data"):
        require_visitor(value)
    assert visitor_or_new(value) != value and visitor_or_nobody(value) != value


def test_a_number_with_another_s_signature_is_nobody() -> None:
    one, other = visitor_or_new(""), visitor_or_new("")
    for forged in (one[:32] + other[32:], one[:-1] + ("0" if one[-1] != "0" else "1"), one + "0", one.upper() + " "):
        with pytest.raises(QueryError):
            require_visitor(forged)


def test_the_secret_is_made_once_or_given_and_stays_on_the_server(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = visitor_or_new("")
    path = runs / "secret"
    secret = path.read_text()
    assert len(secret) == 32 and path.stat().st_mode & 0o077 == 0  # the owner's alone
    module._secret.cache_clear()  # as after a restart
    assert require_visitor(first) and path.read_text() == secret
    assert secret not in str(visitor().get_config())
    monkeypatch.setenv("HUG_SECRET", "of the environment")
    assert "of the environment" not in str(visitor().get_config())
    with pytest.raises(QueryError):
        require_visitor(first)  # signed with another
