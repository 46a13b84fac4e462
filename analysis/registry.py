"""The registry of studies: what each asks, its table and metrics, its figure, and what the numbers say in words.

Raise a study's version when its table or its metrics mean something else: what is stored of it is then stale.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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
    selective_prediction,
    severity,
    tracking,
    words,
)
from hug.evaluate.measurements import Metric


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

    def say(self, table: pd.DataFrame) -> str:
        """What the numbers support, in words."""
        return self.sentence(table) if len(table) else NOTHING


_ALL = (
    Study(
        "samples", "From certain to uncertain", "What looks certain to the model, and what uncertain?",
        samples.measure, samples.draw, samples.say,
    ),
    Study(
        "severity", "Degraded pictures", "Does the uncertainty rise as a picture gets worse?",
        severity.measure, severity.draw, severity.say, severity.metrics,
    ),
    Study(
        "recall_by_bin", "Recall by uncertainty", "Are uncertain queries answered worse?",
        selective_prediction.measure_recall, selective_prediction.draw_recall, selective_prediction.say_recall,
    ),
    Study(
        "risk_coverage", "Risk and coverage", "What does it gain to leave the doubtful queries unanswered?",
        selective_prediction.measure_risk, selective_prediction.draw_risk, selective_prediction.say_risk,
    ),
    Study(
        "reliability", "Reliability of the promised chance", "Is a promised chance of 70 % kept 70 times in a hundred?",
        selective_prediction.measure_reliability, selective_prediction.draw_reliability,
        selective_prediction.say_reliability,
    ),
    Study(
        "miss_prediction", "What predicts a miss", "Does the doubt know more than the distances alone?",
        selective_prediction.measure_misses, selective_prediction.draw_misses, selective_prediction.say_misses,
    ),
    Study(
        "coordination", "Words that fit and words that conflict", "Is it the fit alone that tells them apart?",
        coordination.measure, coordination.draw, coordination.say, coordination.metrics,
    ),
    Study(
        "coordination_examples", "Six pairs", "What do fitting and conflicting words look like?",
        coordination.measure_examples, coordination.draw_examples, coordination.say_examples,
    ),
    Study(
        "tracking", "Which components track which attribute", "Is there a component for the colour, for the sleeves …?",
        tracking.measure, tracking.draw, tracking.say, tracking.metrics,
    ),
    Study(
        "interventions", "What removing one aspect does", "Which component grows less certain when an aspect is gone?",
        tracking.measure_interventions, tracking.draw_interventions, tracking.say_interventions,
    ),
    Study(
        "attributes", "What an attribute explains", "How much of a component's uncertainty does an attribute explain?",
        attributes.measure, attributes.draw, attributes.say, attributes.metrics,
    ),
    Study(
        "similar", "Similar components", "Which components say the same?",
        attributes.measure_similar, attributes.draw_similar, attributes.say_similar, attributes.similar_metrics,
    ),
    Study(
        "captions", "Captions at the ends", "Which words are uncertain, and which fit badly?",
        words.measure_captions, words.draw_captions, words.say_captions, words.captions_metrics,
    ),
    Study(
        "phrases", "One phrase taken out", "Which phrases make the words certain?",
        words.measure_phrases, words.draw_phrases, words.say_phrases,
    ),
    Study(
        "weights", "How the weights move", "Does a source that gets worse lose weight?",
        fusion.measure_weights, fusion.draw_weights, fusion.say_weights,
    ),
    Study(
        "proposition", "Proposition 1, measured", "Do the dynamic weights do what the paper assumes of them?",
        fusion.measure_proposition, fusion.draw_proposition, fusion.say_proposition,
    ),
    Study(
        "faithfulness", "Are the explanations true", "Does removing what is called important change most?",
        faithfulness.measure, faithfulness.draw, faithfulness.say,
    ),
    Study(
        "map", "Map of the gallery", "Which pictures are alike to the model?",
        embedding_map.measure, embedding_map.draw, embedding_map.say,
    ),
)  # fmt: skip
STUDIES: dict[str, Study] = {study.name: study for study in _ALL}
