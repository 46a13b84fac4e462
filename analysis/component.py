"""One component: the gallery's pictures in it, live, and what the prepared studies say of it or of one attribute.

Components are numbered from 1; 0 is the whole picture.
"""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from analysis.plots import CLEAR, COLOURS, FAINT, INK, NAMED, VERMILION, listed, matrix, plain, whiskers
from analysis.studies.attributes import LEVEL
from hug.data.truth import CONTROL, DEGRADED
from hug.retrieval.index import Index

LEAVE_OUT = 0.2  # share of the pictures with the highest overall uncertainty; ours, the paper gives no number
MEASURES = {"delta": "change of log variance", "eta2": "share explained (η²)"}


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
    rows = category_rows(index, category)
    overall, value = (component_variances(index, c) for c in (0, component))
    rest = rows[np.sort(np.argsort(overall[rows], kind="stable")[: len(rows) - int(leave_out * len(rows))])]
    return pd.DataFrame({"id": [index.ids[n] for n in rest], "value": value[rest], "overall": overall[rest]})


def top_bottom(
    index: Index, category: str | None, component: int, leave_out: float = LEAVE_OUT, count: int = 20
) -> pd.DataFrame:
    """Columns end (highest, lowest), place (1 = most extreme), id, value, overall.

    Equal values keep the gallery's order; no picture is at both ends, so a small gallery gives shorter lists.
    Raises ValueError as `levels` does, and for a count below 1.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    table = levels(index, component, category, leave_out)
    highest = table.sort_values("value", ascending=False, kind="stable").head(min(count, (len(table) + 1) // 2))
    lowest = table.drop(highest.index).sort_values("value", kind="stable").head(count)
    ends = pd.concat([highest.assign(end="highest"), lowest.assign(end="lowest")], ignore_index=True)
    return ends.assign(place=ends.groupby("end").cumcount() + 1)[["end", "place", *table.columns]]


def component_variances(index: Index, component: int) -> np.ndarray:
    """(N,) mean variance of the gallery's pictures in one component, or in all."""
    gaussians = index.gaussians
    return (gaussians.var[:, component - 1].mean(-1) if component else gaussians.overall).cpu().numpy()


def category_rows(index: Index, category: str | None) -> np.ndarray:
    """Rows of a category in the gallery, or all. Raises ValueError for a category that doesn't exist."""
    if not category:
        return np.arange(len(index))
    categories = index.meta.get("category", [])
    if category not in categories:
        raise ValueError(f"there is no category {category!r}; this gallery has {sorted(set(categories)) or 'none'}")
    return np.flatnonzero(np.array(categories) == category)


def draw_histogram(table: pd.DataFrame, mark: float | None = None) -> go.Figure:
    """Pictures by the variance of the component, on a log scale; `mark` is that of the query's reference picture."""
    values = np.log10(table.value.to_numpy(float))
    counts, edges = np.histogram(values, bins=40)
    ranges = [f"{10**low:.4f} to {10**high:.4f}" for low, high in pairwise(edges)]
    hover = {"text": ranges, "textposition": "none", "hovertemplate": "%{text}: %{y} pictures<extra></extra>"}
    bars = go.Bar(x=(edges[:-1] + edges[1:]) / 2, y=counts, width=np.diff(edges), marker_color=FAINT, **hover)
    figure = go.Figure(bars)
    if mark is not None:
        place = float(np.log10(mark))
        side = "left" if place < edges.mean() else "right"  # where there is more room
        label = {"text": "this query's picture", "font": {"color": INK}, "y": 1, "yanchor": "bottom", "xanchor": side}
        figure.add_vline(x=place, line={"color": COLOURS["r"], "width": 2}, annotation=label)
    ticks = _ticks(edges[0], edges[-1])
    figure.update_xaxes(title="variance of the component (log scale)", tickvals=np.log10(ticks))
    figure.update_xaxes(ticktext=[f"{t:g}" for t in ticks]).update_yaxes(title="pictures")
    return plain(figure, 260)


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers between two logarithms: few enough to be read beside each other."""
    decades = range(int(np.floor(low)), int(np.ceil(high)) + 1)
    for digits in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        ticks = [float(f"{d}e{n}") for n in decades for d in digits if low <= np.log10(d) + n <= high]
        if len(ticks) > 2:
            return ticks
    return [float(f"{10**t:.2g}") for t in (low, (low + high) / 2, high)]


def say_histogram(table: pd.DataFrame, query: Mapping[str, float] | None) -> str:
    """Spread of the gallery and, with a query's `analysis.query.variances` in the component, where it stands."""
    if table.empty:
        return "No picture is left: choose another category or leave out fewer."
    low, middle, high = table.value.quantile([0.1, 0.5, 0.9])
    most = f"eight in ten lie between {low:.3g} and {high:.3g}, the middle one at {middle:.3g}."
    text = f"Of {len(table)} pictures, {most}"
    if query is None:
        return text + " Ask a query, and its picture is marked here."
    share = 100 * float((table.value < query["picture"]).mean())
    return (
        f"{text} The current query's picture has {query['picture']:.3g}, more than {share:.0f} % of them; its words "
        f"have {query['words']:.3g}, the fit {query['fit']:.3g}, merged {query['overall']:.3g} (other scales: not "
        "marked)."
    )


def attributes_of(table: pd.DataFrame, component: int) -> pd.DataFrame:
    """The `attributes` study of one component, most explained first, with `significant`."""
    part = table[table.component == component].sort_values("eta2", ascending=False, kind="stable")
    return part.assign(significant=part.p <= LEVEL).reset_index(drop=True)


def draw_attributes(part: pd.DataFrame) -> go.Figure:
    texts = [f"{100 * r.eta2:.1f} %{'' if r.significant else ', maybe chance'}" for r in part.itertuples()]
    figure = go.Figure().add_bar(
        y=part.attribute, x=100 * part.eta2, orientation="h", text=texts, textposition="outside",
        customdata=part.attribute, hovertemplate="%{y}: %{text}<extra></extra>",
        marker={"color": [NAMED["picture"] if s else FAINT for s in part.significant]},
    )  # fmt: skip
    title, room = "share of the component's variation explained (η²)", [0, 150 * max(float(part.eta2.max()), 0.02)]
    figure.update_xaxes(title=title, ticksuffix=" %", range=room).update_yaxes(autorange="reversed")
    return plain(figure, 260)


def say_attributes(part: pd.DataFrame) -> str:
    significant = part[part.significant]
    if significant.empty:
        return "No attribute explains a significant share of this component's uncertainty on untouched pictures."
    first = [f"{r.attribute} {100 * r.eta2:.0f} % ({probability(r.p)})" for r in significant.head(3).itertuples()]
    rest = f"; {len(significant) - 3} more significantly" if len(significant) > 3 else ""
    return f"On untouched pictures of one category, its uncertainty is explained by {listed(first)}{rest}."


def removals_of(table: pd.DataFrame, component: int) -> pd.DataFrame:
    """The `interventions` study of one component: columns aspect, delta, low, high, p, control, most moving first.

    `control` is what covering an equal area elsewhere does; missing for the degraded whole.
    """
    part = table[table.component == component].drop(columns="component")
    controls = part.set_index("aspect").delta.rename("control")
    own = part[~part.aspect.str.startswith(CONTROL)].sort_values("delta", ascending=False, kind="stable")
    return own.assign(control=(CONTROL + own.aspect).map(controls)).reset_index(drop=True)


def draw_removals(part: pd.DataFrame) -> go.Figure:
    """A bar for each removal, with its interval, and its control beside it."""
    names, bars = part.aspect.replace(DEGRADED, "whole degraded"), {"orientation": "h", "customdata": part.aspect}
    figure = go.Figure()
    figure.add_bar(
        y=names, x=part.delta, name="the aspect removed", error_x=whiskers(part, "delta", color=INK),
        marker={"color": NAMED["picture"]}, hovertemplate="%{y} removed: %{x:+.3f}<extra></extra>", **bars,
    )  # fmt: skip
    figure.add_bar(
        y=names, x=part.control, name="an equal area elsewhere (control)",
        marker={"color": FAINT, "pattern": {"shape": "/"}},
        hovertemplate="an equal area elsewhere (%{y}): %{x:+.3f}<extra></extra>", **bars,
    )  # fmt: skip
    figure.update_xaxes(title="change of log variance (+0.7: twice)").update_yaxes(autorange="reversed")
    return plain(figure, 320)


def say_removals(part: pd.DataFrame) -> str:
    aspects = part[part.aspect != DEGRADED]
    if aspects.empty:
        return "No intervention was measured."
    first = aspects.iloc[0]
    if first.delta <= 0 or first.p > LEVEL:
        return "Removing no single aspect raises this component's uncertainty significantly."
    text = f"Removing the {first.aspect} raises it most: {first.delta:+.2f} [{first.low:+.2f}, {first.high:+.2f}]"
    text += f" ({probability(first.p)}), an equal area covered elsewhere {first.control:+.2f}"
    following = [f"; the next aspect, {r.aspect}, {r.delta:+.2f}" for r in aspects[1:2].itertuples()]
    return f"{text}{''.join(following)}."


def trackers(table: pd.DataFrame, attribute: str) -> pd.DataFrame:
    """The `tracking` study of one attribute, best component first."""
    return table[table.attribute == attribute].sort_values("place", kind="stable").reset_index(drop=True)


def say_trackers(part: pd.DataFrame, attribute: str) -> str:
    """The answer in one sentence with its evidence; plainly none where there is none."""
    if part.empty:
        return f"Nothing was measured for {attribute}."
    tracked, best = part[part.tracked], part.iloc[0]
    evidence = (
        f"removing the {attribute} moves it by {best.delta:+.2f}, the next aspect ({best.next_aspect}) by "
        f"{best.next_delta:+.2f}, an equal area elsewhere by {best.control:+.2f} ({probability(best.p)}); on untouched "
        f"pictures the {attribute} explains {100 * best.eta2:.0f} % of it ({probability(best.eta2_p)})"
    )
    if tracked.empty:
        lead = f"None does: no component tracks {attribute} by both kinds of evidence. The nearest is component"
        return f"{lead} {best.component}: {evidence}."
    few = [str(c) for c in tracked.component.head(5)]
    rest = len(tracked) - len(few)
    names, one = listed([*few, f"{rest} more"] if rest else few), len(tracked) == 1
    lead = f"Component {names} tracks {attribute}" if one else f"Components {names} track {attribute}, the first best"
    return f"{lead}: {evidence}."


def probability(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def draw_matrix(table: pd.DataFrame, measure: str = "delta", component: int = 0, attribute: str = "") -> go.Figure:
    """Attributes x components of the `tracking` study; ● where both kinds of evidence agree, the shown one framed.

    A cell's customdata is "attribute:component". Raises KeyError for an unknown measure.
    """
    title, rows = MEASURES[measure], list(table.attribute.unique())
    hover = f"%{{y}}, component %{{x}}: %{{z:.3f}} ({title})"
    figure = matrix(table, "attribute", "component", measure, rows, measure == "delta", hover)
    tracked = table.pivot(index="attribute", columns="component", values="tracked").loc[rows]
    columns = list(tracked.columns)
    figure.update_traces(
        text=np.where(tracked, "●", ""), texttemplate="%{text}", colorbar_title={"text": title, "side": "right"},
        customdata=[[f"{row}:{column}" for column in columns] for row in rows],
    )  # fmt: skip
    if component in columns:
        top, bottom = 2 * (rows.index(attribute),) if attribute in rows else (0, len(rows) - 1)
        box = {"x0": component - 0.5, "x1": component + 0.5, "y0": top - 0.5, "y1": bottom + 0.5}
        figure.add_shape(type="rect", **box, line={"color": VERMILION, "width": 2}, fillcolor=CLEAR)
    figure.update_xaxes(dtick=1, tickangle=0, tickfont_size=11)
    return figure.update_layout(height=110 + 30 * len(rows), meta={"least": 640})
