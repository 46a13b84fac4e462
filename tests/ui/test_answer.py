from __future__ import annotations

import dataclasses
import errno
import json
import os
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.session import Session
from analysis.thumbnails import NO_PICTURE
from hug.calibration import AnswerSet
from hug.retrieval.gallery import Pictures
from hug.retrieval.trace import UNCALIBRATED, Certainty
from tests.small import constant
from ui.answer import (
    CHOICES,
    FEW,
    MANY,
    POOR,
    TEXTS,
    VERDICTS,
    WIDTH,
    View,
    arrow,
    clarifying,
    histogram,
    notes,
    of_questions,
    percent,
    reason,
    results,
    sure,
)
from ui.components import address
from ui.report import report
from ui.state import QueryRequest, QueryResult, answer

REQUEST = QueryRequest("tiny", "noise/0", None, "red with sleeves", k=5)


def asked(session: Session, **fields: Any) -> QueryResult:
    return answer(session, dataclasses.replace(REQUEST, **fields))


@pytest.fixture(scope="module")
def result(session: Session) -> QueryResult:
    return answer(session, REQUEST)


def retraced(result: QueryResult, **fields: Any) -> QueryResult:
    return dataclasses.replace(result, trace=dataclasses.replace(result.trace, **fields))


def text(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub("<[^>]+>", " ", html)))


def test_an_answer_has_numbers_percentiles_a_sentence_and_the_chance(session: Session, result: QueryResult) -> None:
    html = text(sure(session, result))
    assert "“red with sleeves”" in html
    assert "50 % More likely than not among the first 10" in html
    assert VERDICTS[""] in html
    for name, value in result.trace.means.items():
        assert f"{value:.4f} {result.trace.percentiles[name]:.0f}" in html
        if name != "q":
            assert f"more doubt than {result.trace.percentiles[name]:.0f} % · weight" in html
    assert "What moves ranks" in html and "What is confidence" in html


def test_what_was_typed_is_escaped(session: Session) -> None:
    html = sure(session, asked(session, words='<img src=x onerror="alert(1)"> & "more"'))
    assert "<img" not in html
    assert "&lt;img src=x onerror=&#34;alert(1)&#34;&gt; &amp; &#34;more&#34;" in html


def test_no_words_say_so(session: Session) -> None:
    html = text(sure(session, asked(session, words="")))
    assert "no words, which is as vague as it gets" in html and VERDICTS["t"] in html


def test_a_source_at_chance_is_marked_and_never_the_sentence(session: Session) -> None:
    vague = asked(session, words="")
    html = sure(dataclasses.replace(session, untrusted={"t": 0.53}), vague)
    assert "hug-t hug-untrusted" in html and "(0.53)" in html and html.count("hug-untrusted") == 1
    assert VERDICTS["t"] not in text(html)
    hopeless = dataclasses.replace(session, untrusted=dict.fromkeys("rtm", 0.5))  # calibrated all the same
    assert TEXTS["untrusted"] in text(sure(hopeless, vague))


def test_without_calibration_the_page_says_what_to_do(session: Session, result: QueryResult) -> None:
    bare = retraced(result, percentiles=dict.fromkeys("rtmq"), certainty=Certainty(withheld=(UNCALIBRATED,)))
    html = text(sure(dataclasses.replace(session, calibration=None), bare))
    assert "run python -m hug evaluate" in html and TEXTS["uncalibrated"] in html
    assert "nan" not in html


def test_nothing_left_to_rank_is_said(session: Session) -> None:
    only = dataclasses.replace(session.index, meta={"category": ["dress"] + ["shirt"] * 11})
    alone = dataclasses.replace(session, stored=only)
    empty = asked(alone, category="dress")
    assert cards(results(alone, empty)) == [] and empty.ids == ()
    assert "No picture is left to rank" in text(sure(alone, empty))


def cards(html: str) -> list[str]:
    return re.findall(r'<li class="hug-result.*?</li>', html, re.S)


def test_every_result_has_a_picture_its_labels_its_doubt_and_actions(session: Session, result: QueryResult) -> None:
    shown = cards(results(session, result))
    assert len(shown) == 5
    for rank, (html, id) in enumerate(zip(shown, result.ids, strict=True), 1):
        assert address(session.thumbnail(id)) in html and f'data-id="{id}"' in html
        assert re.search(rf"{rank} (dress|shirt) doubt \d+ % use why\?", text(html))
        assert f'{{"use": "{id}"}}' in html and f'{{"why": "{id}"}}' in html
        assert re.search(rf"{rank}\. \n(dress|shirt)\ndistance -?\d\.\d{{3}} · doubt \d\.\d{{3}}\n{id}", html)


def test_labels_are_said_plainly_and_a_fault_beside_the_doubt(session: Session, result: QueryResult) -> None:
    rows = {"category": ["toptee"] * 12, "colour": ["red"] * 12, "length": ["hip"] * 12, "degradation": ["lowres"] * 12}
    html = results(dataclasses.replace(session, stored=dataclasses.replace(session.index, meta=rows)), result)
    assert "1 red top, hip-length, few pixels doubt" in text(cards(html)[0]) and "toptee" not in html


def test_an_id_cannot_leave_its_button(session: Session) -> None:
    names = [f"<b>'\"{n}" for n in range(12)]
    assert session.source is not None
    source = dataclasses.replace(session.source, ids=names)
    here = dataclasses.replace(session, stored=dataclasses.replace(session.index, ids=names), source=source)
    html = results(here, asked(here, reference=names[0]))
    assert "<b>" not in html and "'\"" not in html
    pressed = re.findall(r"data-press='(.*?)'", html)
    assert json.loads(unescape(pressed[0])) == {"use": asked(here, reference=names[0]).ids[0]}


def test_results_say_how_far_they_moved(session: Session, result: QueryResult) -> None:
    first, second, third, *_ = result.ids
    shown = cards(results(session, result, View(before=(second, first, third))))
    moves = [re.search('hug-move">(.*?)<', html) for html in shown]
    assert [move and move[1] for move in moves] == ["▲ 1", "▼ 1", "= 0", "new", "new"]
    assert [arrow(3), arrow(-2), arrow(0), arrow(None)] == ["▲ 3", "▼ 2", "= 0", "new"]


def test_the_set_ends_with_a_line_among_the_results(session: Session, result: QueryResult) -> None:
    html = results(session, retraced(result, certainty=promised(0.6, 3)))
    assert ["hug-inside" in card for card in cards(html)] == [True] * 3 + [False] * 2
    assert html.index("hug-line") > html.index(result.ids[2]) and html.index("hug-line") < html.index(
        f'"{result.ids[3]}"'
    )
    assert "90 % set ends here" in text(html)


def test_a_set_beyond_the_results_says_how_many_and_offers_them(session: Session, result: QueryResult) -> None:
    html = results(session, retraced(result, certainty=promised(0.3, 9)))
    assert "90 % set goes on to 9 show 9" in text(html) and '{"k": 9}' in html
    assert "90 % set ends here" in text(results(session, retraced(result, certainty=promised(0.3, 5))))
    withheld = results(session, retraced(result, certainty=promised(None, withheld=("why",))))
    assert "hug-line" not in withheld and "hug-inside" not in withheld


def test_the_level_of_the_set_moves(session: Session, result: QueryResult) -> None:
    sets = [result.trace.certainty.answer_set_at(level, session.calibration) for level in CHOICES]
    sizes = [each.size for each in sets if each]
    assert len(sizes) == 3 and sizes == sorted(sizes) and sets[1] == result.trace.certainty.answer_set
    for level, words in zip(CHOICES, ("8 of 10", "9 of 10", "19 of 20"), strict=True):
        html = sure(session, result, level)
        assert f"In {words} such questions" in text(html) and of_questions(level) == words
        assert f'aria-pressed="true" data-press=\'{{"level": {level}}}\'' in html
    assert "<button" not in sure(session, result, levels=())


def test_one_question_is_asked_where_many_results_are_left(session: Session, result: QueryResult) -> None:
    many = dataclasses.replace(result.trace.certainty, answer_set=AnswerSet(0.9, FEW + 1))
    html = clarifying(session, retraced(result, certainty=many))
    assert "What kind?" in html and {"dress", "shirt"} == set(re.findall(r"<button.*?>(.*?)</button>", html))
    assert '{"label": "category", "value": "shirt"}' in html
    few = dataclasses.replace(many, answer_set=AnswerSet(0.9, FEW))
    assert clarifying(session, retraced(result, certainty=few)) == ""


def test_the_picture_meant_is_marked(session: Session, result: QueryResult) -> None:
    shown = cards(results(session, result, View(target=result.ids[2])))
    assert ["the one meant" in card for card in shown] == [False, False, True, False, False]


def test_a_probability_is_never_certain() -> None:
    assert [percent(p) for p in (0.0, 0.004, 0.634, 1.0)] == ["1 %", "1 %", "63 %", "99 %"]


def promised(chance: float | None, size: int = 3, withheld: tuple[str, ...] = ()) -> Certainty:
    return Certainty(chance, None if chance is None else AnswerSet(0.9, size), withheld)


@pytest.mark.parametrize(
    ("chance", "words"),
    [(0.99, "Probably among"), (0.75, "Probably among"), (0.6, "More likely than not"), (0.3, "Perhaps among"),
     (0.2, "Probably not among")],
)  # fmt: skip
@pytest.mark.parametrize("percentile", [10.0, 99.0])
def test_the_chance_alone_is_the_verdict(
    session: Session, result: QueryResult, chance: float, words: str, percentile: float
) -> None:
    case = retraced(result, percentiles=dict.fromkeys("rtmq", percentile), certainty=promised(chance))
    html = sure(session, case)
    assert f"{percent(chance)} {words}" in text(html) and ("hug-alarm" in html) == (chance < POOR)
    judgements = [str(each).format(within=10) for each in TEXTS["chance"].values()]
    assert [each.startswith(words) for each in judgements if each in text(html)] == [True]


def test_sources_explain_and_never_judge_again(session: Session, result: QueryResult) -> None:
    vague = {**result.trace.percentiles, "t": 99.0}
    clear = retraced(result, percentiles=vague, certainty=promised(0.9))
    assert reason(session, clear) == VERDICTS["t"]
    poor = retraced(result, percentiles=vague, certainty=promised(0.3))
    assert reason(session, poor) == f"{VERDICTS['t']} {TEXTS['advice']['t']}"
    assert reason(session, retraced(result, certainty=promised(0.9))) == VERDICTS[""]
    assert reason(session, retraced(result, certainty=promised(0.1))) == TEXTS["crowded"]


def test_the_set_is_said_in_plain_words(session: Session, result: QueryResult) -> None:
    assert "In 9 of 10 such questions the picture meant is among these 7 results." in said(
        session, result, promised(0.6, 7)
    )
    assert "the picture meant is the first result" in said(session, result, promised(0.97, 1))
    assert "say more" in said(session, result, promised(0.2, MANY + 1))
    assert "say more" not in said(session, result, promised(0.2, MANY))


def test_where_nothing_is_promised_the_page_says_why(session: Session, result: QueryResult) -> None:
    html = said(session, result, promised(None, withheld=("there are no words", "the gallery is other")))
    assert (
        "Not calibrated here No chance is told: there are no words; the gallery is other." in html
        and "%" not in html.split("No chance is told")[0]
    )


def said(session: Session, result: QueryResult, certainty: Certainty) -> str:
    return text(sure(session, retraced(result, certainty=certainty)))


def test_a_verdict_comes_with_what_to_do(session: Session) -> None:
    assert TEXTS["advice"]["t"] in text(sure(session, asked(session, words="")))


def test_settings_are_never_forgotten(session: Session) -> None:
    assert notes(session, REQUEST) == []
    special = QueryRequest(
        "tiny", None, None, "red " * 60, kind="blur", severity=3, ignored=(2, 7), use_var=False, dynamic=False
    )
    sentences = " ".join(notes(session, special))
    for part in (
        "blur, severity 3",
        "sub-features 2, 7",
        "without the candidates' variance",
        "1/3 each",
        TEXTS["uploaded"],
    ):
        assert part in sentences
    assert "from “red” on nothing is read" in sentences


def test_notes_are_shown_escaped(session: Session) -> None:
    html = sure(session, asked(session, words="<b> " * 60))
    assert "from “&lt;b&gt;” on nothing is read" in html and "<b>" not in html


def test_the_mark_is_where_the_query_is() -> None:
    values = np.exp(np.linspace(np.log(0.001), np.log(1), 400))
    calibration = constant(0.5, {"t": values})
    drawings = [histogram(calibration, "t", v) for v in (1e-9, 0.001, 0.0316, 1, 5)]
    places = [float(re.match(r"M([\d.]+)", drawing["mark"])[1]) for drawing in drawings if drawing]
    assert places == pytest.approx([3, 3, WIDTH / 2, WIDTH - 3, WIDTH - 3], abs=0.2)
    assert len(drawings[0]["bars"]) == 28
    assert histogram(None, "t", 0.05) is None


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO, errno.EACCES])
def test_a_thumbnail_that_cannot_be_written_costs_no_answer(
    tmp_path: Path, session: Session, result: QueryResult, monkeypatch: pytest.MonkeyPatch, number: int
):
    def refused(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    here = dataclasses.replace(session, cache=tmp_path)
    monkeypatch.setattr(os, "replace", refused)
    assert results(here, result).count(address(NO_PICTURE)) == 5
    monkeypatch.undo()
    assert address(NO_PICTURE) not in results(here, result)  # it is tried again


def damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:60])


@pytest.mark.parametrize("damage", [damaged, Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_picture_that_was_damaged_since_it_was_indexed_costs_itself(
    tmp_path: Path, session: Session, result: QueryResult, damage: Callable[[Path], object]
):
    assert session.source is not None
    files = [tmp_path / f"{n}.webp" for n in range(len(session.source.ids))]
    for file, content in zip(files, session.source.pictures.sources, strict=True):
        file.write_bytes(content)
    here = dataclasses.replace(
        session, cache=tmp_path / "cache", source=dataclasses.replace(session.source, pictures=Pictures(files))
    )
    damage(files[session.source.ids.index(result.ids[1])])
    assert [address(NO_PICTURE) in card for card in cards(results(here, result))] == [False, True, False, False, False]
    assert report(here, result).count("data:image/webp") >= 6  # the report of it, too
