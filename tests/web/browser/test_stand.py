"""The music stand, in a browser: turning, fitting, what is remembered, on screens of all sizes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import FIREFOX, PHONE, Visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders
    from tests.web.conftest import Fill, Serve

TABLET: dict[str, Any] = {"viewport": {"width": 820, "height": 1180}, "has_touch": True}
WIDEST: dict[str, Any] = {"viewport": {"width": 2560, "height": 1100}}


def at_the_piano(visit: Visit, piece: int = 1, page: int = 1, **options: Any) -> Page:
    stand = visit(f"stand/{piece}/{page}", **options)
    stand.wait_for_function("() => document.querySelector('#stand .leaf img')?.naturalWidth > 0")
    return stand


def tap(page: Page, x: float, y: float) -> None:
    """Taps there; clicks in Firefox, where Playwright has no touch."""
    (page.mouse.click if FIREFOX else page.touchscreen.tap)(x, y)


def shown(page: Page) -> str:
    return page.text_content("#stand-page") or ""


def test_a_piece_is_put_on_the_stand_and_left_again(visit: Visit) -> None:
    page = visit("library")
    page.click(".book a")
    page.click("#piece-stand")
    page.wait_for_selector("#stand .leaf img")
    assert page.evaluate("document.querySelector('.top').inert")
    assert page.evaluate("document.activeElement.id") == "stand-title"
    page.keyboard.press("Escape")
    page.wait_for_selector("#piece:visible")
    assert not page.evaluate("document.querySelector('.top').inert")


def test_keys_and_pedals_turn(visit: Visit) -> None:
    page = at_the_piano(visit, **TABLET)
    for on, back in (
        ("PageDown", "PageUp"),
        ("ArrowRight", "ArrowLeft"),
        ("ArrowDown", "ArrowUp"),
        (" ", "Shift+Space"),
        ("Enter", "Backspace"),
        ("End", "Home"),
    ):
        page.keyboard.press(on)
        page.keyboard.press(on)
        assert shown(page) == "Page 2 of 2", on
        assert page.url.endswith("/2")
        page.keyboard.press(back)
        assert shown(page) == "Page 1 of 2", back
    assert page.inner_text("#status") == "Page 1 of 2"
    assert page.is_hidden("#stand-bar")


def test_escape_shows_the_bar_then_leaves(visit: Visit) -> None:
    page = at_the_piano(visit, **TABLET)
    page.keyboard.press("PageDown")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "stand-close"
    page.keyboard.press("Escape")
    page.wait_for_selector("#piece:visible")
    assert page.url.endswith("/2")


def test_taps_and_swipes_turn_and_the_middle_shows_the_bar(visit: Visit) -> None:
    page = at_the_piano(visit, **TABLET)
    tap(page, 800, 600)
    assert shown(page) == "Page 2 of 2"
    tap(page, 20, 600)
    assert shown(page) == "Page 1 of 2"
    tap(page, 410, 600)
    assert page.is_hidden("#stand-bar")
    tap(page, 410, 600)
    assert page.is_visible("#stand-bar")
    page.mouse.move(600, 600)
    page.mouse.down()
    page.mouse.move(300, 610)
    page.mouse.up()
    assert shown(page) == "Page 2 of 2"


def test_half_of_the_next_page_comes_before_the_rest(visit: Visit) -> None:
    page = at_the_piano(visit, **TABLET)
    page.click("#stand-halves")
    page.keyboard.press("PageDown")
    assert shown(page) == "Pages 2 and 1 of 2"
    assert page.locator("#stand .leaf.over img").get_attribute("alt") == "Page 2 of piece-0"
    page.keyboard.press("PageDown")
    assert shown(page) == "Page 2 of 2"
    assert page.locator("#stand .leaf.over").count() == 0


def test_two_pages_lie_side_by_side_where_there_is_room(visit: Visit) -> None:
    page = at_the_piano(visit, **WIDEST)
    assert shown(page) == "Pages 1 and 2 of 2"
    one, other = (page.locator("#stand .leaf").nth(i).bounding_box() for i in range(2))
    assert one is not None
    assert other is not None
    assert abs(one["x"] + one["width"] - other["x"]) <= 1
    page.click("#stand-two")
    assert shown(page) == "Page 1 of 2"


def test_on_a_phone_a_page_is_as_wide_as_the_window_and_read_downwards(visit: Visit) -> None:
    page = at_the_piano(visit, **PHONE)
    leaf = page.locator("#stand .leaf").bounding_box()
    assert leaf is not None
    assert abs(leaf["width"] - PHONE["viewport"]["width"]) <= 1
    bar = page.locator("#stand-bar").bounding_box()
    assert bar is not None
    assert bar["height"] < 60
    page.click("#stand-more")
    assert page.is_visible("#stand-dark")
    page.click("#stand-more")
    assert page.is_hidden("#stand-dark")
    page.set_viewport_size({"width": 390, "height": 220})
    page.keyboard.press("PageDown")
    assert shown(page) == "Page 1 of 2"
    assert page.evaluate("document.querySelector('#stand-window').scrollTop") > 50
    for _ in range(4):
        page.keyboard.press("PageDown")
    assert shown(page) == "Page 2 of 2"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_is_set_is_remembered(visit: Visit) -> None:
    page = at_the_piano(visit, **TABLET)
    page.click("#stand-dark")
    page.click("#stand-width")
    page.reload()
    page.wait_for_selector("#stand .leaf img")
    pressed = "() => [...document.querySelectorAll('#stand [aria-pressed=true]')].map((one) => one.id)"
    assert page.evaluate(pressed) == ["stand-width", "stand-two", "stand-dark"]
    assert "invert" in page.evaluate("getComputedStyle(document.querySelector('#stand .leaf img')).filter")


def test_a_piece_that_is_not_there_is_said(visit: Visit) -> None:
    page = visit("stand/999999")
    page.wait_for_selector('#stand .problem[data-kind="not_found"]')
    assert page.locator("#stand .leaf img").count() == 0
    page.keyboard.press("PageDown")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    page.wait_for_selector("#library:visible")
    assert not page.is_visible("#stand")


def test_what_is_done_with_a_piece_waits_for_it(visit: Visit) -> None:
    page = visit("library")
    page.wait_for_selector(".book")
    held: list[Any] = []
    page.route("**/api/v1/pieces/1", lambda route: held.append(route))
    page.evaluate("location.hash = '#/stand/1/1'")
    page.wait_for_selector("#stand:visible")
    buttons = [page.locator(f"#stand-{name}") for name in ("listen", "marks")]
    assert [button.is_disabled() for button in buttons] == [True, True]
    while not held:
        page.wait_for_timeout(20)
    for route in held:
        route.continue_()
    page.wait_for_selector("#stand .leaf img")
    assert [button.is_disabled() for button in buttons] == [False, False]


def test_bookmarks_are_made_and_found_by_keys(visit: Visit) -> None:
    page = at_the_piano(visit, **TABLET)
    page.keyboard.press("PageDown")
    page.keyboard.press("b")
    page.focus("#marks-text")
    page.keyboard.type("by 3-1")
    page.keyboard.press("Home")  # what is typed turns nothing
    page.keyboard.press("Enter")
    page.wait_for_selector("#marks-list >> text=by 3-1")
    page.keyboard.press("Escape")
    assert page.is_hidden("#marks")
    assert shown(page) == "Page 2 of 2"
    page.keyboard.press("Home")
    assert shown(page) == "Page 1 of 2"
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    assert shown(page) == "Page 2 of 2"
    page.keyboard.press("b")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # removes it, and leaves the library as it was
    page.wait_for_selector("#marks-list .bookmark", state="detached")


def test_a_bookmark_of_a_system_is_reached_and_marked(visit: Visit) -> None:
    page = at_the_piano(visit, **TABLET)
    piece, headers = f"{page.url.split('#')[0]}api/v1/pieces/1", {"Earmark-Client": "tests"}
    page.request.patch(piece, headers=headers, data={"bookmarks": [{"page": 2, "system": 2, "text": "coda"}]})
    page.reload()
    page.click("#stand-marks")
    page.click("#marks-list >> text=coda")
    assert shown(page) == "Page 2 of 2"
    page.locator("#stand .overlay-place").wait_for()
    mark = page.locator("#stand .overlay-place").bounding_box()
    leaf = page.locator("#stand .leaf:has(.overlay-place)").bounding_box()
    assert mark is not None
    assert leaf is not None
    systems = page.request.get(piece).json()["layout"][1]["systems"]
    assert (mark["y"] - leaf["y"]) / leaf["height"] == pytest.approx(systems[1]["box"][1], abs=0.01)
    tap(page, 20, 600)
    assert page.locator("#stand .overlay-place").count() == 0
    tap(page, 410, 600)
    page.click("#stand-marks")
    page.click("[aria-label='Remove the bookmark Page 2, system 2']")  # leaves the library as it was
    page.wait_for_selector("#marks-list .bookmark", state="detached")
    page.click("#marks-add >> text=Bookmark page 1")
    page.wait_for_selector("#marks-list >> text=Page 1")
    page.click("[aria-label='Remove the bookmark Page 1']")
    page.wait_for_selector("#marks-list .bookmark", state="detached")


@pytest.fixture
def left_alone(
    browser: Browser, serve: Serve, fill: Fill, encoders: FakeEncoders, music: Music, tmp_path: Path
) -> Iterator[Page]:
    """A page whose server has ended, after the first piece was on the stand."""
    with serve(fill(tmp_path / "library", encoders, music), encoders) as served:
        visit = Visit(browser, served.url, [])
        page = at_the_piano(visit, **TABLET)
        is_kept = page.evaluate(
            """async () => {
                for (let tries = 0; tries < 600; tries += 1) {
                    if (await caches.match("/api/v1/pieces/1")) return true;
                    await new Promise((resolve) => setTimeout(resolve, 50));
                }
                return false;
            }"""
        )
        assert is_kept
    yield page
    visit.close()


def test_what_was_on_the_stand_opens_without_the_server(left_alone: Page) -> None:
    page = left_alone
    page.goto(page.url.split("#")[0])
    page.click("nav >> text=Library")
    page.wait_for_selector(".book")
    assert page.locator(".book-title").all_inner_texts() == ["piece-0"]
    page.evaluate("location.hash = '#/stand/1/2'")
    page.wait_for_function("() => document.querySelector('#stand .leaf img')?.naturalWidth > 0")
    kept = page.evaluate(
        """async () => (await Promise.all((await caches.keys()).map(async (name) =>
            (await (await caches.open(name)).keys()).map(({url}) => new URL(url).pathname)))).flat()"""
    )
    assert {"/", "/app.js", "/stand.css", "/js/microphone-worklet.js", "/api/v1/library"} <= set(kept)
    pages = [f"/api/v1/pieces/1/pages/{number}.png" for number in (1, 2)]
    assert {path for path in kept if path.startswith("/api/")} == {"/api/v1/library", "/api/v1/pieces/1", *pages}


def test_it_can_be_installed(visit: Visit) -> None:
    page = visit()
    address = page.locator("link[rel=manifest]").get_attribute("href")
    manifest = page.evaluate("(address) => fetch(address).then((answer) => answer.json())", address)
    assert manifest["display"] == "standalone"
    icons = page.evaluate(
        "(icons) => Promise.all(icons.map(({src}) => fetch(src).then(({ok}) => ok)))", manifest["icons"]
    )
    assert icons == [True, True]
    assert page.evaluate("() => fetch('/icon.png').then(({headers}) => headers.get('Content-Type'))") == "image/png"


def test_where_turns_lead(visit: Visit) -> None:
    page = visit()
    walks = page.evaluate(
        """async () => {
            const { seen, turned } = await import("/js/turns.js");
            const walk = (pages, together, halves, direction, position) => {
                const steps = [];
                for (; position; position = turned(position, direction, {pages, together, halves})) {
                    const { beside, over } = seen(position, pages, together);
                    steps.push(beside.join(" ") + (over ? `<${over}` : ""));
                }
                return steps;
            };
            const first = {page: 1, half: false};
            return [walk(3, 1, false, 1, first), walk(3, 1, true, 1, first), walk(5, 2, false, 1, first),
                walk(5, 2, true, 1, first), walk(5, 2, true, -1, {page: 5, half: false}),
                walk(4, 2, false, -1, {page: 4, half: false})];
        }"""
    )
    assert walks == [
        ["1", "2", "3"],
        ["1", "1<2", "2", "2<3", "3"],
        ["1 2", "3 4", "5"],
        ["1 2", "3 2", "3 4", "5 4", "5"],
        ["5", "5 4", "3 4", "3 2", "1 2"],
        ["4", "2 3", "1 2"],
    ]


def test_pages_turn_ahead_of_the_music_and_back_with_it(visit: Visit) -> None:
    page = visit()
    positions = page.evaluate(
        """async () => {
            const { followed } = await import("/js/turns.js");
            const systems = [1, 2, 3].map((number) => ({number, box: [0.1, number * 0.25, 0.9, number * 0.25 + 0.15]}));
            const layout = [1, 2, 3, 4].map(() => ({systems}));
            const walk = (options, ...places) => {
                let position = {page: 1, half: false};
                return places.map(([number, system, x]) => {
                    const place = {page: number, system, x};
                    position = followed(position, place, {layout, together: 1, halves: false, ...options}) ?? position;
                    return position.page + (position.half ? "½" : "");
                }).join(" ");
            };
            return [
                walk({}, [1, 1, 0.5], [1, 3, 0.5], [1, 3, 0.8], [1, 3, 0.6], [2, 1, 0.2], [1, 2, 0.2], [4, 3, 0.9]),
                walk({halves: true}, [1, 1, 0.5], [1, 3, 0.2], [2, 1, 0.2], [2, 3, 0.2], [1, 1, 0.2], [4, 3, 0.9]),
                walk({together: 2}, [1, 3, 0.9], [2, 1, 0.5], [2, 3, 0.8], [3, 1, 0.5], [1, 1, 0.5]),
                walk({together: 2, halves: true}, [1, 3, 0.9], [2, 1, 0.2], [2, 3, 0.9], [3, 1, 0.2], [4, 1, 0.2]),
            ];
        }"""
    )
    assert positions == ["1 1 2 2 2 1 4", "1 1½ 2 2½ 1 4", "1 1 3 3 1", "1 1½ 1½ 3 3"]


def test_turning_down_a_page_begins_with_what_was_not_seen(visit: Visit) -> None:
    page = visit()
    tops = page.evaluate(
        """async () => {
            const { scrolled } = await import("/js/turns.js");
            const systems = [0.1, 0.3, 0.5, 0.7].map((top) => ({box: [0, top, 1, top + 0.15]}));
            return [[0, 1, false], [0.6, 1, false], [0, 1, true], [0.6, -1, false], [0, -1, false]].map(
                ([top, direction, halves]) => scrolled(top, 0.4, direction, systems, halves));
        }"""
    )
    assert tops == [pytest.approx(0.292), None, pytest.approx(0.2), pytest.approx(0.24), None]
