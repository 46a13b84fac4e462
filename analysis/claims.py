"""What the paper's figures suggest, as claims that a table of a study confirms or refutes, each by one stated rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pandas as pd

from analysis.plots import listed

ASPECTS = ("colour", "pattern", "sleeve", "neckline", "length", "logo")
KEPT = 4.0  # percentage points that a promised chance may be wrong by


@dataclass(frozen=True)
class Verdict:
    """`told` has the numbers."""

    holds: bool
    told: str


@dataclass(frozen=True)
class Claim:
    """A sentence, the study that judges it, and the rule."""

    text: str
    rule: str
    study: str
    judge: Callable[[pd.DataFrame], Verdict | None]  # None where the table doesn't have what is needed


def _worse(table: pd.DataFrame, seen: str) -> Verdict | None:
    part = table[table.seen == seen]
    if part.empty:
        return None
    last = part[part.severity == part.severity.max()]
    wrong = list(last.kind[last.low <= 0])
    told = ", ".join(f"{r.kind} {r.value:+.2f} [{r.low:+.2f}, {r.high:+.2f}]" for r in last.itertuples())
    return Verdict(not wrong, f"log variance at the worst severity against none: {told}")


def _bins(table: pd.DataFrame, which: str) -> Verdict | None:
    part = table[table.which == which].sort_values("bin")
    if part.empty:
        return None
    first, last = part.iloc[0], part.iloc[-1]
    told = (
        f"R@10 {100 * first.recall:.0f} % [{100 * first.low:.0f}, {100 * first.high:.0f}] in the most certain tenth, "
        f"{100 * last.recall:.0f} % [{100 * last.low:.0f}, {100 * last.high:.0f}] in the least certain"
    )
    return Verdict(bool(last.high < first.low), told)


def _beats(table: pd.DataFrame, which: str) -> Verdict | None:
    part = table[table.which == which].set_index("by")
    rivals = part.drop(index=[n for n in ("doubt", "overall") if n in part.index])
    if "doubt" not in part.index or rivals.empty:
        return None
    own, best = part.loc["doubt"], rivals.loc[rivals.auroc.idxmax()]
    told = (
        f"AUROC for a miss: doubt {own.auroc:.3f} [{own.low:.3f}, {own.high:.3f}], {best.name} {best.auroc:.3f} "
        f"[{best.low:.3f}, {best.high:.3f}]"
    )
    return Verdict(bool(own.auroc > best.auroc), told)


def _kept(table: pd.DataFrame) -> Verdict | None:
    weight = table["count"] / table["count"].sum()
    error = 100 * float((weight * (table.chance - table.hits).abs()).sum())
    return Verdict(error <= KEPT, f"mean difference of promised chance and share of hits {error:.1f} points")


def _fit_tells(table: pd.DataFrame) -> Verdict | None:
    rows = table.set_index("source")
    fit, words, picture = rows.loc["fit"], rows.loc["words"], rows.loc["picture"]
    told = (
        f"the fit is right in {100 * fit.share:.1f} % of {fit.pairs:.0f} pairs [{100 * fit.low:.1f}, "
        f"{100 * fit.high:.1f}], the words in {100 * words.share:.1f} %, the picture in {100 * picture.share:.1f} % "
        f"[{100 * picture.low:.1f}, {100 * picture.high:.1f}]"
    )
    return Verdict(bool(fit.low > 0.5), told)


def _tracked(table: pd.DataFrame, aspect: str) -> Verdict | None:
    part = table[table.attribute == aspect].sort_values("place")
    if part.empty:
        return None
    best, count = part.iloc[0], int(part.tracked.sum())
    told = (
        f"component {best.component} {best.delta:+.2f} when it is removed, {best.next_delta:+.2f} when "
        f"{best.next_aspect} is, {best.control:+.2f} with an equal area covered elsewhere (p = {best.p:.2g}); "
        f"η² {best.eta2:.2f} (p = {best.eta2_p:.2g}); {count} component{'s' if count != 1 else ''} in all"
    )
    return Verdict(count > 0, told)


def _loses(table: pd.DataFrame, change: str, source: str) -> Verdict | None:
    part = table[(table.change == change) & (table.source == source)].sort_values("level")
    if part.empty:
        return None
    first, last = part.iloc[0], part.iloc[-1]
    return Verdict(bool(last.high < first.low), f"weight of the {source} from {first.weight:.3f} to {last.weight:.3f}")


def _assumed(table: pd.DataFrame) -> Verdict | None:
    told = [f"{r.source} {r.correlation:+.2f} [{r.low:+.2f}, {r.high:+.2f}]" for r in table.itertuples()]
    return Verdict(bool((table.high < 0).all()), f"correlation of weight and loss: {', '.join(told)}")


def _gains(table: pd.DataFrame, against: str) -> Verdict | None:
    first = table.iloc[0]
    value, low, high = (first[f"gain_{against}{end}"] for end in ("", "_low", "_high"))
    return Verdict(bool(low > 0), f"loss {value:+.4f} [{low:+.4f}, {high:+.4f}] without the dynamic weights")


def _faithful(table: pd.DataFrame) -> Verdict | None:
    areas = table.groupby(["explains", "order"], sort=False)[["area", "p"]].first().unstack()
    wrong = areas.index[(areas.area.important <= areas.area.random) | (areas.p.important > 0.05)]
    told = [
        f"{name} {r.area.important:+.2f} against {r.area.random:+.2f} at random (p = {r.p.important:.2g})"
        for name, r in ((n, areas.loc[n]) for n in areas.index)
    ]
    text = "; ".join(told)
    return Verdict(not len(wrong), text + (f"; not shown for {listed(list(wrong))}" if len(wrong) else ""))


CLAIMS: tuple[Claim, ...] = (
    Claim("A picture with a fault of a kind seen in training is less certain", "interval above 0 for every kind",
          "severity", partial(_worse, seen="trained")),
    Claim("A picture with a fault of a kind never seen is less certain", "interval above 0 for every kind",
          "severity", partial(_worse, seen="unseen")),
    Claim("Uncertain queries are answered worse, among all queries", "intervals of the outer tenths apart",
          "recall_by_bin", partial(_bins, which="all")),
    Claim("Uncertain queries are answered worse, among clean ones too", "intervals of the outer tenths apart",
          "recall_by_bin", partial(_bins, which="clean")),
    Claim("The doubt knows more of a miss than the distances do", "AUROC above the best baseline, all queries",
          "miss_prediction", partial(_beats, which="all")),
    Claim("The promised chance is kept", f"at most {KEPT:.0f} points off on average", "reliability", _kept),
    Claim("The fit between picture and words is measured", "interval of the paired test above a half",
          "coordination", _fit_tells),
    *(Claim(f"There is a component for the {aspect}", "intervention and η², both significant", "tracking",
            partial(_tracked, aspect=aspect)) for aspect in ASPECTS),
    Claim("A degraded reference loses weight", "intervals of the outer levels apart", "weights",
          partial(_loses, change="severity", source="picture")),
    Claim("Shortened words lose weight", "intervals of the outer levels apart", "weights",
          partial(_loses, change="vague", source="words")),
    Claim("The fit of conflicting words loses weight", "intervals apart", "weights",
          partial(_loses, change="conflicting", source="fit")),
    Claim("Every weight falls as its source's loss rises (assumed by Proposition 1)", "every interval below 0",
          "proposition", _assumed),
    Claim("Dynamic weights lose less than 1/3 each", "interval of the difference above 0", "proposition",
          partial(_gains, against="static")),
    Claim("Dynamic weights lose less than their own means", "interval of the difference above 0", "proposition",
          partial(_gains, against="own")),
    Claim("The explanations of a query are true", "more change than at random, p ≤ 0.05, for each of three",
          "faithfulness", _faithful),
)  # fmt: skip
