"""What stands between and across staves: where a staff ends, which staves belong together, and bar lines.

Everything here looks at a flat page, on which staves are straight and level, with ``DISTANCE`` px from line to line.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from earmark.schema import FloatArray
from earmark.sheet.systems.scale import DISTANCE, Curve, Level

_LEANS = (-0.09, -0.06, -0.03, 0.0, 0.03, 0.06, 0.09)
"""How far lines that should stand may lean, px a px: perspective is taken out of staves, not of bar lines."""
_BLANK = round(2.5 * DISTANCE)  # wider paper parts two staves in one row
_FARTHER = 4 * DISTANCE  # than it was followed, a staff may go on
_MIN_STAFF = 6 * DISTANCE
_SEEN, _HELD, _WHOLE = 2.4, 1.5, 3.5  # of the five lines: seen as lines, as any ink, and in a bar line
_MIN_SEEN = 0.3  # share of a staff's length on which its lines are seen, not hidden by notes
_WIDEST_BAR = 1.2 * DISTANCE


def trim(lines: FloatArray, ink: FloatArray, staff: Level) -> list[Level]:
    """The staff with its exact ends, or the staves that it is, where paper parts it."""
    inked = _five(ink, staff)
    seen = cv2.blur(_five(lines, staff)[None], (5, 1))[0] >= _SEEN
    held = cv2.blur(inked[None], (5, 1))[0] >= _HELD
    parts = []
    for first, last in _runs(held, _BLANK):
        start, end = max(first, int(staff.x0) - _FARTHER), min(last, int(staff.x1) + _FARTHER)
        inside = np.flatnonzero(seen[start:end])
        if len(inside) == 0:
            continue
        left = _through_bar(inked >= _WHOLE, start + int(inside[0]), -1)
        right = _through_bar(inked >= _WHOLE, start + int(inside[-1]), 1) + 1
        if right - left >= _MIN_STAFF and seen[left:right].mean() > _MIN_SEEN:
            parts.append(replace(staff, x0=float(left), x1=float(right)))
    return parts


def _five(mask: FloatArray, staff: Level) -> Curve:
    """How many of the five lines are there at every column."""
    rows = np.linspace(staff.top, staff.bottom, 5) - 0.5
    height = len(mask)
    total = np.zeros(mask.shape[1])
    for row in np.rint(rows).astype(np.int64):
        top = min(max(0, row - 1), height - 1)
        total += mask[top : max(top + 1, row + 2)].max(axis=0)
    return total


def _runs(mask: npt.NDArray[np.bool_], gap: int) -> list[tuple[int, int]]:
    """(First, end) of the stretches that are true, with at most ``gap`` that are not between."""
    true = np.flatnonzero(mask)
    if len(true) == 0:
        return []
    breaks = np.flatnonzero(np.diff(true) > gap)
    firsts, lasts = true[np.r_[0, breaks + 1]], true[np.r_[breaks, len(true) - 1]]
    return [(int(first), int(last) + 1) for first, last in zip(firsts, lasts, strict=True)]


def _through_bar(whole: npt.NDArray[np.bool_], at: int, step: int) -> int:
    """The end of the ink that all lines run into, a bar line; if it is too wide, a scan's border, where they met it."""
    end = at
    while 0 <= end + 2 * step < len(whole) and (whole[end + step] or whole[end + 2 * step]):
        end += step if whole[end + step] else 2 * step
        if abs(end - at) > _WIDEST_BAR:
            return at
    return end


def standing(ink: FloatArray, top: float, bottom: float, x0: float, x1: float) -> Curve:
    """For every column from ``x0`` to ``x1``: the share of the rows that a standing line through it inks."""
    first, last = max(0, round(top)), min(len(ink), round(bottom))
    left, right = max(0, int(x0)), min(ink.shape[1], int(x1) + 1)
    if last <= first or right <= left:
        return np.zeros(max(0, right - left))
    margin, leans = _leaning(last - first)
    padded = cv2.copyMakeBorder(ink[first:last], 1, 0, margin, margin, cv2.BORDER_CONSTANT, value=(0.0,))
    region = cv2.dilate(padded[:, left : right + 2 * margin], np.ones((1, 3), np.uint8))
    above = np.cumsum(region, axis=0)  # the ink above every row
    best = np.zeros(right - left, np.float32)
    for stretches in leans:
        total = np.zeros(right - left, np.float32)
        for start, end, by in stretches:
            total += above[end, by : by + right - left]
            if start:
                total -= above[start, by : by + right - left]
        np.maximum(best, total, out=best)
    return best.astype(np.float64) / (last - first)


@lru_cache(maxsize=1024)
def _leaning(rows: int) -> tuple[int, list[list[tuple[int, int, int]]]]:
    """For lines that lean as far as `_LEANS` over so many rows: by how much the farthest leaves its middle, in px, and
    for each the stretches (first row, end, px) of rows on which it lies so many px from the left."""
    margin = int(np.ceil(_LEANS[-1] * rows / 2)) + 1
    leans = []
    for lean in _LEANS:
        shifts = np.rint(lean * (np.arange(rows) - (rows - 1) / 2)).astype(np.int64) + margin
        edges = [0, *(np.flatnonzero(np.diff(shifts)) + 1).tolist(), rows]
        leans.append([(start, end, int(shifts[start])) for start, end in pairwise(edges)])
    return margin, leans
