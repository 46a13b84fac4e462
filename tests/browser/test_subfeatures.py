"""The Sub-features tab in a headless Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from analysis import component as study
from analysis.session import Session
from tests.browser.conftest import click_point, opened, says
from ui.tabs.subfeatures import TITLES

pytestmark = pytest.mark.browser


def test_which_sub_feature_tracks_the_sleeves_of_shirts_in_three_clicks(
    visit: Page, studied_url: str, studied_session: Session
) -> None:
    opened(visit, studied_url, "Sub-features")  # the first
    visit.get_by_role("radio", name="sleeve length").click()  # the second
    table = studied_session.prepared.table("tracking")  # type: ignore[union-attr]
    part = study.trackers(table, "sleeve")
    says(visit, "#tracked .hug-question", study.say_trackers(part, "sleeve"))
    visit.locator("#shown-category").get_by_role("radio", name="shirt").click()  # the third
    visit.wait_for_function("[...document.querySelectorAll('#least img')].every(i => i.alt.includes('shirt'))")
    assert visit.locator("#least .hug-card").count() > 0
    says(visit, "#tracked .hug-card", f"component {part.component[0]}")


def test_a_link_opens_its_view_and_a_wrong_one_says_so(visit: Page, studied_url: str) -> None:
    visit.goto(f"{studied_url}?tab=sub-features&category=shirt&component=5&attribute=logo")
    visit.wait_for_function("document.querySelector('#least h3')?.innerText.includes('component 5')")
    visit.wait_for_selector("#tracked .hug-card")
    expect(visit.locator("#shown-category input:checked")).to_have_value("shirt")
    visit.wait_for_selector("#subfeatures-link a[href*='component=5']")
    address = visit.get_attribute("#subfeatures-link a", "href") or ""
    assert {"tab=sub-features", "category=shirt", "component=5", "attribute=logo"} == set(address[1:].split("&"))
    visit.goto(f"{studied_url}?tab=sub-features&component=99&category=hat")
    says(visit, "#subfeatures-notice", "99")
    says(visit, "#subfeatures-notice", "hat")
    visit.wait_for_function("document.querySelector('#least h3')?.innerText.includes('component 1')")


def test_a_cell_a_card_and_a_button_lead_to_a_component(visit: Page, studied_url: str) -> None:
    opened(visit, studied_url, "Sub-features")
    visit.wait_for_selector("#matrix .hug-say")
    click_point(visit, "matrix", [7, "neckline"])
    visit.wait_for_function("document.querySelector('#least h3').innerText.includes('component 7')")
    expect(visit.locator("#attribute input:checked")).to_have_value("neckline")
    visit.get_by_role("button", name="next ▸").click()
    visit.wait_for_function("document.querySelector('#least h3').innerText.includes('component 8')")
    first = visit.locator("#similar .hug-card").first
    number = first.get_attribute("data-id")
    first.focus()
    visit.keyboard.press("Enter")
    visit.wait_for_function(f"document.querySelector('#least h3').innerText.endsWith('component {number}')")


def test_a_sample_asks_a_query_with_it(visit: Page, studied_url: str) -> None:
    opened(visit, studied_url, "Sub-features")
    card = visit.locator("#most .hug-card").first
    id = card.get_attribute("data-id") or ""
    card.click()
    visit.wait_for_function("id => document.querySelector(`#history button[title='${id}']`)", arg=id)
    expect(visit.get_by_role("tab", name="Query")).to_have_attribute("aria-selected", "true")


def test_a_phone_needs_no_sideways_scrolling_and_everything_has_a_name(visit: Page, studied_url: str) -> None:
    visit.set_viewport_size({"width": 375, "height": 800})
    visit.goto(f"{studied_url}?tab=sub-features&attribute=sleeve")
    visit.wait_for_selector("#tracked .hug-card")
    assert visit.evaluate("document.documentElement.scrollWidth") <= 375
    assert visit.locator("#least img:not([alt]), #least img[alt='']").count() == 0
    visit.locator("#matrix").scroll_into_view_if_needed()
    visit.wait_for_selector("#matrix .js-plotly-plot[data-drawn]")
    assert (visit.get_attribute("#matrix .hug-plot", "aria-label") or "").startswith(TITLES["matrix"])
    assert visit.evaluate("document.documentElement.scrollWidth") <= 375  # the matrix scrolls in itself
    visit.locator("#histogram").scroll_into_view_if_needed()
    visit.wait_for_selector("#histogram .xtitle tspan")  # a long title has lines, none is cut
    left, right, end = visit.evaluate("""() => {
      const [title, plot] = [".xtitle", ".hug-plot"].map((part) =>
        document.querySelector("#histogram " + part).getBoundingClientRect());
      return [title.left - plot.left, title.right, plot.right];
    }""")
    assert left >= 0 and right <= end
