"""The question that is asked is the one whose answer tells most."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from analysis.clarify import LEAST_BITS, Question, clarify, nearest
from analysis.labels import answer_words, question_words
from analysis.session import Session
from hug.posterior import Posterior
from hug.retrieval.index import Index
from hug.retrieval.trace import Certainty, QueryTrace

SLEEVES = ["long", "short", "elbow", "sleeveless"] * 3
COLOURS = ["red"] * 6 + ["blue"] * 6


@pytest.fixture
def trace(session: Session) -> QueryTrace:
    """A query whose twelve candidates are equally likely."""
    trace = session.trace(session.picture("noise/0"), "is red")
    even = Posterior(np.full((1, 12), 1 / 12), np.arange(12)[None])
    return dataclasses.replace(trace, certainty=Certainty(posterior=even))


def labelled(session: Session, **meta: list[str]) -> Index:
    return dataclasses.replace(session.index, meta=meta)


def test_the_label_that_tells_most_is_asked(session: Session, trace: QueryTrace) -> None:
    question = clarify(labelled(session, colour=COLOURS, sleeve=SLEEVES), trace)
    assert question and question.label == "sleeve" and question.bits == pytest.approx(2)
    assert set(question.values) == set(SLEEVES)
    assert clarify(labelled(session, colour=COLOURS), trace) is None  # the words say red
    blue = dataclasses.replace(trace, words="")
    assert clarify(labelled(session, colour=COLOURS), blue) == Question("colour", ("red", "blue"), pytest.approx(1))


def test_answers_are_weighed_by_the_posterior(session: Session, trace: QueryTrace) -> None:
    sure = Posterior(np.array([[0.868, *[0.012] * 11]]), np.arange(12)[None])
    certain = dataclasses.replace(trace, certainty=Certainty(posterior=sure))
    assert clarify(labelled(session, sleeve=["long", *["short"] * 11]), certain) is not None
    surer = Posterior(np.array([[0.967, *[0.003] * 11]]), np.arange(12)[None])
    assert clarify(labelled(session, sleeve=["long", *["short"] * 11]), _with(trace, surer)) is None  # 0.2 bits
    assert LEAST_BITS == 0.5


def _with(trace: QueryTrace, posterior: Posterior) -> QueryTrace:
    return dataclasses.replace(trace, certainty=Certainty(posterior=posterior))


def test_faults_and_ids_are_not_asked(session: Session, trace: QueryTrace) -> None:
    many = Posterior(np.full((1, 12), 1 / 12), np.arange(12)[None])
    index = labelled(session, degradation=["none", "blur"] * 6, brand=["same"] * 12)
    assert clarify(index, _with(trace, many)) is None
    assert clarify(session.index, _with(trace, many)) is not None  # two categories
    assert clarify(session.index, dataclasses.replace(trace, certainty=Certainty())) is None


def test_only_the_first_candidates_count() -> None:
    posterior = nearest(Posterior(np.array([[0.4, 0.4, 0.2]]), np.array([[2, 0, 1]])), 2)
    assert posterior.probability.tolist() == [[0.5, 0.5]] and posterior.order.tolist() == [[2, 0]]


def test_the_posterior_names_rows_of_the_gallery(session: Session) -> None:
    """Its order is that of the ranking, by position in the index, so that labels can be looked up."""
    options = session.search(3, exclude="noise/0")
    trace = session.trace(session.picture("noise/0"), "is red", options)
    assert trace.certainty.posterior is not None
    order = trace.certainty.posterior.order[0]
    assert [session.index.ids[row] for row in order[:3]] == trace.ranking.ids[0] and len(order) == 11


def test_questions_and_answers_are_words() -> None:
    assert question_words("sleeve") == "Which sleeves?" and question_words("fabric_kind") == "Which fabric kind?"
    assert (
        answer_words("sleeve", "long") == "has long sleeves"
        and answer_words("sleeve", "sleeveless") == "has no sleeves"
    )
    assert answer_words("logo", "none") == "has nothing on the chest" and answer_words("brand", "Acme") == "brand Acme"
