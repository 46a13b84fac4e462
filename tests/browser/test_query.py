"""The Query tab in a headless Chromium: the app as `python app.py` serves it, a real photograph, free words."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from ui import wording

ROOT = Path(__file__).parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
pytestmark = pytest.mark.browser


def lacking(what: str) -> None:
    """In CI this test must run; elsewhere it is skipped with one line."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(what)


@pytest.fixture(scope="module")
def chromium() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        lacking(f"no browser: install one of {', '.join(BROWSERS)}")
    return str(found)


@pytest.fixture(scope="module")
def photo(request: pytest.FixtureRequest) -> Path:
    try:
        folder: Path = request.getfixturevalue("test_data")
    except pytest.skip.Exception as reason:
        lacking(str(reason))
    return sorted((folder / "clothing_photos" / "dress").glob("*.jpg"))[0]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The bundled model and gallery at a port given by the environment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {**os.environ, "GRADIO_SERVER_PORT": str(port), "GRADIO_SERVER_NAME": "127.0.0.1"}
    process = subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    address = f"http://127.0.0.1:{port}/"
    try:
        _wait(process, address)
        yield address
    finally:
        process.terminate()
        process.communicate(timeout=30)


def _wait(process: subprocess.Popen[str], address: str) -> None:
    for _ in range(240):
        if process.poll() is not None:
            pytest.fail(f"app.py ended: {process.communicate()[0]}")
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return
        except OSError:
            time.sleep(0.5)
    pytest.fail("app.py did not answer within two minutes")


@pytest.fixture(scope="module")
def page(chromium: str, url: str) -> Iterator[Page]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(30_000)
        page.goto(url)
        page.wait_for_selector("#variances .js-plotly-plot")
        yield page
        browser.close()


def test_it_opens_answered_and_asks_nobody_else(page: Page, url: str) -> None:
    assert wording.EXAMPLE_WORDS[0] in page.inner_text("#sure")
    assert page.locator("#results button.thumbnail-item").count() == 20
    requests = page.evaluate("performance.getEntriesByType('resource').map(r => r.name)")
    assert [r for r in requests if not r.startswith((url, "data:", "blob:"))] == []


def test_a_real_photograph_with_free_words_is_answered(page: Page, photo: Path) -> None:
    before = page.inner_text("#sure")
    words = "the same <b>dress</b> but shorter & green"
    page.fill("#words textarea", words)
    with page.expect_file_chooser() as chooser:
        page.click("#reference button[aria-label='Remove Image']")
        page.locator("#reference button[aria-dropeffect]").click()
    chooser.value.set_files(str(photo))
    page.wait_for_function("words => document.querySelector('#sure').innerText.includes(words)", arg=words)
    after = page.inner_text("#sure")
    assert after != before
    for name in ("picture", "words", "fit", "overall"):
        assert name in after
    assert page.locator("#sure .hug-bar").count() == 4
    assert page.locator("#sure b").count() == 0  # what was typed is text
    assert page.locator("#results button.thumbnail-item img[alt*='distance']").count() == 20
    assert (
        page.locator("#variances .bars .point").count()
        == 4 * page.locator("#variances .bars").first.locator(".point").count()
    )
    assert page.locator("#weights .hm").count() == 1


def test_a_picture_that_is_none_gets_a_sentence_and_changes_nothing(page: Page, tmp_path: Path) -> None:
    before = page.inner_text("#sure")
    (tmp_path / "text.jpg").write_text("hello")
    page.set_input_files("#reference input[type=file]", str(tmp_path / "text.jpg"))
    page.wait_for_selector(".toast-body")
    assert "text.jpg is not a JPEG, PNG or WebP picture" in page.inner_text(".toast-body")
    assert page.inner_text("#sure") == before


def test_a_gallery_picture_becomes_the_reference(page: Page) -> None:
    page.fill("#words textarea", "")
    page.locator("#picker button.thumbnail-item").nth(2).click()
    page.wait_for_function("words => document.querySelector('#sure').innerText.includes(words)", arg=wording.NO_WORDS)
    shown = page.get_attribute("#reference img", "src") or ""
    assert shown == page.get_attribute("#picker button.thumbnail-item >> nth=2 >> img", "src")


def test_a_phone_needs_no_sideways_scrolling(page: Page) -> None:
    page.set_viewport_size({"width": 375, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
