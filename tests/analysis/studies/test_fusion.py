"""The weights by the model's own calls; Proposition 1's numbers against the loss that trains the model."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from analysis.experiments import Experiments, Skipped
from analysis.registry import STUDIES
from analysis.studies.fusion import measure_weights, proposition_table, query_losses, say_proposition, say_weights
from hug.config import OBJECTIVES
from hug.gaussians import Gaussians, Query, distance, merge
from hug.losses import holistic_contrast
from tests.hug.conftest import small_model


def made_up(count: int, seed: int = 0, k: int = 3, d: int = 4) -> tuple[Query, Gaussians]:
    rng = torch.Generator().manual_seed(seed)
    mu, other = torch.randn(count, k, d, generator=rng), torch.randn(count, k, d, generator=rng)
    sources = [torch.rand(count, k, d, generator=rng) * 0.9 + 0.05 for _ in range(3)]
    var, share = merge(*sources)
    target = Gaussians(other, torch.rand(count, k, d, generator=rng), torch.randn(count, generator=rng))
    return Query(mu, var, *sources, share), target


def test_the_parts_sum_to_the_loss_of_training() -> None:
    query, target = made_up(40)
    names = [str(n % 37) for n in range(40)]  # three targets occur twice
    losses = query_losses(query, target, names, query.overall[:, None], 3.0, -1.5)
    matches = torch.tensor([[a == b for b in names] for a in names])
    centred = Gaussians(target.mu, target.var, target.bias - target.bias.mean())
    whole = holistic_contrast(distance(query, centred), matches, torch.tensor(3.0), torch.tensor(-1.5))
    assert losses.shape == (40, 1) and losses.mean() == pytest.approx(float(whole), rel=1e-5)


def test_every_query_is_in_one_batch_and_order_does_not_matter_within() -> None:
    query, target = made_up(150)
    losses = query_losses(query, target, [str(n) for n in range(150)], query.overall[:, None], 3.0, -1.5)
    assert (losses > 0).all() and len(losses) == 150


def test_equal_variances_leave_nothing_to_weigh() -> None:
    query, target = made_up(70)
    equal = Query(query.mu, query.var_r, query.var_r, query.var_r, query.var_r, torch.full_like(query.weights, 1 / 3))
    table = proposition_table(equal, target, [str(n) for n in range(70)], 3.0, -1.5, 50)
    assert np.ptp(table.loss_source) == pytest.approx(0, abs=1e-6)
    assert table.gain_static.abs().max() < 1e-6 and table.gain_own.abs().max() < 1e-6
    assert (table.correlation == 0).all() and not table.isna().any().any()


def test_a_weight_that_falls_as_its_loss_rises_is_found() -> None:
    """The picture's variance follows the query's error: its loss rises where its weight falls."""
    query, _ = made_up(300)
    near = torch.rand(300, 1, 1, generator=torch.Generator().manual_seed(1))
    target = Gaussians(query.mu + 2 * near, torch.full_like(query.mu, 0.1), torch.zeros(300))
    var_r = (0.05 + 0.9 * near).expand_as(query.mu).contiguous()
    var, share = merge(var_r, query.var_t, query.var_m)
    moved = Query(query.mu, var, var_r, query.var_t, query.var_m, share)
    table = proposition_table(moved, target, [str(n) for n in range(300)], 3.0, -1.5, 100).set_index("source")
    assert table.covariance["picture"] < 0 and table.high["picture"] < 0
    np.testing.assert_allclose(table.correlation.abs() <= 1, True)
    static = moved.sources.mean(1).mean((1, 2))
    by_hand = query_losses(moved, target, [str(n) for n in range(300)], static[:, None], 3.0, -1.5).mean()
    assert table.loss_static.iloc[0] == pytest.approx(by_hand)
    assert table.gain_static.iloc[0] == pytest.approx(by_hand - table.loss_dynamic.iloc[0])


def test_the_sentence_follows_the_intervals() -> None:
    query, target = made_up(70)
    table = proposition_table(query, target, [str(n) for n in range(70)], 3.0, -1.5, 50)
    worse = table.assign(gain_static_low=-0.2, gain_static_high=-0.1, gain_own_low=-0.1, gain_own_high=0.1, high=0.1)
    said = say_proposition(worse)
    assert "holds for none" in said and "is higher with dynamic" in said and "means the same, within chance" in said


def test_weights_sum_to_one_and_are_those_of_the_model(experiments: Experiments) -> None:
    table = measure_weights(experiments)
    sums = table.groupby(["change", "level"]).weight.sum()
    np.testing.assert_allclose(sums, 1, atol=1e-5)
    assert set(table.change) == {"severity", "vague", "conflicting"}
    for level, query in enumerate((experiments.coordination.fits, experiments.coordination.lacks)):
        own = table[(table.change == "conflicting") & (table.level == level)]
        np.testing.assert_allclose(own.weight, query.weights.mean((0, 2, 3)).numpy(), atol=1e-6)


def test_a_rising_weight_is_not_said_to_fall() -> None:
    def moved(last: float) -> pd.DataFrame:
        rows = [("vague", n, "words", w, w - 0.01, w + 0.01) for n, w in enumerate((0.3, last))]
        return pd.DataFrame(rows, columns=["change", "level", "source", "weight", "low", "high"])

    assert "falls from" in say_weights(moved(0.2)) and "rises from" in say_weights(moved(0.4))
    assert "stays, within chance, from" in say_weights(moved(0.305))


def test_a_model_without_the_loss_or_its_scales_is_skipped(experiments: Experiments, tmp_path: object) -> None:
    for changes, reason in (
        ({"model": small_model(OBJECTIVES["point"]).eval()}, "Eq. 13"), ({"folder": tmp_path}, r"no training\.jsonl"),
    ):  # fmt: skip
        bare = dataclasses.replace(experiments, session=dataclasses.replace(experiments.session, **changes))
        with pytest.raises(Skipped, match=reason):
            STUDIES["proposition"].measure(bare)
