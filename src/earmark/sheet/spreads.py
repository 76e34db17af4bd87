"""Two pages of music on one image → one after the other: scans of open books, and PDFs of facing pages.

The gutter is where no staff line goes on, from top to bottom, near the middle of an image that is wider than high.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from earmark.schema import Image, IntArray, PageImage
from earmark.sheet.systems.lines import find_periods

_WIDE = 1.15  # times as wide as high, at least
_WIDTH_PX = 1250  # of the image that is looked at
_LINE_PX = 5  # what is thinner there is a line
_BRIDGED_PX, _LONG_PX = 15, 60  # of a line that is a staff's: gaps in it, and its length
_INKED = 16  # grey values by which a line is darker than paper
_MIDDLE = (0.4, 0.6)  # of the width, where the gutter is
_LINES = 5  # that a page of music has at least, wherever it is cut
_GUTTER_PX = 16
_FEW = 0.1  # of the lines on the pages: more than that go on through no gutter


def parted(page: PageImage) -> tuple[PageImage, ...]:
    """The page, or the left and the right page that it shows."""
    height, width = page.image.shape
    gutter = _gutter(page.image) if width > _WIDE * height else None
    if gutter is None:
        return (page,)
    share = gutter / width
    return (
        replace(page, image=np.ascontiguousarray(page.image[:, :gutter]), part=(0.0, 0.0, share, 1.0)),
        replace(page, image=np.ascontiguousarray(page.image[:, gutter:]), part=(share, 0.0, 1.0, 1.0)),
    )


def _gutter(image: Image) -> int | None:
    """The column, in px, between two pages; None where there is one page, or no music."""
    scale: float = _WIDTH_PX / image.shape[1]
    size = (_WIDTH_PX, max(1, round(image.shape[0] * scale)))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    along_rows, along_columns = (max((p.strength for p in found), default=0.0) for found in find_periods(small))
    if along_rows <= along_columns:  # no music, or music that lies aside
        return None
    lines = _long_lines(small)
    left, right = (float(np.median(half)) for half in (lines[: _WIDTH_PX // 2], lines[_WIDTH_PX // 2 :]))
    if max(left, right) < _LINES:
        return None
    first, last = (round(share * _WIDTH_PX) for share in _MIDDLE)
    empty = np.concatenate([[False], lines[first:last] <= _FEW * max(left, right), [False]])
    edges = np.flatnonzero(np.diff(empty)).tolist()
    runs: list[tuple[int, int]] = list(zip(edges[::2], edges[1::2], strict=True))
    start, end = max(runs, key=lambda run: run[1] - run[0], default=(0, 0))
    if end - start < _GUTTER_PX:
        return None
    middle = first + (start + end) / 2
    return round(middle / scale)


def _long_lines(image: Image) -> IntArray:
    """How many long, thin, level lines there are at every column."""
    thin = cv2.morphologyEx(image, cv2.MORPH_BLACKHAT, np.ones((_LINE_PX, 1), np.uint8))
    inked = cv2.dilate((thin > _INKED).astype(np.uint8), np.ones((3, 1), np.uint8))  # lines may lean a little
    bridged = cv2.morphologyEx(inked, cv2.MORPH_CLOSE, np.ones((1, _BRIDGED_PX), np.uint8))
    long = cv2.morphologyEx(bridged, cv2.MORPH_OPEN, np.ones((1, _LONG_PX), np.uint8))
    count: IntArray = (np.diff(long.astype(np.int8), axis=0) == 1).sum(axis=0)
    return count
