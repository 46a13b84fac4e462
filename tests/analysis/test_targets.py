"""Every aim, guard and claim is judged by its own rule, and what is missing is said."""

from __future__ import annotations

import math

from analysis.store import StudyStore
from analysis.targets import AIMS, Aim, claims, is_met, judged_claims, outcome
from hug.evaluate.bootstrap import Interval
from hug.evaluate.measurements import Metric, definition
from tests.hug.evaluate.measured import metrics


def by_id(**values: float | tuple[float, float, float]) -> dict[str, Metric]:
    return {m.id: m for m in metrics(**values)}


def test_aims_are_met_by_their_own_comparison():
    assert is_met(Aim("", ("x",), "≥", 0.8), 0.8) and not is_met(Aim("", ("x",), "≥", 0.8), 0.79)
    assert is_met(Aim("", ("x",), "≤", -0.9), -0.95) and not is_met(Aim("", ("x",), "≤", -0.9), -0.5)
    assert not is_met(Aim("", ("x",), ">", 0), 0.0) and is_met(Aim("", ("x",), "≥", 25), 25.0)
    assert is_met(Aim("", ("x",), "=", 0.5), 0.5) and not is_met(Aim("", ("x",), "=", 0.5), 0.501)
    assert is_met(Aim("", ("x",), "=", 0.5, 0.05), 0.45) and not is_met(Aim("", ("x",), "=", 0.5, 0.05), 0.44)
    assert not any(
        is_met(Aim("", ("x",), comparison, 0, 1), math.nan) for comparison in ("≥", "≤", ">", "=", "≥ paper")
    )


def test_every_aim_names_metrics_that_are_defined() -> None:
    assert all(definition(id).title for aim in AIMS for id in aim.ids)


def test_of_several_metrics_the_largest_is_judged_and_named() -> None:
    ids = ("recall.10.clean.reference", "recall.10.clean.reference.reader")
    values = by_id(**{ids[0]: 8.0, ids[1]: (11.0, 10.0, 12.0)})
    judged = outcome(Aim("", ids, "≤", 15), values)
    assert judged is not None and judged.note == "reference only, perfect reader"
    assert (judged.value, judged.low, judged.high) == (11.0, 10.0, 12.0)
    assert outcome(Aim("", (ids[1], "ece.all"), "≤", 15), values) is None
    assert outcome(Aim("", (ids[1],), "≤", 15), values) == values[ids[1]]


def test_what_is_not_below_paper_is_judged_by_the_paired_difference() -> None:
    aim = next(aim for aim in AIMS if aim.comparison == "≥ paper")
    values = by_id(**{"recall.10.clean": 89.0})
    assert outcome(aim, values) is None
    judged = outcome(aim, values, Interval(-1.0, -2.5, 0.5))
    assert judged is not None and (judged.value, judged.low, judged.high) == (-1.0, -2.5, 0.5)


def test_every_claim_is_judged_where_its_study_was_computed(store: StudyStore) -> None:
    judged = judged_claims([store])
    assert {claim.study for claim, _ in judged} <= set(store.tables) and len(judged) == 20
    verdicts = [verdict for _, (verdict,) in judged if verdict is not None]
    assert all(isinstance(v.holds, bool) and any(c.isdigit() for c in v.text) for v in verdicts)
    assert len(verdicts) >= 18


def test_a_claim_is_refuted_by_the_opposite_numbers(store: StudyStore) -> None:
    """Each rule can say both: the table is bent so that it holds, then so that it does not."""
    good, bad = {"low": 0.6, "high": 0.9}, {"low": -0.9, "high": -0.6}
    own = {claim.text: claim for claim in claims(["colour"])}
    table = store.table("severity")
    picture = own["A picture with a fault of a kind seen in training is less certain"]
    assert picture.judge(table.assign(**good)).holds and not picture.judge(table.assign(**bad)).holds
    paired = store.table("coordination")
    fit = own["The fit between picture and words is measured"]
    assert fit.judge(paired.assign(**good)).holds and not fit.judge(paired.assign(low=0.4, high=0.6)).holds
    tracking = store.table("tracking")
    colour = own["There is a component for the colour"]
    assert colour.judge(tracking.assign(tracked=True)).holds and not colour.judge(tracking.assign(tracked=False)).holds
    weights = store.table("weights")
    loses = own["A degraded reference loses weight"]
    assert loses.judge(weights.assign(low=1 - weights.level, high=1.5 - weights.level)).holds
    assert not loses.judge(weights.assign(low=weights.level, high=weights.level + 1)).holds
    loss = store.table("proposition")
    static = own["Dynamic weights lose less than 1/3 each"]
    assert static.judge(loss.assign(gain_static_low=0.1)).holds
    assert not static.judge(loss.assign(gain_static_low=-0.1)).holds
    assumed = own["Every weight falls as its source's loss rises (assumed by Proposition 1)"]
    assert assumed.judge(loss.assign(high=-0.1)).holds and not assumed.judge(loss.assign(high=[-0.1, 0.1, -0.1])).holds
    faithful = store.table("faithfulness")
    true = own["The explanations of a query are true"]
    area = faithful.order.map({"important": 2.0, "random": 1.0, "least": 0.0})
    assert true.judge(faithful.assign(area=area, p=0.01)).holds
    assert not true.judge(faithful.assign(area=-area, p=0.01)).holds
    assert not true.judge(faithful.assign(area=area, p=0.2)).holds
    chance = store.table("reliability")
    promise = own["The promised chance is kept"]
    assert promise.judge(chance.assign(hits=chance.chance)).holds
    assert not promise.judge(chance.assign(hits=(chance.chance + 0.5) % 1)).holds
