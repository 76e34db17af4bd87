"""Keys that act wherever the focus is, in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from .conftest import Visit


def asked(visit: Visit, clip: Path) -> Page:
    page = visit()
    page.set_input_files("#ask-input", clip)
    page.wait_for_selector("#query .overlay-place[display=inline]")
    page.evaluate("document.querySelector('#query-title').focus()")
    return page


@pytest.mark.parametrize(("back", "forth"), [("ArrowLeft", "ArrowRight"), ("PageUp", "PageDown")])
def test_pages_turn(visit: Visit, clip: Path, back: str, forth: str) -> None:
    page = asked(visit, clip)
    page.keyboard.press(back)
    assert page.inner_text("#query .score-page") == "Page 1 of 2"
    page.keyboard.press(forth)
    assert page.inner_text("#query .score-page") == "Page 2 of 2"


def test_space_plays_and_pauses(visit: Visit, clip: Path) -> None:
    page = asked(visit, clip)
    page.keyboard.press(" ")
    page.wait_for_selector('#query [data-do=play][aria-label="Pause"]')
    is_paused = "document.querySelector('#query audio').paused"
    assert page.evaluate(is_paused) is False
    page.keyboard.press(" ")
    page.wait_for_selector('#query [data-do=play][aria-label="Play"]')
    assert page.evaluate(is_paused) is True


def test_a_control_keeps_its_keys(visit: Visit, clip: Path) -> None:
    page = asked(visit, clip)
    page.focus("#query input[type=range]")
    page.keyboard.press("ArrowLeft")
    assert page.inner_text("#query .score-page") == "Page 2 of 2"


def test_a_piece_of_the_library_is_read_by_keys(visit: Visit) -> None:
    page = visit("library")
    page.click(".book a")
    page.wait_for_function("() => document.querySelector('#piece .score-page').textContent === 'Page 1 of 2'")
    page.keyboard.press("PageDown")
    assert page.inner_text("#piece .score-page") == "Page 2 of 2"
