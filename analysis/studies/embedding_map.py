"""The gallery in two dimensions, computed beforehand: UMAP of whole pictures, and of each component.

Letters: N pictures, K components, D dimensions of one component.
"""

import warnings

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from sklearn.metrics import pairwise_distances

from analysis.experiments import Experiments, Skipped
from analysis.plots import INK, plain

NEIGHBOURS = 15
FEWEST = 5  # pictures
EPOCHS = 200  # of a layout; 500 keep no more of the neighbourhoods (docs/operations.md)
EXACT = 4096  # pictures up to which all distances are taken; UMAP's own search for neighbours is for more
STEPS = 1000  # coordinates are thousandths: repeated values make a small file


def measure(experiments: Experiments) -> pd.DataFrame:
    """Columns component (0 the whole), id, x, y; coordinates of every map lie in [0, 1]."""
    index = experiments.index
    if len(index) < FEWEST:
        raise Skipped(f"a map of fewer than {FEWEST} pictures shows nothing")
    mu = index.gaussians.mu.numpy()  # (N, K, D)
    layouts = [layout(mu.reshape(len(mu), -1)), *(layout(mu[:, k]) for k in range(mu.shape[1]))]
    tables = []
    for component, places in enumerate(layouts):
        x, y = squared(places).T
        tables.append(pd.DataFrame({"component": np.int16(component), "id": index.ids, "x": x, "y": y}))
    return pd.concat(tables, ignore_index=True)


def layout(means: np.ndarray, seed: int = 0) -> np.ndarray:
    """(N, 2) UMAP of (N, M) means by their Euclidean distances; the same every time."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImportWarning)  # that TensorFlow, which we don't use, is not installed
        from umap import UMAP  # compiles at its first use: imported where it is used

        near = min(NEIGHBOURS, len(means) - 1)
        start = "spectral" if len(means) > 4 * NEIGHBOURS else "random"  # it needs more pictures than axes
        exact = len(means) <= EXACT  # given the distances, UMAP doesn't call Python for each of them
        fit = UMAP(
            n_neighbors=near, init=start, n_epochs=EPOCHS, random_state=seed, n_jobs=1,
            metric="precomputed" if exact else "euclidean",
        )  # fmt: skip
        warnings.filterwarnings("ignore", "using precomputed metric")  # that new points can't be added: none are
        warnings.filterwarnings("ignore", "Graph is not fully connected")  # groups far apart may lie anywhere
        return np.asarray(fit.fit_transform(pairwise_distances(means) if exact else means), float)


def squared(places: np.ndarray) -> np.ndarray:
    """Coordinates moved and scaled into [0, 1], both axes alike, in steps of a thousandth."""
    low, size = places.min(0), max(float(np.ptp(places, axis=0).max()), 1e-12)
    middle = (1 - np.ptp(places, axis=0) / size) / 2
    return np.round(((places - low) / size + middle) * STEPS) / STEPS


def draw(table: pd.DataFrame) -> go.Figure:
    """The whole gallery; the tab draws the components."""
    whole = table[table.component == 0]
    figure = go.Figure(
        go.Scattergl(
            x=whole.x, y=whole.y, mode="markers", customdata=whole.id, text=whole.id,
            marker={"size": 5, "color": INK}, hovertemplate="%{text}<extra></extra>",
        )
    )  # fmt: skip
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    return plain(figure, 480)


def say(table: pd.DataFrame) -> str:
    count, components = int((table.component == 0).sum()), table.component.nunique() - 1
    return (
        f"{count} pictures: UMAP of whole pictures and of each of {components} components, where near points are "
        "alike and distances between groups mean little."
    )
