"""Which component tracks which attribute: what removing an aspect does to every component, beside an equal area.

A component's level is the log of its mean variance; a delta is the change of that level against the untouched
picture. Components are numbered from 1 in the studies' tables, from 0 in `Experiments.deltas` and `responses`.
Letters: N pictures, A aspects, E edits, K components.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from scipy.stats import t as student

from analysis.experiments import Experiments
from analysis.plots import ORDER, estimate, listed, matrix, plain
from analysis.studies.attributes import LEVEL
from analysis.studies.attributes import measure as measure_attributes
from hug.data.truth import CONTROL, DEGRADED
from hug.evaluate.bootstrap import DRAWS, Interval, adjusted, interval, mean_intervals, sign_flip
from hug.evaluate.measurements import Metric

TRACKING = [
    "attribute", "component", "delta", "margin", "next_aspect", "next_delta", "control", "eta2", "eta2_p", "p",
    "tracked", "place",
]  # fmt: skip


# ---- what every edit does ----


def measure_interventions(experiments: Experiments) -> pd.DataFrame:
    """What removing one aspect does to every component, beside an equal area elsewhere and the whole picture."""
    return intervention_table(experiments.deltas["unseen"], experiments.effort.permutations, experiments.effort.draws)


def intervention_table(deltas: pd.DataFrame, permutations: int, draws: int = DRAWS) -> pd.DataFrame:
    """Mean delta of every edit and component with its interval and p: aspect, component, delta, low, high, p.

    p is two-sided, from flipped signs, adjusted over all cells.
    """
    edits, cells = delta_cells(deltas)
    n, e, k = cells.shape
    values = cells.reshape(n, -1)
    mean, low, high = mean_intervals(values, draws)
    p = adjusted(sign_flip(values, permutations))
    places = {"aspect": np.repeat(edits, k), "component": np.tile(np.arange(1, k + 1), e)}
    return pd.DataFrame({**places, "delta": mean, "low": low, "high": high, "p": p})


def delta_cells(deltas: pd.DataFrame) -> tuple[list[str], np.ndarray]:
    """The edits in the table's order, and the deltas (N, E, K) of pictures under each."""
    wide = deltas.pivot(index="id", columns=["aspect", "component"], values="delta")
    edits = list(deltas.aspect.unique())
    return edits, np.stack([wide[e].sort_index(axis=1).to_numpy() for e in edits], axis=1)


def removal_cells(deltas: pd.DataFrame) -> tuple[list[str], np.ndarray]:
    """The removed aspects, and the deltas (N, A, K) of pictures without each."""
    return delta_cells(deltas[is_removal(deltas.aspect)])


def is_removal(edits: pd.Series) -> pd.Series:
    """True where an edit is the removal of an aspect, neither a control nor the degraded whole."""
    return ~(edits.str.startswith(CONTROL) | (edits == DEGRADED))


def draw_interventions(table: pd.DataFrame) -> go.Figure:
    hover = "%{y}: component %{x} moves by %{z:+.3f} (log variance)"
    return matrix(table, "aspect", "component", "delta", list(table.aspect.unique()), True, hover)


def say_interventions(table: pd.DataFrame) -> str:
    aspects = table[is_removal(table.aspect)]
    best = aspects.loc[aspects.groupby("aspect").delta.idxmax()].sort_values("delta", ascending=False)
    rises = [f"{r.aspect} {estimate(r, 'delta')} (component {r.component})" for r in best.itertuples()]
    controls = table[table.aspect.str.startswith(CONTROL)]
    means = table.groupby("aspect").delta.mean()
    text = f"Removing an aspect moves the log variance of its most responsive component by: {', '.join(rises)}."
    if len(controls):
        text += f" Over all components, removals move it by {aspects.delta.mean():+.2f} on average, an equal area"
        text += f" covered elsewhere by {controls.delta.mean():+.2f}"
        text += f", degrading the whole picture by {means[DEGRADED]:+.2f}." if DEGRADED in means else "."
    return text


# ---- the evidence of interventions alone ----


def responses(deltas: pd.DataFrame, permutations: int = 9999) -> pd.DataFrame:
    """One row an aspect and component: how far the aspect's removal raises it, and whether it tracks the aspect.

    A component tracks an aspect when removing it raises the component more than every other aspect does, and more
    than nothing at all, significantly: the largest p of paired sign-flip tests against each (an
    intersection-union test, so the choice of the next aspect costs nothing), Benjamini-Hochberg over all
    components x aspects. Columns aspect, component, delta, next_aspect, next_delta, margin (own minus next), control
    and degraded (what those do to the same component), p (adjusted), tracked.
    """
    aspects, cells = removal_cells(deltas)  # (N, A, K)
    n, a, k = cells.shape
    raw = sign_flip(_differences(cells).reshape(n, -1), permutations, one_sided=True).reshape(a, a, k).max(1)
    means = cells.mean(0)  # (A, K)
    rivals = np.where(np.eye(a, dtype=bool)[..., None], -np.inf, means)  # (A, A, K), no aspect its own
    edits = deltas.groupby(["aspect", "component"]).delta.mean().unstack()
    columns = {
        "delta": means, "next_aspect": np.array(aspects)[rivals.argmax(1)], "next_delta": rivals.max(1),
        "control": edits.reindex([CONTROL + aspect for aspect in aspects]).to_numpy(),
        "degraded": edits.reindex([DEGRADED] * a).to_numpy(), "p": adjusted(raw),
    }  # fmt: skip
    places = pd.MultiIndex.from_product([aspects, range(k)], names=["aspect", "component"])
    table = pd.DataFrame({name: values.ravel() for name, values in columns.items()}, places).reset_index()
    table.insert(5, "margin", table.delta - table.next_delta)
    return table.assign(tracked=(table.p <= LEVEL) & (table.margin > 0) & (table.delta > 0))


def best_responses(table: pd.DataFrame) -> pd.DataFrame:
    """One row an aspect: of the components that track it, or of all where none does, the one of the largest margin."""
    ordered = table.sort_values(["tracked", "margin"], ascending=False, kind="stable")
    return ordered.drop_duplicates("aspect").set_index("aspect").loc[table.aspect.unique()].reset_index()


def _differences(cells: np.ndarray) -> np.ndarray:
    """(N, A, A, K) own minus another aspect's delta of deltas (N, A, K); on the diagonal own minus nothing."""
    differences = cells[:, :, None] - cells[:, None]
    aspects = range(cells.shape[1])
    differences[:, aspects, aspects] = cells
    return differences


def tracked_count(deltas: pd.DataFrame, draws: int = DRAWS) -> Interval:
    """How many aspects are tracked, over resampled pictures.

    The count of all pictures is by the rule of `responses` with paired t-tests in place of sign flips, which every
    draw can afford; the two agree but for p near the level.
    """

    def count(differences: np.ndarray) -> int:  # (N, A, A, K)
        means, freedom = differences.mean(0), max(len(differences) - 1, 1)
        error = np.sqrt(np.maximum(differences.var(0), 1e-12) / freedom)
        p = adjusted(student.sf(means / error, freedom).max(1))  # (A, K), against the next aspect and against nothing
        return int(((p <= LEVEL) & (means.min(1) > 0)).any(1).sum())

    return interval(count, _differences(removal_cells(deltas)[1]), draws=draws)


def metrics(experiments: Experiments, table: pd.DataFrame) -> list[Metric]:
    """In both styles: how many aspects are tracked, and how far each one's best component rises."""
    deltas, effort = experiments.deltas, experiments.effort
    styles = (style_metrics(deltas[s], s, effort.permutations, effort.draws) for s in ("unseen", "trained"))
    return [metric for metrics in styles for metric in metrics]


def style_metrics(deltas: pd.DataFrame, style: str, permutations: int = 9999, draws: int = DRAWS) -> list[Metric]:
    aspects, cells = removal_cells(deltas)
    best, resampled = best_responses(responses(deltas, permutations)), tracked_count(deltas, draws)
    low, high = round(resampled.low), round(resampled.high)
    rows = [Metric(f"tracked.{style}", int(best.tracked.sum()), low, high, len(cells))]
    for r in best.itertuples():
        own, place = cells[:, :, r.component], aspects.index(r.aspect)  # (N, A)
        rise, rivals = own[:, place], np.delete(own, place, axis=1)
        rows += [
            Metric.estimate(f"delta.{r.aspect}.{style}", np.mean, rise, draws=draws),
            Metric.estimate(f"margin.{r.aspect}.{style}", _margin, rise, rivals, draws=draws),
            Metric(f"control.{r.aspect}.{style}", r.control, count=len(cells)),
        ]
    return rows


def _margin(rise: np.ndarray, rivals: np.ndarray) -> float:
    """How far the mean of (N,) lies above the largest mean of (N, A - 1)."""
    return float(rise.mean() - rivals.mean(0).max())


# ---- both kinds of evidence together ----


def measure(experiments: Experiments) -> pd.DataFrame:
    """`tracking_table` of the interventions in the style never trained with and of the gallery's labels."""
    evidence = responses(experiments.deltas["unseen"], experiments.effort.permutations)
    return tracking_table(evidence, measure_attributes(experiments))


def tracking_table(evidence: pd.DataFrame, explained: pd.DataFrame) -> pd.DataFrame:
    """The ranked answer to "which components track this?", which needs both kinds of evidence.

    `evidence` is of `responses`, `explained` the study of attributes. A component tracks an attribute when removing
    it raises the component more than removing any other does, significantly, and the attribute explains a
    significant share of its level on untouched pictures. Those that track come first, then by margin; equal margins
    keep the components' order.
    """
    table = evidence.rename(columns={"aspect": "attribute"}).assign(component=evidence.component + 1)
    both = table.merge(explained.rename(columns={"p": "eta2_p"}), on=["attribute", "component"], validate="1:1")
    both["tracked"] &= both.eta2_p <= LEVEL
    both["order"] = both.attribute.map({a: n for n, a in enumerate(evidence.aspect.unique())})
    both = both.sort_values(["order", "tracked", "margin"], ascending=[True, False, False], kind="stable")
    both["place"] = both.groupby("attribute").cumcount() + 1
    return both[TRACKING].reset_index(drop=True)


def draw(table: pd.DataFrame) -> go.Figure:
    """The best component of every attribute: its own removal beside the next aspect's and an equal area elsewhere."""
    best = table[table.place == 1]
    names = [f"{r.attribute}<br>component {r.component}{' ●' if r.tracked else ''}" for r in best.itertuples()]
    figure = go.Figure()
    titles = {"delta": "its own removal", "next_delta": "the next aspect's", "control": "an equal area elsewhere"}
    for (column, name), colour, shape in zip(titles.items(), ORDER, ("", "/", "."), strict=False):
        figure.add_bar(x=names, y=best[column], name=name, marker={"color": colour, "pattern": {"shape": shape}})
    return plain(figure, 380, x="● tracked: both kinds of evidence", y="change of log variance")


def say(table: pd.DataFrame) -> str:
    components = {a: list(part.component) for a, part in table[table.tracked].groupby("attribute", sort=False)}
    parts = [
        f"{a} by component{'s' if len(c) > 1 else ''} {listed([str(n) for n in c[:4]])}"
        + (f" and {len(c) - 4} more" if len(c) > 4 else "")
        for a, c in components.items()
    ]
    none = [a for a in dict.fromkeys(table.attribute) if a not in components]
    text = f"{len(components)} of {table.attribute.nunique()} attributes are tracked"
    text += f": {'; '.join(parts)}." if parts else "."
    return text + (f" No component tracks {listed(none).replace(' and ', ' or ')}." if none else "")
