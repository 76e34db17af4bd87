"""Answers with more than one piece, in a browser: several files, tapes, measures."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from tests.conftest import Music

    from .conftest import Visit


def answered(page: Page, clip: Path, *changes: dict[str, Any]) -> None:
    """Asks; the answer's hits, in order, are the server's with these changes, the last ones left out."""

    def change(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        if told.get("result"):
            hits = told["result"]["hits"]
            told["result"]["hits"] = [hit | other for hit, other in zip(hits, changes, strict=False)]
        route.fulfill(response=answer, json=told)

    page.route(re.compile("/api/v1/queries/[^/]+$"), change)
    page.set_input_files("#ask-input", clip)
    page.wait_for_selector("#query .overlay-place[display=inline]")


def test_of_several_files_each_is_answered(visit: Visit, clip: Path, music: Music, tmp_path: Path) -> None:
    page = visit()
    other = music.write_recording(tmp_path / "other.wav", music.melody(0, 40))
    page.set_input_files("#ask-input", [clip, other])
    page.wait_for_function("() => document.querySelectorAll('#several-list .done').length === 2")
    rows = page.locator("#several-list .addition-words").all_inner_texts()
    assert [re.sub(r",.*", "", row) for row in rows] == ["piece-1", "piece-0"]
    page.click("#several-list a >> nth=1")
    page.wait_for_function("() => document.querySelector('#query-title').textContent === 'piece-0'")


def test_the_pieces_of_a_tape_are_stretches_in_order(visit: Visit, clip: Path) -> None:
    page = visit()
    later = {"confidence": 0.99, "heard_s": [6.0, 9.0]}
    sooner = {"confidence": 0.98, "heard_s": [0.0, 5.0]}
    answered(page, clip, later, sooner)
    assert page.inner_text("#hits-title") == "Pieces, as they are played"
    stretches = page.locator("#query .hit-where").all_inner_texts()
    assert [re.sub(r".*heard ", "", words) for words in stretches] == ["from 0:00 to 0:05", "from 0:06 to 0:09"]
    assert page.inner_text("#query-over") == "Found: clip.wav"


def test_rivals_stay_in_order_of_likelihood(visit: Visit, clip: Path) -> None:
    page = visit()
    answered(page, clip, {"confidence": 0.99, "heard_s": [4.0, 9.0]}, {"confidence": 0.6, "heard_s": [0.0, 9.0]})
    assert page.inner_text("#hits-title") == "Pieces, likeliest first"
    assert page.inner_text(".hit[aria-current=true] .hit-sure") == "99 %"


def test_the_measure_is_told(visit: Visit, clip: Path) -> None:
    page = visit()
    answered(page, clip, {"measure": "17"})
    assert ", measure 17" in page.inner_text("#query-where")
    assert page.inner_text("#query .hit-where").endswith("measure 17")
