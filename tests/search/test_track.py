"""The line that is rebuilt from a library's places is the strip's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.schema import SheetSpec, System
from earmark.search.track import Track
from earmark.sheet.strips import Strip, cut_strip, join_strips

HOP_PX = 8
WIDTH, HEIGHT = 1654, 2339


def system(x0: float, y0: float, width: float) -> System:
    return System((x0, y0, x0 + width, y0 + 180), ((y0, y0 + 56), (y0 + 124, y0 + 180)), 56.0)


def track(strip: Strip) -> Track:
    """As a library keeps it: boxes rounded to five decimals."""
    places = [strip.place(x) for x in np.arange(HOP_PX / 2, strip.width, HOP_PX)]
    for place in places:
        object.__setattr__(place, "box", tuple(round(side, 5) for side in place.box))
    return Track(places, HOP_PX)


@st.composite
def strips(draw: st.DrawFn) -> Strip:
    """Two pages; all systems show a whole window, but for the last, which may be a short one."""
    x0, wide = st.floats(0, 250), st.floats(600, 1400)
    pages = [[system(draw(x0), 100 + 450 * i, draw(wide)) for i in range(draw(st.integers(1, 3)))] for _ in range(2)]
    pages[1].append(system(100.0, 1800.0, draw(st.floats(260, 1400))))
    blank = np.full((HEIGHT, WIDTH), 255, np.uint8)
    return join_strips(cut_strip(blank, systems, SheetSpec(), i) for i, systems in enumerate(pages, start=1))


@settings(max_examples=50)
@given(strips(), st.floats(0, 1))
def test_places_on_the_line_are_those_of_the_strip(strip: Strip, share: float) -> None:
    line = track(strip)
    ends = np.append(strip.strip_x0[1:], strip.width)
    px = strip.strip_x0 + 0.5 + share * (ends - strip.strip_x0 - 1.5)
    pages, systems, x = line.at(px)
    index, page_x = strip.to_page(px)
    np.testing.assert_array_equal(index, np.arange(len(px)))
    np.testing.assert_array_equal(pages, strip.page)
    np.testing.assert_array_equal(systems, strip.number)
    np.testing.assert_allclose(x, page_x / WIDTH, atol=2e-4)
    assert [(box.page, box.system) for box in line.systems] == list(zip(strip.page, strip.number, strict=True))


def test_beyond_its_ends_the_line_stands() -> None:
    line = track(cut_strip(np.full((HEIGHT, WIDTH), 255, np.uint8), [system(165.4, 100.0, 827.0)], SheetSpec()))
    _, _, x = line.at([-50.0, 10_000.0])
    np.testing.assert_allclose(x, [0.1, 0.6], atol=1e-3)
    box = line.systems[0].box
    np.testing.assert_allclose(box, (0.1, (190 - 160) / HEIGHT, 0.6, (190 + 160) / HEIGHT), atol=1e-3)


def test_a_piece_without_places_has_no_line() -> None:
    with pytest.raises(ValueError, match="at least one place"):
        Track([], HOP_PX)


def test_measures_are_those_of_the_nearest_places_of_a_system() -> None:
    blank, systems = np.full((HEIGHT, WIDTH), 255, np.uint8), [system(100.0, 100.0, 1001.0), system(90.0, 700.0, 900.0)]
    strip = cut_strip(blank, systems, SheetSpec())
    read_px = np.arange(HOP_PX / 2, strip.width, HOP_PX)
    places = [replace(strip.place(x), measure=str(1 + i // 10)) for i, x in enumerate(read_px)]
    line = Track(places, HOP_PX)
    assert line.measures(read_px) == [place.measure for place in places]
    second = next(place for place in places if place.system == 2)
    assert line.measures([strip.strip_x0[1] + 0.5, -50.0]) == [second.measure, "1"]
    assert Track([replace(place, measure=None) for place in places], HOP_PX).measures([4.0]) == [None]


def test_beats_go_on_between_the_places_of_a_measure() -> None:
    strip = cut_strip(np.full((HEIGHT, WIDTH), 255, np.uint8), [system(100.0, 100.0, 1001.0)], SheetSpec())
    told = [("1", 1.0), ("1", 1.5), ("2", 1.0), ("2", 1.4), ("2", 1.0), ("2", None)]
    places = [
        replace(strip.place(HOP_PX * (i + 0.5)), measure=measure, beat=beat) for i, (measure, beat) in enumerate(told)
    ]
    line = Track(places, HOP_PX)
    at = [0.0, 0.5, 0.75, 1.0, 1.5, 1.9, 2.0, 2.5, 3.0, 3.5, 3.9, 4.5, 4.9, 5.5, 9.0]  # in places
    beats = [1.0, 1.0, 1.12, 1.25, 1.5, 1.5, 1.0, 1.0, 1.2, 1.4, 1.4, 1.0, 1.0, None, None]
    assert line.beats(HOP_PX * np.array(at)) == beats
