from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from ui.question import Given, Trail
from ui.trail import link_html, notes, trail_html

from analysis.session import QueryError, Session
from hug.data.corruptions import CORRUPTIONS
from hug.data.images import PictureError
from ui import wording

ASKED = ("tiny", "noise/0", None, "red", "", 5, True, "blur", 0, True, True, [])


def given(**fields: Any) -> Given:
    return Given.of(*ASKED).changed(**fields)


def test_controls_come_and_go_in_one_order(session: Session) -> None:
    values = Given.of(*ASKED).controls()
    assert values == list(ASKED)
    assert Given.of(*values) == Given.of(*ASKED)
    assert list(CORRUPTIONS) == list(wording.KINDS)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("k", 2.5, "Results must be a whole number"),
        ("severity", None, "whole number"),
        ("ignored", ["1; drop"], "whole number"),
        ("severity", True, "whole number"),
    ],
)
def test_what_is_no_number_is_told(field: str, value: Any, message: str) -> None:
    values = list(ASKED)
    values[[*Given.__dataclass_fields__].index(field)] = value
    with pytest.raises(QueryError, match=message):
        Given.of(*values)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "sepia", "severity": 2}, "no such fault"),
        ({"severity": 6}, "no such fault"),
        ({"ignored": (17,)}, "from 1 to 16"),
        ({"ignored": (0,)}, "from 1 to 16"),
        ({"ignored": tuple(range(1, 17))}, "keep at least one"),
        ({"reference": None}, "no reference picture"),
        ({"reference": "nobody"}, "no picture 'nobody'"),
    ],
)
def test_a_question_that_can_t_be_asked_says_why(session: Session, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        given(**fields).trace(session)


def test_every_setting_reaches_the_answer(session: Session) -> None:
    plain = given().trace(session)
    assert len(plain.ranking.ids[0]) == 5 and "noise/0" not in plain.ranking.ids[0]
    assert "noise/0" in given(leave_out=False, k=12).trace(session).ranking.ids[0]
    assert given(ignored=(3, 5)).trace(session).components == tuple(n for n in range(16) if n not in (2, 4))
    assert not given(use_var=False).trace(session).use_var
    assert given(dynamic=False).trace(session).percentiles["q"] is None
    assert given(kind="darkness", severity=5).trace(session).means["r"] != plain.means["r"]


def test_an_upload_that_was_deleted_is_told(session: Session, tmp_path: Path) -> None:
    sent = {"path": str(tmp_path / "gone.png"), "meta": {"_type": "gradio.FileData"}}
    gone = given(reference=None, picture=sent)
    with pytest.raises(QueryError, match="deleted after an hour"):
        gone.image(session)
    assert gone.thumbnail(session) is None
    Image.new("RGB", (600, 900), "red").save(tmp_path / "gone.png")
    assert gone.image(session).size == (600, 900)
    assert max(gone.thumbnail(session).size) == 256 and min(gone.clean(session).size) == 480
    (tmp_path / "gone.png").write_text("hello")
    with pytest.raises(PictureError):
        gone.image(session)


def test_the_chain_goes_back_and_forth_and_branches() -> None:
    red, blue, green = (given(words=word) for word in ("red", "blue", "green"))
    chain = Trail().plus(red).answered(["a", "b"])
    assert chain.before is None and chain.plus(red) is chain
    chain = chain.plus(blue).answered(["b"])
    assert (chain.now, chain.before) == (blue, ("a", "b"))
    back = chain.at(0)
    assert back.now == red and back.at(-5).now == red and back.at(9).now == blue
    branched = back.plus(green)
    assert branched.steps == (red, green) and branched.before == ("a", "b")
    with pytest.raises(QueryError, match="Nothing was asked"):
        _ = Trail().now


def test_the_chain_is_bounded() -> None:
    chain = Trail()
    for n in range(60):
        chain = chain.plus(given(words=str(n))).answered([str(n)])
    assert len(chain.steps) == len(chain.found) == 50
    assert chain.now.words == "59" and chain.before == ("58",)


def test_the_chain_is_shown_escaped_with_what_changed() -> None:
    steps = [given(words="<b>red"), given(reference=None, kind="glare", severity=2, words=" "), given(model="other")]
    chain = Trail()
    for step in steps:
        chain = chain.plus(step).answered([])
    shown = trail_html(chain.at(1))
    assert "&lt;b&gt;red" in shown and "<b>" not in shown
    assert f"{wording.TRAIL_UPLOAD} with glare 2: {wording.NO_WORDS_SHORT}" in shown
    assert shown.index('aria-current="step"') > shown.index("&lt;b&gt;red")
    assert "“red” (other)" in shown


def test_settings_are_never_forgotten(session: Session) -> None:
    assert notes(given(), session) == []
    special = given(
        reference=None, kind="blur", severity=3, ignored=(2, 7), use_var=False, dynamic=False, words="red " * 60
    )
    said = " ".join(notes(special, session))
    for part in ("blur, severity 3", "sub-features 2, 7", wording.NOTE_MEANS, wording.NOTE_STATIC, wording.UPLOAD_NOTE):
        assert part in said
    assert "from “red” on nothing is read" in said


def test_an_upload_has_no_link() -> None:
    assert link_html(None).count("<a") == 0 and "can&#x27;t be shared" in link_html(None)
    assert 'href="?a=1&amp;b=2"' in link_html("?a=1&b=2")
