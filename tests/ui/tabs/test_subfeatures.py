from __future__ import annotations

import dataclasses
import json
import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from analysis import component as study
from analysis.component import LEAVE_OUT
from analysis.experiments import Experiments
from analysis.session import Session, Sessions
from analysis.store import measure
from tests.studied import answered, elsewhere, without_studies
from ui.state import QueryResult, Tab, categories
from ui.tabs import subfeatures
from ui.tabs.subfeatures import Choice

ATTRIBUTES = ("colour", "pattern", "sleeve", "neckline", "length", "logo")


def view(session: Session, result: QueryResult | None = None, **choices: Any) -> dict[str, Any]:
    """What the tab shows, by name; JSON values as objects."""
    choice = Choice(**{"category": "", "component": 1, **choices})
    sessions = Sessions({}, loaded=[session])
    values = subfeatures.values(sessions, session, result or elsewhere(answered(session)), choice)
    return {name: json.loads(value) if value.startswith("{") else value for name, value in values.items()}


def params(link: str) -> dict[str, str]:
    return dict(parse_qsl(unescape(re.search(r'href="\?([^"]*)"', link)[1])))  # type: ignore[index]


@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"category": "shirt", "component": 5, "attribute": "sleeve", "leave_out": 0.35},
        {"component": 16, "leave_out": 0.0},
        {"attribute": "logo"},
    ],
)
def test_a_link_reopens_exactly_the_same_view(
    studied_session: Session, tabs: dict[str, Tab], choices: dict[str, Any]
) -> None:
    link = params(view(studied_session, **choices)["link"])
    assert link.pop("tab") == "sub-features"
    model, category, component, attribute, leave_out, notice = tabs["sub-features"].restore(link)
    assert notice == "" and model == studied_session.name
    assert category["value"] == choices.get("category", "") and component["value"] == choices.get("component", 1)
    assert leave_out == pytest.approx(choices.get("leave_out", LEAVE_OUT)) and attribute["value"] == choices.get(
        "attribute"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        *({"component": value} for value in ("0", "17", "-1", "x", "1e1", "５", "1; drop")),
        *({"category": value} for value in ("hat", "<b>")),
        *({"leave_out": value} for value in ("2", "-0.1", "nan", "x")),
        {"attribute": "fabric"},
    ],
)
def test_a_wrong_value_is_told_and_left_out(tabs: dict[str, Tab], wrong: dict[str, str]) -> None:
    model, category, component, attribute, leave_out, notice = tabs["sub-features"].restore(wrong)
    assert (category["value"], component["value"], leave_out, attribute["value"]) == ("", 1, LEAVE_OUT, None)
    (name,) = wrong
    assert name in notice and 'role="status"' in notice and "<b>" not in notice
    assert "left out" in notice


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_who_tracks_an_attribute_is_answered_with_the_study_s_evidence(
    studied_session: Session, attribute: str
) -> None:
    table = studied_session.prepared.table("tracking")  # type: ignore[union-attr]
    part = study.trackers(table, attribute)
    shown = view(studied_session, attribute=attribute)["tracked"]
    said = unescape(re.sub("<[^>]+>", " ", shown["before"]))
    assert study.say_trackers(part, attribute) in said
    assert ("None does" in said) == (not part.tracked.any())
    assert [card["id"] for card in shown["cards"]] == [str(c) for c in part.component.head(subfeatures.BEST)]
    assert [("●" in card["text"]) for card in shown["cards"]] == list(part.tracked.head(subfeatures.BEST))


def test_samples_are_filtered_and_in_order(studied_session: Session) -> None:
    shown = view(studied_session, category="shirt", component=3, leave_out=0.4)
    least, most = ([card["id"] for card in shown[end]["cards"]] for end in ("least", "most"))
    index = studied_session.index
    shirts = studied_session.ids("shirt")
    overall = {id: float(index.gaussians.overall[index.ids.index(id)]) for id in shirts}
    kept = sorted(shirts, key=overall.__getitem__)[: len(shirts) - int(0.4 * len(shirts))]
    value = {id: float(index.gaussians.var[index.ids.index(id), 2].mean()) for id in kept}
    assert set(least) | set(most) <= set(kept) and not set(least) & set(most)
    ordered = sorted(kept, key=value.__getitem__)
    assert least == ordered[: len(least)] and most == ordered[::-1][: len(most)]
    for card in shown["least"]["cards"]:
        assert card["source"] and studied_session.describe(card["id"]) in card["alt"]


def test_the_current_query_is_marked_only_where_it_is_of_this_model(studied_session: Session) -> None:
    result = answered(studied_session)
    assert view(studied_session, result)["histogram"]["figure"]["layout"]["shapes"]
    assert "shapes" not in view(studied_session, elsewhere(result))["histogram"]["figure"]["layout"]


def test_stepping_goes_round(studied_session: Session) -> None:
    count = studied_session.model.config.components
    back, forth, anywhere = subfeatures.STEPS.values()
    assert [back(1, count), forth(count, count)] == [count, 1]
    assert {anywhere(3, 4) for _ in range(60)} == {1, 2, 4}
    assert anywhere(1, 1) == 1


def test_choosing_an_attribute_goes_to_its_best_component(studied_session: Session, tabs: dict[str, Tab]) -> None:
    table = studied_session.prepared.table("tracking")  # type: ignore[union-attr]
    for attribute in ATTRIBUTES:
        part = study.trackers(table, attribute)
        best = int(part.component[0]) if part.tracked.any() else 9
        assert subfeatures.best(studied_session, attribute, 9) == best
        linked = tabs["sub-features"].restore({"attribute": attribute})[2]["value"]
        assert linked == (best if part.tracked.any() else 1)  # a link without a component goes there too


def test_without_studies_it_says_which_command_makes_them(studied_session: Session, tmp_path: Path) -> None:
    shown = view(without_studies(studied_session, tmp_path), attribute="sleeve")
    assert "python -m analysis measure" in shown["missing"] and str(tmp_path) not in shown["missing"]
    assert shown["tracked"] == shown["matrix"] == shown["similar"] == ""
    assert shown["least"]["cards"] and shown["histogram"]["figure"]  # what needs no preparation is there


def test_stale_studies_are_refused(studied_session: Session, tmp_path: Path) -> None:
    (tmp_path / "analysis").mkdir()
    about = json.loads((studied_session.folder / "analysis" / "about.json").read_text())  # type: ignore[operator]
    for record in about["studies"].values():
        record["weights"] = "other"
    (tmp_path / "analysis" / "about.json").write_text(json.dumps(about))
    missing = view(without_studies(studied_session, tmp_path))["missing"]
    assert "weights other" in missing and "measure" in missing and str(tmp_path) not in missing


def test_what_the_data_cannot_supply_says_why(
    studied_session: Session, gallery_only: Experiments, tmp_path: Path
) -> None:
    names = [name for name in ("attributes", "similar", "interventions", "tracking", "captions")]
    measure(gallery_only, tmp_path, names)
    shown = view(without_studies(studied_session, tmp_path), attribute="sleeve")
    assert shown["missing"] == ""
    for name in ("tracked", "removals", "matrix", "captions-words-lowest"):
        assert "Not measured: " in shown[name]["before"], name
    assert shown["attributes"]["figure"] and shown["similar"]["cards"]


def test_a_gallery_without_categories_has_no_filter(studied_session: Session) -> None:
    bare = dataclasses.replace(studied_session, stored=dataclasses.replace(studied_session.index, meta={}))
    choice = Choice.of(bare, "shirt", 1, LEAVE_OUT, None, "delta")
    assert choice.category == "" and categories(bare, choice.category)["visible"] is False
    assert len(view(bare, category=choice.category)["least"]["cards"]) > 0


def test_a_caption_asks_with_its_words(studied_session: Session) -> None:
    table = studied_session.prepared.table("captions")  # type: ignore[union-attr]
    part = table[(table.source == "fit") & (table.end == "highest")]
    cards = view(studied_session)["captions-fit-highest"]["cards"]
    ids = studied_session.index.ids
    assert [(card["id"], card["words"]) for card in cards] == [
        (row.id if row.id in ids else None, row.text) for row in part.itertuples()
    ]


def test_only_what_was_measured_can_be_chosen(studied_session: Session, tmp_path: Path) -> None:
    assert subfeatures.attributes(studied_session) == list(ATTRIBUTES)
    assert subfeatures.attributes(without_studies(studied_session, tmp_path)) == []


def test_a_component_that_another_model_lacks_becomes_the_first(studied_session: Session) -> None:
    count = studied_session.model.config.components
    assert Choice.of(studied_session, "shirt", count + 1, 0.1, "logo", "eta2") == Choice(
        "shirt", 1, 0.1, "logo", "eta2"
    )
    assert Choice.of(studied_session, None, None, 0.1, None, "delta") == Choice("", 1, 0.1)
