"""Two pages on one image are read one after the other; other wide images stay whole."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from earmark.errors import BadInput
from earmark.schema import Image, PageImage
from earmark.sheet.draw import THUMBNAIL_PX, find_page
from earmark.sheet.flat_pages import read_flat_pages
from earmark.sheet.read import layout_of, read_piece, read_sheets
from earmark.sheet.spreads import parted
from tests.conftest import Music


@pytest.fixture
def leaves(music: Music) -> list[Image]:
    """Two pages of music, 1160 x 900 px, cut to be higher than wide together with what is below."""
    return [np.pad(page, ((0, 400), (0, 0)), constant_values=255) for page in music.pages(music.melody(0, 144))]


def spread(leaves: list[Image]) -> PageImage:
    return PageImage(3, np.concatenate(leaves, axis=1))


def test_a_double_spread_is_two_pages_the_left_one_first(leaves: list[Image]) -> None:
    left, right = parted(spread(leaves))
    assert (left.number, right.number) == (3, 3)
    assert left.part == (0.0, 0.0, right.part[0], 1.0)
    assert right.part[0] == pytest.approx(0.5, abs=0.05)
    assert [len(layout_of(page).systems) for page in (left, right)] == [3, 3]
    assert left.image.shape[1] + right.image.shape[1] == 2 * 1160


def test_a_page_without_music_beside_one_is_a_page(leaves: list[Image]) -> None:
    left, right = parted(spread([np.full_like(leaves[0], 255), leaves[1]]))
    assert [len(layout_of(page).systems) for page in (left, right)] == [0, 3]


def test_wide_pages_whose_staves_go_through_are_whole(music: Music) -> None:
    wide = PageImage(1, music.pages(music.melody(0, 72))[0])
    assert wide.image.shape[1] > 1.15 * wide.image.shape[0]
    assert parted(wide) == (wide,)


def test_pages_on_their_side_and_pages_without_music_are_whole(leaves: list[Image]) -> None:
    aside = PageImage(1, np.ascontiguousarray(np.rot90(leaves[0][:, :1100])))
    blank = PageImage(1, np.full((1000, 2000), 255, np.uint8))
    assert [len(parted(page)) for page in (aside, blank)] == [1, 1]


def test_pages_of_spreads_count_on(leaves: list[Image], tmp_path: Path) -> None:
    for number in (1, 2):
        PIL.Image.fromarray(spread(leaves).image).save(tmp_path / f"{number}.png")
    files = [tmp_path / "1.png", tmp_path / "2.png"]
    assert [len(list(read_sheets(file))) for file in files] == [2, 2]
    np.testing.assert_array_equal(found(files, 4), found(files, 2))


def test_pages_know_their_images_and_sides(leaves: list[Image], tmp_path: Path) -> None:
    PIL.Image.fromarray(leaves[0]).save(tmp_path / "1.png")
    PIL.Image.fromarray(spread(leaves).image).save(tmp_path / "2.png")
    pages = list(read_flat_pages([tmp_path / "1.png", tmp_path / "2.png"]))
    told = [(one.page.number, one.page.image, one.page.side) for one in pages]
    assert told == [(1, 1, None), (2, 2, "left"), (3, 2, "right")]
    first, *others = (one.thumbnail for one in pages)
    assert others == [b"", b""]
    with PIL.Image.open(io.BytesIO(first)) as image:
        assert image.width == THUMBNAIL_PX


def found(files: list[Path], number: int) -> Image:
    *before, page = find_page(files, number)
    assert page is not None
    assert before == [None] * (number - 1)
    return page.image


def test_an_image_that_cannot_be_read_keeps_the_others_numbers(music: Music, tmp_path: Path) -> None:
    pages = music.pages(music.melody(0, 216))
    files = [tmp_path / f"{number}.png" for number in range(3)]
    for file, page in zip(files, pages, strict=True):
        PIL.Image.fromarray(page).save(file)
    files[1].write_bytes(b"no image")
    assert [isinstance(page, BadInput) for page in read_piece(files)] == [False, True, False]
    np.testing.assert_array_equal(found(files, 3), pages[2])
    with pytest.raises(BadInput, match=r"1\.png"):
        found(files, 2)
    with pytest.raises(BadInput, match=r"1\.png"):
        list(read_piece(files[1:2]))
