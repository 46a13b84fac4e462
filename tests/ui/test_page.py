from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from analysis.session import Session, Sessions
from hug.retrieval.gallery import GallerySource, Pictures
from ui.components import STYLE
from ui.page import about_model, build, theme
from ui.requests import MODELS, Page, widen
from ui.tabs.query_form import EXAMPLES
from ui.visits import Visits


@pytest.fixture(scope="module")
def config(session: Session) -> dict[str, Any]:
    return build(Sessions({}, loaded=[session])).get_config_file()


def test_only_the_two_documented_endpoints_are_public(config: dict[str, Any]) -> None:
    public = {d["api_name"] for d in config["dependencies"] if d["api_visibility"] == "public"}
    assert public == {"retrieve", "uncertainty"}


def test_model_calls_share_one_slot(session: Session) -> None:
    page = build(Sessions({}, loaded=[session]))
    calls = [fn for fn in page.fns.values() if not fn.preprocess]  # whoever opens a picture asks the model
    assert len(calls) > 5
    assert {(fn.concurrency_id, fn.concurrency_limit) for fn in calls} == {("model", 1)}


def test_whatever_shows_a_tab_comes_one_after_another(session: Session) -> None:
    """Or else an earlier choice could be the last to be shown."""
    page = build(Sessions({}, loaded=[session]))
    shown: dict[int, set[tuple[Any, Any]]] = {}
    for fn in page.fns.values():
        for output in fn.outputs:
            if getattr(output, "elem_id", None) in ("tracked", "samples", "map", "neighbours", "run", "about-models"):
                shown.setdefault(output._id, set()).add((fn.concurrency_id, fn.concurrency_limit))
    assert len(shown) >= 4
    assert all(len(slots) == 1 and str(min(slots)[0]).startswith("show-") for slots in shown.values()), shown


def test_the_page_opens_with_an_answer_and_names_its_model(session: Session, config: dict[str, Any]) -> None:
    parts = {c["props"].get("elem_id"): c["props"] for c in config["components"]}
    assert EXAMPLES[0] in parts["sure"]["value"]
    assert parts["results"]["value"].count("data-id=") == session.default_k - 1  # the reference is left out
    assert "K 16 · D 32 · 12 pictures" in about_model(session)
    assert about_model(session) == parts["model"]["value"]


def few(session: Session, count: int) -> Session:
    """The same model with the first pictures alone."""
    index = dataclasses.replace(
        session.index, ids=session.index.ids[:count], gaussians=session.index.gaussians[:count],
        meta={name: values[:count] for name, values in session.index.meta.items()}, contents=[],
    )  # fmt: skip
    assert session.source
    pictures = Pictures(session.source.pictures.sources[:count])
    source = GallerySource(index.ids, pictures, index.meta)
    return dataclasses.replace(session, stored=index, source=source)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_gallery_of_very_few_opens_and_tells_no_chance(session: Session, count: int) -> None:
    page = build(Sessions({}, loaded=[few(session, count)])).get_config_file()
    parts = {c["props"].get("elem_id"): c["props"] for c in page["components"]}
    assert "No chance is told: no more than 10 pictures can be ranked here" in parts["sure"]["value"]
    assert f"{count} pictures" in parts["model"]["value"]
    assert parts["k"]["maximum"] == max(count, 2) and parts["k"]["interactive"] is (count > 1)
    assert parts["results"]["value"].count("data-id=") == count - 1


def test_what_the_gallery_left_out_is_counted(session: Session) -> None:
    assert session.source
    ids = [*session.source.ids, "broken"]
    pictures = Pictures([*session.source.pictures.sources, b"no picture"])
    source = GallerySource(ids, pictures, {}, {"/somewhere/x.heic": "HEIC"})
    said = about_model(dataclasses.replace(session, source=source))
    assert "12 pictures (2 left out, with reasons in the log)" in said and "somewhere" not in said


def test_everything_one_can_use_has_a_name(config: dict[str, Any]) -> None:
    for component in config["components"]:
        props = component["props"]
        if component["type"] in ("image", "textbox", "slider", "checkbox", "radio", "dropdown", "gallery", "plot"):
            assert props.get("label"), component["type"]
        if component["type"] == "gallery":
            assert all(item["caption"] for item in props["value"] or [])
        if component["type"] == "image" and props.get("visible", True):
            assert props["alt_text"]


def test_a_gallery_without_categories_shows_no_filter(session: Session, tmp_path: Path) -> None:
    bare = dataclasses.replace(session, stored=dataclasses.replace(session.index, meta={}), cache=tmp_path)
    config = build(Sessions({}, loaded=[bare])).get_config_file()
    filters = [c for c in config["components"] if c["props"].get("elem_id") in ("category", "pick-from")]
    assert [c["props"]["visible"] for c in filters] == [False, False]


def test_no_font_comes_from_elsewhere() -> None:
    assert theme()._font_css == [] and not theme()._stylesheets
    assert "@import" not in STYLE.read_text() and "url(" not in STYLE.read_text()


def test_the_page_is_gradio_s_blocks(session: Session) -> None:
    assert isinstance(build(Sessions({}, loaded=[session])), Page)


def test_a_model_that_is_not_listed_may_be_asked_with_in_one_session_alone(session: Session) -> None:
    page = build(Sessions({}, loaded=[session]))
    picker = next(block for block in page.blocks.values() if block.elem_id == MODELS)
    visits = Visits()
    visits.set_blocks(page)
    for name in ["shared-1", *(f"shared-{n}" for n in range(200)), None, ["tiny"]]:
        widen(visits["a"], picker._id, name)
    assert visits["a"][picker._id].preprocess("shared-199") == "shared-199"
    assert len(visits["a"][picker._id].choices) <= 51
    with pytest.raises(gr.Error):
        visits["b"][picker._id].preprocess("shared-199")


def test_no_file_is_made_beside_the_code() -> None:
    import ui

    assert not list(Path(ui.__file__).parent.rglob("*.pyi"))  # Gradio writes one for a component of one's own
