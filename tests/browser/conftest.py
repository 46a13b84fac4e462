"""A page whose model has prepared studies, in a headless Chromium: the small model, so that it answers at once."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from analysis.session import Sessions
from tests.studied import experiments, gallery_only, pixels, sessions, shop, studied, studied_session
from ui.page import build, launch

__all__ = ["experiments", "gallery_only", "pixels", "sessions", "shop", "studied", "studied_session"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PLACE = """([id, point]) => {
  const plot = document.querySelector(`#${id} .js-plotly-plot`), box = plot.getBoundingClientRect();
  const {xaxis, yaxis} = plot._fullLayout;
  return [box.left + xaxis._offset + xaxis.d2p(point[0]), box.top + yaxis._offset + yaxis.d2p(point[1])];
}"""


@pytest.fixture(scope="session")
def studied_browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no browser: install one of {', '.join(BROWSERS)}")
    with sync_playwright() as play:
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
    page.set_default_timeout(60_000)
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


def click_point(page: Page, figure: str, point: list[object]) -> None:
    """A mouse click on data coordinates of a figure, once it is drawn."""
    page.locator(f"#{figure}").scroll_into_view_if_needed()
    page.wait_for_selector(f"#{figure} .js-plotly-plot[data-drawn]")
    x, y = page.evaluate(PLACE, [figure, point])
    page.mouse.move(x - 2, y)
    page.mouse.move(x, y)
    page.wait_for_timeout(200)  # plotly finds the point under the pointer a little later
    page.mouse.click(x, y)
