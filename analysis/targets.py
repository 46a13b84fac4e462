"""What is judged, each by one stated rule: the release's aims, its data's guards, claims of the paper's figures.

The rows are in `targets.json`: aims and guards as the fields of `Aim`, claims with the name of their judge.
"""

import json
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from analysis.plots import estimate, listed
from analysis.store import StudyStore
from analysis.studies.fusion import correlations
from analysis.studies.selective_prediction import NAMES, mean_gap
from hug.data.corruptions import TRAINED, UNSEEN
from hug.evaluate.bootstrap import Interval
from hug.evaluate.measurements import Metric

CHANCE = NAMES["chance"]
UNCERTAINTIES = (CHANCE, NAMES["means"], NAMES["overall"])  # the rest are known without a variance

COMPARISONS: dict[str, Callable[[float, float], bool]] = {"≥": operator.ge, "≤": operator.le, ">": operator.gt}

# ---- aims and guards: metrics against a bound ----


class Aim(NamedTuple):
    """`ids` name metrics; of several the largest is judged."""

    name: str
    ids: tuple[str, ...]
    comparison: str  # "≥", "≤", ">", "=" (give or take `slack`) or "≥ paper" (plus the bound)
    bound: float
    slack: float = 0.0


def _aims(section: str) -> Iterator[Aim]:
    """A row that names a kind of fault stands for all of them."""
    for name, ids, *rest in _TABLES[section]:
        kinds = TRAINED if "{trained}" in name else UNSEEN if "{unseen}" in name else ("",)
        for kind in kinds:
            words = {"trained": kind, "unseen": kind}
            yield Aim(name.format(**words), tuple(id.format(**words) for id in ids), *rest)


_TABLES = json.loads(Path(__file__).with_name("targets.json").read_text(encoding="utf-8"))
AIMS, GUARDS = tuple(_aims("aims")), tuple(_aims("guards"))


def outcome(aim: Aim, metrics: Mapping[str, Metric], above_paper: Interval | None = None) -> Metric | None:
    """What an aim compares with its bound; None when it was not measured. Of several metrics the note names the judged.

    `above_paper` is the lead over the objective `paper`, where an aim asks for it.
    """
    if aim.comparison == "≥ paper":
        return None if above_paper is None else Metric(aim.ids[0], *above_paper)
    if any(id not in metrics for id in aim.ids):
        return None
    judged = max((metrics[id] for id in aim.ids), key=lambda m: float(m.value))
    if len(aim.ids) == 1:
        return judged
    return replace(judged, note=", ".join(filter(None, [judged.title.split(" R@")[0], judged.note])))


def is_met(aim: Aim, value: float) -> bool:
    """Whether a value keeps the bound; NaN never does."""
    if aim.comparison == "=":
        return abs(value - aim.bound) <= aim.slack + 1e-9
    return COMPARISONS[aim.comparison.split()[0]](value, aim.bound)


# ---- claims: a study's table confirms or refutes ----


@dataclass(frozen=True)
class Verdict:
    """`text` has the numbers."""

    holds: bool
    text: str


@dataclass(frozen=True)
class Claim:
    """A sentence, the rule, the study that judges it, and the part of its table: column -> value."""

    text: str
    rule: str
    study: str
    part: Mapping[str, str]
    verdict: Callable[[pd.DataFrame], Verdict | None]  # None where the part doesn't have what is needed

    def judge(self, table: pd.DataFrame) -> Verdict | None:
        """None where the table doesn't have what the claim is about."""
        for column, value in self.part.items():
            table = table[table[column] == value]
        return self.verdict(table) if len(table) else None


def _worse(table: pd.DataFrame) -> Verdict:
    last = table[table.severity == table.severity.max()]
    values = ", ".join(f"{r.kind} {estimate(r, 'value')}" for r in last.itertuples())
    return Verdict(bool((last.low > 0).all()), f"log variance at the worst severity against none: {values}")


def _bins(table: pd.DataFrame) -> Verdict:
    first, last = _ends(table, "bin")
    text = (
        f"R@10 {100 * first.recall:.0f} % [{100 * first.low:.0f}, {100 * first.high:.0f}] in the most certain tenth, "
        f"{100 * last.recall:.0f} % [{100 * last.low:.0f}, {100 * last.high:.0f}] in the least certain"
    )
    return Verdict(bool(last.high < first.low), text)


def _ends(table: pd.DataFrame, by: str) -> tuple[pd.Series, pd.Series]:
    ordered = table.sort_values(by)
    return ordered.iloc[0], ordered.iloc[-1]


def _beats(table: pd.DataFrame) -> Verdict | None:
    part = table.set_index("by")
    rivals = part.drop(index=[n for n in UNCERTAINTIES if n in part.index])
    if CHANCE not in part.index or rivals.empty:
        return None
    own, best = part.loc[CHANCE], rivals.loc[rivals.auroc.idxmax()]
    values = [f"{row.name} {estimate(row, 'auroc', '.3f')}" for row in (own, best)]
    return Verdict(bool(own.auroc > best.auroc), f"AUROC for a miss: {', '.join(values)}")


def _promise(table: pd.DataFrame, points: float) -> Verdict:
    error = mean_gap(table)
    return Verdict(error <= points, f"mean difference of promised chance and share of hits {error:.1f} points")


def _fit_tells(table: pd.DataFrame) -> Verdict:
    rows = table.set_index("source")
    fit, words, picture = rows.loc["fit"], rows.loc["words"], rows.loc["picture"]
    text = (
        f"the fit is right in {100 * fit.share:.1f} % of {fit.pairs:.0f} pairs [{100 * fit.low:.1f}, "
        f"{100 * fit.high:.1f}], the words in {100 * words.share:.1f} %, the picture in {100 * picture.share:.1f} % "
        f"[{100 * picture.low:.1f}, {100 * picture.high:.1f}]"
    )
    return Verdict(bool(fit.low > 0.5), text)


def _tracked(table: pd.DataFrame) -> Verdict:
    best, count = _ends(table, "place")[0], int(table.tracked.sum())
    text = (
        f"component {best.component} {best.delta:+.2f} when it is removed, {best.next_delta:+.2f} when "
        f"{best.next_aspect} is, {best.control:+.2f} with an equal area covered elsewhere (p = {best.p:.2g}); "
        f"η² {best.eta2:.2f} (p = {best.eta2_p:.2g}); {count} component{'s' if count != 1 else ''} in all"
    )
    return Verdict(count > 0, text)


def _loses(table: pd.DataFrame) -> Verdict:
    first, last = _ends(table, "level")
    text = f"weight of the {first.source} from {first.weight:.3f} to {last.weight:.3f}"
    return Verdict(bool(last.high < first.low), text)


def _assumed(table: pd.DataFrame) -> Verdict:
    return Verdict(bool((table.high < 0).all()), f"correlation of weight and loss: {correlations(table)}")


def _gains(table: pd.DataFrame, against: str) -> Verdict:
    first = table.iloc[0]
    value, low, high = (first[f"gain_{against}{end}"] for end in ("", "_low", "_high"))
    return Verdict(bool(low > 0), f"loss {value:+.4f} [{low:+.4f}, {high:+.4f}] without the dynamic weights")


def _faithful(table: pd.DataFrame) -> Verdict:
    areas = table.groupby(["explains", "order"], sort=False)[["area", "p"]].first().unstack()
    wrong = areas.index[(areas.area.important <= areas.area.random) | (areas.p.important > 0.05)]
    text = "; ".join(
        f"{name} {r.area.important:+.2f} against {r.area.random:+.2f} at random (p = {r.p.important:.2g})"
        for name, r in areas.iterrows()
    )
    return Verdict(not len(wrong), text + (f"; not shown for {listed(list(wrong))}" if len(wrong) else ""))


JUDGES: dict[str, Callable[..., Verdict | None]] = {
    "worse": _worse, "bins": _bins, "beats": _beats, "promise": _promise, "fit_tells": _fit_tells, "tracked": _tracked,
    "loses": _loses, "assumed": _assumed, "gains": _gains, "faithful": _faithful,
}  # fmt: skip


def claims(aspects: Sequence[str]) -> tuple[Claim, ...]:
    """All claims; one for each aspect that a component may track."""
    rows = []
    for text, rule, study, judge, part, options in _TABLES["claims"]:
        for aspect in aspects if "{aspect}" in text else ("",):
            own = {column: value.format(aspect=aspect) for column, value in part.items()}
            verdict = partial(JUDGES[judge], **options)
            rows.append(Claim(text.format(aspect=aspect), rule.format(**options), study, own, verdict))
    return tuple(rows)


def judged_claims(stores: Sequence[StudyStore]) -> list[tuple[Claim, list[Verdict | None]]]:
    """Every claim with the verdict of each model; None where its study was skipped or lacks what the claim is about."""
    tables = [{name: store.table(name) for name in store.tables} for store in stores]
    aspects = dict.fromkeys(aspect for own in tables if "tracking" in own for aspect in own["tracking"].attribute)
    return [(claim, [claim.judge(own[claim.study]) if claim.study in own else None for own in tables])
            for claim in claims(list(aspects))]  # fmt: skip
