"""A page image → its systems, whichever way it lies, leans or bends, from the image alone.

1. The rows of a page with staves repeat at the distance of staff lines (`lines`); if its columns do, it lies aside.
2. At one scale, staves are followed by their five lines, which may lean and bend (`staves`).
3. The page is laid flat, so that staves are straight, level and of one height from end to end (`warp`).
4. On the flat page staves get their exact ends, lines that stand between them join them to systems (`joins`,
   `grouping`), and the signs at their beginnings tell whether the page stands on its head (`upright`).

Staves much smaller than the page's usual staff (ossias, cues) are not found, and neither are staves of other than five
lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from earmark.schema import Box, FloatArray, Image, System
from earmark.sheet.systems.grouping import Group, group_staves
from earmark.sheet.systems.joins import trim
from earmark.sheet.systems.lines import Period, darkness, find_periods, find_skew, thin_ink
from earmark.sheet.systems.scale import DISTANCE, Level
from earmark.sheet.systems.staves import Staff, find_staves
from earmark.sheet.systems.upright import is_upside_down
from earmark.sheet.systems.warp import GRID_STEP, Warp, bend, grid_of

_LEVEL_DEGREES = 0.3  # a smaller skew is left to the staves' own curves
_FLAT = 0.1 * DISTANCE  # staves that bend less are straight
_ENOUGH = 200 * DISTANCE  # staff lines so long together are music; less may be lines of text: try other distances
_MAX_PIXELS = 16e6  # of a page at ``DISTANCE``: A4 with staves 3 mm high has 12 million
_MIN_WIDTH = 0.1  # of a staff, as a share of the page's
_SIDEWAYS = 1.5  # times as strongly as rows have columns to repeat


@dataclass(frozen=True)
class Layout:
    """A page laid flat with its systems.

    ``image`` is the flat page, uint8, upright, its staves level: the page image itself when it was so already, and then
    ``warp`` is None. ``systems`` are in reading order and in px of ``image``. ``page_size`` is the page image's (width,
    height).
    """

    image: Image
    systems: tuple[System, ...]
    warp: Warp | None
    page_size: tuple[int, int]

    def box_on_page(self, box: Box) -> Box:
        """A box on ``image`` in px → the box around it on the page image, in px."""
        return self.warp.box_to_page(box) if self.warp else box

    def line_on_page(self, x0: float, y0: float, x1: float, y1: float) -> Box:
        """The ends of a straight line on ``image`` in px → where they are on the page image, in px."""
        if self.warp is None:
            return x0, y0, x1, y1
        (x0, y0), (x1, y1) = self.warp.to_page([(x0, y0), (x1, y1)]).tolist()
        return x0, y0, x1, y1


def find_systems(image: Image) -> list[System]:
    """The systems of one page image, uint8 [height, width], 255 = paper, in reading order.

    Boxes are in px of the image, whichever way it lies: those around the system's outline. A page without music gives
    []. `read_layout` also gives the flat page, to cut systems from.
    """
    layout = read_layout(image)
    return [_on_page(layout, system) for system in layout.systems]


def read_layout(image: Image) -> Layout:
    """The page image, uint8 [height, width], 255 = paper, laid flat, with its systems.

    On the flat page y is exact to about half a px, x to about 3 at 200 dpi.
    """
    found: _Found | None = None
    for quarters, periods in _likely_turns(image):
        found = _find(np.ascontiguousarray(np.rot90(image, quarters)), quarters, periods)
        if found is not None and is_upside_down(found.ink, [staff for group in found.groups for staff in group.staves]):
            quarters = (quarters + 2) % 4
            found = _find(np.ascontiguousarray(np.rot90(image, quarters)), quarters, periods) or found
        if found is not None:
            break
    size = (image.shape[1], image.shape[0])
    if found is None:
        return Layout(image, (), None, size)
    warp = found.warp(size)
    flat = warp.flatten(image) if warp else image
    return Layout(flat, tuple(_system(group, found.scale) for group in found.groups), warp, size)


@dataclass(frozen=True)
class _Found:
    """What was found on a page turned by ``quarters``: all in px of the flat page at ``DISTANCE``.

    ``scale`` (x, y) is page px per such px, ``grid`` where the flat nodes lie on the turned and scaled page, None if it
    was flat.
    """

    quarters: int
    scale: tuple[float, float]
    size: tuple[int, int]
    grid: FloatArray | None
    ink: FloatArray
    groups: list[Group]

    def warp(self, page_size: tuple[int, int]) -> Warp | None:
        """The way from the flat page, at the page image's scale, to the page image."""
        if self.grid is None and self.quarters == 0:
            return None
        width, height = self.size
        grid = grid_of(self.size, []) if self.grid is None else self.grid
        points = grid.reshape(-1, 2) * np.array(self.scale, np.float32)
        turned = _unturned(points, self.quarters, page_size).reshape(grid.shape).astype(np.float32)
        scale_x, scale_y = self.scale
        steps = (GRID_STEP * scale_x, GRID_STEP * scale_y)
        return Warp(turned, steps, (round(width * scale_x), round(height * scale_y)), page_size)


def _likely_turns(image: Image) -> list[tuple[int, list[Period]]]:
    """By how many quarters to turn the page anti-clockwise so that its staves are level, with likely line distances.

    The likelier turn comes first; one that is much less likely is left out.
    """
    turns = list(enumerate(find_periods(image)))
    strengths = [max((period.strength for period in periods), default=0.0) for _, periods in turns]
    if strengths[0] >= _SIDEWAYS * strengths[1]:
        return turns[:1]
    return turns if strengths[0] >= strengths[1] else turns[::-1]


def _find(image: Image, quarters: int, periods: Sequence[Period]) -> _Found | None:
    """The systems of a page whose staves are roughly level; None if there are none."""
    best: _Found | None = None
    most = 0.0
    for period in periods:
        found = _find_at(image, period.distance, quarters)
        if found is None:
            continue
        length = sum(staff.x1 - staff.x0 for group in found.groups for staff in group.staves)
        if length > most:
            best, most = found, length
        if most >= _ENOUGH:
            break
    return best


def _find_at(image: Image, distance: float, quarters: int) -> _Found | None:
    """The same with a known distance of staff lines."""
    height, width = image.shape
    shrink = DISTANCE / distance
    if width * height * shrink**2 > _MAX_PIXELS:
        return None
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    page = cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrink < 1 else cv2.INTER_CUBIC).astype(np.uint8)
    lines, thick = thin_ink(darkness(page, DISTANCE), DISTANCE)
    degrees = find_skew(lines, DISTANCE)
    turn = None
    if abs(degrees) > _LEVEL_DEGREES:
        page, turn = _levelled(page, degrees)
        lines, thick = thin_ink(darkness(page, DISTANCE), DISTANCE)
    staves = find_staves(lines, thick)
    if not staves:
        return None
    grid = None
    if turn is not None or bend(staves) > _FLAT:
        grid = grid_of((page.shape[1], page.shape[0]), staves)
        flat_size = (page.shape[1], page.shape[0])
        page = Warp(grid, (GRID_STEP, GRID_STEP), flat_size, flat_size).flatten(page)
        lines, thick = thin_ink(darkness(page, DISTANCE), DISTANCE)
        if turn is not None:
            grid = _moved(grid, turn)
    ink = np.minimum(lines + thick, 1)
    groups = group_staves(ink, _trimmed(lines, ink, staves))
    scale = (width / size[0], height / size[1])
    return _Found(quarters, scale, (page.shape[1], page.shape[0]), grid, ink, groups) if groups else None


def _trimmed(lines: FloatArray, ink: FloatArray, staves: Sequence[Staff]) -> list[Level]:
    """The staves with their exact ends, each once."""
    found: list[Level] = []
    for staff in sorted(staves, key=lambda staff: staff.x0 - staff.x1):
        level = Level(staff.x0, staff.x1, staff.middle - staff.height / 2, staff.middle + staff.height / 2)
        if level.top < 0 or level.bottom > len(lines):
            continue
        for part in trim(lines, ink, level):
            if part.x1 - part.x0 >= _MIN_WIDTH * lines.shape[1] and not any(_overlap(part, other) for other in found):
                found.append(part)
    return found


def _overlap(one: Level, other: Level) -> bool:
    return min(one.x1, other.x1) > max(one.x0, other.x0) and min(one.bottom, other.bottom) + DISTANCE > max(
        one.top, other.top
    )


def _levelled(page: Image, degrees: float) -> tuple[Image, npt.NDArray[np.float64]]:
    """The page turned about its middle so that lines which fall by so many degrees are level, and its px' way back.

    The canvas holds all of the page; the way back is a matrix float64 [2, 3].
    """
    height, width = page.shape
    turn = np.radians(degrees)
    cos, sin = abs(np.cos(turn)), abs(np.sin(turn))
    wide, high = int(width * cos + height * sin) + 1, int(height * cos + width * sin) + 1
    rotation = np.array([(np.cos(turn), -np.sin(turn)), (np.sin(turn), np.cos(turn))])
    offset = np.array([width / 2, height / 2]) - rotation @ (wide / 2, high / 2)
    back = np.column_stack([rotation, offset])
    by_index = np.column_stack([rotation, rotation @ (0.5, 0.5) + offset - 0.5])
    level = cv2.warpAffine(
        page, by_index, (wide, high), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
    )
    return level.astype(np.uint8), back


def _moved(grid: FloatArray, matrix: npt.NDArray[np.float64]) -> FloatArray:
    moved: FloatArray = (grid @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    return moved


def _unturned(points: npt.NDArray[np.float32], quarters: int, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Points [n, 2] on a page turned anti-clockwise by quarters → on the page, whose (width, height) is ``size``."""
    width, height = size
    x, y = points.T
    both = ((x, y), (width - y, x), (width - x, height - y), (y, height - x))[quarters]
    return np.stack(both, axis=1)


def _system(group: Group, scale: tuple[float, float]) -> System:
    """The same in px of the flat page at the page image's scale."""
    scale_x, scale_y = scale
    x0, _, x1, _ = group.box
    staves = tuple((staff.top * scale_y, staff.bottom * scale_y) for staff in group.staves)
    height = sum(bottom - top for top, bottom in staves) / len(staves)
    box = (x0 * scale_x, staves[0][0], x1 * scale_x, staves[-1][1])
    return System(box, staves, height, tuple(bar * scale_x for bar in group.bars))


def _on_page(layout: Layout, system: System) -> System:
    """The system in px of the page image: the boxes around its parts."""
    if layout.warp is None:
        return system
    x0, _, x1, _ = system.box
    staves = tuple(layout.box_on_page((x0, top, x1, bottom))[1::2] for top, bottom in system.staves)
    middle = (system.box[1] + system.box[3]) / 2
    bars = tuple(layout.line_on_page(bar, middle, bar, middle)[0] for bar in system.bars)
    return replace(system, box=layout.box_on_page(system.box), staves=staves, bars=bars)
