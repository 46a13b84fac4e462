"""Why one answer is as it is: exact parts of distances, phrases dropped one at a time, faults, another model.

Tables first, drawings apart. Components are numbered from 1; 0 stands for what belongs to no component: the
candidate's bias.
"""

from collections.abc import Sequence
from dataclasses import replace
from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch
from PIL import Image
from plotly.subplots import make_subplots
from torch import Tensor
from torch.nn.functional import pad

from analysis.plots import COLOURS, LABELS, bars, inked
from analysis.session import QueryError, Session
from hug.backbones.reading import read_words
from hug.data.captions import phrases, without
from hug.data.corruptions import corrupt
from hug.retrieval.index import SearchOptions
from hug.retrieval.trace import QueryTrace

FIRST = 10  # results whose change is counted
ONE, OTHER = "#4d4d4d", "#a6a6a6"  # two candidates: none of the sources' colours
FOR, AGAINST = "#2166ac", "#b2182b"  # the ends of the diverging scale
UNREAD = 0.25  # opacity
FUNCTION_WORDS = frozenset({
    "a", "an", "the", "is", "are", "be", "it", "its", "has", "have", "had", "and", "or", "with", "but", "of", "in",
    "on", "at", "to", "for", "as", "this", "that", "these", "those",
})  # fmt: skip


def compare_parts(trace: QueryTrace, first: str, second: str) -> pd.DataFrame:
    """(K + 1 rows) the distances of two results taken apart, exactly (Eq. 15).

    Columns component (0: the bias), first and second (parts: they sum to the distances in the ranking; what was
    ignored, or variances that don't count, are 0), difference (second - first: above 0 it speaks for the first),
    means and candidate (what of the difference the means and the candidates' variance make).
    Raises QueryError when one is not among the results.
    """
    ids, parts = trace.ranking.ids[0], trace.parts
    for id in (first, second):
        if id not in ids:
            raise QueryError(f"{id!r} is not among the results: choose two of them.")
    rows = [ids.index(first), ids.index(second)]
    counts = torch.zeros(parts.means.shape[2], dtype=torch.float64)  # (K,) 1 where the component was ranked by
    counts[slice(None) if trace.options.components is None else list(trace.options.components)] = 1
    varied = counts * trace.options.use_var
    means, candidate = counts * parts.means[0, rows], varied * parts.var_c[rows]  # (2, K)
    part = torch.cat([parts.bias[rows, None], means + varied * parts.var_q[0] + candidate], dim=1)  # (2, K + 1)
    table = pd.DataFrame({"component": range(part.shape[1]), "first": part[0].numpy(), "second": part[1].numpy()})
    table["difference"] = table.second - table["first"]
    table["means"], table["candidate"] = (pad(side.diff(dim=0)[0], (1, 0)).numpy() for side in (means, candidate))
    return table


def phrase_effects(session: Session, tokens: Tensor, words: str, options: SearchOptions | None = None) -> pd.DataFrame:
    """(a row a phrase) what changes when that phrase is dropped, for a picture's frozen tokens (1, P, Cv).

    Of a single phrase its words are dropped, but for those that mean nothing alone. Columns place (from 1), phrase,
    without (the text left), read (False beyond what the backbone reads), words, fit and overall (change of the mean
    variances σ_t², σ_m², σ_q²: below 0 the phrase adds doubt), chance (its change; missing where none is told), same
    (of the first ten results), first (the new first result), another (whether it is). Raises QueryError when there are
    no words or too many.
    """
    words = session.read(words)
    if not words:
        raise QueryError("There are no words to drop: write some first.")
    wordings = _wordings(session, words)
    texts, options = [words, *wordings.without], _first_ten(session, options)
    queries = session.queries(tokens, texts)
    answers = _answers([session.rank(tokens, queries[[n]], text, options) for n, text in enumerate(texts)])
    measures = ["words", "fit", "overall", "chance"]
    answers[measures] -= answers.loc[0, measures]
    answers["another"] = answers["first"] != answers["first"][0]
    effects = answers.drop(columns="picture").iloc[1:].reset_index(drop=True)
    return pd.concat([wordings, effects], axis=1)


def _wordings(session: Session, words: str) -> pd.DataFrame:
    """Columns place, phrase, without, read: a text without each of its phrases, or without each of its words."""
    parts, read = phrases(words), read_words(session.model.backbone, words)
    starts = np.cumsum([0, *(len(part.split()) for part in parts)])[:-1]
    rows = [(part.strip(" ,;."), without(parts, n), read[starts[n]]) for n, part in enumerate(parts)]
    if len(parts) == 1:
        single = words.split()
        meant = [n for n, word in enumerate(single) if word.lower() not in FUNCTION_WORDS] or range(len(single))
        rows = [(single[n], " ".join(single[:n] + single[n + 1 :]), read[n]) for n in meant]
    table = pd.DataFrame(rows, columns=["phrase", "without", "read"])
    table.insert(0, "place", range(1, len(table) + 1))
    return table


def _answers(traces: Sequence[QueryTrace]) -> pd.DataFrame:
    """(a row a trace) picture, words, fit, overall (mean variances), chance (missing without calibration), same (how
    many of the results of the first trace), first (result).
    """
    ids = [trace.ranking.ids[0] for trace in traces]
    table = pd.DataFrame([t.means for t in traces]).rename(columns=LABELS)
    table["chance"] = np.array([t.chance for t in traces], float)
    return table.assign(same=[len({*ids[0]} & {*row}) for row in ids], first=["".join(row[:1]) for row in ids])


def severities(
    session: Session, picture: Image.Image, words: str, kind: str, seed: int = 0, options: SearchOptions | None = None
) -> pd.DataFrame:
    """(6 rows) the same question with a picture that gets worse: severity 0 to 5.

    Columns severity, picture, fit, overall (mean variances), chance (missing without calibration), same (of the
    first ten results of the picture as it is), first (result).
    """
    options = _first_ten(session, options)
    pictures = [corrupt(picture, kind, severity, seed) for severity in range(6)]
    table = _answers([session.trace(worse, words, options) for worse in pictures]).drop(columns="words")
    return table.rename_axis("severity").reset_index()


def _first_ten(session: Session, options: SearchOptions | None) -> SearchOptions:
    return replace(options or session.search(), k=min(FIRST, len(session.index)))


def beside(one: QueryTrace, other: QueryTrace) -> pd.DataFrame:
    """(a row a picture) the results of two models for one question, in the order of the first.

    Columns id, one and other (ranks from 1; missing where it is not among the results).
    """
    ids = {"one": one.ranking.ids[0], "other": other.ranking.ids[0]}
    ranks = {side: pd.Series(range(1, len(row) + 1), row, "Int64") for side, row in ids.items()}
    return pd.concat(ranks, axis=1, sort=False).rename_axis("id").reset_index()


def draw_parts(table: pd.DataFrame, first: str, second: str) -> go.Figure:
    """Above, what each component adds to two distances; below, the differences (blue: speaks for the first)."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    labels = ["bias" if component == 0 else str(component) for component in table.component]
    for name, id, colour in (("first", escape(first), ONE), ("second", escape(second), OTHER)):
        bars(figure, 1, labels, table[name], id, f"{id}, sub-feature %{{x}}: %{{y:.4f}}", marker_color=colour)
    colours = [FOR if value >= 0 else AGAINST for value in table.difference]
    hover = "sub-feature %{x}: %{y:+.4f}"
    bars(figure, 2, labels, table.difference, "difference", hover, showlegend=False, marker_color=colours)
    figure.update_yaxes(title_text="part", row=1, col=1)
    figure.update_yaxes(title_text="difference", range=_around_zero(table.difference, 1.05), row=2, col=1)
    figure.update_xaxes(type="category").update_xaxes(title_text="sub-feature", row=2, col=1)
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    return inked(figure, 380).update_layout(barmode="group", bargap=0.2, legend=legend, margin_t=40)


def draw_words(table: pd.DataFrame) -> go.Figure:
    """Change of the words' and the fit's variance without each phrase; faint where it is not read."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    words, opacity = [escape(phrase) for phrase in table.phrase], table.read.map({True: 1.0, False: UNREAD})
    for row, (name, source) in enumerate((("words", "t"), ("fit", "m")), 1):
        style = {"customdata": words, "marker": {"color": COLOURS[source], "opacity": opacity}}
        bars(figure, row, table.place, table[name], name, f"without %{{customdata}}: {name} %{{y:+.4f}}", **style)
        figure.update_yaxes(title_text=name, range=_around_zero(table[name], 1.1), row=row, col=1)
    figure.update_xaxes(tickmode="array", tickvals=table.place, ticktext=words, row=2, col=1)
    return inked(figure, 320).update_layout(showlegend=False, bargap=0.3, margin_b=70)


def _around_zero(values: pd.Series, room: float) -> list[float]:
    """A range with zero in its middle and so many times as much room as the values need."""
    bound = room * max(float(values.abs().max()), 1e-6)
    return [-bound, bound]


def draw_severities(table: pd.DataFrame) -> go.Figure:
    """The picture's, the fit's and the overall doubt against severity, each on its own scale from zero."""
    figure = make_subplots(rows=1, cols=3, horizontal_spacing=0.12)
    for col, (name, source) in enumerate((("picture", "r"), ("fit", "m"), ("overall", "q")), 1):
        figure.add_scatter(
            x=table.severity, y=table[name], name=name, mode="lines+markers", line_color=COLOURS[source],
            hovertemplate=f"severity %{{x}}: {name} %{{y:.4f}}<extra></extra>", row=1, col=col,
        )  # fmt: skip
        figure.update_yaxes(title_text=name, row=1, col=col)
    figure.update_yaxes(rangemode="tozero", nticks=4).update_xaxes(title_text="severity", dtick=1)
    return inked(figure, 240).update_layout(showlegend=False)


def say_parts(table: pd.DataFrame, first: str, second: str) -> str:
    """What makes one result nearer than the other, from `compare_parts`."""
    gap = float(table.difference.sum())
    ahead, behind, sign = (first, second, 1) if gap >= 0 else (second, first, -1)
    own = table.component > 0
    signed = (sign * table[own].set_index("component").difference).nlargest(3)
    most = ", ".join(f"{component} ({value:+.4f})" for component, value in signed.items())
    rest = {"the candidates' variances make": table.candidate, "their biases": table.difference[~own]}
    more = ", ".join(f"{name} {sign * float(values.sum()):+.4f}" for name, values in rest.items())
    return f"{ahead} is nearer than {behind} by {abs(gap):.4f}. Most of it in sub-features {most}; {more} of it."


def say_words(table: pd.DataFrame) -> str:
    """Which phrase matters most for the doubt and for the results, from `phrase_effects`."""
    read, unread = table[table.read], table[~table.read]
    clearest, mover = read.loc[read.words.idxmax()], read.loc[read.same.idxmin()]
    text = "No single phrase makes the words clearer."
    if clearest.words > 0:
        text = f"“{clearest.phrase}” makes the words clearest: without it their doubt rises by {clearest.words:.4f}."
    if mover.same < FIRST:
        text += f" “{mover.phrase}” matters most for the results: without it {mover.same} of the first ten stay."
    if len(unread):
        text += f" From “{unread.iloc[0].phrase}” on nothing is read: the text is too long for the model."
    return text


def say_severities(table: pd.DataFrame) -> str:
    """How the picture's doubt moves with the fault, from `severities`."""
    start, end = table.iloc[0], table.iloc[-1]
    times = end.picture / max(start.picture, 1e-12)
    return (
        f"From severity 0 to 5 the picture's doubt goes from {start.picture:.4f} to {end.picture:.4f} "
        f"({times:.1f} times); {end.same} of the first ten results stay."
    )


def say_beside(table: pd.DataFrame) -> str:
    """How much two rankings share, from `beside`."""
    one, other = ([*table[table[side] <= FIRST].sort_values(side).id] for side in ("one", "other"))
    same = "the first result is the same" if one[:1] == other[:1] else "the first results differ"
    return f"{len({*one} & {*other})} of the first {max(len(one), len(other))} are shared; {same}."
