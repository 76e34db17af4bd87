"""Systems are found on drawn pages of every layout, and none on pages without music."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image
import PIL.ImageDraw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earmark.schema import Box, Image, System
from earmark.sheet.on_page import systems_on_page
from earmark.sheet.systems.find import Layout, find_systems, read_layout

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


@settings(max_examples=12)
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


def notes_page(tops: Sequence[int] = (300, 800, 1300, 1800), **how: Any) -> tuple[Image, list[Box]]:
    """A page of piano systems with clefs of a kind at their beginnings."""
    page, boxes = blank(), [(150.0, float(top), 1500.0, top + 196.0) for top in tops]
    for box in boxes:
        draw_system(page, box, seed=int(box[1]), **how)
    return page, boxes


def moved(box: Box, matrix: npt.NDArray[np.float64]) -> Box:
    """The box around where a matrix [2, 3] takes a box's corners."""
    x0, y0, x1, y1 = box
    corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]) @ matrix[:, :2].T + matrix[:, 2]
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


@pytest.mark.parametrize("degrees", [-5.0, 2.0, 5.0])
def test_a_leaning_page_is_laid_level(degrees: float) -> None:
    page, boxes = notes_page()
    matrix = np.asarray(cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), degrees, 1.0), np.float64)
    leaning = cv2.warpAffine(page, matrix, (WIDTH, HEIGHT), borderValue=(255.0,)).astype(np.uint8)
    layout = read_layout(leaning)
    assert [len(system.staves) for system in layout.systems] == [2] * 4
    for system, box in zip(layout.systems, boxes, strict=True):
        np.testing.assert_allclose(np.subtract(layout.box_on_page(system.box), moved(box, matrix)), 0, atol=5)
        assert system.box[3] - system.box[1] == pytest.approx(196, abs=2)
        assert ink_along(layout, system) > 0.9


def ink_along(layout: Layout, system: System) -> float:
    """Share of the top line of a system that is dark on the flat page."""
    row = round(system.staves[0][0] - 0.5)
    columns = slice(int(system.box[0]) + 5, int(system.box[2]) - 5)
    return float((layout.image[row - 1 : row + 2, columns].min(axis=0) < 160).mean())


def test_a_bent_page_is_laid_flat_and_mapped_back() -> None:
    page, boxes = notes_page()
    x = np.arange(WIDTH)
    shift = 20 * np.sin(x / WIDTH * 5) + 8 * np.sin(x / WIDTH * 11)
    rows = (np.arange(HEIGHT)[:, None] - shift).astype(np.float32)
    bent = cv2.remap(
        page, np.broadcast_to(x, rows.shape).astype(np.float32), rows, cv2.INTER_LINEAR, borderValue=(255,)
    )
    layout = read_layout(bent.astype(np.uint8))
    assert len(layout.systems) == 4
    for system, (x0, y0, x1, y1) in zip(layout.systems, boxes, strict=True):
        assert ink_along(layout, system) > 0.9
        there = shift[150:1500]
        expected = (x0, y0 + there.min(), x1, y1 + there.max())
        np.testing.assert_allclose(np.subtract(layout.box_on_page(system.box), expected) / (3, 1, 3, 1), 0, atol=4)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_page_on_its_side_or_head_is_read_upright(quarters: int) -> None:
    page, _ = notes_page()
    upright = read_layout(page)
    layout = read_layout(np.ascontiguousarray(np.rot90(page, quarters)))
    assert layout.image.shape == page.shape
    np.testing.assert_array_equal(layout.image, page)
    np.testing.assert_allclose([s.box for s in layout.systems], [s.box for s in upright.systems], atol=1)
    first = layout.box_on_page(layout.systems[0].box)
    corner = {1: (300, 154), 2: (154, HEIGHT - 496), 3: (HEIGHT - 496, 150)}[quarters]
    np.testing.assert_allclose(first[:2], corner, atol=5)


def test_a_flat_upright_page_is_not_touched() -> None:
    page, _ = notes_page()
    layout = read_layout(page)
    assert layout.image is page
    assert layout.warp is None


@pytest.mark.parametrize("staff_height", [12, 20, 90, 120])
def test_staves_of_12_to_120_px(staff_height: int) -> None:
    scale = staff_height / 56
    page, boxes = notes_page()
    size = (round(WIDTH * scale), round(HEIGHT * scale))
    scaled = cv2.resize(page, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC).astype(np.uint8)
    found = find_systems(scaled)
    assert [len(system.staves) for system in found] == [2] * 4
    np.testing.assert_allclose([system.box for system in found], np.array(boxes) * scale, atol=4 * max(scale, 0.5))


def test_a_black_border_is_no_part_of_a_system() -> None:
    page, boxes = notes_page()
    page[:, :60], page[:, -70:], page[:50], page[-40:] = 10, 10, 10, 10
    assert_found(page, boxes, [2] * 4)


def test_one_bit_with_specks() -> None:
    page, boxes = notes_page()
    wrong = np.random.default_rng(3).random(page.shape) < 0.03
    page[wrong] = 255 - page[wrong]
    found = find_systems(page)
    np.testing.assert_allclose([system.box for system in found], boxes, atol=16)


def test_bar_lines_are_found_and_stems_are_not() -> None:
    for staves in (1, 2):
        page = blank()
        draw_system(page, (150, 500, 1500, 556 if staves == 1 else 696), staves)
        (system,) = find_systems(page)
        # A stem close to a bar line counts as part of it.
        np.testing.assert_allclose(system.bars, np.linspace(150, 1497, 5) + 1.5, atol=12)


def test_columns_are_read_one_after_the_other() -> None:
    page = blank()
    left = [(100.0, top, 740.0, top + 136.0) for top in (200.0, 600.0, 1000.0)]
    right = [(900.0, top, 1540.0, top + 136.0) for top in (240.0, 660.0, 1050.0)]
    for box in (*left, *right):
        draw_system(page, box, seed=int(box[1]))
    assert_found(page, [*left, *right], [2] * 6)


def test_systems_beside_each_other_in_one_row_are_read_left_to_right() -> None:
    page = blank()
    boxes = [(118.0, 200.0, 1536.0, 396.0), (118.0, 700.0, 900.0, 896.0), (1000.0, 700.0, 1536.0, 896.0)]
    for box in boxes:
        draw_system(page, box, seed=int(box[0]))
    assert_found(page, boxes, [2] * 3)


def test_an_ossia_is_no_system() -> None:
    page, boxes = notes_page()
    draw_system(page, (600, 640, 900, 696), staves=1)  # above the second system
    assert_found(page, boxes, [2] * 4)


def test_places_are_in_fractions_of_the_page_as_it_came() -> None:
    page, boxes = notes_page()
    for quarters in (0, 1):
        turned = np.ascontiguousarray(np.rot90(page, quarters))
        found = systems_on_page(read_layout(turned))[0]
        x0, y0, x1, y1 = boxes[0]
        true = np.array([x0, y0, x1, y1] if quarters == 0 else [y0, WIDTH - x1, y1, WIDTH - x0])
        size = np.array([*turned.shape[::-1]] * 2)
        staves = np.array(found.staves) * size
        around = [*staves[:, :2].min(axis=0), *staves[:, 2:].max(axis=0)]
        np.testing.assert_allclose(around, true, atol=4)
        left, top, right, bottom = np.array(found.box) * size
        assert left <= true[0] + 4
        assert top < true[1] + 4
        assert right > true[2] - 4
        assert bottom > true[3] - 4
        assert len(found.bars) == 5
