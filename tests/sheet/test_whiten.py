"""Paper becomes white and ink black, and what is so already stays as it is."""

import cv2
import numpy as np
import pytest

from earmark.schema import Box, Image
from earmark.sheet.whiten import whiten

BOXES: list[Box] = [(50.0, 100.0, 950.0, 220.0)]
STAFF_PX = 40.0


@pytest.fixture
def page() -> Image:
    """Two staves with noteheads and a beam."""
    image = np.full((320, 1000), 255, np.uint8)
    for top in (100, 180):
        for line in range(5):
            image[top + 10 * line : top + 10 * line + 2, 50:950] = 0
        for x in range(100, 900, 60):
            cv2.ellipse(image, (x, top + 15), (7, 5), 0, 0, 360, (0,), -1)
    image[130:136, 300:500] = 0
    return image


def test_a_clean_page_is_returned_as_it_is(page: Image) -> None:
    assert np.array_equal(whiten(page, BOXES, STAFF_PX), page)


def test_pale_ink_on_grey_unevenly_lit_paper_is_black_on_white(page: Image) -> None:
    light = np.linspace(1.0, 0.4, page.shape[1])[None]
    worse = ((150 + 70 * (page / 255)) * light).astype(np.uint8)
    better = whiten(worse, BOXES, STAFF_PX)
    inside = np.s_[100:222, 60:940]
    ink, paper = page[inside] == 0, page[inside] == 255
    assert better[inside][ink].mean() < 25
    assert better[inside][paper].mean() > 245


def test_a_page_of_nothing_but_black_stays_dark() -> None:
    assert whiten(np.zeros((300, 400), np.uint8), BOXES, STAFF_PX).max() < 20
