"""Test queries: questions whose answer is known, so that a visitor can check how sure the model says it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from markupsafe import Markup

from analysis import query as study
from analysis.session import QueryError, Session
from hug.calibration import WITHIN
from hug.retrieval.samples import SampleQuery
from ui.answer import CHOICES, of_questions
from ui.components import address
from ui.html import render, texts
from ui.state import QueryRequest, QueryResult

KINDS: dict[str, str] = texts("answer")["trials"]  # of test queries, for people; "" of any kind
WORST = ("3", "4", "5")  # severities that one sees


@dataclass(frozen=True)
class Outcome:
    """What became of a test query."""

    rank: int  # of the picture meant, from 1
    candidates: int
    chance: float | None  # None where none was told
    sizes: Mapping[float, int]  # level -> of the answer set; empty where nothing was promised

    @property
    def hit(self) -> bool:
        return self.rank <= WITHIN

    def inside(self, level: float) -> bool:
        """Whether the picture meant is in the set of that level."""
        return self.rank <= self.sizes.get(level, 0)


@dataclass(frozen=True)
class Trials:
    """The test queries of one visit: the one that is open, and what became of those before."""

    sample: SampleQuery | None = None
    kind: str = ""  # that was asked for
    request: QueryRequest | None = None  # as it was asked
    outcome: Outcome | None = None  # once the answer was shown
    outcomes: tuple[Outcome, ...] = field(default=())  # of queries of any kind, with a promise: what the level is about

    def is_of(self, request: QueryRequest) -> bool:
        """Whether that question is the open test query as it was asked, whatever number of results is looked at."""
        return self.request is not None and _same(self.request) == _same(request)

    def of(self, request: QueryRequest) -> Trials:
        """With its test query closed where another question is asked."""
        return self if self.is_of(request) else Trials(outcomes=self.outcomes)

    def start(self, sample: SampleQuery, kind: str, request: QueryRequest) -> Trials:
        """With a test query of a kind opened, and the question that asks it."""
        return Trials(sample, kind, request, None, self.outcomes)

    def reveal(self, session: Session, result: QueryResult) -> Trials:
        """With the outcome of the open query; shown twice it counts once. Raises QueryError when none is open."""
        if self.sample is None or not self.is_of(result.request):
            raise QueryError("This question is no test query any more: draw another.")
        if self.outcome is not None:
            return self
        outcome = measured(session, result, self.sample.target)
        counts = not self.kind and outcome.sizes
        return replace(self, outcome=outcome, outcomes=(*self.outcomes, *([outcome] if counts else [])))

    @property
    def target(self) -> str | None:
        """The picture meant, once it was shown."""
        return self.sample.target if self.sample and self.outcome else None

    def html(self, session: Session, level: float) -> Markup:
        """What the page says of the open query, and the score so far; empty when there is neither."""
        sample, own, score = self.sample, self.outcome, self.outcomes
        return render(
            "trial", sample=sample, kind=KINDS[self.kind], counted=not self.kind, outcome=own, level=level,
            within=WITHIN, of_questions=of_questions(level), score=len(score),
            inside=sum(each.inside(level) for each in score), hits=sum(each.hit for each in score),
            expected=sum(each.chance or 0 for each in score),
            picture=address(session.thumbnail(sample.target)) if sample and own else "",
            labels=session.describe(sample.target) if sample and own else "",
        )  # fmt: skip


def _same(request: QueryRequest) -> QueryRequest:
    """A question without what changes no rank and what the page keeps beside it."""
    words = " ".join(request.words.split())
    return replace(request, words=words, picture=None, k=1, dynamic=True, kind=QueryRequest.kind)


def measured(session: Session, result: QueryResult, target: str) -> Outcome:
    """Where the picture meant was ranked, and what had been promised."""
    rank, candidates = study.rank_of(session.index, result.trace, target)
    certainty = result.trace.certainty
    sets = {level: certainty.answer_set_at(level, session.calibration) for level in CHOICES}
    return Outcome(rank, candidates, certainty.chance, {level: each.size for level, each in sets.items() if each})


def of_kind(session: Session, kind: str) -> Sequence[SampleQuery]:
    """The questions of a kind: any, a blurry picture, vague words, words that don't fit. Raises QueryError for none."""
    samples = session.source.samples if session.source else ()
    if kind == "blur":
        own = [each for each in samples if _is_blurred(session.labels(each.reference))]
    else:
        own = [each for each in samples if kind in ("", each.kind)]
    if not own or kind not in KINDS:
        raise QueryError("This gallery has no such test query.")
    return own


def _is_blurred(labels: Mapping[str, str]) -> bool:
    return labels.get("degradation") == "blur" and labels.get("severity") in WORST
