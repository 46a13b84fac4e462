"""Each loss against plain loops, hand values, and what its gradient must do."""

import math
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from hug.config import OBJECTIVES
from hug.gaussians import Gaussians, Query, merge
from hug.losses import (
    ERROR_FLOOR,
    Criterion,
    DegradedVariances,
    FaultyPictures,
    Negatives,
    Outputs,
    Pair,
    RemovedMeans,
    RemovedVariances,
    _FineContrast,
    agreement,
    apart,
    division,
    error_likelihood,
    fine_contrast,
    holistic_contrast,
    point_contrast,
    ranking,
    source_likelihood,
    specialisation,
    view_likelihood,
)
from hug.train.batch import views_needed


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_holistic_contrast_equals_a_readable_loop():
    torch.manual_seed(0)
    d, a, b = torch.rand(5, 5), torch.tensor(7.4), torch.tensor(-1.0)
    matches = torch.eye(5, dtype=torch.bool)
    matches[0, 3] = True
    total = 0.0
    for i in range(5):
        for j in range(5):
            z = float(-(a * d[i, j] + b))
            total -= math.log(sigmoid(z) if matches[i, j] else sigmoid(-z))
    assert holistic_contrast(d, matches, a, b).item() == pytest.approx(total / 5, rel=1e-5)


def test_holistic_contrast_survives_huge_distances():
    d = torch.full((2, 2), 1e4, requires_grad=True)
    loss = holistic_contrast(d, torch.eye(2, dtype=torch.bool), torch.tensor(7.4), torch.tensor(-1.0))
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(d.grad).all() and d.grad.diagonal().min() > 0


def test_point_contrast_is_cross_entropy_when_matches_are_the_diagonal():
    torch.manual_seed(0)
    d = torch.rand(6, 6)
    expected = F.cross_entropy(-3 * d, torch.arange(6))
    torch.testing.assert_close(point_contrast(d, torch.eye(6, dtype=torch.bool), torch.tensor(3.0)), expected)


def naive_fine(var_q, var_c, a, b, component, instance, modality):
    sides = [F.normalize(var_q, dim=-1), F.normalize(var_c, dim=-1)]
    batch, k, _ = var_q.shape

    def pull(x, y):
        return -math.log(sigmoid(-(a * float((x - y).square().sum()) + b)))

    def push(x, y):
        return -math.log(sigmoid(a * float((x - y).square().sum()) + b))

    lists = {"positive": [], "component": [], "instance": [], "modality": []}
    for s in range(2):
        for i in range(batch):
            for c in range(k):
                anchor = sides[s][i, c]
                lists["positive"].append(pull(anchor, sides[1 - s][i, c]))
                for j in range(batch):
                    for e in range(k):
                        if e == c:
                            continue
                        same = "component" if i == j else "instance"
                        lists[same].append(push(anchor, sides[s][j, e]))
                        lists["modality"].append(push(anchor, sides[1 - s][j, e]))
    on = {"positive": True, "component": component, "instance": instance, "modality": modality}
    return sum(sum(v) / len(v) for key, v in lists.items() if on[key])


@pytest.mark.parametrize("switches", [(1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0)])
def test_fine_contrast_equals_a_readable_loop(switches):
    torch.manual_seed(0)
    q, c = torch.rand(3, 4, 5), torch.rand(3, 4, 5)
    on = [bool(s) for s in switches]
    got = fine_contrast(q, c, torch.tensor(4.0), torch.tensor(-2.0), *on).item()
    assert got == pytest.approx(naive_fine(q, c, 4.0, -2.0, *on), rel=1e-4)


def test_fine_contrast_has_the_gradient_of_its_value():
    """Written by hand, so compared with differences; of one instance and of several."""
    torch.manual_seed(0)
    a, b = (torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in (4.0, -2.0))
    for batch in (1, 3):
        q, c = (torch.rand(batch, 3, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
        assert torch.autograd.gradcheck(fine_contrast, (q, c, a, b))


def test_fine_contrast_is_the_same_in_strips_of_any_size(monkeypatch: pytest.MonkeyPatch):
    torch.manual_seed(0)
    q, c = (torch.rand(5, 4, 6).requires_grad_() for _ in range(2))
    a, b = torch.tensor(4.0, requires_grad=True), torch.tensor(-2.0, requires_grad=True)
    found = []
    for rows in (1, 12, 1000):
        monkeypatch.setattr(_FineContrast, "ROWS", rows)
        loss = fine_contrast(q, c, a, b)
        found.append((loss, *torch.autograd.grad(loss, (q, c, a, b))))
    for other in found[1:]:
        torch.testing.assert_close(other, found[0], rtol=1e-5, atol=1e-6)


def test_fine_contrast_ignores_the_scale_of_variance_vectors():
    q, c = torch.rand(3, 4, 5), torch.rand(3, 4, 5)
    a, b = torch.tensor(4.0), torch.tensor(-2.0)
    torch.testing.assert_close(fine_contrast(q, c, a, b), fine_contrast(7 * q, 0.1 * c, a, b))


def test_coordination_as_in_the_paper_by_hand():
    own, foreign = torch.full((1, 2, 2), 0.1), torch.full((1, 2, 2), 0.4)
    assert ranking(own, foreign, log=False).item() == pytest.approx(-math.log(sigmoid(0.3)))


def test_coordination_on_logs_is_free_of_scale_and_has_a_far_larger_gradient():
    own, foreign = torch.full((1, 2, 2), 0.01), torch.full((1, 2, 2), 0.02)
    torch.testing.assert_close(ranking(own, foreign, 4.0), ranking(10 * own, 10 * foreign, 4.0))
    assert ranking(own, foreign, 4.0).item() == pytest.approx(-math.log(sigmoid(4 * math.log(2))))


def a_query(batch=4, k=3, d=5) -> Query:
    sources = [torch.rand(batch, k, d).requires_grad_() for _ in range(3)]
    var, weights = merge(*sources)
    return Query(torch.randn(batch, k, d).requires_grad_(), var, *sources, weights)


def some(batch=4, k=3, d=5) -> Gaussians:
    return Gaussians(
        torch.randn(batch, k, d).requires_grad_(),
        torch.rand(batch, k, d).requires_grad_(),
        torch.randn(batch).requires_grad_(),
    )


def test_error_likelihood_leaves_means_alone_and_is_least_at_the_true_error():
    q, c = a_query(), some()
    error_likelihood(q, c).backward()
    assert q.mu.grad is None and c.mu.grad is None and c.var.grad is not None
    one = torch.ones(1, 1, 1)

    def at(v: float) -> float:
        half = torch.full((1, 1, 1), v / 2)
        query = Query(0.3 * one, half, half, half, half, torch.ones(1, 3, 1, 1) / 3)
        return error_likelihood(query, Gaussians(0 * one, half, torch.zeros(1))).item()

    assert at(0.09) < at(0.05) and at(0.09) < at(0.2)  # error^2 = 0.09 = var_q + var_c


def test_source_likelihood_teaches_each_source_its_own_error_and_not_the_means():
    q, c = a_query(), some()
    source_likelihood(q, c).backward()
    assert q.mu.grad is None and c.mu.grad is None
    assert all(source.grad is not None for source in (q.var_r, q.var_t, q.var_m))
    one, tiny = torch.ones(1, 1, 1), torch.full((1, 1, 1), 1e-6)

    def at(v: float) -> float:
        words = torch.full((1, 1, 1), v)
        query = Query(0.3 * one, tiny, 0.09 * one, words, 0.09 * one, torch.ones(1, 3, 1, 1) / 3)
        return source_likelihood(query, Gaussians(0 * one, tiny, torch.zeros(1))).item()

    assert at(0.09) < at(0.05) and at(0.09) < at(0.2)  # what the words can know, whatever the merge says


def test_view_likelihood_is_least_where_the_variance_is_the_shift_and_leaves_means_alone():
    mu, before = torch.rand(3, 2, 4, requires_grad=True), torch.rand(3, 2, 4, requires_grad=True)
    shift = (mu - before).detach().square() + ERROR_FLOOR
    still = torch.full_like(shift, ERROR_FLOOR)
    best = view_likelihood(FaultyPictures(mu, shift.clone().requires_grad_(), before, still.clone()))
    for factor in (0.5, 2.0):
        assert view_likelihood(FaultyPictures(mu, factor * shift, before, still)) > best
        assert view_likelihood(FaultyPictures(mu, shift, before, factor * still)) > best
    best.backward()
    assert mu.grad is None and before.grad is None


def test_where_views_teach_the_pictures_the_error_does_not():
    out, objective = full_outputs(), OBJECTIVES["likelihood"]
    var_c, var_r = out.target.var.requires_grad_(), out.query.var_r.requires_grad_()
    terms = Criterion(objective).terms(out)
    terms["nll_sources"].backward(retain_graph=True)
    assert var_c.grad is None and (var_r.grad is None or not var_r.grad.any())
    terms["nll"].backward(retain_graph=True)  # through the merge
    assert var_c.grad is None and var_r.grad.any()
    Criterion(objective.replace(nll_views=0.0)).terms(out)["nll_sources"].backward()
    assert var_c.grad.any()


def test_further_negatives_push_and_those_that_match_do_not():
    out, objective = full_outputs(), OBJECTIVES["likelihood"]
    alone = Criterion(objective).terms(replace(out, negatives=None))["hc"]
    assert Criterion(objective).terms(out)["hc"] > alone
    same = Negatives(out.target, out.matches)  # every target twice: a match more for each
    torch.testing.assert_close(Criterion(objective).terms(replace(out, negatives=same))["hc"], alone)


def test_division_is_least_when_each_aspect_moves_a_component_of_its_own():
    aspect, before = torch.tensor([0, 1, 0, 1]), torch.zeros(4, 4, 3)
    own, same, even = (torch.zeros(4, 4, 3) for _ in range(3))
    own[[0, 2], 1], own[[1, 3], 3] = 1.0, 5.0  # by shares: how far does not count
    same[:, 2] = 1.0
    even[:] = 0.7
    values = [division(RemovedMeans(before, after, aspect)).item() for after in (own, same, even)]
    assert values == pytest.approx([-1.0, 0.0, 0.0], abs=1e-6)
    assert division(RemovedMeans(before, own, torch.zeros(4, dtype=torch.long))).item() == 0.0


def test_views_are_made_for_the_terms_that_read_them_and_for_faults():
    assert views_needed(OBJECTIVES["paper"]) == set() and views_needed(OBJECTIVES["calibrated"]) == {
        "degraded",
        "removed",
    }
    assert views_needed(OBJECTIVES["likelihood"]) == {"degraded", "removed"}
    assert views_needed(OBJECTIVES["paper"].replace(spec=0.1)) == {"removed"}


def test_agreement_equals_the_correlation_of_the_log_levels():
    var = torch.rand(20, 4, 3)
    found = np.corrcoef(var.mean(-1).log().numpy(), rowvar=False)
    expected = np.square(found[~np.eye(4, dtype=bool)]).mean()
    assert agreement(var).item() == pytest.approx(expected, rel=1e-4)
    together = torch.rand(20, 1, 3).expand(20, 4, 3)
    assert agreement(together).item() == pytest.approx(1, rel=1e-4)
    assert agreement(torch.full((5, 4, 3), 0.1)).item() == pytest.approx(0, abs=1e-6)  # nothing varies


def test_specialisation_prefers_one_component_an_aspect():
    before = torch.full((4, 3, 2), 0.1)
    aspect = torch.tensor([0, 1, 0, 1])
    apart, together = before.clone(), before.clone()
    apart[[0, 2], 0] *= 3
    apart[[1, 3], 2] *= 3
    together[:, 0] *= 3
    falling = before.clone()
    falling[[0, 2], 1:] /= 3
    falling[[1, 3], :2] /= 3
    losses = [specialisation(RemovedVariances(before, x, aspect), 5.0, 4.0).item() for x in (apart, together, falling)]
    assert losses[0] < losses[1] and losses[0] < losses[2]


def test_specialisation_with_one_aspect_in_the_batch_still_asks_for_a_rise():
    before = torch.full((2, 3, 2), 0.1)
    risen, fallen = (RemovedVariances(before, f * before, torch.tensor([1, 1])) for f in (2, 0.5))
    assert specialisation(risen, 5.0, 4.0) < specialisation(fallen, 5.0, 4.0)


def full_outputs() -> Outputs:
    a, b, c = (torch.rand(4, 3, 5) for _ in range(3))
    return Outputs(
        a_query(),
        some(),
        torch.eye(4, dtype=torch.bool),
        foreign=Pair(a, b),
        degraded=DegradedVariances(a, b, c),
        shortened=Pair(a, b),
        mined=Pair(a, b),
        removed=RemovedVariances(a, b, torch.tensor([0, 1, 2, 0])),
        faulty=FaultyPictures(c, a, b, b),
        aspects=RemovedMeans(a, b, torch.tensor([0, 1, 2, 0])),
        negatives=Negatives(some(), torch.zeros(4, 4, dtype=torch.bool)),
        clean=a,
    )


def test_apart_is_the_ranking_of_every_pair():
    less, more = torch.rand(3, 2, 4), torch.rand(5, 2, 4)
    pairs = [ranking(less[i : i + 1], more[j : j + 1], 4.0) for i in range(3) for j in range(5)]
    torch.testing.assert_close(apart(less, more, 4.0), torch.stack(pairs).mean())


def test_any_clean_picture_is_ranked_against_the_more_degraded_views_only():
    objective = OBJECTIVES["calibrated"].replace(picture_apart=1.0)
    out = full_outputs()
    term = Criterion(objective).terms(out)["picture_apart"]
    torch.testing.assert_close(term, apart(out.clean, out.degraded.more, objective.temperature))
    assert "picture_apart" not in Criterion(objective).terms(replace(out, degraded=None))


def test_each_degraded_view_is_ranked_against_the_next_better_one():
    out = full_outputs()
    term = Criterion(OBJECTIVES["calibrated"]).terms(out)["picture_rank"]
    views, t = out.degraded, OBJECTIVES["calibrated"].temperature
    expected = (ranking(views.picture, views.less, t) + ranking(views.less, views.more, t)) / 2
    torch.testing.assert_close(term, expected)


def test_each_objective_has_its_terms():
    terms = {name: set(Criterion(o).terms(full_outputs())) for name, o in OBJECTIVES.items()}
    assert terms["paper"] == {"hc", "fc", "cord"}
    assert terms["point"] == {"hc"}
    assert terms["likelihood"] == {"hc", "cord_mined", "nll", "nll_sources", "nll_views", "divide"}
    assert terms["calibrated"] == {
        "hc", "fc", "cord", "cord_mined", "bias_l2", "nll", "nll_sources", "picture_rank", "text_rank", "spec", "agree",
    }  # fmt: skip


@pytest.mark.parametrize("objective", ["calibrated", "likelihood"])
def test_every_weight_reaches_the_sum_and_zero_switches_off(objective: str):
    out = full_outputs()
    base = OBJECTIVES[objective]
    total, terms = Criterion(base)(out)
    for name in set(terms) - {"hc"}:
        if name == "nll_views":  # without it the error teaches the pictures' variance instead
            continue
        doubled, _ = Criterion(base.replace(**{name: 2 * getattr(base, name)}))(out)
        extra = getattr(base, name) * terms[name]
        torch.testing.assert_close(doubled - total, extra, rtol=1e-3, atol=1e-5)
        assert name not in Criterion(base.replace(**{name: 0.0})).terms(out)


def test_what_the_data_cannot_supply_is_left_out():
    full = full_outputs()
    optional = {f.name: None for f in fields(Outputs) if f.name not in ("query", "target", "matches")}
    assert set(Criterion(OBJECTIVES["calibrated"]).terms(replace(full, **optional))) == {
        "hc", "fc", "bias_l2", "nll", "nll_sources",
    }  # fmt: skip


def test_a_common_bias_of_all_candidates_changes_no_match():
    out = full_outputs()
    criterion = Criterion(OBJECTIVES["calibrated"])
    shifted = replace(out, target=Gaussians(out.target.mu, out.target.var, out.target.bias + 3))
    torch.testing.assert_close(criterion.terms(out)["hc"], criterion.terms(shifted)["hc"])
