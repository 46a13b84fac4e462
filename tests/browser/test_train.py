"""A training from the page in a headless Chromium, for real: started, stopped, found again, resumed, used, removed."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from analysis.session import BUNDLED_GALLERY, Sessions
from hug.retrieval.gallery import read_gallery, write_gallery
from tests.browser.conftest import PATIENCE, offered
from ui import training
from ui.page import build, launch
from ui.tabs import train
from ui.training_runs import STATUS

pytestmark = pytest.mark.browser
LONG = 900_000  # ms; data, training, gallery, measuring and preparing, each a process of its own
PICTURES = 36


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few of the bundled pictures: enough for every study."""
    import pandas as pd

    path, source = tmp_path_factory.mktemp("gallery") / "few.parquet", read_gallery(BUNDLED_GALLERY)
    places = range(0, len(source.ids), len(source.ids) // PICTURES)
    ids = [source.ids[n] for n in places]
    labels = pd.DataFrame({name: [values[n] for n in places] for name, values in source.meta.items()}, index=ids)
    write_gallery(path, ids, [source.pictures[n] for n in places], labels)
    return path


@pytest.fixture(scope="module")
def url(gallery: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    runs = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch, socket.socket() as free:
        patch.setattr(train, "JOBS", runs / "jobs")
        patch.setattr(training, "RUNS", runs)
        patch.setattr(training, "PICTURES", 4)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        page = build(Sessions.load(gallery=gallery, cache=runs / "galleries"))
        launch(page, "127.0.0.1", port, prevent_thread_lock=True, quiet=True)
        yield f"http://127.0.0.1:{port}/"
        page.close(verbose=False)
        for record in runs.glob("jobs/*/*/job.json"):  # what a failed test has left
            if pid := json.loads(record.read_text())["pid"]:
                os.kill(pid, signal.SIGTERM)


def begun(page: Page, steps: int) -> None:
    page.locator("#train-data label").filter(has_text=re.compile(r"^\s*tiny:")).click()
    page.fill("#train-steps input", str(steps))
    page.locator("#train-steps input").blur()
    expect(page.locator("#train-command textarea")).to_have_value(re.compile(f"--steps {steps} "))
    page.click("#train-start")


def test_a_training_is_stopped_found_again_resumed_and_used(studied_browser: Browser, url: str) -> None:
    context = studied_browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(f"{url}?tab=train")
    expect(page.locator("#runs")).to_contain_text(train.NO_RUNS)
    begun(page, 300)
    state = page.locator("#train-state")
    expect(state).to_contain_text("best R@10 on validation", timeout=LONG)  # so there are weights
    page.click("#train-stop")
    expect(state).to_contain_text(STATUS["stopped"], timeout=LONG)
    expect(page.locator("#train-use")).to_be_hidden()

    page.reload()  # the same browser finds it again
    expect(state).to_contain_text(STATUS["stopped"], timeout=LONG)
    other = studied_browser.new_context().new_page()  # another one does not
    other.set_default_timeout(PATIENCE)
    other.goto(f"{url}?tab=train")
    expect(other.locator("#runs")).to_contain_text(train.NO_RUNS)

    page.click("#train-resume")
    expect(page.locator("#train-stop")).to_be_visible()
    begun(other, 40)  # one training at a time on this machine
    expect(other.locator(".toast-body")).to_contain_text("only one can")
    other.context.close()
    page.click("#train-stop")
    expect(state).to_contain_text(STATUS["stopped"], timeout=LONG)
    page.click("#train-finish")
    expect(state).to_contain_text(STATUS["finished"], timeout=LONG)
    expect(state.locator("li.done")).to_have_count(5)
    expect(page.locator("#train-recalls")).to_contain_text("whose weights are kept")

    page.click("#train-pack")
    with page.expect_download() as packed:
        page.click("#train-download")
    assert re.fullmatch(r"mine-[0-9a-f]{16}\.zip", packed.value.suggested_filename)
    assert os.path.getsize(packed.value.path()) > 1e6

    page.click("#train-use")
    name = packed.value.suggested_filename.removesuffix(".zip")
    expect(page.locator("#model")).to_contain_text(f"model {name} · objective calibrated · K 16")
    page.get_by_role("tab", name="Uncertainty").click()
    expect(page.locator("#uncertainty-about")).to_contain_text("Prepared on tiny test")
    expect(page.locator("#now")).not_to_contain_text("was asked of")
    page.get_by_role("tab", name="Map").click()
    page.wait_for_selector("#map .js-plotly-plot[data-drawn]")

    page.reload()  # and it stays in this browser's picker
    page.wait_for_selector("#sure .hug-verdict", state="attached")  # whichever tab is open then
    offered(page, "model-pick", name[:9])
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Train").click()
    page.click("#train-remove")
    expect(page.locator("#runs")).to_contain_text(train.NO_RUNS)
    context.close()


def test_what_does_not_fit_is_told_and_starts_nothing(studied_browser: Browser, url: str) -> None:
    page = studied_browser.new_page(viewport={"width": 375, "height": 800})
    page.set_default_timeout(PATIENCE)
    page.goto(f"{url}?tab=train&__theme=dark")
    page.wait_for_selector("#train-start")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.fill("#train-steps input", "900000")
    page.click("#train-start")
    expect(page.locator(".toast-body")).to_contain_text("Steps must be a whole number from 1 to")
    expect(page.locator("#runs")).to_contain_text(train.NO_RUNS)
    page.locator("#train-objective label").filter(has_text="paper").click()
    expect(page.locator("#train-weights")).to_be_visible()
    page.fill("#train-steps input", "50")
    page.locator("#train-steps input").blur()
    expect(page.locator("#train-command textarea")).to_have_value(re.compile("--objective paper --steps 50 "))
    page.close()
