"""One question is answered once: no panel opens a picture or searches again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from analysis.session import Session, Sessions
from hug.retrieval import gallery
from hug.retrieval.index import Index
from hug.retrieval.trace import LEVEL
from ui import requests
from ui.history import History
from ui.page import shared_state
from ui.state import QueryResult, answer
from ui.tabs import query
from ui.tabs.query import QueryTab
from ui.trial import Trials


@dataclasses.dataclass
class Counts:
    """How often pictures were decoded and the gallery searched."""

    decoded: int = 0
    searched: int = 0


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    counts = Counts()

    def count(name: str, call: Any) -> Any:
        def counting(*args: Any, **options: Any) -> Any:
            setattr(counts, name, getattr(counts, name) + 1)
            return call(*args, **options)

        return counting

    for module in (requests, gallery):
        monkeypatch.setattr(module, "open_picture", count("decoded", module.open_picture))
    monkeypatch.setattr(Index, "rank", count("searched", Index.rank))
    return counts


@pytest.fixture
def two(session: Session) -> Sessions:
    """The small model under two names."""
    for id in session.ids():
        session.thumbnail(id)  # made once, whoever asks
    return Sessions({}, loaded=[session, dataclasses.replace(session, name="other")])


@pytest.fixture
def page(two: Sessions) -> Iterator[gr.Blocks]:
    with gr.Blocks() as page:
        yield page


@pytest.fixture
def tab(two: Sessions, page: gr.Blocks) -> QueryTab:
    model = gr.Dropdown(list(two.names), value=two.default)
    state = shared_state(two.get(), answer(two.get(), query.start(two)), gr.Tabs(), model)
    state.component.render()  # the Sub-features tab would
    tab = QueryTab(two, state)
    tab.wire()
    return tab


def handler(page: gr.Blocks, trigger: Any, event: str = "click") -> Any:
    """What a component's event calls."""
    return next(fn.fn for fn in page.fns.values() if (trigger._id, event) in fn.targets)


def button(page: gr.Blocks, elem_id: str) -> Any:
    return next(c for c in page.blocks.values() if getattr(c, "elem_id", None) == elem_id)


def ask(tab: QueryTab, **controls: Any) -> dict[Any, Any]:
    """An answer as the page gets it, for the controls as they are and these."""
    request = dataclasses.asdict(tab.state.result.value.request)
    sent = request | {"picture": {"path": "thumbnail.webp"}} | controls
    updates: dict[Any, Any] = tab.ask["fn"](History(), LEVEL, Trials(), *sent.values())
    return updates


@pytest.fixture
def upload(tmp_path: Path) -> dict[str, Any]:
    Image.effect_noise((900, 700), 90).convert("RGB").save(tmp_path / "mine.png")
    return {"reference": None, "picture": {"path": str(tmp_path / "mine.png")}}


def test_an_upload_is_decoded_once_for_all_panels(
    tab: QueryTab, page: gr.Blocks, counts: Counts, upload: dict[str, Any]
) -> None:
    updates = ask(tab, **upload, words="is red", kind="blur", severity=2)
    assert (counts.decoded, counts.searched) == (1, 1)
    result: QueryResult = updates[tab.state.result]
    assert set(updates) == set(tab.outputs)

    first, second = result.ids[3], result.ids[1]
    summary, pictures, *_ = handler(page, tab.why.first, "input")(result, first, second)
    assert f"{second} is nearer than {first}" in summary and len(pictures) == 3
    assert (counts.decoded, counts.searched) == (1, 1)

    words = handler(page, tab.words.run)(result)
    assert "drawn" not in words and json.loads(words[tab.words.drawing])["figure"]
    severities = handler(page, button(page, "severities-run"))(result, "glare")
    assert "From severity 0 to 5" in severities and json.loads(severities)["figure"]
    beside = handler(page, button(page, "beside-run"))(result, "other")
    assert "are shared" in beside[tab.beside.summary]
    assert counts.decoded == 1 and counts.searched == 1 + 2 + 6 + 1  # all and without “red”, six severities, the other


def test_a_report_opens_the_results_alone(
    tab: QueryTab, page: gr.Blocks, counts: Counts, upload: dict[str, Any]
) -> None:
    result = ask(tab, **upload)[tab.state.result]
    report = handler(page, button(page, "report-run"))(result)
    assert report.count("data:image/webp") == 1 + len(result.ids)
    assert (counts.decoded, counts.searched) == (1 + len(result.ids), 1)


def test_back_and_forth_answer_again_and_set_the_controls(tab: QueryTab, page: gr.Blocks) -> None:
    first = ask(tab, words="is red")
    request = dataclasses.asdict(first[tab.state.result].request) | {"picture": None, "words": "is blue", "k": 3}
    second = tab.ask["fn"](first[tab.history], LEVEL, Trials(), *request.values())
    assert len(second[tab.history].steps) == 2 and len(second[tab.state.result].ids) == 3
    back = handler(page, tab.answer.back)(second[tab.history], LEVEL, Trials())
    assert back[tab.controls["words"]] == "is red" and back[tab.state.result].ids == first[tab.state.result].ids
    assert [back[button]["interactive"] for button in (tab.answer.back, tab.answer.forth)] == [False, True]
    assert back[tab.controls["picture"]].endswith(".webp")


def test_a_row_of_the_bias_is_not_ignored(tab: QueryTab, page: gr.Blocks) -> None:
    ignore = handler(page, tab.why.table, "select")
    row = gr.SelectData(None, {"index": [3, 0], "value": 3, "row_value": [3]})
    assert ignore([7], row) == [3, 7]
    with pytest.raises(gr.Error, match="bias"):
        ignore([], gr.SelectData(None, {"index": [0, 0], "value": 0, "row_value": [0]}))


def pressed(**fields: Any) -> gr.EventData:
    return gr.EventData(None, fields)


def test_a_press_on_a_result_uses_explains_or_shows_more(tab: QueryTab, page: gr.Blocks) -> None:
    press, result, state = handler(page, tab.answer.results, "select"), tab.state.result.value, tab.state
    use = press(result, pressed(use=result.ids[1]))
    assert use[state.reference] == result.ids[1] and use[state.asks]
    why = press(result, pressed(why=result.ids[0]))
    assert why[tab.bar].selected == "why"
    assert f"{result.ids[0]} is nearer than {result.ids[1]}" in why[tab.why.summary]
    assert press(result, pressed(k=11))[tab.ranking.k] == 11
    with pytest.raises(gr.Error, match="not among the results"):
        press(result, pressed(why="nobody"))


def test_another_level_searches_nothing_again(tab: QueryTab, page: gr.Blocks, counts: Counts) -> None:
    look, result = handler(page, tab.answer.sure, "select"), tab.state.result.value
    updates = look(result, History().add(result.request, result.ids), Trials(), pressed(level=0.95))
    assert updates[tab.answer.level] == 0.95 and "19 of 20" in updates[tab.answer.sure]
    assert "95 % set" in updates[tab.answer.results] and counts.searched == 0
    with pytest.raises(gr.Error, match="no such level"):
        look(result, History(), Trials(), pressed(level=0.123))


def test_a_pressed_question_of_the_history_is_shown_again(tab: QueryTab, page: gr.Blocks) -> None:
    history = ask(tab, words="is red")[tab.history]
    request = dataclasses.asdict(tab.state.result.value.request) | {"words": "is blue"}
    history = tab.ask["fn"](history, LEVEL, Trials(), *request.values())[tab.history]
    jump = handler(page, tab.answer.history, "select")(history, LEVEL, Trials(), pressed(step=0))
    assert jump[tab.controls["words"]] == "is red" and jump[tab.history].place == 0


def test_a_new_picture_is_not_asked_with_the_words_of_another_question(
    tab: QueryTab, page: gr.Blocks, upload: dict[str, Any], tmp_path: Path
) -> None:
    take, result = handler(page, tab.state.picture, "upload"), tab.state.result.value
    reference, words, notice, asks = take(upload["picture"], f" {result.request.words} ", result)
    assert (reference, words) == (None, "") and "then search" in notice and asks == gr.skip()
    reference, words, notice, asks = take(upload["picture"], "is red", result)
    assert (reference, words, notice) == (None, "is red", "") and asks
    (tmp_path / "none.jpg").write_text("hello")
    with pytest.raises(gr.Error, match="is not a JPEG"):
        take({"path": str(tmp_path / "none.jpg")}, "", result)


def test_a_change_of_the_signal_is_heard_from_the_queue_alone(tab: QueryTab, page: gr.Blocks) -> None:
    sends = [fn for fn in page.fns.values() if tab.state.asks in fn.outputs]
    assert len(sends) > 5 and all(fn.queue for fn in sends)


def test_an_answer_to_the_question_adds_words_or_filters(tab: QueryTab, page: gr.Blocks) -> None:
    respond, state = handler(page, tab.answer.clarify, "select"), tab.state
    kind = respond("tiny", "is red", pressed(label="category", value="shirt"))
    assert kind[tab.question.category] == "shirt" and kind[state.asks] and state.words not in kind
    with pytest.raises(gr.Error, match="no such answer"):
        respond("tiny", "is red", pressed(label="category", value="hat"))
    with pytest.raises(gr.Error, match="no such answer"):
        respond("tiny", "is red", pressed(label="colour", value="red"))


def test_an_answer_is_appended_as_words(tab: QueryTab, page: gr.Blocks, two: Sessions) -> None:
    two.get().index.meta["sleeve"] = ["long", "short"] * 6
    try:
        respond, state = handler(page, tab.answer.clarify, "select"), tab.state
        assert respond("tiny", "is red. ", pressed(label="sleeve", value="long"))[state.words] == (
            "is red and has long sleeves"
        )
        assert respond("tiny", " ", pressed(label="sleeve", value="short"))[state.words] == "has short sleeves"
    finally:
        del two.get().index.meta["sleeve"]


def test_building_the_tab_leaves_no_component_without_a_place(tab: QueryTab, page: gr.Blocks) -> None:
    named = [c for c in page.blocks.values() if isinstance(c, gr.Gallery)]
    assert {c.elem_id for c in named} == {"picker", "why-pictures", "beside-results"}
