"""A piece's stored places → one line along its systems, on which a moment can be found on the page.

A library keeps, for every ``hop_px`` of a piece's strip, the box of what the encoder saw there; boxes end where their
system ends. The line is the strip's own: strip px, all systems one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from earmark.results.alignment import SystemBox
from earmark.results.places import Place
from earmark.schema import SheetSpec

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_EQUAL = 2e-5  # what rounding may change of fractions of a page


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
        left, top = (np.minimum.reduceat(boxes[:, side], starts) for side in (0, 1))
        right, bottom = (np.maximum.reduceat(boxes[:, side], starts) for side in (2, 3))
        widest = np.maximum.reduceat(boxes[:, 2] - boxes[:, 0], starts)
        whole = _whole_widths(widest, names[starts, 0], np.diff(starts, append=len(places)), hop_px)
        extents = np.stack([left, top, right, bottom], axis=1).tolist()
        self.systems = tuple(
            SystemBox(page, system, tuple(box))
            for (page, system), box in zip(names[starts].tolist(), extents, strict=True)
        )
        self._names, self._left, self._right = names[starts], left, right
        self._per_px = whole / SheetSpec().window_px
        begins = [
            _first_px(boxes[start:stop], int(start), width, hop_px)
            for start, stop, width in zip(starts, [*starts[1:], len(places)], whole, strict=True)
        ]
        self._strip_x0 = np.array([0.0, *begins[1:]])
        self._starts, self._stops = starts, np.append(starts[1:], len(places))
        self._measures = [place.measure for place in places]
        self._beats = [place.beat for place in places]

    def at(self, strip_px: npt.ArrayLike) -> tuple[Ints, Ints, Floats]:
        """Pages, systems (from 1) and x (fractions of the page's width) of these strip px, each [n]."""
        px = np.asarray(strip_px, np.float64)
        index = self._system(px)
        x = self._left[index] + (px - self._strip_x0[index]) * self._per_px[index]
        x = np.clip(x, self._left[index], self._right[index])
        return self._names[index, 0], self._names[index, 1], x

    def measures(self, strip_px: npt.ArrayLike) -> list[str | None]:
        """The numbers of the measures at these strip px [n], those of the nearest places of their systems."""
        return [self._measures[place] for place in self._nearest(strip_px).tolist()]

    def beats(self, strip_px: npt.ArrayLike) -> list[float | None]:
        """The beats at these strip px [n], to a hundredth: between two places of one measure by the distances from
        them, else that of the nearest."""
        px = np.asarray(strip_px, np.float64)
        nearest = self._nearest(px)
        aside = px / self.hop_px - 0.5 - nearest
        neighbours = np.clip(nearest + np.sign(aside).astype(np.int64), 0, len(self._beats) - 1)
        rows = zip(nearest.tolist(), neighbours.tolist(), aside.clip(-0.5, 0.5).tolist(), strict=True)
        return [self._beat(place, neighbour, share) for place, neighbour, share in rows]

    def _beat(self, place: int, neighbour: int, aside: float) -> float | None:
        """The beat a share ``aside``, -0.5..0.5, of the way from a place towards its neighbour on that side."""
        here, there = self._beats[place], self._beats[neighbour]
        if here is None or there is None or self._measures[place] != self._measures[neighbour]:
            return here
        rises = (there - here) * (neighbour - place) >= 0  # falls where another measure of this number begins
        return round(here + abs(aside) * (there - here), 2) if rises else here

    def _nearest(self, strip_px: npt.ArrayLike) -> Ints:
        """The place nearest to each of these strip px, of those of its system."""
        px = np.asarray(strip_px, np.float64)
        index = self._system(px)
        nearest: Ints = np.clip((px // self.hop_px).astype(np.int64), self._starts[index], self._stops[index] - 1)
        return nearest

    def _system(self, px: Floats) -> Ints:
        """The row of the system at each of these strip px."""
        return np.clip(np.searchsorted(self._strip_x0, px, side="right") - 1, 0, None)


def _whole_widths(widths: Floats, pages: Ints, counts: Ints, hop_px: float) -> Floats:
    """The width of a window that its system does not cut, per system.

    ``widths`` are the widest of each system's ``counts`` boxes. A system that is not wider than a window has none
    that is whole: it takes its page's.
    """
    on_page = np.where(pages[:, None] == pages[None, :], widths[None, :], 0.0).max(axis=1)
    whole: Floats = np.where(counts * hop_px >= SheetSpec().window_px + 2 * hop_px, widths, on_page)
    return whole


def _first_px(boxes: Floats, first: int, whole: float, hop_px: float) -> float:
    """The strip px at which a system begins; ``boxes`` [places, 4] are its own, from the piece's ``first`` place on.

    Known from every window whose right side is not cut: that is half a window from its middle.
    """
    left, right = boxes[:, 0].min(), boxes[:, 2].max()
    read_px = (first + np.arange(len(boxes)) + 0.5) * hop_px
    known = boxes[:, 2] < right - _EQUAL
    if not known.any():
        return float(read_px[0] - hop_px / 2)
    middles = boxes[known, 2] - whole / 2
    return float(np.median(read_px[known] - (middles - left) * SheetSpec().window_px / whole))
