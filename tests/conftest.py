"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from analysis.session import Session
from hug.retrieval.trace import QueryTrace
from tests.small import small_session

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Real annotations and photographs; the tests that need them say so when they are absent."""
    folder = (ROOT / os.environ.get("HUG_TEST_DATA", "../shared/data")).resolve()
    if not folder.is_dir():
        pytest.skip(f"real test data not found at {folder}; set HUG_TEST_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return small_session(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def trace(session: Session) -> QueryTrace:
    return session.trace(session.picture("noise/0"), "red with sleeves", session.search(5, exclude="noise/0"))
