"""Staves → systems with their bar lines, in reading order, on a flat page.

As in `joins`, there are ``DISTANCE`` px from one staff line to the next, and ink is float32, 0 = paper to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from earmark.schema import Box, FloatArray
from earmark.sheet.systems.joins import standing
from earmark.sheet.systems.scale import DISTANCE, Level

_STANDS = 0.9  # share of its rows that a standing line inks
_AT_END = 1.5 * DISTANCE  # a line that begins or ends a system stands so close to the staff's end
_ONE_BAR = 1.6 * DISTANCE  # bar lines closer together are one (double, final, repeat)
_STEM = 0.7 * DISTANCE  # what stands out of a single staff so far is a stem
_HEAD = 0.3  # share of ink beside a stem's end
_OSSIA_WIDTH, _OSSIA_GAP = 0.7, 8 * DISTANCE


@dataclass(frozen=True)
class Group:
    """The staves of one system, top to bottom, and its bar lines' x in px, ascending."""

    staves: tuple[Level, ...]
    bars: tuple[float, ...]

    @property
    def box(self) -> Box:
        """From the leftmost to the rightmost end, from the top line to the bottom line."""
        x0, x1 = min(staff.x0 for staff in self.staves), max(staff.x1 for staff in self.staves)
        return x0, self.staves[0].top, x1, self.staves[-1].bottom


def group_staves(ink: FloatArray, staves: Sequence[Level]) -> list[Group]:
    """Systems in reading order; short staves above or below a longer system (ossias) are left out."""
    joined: list[list[Level]] = []
    for staff in sorted(staves, key=lambda staff: staff.top):
        above = [group for group in joined if _is_above(group[-1], staff)]
        nearest = max(above, key=lambda group: group[-1].bottom, default=None)
        if nearest and _are_joined(ink, nearest[-1], staff):
            nearest.append(staff)
        else:
            joined.append([staff])
    groups = [Group(tuple(group), _bars(ink, group)) for group in joined]
    return reading_order([group for group in groups if not any(_is_ossia(group, other) for other in groups)])


def _is_above(upper: Level, lower: Level) -> bool:
    """Whether half of the shorter staff lies above or below the other."""
    shared = min(upper.x1, lower.x1) - max(upper.x0, lower.x0)
    return lower.top > upper.bottom and shared > 0.5 * min(upper.x1 - upper.x0, lower.x1 - lower.x0)


def _are_joined(ink: FloatArray, upper: Level, lower: Level) -> bool:
    """Whether a line stands between two staves at their left or right ends, or bar lines go through both."""
    x0, x1 = min(upper.x0, lower.x0) - _AT_END, max(upper.x1, lower.x1) + _AT_END
    between = standing(ink, upper.bottom, lower.top, x0, x1)
    near = 2 * round(_AT_END)
    if abs(upper.x0 - lower.x0) < _AT_END and between[:near].max() >= _STANDS:
        return True
    if abs(upper.x1 - lower.x1) < _AT_END and between[-near:].max() >= _STANDS:
        return True
    through = [between, *(standing(ink, staff.top, staff.bottom, x0, x1) for staff in (upper, lower))]
    return bool((np.min(through, axis=0) >= _STANDS).any())


def _bars(ink: FloatArray, staves: Sequence[Level]) -> tuple[float, ...]:
    """Where lines stand through every staff of the system and through the gaps, if any do there."""
    x0, x1 = min(staff.x0 for staff in staves) - DISTANCE, max(staff.x1 for staff in staves) + DISTANCE
    across = [standing(ink, staff.top, staff.bottom, x0, x1) for staff in staves]
    gaps = [standing(ink, a.bottom, b.top, x0, x1) for a, b in pairwise(staves)]
    inside = slice(2 * DISTANCE, -2 * DISTANCE)
    across += [gap for gap in gaps if (gap[inside] >= _STANDS).any()]
    if len(staves) == 1:  # stems stand out of the staff above or below, bar lines do not
        top, bottom = staves[0].top, staves[0].bottom
        beyond = standing(ink, top - _STEM - 3, top - 3, x0, x1), standing(ink, bottom + 3, bottom + _STEM + 3, x0, x1)
        across += [1 - np.maximum(*beyond)]
    bars = _middles(np.min(across, axis=0) >= _STANDS, int(max(0, x0)))
    if len(staves) > 1:
        return bars
    first, last = staves[0].x0 + _AT_END, staves[0].x1 - _AT_END
    return tuple(bar for bar in bars if not first < bar < last or not _has_head(ink, staves[0], bar))


def _has_head(ink: FloatArray, staff: Level, x: float) -> bool:
    """Whether a notehead lies beside a line's upper or lower end: then it is a stem as high as the staff."""
    for row in (staff.top, staff.bottom):
        above, below = round(row - 0.45 * DISTANCE), round(row + 0.45 * DISTANCE)
        rows = [*range(max(0, above), round(row) - 1), *range(round(row) + 2, below + 1)]
        for left in (round(x - DISTANCE), round(x + 0.4 * DISTANCE)):
            beside = ink[rows[0] : rows[-1] + 1][np.array(rows) - rows[0], max(0, left) : left + round(0.6 * DISTANCE)]
            if beside.size and beside.mean() > _HEAD:
                return True
    return False


def _middles(mask: npt.NDArray[np.bool_], start: int) -> tuple[float, ...]:
    """The middles of the true stretches; those close together are one."""
    true = np.flatnonzero(mask)
    if len(true) == 0:
        return ()
    parts = np.split(true, np.flatnonzero(np.diff(true) > _ONE_BAR) + 1)
    return tuple(start + float(part[0] + part[-1] + 1) / 2 for part in parts)


def _is_ossia(group: Group, other: Group) -> bool:
    """Whether a group is a single short staff close above or below a system of more."""
    if len(group.staves) > 1 or len(other.staves) == 1:
        return False
    (x0, y0, x1, y1), (left, top, right, bottom) = group.box, other.box
    within = x0 > left - DISTANCE and x1 < right + DISTANCE and x1 - x0 < _OSSIA_WIDTH * (right - left)
    return within and max(top - y1, y0 - bottom) < _OSSIA_GAP


def reading_order(items: Sequence[Group]) -> list[Group]:
    """Systems in the order in which a page is read.

    Columns come one after the other where paper parts the page from top to bottom with at least two rows on both sides;
    otherwise rows do, from top to bottom, and in a row from left to right.
    """
    if len(items) < 2:
        return list(items)
    left, right = _parted(items, 0)
    if len(_rows(left)) > 1 and len(_rows(right)) > 1:
        return [*reading_order(left), *reading_order(right)]
    upper, lower = _parted(items, 1)
    if lower:
        return [*reading_order(upper), *reading_order(lower)]
    if right:
        return [*reading_order(left), *reading_order(right)]
    return sorted(items, key=lambda item: item.box[1])


def _parted(items: Sequence[Group], axis: int) -> tuple[list[Group], list[Group]]:
    """The items before and after the first gap along an axis (0: x, 1: y); all and none where there is none."""
    by_start = sorted(items, key=lambda item: item.box[axis])
    end = -np.inf
    for count, item in enumerate(by_start):
        if count and item.box[axis] >= end:
            return by_start[:count], by_start[count:]
        end = max(end, item.box[axis + 2])
    return by_start, []


def _rows(items: Sequence[Group]) -> list[list[Group]]:
    """The items in rows that paper parts."""
    if not items:
        return []
    first, rest = _parted(items, 1)
    return [first, *_rows(rest)]
