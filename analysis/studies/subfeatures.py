"""Which component answers to what: top and bottom pictures, attributes, interventions, and who tracks an attribute.

Components are numbered from 1; 0 is the whole picture. A level is the log of a mean variance.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from analysis.ground import Ground, Skipped
from analysis.intervals import adjusted, mean_intervals, sign_flip
from analysis.plots import INK, NAMED, NOTHING, ORDER, listed, matrix, plain
from hug.data.truth import CONTROL, DEGRADED
from hug.evaluate.subfeatures import LEVEL, attributes_explained
from hug.retrieval.index import Index

LEAVE_OUT = 0.2  # share of the pictures with the highest overall uncertainty; ours, the paper gives no number
COUNT = 20
ALIKE = 5
STATE = ("category", "degradation", "severity")  # labels that are no attribute


# ---- live: pictures of one component ----


def levels(index: Index, component: int, category: str | None = None, leave_out: float = 0.0) -> pd.DataFrame:
    """One row a picture in the gallery's order: id, value (mean variance of the component), overall.

    `leave_out` drops that share of the pictures, those with the highest overall uncertainty; of equal ones the
    later go first. Raises ValueError for a component or category that doesn't exist, or a share outside [0, 1).
    """
    k = index.gaussians.mu.shape[1]
    if not 0 <= component <= k:
        raise ValueError(f"there is no component {component}; choose one of 1-{k}, or 0 for the whole")
    if not 0 <= leave_out < 1:
        raise ValueError(f"the share to leave out must lie in [0, 1), got {leave_out}")
    rows = _rows(index, category)
    overall = index.gaussians.overall.numpy()
    value = overall if component == 0 else index.gaussians.var[:, component - 1].mean(-1).numpy()
    kept = rows[np.sort(np.argsort(overall[rows], kind="stable")[: len(rows) - int(leave_out * len(rows))])]
    return pd.DataFrame({"id": [index.ids[n] for n in kept], "value": value[kept], "overall": overall[kept]})


def top_bottom(
    index: Index, category: str | None, component: int, leave_out: float = LEAVE_OUT, count: int = COUNT
) -> pd.DataFrame:
    """Columns end (highest, lowest), place (1 = most extreme), id, value, overall.

    Equal values keep the gallery's order; no picture is at both ends, so a small gallery gives shorter lists.
    Raises ValueError as `levels` does, and for a count below 1.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    table = levels(index, component, category, leave_out)
    order = np.argsort(-table.value.to_numpy(), kind="stable")
    low = np.argsort(table.value.to_numpy(), kind="stable")
    highest = order[: min(count, (len(table) + 1) // 2)]
    lowest = low[~np.isin(low, highest)][: min(count, len(table) // 2)]
    parts = []
    for end, rows in (("highest", highest), ("lowest", lowest)):
        part = table.iloc[rows].reset_index(drop=True)
        part.insert(0, "end", end)
        part.insert(1, "place", range(1, len(part) + 1))
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def draw_levels(table: pd.DataFrame, marked: float | None = None) -> go.Figure:
    """Histogram of one component's variances; `marked` is the current query's."""
    figure = go.Figure(go.Histogram(x=table.value, nbinsx=40, marker_color=NAMED["overall"]))
    if marked is not None:
        figure.add_vline(x=marked, line={"color": INK, "dash": "dash"}, annotation_text="this query")
    figure.update_xaxes(title="variance")
    figure.update_yaxes(title="pictures")
    return plain(figure, 240)


def _rows(index: Index, category: str | None) -> np.ndarray:
    if not category:
        return np.arange(len(index))
    known = index.meta.get("category", [])
    if category not in known:
        raise ValueError(f"there is no category {category!r}; this gallery has {sorted(set(known)) or 'none'}")
    return np.flatnonzero(np.array(known) == category)


# ---- attributes ----


def attributes(ground: Ground) -> pd.DataFrame:
    """Share of each component's level that an attribute explains, over the gallery's clean pictures."""
    aspects = [label for label in ground.index.meta if label not in STATE]
    if not aspects or "category" not in ground.index.meta:
        raise Skipped("this gallery's pictures have no labels of attributes and category")
    rows = ground.clean
    labels = pd.DataFrame({a: np.array(ground.index.meta[a])[rows] for a in ("category", *aspects)})
    table = attributes_explained(labels, ground.levels[rows], aspects, ground.effort.label_permutations)
    table["component"] += 1
    return table[["attribute", "component", "eta2", "p"]]


def draw_attributes(table: pd.DataFrame) -> go.Figure:
    hover = "%{y} explains %{z:.3f} of component %{x}"
    return matrix(table, "attribute", "component", "eta2", list(dict.fromkeys(table.attribute)), False, hover)


def say_attributes(table: pd.DataFrame) -> str:
    if table.empty:
        return NOTHING
    count = table[table.p <= LEVEL].groupby("attribute").component.nunique()
    best = table.loc[table.groupby("attribute").eta2.idxmax()]
    parts = [
        f"{r.attribute} at most {100 * r.eta2:.0f} % (component {r.component}; {count.get(r.attribute, 0)} components"
        " significantly)"
        for r in best.sort_values("eta2", ascending=False).itertuples()
    ]
    return f"Of a component's variation over clean pictures of one category an attribute explains: {'; '.join(parts)}."


# ---- interventions ----


def intervention_table(deltas: pd.DataFrame, permutations: int, draws: int) -> pd.DataFrame:
    """Mean delta of every edit and component with its interval and p, from columns id, aspect, component, delta.

    `component` comes in 0-based and goes out 1-based; p is two-sided, from flipped signs, adjusted over all cells.
    """
    edits = list(dict.fromkeys(deltas.aspect))
    wide = deltas.pivot(index="id", columns=["aspect", "component"], values="delta")
    values = np.concatenate([wide[e].sort_index(axis=1).to_numpy() for e in edits], axis=1)  # (N, E*K)
    k = values.shape[1] // len(edits)
    mean, low, high = mean_intervals(values, draws)
    table = pd.DataFrame({"aspect": np.repeat(edits, k), "component": np.tile(np.arange(1, k + 1), len(edits))})
    table["delta"], table["low"], table["high"] = mean, low, high
    table["p"] = adjusted(sign_flip(values, permutations))
    return table


def interventions(ground: Ground) -> pd.DataFrame:
    """What removing one aspect does to every component, beside an equal area elsewhere and the whole picture."""
    return intervention_table(ground.deltas, ground.effort.permutations, ground.effort.draws)


def draw_interventions(table: pd.DataFrame) -> go.Figure:
    hover = "%{y}: component %{x} moves by %{z:+.3f} (log variance)"
    return matrix(table, "aspect", "component", "delta", list(dict.fromkeys(table.aspect)), True, hover)


def say_interventions(table: pd.DataFrame) -> str:
    if table.empty:
        return NOTHING
    aspects = table[(table.aspect != DEGRADED) & ~table.aspect.str.startswith(CONTROL)]
    best = aspects.loc[aspects.groupby("aspect").delta.idxmax()].sort_values("delta", ascending=False)
    told = [
        f"{r.aspect} {r.delta:+.2f} [{r.low:+.2f}, {r.high:+.2f}] (component {r.component})" for r in best.itertuples()
    ]
    controls = table[table.aspect.str.startswith(CONTROL)]
    means = table.groupby("aspect").delta.mean()
    text = f"Removing an aspect moves the log variance of its most responsive component by: {', '.join(told)}."
    if len(controls):
        text += f" Over all components, removals move it by {aspects.delta.mean():+.2f} on average, an equal area"
        text += f" covered elsewhere by {controls.delta.mean():+.2f}"
        text += f", degrading the whole picture by {means[DEGRADED]:+.2f}." if DEGRADED in means else "."
    return text


# ---- who tracks an attribute: interventions and attributes together ----


def tracking_table(responses: pd.DataFrame, explained: pd.DataFrame) -> pd.DataFrame:
    """The ranked answer to "which components track this?", which needs both kinds of evidence.

    `responses` has 0-based components (`hug.evaluate.subfeatures.responses`), `explained` 1-based ones. A component
    tracks an attribute when removing it raises the component more than removing any other does, significantly, and
    the attribute explains a significant share of its level on untouched pictures. Those that track come first, then
    by margin; equal margins keep the components' order.
    """
    table = responses.rename(columns={"aspect": "attribute"}).assign(component=responses.component + 1)
    both = table.merge(explained.rename(columns={"p": "eta2_p"}), on=["attribute", "component"], validate="1:1")
    both["tracked"] &= both.eta2_p <= LEVEL
    both["order"] = both.attribute.map({a: n for n, a in enumerate(dict.fromkeys(explained.attribute))})
    both = both.sort_values(["order", "tracked", "margin"], ascending=[True, False, False], kind="stable")
    both["place"] = both.groupby("attribute").cumcount() + 1
    return both[list(TRACKING)].reset_index(drop=True)


TRACKING = (
    "attribute", "component", "delta", "margin", "next_aspect", "next_delta", "control", "eta2", "eta2_p", "p",
    "tracked", "place",
)  # fmt: skip


def tracking(ground: Ground) -> pd.DataFrame:
    return tracking_table(ground.responses, attributes(ground))


def draw_tracking(table: pd.DataFrame) -> go.Figure:
    """The best component of every attribute: its own removal beside the next aspect's and an equal area elsewhere."""
    best = table[table.place == 1]
    names = [f"{r.attribute}<br>component {r.component}{' ●' if r.tracked else ''}" for r in best.itertuples()]
    figure = go.Figure()
    for place, (column, name) in enumerate(
        (("delta", "its own removal"), ("next_delta", "the next aspect's"), ("control", "an equal area elsewhere"))
    ):
        pattern = {"shape": ("", "/", ".")[place]}
        figure.add_bar(x=names, y=best[column], name=name, marker={"color": ORDER[place], "pattern": pattern})
    figure.update_yaxes(title="change of log variance")
    figure.update_xaxes(title="● tracked: both kinds of evidence")
    return plain(figure, 380)


def say_tracking(table: pd.DataFrame) -> str:
    if table.empty:
        return NOTHING
    kept = table[table.tracked]
    found = {a: list(part.component) for a, part in kept.groupby("attribute", sort=False)}
    told = [
        f"{a} by component{'s' if len(c) > 1 else ''} {listed([str(n) for n in c[:4]])}"
        + (f" and {len(c) - 4} more" if len(c) > 4 else "")
        for a, c in found.items()
    ]
    none = [a for a in dict.fromkeys(table.attribute) if a not in found]
    text = f"{len(found)} of {table.attribute.nunique()} attributes are tracked"
    text += f": {'; '.join(told)}." if told else "."
    return text + (f" No component tracks {listed(none).replace(' and ', ' or ')}." if none else "")


# ---- similar components ----


def similar_table(levels: np.ndarray) -> pd.DataFrame:
    """The most alike components of each, from levels (N, K): columns component, other, correlation.

    A component that never varies is like nothing: its correlations are zero.
    """
    varies = np.ptp(levels, axis=0) > 0
    k = levels.shape[1]
    found = np.zeros((k, k))
    if varies.sum() > 1:
        found[np.ix_(varies, varies)] = np.corrcoef(levels[:, varies], rowvar=False)
    np.fill_diagonal(found, -np.inf)
    rows = []
    for component in range(k):
        for other in np.argsort(-found[component], kind="stable")[: min(ALIKE, k - 1)]:
            rows.append((component + 1, int(other) + 1, float(found[component, other])))
    return pd.DataFrame(rows, columns=["component", "other", "correlation"])


def similar(ground: Ground) -> pd.DataFrame:
    """Over the gallery's clean pictures: degraded ones would make all components alike."""
    if len(ground.clean) < 3:
        raise Skipped("fewer than three pictures: a correlation of components means nothing")
    return similar_table(ground.levels[ground.clean])


def draw_similar(table: pd.DataFrame) -> go.Figure:
    wide = table.assign(place=table.groupby("component").cumcount() + 1)
    names = [f"{n}." for n in range(1, ALIKE + 1)]
    wide["place"] = wide.place.astype(str) + "."
    figure = matrix(wide, "place", "component", "correlation", names, True, "component %{x}: %{z:.2f}")
    if len(wide):
        others = wide.pivot(index="place", columns="component", values="other")
        figure.update_traces(text=others.to_numpy().astype(int).astype(str), texttemplate="%{text}")
    figure.update_yaxes(title="most alike")
    return figure


def say_similar(table: pd.DataFrame) -> str:
    if table.empty:
        return NOTHING
    first = table.groupby("component").head(1)
    best = first.loc[first.correlation.idxmax()]
    return (
        f"Components {best.component:.0f} and {best.other:.0f} are the most alike (correlation {best.correlation:.2f});"
        f" on average a component's nearest has {first.correlation.mean():.2f}."
    )
