from __future__ import annotations

import dataclasses
import errno
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
    TEXTS,
    VERDICTS,
    WIDTH,
    arrow,
    histogram,
    notes,
    percent,
    results,
    sure,
)
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
    assert "among the first 10: 50 %" in html
    assert VERDICTS[""] in html
    for name, value in result.trace.means.items():
        assert f"{value:.4f} {result.trace.percentiles[name]:.0f}" in html
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
    assert results(alone, empty) == [] and empty.ids == ()
    assert "No picture is left to rank" in text(sure(alone, empty))


def test_every_result_has_a_picture_and_a_caption_with_its_numbers(session: Session, result: QueryResult) -> None:
    pictures = results(session, result)
    assert len(pictures) == 5
    for (path, caption), id in zip(pictures, result.ids, strict=True):
        assert path.is_file()
        assert re.fullmatch(rf"\d\. \n(dress|shirt)\ndistance -?\d\.\d{{3}} · doubt \d\.\d{{3}}\n{id}", caption)


def test_results_say_how_far_they_moved(session: Session, result: QueryResult) -> None:
    first, second, third, *_ = result.ids
    captions = [caption for _, caption in results(session, result, before=[second, first, third])]
    heads = [caption.splitlines()[0] for caption in captions]
    assert heads == ["1. ▲ 1", "2. ▼ 1", "3. = 0", "4. new", "5. new"]
    assert [arrow(3), arrow(-2), arrow(0), arrow(None)] == ["▲ 3", "▼ 2", "= 0", "new"]


def test_a_probability_is_never_certain() -> None:
    assert [percent(p) for p in (0.0, 0.004, 0.634, 1.0)] == ["1 %", "1 %", "63 %", "99 %"]


def promised(chance: float | None, size: int = 3, withheld: tuple[str, ...] = ()) -> Certainty:
    return Certainty(chance, None if chance is None else AnswerSet(0.9, size), withheld)


def test_a_poor_chance_is_set_apart_and_nothing_else_is(session: Session, result: QueryResult) -> None:
    poor = sure(session, retraced(result, certainty=promised(0.1)))
    assert "hug-alarm" in poor and "seldom found their picture" in poor and "Very doubtful" in poor
    assert "hug-alarm" not in sure(session, result)
    vague = retraced(result, percentiles={**result.trace.percentiles, "t": 99.0}, certainty=promised(0.9))
    assert "hug-alarm" not in sure(session, vague) and VERDICTS["t"] in text(sure(session, vague))


def test_the_set_is_said_in_plain_words(session: Session, result: QueryResult) -> None:
    assert "In 9 of 10 such questions it is among the first 7 results." in said(session, result, promised(0.6, 7))
    assert "it is the first result" in said(session, result, promised(0.97, 1))
    assert "make it fewer" in said(session, result, promised(0.2, 80))


def test_where_nothing_is_promised_the_page_says_why(session: Session, result: QueryResult) -> None:
    html = said(session, result, promised(None, withheld=("there are no words", "the gallery is other")))
    assert (
        "No chance is told: there are no words; the gallery is other." in html
        and "%" not in html.split("Percentile")[0]
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
    shown = results(here, result)
    assert [path for path, _ in shown] == [NO_PICTURE] * 5 and shown[0][1] == results(session, result)[0][1]
    monkeypatch.undo()
    assert NO_PICTURE not in [path for path, _ in results(here, result)]  # it is tried again


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
    shown = [path for path, _ in results(here, result)]
    assert shown.index(NO_PICTURE) == 1 and shown.count(NO_PICTURE) == 1
    assert report(here, result).count("data:image/webp") >= 6  # the report of it, too
