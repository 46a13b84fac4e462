from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from analysis.workbench import Shelf, Workbench
from ui import wording
from ui.asking import Page
from ui.page import about, build
from ui.theme import STYLE, theme


@pytest.fixture(scope="module")
def config(bench: Workbench) -> dict[str, Any]:
    return build(Shelf({}, loaded=[bench])).get_config_file()


def test_only_the_two_documented_endpoints_are_public(config: dict[str, Any]) -> None:
    public = {d["api_name"] for d in config["dependencies"] if d["api_visibility"] == "public"}
    assert public == {"retrieve", "uncertainty"}


def test_model_calls_share_one_slot(bench: Workbench) -> None:
    page = build(Shelf({}, loaded=[bench]))
    calls = [fn for fn in page.fns.values() if not fn.preprocess]  # whoever opens a picture asks the model
    assert len(calls) > 5
    assert {(fn.concurrency_id, fn.concurrency_limit) for fn in calls} == {("model", 1)}


def test_the_page_opens_with_an_answer_and_names_its_model(bench: Workbench, config: dict[str, Any]) -> None:
    parts = {c["props"].get("elem_id"): c["props"] for c in config["components"]}
    assert wording.EXAMPLE_WORDS[0] in parts["sure"]["value"]
    assert len(parts["results"]["value"]) == bench.default_k - 1  # the reference is left out
    assert "K 16 · D 32 · 12 pictures" in about(bench)
    assert about(bench) == parts["model"]["value"]


def test_everything_one_can_use_has_a_name(config: dict[str, Any]) -> None:
    for component in config["components"]:
        props = component["props"]
        if component["type"] in ("image", "textbox", "slider", "checkbox", "radio", "dropdown", "gallery", "plot"):
            assert props.get("label"), component["type"]
        if component["type"] == "gallery":
            assert all(item["caption"] for item in props["value"] or [])
        if component["type"] == "image" and props.get("visible", True):
            assert props["alt_text"]


def test_a_gallery_without_categories_shows_no_filter(bench: Workbench, tmp_path: Path) -> None:
    import dataclasses

    bare = dataclasses.replace(bench, index=dataclasses.replace(bench.index, meta={}), kept=tmp_path)
    config = build(Shelf({}, loaded=[bare])).get_config_file()
    filters = [c for c in config["components"] if c["props"].get("elem_id") in ("category", "pick-from")]
    assert [c["props"]["visible"] for c in filters] == [False, False]


def test_no_font_comes_from_elsewhere() -> None:
    assert theme()._font_css == [] and not theme()._stylesheets
    assert "@import" not in STYLE.read_text() and "url(" not in STYLE.read_text()


def test_the_page_is_gradio_s_blocks(bench: Workbench) -> None:
    assert isinstance(build(Shelf({}, loaded=[bench])), Page)
