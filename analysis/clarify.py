"""The one question whose answer would tell most about which picture is meant, from the labels of the first results."""

from collections import Counter
from dataclasses import dataclass

from analysis.labels import answer_words
from hug.posterior import Posterior
from hug.retrieval.index import Index
from hug.retrieval.trace import QueryTrace

FIRST = 60  # candidates among which the question decides
LEAST_BITS = 0.5  # a question that tells less is not asked
LEAST_SHARE, MOST_VALUES = 0.02, 6  # of an answer to be offered, and how many are
DISTINCT = 16  # values of a label that can be asked: an id is none
NOT_ASKED = ("degradation", "severity")  # nobody means a fault


@dataclass(frozen=True)
class Question:
    """A label of the gallery and its likely values, likeliest first."""

    label: str
    values: tuple[str, ...]
    bits: float  # that a true answer tells, on average


def clarify(index: Index, trace: QueryTrace) -> Question | None:
    """The question that tells most of which of the first 60 candidates is meant, each weighed by its probability.

    None without a posterior or labels, or where no question tells at least half a bit. What the words answer already,
    and a category that is searched alone, is not asked again.
    """
    if trace.certainty.posterior is None:
        return None
    first = nearest(trace.certainty.posterior)
    questions = (question(index, first, label) for label in index.meta if label not in NOT_ASKED)
    open_ones = [each for each in questions if each is not None and not is_answered(each, trace.words)]
    best = max(open_ones, key=lambda each: each.bits, default=None)
    return best if best is not None and best.bits >= LEAST_BITS else None


def nearest(posterior: Posterior, count: int = FIRST) -> Posterior:
    """The posterior if the picture meant is among the first candidates."""
    probability = posterior.probability[:, :count]
    return Posterior(probability / probability.sum(1, keepdims=True), posterior.order[:, :count])


def question(index: Index, first: Posterior, label: str) -> Question | None:
    """What a label would tell of one query (Q = 1); None for a label with a single likely value or too many."""
    labels = index.meta[label]
    shares = Counter[str]()
    for share, row in zip(first.probability[0], first.order[0], strict=True):
        shares[labels[row]] += share
    likely = [value for value, share in shares.most_common(MOST_VALUES) if value and share >= LEAST_SHARE]
    if len(likely) < 2 or len(set(labels)) > DISTINCT:
        return None
    return Question(label, tuple(likely), float(first.information(labels)[0]))


def is_answered(each: Question, words: str) -> bool:
    """Whether the words hold one of the answers already."""
    return any(answer_words(each.label, value) in words for value in each.values)
