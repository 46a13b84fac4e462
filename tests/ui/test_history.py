from __future__ import annotations

import dataclasses

from ui.history import History
from ui.state import QueryRequest

RED = QueryRequest("tiny", "noise/0", None, "red")
BLUE, GREEN = (dataclasses.replace(RED, words=words) for words in ("blue", "green"))


def test_a_history_goes_back_and_forth_and_branches() -> None:
    history = History().add(RED, ["a", "b"])
    assert history.before is None and history.add(RED, ["c"]) is history
    history = history.add(BLUE, ["b"])
    assert history.place == 1 and history.before == ("a", "b")
    back = history.move(-1)
    assert back.place == 0 and back.move(-5).place == 0 and back.move(9).place == 1
    branch = back.add(GREEN, [])
    assert branch.steps == (RED, GREEN) and branch.before == ("a", "b")


def test_a_history_is_bounded() -> None:
    history = History()
    for n in range(60):
        history = history.add(dataclasses.replace(RED, words=str(n)), [str(n)])
    assert len(history.steps) == len(history.results) == 50
    assert history.steps[history.place].words == "59" and history.before == ("58",)


def test_a_history_is_shown_escaped_with_what_changed() -> None:
    steps = [
        dataclasses.replace(RED, words="<b>red"),
        dataclasses.replace(RED, reference=None, kind="glare", severity=2, words=" "),
        dataclasses.replace(RED, model="other"),
    ]
    history = History()
    for step in steps:
        history = history.add(step, [])
    html = history.move(-1).html()
    assert "&lt;b&gt;red" in html and "<b>" not in html
    assert "no words, your picture, glare 2" in html and "data-press='{\"step\": 2}'" in html
    assert "noise/0" not in html.replace('title="noise/0"', "")  # words first; the id is for who looks for it
    assert html.index('aria-current="step"') > html.index("&lt;b&gt;red")
    assert history.at(0).place == 0 and history.at(9).place == 2
    assert html.count("aria-current") == 1 and "“red” (other)" in html
