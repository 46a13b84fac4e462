from __future__ import annotations

import dataclasses
import re
from html import unescape

import pandas as pd
import pytest

from analysis.session import Session
from hug.retrieval.trace import QueryTrace
from ui import wording
from ui.answer import answer, moved
from ui.split import WIDTH, doubtful, histogram, sure


def text(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub("<[^>]+>", " ", html)))


def test_an_answer_has_numbers_percentiles_a_sentence_and_the_chance(session: Session, trace: QueryTrace) -> None:
    shown = text(sure(session, trace))
    assert "“red with sleeves”" in shown
    assert "among the first 10: 50 %" in shown
    assert wording.VERDICTS[""] in shown
    for name, value in trace.means.items():
        assert f"{value:.4f} {trace.percentiles[name]:.0f}" in shown
    assert wording.RANKS_AND_CONFIDENCE in shown


def test_what_was_typed_is_escaped(session: Session) -> None:
    asked = session.trace(session.picture("noise/0"), '<img src=x onerror="alert(1)"> & "more"')
    shown = sure(session, asked)
    assert "<img" not in shown
    assert "&lt;img src=x onerror=&quot;alert(1)&quot;&gt; &amp; &quot;more&quot;" in shown


def test_no_words_say_so(session: Session) -> None:
    shown = text(sure(session, session.trace(session.picture("noise/0"), "")))
    assert wording.NO_WORDS in shown and wording.VERDICTS["t"] in shown


def test_a_source_at_chance_is_marked_and_never_the_sentence(session: Session) -> None:
    doubted = dataclasses.replace(session, untrusted={"t": 0.53})
    shown = sure(doubted, doubted.trace(session.picture("noise/0"), ""))
    assert "hug-t hug-untrusted" in shown and "(0.53)" in shown
    hopeless = dataclasses.replace(session, untrusted=dict.fromkeys("rtm", 0.5))  # calibrated all the same
    assert wording.VERDICT_UNTRUSTED in text(sure(hopeless, hopeless.trace(session.picture("noise/0"), "")))
    assert wording.VERDICTS["t"] not in text(shown)


def test_without_calibration_the_page_says_what_to_do(session: Session, trace: QueryTrace) -> None:
    bare = dataclasses.replace(trace, percentiles=dict.fromkeys("rtmq"), chance=None)
    shown = text(sure(dataclasses.replace(session, calibration=None), bare))
    assert wording.CHANCE_UNKNOWN in shown and wording.VERDICT_UNKNOWN in shown
    assert "nan" not in shown


def test_nothing_left_to_rank_is_said(session: Session) -> None:
    only = dataclasses.replace(session.index, meta={"category": ["dress"] + ["shirt"] * 11})
    alone = dataclasses.replace(session, index=only)
    asked = alone.trace(session.picture("noise/0"), "red", 3, "dress", "noise/0")
    shown = answer(alone, asked)
    assert shown.results == [] and shown.ids == []
    assert wording.NO_RESULT in text(shown.sure)


def test_every_result_has_a_picture_and_a_caption_with_its_numbers(session: Session, trace: QueryTrace) -> None:
    shown = answer(session, trace)
    assert len(shown.results) == 5
    for (path, caption), id in zip(shown.results, shown.ids, strict=True):
        assert path.is_file()
        assert re.fullmatch(rf"\d\. \n(dress|shirt)\ndistance -?\d\.\d{{3}} · doubt \d\.\d{{3}}\n{id}", caption)


def test_results_say_how_far_they_moved(session: Session, trace: QueryTrace) -> None:
    first, second, third, *_ = trace.ranking.ids[0]
    captions = [caption for _, caption in answer(session, trace, before=[second, first, third]).results]
    heads = [caption.splitlines()[0] for caption in captions]
    assert heads == ["1. ▲ 1", "2. ▼ 1", "3. = 0", "4. new", "5. new"]
    assert [moved(3, True), moved(-2, True), moved(None, False)] == ["▲ 3", "▼ 2", ""]


def test_a_probability_is_never_certain() -> None:
    assert [wording.percent(p) for p in (0.0, 0.004, 0.634, 1.0)] == ["1 %", "1 %", "63 %", "99 %"]


def table(**percentiles: float) -> pd.DataFrame:
    rows = [(source, percentiles.get(source, 50.0)) for source in "rtmq"]
    return pd.DataFrame(rows, columns=["source", "percentile"])


def test_great_doubt_is_set_apart(session: Session, trace: QueryTrace) -> None:
    assert not doubtful(table(), 0.5, session)
    assert doubtful(table(t=95.0), 0.5, session) and doubtful(table(), 0.24, session)
    assert not doubtful(table(q=99.0), 0.5, session)  # the merge is no source
    assert not doubtful(table(t=99.0), 0.5, dataclasses.replace(session, untrusted={"t": 0.5}))
    assert not doubtful(table(), None, session)
    poor = sure(session, dataclasses.replace(trace, chance=0.1))
    assert "hug-alarm" in poor and wording.VERDICT_POOR in text(poor) and wording.ALARM in text(poor)
    assert "hug-alarm" not in sure(session, trace)


def test_a_doubt_comes_with_what_to_do(session: Session) -> None:
    shown = text(sure(session, session.trace(session.picture("noise/0"), "")))
    assert wording.ADVICE["t"] in shown


def test_what_is_special_is_said_escaped(session: Session, trace: QueryTrace) -> None:
    assert '<p class="hug-note">from &lt;b&gt; on</p>' in sure(session, trace, ["from <b> on"])


def test_the_mark_stands_where_the_query_stands() -> None:
    known = pd.DataFrame({"low": [0.001, 0.01, 0.1], "high": [0.01, 0.1, 1.0], "share": [0.2, 0.5, 0.3]})
    places = [float(re.search(r"d=\"M([\d.]+)", histogram(known, v, "words"))[1]) for v in (1e-9, 0.001, 0.0316, 1, 5)]
    assert places == pytest.approx([3, 3, WIDTH / 2, WIDTH - 3, WIDTH - 3], abs=0.2)
    assert histogram(known, 0.05, "words").count("<rect") == 3
    assert "<svg" not in histogram(known[:0], 0.05, "words")
