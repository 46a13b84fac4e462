"""Configurations travel through JSON both ways and refuse what they don't know."""

import dataclasses

import pytest

from hug.config import (
    OBJECTIVES,
    SIZES,
    Config,
    ModelConfig,
    ObjectiveConfig,
    TrainConfig,
    from_dict,
    from_json,
    to_json,
)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("size", SIZES)
def test_round_trip(objective: str, size: str):
    config = Config(model=SIZES[size], objective=OBJECTIVES[objective])
    assert from_json(Config, to_json(config)) == config


@pytest.mark.parametrize(
    ("kind", "values", "says"),
    [
        (ModelConfig, {"component": 3}, "model: unknown key 'component'"),
        (ModelConfig, {"components": "3"}, "model.components: expected int"),
        (ModelConfig, {"components": True}, "model.components: expected int"),
        (ModelConfig, {"fusion": "sum"}, "'sum' is not one of dynamic, static"),
        (ObjectiveConfig, {"required": "fc"}, "expected a list of str"),
        (ModelConfig, [1], "expected an object"),
    ],
)
def test_what_is_wrong_is_named(kind: type, values: object, says: str):
    with pytest.raises(ValueError, match=says):
        from_dict(kind, values, "model")  # type: ignore[arg-type]


def test_an_integer_is_a_float_where_a_float_is_meant():
    assert from_dict(TrainConfig, {"lr": 1}).lr == 1.0


def test_every_field_explains_itself():
    for kind in (f.default.__class__ for f in dataclasses.fields(Config)):
        for field in dataclasses.fields(kind):
            assert field.metadata["help"], f"{kind.__name__}.{field.name} has no help"


def test_paper_is_calibrated_without_the_extensions():
    paper = OBJECTIVES["paper"]
    assert (paper.fc, paper.cord, paper.cord_log) == (0.5, 0.1, False)
    assert not any((paper.cord_mined, paper.bias, paper.nll, paper.picture_rank, paper.text_rank, paper.spec))
