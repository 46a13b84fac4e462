from __future__ import annotations

import dataclasses

import pytest
import torch

from analysis import explain
from analysis.explain import draw_parts, draw_severities, draw_words
from analysis.session import QueryError, Session
from hug.data.corruptions import corrupt
from hug.retrieval.trace import QueryTrace


def distances(trace: QueryTrace) -> list[float]:
    return trace.ranking.distances[0, : len(trace.ranking.ids[0])].tolist()


@pytest.mark.parametrize(
    "options", [{}, {"ignored": set(range(1, 17)) - {4, 9}}, {"use_var": False}, {"dynamic": False}]
)
def test_parts_sum_to_the_ranked_distances(session: Session, options: dict) -> None:
    trace = session.trace(session.picture("noise/0"), "red", session.search(6, exclude="noise/0", **options))
    first, *others = trace.ranking.ids[0]
    for second, distance in zip(others, distances(trace)[1:], strict=True):
        parts = explain.compare_parts(trace, first, second)
        assert parts["first"].sum() == pytest.approx(distances(trace)[0], rel=1e-4)
        assert parts.second.sum() == pytest.approx(distance, rel=1e-4)
        own = parts[parts.component > 0]
        assert own.difference.tolist() == pytest.approx((own.means + own.candidate).tolist())  # the query's is the same
        if "ignored" in options:
            assert set(parts.component[parts.second != 0]) <= {0, 4, 9}


def test_two_results_side_by_side(session: Session, trace: QueryTrace) -> None:
    first, second = trace.ranking.ids[0][:2]
    table = explain.compare_parts(trace, first, second)
    gap = distances(trace)[1] - distances(trace)[0]
    assert table.component.tolist() == list(range(17))
    assert table.difference.sum() == pytest.approx(gap, rel=1e-3)
    bias = table.difference[0]
    assert table.means.sum() + table.candidate.sum() + bias == pytest.approx(gap, rel=1e-3)
    assert explain.say_parts(table, first, second).startswith(f"{first} is nearer than {second} by {gap:.4f}")
    swapped = explain.compare_parts(trace, second, first)
    assert explain.say_parts(swapped, second, first) == explain.say_parts(table, first, second)
    with pytest.raises(QueryError, match="not among the results"):
        explain.compare_parts(trace, first, "nobody")


def test_dropping_a_phrase_is_asking_without_it(session: Session) -> None:
    picture, options = session.picture("noise/0"), session.search(10, "", "noise/0")
    words = " is  red <b> and longer, with  sleeves "
    table = explain.phrase_effects(session, session.tokens(picture), words, options)
    assert table.phrase.tolist() == ["is red <b>", "and longer", "with sleeves"]
    assert table.without.tolist() == ["longer, with sleeves", "is red <b>, with sleeves", "is red <b> and longer"]
    whole = session.trace(picture, "is red <b> and longer, with sleeves", options)
    for row in table.itertuples():
        other = session.trace(picture, row.without, options)
        for name, source in (("words", "t"), ("fit", "m"), ("overall", "q")):
            change = other.means[source] - whole.means[source]
            assert getattr(row, name) == pytest.approx(change, abs=1e-6)
        assert row.same == len(set(whole.ranking.ids[0]) & set(other.ranking.ids[0]))
        assert (row.first, row.another) == (other.ranking.ids[0][0], other.ranking.ids[0][0] != whole.ranking.ids[0][0])
    assert table.read[:2].all() and (table.chance == 0).all()
    assert "<b>" not in "".join(draw_words(table).layout.xaxis2.ticktext)
    with pytest.raises(QueryError, match="no words"):
        explain.phrase_effects(session, session.tokens(picture), " ")


def test_of_a_single_phrase_the_words_that_mean_something_are_dropped(session: Session) -> None:
    tokens = session.tokens(session.picture("noise/0"))
    table = explain.phrase_effects(session, tokens, "is the red one")
    assert table.phrase.tolist() == ["red", "one"] and table.without.tolist() == ["is the one", "is the red"]
    assert explain.phrase_effects(session, tokens, "it is").phrase.tolist() == ["it", "is"]


def test_words_beyond_the_backbone_s_reach_are_named(session: Session) -> None:
    words = " ".join(["red"] * 60)
    read = explain.read_words(session.model.backbone, words)
    length = session.model.backbone.text_tokens
    assert 0 < read.index(False) <= length and not any(read[length:])
    table = explain.phrase_effects(session, session.tokens(session.picture("noise/0")), words)
    assert (table.words[~table.read.to_numpy()].abs() < 1e-5).all()
    assert "nothing is read" in explain.say_words(table)


def test_severities_are_questions_with_a_worse_picture(session: Session) -> None:
    picture = session.picture("noise/0")
    table = explain.severities(session, picture, "red", "blur")
    assert table.severity.tolist() == list(range(6))
    plain = session.trace(picture, "red", session.search(10))
    assert table.picture[0] == pytest.approx(plain.means["r"]) and table.same[0] == 10
    worst = session.trace(corrupt(picture, "blur", 5, 0), "red", session.search(10))
    assert table.picture[5] == pytest.approx(worst.means["r"]) and table["first"][5] == worst.ranking.ids[0][0]
    assert [t.name for t in draw_severities(table).data] == ["picture", "fit", "overall"]
    assert f"{table.picture[5]:.4f}" in explain.say_severities(table)


def test_two_models_share_what_both_rank(session: Session, trace: QueryTrace) -> None:
    ranking = trace.ranking
    other = dataclasses.replace(trace, ranking=dataclasses.replace(ranking, ids=[ranking.ids[0][::-1][:3] + ["new"]]))
    table = explain.beside(trace, other)
    assert table.id.tolist() == [*ranking.ids[0], "new"]
    assert table.one.tolist()[:5] == [1, 2, 3, 4, 5] and table.one.isna()[5]
    assert table.other.tolist()[2:] == [3, 2, 1, 4]
    assert explain.say_beside(table) == "3 of the first 5 are shared; the first results differ."


def test_parts_are_drawn_with_their_difference(trace: QueryTrace) -> None:
    first, second = trace.ranking.ids[0][:2]
    table = explain.compare_parts(trace, first, second)
    figure = draw_parts(table, first, second)
    assert [bar.name for bar in figure.data] == [first, second, "difference"]
    low, high = figure.layout.yaxis2.range
    assert low == -high
    assert list(figure.data[0].x)[:2] == ["bias", "1"]


def test_static_weights_change_the_overall_doubt_and_no_rank(session: Session) -> None:
    picture = session.picture("noise/0")
    dynamic, static = (session.trace(picture, "red", session.search(12, dynamic=d)) for d in (True, False))
    assert dynamic.ranking.ids == static.ranking.ids
    assert torch.allclose(static.query.weights, torch.tensor(1 / 3))
    assert static.means["q"] == pytest.approx(sum(static.means[s] for s in "rtm") / 3, rel=1e-5)
    assert static.percentiles["q"] is None and static.chance == dynamic.chance
