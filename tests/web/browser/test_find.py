"""Ask, see, follow and why, in a browser."""

from __future__ import annotations

import base64
import itertools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import NOTES_PER_SYSTEM
from tests.fake_encoders import NOTE_S, NOTE_STRIP_PX

from .conftest import FIREFOX, PHONE

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from tests.conftest import Music, WriteWav

    from .conftest import Visit


def ask(page: Page, clip: Path) -> None:
    page.set_input_files("#ask-input", clip)
    page.wait_for_selector("#query .hit")


def align(page: Page, seconds_a_system: float = 2.0) -> None:
    """Lets the server's answer be a made-up alignment: the systems of page 1, then of 2, at a steady pace."""

    def fulfil(route: Route) -> None:
        piece = route.request.url.split("piece=")[1]
        address = f"{route.request.url.split('/queries')[0]}/pieces/{piece}"
        layout = page.request.get(address).json()["layout"]
        systems = [
            {"page": sheet["number"], "system": system["number"], "box": system["box"]}
            for sheet in layout
            for system in sheet["systems"]
        ]
        points = []
        for tick in range(int(10 * seconds_a_system * len(systems))):
            number, part = divmod(tick / 10 / seconds_a_system, 1)
            system = systems[int(number)]
            x0, _, x1, _ = system["box"]
            place = {"page": system["page"], "system": system["system"], "x": x0 + part * (x1 - x0)}
            points.append({"time_s": tick / 10, **place, "strip_px": 0.0, "confidence": 1.0})
        answer = {"state": "done", "ahead": None, "progress": 1.0, "alignment": {"systems": systems, "points": points}}
        route.fulfill(json=answer)

    page.route("**/alignment?*", fulfil)


def followed(page: Page) -> None:
    page.wait_for_selector("#query [data-do=forth]:enabled")


def seek(page: Page, seconds: float) -> None:
    page.locator("#query input[type=range]").fill(str(seconds))


def test_the_first_view_is_small(visit: Visit) -> None:
    page = visit()
    page.wait_for_function("() => document.querySelector('#ask-lead').textContent.includes('your 3 pieces')")
    sent = page.evaluate(
        """["navigation", "resource"].flatMap((kind) => performance.getEntriesByType(kind))
            .reduce((sum, { transferSize }) => sum + transferSize, 0)"""
    )
    assert 50_000 < sent < 150_000


def test_a_dropped_recording_names_the_piece_and_marks_the_place(visit: Visit, clip: Path) -> None:
    page = visit()
    data = base64.b64encode(clip.read_bytes()).decode()
    dropped = page.evaluate_handle(
        """(data) => {
            const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], "clip.wav", {type: "audio/wav"}));
            return transfer;
        }""",
        data,
    )
    page.dispatch_event("body", "dragenter", {"dataTransfer": dropped})
    assert page.is_visible("#dropveil")
    page.dispatch_event("body", "drop", {"dataTransfer": dropped})
    page.wait_for_selector("#query .hit")
    assert page.is_hidden("#dropveil")
    assert page.inner_text("#query-title") == "piece-1"
    assert page.inner_text(".hit[aria-current=true] .hit-title") == "piece-1"
    page.wait_for_selector("#query .overlay-place[display=inline]")
    assert "sure" in page.inner_text("#query-where")


def test_the_mark_lies_on_the_place_that_was_found(visit: Visit, clip: Path) -> None:
    page = visit()
    with page.expect_response(lambda response: "/queries/" in response.url and response.request.method == "GET"):
        ask(page, clip)
    page.wait_for_selector("#query .overlay-place[display=inline]")
    identifier = page.url.rsplit("/", 1)[1]
    hit = page.request.get(f"{page.url.split('#')[0]}api/v1/queries/{identifier}").json()["result"]["hits"][0]
    sheet = page.locator("#query .score-sheet").bounding_box()
    mark = page.locator("#query .overlay-place").bounding_box()
    assert sheet is not None
    assert mark is not None
    measured = [(mark["x"] - sheet["x"]) / sheet["width"], (mark["y"] - sheet["y"]) / sheet["height"]]
    assert measured == pytest.approx(hit["box"][:2], abs=0.01)


def test_the_other_hits_can_be_looked_at(visit: Visit, clip: Path) -> None:
    page = visit()
    ask(page, clip)
    other = page.locator(".hit[aria-current=false]").first
    name = other.locator(".hit-title").inner_text()
    other.click()
    page.wait_for_function("(name) => document.querySelector('#query-title').textContent === name", arg=name)
    page.wait_for_selector(f'#query .score-window[aria-label^="{name}"]')
    assert page.inner_text(".hit[aria-current=true] .hit-title") == name


def test_a_piece_that_is_not_there_is_told_plainly(visit: Visit, music: Music, tmp_path: Path) -> None:
    page = visit()
    stranger = music.write_recording(tmp_path / "stranger.wav", music.melody(99, 24))
    page.set_input_files("#ask-input", stranger)
    page.wait_for_selector("#query-title >> text=Not in this library")
    assert "Not in this library" in page.inner_text("#status")
    assert page.is_hidden("#query .hit")  # guesses are there for who asks for them
    page.click("#query-hits-part summary")
    assert page.is_visible("#query .hit")


def test_silence_is_told_with_what_to_do(visit: Visit, write_wav: WriteWav, tmp_path: Path) -> None:
    import numpy as np

    page = visit()
    page.set_input_files("#ask-input", write_wav(tmp_path / "silence.wav", np.zeros(22050 * 10)))
    page.wait_for_selector("#query.pending")
    page.wait_for_function("() => document.querySelector('#query-title').textContent.startsWith('Nothing was heard')")
    assert "Record closer" in page.inner_text("#query-where")


def test_what_is_amiss_with_a_recording_is_told(visit: Visit, clip: Path, cut_off: Path) -> None:
    page = visit()
    page.set_input_files("#ask-input", cut_off)
    page.wait_for_selector("#query-remarks >> text=Breaks off after")
    page.goto(page.url.split("#")[0])
    page.set_input_files("#ask-input", clip)
    page.wait_for_selector("#query:not(.pending) .hit")
    assert not page.inner_text("#query-remarks")


def test_the_mark_follows_the_recording_and_pages_turn(visit: Visit, clip: Path) -> None:
    page = visit()
    align(page)
    ask(page, clip)
    followed(page)
    page.click("#query [data-do=play]")
    page.wait_for_selector("#query .overlay-cursor[display=inline]", state="attached")
    before = float(page.get_attribute("#query .overlay-cursor", "x1") or "nan")
    moved = "(x) => Number(document.querySelector('#query .overlay-cursor').getAttribute('x1')) > x + 5"
    page.wait_for_function(moved, arg=before)
    page.click("#query [data-do=play]")
    page.wait_for_selector('#query [data-do=play][aria-label="Play"]')
    seek(page, 6.5)
    assert page.inner_text("#query .score-page") == "Page 2 of 2"
    assert page.inner_text("#query .player-words") == "Page 2, system 1"


def test_the_server_knows_where_the_recording_is(visit: Visit, clip: Path) -> None:
    page = visit()
    ask(page, clip)
    followed(page)
    marks = []
    for moment in (3.0, 7.0):
        seek(page, moment)
        assert page.inner_text("#query .player-words") == "Page 2, system 1"
        marks.append(float(page.get_attribute("#query .overlay-cursor", "x1") or "nan"))
    seconds_a_system = NOTE_S * NOTES_PER_SYSTEM
    width = 2 * NOTE_STRIP_PX * NOTES_PER_SYSTEM
    assert marks[1] - marks[0] == pytest.approx(4.0 / seconds_a_system * width, rel=0.15)


def test_the_mark_goes_to_where_the_system_is(visit: Visit, clip: Path) -> None:
    page = visit()
    align(page)
    ask(page, clip)
    followed(page)
    seek(page, 3.0)  # the middle of the second system
    sheet = page.locator("#query .score-sheet").bounding_box()
    cursor = page.locator("#query .overlay-cursor").bounding_box()
    band = page.locator("#query .overlay-system").bounding_box()
    assert sheet is not None
    assert cursor is not None
    assert band is not None
    assert cursor["x"] - sheet["x"] == pytest.approx(sheet["width"] / 2, abs=0.06 * sheet["width"])
    assert cursor["height"] == pytest.approx(band["height"], abs=6)
    assert 0.3 < (band["y"] + band["height"] / 2 - sheet["y"]) / sheet["height"] < 0.7


def test_a_click_in_the_score_jumps_there(visit: Visit, clip: Path) -> None:
    page = visit()
    align(page)
    ask(page, clip)
    followed(page)
    seek(page, 0.5)
    band = page.locator("#query .overlay-system").bounding_box()
    assert band is not None
    page.mouse.click(band["x"] + 0.75 * band["width"], band["y"] + band["height"] / 2)
    page.wait_for_function("() => document.querySelector('#query audio').currentTime > 1.2")
    assert page.evaluate("document.querySelector('#query audio').currentTime") == pytest.approx(1.5, abs=0.15)


def test_turning_by_hand_stops_following_until_asked(visit: Visit, clip: Path) -> None:
    page = visit()
    align(page)
    ask(page, clip)
    followed(page)
    seek(page, 1.0)
    page.click("#query [data-do=next]")
    assert page.get_attribute("#query [data-do=follow]", "aria-pressed") == "false"
    seek(page, 1.2)
    assert page.inner_text("#query .score-page") == "Page 2 of 2"
    page.click("#query [data-do=follow]")
    assert page.inner_text("#query .score-page") == "Page 1 of 2"


def test_why_shows_the_attention_and_the_snippet_of_the_moment(visit: Visit, clip: Path) -> None:
    page = visit()
    ask(page, clip)
    page.wait_for_function("() => document.querySelector('#why-words').textContent.includes('counts most')")
    colours = page.evaluate(
        """() => {
            const canvas = document.querySelector("#why-canvas");
            const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            return new Set(Array.from({length: data.length / 4}, (_, i) => data.slice(4 * i, 4 * i + 3).join())).size;
        }"""
    )
    assert colours > 20
    assert page.get_attribute("#why-snippet", "viewBox")
    seek(page, 5.0)
    page.wait_for_function("() => document.querySelector('#why-words').textContent.startsWith('At 0:0')")
    assert "similarity" in page.inner_text("#why-where")


def test_zoom_keeps_the_middle_and_pans(visit: Visit, clip: Path) -> None:
    page = visit()
    ask(page, clip)
    page.wait_for_selector("#query .overlay-place[display=inline]")
    width = page.locator("#query .score-sheet").bounding_box()
    page.click("#query [data-do=in]")
    page.click("#query [data-do=in]")
    assert page.inner_text("#query [data-do=fit]") == "156 %"
    wider = page.locator("#query .score-sheet").bounding_box()
    assert width is not None
    assert wider is not None
    assert wider["width"] == pytest.approx(1.5625 * width["width"], rel=0.01)
    page.hover("#query .score-window")
    page.keyboard.down("Control")
    page.mouse.wheel(0, -200)
    page.keyboard.up("Control")
    page.wait_for_function("() => document.querySelector('#query [data-do=fit]').innerText !== '156 %'")
    page.click("#query [data-do=fit]")
    assert page.inner_text("#query [data-do=fit]") == "Fit"


@pytest.mark.skipif(bool(FIREFOX), reason="two fingers are a matter of Chromium's own protocol")
def test_two_fingers_zoom(visit: Visit, clip: Path) -> None:
    page = visit(**PHONE)
    ask(page, clip)
    page.wait_for_selector("#query .overlay-place[display=inline]")
    window = page.locator("#query .score-window").bounding_box()
    assert window is not None
    x, y = window["x"] + window["width"] / 2, window["y"] + window["height"] / 2
    touch = page.context.new_cdp_session(page)
    for kind, spread in (("touchStart", 40), ("touchMove", 60), ("touchMove", 80)):
        points = [{"x": x - spread, "y": y, "id": 0}, {"x": x + spread, "y": y, "id": 1}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert page.inner_text("#query [data-do=fit]") == "200 %"


def test_a_recording_of_the_librarys_folder_and_the_answers_own_address(visit: Visit, server: Any, clip: Path) -> None:
    tape = server.folder / "tape.wav"
    tape.write_bytes(clip.read_bytes())
    try:
        page = visit()
        page.click("#ask-folder")
        page.click("#folder-list button")
        page.wait_for_selector("#query .hit")
        assert page.inner_text("#query-over") == "Found: tape.wav"
        page.reload()
        page.wait_for_selector("#query .hit")
        assert page.title() == "piece-1 – Earmark"
    finally:
        tape.unlink()


def test_a_dropped_page_finds_its_recordings(visit: Visit, clip: Path, music: Music, tmp_path: Path) -> None:
    page = visit()
    asked = music.write_pdf(tmp_path / "mine.pdf", music.melody(1, 60))
    tape = {"rank": 1, "piece": "evening", "source": "evening.wav", "confidence": 0.9, "time_s": 12.5}
    entry = {"id": 99, "kind": "recording", "name": "evening", "title": None, "composer": None}

    def record(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        if told.get("result"):
            told["result"]["recordings"] = [tape | {"query_time_s": None, "query_place": None}]
            told["pieces"]["evening"] = entry
        route.fulfill(response=answer, json=told)

    page.route(re.compile("/api/v1/queries/[^/]+$"), record)
    page.set_input_files("#ask-input", asked)
    page.wait_for_selector("#query .overlay-place[display=inline]")
    assert page.inner_text("#query-title") == "piece-1"
    assert "like page 1, system" in page.inner_text("#query-where")
    assert page.inner_text("#query-tapes .hit-where") == "From 0:12"
    assert str(page.get_attribute("#query-tapes audio", "src")).endswith("/pieces/99/recording#t=12.5")
    assert page.is_hidden("#query-player")
    assert page.is_hidden("#query-why")
    page.evaluate("location.hash = '#/'")
    ask(page, clip)
    page.wait_for_selector("#query-player:visible")


def test_recording_with_the_microphone(visit: Visit) -> None:
    page = visit()
    page.click("#ask-record")
    page.wait_for_function("() => document.querySelector('#ask-clock').textContent >= '0:08'")
    page.click("#ask-stop")
    page.wait_for_selector("#query .hit")
    assert page.inner_text(".hit[aria-current=true] .hit-title") == "piece-1"


def test_with_the_keyboard_alone(visit: Visit, clip: Path) -> None:
    page = visit()
    align(page)
    page.on("filechooser", lambda chooser: chooser.set_files(clip))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "ask-listen"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "ask-file"
    page.keyboard.press("Enter")
    page.wait_for_selector("#query .hit")
    followed(page)
    assert page.evaluate("document.activeElement.id") == "query-title"
    reached = []
    for _ in range(30):
        page.keyboard.press("Tab")
        element = "e => { const a = document.activeElement; return a.dataset.do || a.dataset.part || a.className; }"
        reached.append(page.evaluate(element))
        if reached[-1] == "window":
            page.keyboard.press("+")
            page.keyboard.press("0")
            page.keyboard.press("ArrowLeft")
            assert page.inner_text("#query .score-page") == "Page 1 of 2"
        if reached[-1] == "forth":
            page.keyboard.press("Enter")
            page.wait_for_function("() => document.querySelector('#query audio').currentTime === 2")
        if reached[-1] == "slider":
            page.keyboard.press("Home")
        if reached.count("hit") == 2:
            page.keyboard.press("Enter")
            break
    assert {"previous", "follow", "in", "window", "play", "forth", "slider", "hit"} <= set(reached)
    assert page.get_attribute("li:nth-child(2) > .hit", "aria-current") == "true"


@pytest.mark.parametrize("options", [PHONE, {"color_scheme": "dark"}], ids=["phone", "dark"])
def test_nothing_sticks_out_and_text_can_be_read(visit: Visit, clip: Path, options: dict[str, Any]) -> None:
    page = visit(**options)
    ask(page, clip)
    page.wait_for_selector("#query .overlay-place[display=inline]")
    for view in ("", "listen", "library", page.url.split("#/")[1]):
        page.evaluate("(view) => { location.hash = '#/' + view; }", view)
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, view
        assert page.evaluate(CUT_OFF) == 0, view
        assert page.evaluate(CONTRASTS) == [], view


def test_the_bar_of_a_score_fits_a_small_phone(visit: Visit, clip: Path) -> None:
    page = visit(**PHONE | {"viewport": {"width": 360, "height": 740}})
    ask(page, clip)
    page.wait_for_selector("#query .overlay-place[display=inline]")
    page.click("#query [data-do=in]")
    page.evaluate("document.querySelector('#query .score-page').textContent = 'Page 12 of 34'")
    parts = page.evaluate(
        """() => [...document.querySelector("#query .score-bar").children].map((part) => {
            const { left, right } = part.getBoundingClientRect();
            return [left, Math.max(right, left + part.scrollWidth)];
        }).concat([[document.querySelector("#query .score-bar").getBoundingClientRect().right]])"""
    )
    for (_, end), (start, *_) in itertools.pairwise(parts):
        assert end <= start + 1, parts


CUT_OFF = """() => [...document.querySelectorAll("button, h1")].filter((element) => element.clientWidth &&
    element.getBoundingClientRect().right > innerWidth + 1).length"""
CONTRASTS = """() => {
    const shade = (text) => {
        const part = text.match(/[\\d.]+/g).slice(0, 3).map((value) => value / 255);
        const [r, g, b] = part.map((value) => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            if (!/^rgba.*, 0\\)$/.test(colour)) return colour;
        }
        return "rgb(255, 255, 255)";
    };
    const poor = [];
    for (const element of document.querySelectorAll("body *")) {
        const written = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
        if (!written || !element.checkVisibility() || element.closest(":disabled, .sr-only, .skip")) continue;
        const [one, other] = [shade(getComputedStyle(element).color), shade(ground(element))];
        const [low, high] = one < other ? [one, other] : [other, one];
        if ((high + 0.05) / (low + 0.05) < 4.5) poor.push(element.className + ": " + element.textContent.slice(0, 40));
    }
    return poor;
}"""
