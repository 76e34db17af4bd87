"""Whether a page of music stands on its head.

Every line of music begins with the same few signs, clefs and key signatures, and ends in different ones; so the ends
where staves look alike are their beginnings. Notes themselves look much the same upside down.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from earmark.schema import FloatArray
from earmark.sheet.systems.scale import DISTANCE, Level

_CELL = DISTANCE // 2
_WIDTH, _ABOVE = 5 * DISTANCE, 2 * DISTANCE  # of what is compared: from the staff's end, above and below the staff
_SKIPPED = round(0.7 * DISTANCE)  # the bar line at the end
_SURE = 1.1
_ALIKE = 2.5  # cells of ink: what shares less is alike by chance


def is_upside_down(ink: FloatArray, staves: Sequence[Level]) -> bool:
    """Whether the staves' right ends look more alike than their left ends, on a flat page of ``DISTANCE``."""
    ends = [_ends(ink, staff) for staff in staves]
    left, right = (_alikeness([both[side] for both in ends]) for side in range(2))
    return right > max(_ALIKE, _SURE * left)


def _ends(ink: FloatArray, staff: Level) -> tuple[FloatArray, FloatArray]:
    """Both ends of a staff in coarse cells, without its lines: float32 [16, 10]; the right end stands on its head."""
    top = round((staff.top + staff.bottom) / 2) - 2 * DISTANCE - _ABOVE
    rows = np.clip(np.arange(top, top + 4 * DISTANCE + 2 * _ABOVE), 0, len(ink) - 1)
    lines = np.median(ink[np.ix_(rows, np.arange(int(staff.x0), int(staff.x1), 3))], axis=1)[:, None]

    def cells(start: int, turn: int) -> FloatArray:
        columns = np.clip(np.arange(start, start + _WIDTH), 0, ink.shape[1] - 1)
        part = np.maximum(ink[np.ix_(rows, columns)] - lines, 0).astype(np.float32)[::turn, ::turn]
        size = (_WIDTH // _CELL, len(rows) // _CELL)
        return np.asarray(cv2.resize(part.copy(), size, interpolation=cv2.INTER_AREA), np.float32)

    return cells(round(staff.x0) + _SKIPPED, 1), cells(round(staff.x1) - _SKIPPED - _WIDTH, -1)


def _alikeness(ends: Sequence[FloatArray]) -> float:
    """Mean over the ends of the most ink that one shares with another, less what they would share by chance."""
    if len(ends) < 2:
        return 0.0
    flat = np.stack([end.ravel() for end in ends])
    flat = flat - flat.mean(axis=1, keepdims=True)
    shared = flat @ flat.T
    np.fill_diagonal(shared, -np.inf)
    return float(shared.max(axis=1).mean())
