"""Labels of a gallery in a person's words."""

from collections.abc import Mapping

PLAIN = {
    "toptee": "top", "hip": "hip-length", "knee": "knee-length", "lowres": "few pixels", "jpeg": "strong compression",
    "noise": "noisy", "blur": "blurred",
}  # fmt: skip
CLEAN = ("", "none")  # degradation of a picture without a fault


def plain(label: str) -> str:
    """A label's value as one says it: "toptee" is Fashion-IQ's name for a top."""
    return PLAIN.get(label, label)


def describe(labels: Mapping[str, str]) -> str:
    """What a picture shows, by those labels of a garment that there are; empty where there is none."""
    named = (plain(labels.get(name, "")) for name in ("colour", "pattern", "category"))
    sleeve = labels.get("sleeve", "")
    worn = sleeve if sleeve in ("", "sleeveless") else f"{sleeve} sleeves"
    return ", ".join(filter(None, (" ".join(filter(None, named)), worn, plain(labels.get("length", "")))))


def fault(labels: Mapping[str, str]) -> str:
    """What is wrong with a picture, as its label says; empty for nothing."""
    name = labels.get("degradation", "")
    return "" if name in CLEAN else plain(name)


QUESTIONS = {  # label -> the question, and the words of an answer; other labels are asked by their names
    "category": ("What kind?", "is a {}"), "colour": ("Which colour?", "is {}"), "pattern": ("Which pattern?", "is {}"),
    "sleeve": ("Which sleeves?", "has {} sleeves"), "neckline": ("Which neckline?", "has a {} neck"),
    "length": ("How long?", "is {}"), "logo": ("What is on the chest?", "has a {} on the chest"),
}  # fmt: skip
ANSWERS = {  # where the words of an answer are others
    ("sleeve", "sleeveless"): "has no sleeves", ("neckline", "v-neck"): "has a v-neck",
    ("neckline", "turtleneck"): "has a turtleneck", ("neckline", "collar"): "has a collar",
    ("logo", "none"): "has nothing on the chest", ("logo", "text"): "has text on the chest",
    ("length", "maxi"): "is maxi length", ("length", "mini"): "is mini length", ("length", "tunic"): "is tunic length",
}  # fmt: skip


def question_words(label: str) -> str:
    """A label as a question."""
    return QUESTIONS[label][0] if label in QUESTIONS else f"Which {label.replace('_', ' ')}?"


def answer_words(label: str, value: str) -> str:
    """The answer to that question as words of a query."""
    _, words = QUESTIONS.get(label, ("", label.replace("_", " ") + " {}"))
    return ANSWERS.get((label, value)) or words.format(plain(value))
