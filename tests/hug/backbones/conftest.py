"""Published models in tiny sizes, as folders on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.towers import KINDS, tower


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("published")
    return {kind: tower(kind, root / kind) for kind in KINDS}
