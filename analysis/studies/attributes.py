"""What an attribute explains of a component's uncertainty on untouched pictures, and which components are alike.

Components are numbered from 1. A level is the log of a mean variance. Letters: N pictures, G groups, K components.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from analysis.experiments import Experiments, Skipped, component_levels
from analysis.plots import matrix
from hug.evaluate.bootstrap import adjusted
from hug.evaluate.measurements import Metric
from hug.evaluate.metrics import mean_correlation

LEVEL = 0.05  # false discovery rate
ALIKE = 5  # most similar components
FAULTS = ("degradation", "severity")  # labels of a picture's quality, not of what it shows


# ---- attributes ----


def measure(experiments: Experiments) -> pd.DataFrame:
    """`explained` of every label over the gallery's clean pictures."""
    rows, meta = experiments.clean_rows, experiments.index.meta
    attributes = [label for label in meta if label not in ("category", *FAULTS)]
    if not attributes or "category" not in meta:
        raise Skipped("this gallery's pictures have no labels of a category and of what they show")
    labels = pd.DataFrame({a: np.array(meta[a])[rows] for a in ("category", *attributes)})
    return explained(labels, experiments.levels[rows], experiments.effort.label_permutations)


def explained(labels: pd.DataFrame, levels: np.ndarray, permutations: int = 999) -> pd.DataFrame:
    """`eta_squared` within categories of all attributes: columns attribute, component (from 1), eta2, p.

    `labels` has a row a picture (category and the attributes), aligned with `levels` (N, K); p is adjusted by
    Benjamini-Hochberg over components x attributes.
    """
    attributes = list(labels.columns.drop("category"))
    tables = {a: eta_squared(labels[a], levels, permutations, labels.category) for a in attributes}
    whole = pd.concat(tables, names=["attribute"]).reset_index("attribute").reset_index(drop=True)
    return whole.assign(component=whole.component + 1, p=adjusted(whole.p.to_numpy()))


def eta_squared(
    labels: ArrayLike, values: np.ndarray, permutations: int = 999, strata: ArrayLike | None = None
) -> pd.DataFrame:
    """Share of each component's variance that one attribute explains: columns component (from 0), eta2, p.

    `labels` (N,) are the attribute's values, `values` (N, K) the levels; p comes from permuted labels. With `strata`
    (N,) only what varies within a stratum counts and labels move within it: garments of different categories have
    different lengths, so a component that knows the category would seem to know the length. A component that never
    varies has eta2 0 and p 1. Raises ValueError when the lengths differ.
    """
    labels, values = np.asarray(labels), np.asarray(values, float)
    groups = np.zeros(len(labels), int) if strata is None else np.unique(strata, return_inverse=True)[1]
    if not len(labels) == len(values) == len(groups):
        raise ValueError(f"{len(labels)} labels, {len(values)} rows of values, {len(groups)} strata; align them")
    codes, centred = np.unique(labels, return_inverse=True)[1], _centred(values, groups)
    share, observed = explained_share(labels, values, groups), _between(codes, centred)
    rng, members = np.random.default_rng(0), [np.flatnonzero(groups == g) for g in range(groups.max() + 1)]
    reached, shuffled = np.zeros(values.shape[1]), codes.copy()
    for _ in range(permutations):
        for rows in members:
            shuffled[rows] = codes[rng.permutation(rows)]
        reached += _between(shuffled, centred) >= observed * (1 - 1e-9)
    p = np.where(np.isnan(share), 1.0, (1 + reached) / (1 + permutations))
    return pd.DataFrame({"component": np.arange(values.shape[1]), "eta2": np.nan_to_num(share), "p": p})


def explained_share(labels: np.ndarray, values: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """(K,) share of the variance of values (N, K) within strata that labels explain; NaN where there is none."""
    centred = _centred(values, strata)
    total = np.square(centred).sum(0)
    varies = total > 1e-12 * np.maximum(np.square(values).sum(0), 1e-300)
    observed = _between(np.unique(labels, return_inverse=True)[1], centred)
    return np.divide(observed, total, out=np.full(len(total), np.nan), where=varies)


def _centred(values: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """Values (N, K) less the mean of their stratum."""
    table = pd.DataFrame(values)
    return (table - table.groupby(strata).transform("mean")).to_numpy()


def _between(codes: np.ndarray, centred: np.ndarray) -> np.ndarray:
    """(K,) sum of squares between the groups of (N,) codes, of values (N, K) with mean zero."""
    member = codes == np.arange(codes.max() + 1)[:, None]  # (G, N)
    return (np.square(member @ centred) / member.sum(1)[:, None]).sum(0)


def metrics(experiments: Experiments, table: pd.DataFrame) -> list[Metric]:
    """η² of each aspect's best component over the clean pictures of the split's galleries.

    Intervals resample pictures, of the component that is the best in all of them. Nothing for data without truth.
    """
    if experiments.data is None or experiments.collection.truth is None:
        return []
    ids, levels = clean_levels(experiments)
    labels = experiments.truth.labels.loc[ids, ["category", *experiments.truth.aspects]]
    rows = []
    shares = explained(labels, levels, experiments.effort.label_permutations)
    for aspect, part in shares.groupby("attribute", sort=False):
        best = levels[:, [part.component[part.eta2.idxmax()] - 1]]
        columns = (pd.factorize(labels[aspect])[0], best, pd.factorize(labels.category)[0])
        rows.append(Metric.estimate(f"eta2.{aspect}", explained_share, *columns, draws=experiments.effort.draws))
        rows.append(Metric(f"followers.{aspect}", int((part.p <= LEVEL).sum()), count=len(part)))
    return rows


def clean_levels(experiments: Experiments) -> tuple[list[str], np.ndarray]:
    """Ids and levels (N, K) of the clean pictures of the split's galleries."""
    ranking, clean = experiments.ranking, experiments.truth.clean_ids
    rows = [n for n, i in enumerate(ranking.gallery) if i in clean]
    return [ranking.gallery[n] for n in rows], component_levels(ranking.candidates.var[rows])


def draw(table: pd.DataFrame) -> go.Figure:
    hover = "%{y} explains %{z:.3f} of component %{x}"
    return matrix(table, "attribute", "component", "eta2", list(table.attribute.unique()), False, hover)


def say(table: pd.DataFrame) -> str:
    count = table[table.p <= LEVEL].groupby("attribute").component.nunique()
    best = table.loc[table.groupby("attribute").eta2.idxmax()]
    parts = [
        f"{r.attribute} at most {100 * r.eta2:.0f} % (component {r.component}; {count.get(r.attribute, 0)} components"
        " significantly)"
        for r in best.sort_values("eta2", ascending=False).itertuples()
    ]
    return f"Of a component's variation over clean pictures of one category an attribute explains: {'; '.join(parts)}."


# ---- similar components ----


def measure_similar(experiments: Experiments) -> pd.DataFrame:
    """`similar_table` over the gallery's clean pictures: degraded ones would make all components alike."""
    if len(experiments.clean_rows) < 3:
        raise Skipped("fewer than three pictures: a correlation of components means nothing")
    return similar_table(experiments.levels[experiments.clean_rows])


def similar_table(levels: np.ndarray) -> pd.DataFrame:
    """The most alike components of each, from levels (N, K): columns component, other, correlation.

    A component that never varies is like nothing: its correlations are zero.
    """
    correlation = pd.DataFrame(levels).corr().fillna(0).to_numpy(copy=True)  # (K, K)
    np.fill_diagonal(correlation, -np.inf)
    nearest = np.argsort(-correlation, axis=1, kind="stable")[:, : min(ALIKE, len(correlation) - 1)]
    return pd.DataFrame({
        "component": np.repeat(np.arange(1, len(nearest) + 1), nearest.shape[1]), "other": nearest.ravel() + 1,
        "correlation": np.take_along_axis(correlation, nearest, 1).ravel(),
    })  # fmt: skip


def similar_metrics(experiments: Experiments, table: pd.DataFrame) -> list[Metric]:
    """Mean absolute correlation of the components over the clean pictures of the split's galleries."""
    if experiments.data is None or experiments.collection.truth is None:
        return []
    _, levels = clean_levels(experiments)
    return [Metric.estimate("correlation.components", mean_correlation, levels, draws=experiments.effort.draws)]


def draw_similar(table: pd.DataFrame) -> go.Figure:
    names = [f"{n}." for n in range(1, ALIKE + 1)]
    place = (table.groupby("component").cumcount() + 1).astype(str) + "."
    wide = table.assign(place=place)
    figure = matrix(wide, "place", "component", "correlation", names, True, "component %{x}: %{z:.2f}")
    if len(wide):
        neighbours = wide.pivot(index="place", columns="component", values="other")
        figure.update_traces(text=neighbours.to_numpy().astype(int).astype(str), texttemplate="%{text}")
    figure.update_yaxes(title="most alike")
    return figure


def say_similar(table: pd.DataFrame) -> str:
    first = table.groupby("component").head(1)
    best = first.loc[first.correlation.idxmax()]
    return (
        f"Components {best.component:.0f} and {best.other:.0f} are the most alike (correlation {best.correlation:.2f});"
        f" on average a component's nearest has {first.correlation.mean():.2f}."
    )
