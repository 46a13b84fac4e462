"""Captions of garments-2: what is said tells a vague text from a specific one, and neither its length nor its form."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hug.data.captions import joined
from hug.data.garments.attributes import ASPECTS, CATEGORIES, COLOURS, VALUES, Garment, differing, sample_garment
from hug.data.garments.phrasing import SPLIT_SHARES, VOICE, belongs
from hug.data.garments.recipes import CHANGES
from hug.data.garments.wording import KINDS, Wording
from tests.hug.data.garments.test_wording import FUNCTION_WORDS, pairs

MORE_FUNCTION_WORDS = FUNCTION_WORDS | {
    "bit", "down", "does", "good", "has", "i", "just", "like", "lot", "much", "one", "some", "something", "these",
    "this", "up", "very", "where", "without", "any", "anything", "but", "regular", "as", "little", "than",
}  # fmt: skip


def texts(kind: str, count: int, seed: int, split: str = "train") -> list[Wording]:
    return [VOICE.compose(r, t, rng, kind, split) for r, t, rng in pairs(count, seed)]


@pytest.fixture(scope="module")
def said() -> dict[str, list[str]]:
    """Texts of queries of both kinds, as they are evaluated, with as many changes as in the data."""
    rng, counts = np.random.default_rng(5), [n for n, _ in CHANGES]
    out: dict[str, list[str]] = {"specific": [], "vague": []}
    for i in range(1200):
        reference = sample_garment(CATEGORIES[i % 3], rng)
        changed = rng.choice(ASPECTS, rng.choice(counts, p=[share for _, share in CHANGES]), replace=False)
        values = {a: [v for v in VALUES[reference.category][a] if v != reference.value(a)] for a in map(str, changed)}
        target = reference.replace(**{aspect: str(rng.choice(each)) for aspect, each in values.items()})
        for kind, each in out.items():  # of the same pairs: what differs is the kind alone
            each.append(joined(VOICE.compose(reference, target, rng, kind, "test").captions))
    return out


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_generator_state_gives_the_same_words(kind: str) -> None:
    reference, target, _ = pairs(1)[0]
    first, second = (VOICE.compose(reference, target, np.random.default_rng(4), kind, "val") for _ in range(2))
    assert first == second


@pytest.mark.parametrize("measure", [lambda t: len(t.split()), len], ids=["words", "characters"])
def test_length_tells_nothing_of_vagueness(said: dict[str, list[str]], measure: Callable[[str], int]) -> None:
    vague = [kind == "vague" for kind, each in said.items() for _ in each]
    lengths = [measure(text) for each in said.values() for text in each]
    assert roc_auc_score(vague, lengths) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize(
    "form",
    [r"\?", r"^[A-Z].*\.$", r"(?i)^(is|has) ", r"(?i)^(with|without|no) ", r"\bno\b", r"\bnot\b", r"\bwithout\b", r",",
     r"(?i)^(make|give|show|find|i ) ?", r"(?i)^(like this|the same|similar|this one|just like|same idea)", r" and "],
)  # fmt: skip
def test_the_form_tells_little_of_vagueness(said: dict[str, list[str]], form: str) -> None:
    shares = [np.mean([bool(re.search(form, text)) for text in each]) for each in said.values()]
    assert abs(shares[0] - shares[1]) < 0.12


def test_short_and_long_texts_are_of_either_kind(said: dict[str, list[str]]) -> None:
    for each in said.values():
        lengths = np.array([len(text.split()) for text in each])
        assert (lengths <= 3).mean() > 0.02
        assert (lengths >= 18).mean() > 0.05


def test_about_half_of_the_entries_have_one_caption() -> None:
    assert np.mean([len(w.captions) == 1 for w in texts("specific", 600, 2)]) == pytest.approx(0.5, abs=0.07)


@pytest.mark.parametrize("kind", ["specific", "presupposing"])
def test_the_meaning_holds_for_the_target_and_covers_all_changes(kind: str) -> None:
    for reference, target, rng in pairs(300, 1):
        wording = VOICE.compose(reference, target, rng, kind, "train")
        assert set(differing(reference, target)) <= set(wording.says)
        assert all(target.value(aspect) in allowed for aspect, allowed in wording.says.items())
        assert all(reference.value(aspect) == value for aspect, value in wording.needs.items())
        assert bool(wording.needs) == (kind == "presupposing")
        assert all(text.strip() for text in wording.captions)


def test_what_is_negated_is_not_allowed() -> None:
    """A text that says what is gone allows every value but that one, of which the target has one."""
    negations = 0
    for reference, target, rng in pairs(600, 7):
        wording = VOICE.compose(reference, target, rng, "specific", "train")
        for aspect in differing(reference, target):
            old = reference.value(aspect)
            phrases = (
                f" {words} "
                for _, words in VOICE.negations[aspect][old]
                if words.startswith(("no ", "not ", "without"))
            )
            text = " ".join(re.sub("[.,?]", " ", f" {' . '.join(wording.captions)} ").lower().split())
            if any(words in f" {text} " for words in phrases):
                negations += 1
                assert old not in wording.says[aspect], text
                assert target.value(aspect) in wording.says[aspect]
    assert negations > 40


def test_every_value_can_be_negated() -> None:
    for values in VALUES.values():
        for aspect in ASPECTS:
            assert set(values[aspect]) <= set(VOICE.negations[aspect])
    assert set(VOICE.negations["colour"]) == set(COLOURS)


def test_vague_words_name_no_attribute() -> None:
    tables = (VOICE.tables.named, VOICE.tables.compared)
    attribute = [x for table in tables for values in table.values() for each in values.values() for _, x in each]
    known = {word for text in attribute for word in text.split()} - MORE_FUNCTION_WORDS
    spoken = {word for w in texts("vague", 300, 4) for x in w.captions for word in re.findall(r"[a-z-]+", x.lower())}
    assert not (spoken & known) - {"dress", "shirt", "top", "print"}, spoken & known


def test_a_vague_text_belongs_to_one_split() -> None:
    strings = {
        split: {x.lower().strip(" .?,!") for w in texts("vague", 200, 9, split) for x in w.captions}
        for split in SPLIT_SHARES
    }
    assert not strings["train"] & strings["test"] and not strings["train"] & strings["val"]
    assert not strings["val"] & strings["test"]
    for text in ("nicer", "Something prettier.", ""):
        assert sum(belongs(text, split) for split in SPLIT_SHARES) == 1
    assert belongs("Nicer.", "train") == belongs("nicer", "train")


def test_the_lexicon_knows_phrases_of_every_kind() -> None:
    meanings = VOICE.lexicon()
    assert meanings["long sleeves"].aspect == "sleeve"
    assert meanings["no stripes"] == ("no stripes", "pattern", "named")
    assert meanings["a bit more elegant"].kind == meanings["prettier"].kind == "vague"
    assert {m.kind for m in meanings.values()} == {"vague", "named", "compared", "presupposing"}


def test_wrong_arguments_are_refused() -> None:
    reference, target, rng = pairs(1)[0]
    with pytest.raises(ValueError, match="unknown kind of wording 'poetic'"):
        VOICE.compose(reference, target, rng, "poetic", "train")
    with pytest.raises(ValueError, match="unknown split 'dev'"):
        VOICE.compose(reference, target, rng, "vague", "dev")
    with pytest.raises(ValueError, match="the same attributes"):
        VOICE.compose(reference, reference, rng, "specific", "train")
    with pytest.raises(ValueError, match="cannot become"):
        VOICE.compose(Garment("shirt", "red", "solid", "short", "crew", "hip", "none"), target, rng, "vague", "train")
