"""A page whose model has prepared studies, in a headless Chromium: the small model, so that it answers at once."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as TooSlow

from analysis.session import Sessions
from tests.studied import experiments, gallery_only, pixels, sessions, shop, studied, studied_session
from ui.page import build, launch

__all__ = ["experiments", "gallery_only", "pixels", "sessions", "shop", "studied", "studied_session"]
PATIENCE = 180_000  # ms that a page may take on a machine that does other work as well
AGAIN = 5_000  # ms after which a hand tries again
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PLACE = """([id, point]) => {
  const plot = document.querySelector(`#${id} .js-plotly-plot`), box = plot.getBoundingClientRect();
  const {xaxis, yaxis} = plot._fullLayout;
  return [box.left + xaxis._offset + xaxis.d2p(point[0]), box.top + yaxis._offset + yaxis.d2p(point[1])];
}"""
FOUND = """([id, point]) => {
  const found = document.querySelector(`#${id} .js-plotly-plot`)._hoverdata?.[0];
  const same = (a, b) => a == b || Math.abs(a - b) < 1e-4 * (1 + Math.abs(b));  // figures hold single precision
  return found && same(found.x, point[0]) && same(found.y, point[1]);
}"""


@pytest.fixture(scope="session")
def studied_browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no browser: install one of {', '.join(BROWSERS)}")
    with sync_playwright() as play:
        expect.set_options(timeout=PATIENCE)
        browser = play.chromium.launch(executable_path=str(found), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def studied_url(sessions: Sessions) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    page = build(sessions)
    launch(page, "127.0.0.1", port, prevent_thread_lock=True, quiet=True)
    yield f"http://127.0.0.1:{port}/"
    page.close(verbose=False)


@pytest.fixture
def visit(studied_browser: Browser) -> Iterator[Page]:
    """A page with the width of a desk that fails the test on an uncaught error of ours."""
    page = studied_browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    page.close()
    assert [e for e in errors if "Method not implemented" not in e] == []


def opened(page: Page, url: str, tab: str) -> None:
    """The page with one of the tabs opened by a click."""
    page.goto(url)
    page.wait_for_selector("#sure .hug-verdict")
    page.get_by_role("tab", name=tab).first.click()


def says(page: Page, place: str, text: str) -> None:
    """Until that text stands in the first such place."""
    page.wait_for_function(
        "([place, text]) => document.querySelector(place)?.innerText.includes(text)", arg=[place, text]
    )


def click_point(page: Page, figure: str, point: list[object]) -> None:
    """A mouse click on data coordinates of a figure, once it is drawn and has found the point under the pointer."""
    page.locator(f"#{figure}").scroll_into_view_if_needed()
    page.wait_for_selector(f"#{figure} .js-plotly-plot[data-drawn]")
    for _ in range(PATIENCE // AGAIN):  # the figure may move while what is above it comes
        x, y = page.evaluate(PLACE, [figure, point])
        page.mouse.move(x - 2, y)
        page.mouse.move(x, y)
        try:
            page.wait_for_function(FOUND, arg=[figure, point], timeout=AGAIN)
            break
        except TooSlow:
            continue
    page.mouse.click(x, y)


def offered(page: Page, field: str, name: str) -> Locator:
    """An option of a choice, opened again until it is there: a page that has just come may still replace the field."""
    option = page.get_by_role("option", name=name).first
    for _ in range(PATIENCE // AGAIN):
        page.click(f"#{field} input")
        try:
            option.wait_for(timeout=AGAIN)
            break
        except TooSlow:
            page.keyboard.press("Escape")
    expect(option).to_be_visible()
    return option
