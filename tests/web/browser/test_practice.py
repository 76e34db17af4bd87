"""Practising with a recording, in a browser."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .conftest import catalogue

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from .conftest import Visit


def test_a_recording_is_practised_with(visit: Visit, clip: Path) -> None:
    page = visit("library")
    catalogue(page)
    page.set_input_files("#library-input", clip)
    page.wait_for_selector(".addition.done >> text=Added: clip, a recording")
    page.click(".book:has-text('piece-1') a")
    page.fill("#piece-mark-text", "thumb under")
    page.click("#piece-mark")
    page.wait_for_selector("#piece-marks >> text=thumb under")
    with page.expect_download() as download:
        page.click("#piece-marks-export")
    (item,) = json.loads(Path(download.value.path()).read_text())["items"]
    assert item["body"]["value"] == "thumb under"
    page.click("#piece-recordings a:has-text('clip')")
    page.wait_for_selector("#practice-loop:enabled")
    assert page.inner_text("#practice-player .player-words") == "Page 2, system 1"
    assert page.is_disabled("#practice-click")
    assert page.is_disabled("#practice-count-in")
    assert page.inner_text("#practice-click-why") == "No clicks: they need a score file that tells its beats."
    audio = "document.querySelector('#practice audio')"
    page.select_option("#practice .speed", "0.5")
    assert page.evaluate(f"[{audio}.playbackRate, {audio}.preservesPitch]") == [0.5, True]

    page.click("#practice-loop")
    assert page.inner_text("#practice-player .player-words") == "Choose the first system of the loop in the score."
    page.select_option("#practice-from", label="Page 2, system 1")
    page.select_option("#practice-to", label="Page 2, system 1")
    assert page.locator("#practice .overlay-loop").count() == 1
    assert page.locator("#practice .overlay-loop-end").count() == 2
    assert page.locator("#practice .overlay-system ~ g .overlay-loop").count() == 1  # over what is played
    assert page.get_attribute("#practice-loop", "aria-pressed") == "true"
    page.evaluate(f"{audio}.currentTime = 9.5")
    page.evaluate(f"() => {{ {audio}.play(); }}")  # its promise is not awaited: that would be without a limit
    page.wait_for_function(f"() => {audio}.currentTime < 3")
    page.click("#practice-loop")
    assert page.is_hidden("#practice-ends")
    assert page.locator("#practice .overlay-loop").count() == 0

    page.click("#practice-mark")
    page.wait_for_selector("#practice-marks >> text=Page 2, system 1")
    assert re.split("\n+", page.inner_text("#practice-marks")) == ["Page 1", "thumb under", "Page 2, system 1"]
    page.click("#practice-marks >> text=Page 1")
    assert page.inner_text("#practice .score-page") == "Page 1 of 2"
    page.click("#practice-back")
    for left in (1, 0):  # of the library's bookmarks
        page.locator("#piece-marks [aria-label^='Remove the bookmark']").first.click()
        page.wait_for_function(f"() => document.querySelectorAll('#piece-marks .bookmark').length === {left}")
    page.wait_for_selector("#piece-recordings a")
    page.click("nav >> text=Library")
    page.route("**/alignment", in_measures)
    page.click("[aria-label='Play clip along its score']")
    page.wait_for_selector("#practice:visible")
    assert_clicks_are_heard(page)
    page.click("nav >> text=Library")
    page.click("[aria-label='Remove clip']")  # leaves the library as it was
    page.wait_for_selector("#toast:visible >> text=clip is removed.")


def in_measures(route: Route) -> None:
    """An alignment as of a score file in 2/4, a measure every second, from between two points on."""
    answer = route.fetch()
    told = answer.json()
    for point in (told["alignment"] or {"points": []})["points"]:
        played = point["time_s"] + 0.04
        point |= {"measure": str(1 + int(played)), "beat": round(1 + played % 1 * 2, 2)}
    route.fulfill(response=answer, json=told)


def assert_clicks_are_heard(page: Page) -> None:
    """Counts in to a measure and clicks along it, by keyboard."""
    page.wait_for_selector("#practice-click:enabled")
    assert page.inner_text("#practice-click-why") == ""
    page.evaluate(
        """() => {
            window.clicks = [];
            const start = OscillatorNode.prototype.start;
            OscillatorNode.prototype.start = function (at) {
                const { paused } = document.querySelector("#practice audio");
                window.clicks.push([this.frequency.value, at - this.context.currentTime, paused]);
                start.call(this, at);
            };
        }"""
    )
    page.select_option("#practice .speed", "0.8")
    page.click("#practice-loop")
    page.select_option("#practice-from", "1")
    for name in ("Click at every beat", "Count-in before a loop"):
        page.get_by_role("button", name=name).press("Enter")
        assert page.get_by_role("button", name=name, pressed=True).is_enabled()
    page.get_by_role("button", name="Play", exact=True).press("Enter")
    assert page.inner_text("#practice-player .player-words") == "Counting in …"
    (first, begins, is_before), (other, follows, _) = page.evaluate("window.clicks.slice(0, 2)")
    assert first > other
    assert is_before
    assert follows - begins == pytest.approx(0.5 / 0.8, abs=0.05)
    page.wait_for_function("() => window.clicks.length >= 5")
    assert [(pitch, paused) for pitch, _, paused in page.evaluate("window.clicks.slice(2, 5)")] == [
        (first, False),
        (other, False),
        (first, False),
    ]
    page.get_by_role("button", name="Pause", exact=True).press("Enter")


def test_beats_are_where_the_measures_go_on(visit: Visit) -> None:
    told = visit().evaluate(
        """async () => {
            const { Alignment } = await import("/js/alignment.js");
            const { countIn, due } = await import("/js/clicks.js");
            const point = ([time_s, measure, beat]) => ({ time_s, page: 1, system: 1, x: time_s / 10, measure, beat });
            const rows = [
                [0.0, "0", 2.5], [0.1, "0", 2.75], // an upbeat whose beginning is missing
                [0.2, "1", 1], [0.3, "1", 1], [0.4, "1", 1.2], [0.5, "1", 1.4], [0.6, "1", 1.6], [0.7, "1", 1.8],
                [0.8, "1", 2.1], [0.9, "1", 2.4],
                [1.5, "2", 1.2], [1.6, "2", 1.4], [1.7, "2", 1.6], // its first beat was not heard
            ];
            const alignment = new Alignment({ points: rows.map(point), systems: [] });
            const pages = rows.map((row) => ({ ...point(row), beat: null }));
            const unknown = new Alignment({ points: pages, systems: [] });
            const steady = Array.from({ length: 9 }, (_, i) => ({ time: 10 + i / 2, beat: 1 + (i + 2) % 3 }));
            return [
                alignment.beats().map(({ time, beat }) => [time.toFixed(2), beat]),
                unknown.beats(),
                due(steady, 10, 11, 9.9, 0.5).map(({ after, accented }) => [after.toFixed(2), accented]),
                countIn(steady, 10.4, 1), // the measure begins at 10.5
                countIn(steady, 10, 2), // with an upbeat
                countIn([], 10, 1),
            ];
        }"""
    )
    assert told[0] == [["0.30", 1], ["0.77", 2]]
    assert told[1] == []
    assert told[2] == [["0.20", False], ["1.20", True]]
    assert [click["after"] for click in told[3]["clicks"]] == [0, 0.5, 1]
    assert told[3]["lasts"] == pytest.approx(1.4)
    assert [click["accented"] for click in told[4]["clicks"]] == [True, False, False, True, False]
    assert told[4]["lasts"] == pytest.approx(1.25)
    assert told[5] is None


def test_loops_are_of_measures_where_they_are_known(visit: Visit) -> None:
    told = visit().evaluate(
        """async () => {
            const { Alignment } = await import("/js/alignment.js");
            const point = (time_s, system, x, measure) => ({ time_s, page: 1, system, x, measure });
            const box = (system) => [0.1, 0.2 * system, 0.9, 0.2 * system + 0.1];
            const systems = [1, 2].map((system) => ({ page: 1, system, box: box(system) }));
            const played = [[1, 0.2, "1"], [1, 0.4, "1"], [1, 0.5, "2"], [1, 0.8, "2"], [2, 0.2, "3"], [2, 0.8, "3"]];
            const points = played.map((one, i) => point(i / 4, ...one));
            const twice = [...points, ...points.map((one) => ({ ...one, time_s: one.time_s + 10 }))];
            const alignment = new Alignment({ points: twice, systems });
            const spans = alignment.spans();
            const plain = new Alignment({ points: points.map((one) => ({ ...one, measure: null })), systems });
            return [
                spans.map(({ measure, box }) => [measure, box[0], box[2]]),
                alignment.spanAt(spans, 1, 0.7, 0.25).measure,
                alignment.passage(spans[1], spans[2], 11),
                plain.spans().map(({ system, measure }) => [system, measure]),
            ];
        }"""
    )
    assert told[0] == [["1", 0.1, 0.5], ["2", 0.5, 0.9], ["3", 0.1, 0.9]]
    assert told[1] == "2"
    assert told[2] == {"start": 10.5, "end": 11.25}
    assert told[3] == [[1, None], [2, None]]


def test_a_loop_begins_with_its_first_beat_and_a_click(visit: Visit) -> None:
    told = visit().evaluate(
        """async () => {
            const { Alignment } = await import("/js/alignment.js");
            const { Clicks, countIn } = await import("/js/clicks.js");
            const place = { page: 1, system: 1 };
            const music = (time) => ({ measure: String(Math.floor(time / 0.96)), beat: 1 + time % 0.96 / 0.48 });
            const point = (time_s) => ({ time_s, ...place, x: time_s / 10, ...music(time_s) });
            const points = Array.from({length: 40}, (_, i) => point(i / 10));
            const alignment = new Alignment({ points, systems: [{ ...place, box: [0, 0, 1, 1] }] });
            const beats = alignment.beats();
            const measure = alignment.spans()[1];
            const loop = alignment.passage(measure, measure, 0);
            const clicks = new Clicks();
            const heard = [];
            clicks.sound = (some) => heard.push(...some);
            clicks.follow(beats, loop.start + 0.01, 1, loop.end); // a browser may begin a little late
            return [loop, countIn(beats, loop.start, 1).lasts, heard.map(({ accented }) => accented)];
        }"""
    )
    assert told[0] == {"start": pytest.approx(0.96), "end": pytest.approx(1.92)}
    assert told[1] == pytest.approx(0.96)
    assert told[2] == [True]
