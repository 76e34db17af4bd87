"""A piece's stored places → one line along its systems, on which a moment can be found on the page.

A library keeps, for every ``hop_px`` of a piece's strip, the box of what the encoder saw there; boxes end where their
system ends. The line is the strip's own: strip px, all systems one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from earmark.schema import Place, SheetSpec, SystemBox

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_EQUAL = 2e-4  # widths of boxes, fractions of the page's width: what rounding may change


class Track:
    """The line of one piece.

    ``hop_px`` strip px lie between two places; the ``i``-th is read at ``(i + 0.5) * hop_px``. ``systems`` are in
    reading order.
    """

    def __init__(self, places: Sequence[Place], hop_px: float) -> None:
        if not places:
            raise ValueError("a piece has at least one place")
        self.hop_px = hop_px
        names = np.array([(place.page, place.system) for place in places], np.int64)
        boxes = np.array([place.box for place in places], np.float64)
        starts = np.flatnonzero(np.any(np.diff(names, axis=0, prepend=-1), axis=1))
        stops = np.append(starts[1:], len(places))
        wholes = _whole_widths(boxes[:, 2] - boxes[:, 0], names[:, 0], starts, stops)
        left = np.array([boxes[a:b, 0].min() for a, b in zip(starts, stops, strict=True)])
        right = np.array([boxes[a:b, 2].max() for a, b in zip(starts, stops, strict=True)])
        top = np.array([boxes[a:b, 1].min() for a, b in zip(starts, stops, strict=True)])
        bottom = np.array([boxes[a:b, 3].max() for a, b in zip(starts, stops, strict=True)])
        self.systems = tuple(
            SystemBox(int(page), int(system), (x0, y0, x1, y1))
            for (page, system), x0, y0, x1, y1 in zip(
                names[starts].tolist(), left.tolist(), top.tolist(), right.tolist(), bottom.tolist(), strict=True
            )
        )
        self._names, self._left, self._right = names[starts], left, right
        self._per_px = wholes / SheetSpec().window_px
        firsts = [
            _first_px(boxes[a:b], int(a), whole, x0, hop_px)
            for a, b, whole, x0 in zip(starts, stops, wholes, left, strict=True)
        ]
        self._strip_x0 = np.maximum.accumulate(np.array([0.0, *firsts[1:]]))

    def at(self, strip_px: npt.ArrayLike) -> tuple[Ints, Ints, Floats]:
        """Pages, systems (from 1) and x (fractions of the page's width) of these strip px, each [n]."""
        px = np.asarray(strip_px, np.float64)
        index = np.clip(np.searchsorted(self._strip_x0, px, side="right") - 1, 0, None)
        x = self._left[index] + (px - self._strip_x0[index]) * self._per_px[index]
        x = np.clip(x, self._left[index], self._right[index])
        return self._names[index, 0], self._names[index, 1], x


def _whole_widths(widths: Floats, pages: Ints, starts: Ints, stops: Ints) -> Floats:
    """The width of a window that its system does not cut, per system.

    A system that is narrower than a window shows none: it gets its page's, or its piece's.
    """
    widest = np.array([widths[a:b].max() for a, b in zip(starts, stops, strict=True)])
    same_page = pages[starts][:, None] == pages[starts][None, :]
    on_page = np.where(same_page, widest[None, :], 0.0).max(axis=1)
    narrow = np.array([(widths[a:b] > top - _EQUAL).sum() < 2 for a, b, top in zip(starts, stops, widest, strict=True)])
    return np.where(narrow, on_page, widest)


def _first_px(boxes: Floats, first: int, whole: float, left: float, hop_px: float) -> float:
    """The strip px at which a system begins, from its boxes [places, 4]; its first place is the ``first``-th."""
    per_px = whole / SheetSpec().window_px
    read_px = (first + np.arange(len(boxes)) + 0.5) * hop_px
    uncut = boxes[:, 2] - boxes[:, 0] > whole - _EQUAL
    cut_left = ~uncut & (boxes[:, 0] <= left + _EQUAL) & (boxes[:, 2] < boxes[:, 2].max() - _EQUAL)
    centre = np.where(uncut, (boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 2] - whole / 2)
    known = uncut | cut_left
    if not known.any():
        return float(read_px[0] - hop_px / 2)
    return float(np.median(read_px[known] - (centre[known] - left) / per_px))
