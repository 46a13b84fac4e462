"""How long the tabs take to open: the page of the bundled model in a headless Chromium, each tab three times.

    .venv/bin/python -m benchmarks.tabs [--checkpoint FOLDER]

Each opening is a fresh page at rest, so plotly.js has loaded; "server" is this process's processor time meanwhile.
"""

from __future__ import annotations

import argparse
import shutil
import time
from typing import Any

from playwright.sync_api import sync_playwright

from analysis.session import Sessions
from ui.page import build, launch

READY = {
    "Uncertainty": ["#now .js-plotly-plot[data-drawn]", "#samples .hug-card"],
    "Sub-features": ["#least .hug-card", "#most .hug-card"],
    "Map": ["#map .js-plotly-plot[data-drawn]"],
    "About": ["#about-cards table"],
}
PORT = 7894


def main() -> None:
    flags = argparse.ArgumentParser(description=__doc__)
    flags.add_argument("--checkpoint", help="folder of a model with prepared studies (the bundled one)")
    chosen = flags.parse_args().checkpoint
    sessions = Sessions.load([chosen] if chosen else None)
    page = build(sessions)
    launch(page, "127.0.0.1", PORT, prevent_thread_lock=True, quiet=True)
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))))
    print(f"model {sessions.default}, {len(sessions.get().index)} pictures")
    print(
        "| tab | opened, s: first | second | third | server, s: first | third |\n| --- | --- | --- | --- | --- | --- |"
    )
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for tab, ready in READY.items():
            seen = [_opened(chromium, tab, ready, n) for n in range(3)]
            first, *_, last = (server for _, server in seen)
            print(f"| {tab} | {' | '.join(f'{wall:.2f}' for wall, _ in seen)} | {first:.2f} | {last:.2f} |")
        chromium.close()
    page.close(verbose=False)


def _opened(chromium: Any, tab: str, ready: list[str], _: int) -> tuple[float, float]:
    """Seconds from the click to the content in a fresh page, and processor seconds of this process meanwhile."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.goto(f"http://127.0.0.1:{PORT}/")
    page.wait_for_selector("#sure .hug-verdict")
    page.wait_for_timeout(2000)  # the Query tab is at rest
    start, used = time.perf_counter(), time.process_time()
    page.get_by_role("tab", name=tab).first.click()
    for part in ready:
        page.wait_for_selector(part)
    wall, server = time.perf_counter() - start, time.process_time() - used
    page.close()
    return wall, server


if __name__ == "__main__":
    main()
