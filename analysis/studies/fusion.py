"""The dynamic weights: how they move when a source gets worse, and what Proposition 1 asks of them.

Letters: Q queries, B batch, N pictures, K components, D dimensions of one component.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch
import torch.nn.functional as F
from plotly.subplots import make_subplots
from torch import Tensor

from analysis.experiments import KINDS, SEVERITIES, Experiments, Skipped, spread_rows
from analysis.plots import INK, LABELS, NAMED, estimate, listed, plain, sentence, whiskers
from hug.data.captions import shorten
from hug.data.features import tokens_of
from hug.evaluate.bootstrap import DRAWS, interval, mean_intervals
from hug.evaluate.metrics import correlation
from hug.gaussians import SOURCES, Gaussians, Query, distance

SHORTENED = 3  # times that clauses are left out
PAIRS = 64  # of a batch, as in training
CHANGES = {
    "severity": "the reference is degraded", "vague": "the words are shortened", "conflicting": "the words conflict",
}  # fmt: skip


# ---- how the weights move ----


def measure_weights(experiments: Experiments) -> pd.DataFrame:
    """Mean weight of each source: reference degraded (0-5), words shortened (0-3 times), fitting or conflicting (0, 1).

    `severity` averages over all kinds of fault. Levels are paired: the same queries, pictures or texts. Conflicting
    words need generated data and are left out without.
    """
    shares = {"severity": _by_severity(experiments), "vague": _by_length(experiments)}
    if experiments.collection.truth is not None:
        queries = experiments.coordination
        shares["conflicting"] = [_shares(queries.fits), _shares(queries.lacks)]
    sources = [LABELS[s] for s in SOURCES]
    rows = [
        (change, level, *row)
        for change, levels in shares.items()
        for level, values in enumerate(levels)
        for row in zip(sources, *mean_intervals(values, experiments.effort.draws), strict=True)
    ]
    return pd.DataFrame(rows, columns=["change", "level", "source", "weight", "low", "high"])


def _shares(query: Query) -> np.ndarray:
    """(Q, 3) mean weight of each source."""
    return query.weights.mean((2, 3)).cpu().numpy()


def _by_severity(experiments: Experiments) -> list[np.ndarray]:
    """Per severity (N, 3): clean references with a text of their own, or another of the category."""
    queries, galleries = experiments.queries, experiments.collection.galleries
    own = queries.drop_duplicates("reference").set_index("reference").text
    first = queries.drop_duplicates("category").set_index("category").text
    another = {i: first[category] for category, gallery in galleries.items() for i in gallery}
    texts = [str(own.get(i, another[i])) for i in experiments.clean_ids]
    words, count = experiments.texts(texts).take(texts), len(texts)

    def shares(tokens: np.ndarray, severity: int) -> np.ndarray:
        pictures = tokens_of(tokens, range(severity * count, (severity + 1) * count))
        return _shares(experiments.model.query_tokens(pictures, words))

    with torch.no_grad():
        kinds = [[shares(tokens, s) for s in SEVERITIES] for tokens in map(experiments.corrupted, KINDS)]
    return list(np.mean(kinds, axis=0))


def _by_length(experiments: Experiments) -> list[np.ndarray]:
    """Per level (Q, 3): texts with clauses left out 0-3 times, down to no word at all."""
    queries = experiments.queries.iloc[spread_rows(len(experiments.queries), experiments.effort.texts)]
    rng, texts, shares = np.random.default_rng(0), list(queries.text), []
    for level in range(SHORTENED + 1):
        texts = [shorten(text, rng) for text in texts] if level else texts
        shares.append(_shares(experiments.encode(list(queries.reference), texts)))
    return shares


def draw_weights(table: pd.DataFrame) -> go.Figure:
    names = {change: text.removeprefix("the ") for change, text in CHANGES.items()}
    figure = make_subplots(rows=1, cols=3, shared_yaxes=True, subplot_titles=list(names.values()))
    for column, change in enumerate(names, 1):
        for source, part in table[table.change == change].groupby("source", sort=False):
            symbol = {"picture": "circle", "words": "square", "fit": "cross"}[source]
            figure.add_scatter(
                x=part.level, y=part.weight, name=source, error_y=whiskers(part, "weight"), mode="lines+markers",
                marker={"symbol": symbol}, line={"color": NAMED[source]}, showlegend=column == 1, row=1, col=column,
            )  # fmt: skip
    figure.add_hline(y=1 / 3, line={"color": INK, "dash": "dash"})
    figure.update_xaxes(dtick=1, zeroline=False)
    return plain(figure, 380, least=640, y="mean weight").update_layout(legend_y=-0.2, legend_yanchor="top")


def say_weights(table: pd.DataFrame) -> str:
    worse = {"severity": "picture", "vague": "words", "conflicting": "fit"}  # the source that suffers
    parts = []
    for change, part in table.groupby("change", sort=False):
        own = part[part.source == worse[str(change)]].sort_values("level")
        first, last = own.iloc[0], own.iloc[-1]
        how = "falls" if last.high < first.low else "rises" if last.low > first.high else "stays, within chance,"
        parts.append(
            f"when {CHANGES[str(change)]}, the weight of the {own.source.iloc[0]} {how} from {first.weight:.3f} to "
            f"{last.weight:.3f}"
        )
    return sentence(parts) + " Equal weights would be 0.333."


# ---- Proposition 1 ----


def measure_proposition(experiments: Experiments) -> pd.DataFrame:
    """Covariance of each source's weight with its loss on validation, and dynamic against static weights.

    loss_i is a query's part of L_HC (Eq. 13, batches of 64) with the merged variance replaced by source i's.
    `gain_static` and `gain_own` are how much larger the loss is with 1/3 each, and with the weights' own means.
    """
    if experiments.model.objective.matching != "sigmoid":
        raise Skipped("this model was not trained with the sigmoid loss of Eq. 13 that the proposition speaks of")
    scales, validation = experiments.loss_scales, experiments.validation
    targets = Gaussians.cat([r.candidates[torch.from_numpy(r.targets)] for r in validation.categories])
    names = [f"{r.category}/{r.gallery[n]}" for r in validation.categories for n in r.targets]
    return proposition_table(validation.query, targets, names, scales["a"], scales["b"], experiments.effort.draws)


def proposition_table(
    query: Query, targets: Gaussians, names: list[str], a: float, b: float, draws: int = DRAWS
) -> pd.DataFrame:
    """From Q queries and their targets; `names` tell which targets are the same picture."""
    share = query.weights.mean((2, 3)).numpy()  # (Q, 3)
    means = query.weights.mean(0, keepdim=True)  # (1, 3, K, D)
    merged = [*query.sources.unbind(1), query.var, query.sources.mean(1), (means * query.sources).sum(1)]
    levels = torch.stack([var.mean((1, 2)) for var in merged], dim=1)  # (Q, 6)
    losses = query_losses(query, targets, names, levels, a, b)  # (Q, 6)
    dynamic, static, own = losses[:, 3], losses[:, 4], losses[:, 5]
    whole = {"loss_dynamic": dynamic.mean(), "loss_static": static.mean(), "loss_own_means": own.mean()}
    for name, loss in (("static", static), ("own", own)):
        ends = mean_intervals((loss - dynamic)[:, None], draws)
        whole |= {f"gain_{name}{end}": v[0] for end, v in zip(("", "_low", "_high"), ends, strict=True)}
    rows = []
    for i, source in enumerate(SOURCES):
        fall = interval(correlation, share[:, i], losses[:, i], draws=draws)
        covariance = float(np.cov(share[:, i], losses[:, i])[0, 1])
        parts = {"correlation": fall.value, "low": fall.low, "high": fall.high, "loss_source": losses[:, i].mean()}
        rows.append({"source": LABELS[source], "covariance": covariance, **parts, **whole})
    return pd.DataFrame(rows).fillna({"correlation": 0.0, "low": 0.0, "high": 0.0})


def query_losses(
    query: Query, targets: Gaussians, names: list[str], levels: Tensor, a: float, b: float, seed: int = 0
) -> np.ndarray:
    """(Q, M) each query's part of L_HC for M versions of its mean variance, `levels` (Q, M).

    Queries are shuffled into batches of 64 of all categories, as in training; the last, smaller one stays. The
    candidate bias is centred in the batch. The mean over a batch is `hug.losses.holistic_contrast`.
    """
    same = np.unique(names, return_inverse=True)[1]
    losses, order = torch.zeros(levels.shape), torch.randperm(len(names), generator=torch.Generator().manual_seed(seed))
    for rows in order.split(PAIRS):
        q, c = query[rows], targets[rows]
        centred = Gaussians(c.mu, c.var, c.bias - c.bias.mean())
        base = distance(q, centred, use_var=False) + c.var.mean((1, 2))  # (B, B)
        matches = torch.from_numpy(same[rows.numpy()][:, None] == same[rows.numpy()]).float()
        logits = -(a * (base[:, None] + levels[rows][..., None]) + b)  # (B, M, B)
        each = F.binary_cross_entropy_with_logits(logits, matches[:, None].expand_as(logits), reduction="none")
        losses[rows] = each.sum(-1)
    return losses.double().numpy()


def draw_proposition(table: pd.DataFrame) -> go.Figure:
    titles = ["correlation of weight and loss", "loss on validation"]
    figure = make_subplots(rows=1, cols=2, subplot_titles=titles)
    colours = [NAMED[source] for source in table.source]
    figure.add_bar(
        x=table.source, y=table.correlation, error_y=whiskers(table, "correlation"), marker_color=colours, row=1, col=1
    )
    if len(table):
        first = table.iloc[0]
        names = [*(f"{s} alone" for s in table.source), "dynamic", "1/3 each", "own means"]
        values = [*table.loss_source, first.loss_dynamic, first.loss_static, first.loss_own_means]
        figure.add_scatter(x=values, y=names, mode="markers", marker={"color": INK, "size": 10}, row=1, col=2)
    return plain(figure, 300, least=640).update_layout(showlegend=False)


def say_proposition(table: pd.DataFrame) -> str:
    falling = list(table.source[table.high < 0])
    first = table.iloc[0]
    return (
        "Proposition 1 assumes that each weight falls as its source's loss rises; here that holds for "
        f"{listed(falling)} (correlations: {correlations(table)}). Against 1/3 each the loss is "
        f"{_judged(first.gain_static_low, first.gain_static_high)} ({first.loss_dynamic:.4f} and "
        f"{first.loss_static:.4f}), against the weights' own means {_judged(first.gain_own_low, first.gain_own_high)} "
        f"({first.loss_own_means:.4f})."
        " The scale and offset of the loss were learned with this model's own merge, which favours it; and the loss is"
        " convex in its logits, not in the network's parameters, so that the bound itself is not tested."
    )


def correlations(table: pd.DataFrame) -> str:
    """Of each source's weight and loss, with their intervals."""
    return ", ".join(f"{r.source} {estimate(r, 'correlation')}" for r in table.itertuples())


def _judged(low: float, high: float) -> str:
    if low <= 0 <= high:
        return "the same, within chance"
    return "lower with dynamic weights" if low > 0 else "higher with dynamic weights"
