"""The command line: typed from the configuration; an error is one clear line and changes nothing."""

from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from hug.__main__ import main, parser
from hug.commands.options import NOT_TYPED
from hug.commands.train import training_config
from hug.config import OBJECTIVES, PRESETS, Config
from hug.losses import TERMS

SECTIONS = [type(section) for section in dict(Config()).values()]


def test_the_installed_command_is_this_one():
    root = Path(__file__).parents[2]
    settings = tomllib.loads((root / "pyproject.toml").read_text())
    assert settings["project"]["scripts"] == {"hug": "hug.__main__:main"}
    assert EntryPoint("hug", settings["project"]["scripts"]["hug"], "console_scripts").load() is main
    assert settings["project"]["dynamic"] == ["dependencies"]
    for file in settings["tool"]["setuptools"]["dynamic"]["dependencies"]["file"]:
        assert (root / file).is_file()
    packages = {path.parent.name for path in root.glob("*/__init__.py")} - {"tests", "benchmarks"}
    for path in (file for package in packages for file in (root / package).rglob("*.*") if file.is_file()):
        assert path.suffix in (".py", ".pyc", ".html", ".json", ".md", ".toml"), f"{path} would not be installed"
    assert {f"{package}*" for package in packages} == set(settings["tool"]["setuptools"]["packages"]["find"]["include"])


def test_every_field_can_be_typed():
    options = parser().parse_args(["train", "--out", "x"])
    for section in SECTIONS:
        for name in section.model_fields:
            assert name in NOT_TYPED or hasattr(options, name)


def test_no_two_configurations_share_a_name():
    names = [name for section in SECTIONS for name in section.model_fields]
    assert len(names) == len(set(names))


def test_what_is_typed_wins_over_the_preset():
    typed = "train --out x --objective paper --size tiny --components 8 --cord 0.3 --no-fc-modality --lr 0.01"
    config = training_config(parser().parse_args([*typed.split(), "--categories", "dress", "shirt"]))
    assert config.model.components == 8 and config.model.hidden == 64 and config.training.lr == 0.01
    assert config.objective == OBJECTIVES["paper"].replace(cord=0.3, fc_modality=False)
    assert config.data.categories == ("dress", "shirt")


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_whole_run_and_what_is_typed_wins(name: str):
    assert training_config(parser().parse_args(["train", "--out", "x", "--preset", name])) == PRESETS[name]
    typed = parser().parse_args(["train", "--out", "x", "--preset", name, "--steps", "7", "--size", "tiny"])
    config = training_config(typed)
    assert (config.training.steps, config.model.hidden) == (7, 64) and config.objective == PRESETS[name].objective


def test_options_of_the_first_release_are_still_typed():
    typed = "train --out x --start y --cord-mined 1.2 --cord-fits --picture-apart 0.2 --no-spoil --jitter 0.15"
    config = training_config(parser().parse_args(f"{typed} --steps 800 --lr 4e-4 --validate-every 800".split()))
    released = PRESETS["released"]
    assert config.training == released.training.replace(start="y")
    assert config.objective == released.objective.replace(required=("cord_mined", "picture_apart"))
    pixels_only = training_config(parser().parse_args(["train", "--out", "x", "--no-spec-otherwise"]))
    assert not pixels_only.objective.spec_tokens


@pytest.mark.parametrize("term", [term.weight for term in TERMS if term.depends_on_data])
def test_a_typed_term_is_required_and_a_preset_one_is_not(term: str):
    plain = training_config(parser().parse_args(["train", "--out", "x"]))
    asked = training_config(parser().parse_args(["train", "--out", "x", f"--{term.replace('_', '-')}", "0.1"]))
    assert plain.objective.required == () and asked.objective.required == (term,)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("train --out x --componets 3", "unrecognized arguments: --componets 3"),
        ("train --out x --components many", "invalid int value: 'many'"),
        ("train --out x --fusion sum", "invalid choice: 'sum'"),
        ("dance", "invalid choice: 'dance'"),
        ("train", "required: --out"),
        ("train --out x --preset paper --objective paper", "not allowed with argument --preset"),
    ],
)
def test_a_mistyped_line_is_answered_in_one_line(line: str, says: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stop:
        main(line.split())
    error = capsys.readouterr().err
    assert stop.value.code == 2 and says in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("train --root {0}/none --out {0}/run", "none"),
        ("train --out {0}/run --components 1", "ModelConfig.components: input should be greater than or equal to 2"),
        ("evaluate --checkpoint {0}/none --device abacus", "no checkpoint folder"),
        ("evaluate --checkpoint {0}/none", "no checkpoint folder"),
        ("info --checkpoint {0}", "config.json is missing"),
        ("search --checkpoint {0} --picture x.png", "config.json is missing"),
        ("render --version nothing --out {0}/data", "unknown version 'nothing'"),
        ("gallery --root {0}/none --out {0}/g.parquet", "none"),
    ],
)
def test_a_wrong_input_is_one_line_and_changes_nothing(
    line: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(line.format(tmp_path).split()) == 1
    error = capsys.readouterr().err
    assert says in error and error.startswith("python -m hug") and error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_results_are_written_by_the_package_of_analysis(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    assert main(f"results --checkpoints {tmp_path} --out {tmp_path}/r.md".split()) == 1
    assert "has no measurements.json" in capfd.readouterr().err


def test_from_training_to_an_answer_on_the_real_backbone(
    garments: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run, data = tmp_path / "run", f"--root {garments} --cache {tmp_path}/cache"
    train = f"train {data} --out {run} --size tiny --steps 4 --batch 8 --validate-every 2 --save-every 2"
    assert main(train.split()) == 0 and "finished at step 4" in capsys.readouterr().out
    assert main(f"{train} --lr 0.1".split()) == 1 and "training.lr" in capsys.readouterr().err
    assert main(f"evaluate {data} --checkpoint {run} --split val".split()) == 0
    assert "protocol garments-1, split val" in capsys.readouterr().out
    assert main(f"results --checkpoints {run} --out {tmp_path}/docs/results.md".split()) == 0
    assert "## Aims" in (tmp_path / "docs/results.md").read_text()
    assert main(f"gallery --root {garments} --out {tmp_path}/g.parquet --per-category 5".split()) == 0
    assert main(f"index --checkpoint {run} --gallery {tmp_path}/g.parquet --out {run}".split()) == 0
    capsys.readouterr()
    picture = next((garments / "images").iterdir())
    assert main(["search", "--checkpoint", str(run), "--picture", str(picture), "--words", "is red", "-k", "99"]) == 0
    answer = capsys.readouterr().out.splitlines()
    assert len(answer) == 15 + 3 and answer[-2].startswith("chance that it is among the first ten")
    assert answer[-1].startswith("in 90 % of such questions it is among the first ")
    assert main(["info", "--checkpoint", str(run)]) == 0 and '"objective": "calibrated"' in capsys.readouterr().out
    assert main(["search", "--checkpoint", str(run), "--picture", __file__]) == 1
    assert capsys.readouterr().err.count("\n") == 1
