"""Listening live, in a browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .conftest import Visit


def test_live_names_the_piece_and_the_place_while_it_sounds(visit: Visit) -> None:
    page = visit("listen")
    page.click("#listen-start")
    page.wait_for_function("() => document.querySelector('#listen-title').textContent === 'piece-1'")
    page.wait_for_selector("#listen .overlay-cursor[display=inline]", state="attached")
    assert page.inner_text("#listen-state") == "You are playing"
    assert re.match(r"Page \d, system \d\. \d+ % sure\.", page.inner_text("#listen-where"))
    assert page.inner_text("#listen .hit[aria-current=true] .hit-title") == "piece-1"
    page.click("#listen-reset")
    page.wait_for_function("() => document.querySelector('#listen-title').textContent !== 'piece-1'")
    page.click("#listen-stop")
    assert page.is_visible("#listen-start")
    assert page.evaluate("document.activeElement.id") == "listen-start"


def test_one_button_listens_until_it_is_sure_and_the_stand_follows(visit: Visit) -> None:
    page = visit()
    page.click("#ask-listen")
    page.wait_for_selector("#ask-hearing-stop:focus")
    page.wait_for_selector("#stand .leaf .overlay-cursor", state="attached")
    assert page.inner_text("#stand-title") == "piece-1"
    assert re.search(r"#/stand/\d+/2$", page.url)
    assert page.get_attribute("#stand-listen", "aria-pressed") == "true"
    page.click("#stand-listen")
    assert page.get_attribute("#stand-listen", "aria-pressed") == "false"
    assert page.locator("#stand .overlay-cursor").count() == 0


def test_the_stand_turns_to_where_the_music_is(visit: Visit) -> None:
    page = visit("library")
    page.click(".book:has-text('piece-1') a")
    page.click("#piece-stand")
    page.wait_for_selector("#stand .leaf img")
    assert page.inner_text("#stand-page") == "Page 1 of 2"
    page.click("#stand-two")  # one page at a time
    page.click("#stand-listen")
    page.wait_for_function("() => document.querySelector('#stand-page').textContent === 'Page 2 of 2'")
    page.keyboard.press("Home")  # who turns by hand looks on
    page.wait_for_timeout(1000)
    assert page.text_content("#stand-page") == "Page 1 of 2"


def test_the_instrument_is_remembered_and_heard_as_it_sounds(visit: Visit) -> None:
    page = visit("listen")
    asked: list[str] = []
    page.on("websocket", lambda line: asked.append(line.url))
    page.click("#listen-start")
    page.wait_for_function("() => document.querySelector('#listen-title').textContent === 'piece-1'")
    page.select_option("#listen-instrument", label="in F")  # it listens anew
    page.wait_for_function("() => document.querySelector('#listen-title').textContent === 'Play something'")
    page.click("#listen-stop")
    assert [line.partition("semitones=")[2] for line in asked] == ["0", "7"]
    page.reload()
    page.wait_for_selector("#listen-start")
    assert page.input_value("#listen-instrument") == "7"
    page.goto(page.url.replace("#/listen", "#/ask"))
    page.wait_for_selector("#ask-instrument")
    page.select_option("#ask-instrument", label="as printed")
    page.goto(page.url.replace("#/ask", "#/stand/1"))
    page.wait_for_selector("#stand .leaf img")
    assert page.input_value("#stand-instrument") == "0"
    page.focus("#stand-instrument")
    page.keyboard.press("ArrowDown")  # chooses, and does not turn
    assert page.input_value("#stand-instrument") == "2"
    assert page.text_content("#stand-page") == "Page 1 of 2"


def test_live_says_when_the_line_breaks(visit: Visit) -> None:
    page = visit("listen")
    page.evaluate("""() => { WebSocket = class extends WebSocket {
        constructor(address) {
            super(address);
            this.addEventListener("open", () => this.close());
        }
    }; }""")
    page.click("#listen-start")
    page.wait_for_selector('.problem[data-kind="gone"]')
    assert page.is_visible("#listen-start")


def test_live_says_when_others_listen(visit: Visit) -> None:
    page = visit("listen")
    busy = '{"type": "error", "error": {"kind": "busy", "what": "four are listening", "remedy": "wait for one to end"}}'
    page.route_web_socket("**/api/v1/live?*", lambda line: line.send(busy))
    page.click("#listen-start")
    page.wait_for_selector('.problem[data-kind="busy"]')
    assert "Wait for one to end." in page.inner_text(".problem:visible")
