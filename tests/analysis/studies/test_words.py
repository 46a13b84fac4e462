"""Phrases are found by what they mean, taken out cleanly, and compared with as many other words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from analysis.experiments import Experiments
from analysis.studies.words import (
    ANY,
    CONTROL_WORDS,
    FEWEST,
    captions_metrics,
    effects,
    find,
    measure_captions,
    measure_phrases,
    removals,
    say_phrases,
    without,
)
from hug.data.garments.attributes import sample_garment
from hug.data.garments.phrases import lexicon
from hug.data.garments.wording import KINDS
from tests.hug.data.garments.samples import captions as written

LEXICON = lexicon()
RED = "Is red with long sleeves and has a heart on it"


@pytest.mark.parametrize(
    ("text", "phrase", "left"),
    [
        (RED, ("red", "colour", "named"), "long sleeves and has a heart on it"),
        (RED, ("long sleeves", "sleeve", "named"), "Is red and has a heart on it"),
        (RED, ("a heart on it", "logo", "named"), "Is red with long sleeves"),
        ("Has polka dots, is longer and is striped", ("longer", "length", "compared"), "Has polka dots and is striped"),
        ("Has stripes instead of the dots and is red", ("… instead of …", "pattern", "presupposing"), "is red"),
        ("Is red and keeps the v-neck", ("keeps …", "neckline", "presupposing"), "Is red"),
        ("Looks nicer but is red", ("looks nicer", "no aspect", "vague"), "is red"),
        ("Is red", ("red", "colour", "named"), ""),
    ],
)  # fmt: skip
def test_a_phrase_is_found_and_taken_out(text: str, phrase: tuple[str, str, str], left: str) -> None:
    start, end = next((f[0], f[1]) for f in find(text, LEXICON) if f[2:] == phrase)
    assert without(text, start, end) == left


def test_a_longer_phrase_is_not_taken_for_a_shorter() -> None:
    assert [f[2] for f in find("has sleeves to the elbow", LEXICON)] == ["sleeves to the elbow"]
    assert [f[2] for f in find("is bright red", LEXICON)] == ["bright red"]
    assert (
        not list(find("reddish", LEXICON))
        and not list(find("", LEXICON))
        and not list(find("something else entirely", LEXICON))
    )


def test_every_generated_text_has_a_phrase_of_its_kind() -> None:
    rng = np.random.default_rng(0)
    for kind in KINDS:
        for _ in range(40):
            garments = [sample_garment("dress", rng) for _ in range(2)]
            if garments[0] == garments[1]:
                continue
            kinds = {f[4] for text in written(*garments, rng, kind) for f in find(text, LEXICON)}
            if kind == "vague":
                assert kinds == {"vague"}
            else:
                assert "vague" not in kinds and kinds
                assert kind != "presupposing" or "presupposing" in kinds


def test_the_control_takes_as_many_words_and_touches_no_phrase() -> None:
    text = "the dress is red and also somewhat different with long sleeves"
    controls = [r.left for s in range(20) for r in removals([text], LEXICON, s).itertuples() if r.kind == "control"]
    assert controls
    for left in controls:
        assert "red" in left and "long sleeves" in left
        assert len(text.split()) - len(left.split()) in (1, 2)
    assert removals(["nothing known"], LEXICON).empty


def test_effects_are_means_with_their_counts() -> None:
    rng = np.random.default_rng(0)
    rows = [(n, "", "red", "colour", "named") for n in range(FEWEST)]
    rows += [(n, "", "dots", "pattern", "named") for n in range(FEWEST - 1)]
    rows += [(n, "", CONTROL_WORDS, "control", "control") for n in range(5)]
    plan = pd.DataFrame(rows, columns=["row", "left", "phrase", "aspect", "kind"])
    plan["delta_words"], plan["delta_fit"] = rng.normal(1, 0.1, len(plan)), rng.normal(0, 0.1, len(plan))
    table = effects(plan, 100).set_index(["phrase", "aspect"])
    assert set(table.index) == {("red", "colour"), (ANY, "colour"), (ANY, "pattern"), (CONTROL_WORDS, "control")}
    assert table["count"].to_dict() == {
        ("red", "colour"): 8, (ANY, "colour"): 8, (ANY, "pattern"): 7, (CONTROL_WORDS, "control"): 5,
    }  # fmt: skip
    colour = plan[plan.aspect == "colour"].delta_words
    assert table.delta_words[("red", "colour")] == pytest.approx(colour.mean())
    assert (table.low <= table.delta_words).all() and "colour +1.0" in say_phrases(table.reset_index())


def test_a_change_is_against_the_whole_text(experiments: Experiments) -> None:
    """One phrase of one query, by the model's own calls."""
    table = measure_phrases(experiments)
    assert (table["count"] > 0).all() and {"control"} <= set(table.kind)
    rows = np.linspace(0, len(experiments.queries) - 1, experiments.effort.texts).round().astype(int)
    texts = experiments.queries.iloc[rows].reset_index(drop=True)
    plan = removals(list(texts.text), LEXICON)
    alone = plan[plan.aspect == "logo"]
    alone = alone[alone.kind == alone.kind.iloc[0]]
    before = np.log(texts.t.iloc[alone.row].to_numpy())
    after = experiments.encode(list(texts.reference.iloc[alone.row]), list(alone.left)).var_t.mean((1, 2)).log().numpy()
    row = table[(table.aspect == "logo") & (table.kind == alone.kind.iloc[0]) & (table.phrase == ANY)].iloc[0]
    assert row.delta_words == pytest.approx(float((after - before).mean()), abs=1e-5) and row["count"] == len(alone)


def test_captions_at_the_ends_are_the_extremes(experiments: Experiments) -> None:
    table, queries = measure_captions(experiments), experiments.visible_queries
    assert len(queries) < len(experiments.queries) and set(queries.reference) <= set(experiments.index.ids)
    for source, column in (("words", "t"), ("fit", "m")):
        part = table[table.source == source]
        high, low = (part[part.end == end] for end in ("highest", "lowest"))
        assert high.value.iloc[0] == queries[column].max() and low.value.iloc[0] == queries[column].min()
        assert high.value.is_monotonic_decreasing and low.value.is_monotonic_increasing
        assert high.value.min() >= low.value.max()


def test_vague_words_are_told_from_specific_ones_as_scikit_learn_counts(experiments: Experiments) -> None:
    (metric,) = captions_metrics(experiments, measure_captions(experiments))
    kinds = experiments.truth.queries.kind.to_numpy()[experiments.queries.row]
    rows = kinds != "conflict"
    expected = roc_auc_score(kinds[rows] == "vague", experiments.queries.t[rows])
    assert metric.id == "auroc.vague" and metric.value == pytest.approx(expected) and metric.count == rows.sum()
