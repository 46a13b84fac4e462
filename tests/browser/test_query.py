"""The Query tab in a headless Chromium: the app as `python app.py` serves it, a real photograph, free words."""

from __future__ import annotations

import csv
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from analysis.session import BUNDLED_CHECKPOINT
from tests.browser.conftest import AGAIN, PATIENCE
from ui.answer import TEXTS, VERDICTS
from ui.tabs.query_form import EXAMPLES

ROOT = Path(__file__).parents[2]
LINK = "?tab=query&reference=dress-test-00003&words=is+red"
RESULTS = "#results .hug-result"
PANELS = {
    "why": "Why this rank", "word-effects": "Each phrase", "what-if": "A worse picture", "beside": "Another model",
    "ranked": "How it is ranked", "report": "Take it along",
}  # fmt: skip
pytestmark = pytest.mark.browser


def lacking(what: str) -> None:
    """In CI this test must run; elsewhere it is skipped with one line."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(what)


@pytest.fixture(scope="module")
def photo(request: pytest.FixtureRequest) -> Path:
    try:
        folder: Path = request.getfixturevalue("test_data")
    except pytest.skip.Exception as reason:
        lacking(str(reason))
    return sorted((folder / "clothing_photos" / "dress").glob("*.jpg"))[0]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The bundled models and gallery at a port given by the environment.

    HUG_TEST_FLAGS may hold more flags for app.py, such as --checkpoint of a model that isn't bundled.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {**os.environ, "GRADIO_SERVER_PORT": str(port), "GRADIO_SERVER_NAME": "127.0.0.1"}
    process = subprocess.Popen(
        [sys.executable, "app.py", *os.environ.get("HUG_TEST_FLAGS", "").split()],
        cwd=ROOT, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}/"
    try:
        _wait(process, address)
        yield address
    finally:
        process.terminate()
        process.communicate(timeout=120)


def _wait(process: subprocess.Popen[str], address: str) -> None:
    for _ in range(600):
        if process.poll() is not None:
            pytest.fail(f"app.py ended: {process.communicate()[0]}")
        try:
            urllib.request.urlopen(address, timeout=30).close()
            return
        except OSError:
            time.sleep(0.5)
    pytest.fail("app.py did not answer within five minutes")


@pytest.fixture(scope="module")
def page(studied_browser: Browser, url: str) -> Iterator[Page]:
    page = studied_browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE)
    yield page
    page.close()


@pytest.fixture
def asked(page: Page, url: str) -> Page:
    """A fresh page with one question from a link."""
    page.goto(url + LINK)
    wait_for(page, "#sure", "“is red”")
    return page


def wait_for(page: Page, place: str, text: str) -> None:
    """Until that text stands there."""
    page.wait_for_function(
        "([place, text]) => document.querySelector(place)?.innerText.includes(text)", arg=[place, text]
    )


def opened(page: Page, panel: str) -> None:
    page.locator("#panel-bar").get_by_role("tab", name=PANELS[panel]).first.click()


def figure(page: Page, id: str) -> None:
    """Until a figure is drawn, which happens when it comes near."""
    page.locator(f"#{id}").scroll_into_view_if_needed()
    page.wait_for_selector(f"#{id} .js-plotly-plot")


def captions(page: Page) -> list[str]:
    return page.locator(f"{RESULTS} .hug-picture").evaluate_all("buttons => buttons.map(b => b.title)")


def ids(page: Page) -> list[str]:
    return page.locator(RESULTS).evaluate_all("cards => cards.map(c => c.dataset.id)")


def press(page: Page, result: int, action: str) -> None:
    """One of the actions on a result's card, from 0."""
    page.locator(RESULTS).nth(result).get_by_text(action, exact=True).click()


def results_change(page: Page, before: list[str]) -> None:
    """Until other results, or the same in another order, are shown."""
    page.wait_for_function(
        "before => JSON.stringify([...document.querySelectorAll('#results .hug-result')].map(c => c.dataset.id))"
        " !== JSON.stringify(before)",
        arg=before,
    )


def test_it_opens_answered_and_asks_nobody_else(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_selector(RESULTS)
    assert EXAMPLES[0] in page.inner_text("#sure")
    assert page.locator(RESULTS).count() == 20
    assert page.locator("#sure svg[role=img] rect").count() > 40
    figure(page, "weights")
    page.wait_for_selector("#weights .js-plotly-plot .hm")
    assert page.locator("#variances .bars").count() == 4
    requests = page.evaluate("performance.getEntriesByType('resource').map(r => r.name)")
    assert [r for r in requests if not r.startswith((url, "data:", "blob:"))] == []


def test_a_bar_opens_its_sub_feature(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_selector(RESULTS)
    figure(page, "variances")  # drawn when it comes near
    bars = page.locator("#variances .bars").first.locator(".point")
    assert bars.count() > 4
    bars.nth(4).click(force=True)
    page.wait_for_selector("button[role=tab][aria-selected=true]:has-text('Sub-features')")
    page.wait_for_function("document.querySelector('#component input').value.startsWith('5')")
    page.get_by_role("tab", name="Query", exact=True).click()


def test_a_real_photograph_with_free_words_is_answered(page: Page, photo: Path) -> None:
    words = "the same <b>dress</b> but shorter & green"
    page.fill("#words textarea", words)
    with page.expect_file_chooser() as chooser:
        page.click("#reference button[aria-label='Remove Image']")
        page.locator("#reference button[aria-dropeffect]").click()
    chooser.value.set_files(str(photo))
    wait_for(page, "#sure", words)
    after = page.inner_text("#sure")
    for name in ("picture", "words", "fit", TEXTS["uploaded"]):
        assert name in after
    assert page.locator("#sure b").count() == 0 and page.locator("#history b").count() == 0  # what was typed is text
    assert all("distance" in caption for caption in captions(page)) and len(captions(page)) == 20
    assert page.inner_text("#link").strip() == "A question with an uploaded picture can't be shared by a link."


def test_every_panel_works_with_the_photograph(page: Page) -> None:
    opened(page, "why")
    wait_for(page, "#why-said", f"{ids(page)[0]} is nearer than {ids(page)[1]}")
    assert page.locator("#why-pictures img").count() == 3
    opened(page, "word-effects")
    page.click("#words-run")
    wait_for(page, "#words-said", "“")
    figure(page, "words-figure")
    assert page.locator("#words-figure b").count() == 0
    opened(page, "what-if")
    page.click("#severities-run")
    wait_for(page, "#severities-figure", "From severity 0 to 5")
    figure(page, "severities-figure")


def test_a_picture_that_is_none_gets_a_sentence_and_changes_nothing(page: Page, tmp_path: Path) -> None:
    before = page.inner_text("#sure")
    (tmp_path / "text.jpg").write_text("hello")
    page.set_input_files("#reference input[type=file]", str(tmp_path / "text.jpg"))
    page.wait_for_selector(".toast-body")
    assert "text.jpg is not a JPEG, PNG or WebP picture" in page.inner_text(".toast-body")
    assert page.inner_text("#sure") == before


def test_without_a_picture_the_page_says_what_to_do(asked: Page) -> None:
    asked.click("#reference button[aria-label='Remove Image']")
    asked.click("#search")
    wait_for(asked, ".toast-body", "There is no reference picture")


def test_a_gallery_picture_becomes_the_reference(asked: Page) -> None:
    asked.fill("#words textarea", "")
    asked.locator("#picker button.thumbnail-item").nth(2).click()
    wait_for(asked, "#sure", "no words, which is as vague as it gets")
    shown = asked.get_attribute("#reference img", "src") or ""
    assert shown == asked.get_attribute("#picker button.thumbnail-item >> nth=2 >> img", "src")
    assert VERDICTS["t"] in asked.inner_text("#sure")


def test_the_filter_and_surprise_choose_from_a_category(asked: Page) -> None:
    asked.get_by_label("shirt", exact=True).first.check()
    asked.wait_for_function("document.querySelector('#picker img').alt.startsWith('shirt')")
    asked.click("#surprise")
    asked.wait_for_selector("#history button[title^='shirt-test-']")


def test_a_result_becomes_the_next_reference_and_back_again(asked: Page) -> None:
    first = ids(asked)
    press(asked, 1, "use")
    wait_for(asked, "#results", "▲")
    assert any(re.match(r"\d+\. (▲|▼|=|new)", caption) for caption in captions(asked))
    assert first[1] not in ids(asked)  # it is the reference
    assert asked.locator("#history li").last.get_attribute("aria-current") == "step"
    second = ids(asked)
    asked.click("#back")
    results_change(asked, second)
    assert ids(asked) == first
    expect(asked.locator("#back")).to_be_enabled()
    asked.locator("#history button").nth(-1).click()
    results_change(asked, first)
    expect(asked.locator("#words textarea")).to_have_value("is red")


def test_verdict_and_results_are_in_sight_and_the_level_of_the_set_moves(asked: Page) -> None:
    asked.set_viewport_size({"width": 1440, "height": 900})
    bottoms = [asked.locator(place).first.bounding_box() for place in ("#sure .hug-set", RESULTS)]
    assert all(box and box["y"] + box["height"] < 900 for box in bottoms)
    inside = asked.locator(f"{RESULTS}.hug-inside").count()
    asked.locator(".hug-levels button").last.click()
    wait_for(asked, "#sure", "19 of 20")
    assert asked.locator(f"{RESULTS}.hug-inside").count() >= inside
    wait_for(asked, "#results .hug-line", "95 % set")
    assert len(ids(asked)) == 20


def test_a_test_query_tells_what_was_meant_after_one_looked(page: Page, url: str) -> None:
    page.goto(url)
    page.wait_for_selector(RESULTS)
    page.click("#draw-any")
    wait_for(page, "#trial", "one picture of the gallery was meant")
    assert page.locator(f"{RESULTS}.hug-target").count() == 0
    page.get_by_role("button", name="Show the answer").click()
    wait_for(page, "#trial", "This was meant")
    assert re.search(r"It is number \d+ of \d+: a (hit|miss)", page.inner_text("#trial"))
    page.click("#draw-vague")
    wait_for(page, "#trial", "vague words")


def test_a_new_picture_waits_for_its_words(asked: Page, photo: Path) -> None:
    asked.set_input_files("#reference input[type=file]", str(photo))
    wait_for(asked, "#notice", "then search")
    assert asked.input_value("#words textarea") == "" and "“is red”" in asked.inner_text("#sure")
    asked.fill("#words textarea", "is blue")
    asked.click("#search")
    wait_for(asked, "#sure", "“is blue”")
    assert asked.locator("#notice p").count() == 0


def test_a_worse_picture_is_doubted_more(asked: Page) -> None:
    before = float(asked.text_content("#sure tr.hug-r td >> nth=0") or 0)
    opened(asked, "what-if")
    number = asked.locator("#severity input[type=number]")
    said = re.compile("Asked with a worse picture: blur, severity 5 of 5.")
    for _ in range(PATIENCE // AGAIN):  # the panel has just been opened: its field may still be replaced by a new one
        number.fill("5")
        number.press("Tab")  # what is typed counts when the field is left
        with suppress(AssertionError):
            expect(asked.locator("#sure")).to_have_text(said, timeout=AGAIN)
            break
    expect(asked.locator("#sure")).to_have_text(said)
    asked.wait_for_selector("#seen img")
    assert float(asked.text_content("#sure tr.hug-r td >> nth=0") or 0) > 1.5 * before
    assert "blur 5" in asked.inner_text("#history")


def test_ranking_can_leave_out_variance_and_sub_features_and_merge_alike(asked: Page) -> None:
    first = ids(asked)
    opened(asked, "ranked")
    asked.get_by_label("static, 1/3 each").check()
    wait_for(asked, "#sure", "merged with 1/3 each")
    assert ids(asked) == first  # the query's variance moves no rank
    asked.get_by_label("The candidates' variance counts").uncheck()
    wait_for(asked, "#sure", "Ranked without the candidates' variance.")
    asked.click("#ignored input")
    asked.locator("[role=option]").first.click()
    wait_for(asked, "#sure", "Ranked without sub-features 1.")
    assert "static=1" in str(asked.get_attribute("#link a", "href"))


def test_a_clicked_result_is_explained_and_a_clicked_row_ignored(asked: Page) -> None:
    opened(asked, "ranked")
    press(asked, 6, "why?")
    wait_for(asked, "#why-said", ids(asked)[6])
    figure(asked, "why-figure")
    asked.click("#why-table [data-testid='cell-3-0']")
    wait_for(asked, "#sure", "Ranked without sub-features 3.")


def test_a_word_is_dropped_by_a_click(page: Page, url: str) -> None:
    page.goto(url + "?tab=query&reference=dress-test-00003&words=is+longer+and+red")
    wait_for(page, "#sure", "longer and red")
    opened(page, "word-effects")
    page.click("#words-run")
    page.click("#words-table [data-testid='cell-1-1']")  # and red
    wait_for(page, "#sure", "“is longer”")
    page.wait_for_selector("#words-table", state="detached")  # it belonged to the question before


def test_tables_and_figures_can_be_taken_away(asked: Page, tmp_path: Path) -> None:
    figure(asked, "variances")
    starts = {"svg": b"<svg", "png": b"\x89PNG"}
    for kind, start in starts.items():
        with asked.expect_download() as download:
            asked.click(f"button[data-figure=variances][data-format={kind}]")
        assert download.value.suggested_filename == f"hug-variances.{kind}"
        assert Path(download.value.path()).read_bytes().startswith(start)
    with asked.expect_download() as download:
        asked.click("a[download='hug-variances.csv']")
    rows = list(csv.reader(Path(download.value.path()).read_text().splitlines()))
    assert rows[0] == ["component", "picture", "words", "fit", "overall"] and rows[1][0] == "1"


def test_a_report_stands_alone(asked: Page, studied_browser: Browser, tmp_path: Path) -> None:
    opened(asked, "report")
    with asked.expect_download() as download:
        asked.click("#report-run")
    download.value.save_as(tmp_path / "report.html")
    alone = studied_browser.new_page()
    requests: list[str] = []
    alone.on("request", lambda request: requests.append(request.url))
    alone.goto((tmp_path / "report.html").as_uri())
    assert "“is red”" in alone.inner_text(".hug-sure") and alone.locator("img").count() == 21
    assert alone.evaluate("[...document.images].every(i => i.naturalWidth > 0)")
    assert [r for r in requests if not r.startswith(("file:", "data:"))] == []
    alone.close()


def test_a_link_reopens_the_question_and_a_wrong_one_is_told(page: Page, url: str) -> None:
    page.goto(url + LINK + "&degrade=darkness&severity=4&k=7&category=dress&ignore=2,3")
    wait_for(page, "#sure", "Ranked without sub-features 2, 3.")
    assert page.locator(RESULTS).count() == 7 and page.input_value("#words textarea") == "is red"
    again = str(page.get_attribute("#link a", "href"))
    first = ids(page)
    page.goto(url + again)
    wait_for(page, "#sure", "Ranked without sub-features 2, 3.")
    assert ids(page) == first
    page.goto(url + "?tab=query&reference=nobody")
    wait_for(page, ".toast-body", "There is no picture 'nobody'")
    assert EXAMPLES[0] in page.inner_text("#sure")


def test_a_tab_that_a_link_opened_follows_the_model(page: Page, url: str) -> None:
    page.goto(f"{url}?tab=uncertainty")
    wait_for(page, "#uncertainty-about", "weights")
    page.click("#model-pick input")
    page.locator("[role=option]").first.wait_for()
    if page.locator("[role=option]").count() < 2:
        lacking("only one model is bundled: make release makes both")
    page.locator("[role=option]").nth(1).click()
    page.wait_for_selector("#uncertainty-about a[href*='model=garments-paper']")
    assert "garments-paper" not in page.inner_text("#now")  # it was asked of the model that is shown


def test_a_link_to_another_model_asks_it_and_names_it(page: Page, url: str) -> None:
    if not (BUNDLED_CHECKPOINT.parent / "garments-paper").exists():
        lacking("only one model is bundled: make release makes both")
    page.goto(f"{url}?tab=uncertainty&model=garments-paper")
    wait_for(page, "#model", "model garments-paper · objective paper")
    wait_for(page, "#now", "At chance or worse on the test split")
    page.get_by_role("tab", name="Query").click()
    wait_for(page, "#sure", TEXTS["untrusted"])


def test_another_model_answers_beside_and_instead(asked: Page, photo: Path) -> None:
    opened(asked, "beside")
    if "There is no other model here" in asked.inner_text("#beside"):
        lacking("only one model is bundled: make release makes both")
    before = asked.inner_text("#model")
    asked.click("#beside-run")
    wait_for(asked, "#beside-said", "are shared")
    assert asked.locator("#beside-results button.thumbnail-item").count() == 20
    assert "“is red”" in asked.inner_text("#beside-sure")
    asked.click("#model-pick input")
    asked.locator("[role=option]").nth(1).click()
    wait_for(asked, "#model", "paper")
    wait_for(asked, "#history", "(garments-paper)")
    assert asked.inner_text("#model") != before
    assert asked.locator("#beside-results button.thumbnail-item").count() == 0  # it belonged to the other answer
    asked.fill("#words textarea", "is blue")
    asked.set_input_files("#reference input[type=file]", str(photo))
    wait_for(asked, "#sure", TEXTS["uploaded"])
    opened(asked, "why")
    wait_for(asked, "#why-said", f"{ids(asked)[0]} is nearer than {ids(asked)[1]}")
    opened(asked, "word-effects")
    asked.click("#words-run")
    wait_for(asked, "#words-said", "“")
    opened(asked, "what-if")
    asked.click("#severities-run")
    wait_for(asked, "#severities-figure", "From severity 0 to 5")
    opened(asked, "ranked")
    first = ids(asked)
    asked.get_by_label("The candidates' variance counts").uncheck()
    wait_for(asked, "#sure", "Ranked without the candidates' variance.")
    assert set(first) & set(ids(asked))


def test_a_keyboard_reaches_results_and_settings(asked: Page) -> None:
    asked.locator(f"{RESULTS} .hug-picture").nth(3).focus()
    asked.keyboard.press("Enter")
    asked.wait_for_selector("dialog.hug-large img")
    asked.keyboard.press("Escape")
    asked.wait_for_selector("dialog.hug-large", state="detached")
    asked.locator("#panel-bar").get_by_role("tab", name=PANELS["what-if"]).first.focus()
    asked.keyboard.press("Enter")
    asked.locator("#severity input[type=range]").focus()
    asked.keyboard.press("ArrowRight")
    wait_for(asked, "#sure", "Asked with a worse picture: blur, severity 1 of 5.")
    names = asked.evaluate(
        "[...document.querySelectorAll('button, input:not([type=hidden]), textarea, a[href]')]"
        ".filter(e => e.offsetParent && !(e.innerText || e.ariaLabel || e.title || e.placeholder"
        " || e.labels?.length || e.querySelector('img[alt]:not([alt=\"\"])') || e.getAttribute('aria-labelledby')))"
        ".map(e => e.outerHTML.slice(0, 120))"
    )
    assert names == []
    assert asked.evaluate("[...document.images].filter(i => i.offsetParent && !i.alt).length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_sideways_scrolling(studied_browser: Browser, url: str, scheme: str) -> None:
    phone = studied_browser.new_page(viewport={"width": 375, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    phone.set_default_timeout(PATIENCE)
    phone.goto(url)
    phone.wait_for_selector(RESULTS)
    figure(phone, "why-figure")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 375
    places = ("#question", "#sure", RESULTS, "#pick", "#core", "#panels")
    tops = [phone.locator(place).first.evaluate("e => e.getBoundingClientRect().y + scrollY") for place in places]
    assert tops == sorted(tops) and tops[2] < 1600  # the first result is in the second screen at the latest
    phone.close()
