"""Are the explanations of one query true: does removing what they call important change most?

Three explanations are put to the test: the parts of a distance (which components put the first result first), and
what each word does, to the distance of the first result and to the uncertainty of the words. Letters: N candidates,
K components, S steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch
from plotly.subplots import make_subplots

from analysis.ground import NO_DATA, Ground, Skipped
from analysis.intervals import adjusted, mean_intervals, sign_flip
from analysis.plots import NOTHING, curve, plain, sentence
from analysis.studies.words import spread_rows
from hug.evaluate.ranking import Ranked
from hug.gaussians import Gaussians, Query, distance_parts

ORDERS = ("important", "random", "least")
SHARES = (0.0, 0.25, 0.5, 0.75)  # of the components; without any there is no ranking
WORD_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
RIVALS = 20  # results that the first is compared with
SHUFFLES = 5
COLUMNS = ("explains", "order", "removed", "change", "low", "high", "area", "p")


def faithfulness(ground: Ground) -> pd.DataFrame:
    """Mean change over queries as components or words are taken away, the most important first, at random, last.

    `explains`: "parts of the distance" (change of the log rank of the first result), "words, distance" (of its
    distance) and "words, uncertainty" (of the log variance of the words). `area` is the mean change over the shares;
    p that of the paired difference to the random order, adjusted.
    """
    if ground.data is None:
        raise Skipped(NO_DATA)
    curves = {"parts of the distance": _components(ground), **_words(ground)}
    shares = {name: SHARES if name == "parts of the distance" else WORD_SHARES for name in curves}
    return table_of(curves, shares, ground.effort.permutations, ground.effort.draws)


def table_of(
    curves: dict[str, np.ndarray], shares: Mapping[str, Sequence[float]], permutations: int, draws: int
) -> pd.DataFrame:
    """From changes (queries, 3 orders, S) per explanation."""
    rows = []
    areas = {name: found.mean(2) for name, found in curves.items()}  # (queries, 3)
    p = adjusted(np.stack([sign_flip(a[:, [0, 2]] - a[:, [1]], permutations) for a in areas.values()]))  # (names, 2)
    for n, (name, found) in enumerate(curves.items()):
        for place, order in enumerate(ORDERS):
            mean, low, high = mean_intervals(found[:, place], draws)
            test = 1.0 if order == "random" else float(p[n, place // 2])
            for s, share in enumerate(shares[name]):
                area = float(areas[name][:, place].mean())
                rows.append((name, order, share, mean[s], low[s], high[s], area, test))
    return pd.DataFrame(rows, columns=list(COLUMNS))


# ---- components ----


def _components(ground: Ground) -> np.ndarray:
    """(queries, 3, S) changes of the log rank."""
    count = -(-ground.effort.explained // len(ground.ranked))
    rng, found = np.random.default_rng(0), []
    for r in ground.ranked:
        for n in spread_rows(len(r.rows), count):
            found.append(component_curve(*_parts(r, int(n)), rng))
    return np.stack(found)


def _parts(ranked: Ranked, n: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, K) what each component adds to one query's distances, and (N,) biases, without the removed reference."""
    kept = torch.from_numpy(np.flatnonzero(np.isfinite(ranked.distances[n])))
    parts = distance_parts(ranked.query[[n]], ranked.candidates[kept])
    return parts.components[0].double().numpy(), parts.bias.double().numpy()


def component_curve(parts: np.ndarray, bias: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(3, S) change of the log rank of the first result when components are ignored, from parts (N, K) and biases.

    A component is important as far as it sets the first result before the next twenty.
    """
    k, ordered = parts.shape[1], np.argsort(parts.sum(1) + bias, kind="stable")
    first, rivals = ordered[0], ordered[1 : 1 + RIVALS]
    advantage = parts[rivals].mean(0) - parts[first]
    order = np.argsort(-advantage, kind="stable")

    def curve(removed: np.ndarray) -> list[float]:
        ranks = []
        for share in SHARES:
            kept = removed[round(share * k) :]
            distances = parts[:, kept].sum(1) + bias
            ranks.append(1 + int((distances < distances[first]).sum()))
        return list(np.log(ranks))

    random = np.mean([curve(rng.permutation(k)) for _ in range(SHUFFLES)], axis=0)
    return np.stack([curve(order), random, curve(order[::-1])])


# ---- words ----


def _words(ground: Ground) -> dict[str, np.ndarray]:
    """Two explanations, (queries, 3, S) each: what a word does to the first result's distance and to its own doubt."""
    chosen = [
        (r, int(n))
        for r in ground.ranked
        for n in spread_rows(len(r.rows), -(-ground.effort.explained // len(ground.ranked)))
    ]
    texts = [str(ground.questions.text[_place(ground, r, n)]) for r, n in chosen]
    single = _changes(ground, chosen, [list(_without_each(text)) for text in texts])  # per query (words, 2)
    rng, found = np.random.default_rng(0), []
    for quantity in range(2):
        orders = [_orders(s[:, quantity], rng) for s in single]  # per query: lists of words to remove
        steps = [[_left(text, o, share) for o in many for share in WORD_SHARES]
                 for text, many in zip(texts, orders, strict=True)]  # fmt: skip
        changes = [c[:, quantity].reshape(-1, len(WORD_SHARES)) for c in _changes(ground, chosen, steps)]
        found.append(np.stack([np.stack([c[0], c[1:-1].mean(0), c[-1]]) for c in changes]))
    return {"words, distance": found[0], "words, uncertainty": found[1]}


def _place(ground: Ground, ranked: Ranked, n: int) -> int:
    """Row of `questions` of a category's n-th query."""
    return int(np.flatnonzero(ground.questions.row == ranked.rows[n])[0])


def _without_each(text: str) -> Iterator[str]:
    words = text.split()
    for n in range(len(words)):
        yield " ".join(words[:n] + words[n + 1 :])


def _orders(importance: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """The most important first, random orders, the least important first."""
    order = np.argsort(-importance, kind="stable")
    return [order, *(rng.permutation(len(importance)) for _ in range(2)), order[::-1]]


def _left(text: str, order: np.ndarray, share: float) -> str:
    words = text.split()
    gone = set(order[: round(share * len(words))].tolist())
    return " ".join(word for n, word in enumerate(words) if n not in gone)


def _changes(ground: Ground, chosen: list[tuple[Ranked, int]], edits: list[list[str]]) -> list[np.ndarray]:
    """Per query (edits, 2): change of the first result's distance and of the log variance of the words."""
    references = [ground.collection.triplets[r.rows[n]].reference for r, n in chosen]
    flat = [(reference, text) for reference, many in zip(references, edits, strict=True) for text in many]
    asked = ground.asked([reference for reference, _ in flat], [text for _, text in flat])
    found, start = [], 0
    for (r, n), many in zip(chosen, edits, strict=True):
        after = asked[slice(start, start + len(many))]
        first = r.candidates[[int(np.argmin(r.distances[n]))]]
        found.append(np.stack([_distance(after, first) - float(r.distances[n].min()), _doubt(after, r.query[[n]])], 1))
        start += len(many)
    return found


def _distance(query: Query, candidate: Gaussians) -> np.ndarray:
    return distance_parts(query, candidate).total[:, 0].numpy()


def _doubt(after: Query, before: Query) -> np.ndarray:
    return (after.var_t.mean((1, 2)).log() - before.var_t.mean((1, 2)).log()).numpy()


# ---- figure and sentence ----


def draw_faithfulness(table: pd.DataFrame) -> go.Figure:
    names = list(dict.fromkeys(table.explains)) or ["nothing measured"]
    figure = make_subplots(rows=1, cols=len(names), subplot_titles=names)
    for column, name in enumerate(names, 1):
        for place, order in enumerate(ORDERS):
            part = table[(table.explains == name) & (table.order == order)]
            curve(figure, part, "removed", "change", f"{order} first" if order != "random" else order, place,
                  row=1, col=column)  # fmt: skip
    figure.update_traces(showlegend=False)
    for trace in figure.data[: len(ORDERS)]:
        trace.showlegend = True
    figure.update_xaxes(title="share removed", zeroline=False)
    figure.update_yaxes(title="change", col=1)
    return plain(figure, 360, least=640).update_layout(legend_y=-0.3, legend_yanchor="top")


def say_faithfulness(table: pd.DataFrame) -> str:
    if table.empty:
        return NOTHING
    told = []
    for name, part in table.groupby("explains", sort=False):
        areas = part.groupby("order").agg(area=("area", "first"), p=("p", "first"))
        important, random = areas.loc["important"], areas.loc["random"]
        good = important.area > random.area and important.p <= 0.05
        told.append(
            f"{name}: {'faithful' if good else 'not shown to be faithful'} (mean change {important.area:+.3f} with the "
            f"most important removed first, {random.area:+.3f} at random, {areas.area['least']:+.3f} with the least "
            f"important first; p = {important.p:.3g})"
        )
    return sentence(told)
