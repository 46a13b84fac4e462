"""Texts say what changed, or take something for granted, or say nothing; and they read like Fashion-IQ's."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from hug.data.captions import shorten
from hug.data.garments.attributes import ASPECTS, CATEGORIES, VALUES, Garment, differing, sample_garment
from hug.data.garments.phrases import FIRST
from hug.data.garments.wording import KINDS, compose, lacks
from tests.hug.data.garments.samples import captions

# words that alone say nothing of an attribute
FUNCTION_WORDS = frozenset(
    {
        "a", "all", "an", "and", "at", "be", "by", "covered", "covers", "cut", "ends", "falls", "for", "from", "has",
        "in", "is", "it", "less", "more", "no", "not", "nothing", "of", "on", "so", "that", "the", "to", "with",
    }
)  # fmt: skip


def attribute_words() -> frozenset[str]:
    """Every word by which some phrase names, compares or presupposes an attribute; no vague phrase has one."""
    texts = [
        text
        for table in (FIRST.named, FIRST.compared)
        for values in table.values()
        for each in values.values()
        for _, text in each
    ]
    texts += [text for values in FIRST.nouns.values() for pairs in values.values() for pair in pairs for text in pair]
    return frozenset(word for text in texts for word in text.split()) - FUNCTION_WORDS


def pairs(count: int, seed: int = 0) -> list[tuple[Garment, Garment, np.random.Generator]]:
    """Pairs that differ in one to three aspects."""
    rng = np.random.default_rng(seed)
    out = []
    for i in range(count):
        reference = sample_garment(CATEGORIES[i % 3], rng)
        values = {}
        for aspect in rng.choice(ASPECTS, 1 + i % 3, replace=False):
            others = [v for v in VALUES[reference.category][str(aspect)] if v != reference.value(str(aspect))]
            values[str(aspect)] = str(rng.choice(others))
        out.append((reference, reference.replace(**values), rng))
    return out


def words(texts: tuple[str, ...]) -> set[str]:
    return {word for text in texts for word in re.sub("[.,]", " ", text.lower()).split()}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_generator_state_gives_the_same_words(kind: str) -> None:
    reference, target, _ = pairs(1)[0]
    first, second = (captions(reference, target, np.random.default_rng(4), kind) for _ in range(2))
    assert first == second


def test_specific_words_name_each_changed_value_or_its_direction() -> None:
    for reference, target, rng in pairs(300):
        joined = " ".join(captions(reference, target, rng, "specific")).lower()
        for aspect in differing(reference, target):
            named = [text for _, text in FIRST.named[aspect][target.value(aspect)]]
            directed = [text for each in FIRST.compared[aspect].values() for _, text in each]
            assert any(text in joined for text in named + directed), (aspect, joined)


@pytest.mark.parametrize("kind", ["specific", "presupposing"])
def test_the_meaning_holds_for_the_target_and_covers_all_changes(kind: str) -> None:
    for reference, target, rng in pairs(300, 1):
        wording = compose(reference, target, rng, kind)
        assert set(differing(reference, target)) <= set(wording.says)
        assert all(target.value(aspect) in allowed for aspect, allowed in wording.says.items())
        assert all(text.strip() for text in wording.captions)


@pytest.mark.parametrize(
    ("old", "new", "phrase"),
    [
        ({"sleeve": "short"}, {"sleeve": "long"}, "longer"),
        ({"sleeve": "long"}, {"sleeve": "elbow"}, "shorter"),
        ({"length": "maxi"}, {"length": "mini"}, "shorter"),
        ({"colour": "white"}, {"colour": "black"}, "darker"),
        ({"colour": "brown"}, {"colour": "yellow"}, "lighter"),
        ({"neckline": "turtleneck"}, {"neckline": "scoop"}, "deeper"),
    ],
)
def test_comparisons_point_the_right_way(old: dict[str, str], new: dict[str, str], phrase: str) -> None:
    plain = Garment("dress", "red", "solid", "short", "crew", "knee", "none")
    reference, target = plain.replace(**old), plain.replace(**new)
    rng = np.random.default_rng(0)
    texts = [" ".join(captions(reference, target, rng, "specific")).lower() for _ in range(80)]
    opposite = {"longer": "shorter", "shorter": "longer", "darker": "lighter", "lighter": "darker", "deeper": "higher"}
    assert any(phrase in text for text in texts)
    assert not any(opposite[phrase] in text for text in texts)


def test_specific_words_presuppose_nothing_that_could_be_lacking() -> None:
    for reference, target, rng in pairs(100, 2):
        assert not compose(reference, target, rng, "specific").needs


def test_presupposing_words_name_what_the_reference_has() -> None:
    for reference, target, rng in pairs(300, 3):
        wording = compose(reference, target, rng, "presupposing")
        needs, joined = wording.needs, " ".join(wording.captions).lower()
        assert needs
        for aspect, value in needs.items():
            assert reference.value(aspect) == value
            known = (
                FIRST.colour_names[value] if aspect == "colour" else [known for _, known in FIRST.nouns[aspect][value]]
            )
            assert any(text in joined for text in known), (aspect, value, joined)
        assert not lacks(reference, needs)


def test_lacks_means_none_of_it() -> None:
    garment = Garment("shirt", "red", "solid", "short", "crew", "hip", "star")
    assert lacks(garment, {"colour": "blue", "logo": "heart"})
    assert not lacks(garment, {"colour": "blue", "logo": "star"})
    with pytest.raises(ValueError, match="presupposes nothing"):
        lacks(garment, {})


def test_vague_words_name_no_attribute() -> None:
    known = attribute_words()
    assert not known & {word for _, text in FIRST.vague for word in text.split()}
    for reference, target, rng in pairs(300, 4):
        said = words(captions(reference, target, rng, "vague")) - {"dress", "shirt", "top"}
        assert not said & known, said & known


def test_vague_and_specific_words_have_the_same_lengths_and_habits() -> None:
    texts: dict[str, list[str]] = {"specific": [], "vague": []}
    for kind in texts:
        for reference, target, rng in pairs(900, 5):
            texts[kind] += captions(reference, target, rng, kind)
    lengths = {kind: [len(text.split()) for text in each] for kind, each in texts.items()}
    assert stats.ks_2samp(lengths["specific"], lengths["vague"]).statistic < 0.05
    for habit in (r"^[A-Z]", r"\.$", r"^(is|has) ", r"^(the|it) "):
        shares = [np.mean([bool(re.search(habit, t)) for t in each]) for each in texts.values()]
        assert abs(shares[0] - shares[1]) < 0.15, habit


def test_lengths_and_openings_are_those_of_real_captions(test_data: Path) -> None:
    real = [
        text
        for path in sorted((test_data / "fashion_iq/captions").glob("cap.*.train.json"))
        for entry in json.loads(path.read_text("utf-8"))
        for text in entry["captions"]
    ]
    ours = [text for r, t, rng in pairs(900, 6) for text in captions(r, t, rng, "specific")]
    lengths = [np.array([len(text.split()) for text in each]) for each in (real, ours)]
    assert abs(lengths[0].mean() - lengths[1].mean()) < 1.0
    assert abs(lengths[0].std() - lengths[1].std()) < 1.0
    opens = [np.mean([bool(re.match(r"\s*(is|has)\b", text.lower())) for text in each]) for each in (real, ours)]
    assert abs(opens[0] - opens[1]) < 0.2


def subsequence(short: str, long: str) -> bool:
    rest = iter(long)
    return all(character in rest for character in short if not character.isspace())


@given(
    st.text(alphabet="ab ,.;'-\n", max_size=40)
    | st.lists(st.sampled_from(["is", "and", "with", "but", "red", ",", ".", "Dots"])).map(" ".join)
)
@settings(max_examples=200, deadline=None)
def test_shortening_any_text_takes_something_away(text: str) -> None:
    short = shorten(text, np.random.default_rng(0))
    assert subsequence(short, text)
    if text.split():
        assert len("".join(short.split())) < len("".join(text.split()))
    else:
        assert short == ""


def test_shortening_real_captions_keeps_whole_clauses(test_data: Path) -> None:
    entries = json.loads((test_data / "fashion_iq/captions/cap.shirt.val.json").read_text("utf-8"))
    rng = np.random.default_rng(0)
    for entry in entries[:400]:
        text = " and ".join(entry["captions"])
        short = shorten(text, rng)
        assert len(short.split()) < len(text.split())
    assert shorten("is red and has long sleeves", rng) in ("is red", "has long sleeves")


def test_a_short_text_can_lose_everything() -> None:
    assert "" in {shorten("is red", np.random.default_rng(seed)) for seed in range(20)}


def test_wrong_arguments_are_refused() -> None:
    reference, target, rng = pairs(1)[0]
    with pytest.raises(ValueError, match="unknown kind of wording 'poetic'"):
        captions(reference, target, rng, "poetic")
    with pytest.raises(ValueError, match="the same attributes"):
        captions(reference, reference, rng, "specific")
    with pytest.raises(ValueError, match="cannot become"):
        captions(sample_garment("dress", rng), sample_garment("shirt", rng), rng, "vague")
