"""The registry of studies: what each asks, its table and metrics, its figure, and what the numbers say in words.

Titles and questions are in `studies.json`. Raise a study's version when its table or its metrics mean something else:
what is stored of it is then stale.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from analysis.experiments import Experiments
from analysis.plots import NOTHING
from analysis.studies import (
    attributes,
    coordination,
    embedding_map,
    faithfulness,
    fusion,
    samples,
    severity,
    tracking,
    words,
)
from analysis.studies import selective_prediction as selective
from hug.evaluate.measurements import Metric

NAME_PICTURES = ("samples", "coordination_examples", "map")


@dataclass(frozen=True)
class Study:
    """`measure` raises Skipped where the data can't supply it; `draw` works on an empty table too."""

    name: str
    title: str
    question: str
    measure: Callable[[Experiments], pd.DataFrame]
    draw: Callable[[pd.DataFrame], go.Figure]
    sentence: Callable[[pd.DataFrame], str]
    metrics: Callable[[Experiments, pd.DataFrame], list[Metric]] = lambda experiments, table: []
    version: int = 1

    @property
    def names_pictures(self) -> bool:
        """Whether its table shows pictures of one gallery by their ids."""
        return self.name in NAME_PICTURES

    def say(self, table: pd.DataFrame) -> str:
        """What the numbers support, in words."""
        return self.sentence(table) if len(table) else NOTHING


_PARTS: dict[str, tuple[Callable[..., Any], ...]] = {  # measure, draw, say, metrics where it has some
    "samples": (samples.measure, samples.draw, samples.say),
    "severity": (severity.measure, severity.draw, severity.say, severity.metrics),
    "recall_by_bin": (selective.measure_recall, selective.draw_recall, selective.say_recall),
    "risk_coverage": (selective.measure_risk, selective.draw_risk, selective.say_risk),
    "reliability": (selective.measure_reliability, selective.draw_reliability, selective.say_reliability),
    "miss_prediction": (selective.measure_misses, selective.draw_misses, selective.say_misses),
    "coordination": (coordination.measure, coordination.draw, coordination.say, coordination.metrics),
    "coordination_examples": (coordination.measure_examples, coordination.draw_examples, coordination.say_examples),
    "tracking": (tracking.measure, tracking.draw, tracking.say, tracking.metrics),
    "interventions": (tracking.measure_interventions, tracking.draw_interventions, tracking.say_interventions),
    "attributes": (attributes.measure, attributes.draw, attributes.say, attributes.metrics),
    "similar": (
        attributes.measure_similar,
        attributes.draw_similar,
        attributes.say_similar,
        attributes.similar_metrics,
    ),
    "captions": (words.measure_captions, words.draw_captions, words.say_captions, words.captions_metrics),
    "phrases": (words.measure_phrases, words.draw_phrases, words.say_phrases),
    "weights": (fusion.measure_weights, fusion.draw_weights, fusion.say_weights),
    "proposition": (fusion.measure_proposition, fusion.draw_proposition, fusion.say_proposition),
    "faithfulness": (faithfulness.measure, faithfulness.draw, faithfulness.say),
    "map": (embedding_map.measure, embedding_map.draw, embedding_map.say),
}
_TEXTS = json.loads(Path(__file__).with_name("studies.json").read_text(encoding="utf-8"))
STUDIES: dict[str, Study] = {name: Study(name, *_TEXTS[name], *parts) for name, parts in _PARTS.items()}
