"""Configurations travel through JSON both ways and refuse what they don't know."""

import json
from pathlib import Path

import pytest

from hug.config import (
    OBJECTIVES,
    PRESETS,
    SIZES,
    Config,
    ModelConfig,
    ObjectiveConfig,
    TrainConfig,
    from_dict,
)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("size", SIZES)
def test_round_trip(objective: str, size: str):
    config = Config(model=SIZES[size], objective=OBJECTIVES[objective])
    assert from_dict(Config, json.loads(config.model_dump_json())) == config


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_survives_the_round_trip(name: str):
    assert from_dict(Config, json.loads(PRESETS[name].model_dump_json())) == PRESETS[name]


@pytest.mark.parametrize(
    ("kind", "values", "says"),
    [
        (ModelConfig, {"component": 3}, "model: unknown key 'component'"),
        (ModelConfig, {"components": "3"}, "model.components: input should be a valid integer"),
        (ModelConfig, {"components": True}, "model.components: input should be a valid integer"),
        (ModelConfig, {"fusion": "sum"}, "model.fusion: input should be 'dynamic' or 'static', got 'sum'"),
        (ObjectiveConfig, {"required": "fc"}, "model.required: input should be a list, got 'fc'"),
        (ModelConfig, {"heads": 3}, r"hidden \(128\) must be a multiple of heads \(3\)"),
        (Config, {"model": {"depth": 3}}, "model.model: unknown key 'depth'; accepted are backbone, components"),
        (TrainConfig, {"lr": -1}, "model.lr: input should be greater than 0, got -1"),
        (ModelConfig, [1], "model: input should be a valid dictionary"),
    ],
)
def test_what_is_wrong_is_named(kind: type, values: object, says: str):
    with pytest.raises(ValueError, match=says):
        from_dict(kind, values, "model")  # type: ignore[arg-type]


def test_an_integer_is_a_float_where_a_float_is_meant():
    assert from_dict(TrainConfig, {"lr": 1}).lr == 1.0


def test_every_field_explains_itself():
    for section in dict(Config()).values():
        for name, field in type(section).model_fields.items():
            assert field.description, f"{type(section).__name__}.{name} has no help"


def test_the_paper_is_what_a_forgotten_line_leaves():
    paper = OBJECTIVES["paper"]
    assert paper == ObjectiveConfig() == Config().objective
    assert (paper.fc, paper.cord, paper.cord_log, paper.matching) == (0.5, 0.1, False, "sigmoid")
    extensions = ("cord_mined", "bias", "bias_l2", "nll", "nll_sources", "picture_rank", "picture_apart", "text_rank")
    assert not any(getattr(paper, name) for name in (*extensions, "spec", "agree", "cord_reference", "cord_fits"))


def test_a_replaced_value_is_checked_and_nothing_else_changes():
    config = TrainConfig().replace(lr=1, seed=3)
    assert config.lr == 1.0 and TrainConfig(lr=1.0, seed=3) == config and TrainConfig().seed == 0
    with pytest.raises(ValueError, match="TrainConfig.steps: input should be a valid integer, got '7'"):
        config.replace(steps="7")


def test_names_of_the_first_release_are_read_and_not_written():
    old = from_dict(ObjectiveConfig, {"spoil": False, "spec_otherwise": False})
    assert not old.corrupt_tokens and not old.spec_tokens
    assert not {"spoil", "spec_otherwise"} & json.loads(old.model_dump_json()).keys()
    with pytest.raises(ValueError, match="unknown key 'spoil'"):
        from_dict(ObjectiveConfig, {"spoil": False, "corrupt_tokens": True})


def test_the_released_preset_is_what_was_released():
    checkpoint = Path(__file__).parents[2] / "checkpoints/garments"
    for log, preset in (("training.jsonl", "released"), ("training-first.jsonl", "calibrated")):
        first = (checkpoint / log).read_text().partition("\n")[0]
        trained, recipe = from_dict(Config, json.loads(first)["config"]), PRESETS[preset]
        assert trained.objective == recipe.objective and trained.model == recipe.model
        same = trained.training.replace(threads=0, validate_every=recipe.training.validate_every)
        assert same == recipe.training
