"""Systems of a page → a strip: every system at one staff height, unrolled left to right in reading order.

A strip is ``spec.strip_height_px`` high (80) and as wide as its systems together; the encoder reads windows
of ``spec.window_px`` (100) from it. That is the paper's snippet of 160 x 200 px, halved (Balke et al. 2019,
Section 3). Training cuts its strips from the engraver's exact boxes, search from the boxes that
`find_systems` found.

80 px hold two staves. So a strip has *lanes*, one above the other: each shows two neighbouring staves of a system, and
all of them together show every staff. The sheet encoder reads the lanes of a place together. A system of one or two
staves has one lane, n staves have n / 2, rounded up.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import PIL.Image

from earmark.results.places import Place
from earmark.schema import HEAD_PX, Box, FloatArray, Heads, Image, Ink, IntArray, SheetSpec, System
from earmark.sheet.whiten import whiten

_PAPER = 255


@dataclass(frozen=True)
class Strip:
    """The systems of one page, or of several (`join_strips`), with their places.

    ``pixels`` uint8 [lanes, height, width], 255 = paper, with as many lanes as the system that has most; systems with
    fewer show their last lane again, which adds nothing to what the encoder reads.

    Arrays of one entry per system, in reading order; a *system index* is a position in them, from 0:

    * ``strip_x0`` float64, the strip px its left end lies at; a whole number
    * ``scale`` float64, strip px per page px, in both directions
    * ``page_x0`` float64, the page px at strip px ``strip_x0``
    * ``page_y0``, ``page_y1`` float64, the page px of the first lane's upper and of the last lane's lower edge; either
      may lie beyond the page
    * ``top``, ``bottom`` float64, the system's outer staff lines in page px; tall ones reach beyond the strip
    * ``page``, ``number`` int64, its page and its number on that page, both from 1
    * ``page_width``, ``page_height`` int64, the page image's size in px
    """

    spec: SheetSpec
    pixels: Image
    strip_x0: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    page_x0: npt.NDArray[np.float64]
    page_y0: npt.NDArray[np.float64]
    page_y1: npt.NDArray[np.float64]
    top: npt.NDArray[np.float64]
    bottom: npt.NDArray[np.float64]
    page: npt.NDArray[np.int64]
    number: npt.NDArray[np.int64]
    page_width: npt.NDArray[np.int64]
    page_height: npt.NDArray[np.int64]

    @property
    def width(self) -> int:
        """In strip px."""
        return int(self.pixels.shape[2])

    @property
    def begins(self) -> npt.NDArray[np.int64]:
        """The columns at which its systems begin, int64 [systems]."""
        return self.strip_x0.astype(np.int64)

    def to_page(self, x_strip: npt.ArrayLike) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Strip px → (system index, page px); left of the strip is the first system, right of it the last."""
        x = np.asarray(x_strip, np.float64)
        system = np.clip(np.searchsorted(self.strip_x0, x, side="right") - 1, 0, None)
        return system, self.page_x0[system] + (x - self.strip_x0[system]) / self.scale[system]

    def to_strip(self, system: npt.ArrayLike, page_x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """(System index, page px) → strip px, the inverse of `to_page` for ``box.x0 <= page_x < box.x1``."""
        index = np.asarray(system, np.int64)
        x = np.asarray(page_x, np.float64)
        return self.strip_x0[index] + (x - self.page_x0[index]) * self.scale[index]

    def snippet_box(self, x_strip: float) -> Box:
        """What the window centred on this strip px shows of its own system, in page px, cut at page edges.

        All staves of the system are in it, also those above and below the strip.
        """
        index, centre = self.to_page(x_strip)
        system, scale = int(index), float(self.scale[index])
        half = self.spec.window_px / 2 / scale
        x0, x1 = float(self.page_x0[system]), self._page_x1(system)
        y0, y1 = (
            min(float(self.page_y0[system]), float(self.top[system])),
            max(float(self.page_y1[system]), float(self.bottom[system])),
        )
        width, height = float(self.page_width[system]), float(self.page_height[system])
        return (
            max(0.0, x0, float(centre) - half),
            max(0.0, y0),
            min(width, x1, float(centre) + half),
            min(height, y1),
        )

    def place(self, x_strip: float) -> Place:
        """The same with page and system, the box in fractions of the page's width and height."""
        system = int(self.to_page(x_strip)[0])
        width, height = float(self.page_width[system]), float(self.page_height[system])
        x0, y0, x1, y1 = self.snippet_box(x_strip)
        box = (x0 / width, y0 / height, x1 / width, y1 / height)
        return Place(int(self.page[system]), int(self.number[system]), box)

    def _page_x1(self, system: int) -> float:
        """Where the system ends on its page."""
        last = system + 1 == len(self.strip_x0)
        strip_x1 = self.width if last else self.strip_x0[system + 1]
        return float(self.page_x0[system] + (strip_x1 - self.strip_x0[system]) / self.scale[system])


def lane_middles(system: System) -> list[float]:
    """Where the lanes of a system lie on the page: the y of their middles, from top to bottom.

    Up to two staves are one lane, about the middle of the system's box. More are taken in pairs of neighbours; of an
    odd number, one staff is in two of them.
    """
    staves = system.staves
    if len(staves) <= 2:
        return [(system.box[1] + system.box[3]) / 2]
    count = -(-len(staves) // 2)
    firsts = [round(lane * (len(staves) - 2) / (count - 1)) for lane in range(count)]
    return [(staves[first][0] + staves[first + 1][1]) / 2 for first in firsts]


def cut_strip(image: Image, systems: Sequence[System], spec: SheetSpec, page: int = 1) -> Strip:
    """The strip of one page image, uint8 [height, width].

    Each system is scaled, alike in both directions, to a staff height of ``spec.staff_height_px``, and each of its
    lanes is cut from its left to its right end and ``spec.strip_height_px`` high. Grey paper becomes white and pale ink
    black; off the page is paper. A page without systems gives a strip of width 0.
    """
    height, width = image.shape
    if systems:
        usual = float(np.median([system.staff_height_px for system in systems]))
        image = whiten(image, [system.box for system in systems], usual)
    scale = np.array([spec.staff_height_px / system.staff_height_px for system in systems], np.float64)
    page_x0 = np.array([system.box[0] for system in systems], np.float64)
    half = spec.strip_height_px / 2 / scale
    middles = [lane_middles(system) for system in systems]
    pieces = []
    for system, s, x0, above, lanes in zip(systems, scale, page_x0, half, middles, strict=True):
        columns = max(1, math.ceil((system.box[2] - x0) * s))
        cut = [_scaled(image, x0, middle - above, s, columns, spec.strip_height_px) for middle in lanes]
        pieces.append(np.stack(cut))
    page_y0 = np.array([lanes[0] for lanes in middles], np.float64) - half
    last_y0 = np.array([lanes[-1] for lanes in middles], np.float64) - half
    count = len(systems)
    return Strip(
        spec=spec,
        pixels=_side_by_side(pieces, spec),
        strip_x0=np.cumsum([0, *(piece.shape[2] for piece in pieces)])[:-1].astype(np.float64),
        scale=scale,
        page_x0=page_x0,
        page_y0=page_y0,
        page_y1=last_y0 + spec.strip_height_px / scale,
        top=np.array([system.box[1] for system in systems], np.float64),
        bottom=np.array([system.box[3] for system in systems], np.float64),
        page=np.full(count, page),
        number=np.arange(1, count + 1),
        page_width=np.full(count, width),
        page_height=np.full(count, height),
    )


def staves_in_strip(system: System, spec: SheetSpec) -> tuple[int, int]:
    """How many staves a system has, and how many of them its lanes show whole, at least one."""
    half = spec.strip_height_px / 2 * system.staff_height_px / spec.staff_height_px
    middles = lane_middles(system)
    shown = sum(any(top >= y - half and bottom <= y + half for y in middles) for top, bottom in system.staves)
    return len(system.staves), max(1, shown)


def join_strips(strips: Iterable[Strip]) -> Strip:
    """The strip of a piece from those of its pages in order; raises ValueError when there are none."""
    parts = list(strips)
    if not parts:
        raise ValueError("a piece needs at least one page")
    ends = np.cumsum([0, *(part.width for part in parts)])
    unchanged = [field.name for field in fields(Strip) if field.name not in ("spec", "pixels", "strip_x0")]
    return Strip(
        spec=parts[0].spec,
        pixels=_side_by_side([part.pixels for part in parts], parts[0].spec),
        strip_x0=np.concatenate([part.strip_x0 + start for part, start in zip(parts, ends, strict=False)]),
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in unchanged},
    )


def _side_by_side(parts: Sequence[Image], spec: SheetSpec) -> Image:
    """Pixels [lanes, height, width] from left to right, the last lane again where there are fewer than elsewhere."""
    lanes = max((len(part) for part in parts if part.shape[2]), default=1)
    filled = [part[np.minimum(np.arange(lanes), len(part) - 1)] for part in parts]
    return np.concatenate([np.zeros((lanes, spec.strip_height_px, 0), np.uint8), *filled], axis=2)


def ink(pixels: Image) -> FloatArray:
    """Pixels uint8, 255 = paper → float32 of the same shape, 0 = paper, 1 = ink."""
    inked: FloatArray = np.float32(1) - pixels.astype(np.float32) / np.float32(255)
    return inked


def ink_of(strip: Strip) -> Ink:
    """What the sheet encoder sees of a strip that has a system."""
    return Ink(ink(strip.pixels), heads_of(strip.pixels, strip.begins))


def heads_of(pixels: Image, begins: IntArray) -> Heads:
    """The heads of systems that begin at the columns ``begins`` of a strip; beyond its end is paper."""
    wider = np.pad(pixels, ((0, 0), (0, 0), (0, HEAD_PX)), constant_values=_PAPER)
    return Heads(ink(np.stack([wider[:, :, begin : begin + HEAD_PX] for begin in begins])), begins)


def blank(columns: int) -> Ink:
    """A strip of one lane and one system with nothing on it."""
    paper = np.full((1, SheetSpec().strip_height_px, columns), _PAPER, np.uint8)
    return Ink(ink(paper), heads_of(paper, np.zeros(1, np.int64)))


def _scaled(image: Image, x0: float, y0: float, scale: float, columns: int, rows: int) -> Image:
    """``rows`` x ``columns`` px of the page from its px (x0, y0) on, times ``scale``.

    Bilinear with antialiasing: a triangle as wide as the reduction gives every page row the same weight in
    all strip rows together, so all staff lines come out equally dark, wherever they fall between the strip's
    rows.
    """
    margin = math.ceil(1 / scale) + 1
    left, top = math.floor(x0) - margin, math.floor(y0) - margin
    right, bottom = math.ceil(x0 + columns / scale) + margin, math.ceil(y0 + rows / scale) + margin
    crop = np.full((bottom - top, right - left), _PAPER, np.uint8)
    inside = image[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    if inside.size:
        y, x = max(0, -top), max(0, -left)
        crop[y : y + inside.shape[0], x : x + inside.shape[1]] = inside
    box = (x0 - left, y0 - top, x0 - left + columns / scale, y0 - top + rows / scale)
    resized = PIL.Image.fromarray(crop).resize((columns, rows), PIL.Image.Resampling.BILINEAR, box=box)
    return np.asarray(resized)
