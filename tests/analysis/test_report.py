"""The report, the page of findings and the command line, on a small checkpoint."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from analysis.claims import CLAIMS
from analysis.findings import findings_page, read_prepared, verdict
from analysis.ground import Ground
from plotly.offline import get_plotlyjs

from analysis import registry
from analysis.__main__ import main
from analysis.registry import STUDIES
from analysis.report import PAGE, csv, report
from analysis.store import Prepared, prepare


@pytest.fixture(scope="module")
def prepared(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """All but the map, which takes longest."""
    return prepare(ground, tmp_path_factory.mktemp("beside"), [name for name in STUDIES if name != "map"])


@pytest.fixture(scope="module")
def page(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report(prepared, "tiny <b>", {"objective": "calibrated & more"}, tmp_path_factory.mktemp("report"))


def test_the_report_has_every_study_with_its_sentence_table_and_figure(page: Path, prepared: Prepared) -> None:
    text = page.read_text()
    for name in prepared.tables:
        study, table = STUDIES[name], prepared.table(name)
        assert f'id="figure-{name}"' in text and f'href="{name}.csv"' in text
        assert study.say(table).split(",")[0].replace("'", "&#x27;").replace("<", "&lt;")[:40] in text
        assert len(pd.read_csv(page.with_name(f"{name}.csv"))) == len(table)
    assert "not computed yet" in text and "What holds, and what does not" in text


def test_the_report_needs_no_network_and_has_one_plotly(page: Path) -> None:
    text = page.read_text()
    assert text.count(get_plotlyjs()) == 1
    own = text.replace(get_plotlyjs(), "")
    assert not re.search(r"(?:src|href)=[^#>]*//", own) and "@import" not in own and "url(" not in own
    assert len(own) < 2_000_000


def test_names_are_escaped(page: Path) -> None:
    text = page.read_text()
    assert "tiny &lt;b&gt;" in text and "tiny <b>" not in text and "calibrated &amp; more" in text


def test_a_spreadsheet_runs_nothing() -> None:
    table = pd.DataFrame({"text": ["=1+1", "@x", "-a", "+b", "fine"], "value": [-1.5, 2, 3, 4, 5]})
    lines = csv(table).splitlines()
    assert lines == ["text,value", "'=1+1,-1.5", "'@x,2.0", "'-a,3.0", "'+b,4.0", "fine,5.0"]


# ---- claims ----


def test_every_claim_is_judged_where_its_study_was_computed(prepared: Prepared) -> None:
    judged = {claim.text: verdict(claim, prepared) for claim in CLAIMS}
    assert {claim.study for claim in CLAIMS} <= set(prepared.tables)
    assert len(judged) == len(CLAIMS) == 20
    assert all(v is None or (isinstance(v.holds, bool) and any(c.isdigit() for c in v.told)) for v in judged.values())
    assert sum(v is not None for v in judged.values()) >= 18


def test_a_claim_is_refuted_by_the_opposite_numbers(prepared: Prepared) -> None:
    """Each rule can say both: the table is bent so that it holds, then so that it does not."""
    good, bad = {"low": 0.6, "high": 0.9}, {"low": -0.9, "high": -0.6}
    claims = {claim.text: claim for claim in CLAIMS}
    table = prepared.table("severity")
    picture = claims["A picture with a fault of a kind seen in training is less certain"]
    assert picture.judge(table.assign(**good)).holds and not picture.judge(table.assign(**bad)).holds
    paired = prepared.table("coordination")
    fit = claims["The fit between picture and words is measured"]
    assert fit.judge(paired.assign(**good)).holds and not fit.judge(paired.assign(low=0.4, high=0.6)).holds
    tracking = prepared.table("tracking")
    colour = claims["There is a component for the colour"]
    assert colour.judge(tracking.assign(tracked=True)).holds and not colour.judge(tracking.assign(tracked=False)).holds
    weights = prepared.table("weights")
    loses = claims["A degraded reference loses weight"]
    assert loses.judge(weights.assign(low=1 - weights.level, high=1.5 - weights.level)).holds
    assert not loses.judge(weights.assign(low=weights.level, high=weights.level + 1)).holds
    loss = prepared.table("proposition")
    static = claims["Dynamic weights lose less than 1/3 each"]
    assert static.judge(loss.assign(gain_static_low=0.1)).holds
    assert not static.judge(loss.assign(gain_static_low=-0.1)).holds
    assumed = claims["Every weight falls as its source's loss rises (assumed by Proposition 1)"]
    assert assumed.judge(loss.assign(high=-0.1)).holds and not assumed.judge(loss.assign(high=[-0.1, 0.1, -0.1])).holds
    faithful = prepared.table("faithfulness")
    true = claims["The explanations of a query are true"]
    area = faithful.order.map({"important": 2.0, "random": 1.0, "least": 0.0})
    assert true.judge(faithful.assign(area=area, p=0.01)).holds
    assert not true.judge(faithful.assign(area=-area, p=0.01)).holds
    assert not true.judge(faithful.assign(area=area, p=0.2)).holds
    chance = prepared.table("reliability")
    kept = claims["The promised chance is kept"]
    assert kept.judge(chance.assign(hits=chance.chance)).holds
    assert not kept.judge(chance.assign(hits=(chance.chance + 0.5) % 1)).holds


# ---- the page of findings ----


def test_the_page_says_what_holds_and_what_does_not(prepared: Prepared) -> None:
    text = findings_page({"calibrated": prepared})
    rows = [line for line in text.splitlines() if line.startswith("| ") and ("hold" in line or "not measured" in line)]
    assert len(rows) == len(CLAIMS) and "### Does not hold" in text and prepared.weights in text
    for name in prepared.tables:
        assert STUDIES[name].say(prepared.table(name)) in text
    assert "not computed yet" in text


def test_models_studied_on_different_data_are_not_put_side_by_side(
    prepared: Prepared, gallery_only: Ground, tmp_path: Path
) -> None:
    other = prepare(gallery_only, tmp_path, ["similar"])
    with pytest.raises(ValueError, match="different data"):
        findings_page({"one": prepared, "other": other})
    with pytest.raises(ValueError, match="no checkpoint"):
        findings_page({})


def test_a_checkpoint_without_studies_is_told(studied: Path) -> None:
    with pytest.raises(ValueError, match="python -m analysis prepare"):
        read_prepared([studied])


# ---- the command line ----


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry without its slow studies: the command line is the same for all."""
    for name in [n for n in STUDIES if n not in ("samples", "similar", "attributes", "captions")]:
        monkeypatch.delitem(registry.STUDIES, name)


def test_prepare_report_and_findings(
    studied: Path, tmp_path: Path, quick: None, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(studied, tmp_path / "tiny"))
    assert main(["prepare", "--checkpoint", str(folder)]) == 0
    told = capsys.readouterr().out
    assert "3 studies" in told and "captions" in told and "skipped: no data set was given" in told
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
        ("prepare --checkpoint nowhere", "no checkpoint folder at nowhere"),
        ("prepare --checkpoint {} --studies dance", "unknown study 'dance'"),
        ("prepare --checkpoint {} --root nowhere --studies severity", "nowhere"),
        ("findings --checkpoints {} --out x.md", "has no studies"),
    ],
)
def test_an_error_is_one_line(line: str, says: str, studied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.format(studied).split()) == 1
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1
