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
from analysis.experiments import Experiments
from analysis.session import Session, Sessions
from analysis.store import measure
from analysis.top_bottom import LEAVE_OUT
from tests.studied import asked, without_studies
from ui import wording
from ui.tabs import subfeatures
from ui.tabs.subfeatures import SubfeaturesTab

OUTPUTS = (
    "missing", "category", "component", "tracked", "least", "most", "histogram", "explained", "moved", "similar",
    "matrix", "captions 1", "captions 2", "captions 3", "captions 4", "link",
)  # fmt: skip


def view(session: Session, **chosen: Any) -> dict[str, Any]:
    """What the tab shows, by name; JSON values as objects."""
    given = {
        "asked": None,
        "category": "",
        "component": 1,
        "leave_out": LEAVE_OUT,
        "attribute": None,
        "measure": "delta",
    }
    given.update(chosen)
    sessions = Sessions({}, loaded=[session])
    values = subfeatures._view(sessions, session.name, *given.values())
    shown = dict(zip(OUTPUTS, values, strict=True))
    return {name: json.loads(v) if isinstance(v, str) and v.startswith("{") else v for name, v in shown.items()}


def params(link: str) -> dict[str, str]:
    return dict(parse_qsl(unescape(re.search(r'href="\?([^"]*)"', link)[1])))  # type: ignore[index]


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"category": "shirt", "component": 5, "attribute": "sleeve", "leave_out": 0.35},
        {"component": 16, "leave_out": 0.0},
        {"attribute": "logo"},
    ],
)
def test_a_link_reopens_exactly_the_same_view(
    studied_session: Session, tabs: dict[str, Any], chosen: dict[str, Any]
) -> None:
    tab: SubfeaturesTab = tabs["sub-features"]
    found = params(view(studied_session, **chosen)["link"])
    assert found.pop("tab") == "sub-features"
    model, category, component, leave_out, attribute, notice = tab.opened(found)
    assert notice == "" and model == studied_session.name
    assert category["value"] == chosen.get("category", "") and component["value"] == chosen.get("component", 1)
    assert leave_out == pytest.approx(chosen.get("leave_out", LEAVE_OUT)) and attribute == chosen.get("attribute")


@pytest.mark.parametrize(
    "wrong",
    [
        *({"component": value} for value in ("0", "17", "-1", "x", "1e1", "５", "1; drop")),
        *({"category": value} for value in ("hat", "<b>")),
        *({"leave_out": value} for value in ("2", "-0.1", "nan", "x")),
        {"attribute": "fabric"},
    ],
)
def test_a_wrong_value_is_told_and_left_out(tabs: dict[str, Any], wrong: dict[str, str]) -> None:
    model, category, component, leave_out, attribute, notice = tabs["sub-features"].opened(wrong)
    assert (category["value"], component["value"], leave_out, attribute) == ("", 1, LEAVE_OUT, None)
    (name,) = wrong
    assert name in notice and 'role="status"' in notice and "<b>" not in notice
    assert "left out" in notice


@pytest.mark.parametrize("attribute", list(wording.ATTRIBUTES))
def test_who_tracks_an_attribute_is_answered_with_the_study_s_evidence(
    studied_session: Session, attribute: str
) -> None:
    table = studied_session.prepared.table("tracking")  # type: ignore[union-attr]
    part = study.ranked(table, attribute)
    shown = view(studied_session, attribute=attribute)["tracked"]
    said = unescape(re.sub("<[^>]+>", " ", shown["before"]))
    assert study.say_ranked(part, attribute) in said
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
    query = asked(studied_session)
    assert view(studied_session, asked=query)["histogram"]["figure"]["layout"]["shapes"]
    other = dataclasses.replace(query, model="another")
    assert "shapes" not in view(studied_session, asked=other)["histogram"]["figure"]["layout"]


def test_stepping_goes_round(studied_session: Session) -> None:
    count = studied_session.model.config.components
    assert [subfeatures._previous(1, count), subfeatures._next(count, count)] == [count, 1]
    assert {subfeatures._random(3, 4) for _ in range(60)} == {1, 2, 4}
    assert subfeatures._random(1, 1) == 1


def test_choosing_an_attribute_goes_to_its_best_component(studied_session: Session, tabs: dict[str, Any]) -> None:
    sessions = Sessions({}, loaded=[studied_session])
    table = studied_session.prepared.table("tracking")  # type: ignore[union-attr]
    for attribute in wording.ATTRIBUTES:
        part = study.ranked(table, attribute)
        best = int(part.component[0]) if part.tracked.any() else 9
        assert subfeatures._best(sessions, studied_session.name, attribute, 9) == best
        linked = tabs["sub-features"].opened({"attribute": attribute})[2]["value"]
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
    for name in ("tracked", "moved", "matrix", "captions 1"):
        assert "Not measured: " in (shown[name]["before"] + shown[name].get("after", "")), name
    assert shown["explained"]["figure"] and shown["similar"]["cards"]


def test_a_gallery_without_categories_has_no_filter(studied_session: Session) -> None:
    bare = dataclasses.replace(studied_session, index=dataclasses.replace(studied_session.index, meta={}))
    shown = view(bare, category="shirt")
    assert shown["category"]["visible"] is False and shown["category"]["value"] == ""
    assert len(shown["least"]["cards"]) > 0


def test_a_caption_asks_with_its_words(studied_session: Session) -> None:
    table = studied_session.prepared.table("captions")  # type: ignore[union-attr]
    part = table[(table.source == "fit") & (table.end == "highest")]
    reference, picture, words = subfeatures._caption(studied_session, "fit:highest:1")
    row = part.iloc[1]
    assert words == row.text
    assert reference == row.id if row.id in studied_session.index.ids else isinstance(reference, dict)
