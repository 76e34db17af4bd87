"""Strips: one staff height, reading order, and places that convert exactly both ways."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.schema import HEAD_PX, Image, SheetSpec, System
from earmark.sheet.strips import Strip, cut_strip, heads_of, ink, join_strips, lane_middles, staves_in_strip

SPEC = SheetSpec()
WIDTH, HEIGHT = 1654, 2339


def system(x0: float, y0: float, x1: float, staff_height: float = 56.0, staves: int = 2) -> System:
    """Staves of this height with as much and half again between them."""
    tops = [y0 + 2.5 * staff_height * staff for staff in range(staves)]
    lines = tuple((top, top + staff_height) for top in tops)
    return System((x0, y0, x1, lines[-1][1]), lines, staff_height)


def drawn(*systems: System) -> Image:
    """A page with their staff lines, 2 px thick."""
    page = np.full((HEIGHT, WIDTH), 255, np.uint8)
    for each in systems:
        for top, bottom in each.staves:
            for y in np.linspace(top, bottom, 5):
                page[round(y) - 1 : round(y) + 1, round(each.box[0]) : round(each.box[2])] = 0
    return page


@st.composite
def strips(draw: st.DrawFn) -> tuple[Strip, list[System]]:
    systems = []
    for number in range(draw(st.integers(1, 4))):
        x0 = draw(st.floats(0, 400, allow_subnormal=False))  # the box test divides by the width and multiplies again
        width = draw(st.floats(30, 1200))
        height = draw(st.floats(20, 90))
        systems.append(system(x0, 100 + 550 * number, x0 + width, height, draw(st.integers(1, 2))))
    return cut_strip(np.full((HEIGHT, WIDTH), 255, np.uint8), systems, SPEC), systems


@settings(max_examples=50)
@given(strips(), st.floats(0, 1))
def test_places_convert_exactly_both_ways(cut: tuple[Strip, list[System]], share: float) -> None:
    strip, systems = cut
    index = np.arange(len(systems))
    x0 = np.array([each.box[0] for each in systems])
    x1 = np.array([each.box[2] for each in systems])
    page_x = np.minimum(x0 + share * (x1 - x0), x1 - 1e-6)
    x_strip = strip.to_strip(index, page_x)
    found, back = strip.to_page(x_strip)
    np.testing.assert_array_equal(found, index)
    np.testing.assert_allclose(back, page_x, atol=1e-6)
    np.testing.assert_allclose(strip.to_strip(found, back), x_strip, atol=1e-6)
    scale = [SPEC.staff_height_px / each.staff_height_px for each in systems]
    np.testing.assert_allclose(x_strip - strip.strip_x0, (page_x - x0) * scale, atol=1e-6)


@settings(max_examples=50)
@given(strips(), st.floats(-100, 3000))
def test_a_snippets_box_lies_on_its_system(cut: tuple[Strip, list[System]], x_strip: float) -> None:
    strip, systems = cut
    x_strip = min(max(0.0, x_strip), strip.width - 1e-3)
    index, page_x = strip.to_page(x_strip)
    x0, y0, x1, y1 = strip.snippet_box(x_strip)
    scale = SPEC.staff_height_px / systems[int(index)].staff_height_px
    assert 0 <= x0 <= page_x <= x1 <= WIDTH
    assert x1 - x0 <= 100 / scale + 1e-6
    assert 0 <= y0 < (systems[int(index)].box[1] + systems[int(index)].box[3]) / 2 < y1 <= HEIGHT
    place = strip.place(x_strip)
    assert (place.page, place.system) == (1, int(index) + 1)
    np.testing.assert_allclose(np.array(place.box) * [WIDTH, HEIGHT, WIDTH, HEIGHT], (x0, y0, x1, y1))


def test_every_staff_is_14_px_high_wherever_and_however_large_it_was() -> None:
    systems = [
        system(200.3, 150.2, 1500.7, 56.0),
        system(118.8, 800, 1535.2, 40.0),
        system(80, 1500, 900, 80.0),
    ]
    strip = cut_strip(drawn(*systems), systems, SPEC)
    assert strip.pixels.shape[:2] == (1, 80)
    for index, each in enumerate(systems):
        column = 255.0 - strip.pixels[0, :, int(strip.strip_x0[index]) + 50]
        scale = SPEC.staff_height_px / each.staff_height_px
        middle = (each.box[1] + each.box[3]) / 2
        for top, bottom in each.staves:
            for y in np.linspace(top, bottom, 5):
                expected = 40 + (y - middle) * scale
                near = slice(int(expected) - 1, int(expected) + 2)
                centre = np.average(np.arange(80)[near] + 0.5, weights=column[near] + 1e-9)
                assert centre == pytest.approx(expected, abs=0.6)
                assert column[near].sum() > 100 * scale


def test_staff_lines_are_equally_dark_wherever_they_fall() -> None:
    ink = []
    for shift in np.arange(0, 8):
        line = system(100, 500 + float(shift), 1100, 57.0, staves=1)
        page = np.full((HEIGHT, WIDTH), 255, np.uint8)
        page[520:522, :] = 0  # one line, while the crop moves
        ink.append((255.0 - cut_strip(page, [line], SPEC).pixels[0, :, 100]).sum())
    assert np.ptp(ink) / np.mean(ink) < 0.02


def test_systems_are_laid_left_to_right_at_their_own_place() -> None:
    systems = [system(200, 300, 1000), system(100, 900, 1500)]
    page = drawn(*systems)
    page[900:1096, 800:804] = 0  # a bar line in the second system
    strip = cut_strip(page, systems, SPEC)
    assert strip.strip_x0.tolist() == [0, 200]
    assert strip.pixels.shape == (1, 80, 550)
    bar = float(strip.to_strip(1, 802.0))
    assert bar == 200 + (802 - 100) / 4
    assert strip.pixels[0, 30:50, int(bar)].mean() < 130
    assert strip.pixels[0, 30:50, int(bar) + 5].mean() > strip.pixels[0, 30:50, int(bar)].mean() + 60


def test_off_the_page_is_paper() -> None:
    top = system(0, 2, WIDTH)
    strip = cut_strip(np.zeros((HEIGHT, WIDTH), np.uint8), [top], SPEC)
    above = round(40 - (2 + top.box[3]) / 2 / 4)
    assert (strip.pixels[0, : above - 1] == 255).all()
    assert not strip.pixels[0, above + 1 :, 2:-2].any()
    assert strip.page_y0[0] < 0
    assert strip.snippet_box(100.0)[1] == 0


def test_a_page_without_systems_is_an_empty_strip() -> None:
    strip = cut_strip(np.full((10, 10), 255, np.uint8), [], SPEC)
    assert strip.pixels.shape == (1, 80, 0)
    assert len(strip.page) == 0


def test_the_strip_of_a_piece_is_that_of_its_pages_in_order() -> None:
    first = cut_strip(drawn(system(100, 300, 900)), [system(100, 300, 900)], SPEC, page=1)
    empty = cut_strip(drawn(), [], SPEC, page=2)
    both = [system(100, 300, 1300), system(100, 900, 1300)]
    third = cut_strip(drawn(*both), both, SPEC, page=3)
    piece = join_strips([first, empty, third])
    assert piece.strip_x0.tolist() == [0, 200, 500]
    assert piece.page.tolist() == [1, 3, 3]
    assert piece.number.tolist() == [1, 1, 2]
    np.testing.assert_array_equal(piece.pixels[..., 200:], third.pixels)
    place, alone = piece.place(650.0), third.place(450.0)
    assert place == alone
    assert (place.page, place.system) == (3, 2)
    with pytest.raises(ValueError, match="at least one page"):
        join_strips([])


def staves(count: int, height: float = 40.0, apart: float = 100.0) -> System:
    """A system of some staves, the lines of which are as wide as their number is high."""
    lines = tuple((200 + apart * n, 200 + apart * n + height) for n in range(count))
    return System((100.0, 200.0, 700.0, lines[-1][1]), lines, height)


@pytest.mark.parametrize(("count", "pairs"), [(3, [0, 1]), (4, [0, 2]), (5, [0, 2, 3]), (7, [0, 2, 3, 5])])
def test_more_than_two_staves_are_read_in_pairs(count: int, pairs: list[int]) -> None:
    """Every staff is whole in some lane, and every lane is about the middle of two neighbours."""
    found = staves(count)
    assert lane_middles(found) == [200 + 100 * pair + 70 for pair in pairs]
    strip = cut_strip(drawn(found), [found], SPEC)
    assert strip.pixels.shape == (len(pairs), 80, 210)
    for pixels in strip.pixels:
        assert (pixels[:, 100] < 200).sum() >= 10  # the lines of two staves
    seen = {first + more for first in pairs for more in (0, 1)}
    assert seen == set(range(count))
    assert staves_in_strip(found, SPEC) == (count, count)


@pytest.mark.parametrize("count", [1, 2])
def test_up_to_two_staves_are_one_lane_about_the_middle(count: int) -> None:
    found = staves(count)
    assert lane_middles(found) == [(found.box[1] + found.box[3]) / 2]


def test_a_place_spans_all_lanes_of_its_system() -> None:
    found = staves(6)
    strip = cut_strip(drawn(found), [found], SPEC)
    _, y0, _, y1 = strip.snippet_box(100.0)
    assert y0 == pytest.approx(270 - 40 / SPEC.staff_height_px * 40)
    assert y1 == pytest.approx(670 + 40 / SPEC.staff_height_px * 40)


def test_systems_with_fewer_lanes_show_their_last_one_again() -> None:
    few, many = staves(2), staves(5)
    page = drawn(few)
    one, other = cut_strip(page, [few], SPEC), cut_strip(drawn(many), [many], SPEC)
    for parts in ([one, other], [other, one]):
        joined = join_strips(parts)
        assert joined.pixels.shape == (3, 80, 420)
        begin = 0 if parts[0] is one else 210
        for lane in joined.pixels:
            np.testing.assert_array_equal(lane[:, begin : begin + 210], one.pixels[0])
        np.testing.assert_array_equal(joined.pixels[:, :, 210 - begin : 420 - begin], other.pixels)


def test_staves_too_far_apart_for_a_lane_are_counted() -> None:
    assert staves_in_strip(staves(2, apart=250.0), SPEC) == (2, 1)


def test_heads_are_the_left_ends_of_systems() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 80, 500), np.uint8)
    heads = heads_of(pixels, np.array([0, 200, 480]))
    assert heads.ink.shape == (3, 2, 80, HEAD_PX)
    np.testing.assert_array_equal(heads.ink[1], ink(pixels[:, :, 200 : 200 + HEAD_PX]))
    np.testing.assert_array_equal(heads.ink[2, :, :, :20], ink(pixels[:, :, 480:]))
    assert not heads.ink[2, :, :, 20:].any()


@pytest.mark.parametrize(
    ("start", "columns", "begins"),
    [
        (0, 500, [0, 200, 480]),
        (-50, 250, [50]),
        (-50, 260, [50, 250]),
        (10, 190, [-10]),
        (200, 280, [0]),
        (199, 282, [-199, 1, 281]),
        (490, 100, [-10]),
    ],
)
def test_a_stretch_shows_the_systems_in_it(start: int, columns: int, begins: list[int]) -> None:
    heads = heads_of(np.zeros((1, 80, 500), np.uint8), np.array([0, 200, 480]))
    shown = heads.shown(start, columns)
    assert shown.begins.tolist() == begins
    assert len(shown.ink) == len(begins)
