"""The ways through the page in WebKit, Debian's, which WebDriver drives: Playwright drives only a build of its own.

`make webkit` runs them, in a display of their own. Without the driver they skip.
"""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import HEAR

if TYPE_CHECKING:
    from selenium.webdriver import WebKitGTK

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:selenium")
WAIT_S = 30
TELL_FAULTS = """window.faults = [];
for (const kind of ["error", "unhandledrejection", "securitypolicyviolation"]) {
    addEventListener(kind, (event) => faults.push([kind, event.message ?? event.reason ?? event.blockedURI].join(" ")));
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[WebKitGTK]:
    """WebKit in a window of its own."""
    selenium = pytest.importorskip("selenium.webdriver")
    service = pytest.importorskip("selenium.webdriver.webkitgtk.service")
    driver = shutil.which("WebKitWebDriver")
    if driver is None or "DISPLAY" not in os.environ:
        pytest.skip("needs WebKitWebDriver and a display: make webkit")
    browser = selenium.WebKitGTK(service=service.Service(executable_path=driver))
    browser.set_page_load_timeout(WAIT_S)
    browser.set_script_timeout(WAIT_S)
    yield browser
    browser.quit()


class Window:
    """The page in WebKit. Selectors are CSS."""

    def __init__(self, browser: WebKitGTK, home: str) -> None:
        self.browser, self._home = browser, home

    def open(self, view: str = "") -> None:
        self.browser.get("about:blank")
        self.browser.get(f"{self._home}#/{view}")
        self.run(TELL_FAULTS)
        self.wait("document.readyState === 'complete'")

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script returns, which may ``return`` and read ``arguments``."""
        return self.browser.execute_script(script, *arguments)

    def wait(self, condition: str, *arguments: Any) -> Any:
        """Waits until an expression holds; ``arguments`` are its own."""
        from selenium.webdriver.support.wait import WebDriverWait

        waiting = WebDriverWait(self.browser, WAIT_S, poll_frequency=0.1)
        return waiting.until(lambda _: self.run(f"return {condition}", *arguments), f"{condition} {arguments}")

    def seen(self, selector: str) -> Any:
        """The first element of this selector, once it can be seen."""
        self.wait("document.querySelector(arguments[0])?.checkVisibility()", selector)
        return self.browser.find_element("css selector", selector)

    def text(self, selector: str) -> str:
        found: str = self.run("return document.querySelector(arguments[0]).textContent", selector)
        return found

    def click(self, selector: str) -> None:
        self.seen(selector).click()

    def press(self, *keys: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.browser).send_keys(*keys).perform()

    def give(self, file: Path) -> None:
        """Chooses a file to ask about."""
        self.browser.find_element("css selector", "#ask-input").send_keys(str(file))


@pytest.fixture
def window(browser: WebKitGTK, server: Any) -> Iterator[Window]:
    """The page; nothing on it may have failed in the end."""
    window = Window(browser, server.url)
    window.open()
    yield window
    assert window.run("return window.faults") == []


def test_a_recording_is_found_followed_and_saved(window: Window, clip: Path) -> None:
    window.give(clip)
    window.seen("#query .overlay-place[display=inline]")
    assert window.text("#query-title") == "piece-1"
    window.wait("!document.querySelector('#query .score-sheet img.missing')")
    window.wait("document.querySelector('#why-words').textContent.includes('counts most')")
    window.seen("#query [data-do=forth]:enabled")
    window.run(
        "const [slider] = document.querySelectorAll('#query input[type=range]');"
        "slider.value = 3; slider.dispatchEvent(new Event('input'));"
    )
    window.seen("#query .overlay-cursor[display=inline]")
    assert window.text("#query .player-words") == "Page 2, system 1"
    window.click("#query [data-do=play]")
    window.wait("document.querySelector('#query audio').currentTime > 3.5")
    window.click("#query [data-do=play]")
    window.click("#query-export summary")
    window.click("#query-export button")
    window.wait("document.querySelector('#status').textContent === 'The page is saved'")


def test_a_microphone_is_heard(window: Window, clip: Path) -> None:
    window.run(HEAR.replace("CLIP", base64.b64encode(clip.read_bytes()).decode()))
    window.click("#ask-listen")
    window.seen("#stand .leaf .overlay-cursor")
    assert window.text("#stand-title") == "piece-1"
    window.click("#stand-listen")


def test_a_piece_is_read_and_played_from(window: Window) -> None:
    from selenium.webdriver.common.keys import Keys

    window.click("nav [data-view=library]")
    window.click(".book a")
    window.wait("document.querySelector('#piece .score-sheet img').naturalWidth > 0")
    window.click("#piece-stand")
    window.wait("document.querySelector('#stand .leaf img')?.naturalWidth > 0")
    window.press(Keys.END)
    assert window.text("#stand-page").startswith("Page 2")
    window.press("b")
    window.seen("#marks-text").send_keys("coda", Keys.ENTER)
    window.seen("#marks-list .bookmark")
    window.press(Keys.ESCAPE)
    window.wait("!document.querySelector('#marks').open")
    window.press(Keys.HOME)
    window.press("b")
    window.press(Keys.ENTER)
    window.wait("document.querySelector('#stand-page').textContent.startsWith('Page 2')")
    window.press("b")
    window.click("#marks-list .quiet")  # leaves the library as it was
    window.wait("!document.querySelector('#marks-list .bookmark')")


def test_nothing_sticks_out_of_a_narrow_window(window: Window) -> None:
    window.browser.set_window_size(420, 840)
    for view in ("", "listen", "library", "history", "piece/1", "stand/1"):
        window.run("location.hash = '#/' + arguments[0]", view)
        window.wait("!document.getElementById(arguments[0] || 'ask').hidden", view.split("/")[0])
        assert window.run("return document.documentElement.scrollWidth - innerWidth") <= 0, view
    window.browser.set_window_size(1280, 900)
