"""A picture's id stays its own under every filter and order."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from analysis.top_bottom import levels, top_bottom
from hug.gaussians import Gaussians
from hug.retrieval.index import Index


@pytest.fixture(scope="module")
def index() -> Index:
    rng = np.random.default_rng(0)
    var = torch.from_numpy(rng.integers(1, 6, (41, 3, 2)) / 8).float()  # few distinct values: many ties
    meta = {"category": [str(c) for c in rng.choice(["dress", "shirt", "toptee"], 41, p=[0.6, 0.35, 0.05])]}
    return Index([f"p{n}" for n in rng.permutation(41)], Gaussians(torch.zeros_like(var), var, torch.zeros(41)), meta)


@pytest.mark.parametrize("category", [None, "", "dress", "shirt"])
@pytest.mark.parametrize("component", [0, 1, 3])
@pytest.mark.parametrize("leave_out", [0.0, 0.2, 0.77])
def test_ids_and_values_belong_together_under_every_filter(
    index: Index, category: str | None, component: int, leave_out: float
) -> None:
    """A readable loop over the gallery finds the same pictures in the same order."""
    var = index.gaussians.var.numpy()
    value = var.mean((1, 2)) if component == 0 else var[:, component - 1].mean(1)
    overall = {i: v for i, v in zip(index.ids, var.mean((1, 2)), strict=True)}
    own = {i: v for i, v in zip(index.ids, value, strict=True)}
    group = [i for i, c in zip(index.ids, index.meta["category"], strict=True) if not category or c == category]
    rest = sorted(group, key=lambda i: overall[i])[: len(group) - int(leave_out * len(group))]
    rest = [i for i in index.ids if i in rest]

    table = levels(index, component, category, leave_out)
    assert list(table.id) == rest
    assert all(
        r.value == pytest.approx(own[r.id]) and r.overall == pytest.approx(overall[r.id]) for r in table.itertuples()
    )

    for count in (1, 4, 100):
        ends = top_bottom(index, category, component, leave_out, count)
        highest, lowest = ends[ends.end == "highest"], ends[ends.end == "lowest"]
        assert list(highest.id) == sorted(rest, key=lambda i: -own[i])[: min(count, (len(rest) + 1) // 2)]
        lower = [i for i in sorted(rest, key=lambda i: own[i]) if i not in set(highest.id)]
        assert list(lowest.id) == lower[: min(count, len(rest) // 2)]
        assert all(r.value == pytest.approx(own[r.id]) for r in ends.itertuples())
        assert list(highest.place) == list(range(1, len(highest) + 1))
        if len(lowest):
            assert highest.value.min() >= lowest.value.max()


def test_ties_keep_the_gallery_s_order() -> None:
    var = torch.full((6, 2, 1), 0.5)
    index = Index(list("fedcba"), Gaussians(torch.zeros_like(var), var, torch.zeros(6)))
    ends = top_bottom(index, None, 1, leave_out=0.34, count=2)
    assert list(levels(index, 1, leave_out=0.34).id) == ["f", "e", "d", "c"]  # of equal ones the later go
    assert list(ends.id) == ["f", "e", "d", "c"]


def test_one_picture_is_at_one_end_only(index: Index) -> None:
    alone = Index(["x"], index.gaussians[[0]], {"category": ["dress"]})
    assert list(top_bottom(alone, "dress", 1, 0.9).end) == ["highest"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((None, 4), "choose one of 1-3"), ((None, -1), "choose one of 1-3"), (("hat", 1), "no category 'hat'"),
        ((None, 1, 1.0), r"\[0, 1\)"), ((None, 1, -0.1), r"\[0, 1\)"), ((None, 1, 0.2, 0), "at least 1"),
    ],
)  # fmt: skip
def test_what_does_not_exist_is_refused(index: Index, arguments: tuple, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        top_bottom(index, *arguments)
