from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from analysis.session import Session
from ui.report import report
from ui.state import QueryRequest, QueryResult, answer

REQUEST = QueryRequest(
    "tiny", "noise/0", None, "<script>alert(1)</script> & red", k=4, kind="glare", severity=3, ignored=(2,)
)


@pytest.fixture(scope="module")
def result(session: Session) -> QueryResult:
    return answer(session, REQUEST)


@pytest.fixture(scope="module")
def page(session: Session, result: QueryResult) -> str:
    return report(session, result)


class Outline(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_report_needs_nothing_else(page: str) -> None:
    outline = Outline()
    outline.feed(page)
    pictures = [attrs for tag, attrs in outline.tags if tag == "img"]
    assert len(pictures) == 2 + 4  # reference, with its fault, and the results
    assert all(str(p["src"]).startswith("data:image/webp;base64,") and p["alt"] for p in pictures)
    assert not [attrs for _, attrs in outline.tags if "href" in attrs]
    assert not {"script", "link", "iframe"} & {tag for tag, _ in outline.tags}
    assert "url(" not in page and "@import" not in page


def test_the_report_has_question_and_answer(page: str, session: Session, result: QueryResult) -> None:
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; red" in page
    for id in result.ids:
        assert page.count(id) >= 2
    for value in result.trace.means.values():
        assert f"{value:.5f}" in page
    assert session.weights in page and session.index.gallery_hash in page and "glare 3" in page
    assert "Ranked without sub-features 2." in page and "<details open>" in page


def test_the_report_says_how_to_cite(page: str) -> None:
    assert re.search(r"@inproceedings\{\w+,", page) and "2601.11393" in page
