"""What was asked before, answers as files, and the shelf by letters, in a browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pypdfium2
from playwright.sync_api import Route, expect

if TYPE_CHECKING:
    from .conftest import Visit


def test_an_answer_is_exported_and_found_again_until_all_is_forgotten(visit: Visit, clip: Path, tmp_path: Path) -> None:
    page = visit()
    page.set_input_files("#ask-input", clip)
    page.click("#query-export summary")
    with page.expect_download() as download:
        page.click("text=Table for spreadsheets")
    assert "piece-1" in Path(download.value.path()).read_text()
    with page.expect_download() as download:
        page.click("text=The page with the mark")
    assert download.value.suggested_filename == "piece-1, page 2.pdf"
    download.value.save_as(tmp_path / "page.pdf")
    with pypdfium2.PdfDocument(tmp_path / "page.pdf") as file:
        assert len(file) == 1
        assert [round(side) for side in file[0].get_size()] == [418, 324]  # as the library's pages are
        marked = file[0].render().to_numpy()
    assert np.ptp(marked.astype(int), axis=2).max() > 60  # pages are grey, the mark is not

    page.click("nav >> text=Find")
    page.click("#ask-before")
    row = page.locator(".asked").first
    assert "clip.wav" in row.inner_text()
    row.locator("summary").click()
    with page.expect_download() as download:
        row.locator("text=The page with the mark").click()
    assert re.fullmatch(r"piece-1, page 2(\(1\))?\.pdf", download.value.suggested_filename)  # Firefox has saved one
    with page.expect_download() as download:
        row.locator("text=All that is known").click()
    assert download.value.suggested_filename == "clip.wav.json"
    row.locator("a:has-text('piece-1')").click()
    page.wait_for_selector("#piece .overlay-place[display=inline]", state="attached")
    assert re.search(r"#/piece/\d+/2/1$", page.url)

    page.go_back()
    page.uncheck("#history-keep")
    page.reload()
    page.wait_for_selector(".asked")
    assert not page.is_checked("#history-keep")
    page.click("#history-clear")
    page.click("#forget >> text=Cancel")
    assert page.locator(".asked").count()
    page.click("#history-clear")
    page.click("#forget button[value=forget]")
    page.wait_for_selector("#history-empty:visible")
    assert "not kept" in page.inner_text("#history-empty")
    assert page.evaluate("document.activeElement.id") == "history-title"
    page.check("#history-keep")  # as it was
    expect(page.locator("#history-empty-words")).to_contain_text("as soon as something is asked")


def test_answers_of_other_commands_and_pieces_that_are_gone_are_told(visit: Visit) -> None:
    stretch = {"start_s": 0, "end_s": 62, "piece": "waltz", "title": "Waltz", "begins": None, "confidence": 0.9}
    entries = [
        ("align", {"pieces": [{"piece": "gone", "start_s": 1, "end_s": 30}]}),
        ("find", {"said": "not in this library", "hits": [], "recordings": []}),
        ("identify", {"stretches": [stretch, {"piece": ""}]}),
    ]
    told = [
        {"key": a, "asked_at": "2026-01-02T03:04:05+00:00", "asked": a, "query": f"/tapes/{a}.wav", "answer": b}
        for a, b in entries
    ]
    page = visit()
    page.route("**/history?*", lambda route: route.fulfill(json={"is_on": True, "entries": told, "pieces": {}}))
    page.click("#ask-before")
    expect(page.locator(".asked")).to_have_count(3)
    words = [re.split("\n+", one) for one in page.locator(".asked-words").all_inner_texts()]
    assert words[0] == ["align.wav", "gone", "Followed from 0:01 to 0:30. Not in the library any more"]
    assert words[1] == ["find.wav", "Not in this library"]
    assert words[2] == ["identify.wav", "Waltz", "0:00 – 1:02. Not in the library any more", "90 %"]
    assert page.locator(".asked-day h2").inner_text() == "2 January 2026"


def test_an_answer_that_is_late_does_not_turn_a_switch_back(visit: Visit) -> None:
    page, held = visit(), list[Route]()
    page.click("#ask-before")
    page.wait_for_selector("#history-acts:visible")
    page.click("nav >> text=Find")
    page.route("**/history?*", lambda route: held.append(route))
    page.route("**/history/switch", lambda route: route.fulfill(json={"is_on": False}))
    page.click("#ask-before")
    page.uncheck("#history-keep")
    for _ in range(500):
        if len(held) == 2:
            break
        page.wait_for_timeout(20)
    early, late = held
    none: dict[str, Any] = {"entries": [], "pieces": {}}
    with page.expect_response("**/history?*"):
        late.fulfill(json=none | {"is_on": False})
    page.wait_for_selector("text=Answers are not kept. Turn it on")
    with page.expect_response("**/history?*"):
        early.fulfill(json=none | {"is_on": True})
    page.evaluate("() => new Promise((resolve) => setTimeout(resolve, 100))")  # it is read by then
    assert not page.is_checked("#history-keep")


def test_a_shelf_has_letters_and_tags(visit: Visit) -> None:
    asked: list[str] = []

    def many(route: Route) -> None:
        asked.append(route.request.url)
        told: dict[str, Any] = route.fetch().json()
        route.fulfill(json=told | {"initials": ["0", "P"], "all_tags": ["to do"]})

    page = visit()
    page.route("**/api/v1/pieces?*", many)
    page.route("**/api/v1/library", lambda route: route.fulfill(json=route.fetch().json() | {"pieces": 13}))
    page.click("nav >> text=Library")
    page.wait_for_selector(".book")
    assert page.locator(".letter").all_inner_texts()[:4] == ["All", "0–9", "A", "B"]
    page.focus(".letter input[value=all]")
    page.keyboard.press("ArrowRight")  # one stop for the keyboard, and arrows
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.activeElement.value === 'P' && document.activeElement.checked")
    expect(page.locator(".book")).to_have_count(3)
    assert "initial=P" in asked[-1]
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("text=Nothing here")
    page.select_option("#library-show", "tag:to do")
    page.wait_for_function("() => document.querySelector('.letter input').checked")
    assert "tag=to+do" in asked[-1]
    page.select_option("#library-show", "all")
    expect(page.locator(".book")).to_have_count(3)
