"""A page laid flat: from staves that lean and bend to straight ones, and every point's way back.

A smooth curve with a spacing that may change is fitted to every staff; between the staves the page is stretched
evenly. A page that is flat already is not touched. Verticals that lean in a perspective stay leaning (up to 5 degrees
are looked for).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from earmark.schema import Box, FloatArray, Image
from earmark.sheet.systems.scale import DISTANCE, Curve
from earmark.sheet.systems.staves import Staff

GRID_STEP = 2.0 * DISTANCE
"""Px between the nodes of `grid_of`."""
_APART = 2 * DISTANCE  # that two staves must be to bend the page between them

Points = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Warp:
    """Where every point of a flat image lies on the page image that it was made from.

    ``grid`` float32 [rows, columns, 2] holds the page px (x, y) of the flat px (column, row) times ``step`` (x, y);
    between them it is linear. ``size`` is the flat image's (width, height) in px, ``page_size`` the page image's.
    """

    grid: FloatArray
    step: tuple[float, float]
    size: tuple[int, int]
    page_size: tuple[int, int]

    def to_page(self, points: npt.ArrayLike) -> Points:
        """Flat px [..., 2] of (x, y) → page px of the same shape; beyond the image the grid's edges go on."""
        flat = np.asarray(points, np.float64) / np.array(self.step)
        last = np.array(self.grid.shape[1::-1]) - 2
        cell = np.clip(np.floor(flat).astype(np.int64), 0, last)
        share = flat - cell
        x, y = cell[..., 0], cell[..., 1]
        right, down = share[..., :1], share[..., 1:]
        above = self.grid[y, x] * (1 - right) + self.grid[y, x + 1] * right
        below = self.grid[y + 1, x] * (1 - right) + self.grid[y + 1, x + 1] * right
        page: Points = above * (1 - down) + below * down
        return page

    def box_to_page(self, box: Box) -> Box:
        """The page box around a flat box's outline."""
        x0, y0, x1, y1 = box
        along = np.linspace(0, 1, 17)
        x, y = x0 + (x1 - x0) * along, y0 + (y1 - y0) * along
        across, up = np.full(17, 0.0), np.full(17, 0.0)
        outline = self.to_page(
            np.concatenate(
                [
                    np.stack([x, across + y0], axis=1),
                    np.stack([x, across + y1], axis=1),
                    np.stack([up + x0, y], axis=1),
                    np.stack([up + x1, y], axis=1),
                ]
            )
        )
        (left, top), (right, bottom) = outline.min(axis=0), outline.max(axis=0)
        return float(left), float(top), float(right), float(bottom)

    def fractions_to_page(self, box: Box) -> Box:
        """The same in fractions of the images' widths and heights, cut at the page's edges."""
        x0, y0, x1, y1 = np.multiply(box, self.size * 2).tolist()
        return in_fractions(self.box_to_page((x0, y0, x1, y1)), self.page_size)

    def flatten(self, image: npt.NDArray[np.uint8]) -> Image:
        """The flat image of the page image, uint8; what lies off the page is like its edge."""
        width, height = self.size
        flat = np.empty((height, width), np.uint8)
        node, share = _nodes_at(0, width, self.step[0], self.grid.shape[1])
        between = np.zeros((self.grid.shape[1], width), np.float32)
        between[node, np.arange(width)] = 1 - share
        between[node + 1, np.arange(width)] = share
        rows = (self.grid.transpose(2, 0, 1) - np.float32(0.5)) @ between  # [x or y, grid row, column]
        node, share = _nodes_at(0, height, self.step[1], self.grid.shape[0])
        ends = [*np.flatnonzero(np.diff(node)) + 1, height]
        for start, end in pairwise([0, *ends]):  # between two rows of the grid
            above, below = rows[:, node[start]], rows[:, node[start] + 1]
            x, y = above[:, None] + (below - above)[:, None] * share[start:end, None]
            flat[start:end] = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return flat


def in_fractions(box: Box, size: tuple[int, int]) -> Box:
    """A box in px → in fractions of (width, height), cut at the edges."""
    x0, y0, x1, y1 = np.clip(np.divide(box, size * 2), 0, 1).tolist()
    return x0, y0, x1, y1


def _nodes_at(start: int, end: int, step: float, nodes: int) -> tuple[npt.NDArray[np.int64], FloatArray]:
    """The grid's nodes before the centres of px ``start`` to ``end``, and how far on towards the next each lies."""
    at = (np.arange(start, end) + 0.5) / step
    node = np.minimum(at.astype(np.int64), nodes - 2)
    return node, (at - node).astype(np.float32)


def grid_of(size: tuple[int, int], staves: Sequence[Staff]) -> FloatArray:
    """Where the flat page's nodes lie on the bent one: float32 [rows, columns, 2], ``GRID_STEP`` px apart.

    On the flat page every staff lies straight, as high as it is in the mean. Between staves the page is stretched
    evenly, above the first and below the last it is shifted.
    """
    width, height = size
    columns, rows = (
        np.arange(-(-width // GRID_STEP) + 1) * GRID_STEP,
        np.arange(-(-height // GRID_STEP) + 1) * GRID_STEP,
    )
    grid = np.empty((len(rows), len(columns), 2), np.float32)
    grid[..., 0] = columns
    lines = [_Lines.of(staff, columns) for staff in staves]
    for index, x in enumerate(columns):
        flat, bent = _knots(lines, index, float(x))
        if len(flat) == 0:
            grid[:, index, 1] = rows
            continue
        shift = np.interp(rows, flat, bent - flat)
        grid[:, index, 1] = rows + shift
    return grid


@dataclass(frozen=True, eq=False)
class _Lines:
    """A staff's ends, the rows of its outer lines on the flat page, and those on the bent page at every column."""

    x0: float
    x1: float
    top: float
    bottom: float
    bent: list[tuple[float, float]]

    @classmethod
    def of(cls, staff: Staff, columns: Curve) -> _Lines:
        at, nodes = columns / DISTANCE - 0.5, np.arange(len(staff.top))
        bent = [np.interp(at, nodes, curve).tolist() for curve in (staff.top, staff.bottom)]
        top, bottom = staff.middle - staff.height / 2, staff.middle + staff.height / 2
        return cls(staff.x0, staff.x1, top, bottom, list(zip(*bent, strict=True)))


def _knots(staves: Sequence[_Lines], column: int, x: float) -> tuple[Curve, Curve]:
    """The rows of staff lines at this column, on the flat page and on the bent one, ascending.

    Where two staves beside each other would both have a say, it is the nearer one's.
    """
    chosen: list[tuple[float, float, float, float]] = []
    for staff in sorted(staves, key=lambda staff: max(0.0, staff.x0 - x, x - staff.x1)):
        top, bottom, here = staff.top, staff.bottom, staff.bent[column]
        if all(
            (bottom + _APART < other[0] and here[1] < other[2]) or (top > other[1] + _APART and here[0] > other[3])
            for other in chosen
        ):
            chosen.append((top, bottom, *here))
    chosen.sort()
    flat = np.array([row for top, bottom, _, _ in chosen for row in (top, bottom)])
    bent = np.array([row for _, _, top, bottom in chosen for row in (top, bottom)])
    return flat, bent


def bend(staves: Sequence[Staff]) -> float:
    """By how many px staves are off straight and level at most."""
    return max(
        (float(np.ptp(curve[staff.nodes])) for staff in staves for curve in (staff.top, staff.bottom)), default=0.0
    )
