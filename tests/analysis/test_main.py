"""The command line, on a small checkpoint."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from analysis import registry
from analysis.__main__ import main
from analysis.registry import STUDIES
from analysis.report import PAGE


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry without its slow studies: the command line is the same for all."""
    for name in [n for n in STUDIES if n not in ("samples", "similar", "attributes", "captions")]:
        monkeypatch.delitem(registry.STUDIES, name)


def test_measure_report_and_findings(
    studied: Path, tmp_path: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(studied, tmp_path / "tiny"))
    assert main(["prepare", "--checkpoint", str(folder)]) == 0  # its old name
    assert "3 studies" in capsys.readouterr().out
    assert main(["measure", "--checkpoint", str(folder)]) == 0
    text = capsys.readouterr().out
    assert "3 studies" in text and "captions" in text and "skipped: no data set was given" in text
    assert main(["report", "--checkpoint", str(folder), "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / PAGE).exists() and not (tmp_path / "out" / "analysis").exists()
    assert main(["findings", "--checkpoints", str(folder), "--out", str(tmp_path / "findings.md")]) == 0
    assert "# Findings" in (tmp_path / "findings.md").read_text()


def test_a_report_of_a_checkpoint_without_studies_computes_them_beside_itself(
    studied: Path, tmp_path: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "--checkpoint", str(studied), "--out", str(tmp_path)]) == 0
    assert (tmp_path / "analysis" / "about.json").exists() and not (studied / "analysis").exists()
    assert "captions skipped" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("measure --checkpoint nowhere", "no checkpoint folder at nowhere"),
        ("measure --checkpoint {} --studies dance", "unknown study 'dance'"),
        ("measure --checkpoint {} --root nowhere --studies severity", "nowhere"),
        ("measure --checkpoint {} --pictures 0", "--pictures must be at least 1"),
        ("results --checkpoints {} --out x.md", "has no measurements.json"),
        ("findings --checkpoints {} --out x.md", "has no studies"),
    ],
)
def test_an_error_is_one_line(line: str, says: str, studied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.format(studied).split()) == 1
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1
