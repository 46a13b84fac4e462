from __future__ import annotations

import copy
import dataclasses
import pickle
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from analysis.session import QueryError, Session
from hug.data.corruptions import CORRUPTIONS
from hug.data.images import PictureError
from ui.state import KINDS, QueryRequest, answer, answer_again, only_in, signal, working_copy

RED = QueryRequest("tiny", "noise/0", None, "red", k=5)


def changed(**values: Any) -> QueryRequest:
    return dataclasses.replace(RED, **values)


def test_a_request_is_what_the_controls_say() -> None:
    values = dataclasses.asdict(RED) | {"picture": {"path": "/thumbnail.webp"}, "ignored": [3, 1]}
    assert QueryRequest.of(values) == changed(ignored=(1, 3))  # a gallery picture is known by its id
    upload = values | {"reference": None, "words": None, "category": None, "ignored": None}
    assert QueryRequest.of(upload) == changed(reference=None, picture="/thumbnail.webp", words="")
    assert list(CORRUPTIONS) == list(KINDS)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("k", 2.5, "Results must be a whole number"),
        ("severity", None, "whole number"),
        ("ignored", ["1; drop"], "whole number"),
        ("severity", True, "whole number"),
        ("severity", 6, "no such fault"),
        ("kind", "sepia", "no such fault"),
    ],
)
def test_what_no_control_says_is_refused(field: str, value: Any, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        QueryRequest.of(dataclasses.asdict(RED) | {field: value})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"ignored": (17,)}, "from 1 to 16"),
        ({"ignored": tuple(range(1, 17))}, "keep at least one"),
        ({"reference": None}, "no reference picture"),
        ({"reference": "nobody"}, "no picture 'nobody'"),
        ({"category": "hat"}, "no category 'hat'"),
    ],
)
def test_a_question_that_can_t_be_answered_says_why(session: Session, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        answer(session, changed(**fields))


def test_every_setting_reaches_the_answer(session: Session) -> None:
    plain = answer(session, RED)
    assert len(plain.ids) == 5 and "noise/0" not in plain.ids
    assert "noise/0" in answer(session, changed(leave_out=False, k=12)).ids
    rest = tuple(n for n in range(16) if n not in (2, 4))
    assert answer(session, changed(ignored=(3, 5))).trace.options.components == rest
    assert not answer(session, changed(use_var=False)).trace.options.use_var
    assert answer(session, changed(dynamic=False)).trace.percentiles["q"] is None
    assert answer(session, changed(kind="darkness", severity=5)).trace.means["r"] != plain.trace.means["r"]
    assert len(answer(session, changed(k=100)).ids) == 11  # no more than there are


def test_an_upload_that_was_deleted_is_said(session: Session, tmp_path: Path) -> None:
    upload = changed(reference=None, picture=str(tmp_path / "mine.png"))
    with pytest.raises(QueryError, match="deleted after an hour"):
        answer(session, upload)
    (tmp_path / "mine.png").write_text("hello")
    with pytest.raises(PictureError):
        answer(session, upload)


def test_an_answer_is_small_and_can_be_copied(session: Session, tmp_path: Path) -> None:
    Image.new("RGB", (4000, 6000), "red").save(tmp_path / "large.png")
    result = answer(session, changed(reference=None, picture=str(tmp_path / "large.png")))
    assert result.picture.size == (480, 720)
    thumbnail = result.thumbnail(session)
    assert isinstance(thumbnail, Image.Image) and max(thumbnail.size) == 256
    again = copy.deepcopy(result)
    assert again.ids == result.ids and len(pickle.dumps(result)) < 3e6


def test_a_strip_is_small_too() -> None:
    assert working_copy(Image.new("RGB", (10, 100_000))).size == (1, 1920)
    small = Image.new("RGB", (300, 400))
    assert working_copy(small) is small


def test_another_model_sees_the_very_same_picture(session: Session) -> None:
    other = dataclasses.replace(session, name="other")
    for request in (RED, changed(kind="blur", severity=3)):
        result = answer(session, request)
        again = answer_again(other, result)
        assert again.request.model == "other" and again.ids == result.ids
        assert again.trace.means == pytest.approx(result.trace.means, rel=1e-6)
    ignoring = answer_again(other, answer(session, changed(ignored=(7,))))
    assert ignoring.request.ignored == () and ignoring.trace.options.components is None


def test_a_listener_waits_for_its_tab() -> None:
    one = only_in("map", "open", {"fn": str.upper, "inputs": ["text"], "outputs": ["out"], "queue": False})
    two = only_in("map", "open", {"fn": lambda a: (a, a), "inputs": ["a"], "outputs": ["b", "c"]})
    assert one["fn"]("map", "a") == "A"
    assert one["fn"]("query", "a")["__type__"] == "update"
    assert len(two["fn"]("query", "a")) == 2
    assert one["inputs"] == ["open", "text"] and one["queue"] is False


def test_a_signal_is_always_new() -> None:
    assert len({signal() for _ in range(9)}) == 9
