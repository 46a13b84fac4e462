"""The About tab in a headless Chromium."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from analysis.session import Session

pytestmark = pytest.mark.browser


def test_it_tells_meaning_model_data_api_and_citation(visit: Page, studied_url: str, studied_session: Session) -> None:
    visit.goto(f"{studied_url}?tab=about")
    visit.wait_for_selector("#about-cards table")
    assert studied_session.model.weights_hash in visit.inner_text("#about-cards")
    assert "What was measured, on a test split" in visit.inner_text("#about-cards")
    assert "arXiv:2601.11393" in visit.inner_text("#about-cite")
    assert "/retrieve" in visit.inner_text("#about-api")
    visit.set_viewport_size({"width": 375, "height": 800})
    assert visit.evaluate("document.documentElement.scrollWidth") <= 375
