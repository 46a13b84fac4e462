"""Reading ahead changes the time and nothing else."""

from __future__ import annotations

import pytest

from hug.train.ahead import Ahead


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_every_step_gets_its_own_once(workers: int):
    asked: list[int] = []
    ahead = Ahead(lambda step: asked.append(step) or step * step, workers, end=7)
    assert [ahead.at(step) for step in range(2, 7)] == [4, 9, 16, 25, 36]
    ahead.close()
    assert sorted(asked) == [2, 3, 4, 5, 6]


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_is_told_at_its_step(workers: int):
    def make(step: int) -> int:
        if step == 1:
            raise ValueError("a.png is damaged")
        return step

    ahead = Ahead(make, workers, end=3)
    assert ahead.at(0) == 0
    with pytest.raises(ValueError, match="a.png is damaged"):
        ahead.at(1)
    assert ahead.at(2) == 2
    ahead.close()
