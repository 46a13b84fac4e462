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
