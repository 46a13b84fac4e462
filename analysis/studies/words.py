"""What the words' uncertainty answers to: captions at its ends, and one phrase at a time taken out.

Letters: T texts with one phrase removed.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from analysis.experiments import Experiments, Skipped, spread_rows
from analysis.plots import INK, MARKS, NAMED, escaped, estimate, plain, sentence, whiskers
from hug.data.truth import Meaning
from hug.evaluate.bootstrap import DRAWS, mean_intervals
from hug.evaluate.measurements import Metric
from hug.evaluate.metrics import auroc

ENDS = 20  # captions an end
FEWEST, MOST = 8, 40  # occurrences that a phrase needs for a row of its own; rows of single phrases
KINDS = ("named", "compared", "presupposing", "vague")
ANY = "any such phrase"
CONTROL_WORDS = "as many other words"


class Occurrence(NamedTuple):
    """A phrase of known meaning in a text."""

    start: int
    end: int
    phrase: str
    aspect: str
    kind: str


# ---- captions at the ends ----


def measure_captions(experiments: Experiments) -> pd.DataFrame:
    """The captions with the highest and the lowest variance of the words, and queries with those of the fit.

    Columns source, end, text, id, value.
    """
    queries = experiments.visible_queries
    texts = queries.drop_duplicates("text").assign(reference="")
    parts = []
    for source, table, column in (("words", texts, "t"), ("fit", queries, "m")):
        ordered = table.sort_values(column, ascending=False, kind="stable")
        count = min(ENDS, len(ordered) // 2)
        for end, rows in (("highest", ordered.head(count)), ("lowest", ordered.tail(count)[::-1])):
            columns = {"text": rows.text, "id": rows.reference, "value": rows[column]}
            parts.append(pd.DataFrame({"source": source, "end": end, **columns}))
    return pd.concat(parts, ignore_index=True)


def captions_metrics(experiments: Experiments, table: pd.DataFrame) -> list[Metric]:
    """AUROC of the words' variance for vague against specific words, conflicting queries left out."""
    if experiments.collection.truth is None:
        return []
    queries = experiments.queries
    kinds = experiments.truth.queries.kind.to_numpy()[queries.row]
    fitting = kinds != "conflict"
    columns = (queries.t.to_numpy()[fitting], kinds[fitting] == "vague")
    return [Metric.estimate("auroc.vague", auroc, *columns, draws=experiments.effort.draws)]


def draw_captions(table: pd.DataFrame) -> go.Figure:
    figure = make_subplots(rows=2, cols=1, subplot_titles=["words", "fit"], vertical_spacing=0.08)
    for row, source in enumerate(("words", "fit"), 1):
        for place, end in enumerate(("highest", "lowest")):
            part = table[(table.source == source) & (table.end == end)]
            figure.add_scatter(
                x=part.value, y=[f"{end} {n}" for n in range(1, len(part) + 1)], text=escaped(part.text),
                customdata=part.id, mode="markers+text", row=row, col=1,
                textposition=("middle left", "middle right")[place],
                marker={"color": NAMED[source], "symbol": MARKS[place]}, showlegend=False,
                hovertemplate="%{text}<br>variance %{x:.4f}<extra></extra>", cliponaxis=False,
            )  # fmt: skip
    figure.update_yaxes(autorange="reversed", showticklabels=False)
    figure.update_xaxes(title="variance", type="log", row=2, col=1)
    return plain(figure, 1300)


def say_captions(table: pd.DataFrame) -> str:
    parts = []
    for source, part in table.groupby("source", sort=False):
        ends = {end: rows for end, rows in part.groupby("end", sort=False)}
        words = {end: rows.text.str.split().str.len().mean() for end, rows in ends.items()}
        first, last = ends["highest"].iloc[0], ends["lowest"].iloc[0]
        parts.append(
            f"{source}: the variance is highest for “{first.text}” ({first.value:.3g}) and lowest for “{last.text}” "
            f"({last.value:.3g}); texts at the uncertain end have {words['highest']:.1f} words, at the certain end "
            f"{words['lowest']:.1f}"
        )
    return sentence(parts)


# ---- one phrase taken out ----


def measure_phrases(experiments: Experiments) -> pd.DataFrame:
    """Mean change of the log variance of the words and of the fit when one phrase is taken out of a text.

    A row each for the frequent phrases and for every aspect and kind together; the control takes as many other
    words, in one piece, out of the same texts. `low` and `high` bound the change of the words.
    Columns phrase, aspect, kind, delta_words, delta_fit, low, high, count.
    """
    queries = experiments.queries
    texts = queries.iloc[spread_rows(len(queries), experiments.effort.texts)].reset_index(drop=True)
    plan = removals(list(texts.text), experiments.truth.phrases)
    if plan.empty:
        raise Skipped("no text has a phrase that is known by its meaning")
    before, after = texts.iloc[plan.row], experiments.encode(list(texts.reference.iloc[plan.row]), list(plan["left"]))
    plan["delta_words"] = np.log(after.var_t.mean((1, 2)).numpy()) - np.log(before.t.to_numpy())
    plan["delta_fit"] = np.log(after.var_m.mean((1, 2)).numpy()) - np.log(before.m.to_numpy())
    return effects(plan, experiments.effort.draws)


def removals(texts: list[str], lexicon: Mapping[str, Meaning], seed: int = 0) -> pd.DataFrame:
    """One row a phrase found, and one control a text: columns row, left (the text without it), phrase, aspect, kind."""
    rng, rows = np.random.default_rng(seed), []
    for n, text in enumerate(texts):
        phrases = list(find(text, lexicon))
        rows += [(n, without(text, o.start, o.end), o.phrase, o.aspect, o.kind) for o in phrases]
        control = _other_words(text, phrases, rng)
        if control is not None:
            rows.append((n, control, CONTROL_WORDS, "control", "control"))
    return pd.DataFrame(rows, columns=["row", "left", "phrase", "aspect", "kind"])


def effects(plan: pd.DataFrame, draws: int = DRAWS) -> pd.DataFrame:
    """Means of delta_words and delta_fit of a plan, per frequent phrase and per aspect and kind."""
    keys, values = ["phrase", "aspect", "kind"], ["delta_words", "delta_fit"]
    counts = plan[plan.kind != "control"].groupby(keys, sort=False).size()
    frequent = counts[counts >= FEWEST].nlargest(MOST).index
    whole = plan.assign(phrase=np.where(plan.kind == "control", CONTROL_WORDS, ANY))
    rows = []
    for names, part in pd.concat([plan[plan.set_index(keys).index.isin(frequent)], whole]).groupby(keys, sort=False):
        means, low, high = mean_intervals(part[values].to_numpy(), draws)
        rows.append((*names, *means, low[0], high[0], len(part)))
    table = pd.DataFrame(rows, columns=[*keys, *values, "low", "high", "count"])
    return table.sort_values("delta_words", ascending=False, kind="stable").reset_index(drop=True)


def find(text: str, lexicon: Mapping[str, Meaning]) -> Iterator[Occurrence]:
    """Phrases of a text by what they mean, the longest first where several begin at one place; none overlap."""
    for match in _pattern(frozenset(lexicon)).finditer(text.lower()):
        yield Occurrence(match.start(), match.end(), *lexicon[match.group()])


def without(text: str, start: int, end: int) -> str:
    """The text without a phrase, nor the verb that opened it, nor one word or comma that joined it."""
    before = re.sub(r"\b(?:is|has)\s*$", "", text[:start], flags=re.IGNORECASE)
    joint = r"(?:,|\band\b|\bwith\b|\bbut\b)"
    shorter, cut = re.subn(rf"\s*{joint}\s*$", "", before, flags=re.IGNORECASE)
    after = text[end:] if cut else re.sub(rf"^\s*{joint}\s*", "", text[end:], flags=re.IGNORECASE)
    return " ".join(f"{shorter} {after}".split()).replace(" ,", ",")


def _other_words(text: str, phrases: list[Occurrence], rng: np.random.Generator) -> str | None:
    """The text without a piece outside all phrases, as long as one of them; None where there is no such piece."""
    if not phrases:
        return None
    model = phrases[int(rng.integers(len(phrases)))]
    length = len(text[model.start : model.end].split())
    words = [(m.start(), m.end()) for m in re.finditer(r"\S+", text)]
    pieces = [(n, words[n][0], words[n + length - 1][1]) for n in range(len(words) - length + 1)]
    free = [n for n, start, end in pieces if all(o.end <= start or o.start >= end for o in phrases)]
    if not free:
        return None
    place = free[int(rng.integers(len(free)))]
    return " ".join(text[s:e] for n, (s, e) in enumerate(words) if not place <= n < place + length)


@lru_cache(maxsize=4)
def _pattern(texts: frozenset[str]) -> re.Pattern[str]:
    longest = sorted(texts, key=lambda text: (-len(text), text))
    return re.compile(rf"\b(?:{'|'.join(re.escape(text) for text in longest)})\b")


def draw_phrases(table: pd.DataFrame) -> go.Figure:
    """Every row twice: the change of the words' variance with its interval, and that of the fit's."""
    figure = go.Figure()
    names = [f"{p} ({a}, {k})" for p, a, k in zip(escaped(table.phrase), table.aspect, table.kind, strict=True)]
    error = whiskers(table, "delta_words", thickness=None, width=None)
    for column, source in (("delta_words", "words"), ("delta_fit", "fit")):
        figure.add_scatter(
            x=table[column], y=names, name=source, mode="markers", error_x=error if source == "words" else None,
            marker={"color": NAMED[source], "symbol": MARKS[0] if source == "words" else MARKS[1]},
        )  # fmt: skip
    figure.add_vline(x=0, line={"color": INK, "dash": "dash"})
    figure.update_yaxes(range=[len(table) - 0.5, -0.5])
    return plain(figure, 140 + 20 * max(len(table), 4), least=560, x="change of log variance without the phrase")


def say_phrases(table: pd.DataFrame) -> str:
    whole = table[table.phrase == ANY]
    parts = []
    for kind in KINDS:
        part = whole[whole.kind == kind]
        if len(part):
            words, fit = np.average(part[["delta_words", "delta_fit"]], axis=0, weights=part["count"])
            parts.append(f"{kind} {words:+.2f} (fit {fit:+.2f})")
    control = table[table.kind == "control"]
    text = f"Taking out one phrase changes the log variance of the words by: {', '.join(parts)}"
    if len(control):
        text += f"; as many other words by {estimate(control.iloc[0], 'delta_words')}"
    named = whole[whole.kind == "named"].sort_values("delta_words", ascending=False)
    if len(named):
        parts = [f"{r.aspect} {estimate(r, 'delta_words')}" for r in named.itertuples()]
        text += f". By what a phrase names: {', '.join(parts)}"
    return text + "."
