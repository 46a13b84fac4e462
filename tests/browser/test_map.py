"""The Map tab in a headless Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from analysis.session import Session
from tests.browser.conftest import click_point, opened, says

pytestmark = pytest.mark.browser


def chosen(page: Page, label: str, value: str) -> None:
    page.get_by_label(label).first.click()
    page.get_by_role("option", name=value, exact=True).click()


@pytest.mark.parametrize(("category", "colouring"), [("", ""), ("shirt", "sleeve")])
def test_a_clicked_point_is_the_right_picture_and_becomes_the_reference(
    visit: Page, studied_url: str, studied_session: Session, category: str, colouring: str
) -> None:
    visit.goto(f"{studied_url}?tab=map&category={category}&colour={colouring}")
    visit.wait_for_selector("#map .js-plotly-plot[data-drawn]")
    table = studied_session.prepared.table("map")  # type: ignore[union-attr]
    where = table[(table.component == 0) & table.id.isin(studied_session.ids(category))].set_index("id")
    alone = max(where.index, key=lambda id: _room(where, id))  # so that no other point lies under the pointer
    click_point(visit, "map", [float(where.x[alone]), float(where.y[alone])])
    visit.wait_for_function("id => document.querySelector('#neighbours h3')?.innerText.includes(id)", arg=alone)
    visit.wait_for_function(
        """id => document.querySelector('#map .js-plotly-plot').data
             .some(t => t.name === 'reference' && [...t.customdata].includes(id))""",
        arg=alone,
    )
    visit.click("#map-use")
    visit.wait_for_function("id => document.querySelector(`#history button[title='${id}']`)", arg=alone)


def _room(where, id: str) -> float:  # type: ignore[no-untyped-def]
    gaps = ((where.x - where.x[id]) ** 2 + (where.y - where.y[id]) ** 2).drop(id)
    return float(gaps.min())


def test_the_picture_shows_under_the_pointer(visit: Page, studied_url: str, studied_session: Session) -> None:
    visit.goto(f"{studied_url}?tab=map")
    visit.wait_for_selector("#map .js-plotly-plot[data-drawn]")
    table = studied_session.prepared.table("map")  # type: ignore[union-attr]
    where = table[table.component == 0].set_index("id")
    alone = max(where.index, key=lambda id: _room(where, id))
    from tests.browser.conftest import PLACE

    x, y = visit.evaluate(PLACE, ["map", [float(where.x[alone]), float(where.y[alone])]])
    visit.mouse.move(x - 3, y)
    visit.mouse.move(x, y)
    visit.wait_for_selector("#map .hug-look:not([hidden]) img")
    expect(visit.locator("#map .hug-look span")).to_have_text(alone)
    visit.wait_for_function("document.querySelector('#map .hug-look img').naturalWidth > 0")


def test_the_keyboard_chooses_what_a_click_does(visit: Page, studied_url: str, studied_session: Session) -> None:
    opened(visit, studied_url, "Map")
    visit.wait_for_selector("#map .js-plotly-plot[data-drawn]")
    id = studied_session.index.ids[11]
    visit.locator("#map-point input").focus()
    visit.get_by_role("option", name=id).wait_for()  # the list comes when it is wanted
    visit.locator("#map-point input").fill(id)
    visit.keyboard.press("Enter")
    visit.wait_for_function("id => document.querySelector('#neighbours h3')?.innerText.includes(id)", arg=id)
    card = visit.locator("#neighbours .hug-card").nth(1)
    near = card.get_attribute("data-id")
    card.click()
    visit.wait_for_function("id => document.querySelector('#neighbours h3')?.innerText.includes(id)", arg=near)


def test_before_a_click_the_page_says_what_a_click_does(visit: Page, studied_url: str) -> None:
    opened(visit, studied_url, "Map")
    visit.get_by_text("Click a point of the map").wait_for(state="visible")


def test_a_phone_needs_no_sideways_scrolling(visit: Page, studied_url: str) -> None:
    visit.set_viewport_size({"width": 375, "height": 800})
    visit.goto(f"{studied_url}?tab=map&component=2")
    visit.wait_for_selector("#map .js-plotly-plot[data-drawn]")
    assert visit.evaluate("document.documentElement.scrollWidth") <= 375
    says(visit, "#map .hug-say", "component 2 alone")
