"""The Uncertainty tab in a headless Chromium."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from analysis.session import Session
from tests.browser.conftest import opened

pytestmark = pytest.mark.browser


def test_why_the_query_is_uncertain_takes_one_click(visit: Page, studied_url: str) -> None:
    opened(visit, studied_url, "Uncertainty")
    visit.wait_for_selector("#now .hug-say")
    for name in ("picture", "words", "fit", "overall"):
        assert name in visit.inner_text("#now .hug-say")
    card = visit.locator("#least-certain .hug-card").first
    number = card.get_attribute("data-id")
    card.click()  # and to the page of the component that stands out
    visit.wait_for_function(f"document.querySelector('#least h3')?.innerText.endsWith('component {number}')")
    expect(visit.get_by_role("tab", name="Sub-features")).to_have_attribute("aria-selected", "true")


def test_figures_are_drawn_when_they_come_near(visit: Page, studied_url: str) -> None:
    opened(visit, studied_url, "Uncertainty")
    visit.wait_for_selector("#samples .hug-card")
    assert visit.locator("#study-severity .js-plotly-plot[data-drawn]").count() == 0
    visit.locator("#study-severity").scroll_into_view_if_needed()
    visit.wait_for_selector("#study-severity .js-plotly-plot[data-drawn] .scatterlayer .trace")
    table = visit.locator("#study-severity details.hug-table")
    table.locator("summary").click()
    table.locator("tbody tr").first.wait_for()


def test_a_figure_and_its_table_are_files(visit: Page, studied_url: str, studied_session: Session) -> None:
    opened(visit, studied_url, "Uncertainty")
    visit.locator("#study-severity").scroll_into_view_if_needed()
    visit.wait_for_selector("#study-severity .js-plotly-plot[data-drawn]")
    for kind, start in (("SVG", b"<svg"), ("PNG", b"\x89PNG"), ("CSV", b"kind,")):
        with visit.expect_download() as download:
            visit.locator("#study-severity").get_by_label(f"Download {studied_session.name}-severity: {kind}").click()
        assert download.value.suggested_filename == f"{studied_session.name}-severity.{kind.lower()}"
        assert Path(download.value.path()).read_bytes().startswith(start)


def test_samples_of_words_ask_with_these_words(visit: Page, studied_url: str) -> None:
    visit.goto(f"{studied_url}?tab=uncertainty&side=words")
    visit.wait_for_selector("#samples .hug-card-words")
    card = visit.locator("#samples .hug-card").last
    words = card.locator(".hug-card-words").inner_text().strip("“”")
    card.click()
    visit.wait_for_function("words => document.querySelector('#sure')?.innerText.includes(words)", arg=words)
    expect(visit.locator("#words textarea")).to_have_value(words)


def test_every_tab_opens_and_asks_nobody_else(visit: Page, studied_url: str) -> None:
    opened(visit, studied_url, "Uncertainty")
    visit.wait_for_selector("#samples .hug-card")
    ready = {
        "Sub-features": "#least .hug-card", "Map": "#map .hug-say",
        "About": "#about-cards table",
    }  # fmt: skip
    for tab, what in ready.items():
        visit.get_by_role("tab", name=tab).first.click()
        visit.wait_for_selector(what)
    requests = visit.evaluate("performance.getEntriesByType('resource').map(r => r.name)")
    assert [r for r in requests if not r.startswith((studied_url, "data:", "blob:"))] == []


def test_dark_and_narrow_it_is_still_readable(visit: Page, studied_url: str) -> None:
    visit.set_viewport_size({"width": 375, "height": 800})
    visit.goto(f"{studied_url}?tab=uncertainty&__theme=dark")
    visit.wait_for_selector("#least-certain .hug-card")
    assert visit.evaluate("document.documentElement.scrollWidth") <= 375
    frames = [visit.locator(f"#{name}").bounding_box() for name in ("now", "least-certain")]
    assert all(frame and frame["width"] > 250 for frame in frames)  # one below the other
    visit.locator("#study-severity").scroll_into_view_if_needed()
    visit.wait_for_selector("#study-severity .js-plotly-plot[data-drawn]")
    fill = visit.evaluate("getComputedStyle(document.querySelector('#study-severity .xtick text')).fill")
    ink = sum(int(part) for part in fill.partition("(")[2].rstrip(")").split(",")[:3]) / 3
    paper = sum(Image.open(io.BytesIO(visit.screenshot())).convert("RGB").getpixel((3, 3))) / 3
    assert paper < 100 and ink - paper > 100  # of 255
