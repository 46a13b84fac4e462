"""Labels are said as a person says them."""

from analysis.labels import describe, fault, plain


def test_a_picture_is_described_in_plain_words() -> None:
    labels = {"category": "toptee", "colour": "red", "pattern": "striped", "sleeve": "elbow", "length": "hip"}
    assert describe(labels) == "red striped top, elbow sleeves, hip-length"
    assert describe({"category": "dress", "sleeve": "sleeveless", "length": "maxi"}) == "dress, sleeveless, maxi"
    assert describe({}) == "" and describe({"brand": "x"}) == ""


def test_a_fault_is_named_and_a_clean_picture_has_none() -> None:
    assert fault({"degradation": "lowres"}) == "few pixels" and plain("anything") == "anything"
    assert fault({"degradation": "none"}) == fault({}) == ""
