"""The registry of studies: what each asks, its table, its figure, and the sentence that the numbers support."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from analysis import subfeatures
from analysis.ground import Ground


@dataclass(frozen=True)
class Study:
    """`table` raises Skipped where the data can't supply it; `draw` and `say` work on an empty table too."""

    name: str
    title: str
    question: str
    table: Callable[[Ground], pd.DataFrame]
    draw: Callable[[pd.DataFrame], go.Figure]
    say: Callable[[pd.DataFrame], str]
    columns: tuple[str, ...]

    def empty(self) -> pd.DataFrame:
        return pd.DataFrame(columns=list(self.columns))


_ALL = (
    Study(
        "tracking", "Which components track which attribute", "Is there a component for the colour, for the sleeves …?",
        subfeatures.tracking, subfeatures.draw_tracking, subfeatures.say_tracking, subfeatures.TRACKING,
    ),
    Study(
        "interventions", "What removing one aspect does", "Which component becomes less certain when one aspect is gone?",
        subfeatures.interventions, subfeatures.draw_interventions, subfeatures.say_interventions,
        ("aspect", "component", "delta", "low", "high", "p"),
    ),
    Study(
        "attributes", "What an attribute explains", "How much of a component's uncertainty does an attribute explain?",
        subfeatures.attributes, subfeatures.draw_attributes, subfeatures.say_attributes,
        ("attribute", "component", "eta2", "p"),
    ),
    Study(
        "similar", "Similar components", "Which components say the same?",
        subfeatures.similar, subfeatures.draw_similar, subfeatures.say_similar, ("component", "other", "correlation"),
    ),
)  # fmt: skip
STUDIES: dict[str, Study] = {study.name: study for study in _ALL}
