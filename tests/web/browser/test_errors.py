"""Each kind of failure, in words with what to do, in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import FilePayload, Page, Route

    from .conftest import Visit

TEXT: FilePayload = {"name": "notes.mp3", "mimeType": "audio/mpeg", "buffer": b"these are words, not music"}
SCORE: FilePayload = {"name": "sonata.pdf", "mimeType": "application/pdf", "buffer": b"%PDF"}
REFUSALS = {
    "too_large": (413, "the recording has too many bytes", "cut it"),
    "unavailable": (503, "the library cannot be read", "free some space on its disk"),
    "other_model": (409, "the library was made with another model", "start the server with that model"),
}
FAILURES = {"too_long": "cut out a stretch", "gave_up": "convert it to WAV and try again"}


def problem(page: Page, kind: str) -> str:
    """The words of the problem that shows; it is announced, and the focus is where one can go on."""
    shown = page.locator(f'.problem[role=alert][data-kind="{kind}"]:visible')
    shown.wait_for()
    return shown.inner_text()


def test_a_file_that_is_no_recording(visit: Visit) -> None:
    page = visit()
    page.set_input_files("#ask-input", TEXT)
    words = problem(page, "unusable_file")
    assert "notes.mp3" in words
    assert "or recordings" in words
    assert page.evaluate("document.activeElement.id") == "ask-file"


def test_a_page_that_cannot_be_read(visit: Visit) -> None:
    page = visit()
    page.set_input_files("#ask-input", SCORE)
    assert "sonata.pdf" in problem(page, "unusable_file")


def test_a_file_larger_than_the_server_takes_is_not_even_sent(visit: Visit, clip: Path) -> None:
    page = visit()
    page.route("**/api/v1/library", lambda route: lowered(route))
    page.reload()
    page.set_input_files("#ask-input", clip)
    assert "at most 1 kB" in problem(page, "too_large")


def lowered(route: Route) -> None:
    answer = route.fetch()
    facts = answer.json()
    facts["limits"]["audio_bytes"] = 1000
    route.fulfill(response=answer, json=facts)


@pytest.mark.parametrize("kind", REFUSALS)
def test_the_server_refuses(visit: Visit, clip: Path, kind: str) -> None:
    page = visit()
    status, what, remedy = REFUSALS[kind]
    error = {"error": {"kind": kind, "what": what, "remedy": remedy}}
    page.route("**/api/v1/queries?*", lambda route: route.fulfill(status=status, json=error))
    page.set_input_files("#ask-input", clip)
    words = problem(page, kind)
    assert what[1:] in words
    assert remedy[1:] in words


@pytest.mark.parametrize("kind", FAILURES)
def test_the_work_fails(visit: Visit, clip: Path, kind: str) -> None:
    page = visit()
    error = {"kind": kind, "what": "it could not be heard whole", "remedy": FAILURES[kind]}

    def fail(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "state": "failed", "result": None, "error": error})

    page.route("**/api/v1/queries/*", fail)
    page.set_input_files("#ask-input", clip)
    assert FAILURES[kind][1:] in problem(page, kind)


def test_a_busy_server_is_asked_again_by_itself(visit: Visit, clip: Path) -> None:
    page = visit()
    error = {"error": {"kind": "busy", "what": "others are being served", "remedy": "try again soon"}}
    refused = {"status": 429, "headers": {"Retry-After": "1"}, "json": error}
    page.route("**/api/v1/queries?*", lambda route: route.fulfill(**refused), times=1)
    page.set_input_files("#ask-input", clip)
    page.wait_for_function("() => document.querySelector('#ask-work-hint').textContent === 'Trying again in 1 second.'")
    page.wait_for_selector("#query .hit")
    assert page.locator(".problem:visible").count() == 0


def test_a_server_that_is_gone(visit: Visit, clip: Path) -> None:
    page = visit()
    page.wait_for_function("() => document.querySelector('#ask-lead').textContent.includes('pieces')")
    page.route("**/api/v1/**", lambda route: route.abort())
    page.set_input_files("#ask-input", clip)
    assert "Start it again" in problem(page, "gone")


def test_an_explanation_that_cannot_be_had_spoils_nothing_else(visit: Visit, clip: Path) -> None:
    page = visit()
    error = {"error": {"kind": "busy", "what": "too many pictures are being drawn", "remedy": "try again"}}
    page.route("**/spectrogram.png?*", lambda route: route.fulfill(status=429, json=error))
    page.set_input_files("#ask-input", clip)
    page.wait_for_selector("#query .overlay-place[display=inline]")
    page.wait_for_function("() => document.querySelector('#why-words').textContent.includes('too many pictures')")
    assert page.is_visible("#query .overlay-place")
    assert page.locator(".problem:visible").count() == 0


def test_an_answer_that_is_no_longer_kept(visit: Visit) -> None:
    page = visit("query/nothing-here")
    assert "no longer kept" in problem(page, "not_found")


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("NotAllowedError", "microphone_refused", "Allow it for this page"),
        ("NotFoundError", "no_microphone", "Plug one in"),
        ("NotReadableError", "no_microphone", "Close the program"),
    ],
)
@pytest.mark.parametrize(("view", "button"), [("", "#ask-record"), ("listen", "#listen-start")])
def test_the_microphone_cannot_be_had(visit: Visit, view: str, button: str, name: str, kind: str, words: str) -> None:
    page = visit(view)
    page.evaluate(
        "(name) => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', name)); }", name
    )
    page.click(button)
    assert words in problem(page, kind)


def test_a_page_without_the_right_to_a_microphone(visit: Visit) -> None:
    page = visit("listen")
    page.evaluate("Object.defineProperty(navigator, 'mediaDevices', {value: undefined})")
    page.click("#listen-start")
    assert "HTTPS" in problem(page, "insecure")
