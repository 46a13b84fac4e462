"""Are the explanations of one query true: does removing what they call important change most?

Three explanations are put to the test: the parts of a distance (which components put the first result first), and
what each word does, to the distance of the first result and to the uncertainty of the words. Letters: N candidates,
K components, S steps.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch
from plotly.subplots import make_subplots

from analysis.experiments import Experiments, spread_rows
from analysis.plots import curve, plain, sentence
from hug.evaluate.bootstrap import adjusted, mean_intervals, sign_flip
from hug.evaluate.ranking import CategoryRanking
from hug.gaussians import distance_parts

ORDERS = ("important", "random", "least")
SHARES = (0.0, 0.25, 0.5, 0.75)  # of the components; without any there is no ranking
WORD_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
RIVALS = 20  # results that the first is compared with
SHUFFLES = 5


def measure(experiments: Experiments) -> pd.DataFrame:
    """Mean change over queries as components or words are taken away, the most important first, at random, last.

    `explains`: "parts of the distance" (change of the log rank of the first result), "words, distance" (of its
    distance) and "words, uncertainty" (of the log variance of the words). `area` is the mean change over the shares;
    p that of the paired difference to the random order, adjusted.
    """
    curves = {"parts of the distance": _components(experiments), **_words(experiments)}
    shares = {name: SHARES if name == "parts of the distance" else WORD_SHARES for name in curves}
    return table_of(curves, shares, experiments.effort.permutations, experiments.effort.draws)


def table_of(
    curves: dict[str, np.ndarray], shares: Mapping[str, Sequence[float]], permutations: int, draws: int
) -> pd.DataFrame:
    """From changes (queries, 3 orders, S) per explanation."""
    tables = []
    areas = {name: changes.mean(2) for name, changes in curves.items()}  # (queries, 3)
    p = adjusted(np.stack([sign_flip(a[:, [0, 2]] - a[:, [1]], permutations) for a in areas.values()]))  # (names, 2)
    for (name, changes), (important, least) in zip(curves.items(), p, strict=True):
        tests = {"important": important, "random": 1.0, "least": least}
        for place, order in enumerate(ORDERS):
            mean, low, high = mean_intervals(changes[:, place], draws)
            tables.append(pd.DataFrame({
                "explains": name, "order": order, "removed": shares[name], "change": mean, "low": low, "high": high,
                "area": areas[name][:, place].mean(), "p": tests[order],
            }))  # fmt: skip
    return pd.concat(tables, ignore_index=True)


# ---- components ----


def _spread_queries(experiments: Experiments) -> list[tuple[CategoryRanking, int]]:
    """Queries evenly over each category, as a ranking and the place in it."""
    categories = experiments.ranking.categories
    count = -(-experiments.effort.explained // len(categories))
    return [(r, int(n)) for r in categories for n in spread_rows(len(r.rows), count)]


def _components(experiments: Experiments) -> np.ndarray:
    """(queries, 3, S) changes of the log rank."""
    rng = np.random.default_rng(0)
    return np.stack([component_curve(*_parts(r, n), rng) for r, n in _spread_queries(experiments)])


def _parts(ranking: CategoryRanking, n: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, K) what each component adds to one query's distances, and (N,) biases, without the removed reference."""
    candidates = torch.from_numpy(np.flatnonzero(np.isfinite(ranking.distances[n])))
    parts = distance_parts(ranking.query[[n]], ranking.candidates[candidates])
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
            distances = parts[:, removed[round(share * k) :]].sum(1) + bias
            ranks.append(1 + int((distances < distances[first]).sum()))
        return list(np.log(ranks))

    random = np.mean([curve(rng.permutation(k)) for _ in range(SHUFFLES)], axis=0)
    return np.stack([curve(order), random, curve(order[::-1])])


# ---- words ----


def _words(experiments: Experiments) -> dict[str, np.ndarray]:
    """Two explanations, (queries, 3, S) each: what a word does to the first distance and to its own variance."""
    queries = _spread_queries(experiments)
    all_texts = experiments.queries.set_index("row").text
    texts = [all_texts[r.rows[n]] for r, n in queries]
    each = [[_without(text, [n]) for n in range(len(text.split()))] for text in texts]
    single = _changes(experiments, queries, each)  # per query (words, 2)
    rng, curves = np.random.default_rng(0), {}
    for quantity, name in enumerate(("words, distance", "words, uncertainty")):
        orders = [_orders(s[:, quantity], rng) for s in single]  # per query: lists of words to remove
        steps = [[_without(text, o[: round(share * len(o))]) for o in many for share in WORD_SHARES]
                 for text, many in zip(texts, orders, strict=True)]  # fmt: skip
        changes = [c[:, quantity].reshape(-1, len(WORD_SHARES)) for c in _changes(experiments, queries, steps)]
        curves[name] = np.stack([np.stack([c[0], c[1:-1].mean(0), c[-1]]) for c in changes])
    return curves


def _orders(importance: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """The most important first, random orders, the least important first."""
    order = np.argsort(-importance, kind="stable")
    return [order, *(rng.permutation(len(importance)) for _ in range(2)), order[::-1]]


def _without(text: str, places: Sequence[int] | np.ndarray) -> str:
    """The text without some of its words."""
    return " ".join(word for n, word in enumerate(text.split()) if n not in places)


def _changes(
    experiments: Experiments, queries: list[tuple[CategoryRanking, int]], edits: list[list[str]]
) -> list[np.ndarray]:
    """Per query (edits, 2): change of the first result's distance and of the log variance of the words."""
    references = [experiments.collection.triplets[r.rows[n]].reference for r, n in queries]
    repeated = [reference for reference, many in zip(references, edits, strict=True) for _ in many]
    encoded = experiments.encode(repeated, [text for many in edits for text in many])
    changes = []
    for (r, n), after in zip(queries, encoded.split([len(many) for many in edits]), strict=True):
        before, first = r.query[[n]], r.candidates[[int(np.argmin(r.distances[n]))]]
        distance = distance_parts(after, first).total[:, 0].numpy() - float(r.distances[n].min())
        variance = (after.var_t.mean((1, 2)).log() - before.var_t.mean((1, 2)).log()).numpy()
        changes.append(np.stack([distance, variance], 1))
    return changes


# ---- figure and sentence ----


def draw(table: pd.DataFrame) -> go.Figure:
    names = list(dict.fromkeys(table.explains)) or ["nothing measured"]
    figure = make_subplots(rows=1, cols=len(names), subplot_titles=names)
    for column, name in enumerate(names, 1):
        for place, order in enumerate(ORDERS):
            part = table[(table.explains == name) & (table.order == order)]
            curve(figure, part, "removed", "change", f"{order} first" if order != "random" else order, place,
                  row=1, col=column)  # fmt: skip
    figure.update_traces(showlegend=False).update_traces(showlegend=True, col=1)
    figure.update_xaxes(title="share removed", zeroline=False)
    return plain(figure, 360, least=640, y="change").update_layout(legend_y=-0.3, legend_yanchor="top")


def say(table: pd.DataFrame) -> str:
    parts = []
    for name, part in table.groupby("explains", sort=False):
        areas = part.groupby("order").agg(area=("area", "first"), p=("p", "first"))
        important, random = areas.loc["important"], areas.loc["random"]
        good = important.area > random.area and important.p <= 0.05
        parts.append(
            f"{name}: {'faithful' if good else 'not shown to be faithful'} (mean change {important.area:+.3f} with the "
            f"most important removed first, {random.area:+.3f} at random, {areas.area['least']:+.3f} with the least "
            f"important first; p = {important.p:.3g})"
        )
    return sentence(parts)
