from __future__ import annotations

import pytest

from analysis.workbench import Workbench
from hug.trace import QueryTrace
from tests.benches import small_bench


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    return small_bench(tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="session")
def trace(bench: Workbench) -> QueryTrace:
    return bench.trace(bench.picture("noise/0"), "red with sleeves", 5, exclude="noise/0")
