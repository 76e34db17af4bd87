"""Systems are found on drawn pages of every layout, and none on pages without music."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import PIL.Image
import PIL.ImageDraw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.pages.systems import find_systems
from earmark.schema import Box, Image

WIDTH, HEIGHT = 1654, 2339


def draw_system(page: Image, box: Box, staves: int = 2, thickness: int = 2, joined: bool = True, seed: int = 0) -> None:
    """Staves that fill the box, with bar lines through them, clef-like blots and stemmed notes with beams."""
    rng = np.random.default_rng(seed)
    x0, y0, x1, y1 = (round(v) for v in box)
    staff = (y1 - y0) / (2.5 * staves - 1.5)
    d = staff / 4
    tops = [y0 + 2.5 * staff * number for number in range(staves)]
    half = thickness / 2
    for top in tops:
        for line in range(5):
            y = round(top + line * d - half)
            page[y : y + thickness, x0:x1] = 0
        page[round(top - d) : round(top + staff + d), x0 + round(d) : x0 + round(2 * d)] = 0
        for x in np.arange(x0 + 5 * d, x1 - 6 * d, 4 * d).tolist():
            note = top + rng.integers(-2, 10) * d / 2
            page[round(note - d / 2) : round(note + d / 2), round(x) : round(x + 1.3 * d)] = 0
            page[round(note - 3.5 * d) : round(note), round(x + 1.2 * d) : round(x + 1.2 * d) + 2] = 0
            if rng.random() < 0.5:
                beam = round(note - 3.5 * d)
                page[beam : beam + round(d / 2), round(x + 1.2 * d) : round(x + 5.2 * d)] = 0
    for x in np.linspace(x0, x1 - 3, 5).tolist():
        spans = [(tops[0], tops[-1] + staff)] if joined else [(top, top + staff) for top in tops]
        for top, bottom in spans:
            page[round(top) : round(bottom), round(x) : round(x) + 3] = 0


def blank() -> Image:
    return np.full((HEIGHT, WIDTH), 255, np.uint8)


def assert_found(page: Image, boxes: Sequence[Box], staves: Sequence[int]) -> None:
    found = find_systems(page)
    assert [len(system.staves) for system in found] == list(staves)
    for system, box in zip(found, boxes, strict=True):
        np.testing.assert_allclose(system.box, box, atol=3)
        assert system.staves[0][0] == system.box[1]
        assert system.staves[-1][1] == system.box[3]
        heights = [bottom - top for top, bottom in system.staves]
        assert system.staff_height_px == pytest.approx(np.mean(heights))


@settings(max_examples=12, deadline=None)
@given(
    staves=st.integers(1, 3),
    staff_height=st.integers(30, 80),
    thickness=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_systems_of_any_size_are_found_in_reading_order(
    staves: int, staff_height: int, thickness: int, seed: int
) -> None:
    page, boxes = blank(), list[Box]()
    top, height = 150.0, staff_height * (2.5 * staves - 1.5)
    while top + height < HEIGHT - 150 and len(boxes) < 5:
        boxes.append((240.0 if not boxes else 118.0, top, 1536.0, top + height))
        draw_system(page, boxes[-1], staves, thickness, seed=seed + len(boxes))
        top += height + 2.5 * staff_height
    assert_found(page, boxes, [staves] * len(boxes))


def test_systems_of_different_widths_and_beside_each_other() -> None:
    boxes = [(240.0, 200.0, 1536.0, 396.0), (118.0, 700.0, 560.0, 896.0), (118.0, 1200.0, 700.0, 1396.0)]
    page = blank()
    for box in boxes:
        draw_system(page, box)
    assert_found(page, boxes, [2, 2, 2])


def test_staves_that_nothing_joins_are_systems_of_their_own() -> None:
    page = blank()
    draw_system(page, (118, 300, 1536, 496), joined=False)
    assert_found(page, [(118, 300, 1536, 356), (118, 440, 1536, 496)], [1, 1])


@pytest.mark.parametrize("degrees", [-0.6, 0.3, 0.6])
def test_a_page_may_be_slightly_turned(degrees: float) -> None:
    page = blank()
    for top in (300, 800, 1300):
        draw_system(page, (150, top, 1500, top + 196), seed=top)
    turned = PIL.Image.fromarray(page).rotate(degrees, PIL.Image.Resampling.BILINEAR, fillcolor=255)
    found = find_systems(np.asarray(turned))
    assert [len(system.staves) for system in found] == [2, 2, 2]
    for system, top in zip(found, (300, 800, 1300), strict=True):
        # The corners move by up to sin(0.6 degrees) times half a page; a staff's height is the mean along it.
        np.testing.assert_allclose(system.box, (150, top, 1500, top + 196), atol=15)
        assert system.staff_height_px == pytest.approx(56, abs=1)


def test_faint_lines_on_yellowed_paper_are_lines() -> None:
    page = blank()
    draw_system(page, (118, 500, 1536, 696), thickness=2)
    faded = (120 + page.astype(float) / 255 * 90).astype(np.uint8)
    assert_found(faded, [(118, 500, 1536, 696)], [2])


def text_page() -> Image:
    image = PIL.Image.new("L", (WIDTH, HEIGHT), 255)
    pen = PIL.ImageDraw.Draw(image)
    for y in range(150, 2200, 30):
        pen.text(
            (150, y),
            "All the lines of this page are words and none of them is a staff. " * 2,
            fill=0,
            font_size=22,
        )
    return np.asarray(image)


def photo() -> Image:
    """Smooth light and shade with grain."""
    rng = np.random.default_rng(1)
    coarse = PIL.Image.fromarray(rng.integers(0, 255, (30, 20)).astype(np.uint8))
    smooth = np.asarray(coarse.resize((WIDTH, HEIGHT), PIL.Image.Resampling.BICUBIC)).astype(float)
    return np.clip(smooth + rng.normal(0, 12, smooth.shape), 0, 255).astype(np.uint8)


NO_MUSIC = {
    "white": blank(),
    "black": np.zeros((HEIGHT, WIDTH), np.uint8),
    "text": text_page(),
    "photo": photo(),
    "noise": np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH)).astype(np.uint8),
    "1x1": np.zeros((1, 1), np.uint8),
    "row": np.zeros((1, 3000), np.uint8),
    "column": np.full((3000, 1), 255, np.uint8),
}


@pytest.mark.parametrize("name", NO_MUSIC)
def test_a_page_without_music_has_no_systems_and_is_quick(name: str) -> None:
    start = time.process_time()
    assert find_systems(NO_MUSIC[name]) == []
    assert time.process_time() - start < 5


def test_a_table_of_four_lines_is_no_staff() -> None:
    page = blank()
    for top in (300, 900, 1500):
        for line in range(4):
            page[top + 14 * line : top + 14 * line + 2, 118:1536] = 0
    assert find_systems(page) == []
