"""Why one answer is as it is: exact parts of distances, words dropped one at a time, faults, another model.

Tables first, drawings apart. Components are numbered from 1; 0 stands for what belongs to no component: the
candidate's bias.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd
from PIL import Image

from analysis import encoding
from analysis.session import QueryError, Session
from hug.data.corruptions import corrupt
from hug.gaussians import Query
from hug.retrieval.trace import QueryTrace, traced

FIRST = 10  # results whose change is counted


@dataclass(frozen=True)
class Setting:
    """How a question is ranked, beside its picture and words."""

    category: str = ""
    exclude: str | None = None
    components: Collection[int] | None = None  # (0-based) that count; None for all
    use_var: bool = True


def rank_parts(trace: QueryTrace) -> pd.DataFrame:
    """(k * (K + 1) rows) each result's distance taken apart, exactly (Eq. 15).

    Columns rank, id, component (0: the bias), means, query (its variance), candidate (its variance), part. The
    parts of one id sum to its distance in the ranking: what was ignored, or variances that don't count, are 0.
    """
    parts, ids = trace.parts, trace.ranking.ids[0]
    means, query, candidate = parts.means[0], parts.var_q[0], parts.var_c  # (k, K), (K,), (k, K)
    count = query.shape[0]
    kept = set(range(count)) if trace.components is None else set(trace.components)
    rows = []
    for n, id in enumerate(ids):
        bias = float(parts.bias[n])
        rows.append((n + 1, id, 0, 0.0, 0.0, 0.0, bias))
        for c in range(count):
            m = float(means[n, c]) if c in kept else 0.0
            q = float(query[c]) if c in kept and trace.use_var else 0.0
            v = float(candidate[n, c]) if c in kept and trace.use_var else 0.0
            rows.append((n + 1, id, c + 1, m, q, v, m + q + v))
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


def word_effects(session: Session, picture: Image.Image, words: str, setting: Setting | None = None) -> pd.DataFrame:
    """(a row a word) what changes when that word is dropped.

    Columns place (from 1), word, without (the text left), read (False beyond what the backbone reads), words, fit
    and overall (change of the mean variances σ_t², σ_m², σ_q²: below 0 the word adds doubt), chance (its change;
    missing without calibration), kept (of the first ten results), first (the new first result), moved (whether it
    is another). Raises QueryError when there are no words or the question can't be asked.
    """
    setting = setting or Setting()
    words = session.checked(words, setting.category, setting.exclude)
    dropped = drop_words(words)
    if not dropped:
        raise QueryError("There are no words to drop: write some first.")
    texts = [words, *(text for _, text in dropped)]
    queries = encoding.queries(session.model, session.tokens(picture), texts)
    whole, *others = (_ranked(session, queries[[n]], text, setting) for n, text in enumerate(texts))
    top, read = whole.ranking.ids[0], read_words(session, words)
    rows = [
        (
            n + 1, word, text, read[n], *(other.means[s] - whole.means[s] for s in "tmq"), _change(whole, other),
            len(set(top) & set(other.ranking.ids[0])), *_first(top, other.ranking.ids[0]),
        )
        for n, ((word, text), other) in enumerate(zip(dropped, others, strict=True))
    ]  # fmt: skip
    names = ["place", "word", "without", "read", "words", "fit", "overall", "chance", "kept", "first", "moved"]
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
    session: Session, picture: Image.Image, words: str, kind: str, seed: int = 0, setting: Setting | None = None
) -> pd.DataFrame:
    """(6 rows) the same question with a picture that gets worse: severity 0 to 5.

    Columns severity, picture, fit, overall (mean variances), chance (missing without calibration), kept (of the
    first ten results of the picture as it is), first (result).
    """
    setting = setting or Setting()
    words = session.checked(words, setting.category, setting.exclude)
    traces = [
        _ranked(session, session.query(corrupt(picture, kind, severity, seed), words), words, setting)
        for severity in range(6)
    ]
    top = traces[0].ranking.ids[0]
    rows = [
        (
            n,
            *(t.means[s] for s in "rmq"),
            t.chance,
            len(set(top) & set(t.ranking.ids[0])),
            (t.ranking.ids[0] or [""])[0],
        )
        for n, t in enumerate(traces)
    ]
    table = pd.DataFrame(rows, columns=["severity", "picture", "fit", "overall", "chance", "kept", "first"])
    return table.astype({"chance": float})


def beside(one: QueryTrace, other: QueryTrace) -> pd.DataFrame:
    """(a row a picture) the results of two models for one question, in the order of the first.

    Columns id, one and other (ranks from 1; missing where it is not among the results).
    """
    ranks = [{id: n for n, id in enumerate(t.ranking.ids[0], 1)} for t in (one, other)]
    ids = list(dict.fromkeys([*ranks[0], *ranks[1]]))
    return pd.DataFrame(
        {"id": ids, **{name: [r.get(id) for id in ids] for name, r in zip(("one", "other"), ranks, strict=True)}}
    ).astype({"one": "Int64", "other": "Int64"})


def _ranked(session: Session, query: Query, words: str, setting: Setting) -> QueryTrace:
    return traced(
        session.index,
        query,
        words,
        min(FIRST, len(session.index)),
        exclude=setting.exclude,
        where={"category": setting.category} if setting.category else None,
        components=setting.components,
        use_var=setting.use_var,
        calibration=session.calibration,
    )


def _change(whole: QueryTrace, other: QueryTrace) -> float:
    if whole.chance is None or other.chance is None:
        return float("nan")
    return other.chance - whole.chance


def _first(before: list[str], now: list[str]) -> tuple[str, bool]:
    return (now[0], now[0] != before[0]) if now else ("", False)


# ---- sentences ----


def say_parts(table: pd.DataFrame, first: str, second: str) -> str:
    """What makes one result nearer than the other, from `compare_parts`."""
    gap = float(table.difference.sum())
    ahead, behind = (first, second) if gap >= 0 else (second, first)
    sign = 1 if gap >= 0 else -1
    signed = table[table.component > 0].set_index("component").difference * sign
    strongest = signed.sort_values(ascending=False).head(3)
    told = ", ".join(f"{component} ({value:+.4f})" for component, value in strongest.items())
    rest = {
        "the candidates' variances make": sign * float(table.candidate.sum()),
        "their biases": sign * float(table[table.component == 0].difference.sum()),
    }
    more = ", ".join(f"{name} {value:+.4f}" for name, value in rest.items())
    return f"{ahead} is nearer than {behind} by {abs(gap):.4f}. Most of it in sub-features {told}; {more} of it."


def say_words(table: pd.DataFrame) -> str:
    """Which word matters most for the doubt and for the results, from `word_effects`."""
    read = table[table.read]
    clearest = read.loc[read.words.idxmax()]
    mover = read.loc[read.kept.idxmin()]
    parts = []
    if clearest.words > 0:
        parts.append(
            f"“{clearest.word}” makes the words clearest: without it their doubt rises by {clearest.words:.4f}."
        )
    else:
        parts.append("No single word makes the words clearer.")
    if mover.kept < FIRST:
        parts.append(f"“{mover.word}” matters most for the results: without it {mover.kept} of the first ten stay.")
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
        f"({times:.1f} times); {end.kept} of the first ten results stay."
    )


def say_beside(table: pd.DataFrame) -> str:
    """How much two rankings share, from `beside`."""
    ten = [set(table[table[side] <= FIRST].id) for side in ("one", "other")]
    most = max(len(ten[0]), len(ten[1]))
    tops = [next(iter(table[table[side] == 1].id), None) for side in ("one", "other")]
    same = "the first result is the same" if tops[0] == tops[1] else "the first results differ"
    return f"{len(ten[0] & ten[1])} of the first {most} are shared; {same}."
