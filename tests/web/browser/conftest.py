"""A real browser, driven by Playwright, before the real server: Chromium, or the Firefox that is named.

Without either these tests skip. `make firefox` runs them in Firefox.
"""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

# The shell takes a quarter of the processor time for a visit, and draws the same.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
FIREFOX = os.environ.get("EARMARK_TEST_FIREFOX")
"""The path of a Firefox to test with in place of Chromium."""
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
)
MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
FIREFOX_PREFERENCES: dict[str, str | float | bool] = {
    "browser.download.alwaysOpenPanel": False,  # it would take the keys
    "pdfjs.disabled": True,  # what is saved is not opened, too
    "media.autoplay.default": 0,
    "media.cubeb.force_mock_context": True,  # sound where there is no device
}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": FIREFOX is None,  # Firefox has no such thing
    "has_touch": True,
}
HEAR = """if (navigator.mediaDevices) navigator.mediaDevices.getUserMedia = async () => {
    const context = new AudioContext();
    const clip = await context.decodeAudioData(Uint8Array.from(atob("CLIP"), (letter) => letter.charCodeAt(0)).buffer);
    const source = new AudioBufferSourceNode(context, { buffer: clip, loop: true });
    const heard = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
    source.connect(heard);
    source.start();
    return heard.stream;
}"""
"""Has a page hear a clip in place of a microphone, where the browser has no microphone that plays a file."""
TELL_VIOLATIONS = """addEventListener("securitypolicyviolation",
    (event) => console.error("policy violated: " + event.violatedDirective + " " + event.blockedURI))"""


class Watched:
    """What a page did that it must not: requests to other hosts, errors, violations of the policy."""

    def __init__(self, page: Page, home: str) -> None:
        self.faults: list[str] = []
        self._home = urlsplit(home).netloc
        page.on("request", lambda request: self._asked(request.url))
        page.on("websocket", lambda line: self._asked(line.url))
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))

    def _asked(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "blob" and parts.netloc != self._home:
            self.faults.append(f"request to another host: {url}")

    def _said(self, message: ConsoleMessage) -> None:
        refused = message.text.startswith("Failed to load resource")  # how Chromium tells of any 4xx, also a wanted one
        if message.type in ("error", "warning") and not refused:
            self.faults.append(f"console: {message.text}")


@pytest.fixture(scope="module")
def browser(clip: Path) -> Iterator[Browser]:
    """A browser whose microphone hears ``clip`` again and again; in Firefox pages see to that themselves (`HEAR`).

    Not for the session: while Playwright runs, no test in this thread can run an event loop of its own.
    """
    playwright = pytest.importorskip("playwright.sync_api")
    if FIREFOX is None and CHROMIUM is None:
        pytest.skip("needs Chromium or Firefox")
    with playwright.sync_playwright() as driver:
        if FIREFOX:
            browser = driver.firefox.launch(
                channel="moz-firefox", executable_path=FIREFOX, firefox_user_prefs=FIREFOX_PREFERENCES
            )
        else:
            heard = f"--use-file-for-fake-audio-capture={clip}"
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *MICROPHONE, heard])
        yield browser
        browser.close()


class Visit:
    """Opens pages in contexts of their own, and closes them."""

    def __init__(self, browser: Browser, home: str, scripts: list[str]) -> None:
        self._browser, self._home, self._scripts = browser, home, scripts
        self._contexts: list[BrowserContext] = []
        self.watched: list[Watched] = []

    def __call__(self, view: str = "", **options: Any) -> Page:
        """The page at a view (the hash's words), e.g. ``library``; ``options`` are the context's."""
        context = self._browser.new_context(**options)
        self._contexts.append(context)
        for script in self._scripts:
            context.add_init_script(script)
        page = context.new_page()
        page.set_default_timeout(30_000)
        self.watched.append(Watched(page, self._home))
        page.goto(f"{self._home}#/{view}")
        return page

    def close(self) -> None:
        for context in self._contexts:
            for page in context.pages:
                page.unroute_all(behavior="ignoreErrors")
            context.close()


@pytest.fixture
def visit(browser: Browser, server: Any, clip: Path) -> Iterator[Visit]:
    """Opens pages of the server; afterwards none of them may have done what `Watched` tells."""
    heard = HEAR.replace("CLIP", base64.b64encode(clip.read_bytes()).decode())
    visit = Visit(browser, server.url, [TELL_VIOLATIONS, heard] if FIREFOX else [TELL_VIOLATIONS])
    yield visit
    visit.close()
    assert [fault for watched in visit.watched for fault in watched.faults] == []


def catalogue(page: Page) -> list[str]:
    """The titles on the library's shelf, once they are there."""
    page.wait_for_selector(".book")
    return page.locator(".book-title").all_inner_texts()
