"""Pages in a real browser: what they complain of, and what they ask for."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")


def open_browser() -> Iterator[Any]:
    """Yield Chromium, and close it; skip if playwright is not installed."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        # Root, as in containers, has no sandbox.
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield chromium
        chromium.close()


class Visit:
    """A page that is open, what it complained of, and what it asked for."""

    def __init__(self, browser: Any, file: Path, query: str = "", **options: Any) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page = browser.new_context(**options).new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.route("**/*", lambda route: self.answer(route, file))
        self.page.goto(file.as_uri() + query)

    @staticmethod
    def answer(route: Any, file: Path) -> None:
        if route.request.url.partition("?")[0] == file.as_uri():
            route.continue_()
        else:
            route.abort()
