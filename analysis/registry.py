"""The registry of studies: what each asks, its table, its figure, and the sentence that the numbers support."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from analysis.ground import Ground
from analysis.studies import (
    embedding_map,
    faithfulness,
    fusion,
    levels,
    subfeatures,
    words,
)
from analysis.studies import selective_prediction as trust


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
        "samples", "From certain to uncertain", "What looks certain to the model, and what uncertain?",
        levels.samples, levels.draw_samples, levels.say_samples, ("side", "place", "value", "id", "text"),
    ),
    Study(
        "severity", "Degraded pictures", "Does the uncertainty rise as a picture gets worse?",
        levels.severity, levels.draw_severity, levels.say_severity,
        ("kind", "seen", "severity", "value", "low", "high"),
    ),
    Study(
        "recall_by_bin", "Recall by uncertainty", "Are uncertain queries answered worse?",
        trust.recall_bins, trust.draw_recall, trust.say_recall,
        ("which", "bin", "recall", "low", "high", "doubt", "count"),
    ),
    Study(
        "risk_coverage", "Risk and coverage", "What does it gain to leave the doubtful queries unanswered?",
        trust.risk, trust.draw_risk, trust.say_risk, ("by", "coverage", "risk"),
    ),
    Study(
        "reliability", "Reliability of the promised chance", "Is a promised chance of 70 % kept 70 times in a hundred?",
        trust.reliable, trust.draw_reliable, trust.say_reliable, ("bin", "chance", "hits", "low", "high", "count"),
    ),
    Study(
        "miss_prediction", "What predicts a miss", "Does the doubt know more than the distances alone?",
        trust.misses, trust.draw_misses, trust.say_misses, ("which", "by", "auroc", "low", "high"),
    ),
    Study(
        "coordination", "Words that fit and words that conflict", "Is it the fit alone that tells them apart?",
        levels.coordination, levels.draw_coordination, levels.say_coordination, levels.PAIRED,
    ),
    Study(
        "coordination_examples", "Six pairs", "What do fitting and conflicting words look like?",
        levels.coordination_examples, levels.draw_examples, levels.say_examples, levels.EXAMPLE,
    ),
    Study(
        "tracking", "Which components track which attribute", "Is there a component for the colour, for the sleeves …?",
        subfeatures.tracking, subfeatures.draw_tracking, subfeatures.say_tracking, subfeatures.TRACKING,
    ),
    Study(
        "interventions", "What removing one aspect does", "Which component grows less certain when an aspect is gone?",
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
    Study(
        "captions", "Captions at the ends", "Which words are uncertain, and which fit badly?",
        words.captions, words.draw_captions, words.say_captions, ("source", "end", "text", "id", "value"),
    ),
    Study(
        "phrases", "One phrase taken out", "Which phrases make the words certain?",
        words.phrase_effects, words.draw_phrases, words.say_phrases,
        ("phrase", "aspect", "kind", "delta_words", "delta_fit", "low", "high", "count"),
    ),
    Study(
        "weights", "How the weights move", "Does a spoiled source lose weight?",
        fusion.weights, fusion.draw_weights, fusion.say_weights,
        ("change", "level", "source", "weight", "low", "high"),
    ),
    Study(
        "proposition", "Proposition 1, measured", "Do the dynamic weights do what the paper assumes of them?",
        fusion.proposition, fusion.draw_proposition, fusion.say_proposition, fusion.PROPOSITION,
    ),
    Study(
        "faithfulness", "Are the explanations true", "Does removing what is called important change most?",
        faithfulness.faithfulness, faithfulness.draw_faithfulness, faithfulness.say_faithfulness, faithfulness.COLUMNS,
    ),
    Study(
        "map", "Map of the gallery", "Which pictures are alike to the model?",
        embedding_map.maps, embedding_map.draw_map, embedding_map.say_map, ("component", "id", "x", "y"),
    ),
)  # fmt: skip
STUDIES: dict[str, Study] = {study.name: study for study in _ALL}
