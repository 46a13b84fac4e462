"""Why one answer is as it is: exact parts of distances, words dropped one at a time, faults, another model.

Tables first, drawings apart. Components are numbered from 1; 0 stands for what belongs to no component: the
candidate's bias.
"""

from __future__ import annotations

import html
from dataclasses import replace

import pandas as pd
import plotly.graph_objects as go
import torch
from PIL import Image
from plotly.subplots import make_subplots
from torch import Tensor

from analysis.query import COLOURS, plain
from analysis.session import QueryError, Session
from hug.data.corruptions import corrupt
from hug.retrieval.index import SearchOptions
from hug.retrieval.trace import QueryTrace

FIRST = 10  # results whose change is counted
ONE, OTHER = "#4d4d4d", "#a6a6a6"  # two candidates: none of the sources' colours
FOR, AGAINST = "#2166ac", "#b2182b"  # the ends of the diverging scale
UNREAD = 0.25  # opacity


def rank_parts(trace: QueryTrace) -> pd.DataFrame:
    """(k * (K + 1) rows) each result's distance taken apart, exactly (Eq. 15).

    Columns rank, id, component (0: the bias), means, query (its variance), candidate (its variance), part. The
    parts of one id sum to its distance in the ranking: what was ignored, or variances that don't count, are 0.
    """
    parts, ids = trace.parts, trace.ranking.ids[0]
    means, query, candidate = parts.means[0], parts.var_q[0], parts.var_c  # (k, K), (K,), (k, K)
    counts = torch.zeros_like(query)  # (K,) 1 where the component was ranked by
    counts[slice(None) if trace.options.components is None else list(trace.options.components)] = 1
    varied = counts * trace.options.use_var
    rows = []
    for n, id in enumerate(ids):
        rows.append((n + 1, id, 0, 0.0, 0.0, 0.0, float(parts.bias[n])))
        sums = zip(
            (counts * means[n]).tolist(), (varied * query).tolist(), (varied * candidate[n]).tolist(), strict=True
        )
        rows += [(n + 1, id, c, m, q, v, m + q + v) for c, (m, q, v) in enumerate(sums, 1)]
    return pd.DataFrame(rows, columns=["rank", "id", "component", "means", "query", "candidate", "part"])


def compare_parts(parts: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """(K + 1 rows) two results side by side, from `rank_parts`.

    Columns component (0: the bias), first, second (parts), difference (second - first: above 0 it speaks for the
    first), means and candidate (what of the difference the means and the candidates' variance make).
    Raises QueryError when a result is not in the table.
    """
    sides = {id: parts[parts.id == id].set_index("component") for id in (first, second)}
    for id, side in sides.items():
        if not len(side):
            raise QueryError(f"{id!r} is not among the results: choose two of them.")
    a, b = sides[first], sides[second]
    table = pd.DataFrame({"first": a.part, "second": b.part, "difference": b.part - a.part})
    table["means"], table["candidate"] = b.means - a.means, b.candidate - a.candidate
    return table.reset_index()


def drop_words(words: str) -> list[tuple[str, str]]:
    """Each word with the text that is left without it; words are what spaces part."""
    parts = words.split()
    return [(word, " ".join(parts[:n] + parts[n + 1 :])) for n, word in enumerate(parts)]


def word_effects(session: Session, tokens: Tensor, words: str, options: SearchOptions | None = None) -> pd.DataFrame:
    """(a row a word) what changes when that word is dropped, for a picture's frozen tokens (1, P, Cv).

    Columns place (from 1), word, without (the text left), read (False beyond what the backbone reads), words, fit
    and overall (change of the mean variances σ_t², σ_m², σ_q²: below 0 the word adds doubt), chance (its change;
    missing without calibration), same (of the first ten results), first (the new first result), another (whether it
    is). Raises QueryError when there are no words or too many.
    """
    words = session.read(words)
    texts = drop_words(words)
    if not texts:
        raise QueryError("There are no words to drop: write some first.")
    options = _first_ten(session, options)
    wordings = [words, *(text for _, text in texts)]
    queries = session.queries(tokens, wordings)
    whole, *rest = (session.rank(queries[[n]], text, options) for n, text in enumerate(wordings))
    top, read = whole.ranking.ids[0], read_words(session, words)
    rows = []
    for n, ((word, text), trace) in enumerate(zip(texts, rest, strict=True)):
        ids = trace.ranking.ids[0]
        variances = (trace.means[source] - whole.means[source] for source in "tmq")
        chance = trace.chance - whole.chance if trace.chance is not None and whole.chance is not None else float("nan")
        same, first = len(set(top) & set(ids)), "".join(ids[:1])
        rows.append((n + 1, word, text, read[n], *variances, chance, same, first, ids[:1] != top[:1]))
    names = ["place", "word", "without", "read", "words", "fit", "overall", "chance", "same", "first", "another"]
    return pd.DataFrame(rows, columns=names)


def read_words(session: Session, words: str) -> list[bool]:
    """Whether the backbone reads (at least the start of) each word: it cuts long texts."""
    parts = words.split()
    mask = session.model.backbone.words([" ".join(parts[:n]) for n in range(len(parts))]).mask
    return [bool(n < mask.shape[1]) for n in mask.sum(1).tolist()]


def first_unread(session: Session, words: str) -> str | None:
    """The first word beyond what the backbone reads; None when all are read. Fast for short texts."""
    parts = words.split()
    mask = session.model.backbone.words([" ".join(parts)]).mask
    if int(mask.sum()) < mask.shape[1]:
        return None
    return next((word for word, read in zip(parts, read_words(session, words), strict=True) if not read), None)


def severities(
    session: Session, picture: Image.Image, words: str, kind: str, seed: int = 0, options: SearchOptions | None = None
) -> pd.DataFrame:
    """(6 rows) the same question with a picture that gets worse: severity 0 to 5.

    Columns severity, picture, fit, overall (mean variances), chance (missing without calibration), same (of the
    first ten results of the picture as it is), first (result).
    """
    options = _first_ten(session, options)
    traces = [session.trace(corrupt(picture, kind, severity, seed), words, options) for severity in range(6)]
    top = set(traces[0].ranking.ids[0])
    rows = [
        (n, *(t.means[s] for s in "rmq"), t.chance, len(top & set(t.ranking.ids[0])), "".join(t.ranking.ids[0][:1]))
        for n, t in enumerate(traces)
    ]
    table = pd.DataFrame(rows, columns=["severity", "picture", "fit", "overall", "chance", "same", "first"])
    return table.astype({"chance": float})


def _first_ten(session: Session, options: SearchOptions | None) -> SearchOptions:
    return replace(options or session.search(), k=min(FIRST, len(session.index)))


def beside(one: QueryTrace, other: QueryTrace) -> pd.DataFrame:
    """(a row a picture) the results of two models for one question, in the order of the first.

    Columns id, one and other (ranks from 1; missing where it is not among the results).
    """
    ranks = [{id: n for n, id in enumerate(t.ranking.ids[0], 1)} for t in (one, other)]
    ids = list(dict.fromkeys([*ranks[0], *ranks[1]]))
    return pd.DataFrame(
        {"id": ids, **{name: [r.get(id) for id in ids] for name, r in zip(("one", "other"), ranks, strict=True)}}
    ).astype({"one": "Int64", "other": "Int64"})


# ---- figures ----


def draw_parts(table: pd.DataFrame, first: str, second: str) -> go.Figure:
    """Above, what each component adds to two distances; below, the differences (blue: speaks for the first)."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    labels = ["bias" if component == 0 else str(component) for component in table.component]
    for name, id, colour in (("first", first, ONE), ("second", second, OTHER)):
        hover = f"{html.escape(id)}, sub-feature %{{x}}: %{{y:.4f}}<extra></extra>"
        figure.add_bar(
            x=labels, y=table[name], name=html.escape(id), marker_color=colour, hovertemplate=hover, row=1, col=1
        )
    figure.add_bar(
        x=labels, y=table.difference, name="difference", showlegend=False,
        marker_color=[FOR if value >= 0 else AGAINST for value in table.difference],
        hovertemplate="sub-feature %{x}: %{y:+.4f}<extra></extra>", row=2, col=1,
    )  # fmt: skip
    bound = 1.05 * max(float(table.difference.abs().max()), 1e-6)
    figure.update_yaxes(title_text="part", row=1, col=1)
    figure.update_yaxes(title_text="difference", range=[-bound, bound], row=2, col=1)
    figure.update_xaxes(type="category")
    figure.update_xaxes(title_text="sub-feature", row=2, col=1)
    legend = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
    return plain(figure, height=380).update_layout(barmode="group", bargap=0.2, legend=legend, margin_t=40)


def draw_words(table: pd.DataFrame) -> go.Figure:
    """Change of the words' and the fit's variance without each word; faint where the word is not read."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    words = [html.escape(word) for word in table.word]
    for row, (name, source) in enumerate((("words", "t"), ("fit", "m")), 1):
        figure.add_bar(
            x=table.place, y=table[name], name=name, customdata=words,
            marker={"color": COLOURS[source], "opacity": [1.0 if read else UNREAD for read in table.read]},
            hovertemplate=f"without %{{customdata}}: {name} %{{y:+.4f}}<extra></extra>", row=row, col=1,
        )  # fmt: skip
        bound = 1.1 * max(float(table[name].abs().max()), 1e-6)
        figure.update_yaxes(title_text=name, range=[-bound, bound], row=row, col=1)
    figure.update_xaxes(tickmode="array", tickvals=table.place, ticktext=words, row=2, col=1)
    return plain(figure, height=320).update_layout(showlegend=False, bargap=0.3, margin_b=70)


def draw_severities(table: pd.DataFrame) -> go.Figure:
    """The picture's, the fit's and the overall doubt against severity, each on its own scale from zero."""
    figure = make_subplots(rows=1, cols=3, horizontal_spacing=0.12)
    for col, (name, source) in enumerate((("picture", "r"), ("fit", "m"), ("overall", "q")), 1):
        figure.add_scatter(
            x=table.severity, y=table[name], name=name, mode="lines+markers", line_color=COLOURS[source],
            hovertemplate=f"severity %{{x}}: {name} %{{y:.4f}}<extra></extra>", row=1, col=col,
        )  # fmt: skip
        figure.update_yaxes(title_text=name, row=1, col=col)
    figure.update_yaxes(rangemode="tozero", nticks=4)
    figure.update_xaxes(title_text="severity", dtick=1)
    return plain(figure, height=240).update_layout(showlegend=False)


# ---- sentences ----


def say_parts(table: pd.DataFrame, first: str, second: str) -> str:
    """What makes one result nearer than the other, from `compare_parts`."""
    gap = float(table.difference.sum())
    ahead, behind = (first, second) if gap >= 0 else (second, first)
    sign = 1 if gap >= 0 else -1
    signed = table[table.component > 0].set_index("component").difference * sign
    strongest = signed.sort_values(ascending=False).head(3)
    most = ", ".join(f"{component} ({value:+.4f})" for component, value in strongest.items())
    rest = {
        "the candidates' variances make": sign * float(table.candidate.sum()),
        "their biases": sign * float(table[table.component == 0].difference.sum()),
    }
    more = ", ".join(f"{name} {value:+.4f}" for name, value in rest.items())
    return f"{ahead} is nearer than {behind} by {abs(gap):.4f}. Most of it in sub-features {most}; {more} of it."


def say_words(table: pd.DataFrame) -> str:
    """Which word matters most for the doubt and for the results, from `word_effects`."""
    read = table[table.read]
    clearest = read.loc[read.words.idxmax()]
    mover = read.loc[read.same.idxmin()]
    parts = []
    if clearest.words > 0:
        parts.append(
            f"“{clearest.word}” makes the words clearest: without it their doubt rises by {clearest.words:.4f}."
        )
    else:
        parts.append("No single word makes the words clearer.")
    if mover.same < FIRST:
        parts.append(f"“{mover.word}” matters most for the results: without it {mover.same} of the first ten stay.")
    unread = table[~table.read]
    if len(unread):
        parts.append(f"From “{unread.iloc[0].word}” on nothing is read: the text is too long for the model.")
    return " ".join(parts)


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
    ten = [set(table[table[side] <= FIRST].id) for side in ("one", "other")]
    most = max(len(ten[0]), len(ten[1]))
    tops = [next(iter(table[table[side] == 1].id), None) for side in ("one", "other")]
    same = "the first result is the same" if tops[0] == tops[1] else "the first results differ"
    return f"{len(ten[0] & ten[1])} of the first {most} are shared; {same}."
