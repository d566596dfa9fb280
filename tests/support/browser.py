"""A real Chromium on the page's real server: what is on the page, what it asks for, its looks."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from daemon.instance.paths import StateDir
from daemon.web.server import serve

CHROMIUM = Path("/usr/bin/chromium")
PHONE, DESK = 390, 1440


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the Chromium of the distribution; a machine without one skips the test and says so."""
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}")
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=root)
        yield browser
        browser.close()


@contextmanager
def served(state: StateDir) -> Iterator[str]:
    """Serve a state's page from a thread for the length of a block; gives its address."""
    listening: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.new_event_loop()
    server = loop.create_task(serve(state, "127.0.0.1", 0, "", listening.put_nowait))
    thread = threading.Thread(target=_until_cancelled, args=(loop, server))
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(listening.get(), loop).result(20)
    finally:
        loop.call_soon_threadsafe(server.cancel)
        thread.join(20)


def _until_cancelled(loop: asyncio.AbstractEventLoop, server: asyncio.Task[None]) -> None:
    loop.run_until_complete(asyncio.gather(server, return_exceptions=True))
    loop.close()


class Seen:
    """A page in a window of its own, with what went wrong in it and what it asked elsewhere."""

    def __init__(self, browser: Browser, url: str, width: int, *, scheme: Any = "light") -> None:
        self.faults: list[str] = []
        self.elsewhere: list[str] = []
        self.width = width
        size: Any = {"width": width, "height": 900}
        self.page: Page = browser.new_page(viewport=size, color_scheme=scheme)
        self.page.set_default_timeout(15_000)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda told: self.faults.append(f"{told.type}: {told.text}"))
        self.page.on("request", lambda asked: self._note(url, asked.url))
        self.page.goto(url)
        self.page.wait_for_selector("#bots-table tbody tr")
        self.page.wait_for_selector("#limits-table tbody tr")

    def _note(self, url: str, asked: str) -> None:
        if not asked.startswith((url, "data:")):
            self.elsewhere.append(asked)

    def text(self, selector: str) -> str:
        """Return what stands in an element, in one line."""
        return re.sub(r"\s+", " ", self.page.inner_text(selector)).strip()

    def cells(self, selector: str) -> list[str]:
        """Return what stands in the cells that a row shows."""
        found = self.page.locator(f"{selector} > td").all_inner_texts()
        return [re.sub(r"\s+", " ", text).strip() for text in found]

    def wait(self, script: str) -> None:
        """Wait until a function of the page is true; the page's policy allows no bare text."""
        self.page.wait_for_function(script, timeout=40_000)

    def fits(self) -> bool:
        """Say whether nothing has to be scrolled sideways."""
        wide = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return bool(wide <= 0)

    def shot(self, name: str, otherwise: Path) -> None:
        """Write a picture into the folder that the environment names, else into another."""
        folder = Path(os.environ.get("GNOMON_SCREENSHOTS") or otherwise)
        folder.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=str(folder / f"{name}.png"), full_page=True)
