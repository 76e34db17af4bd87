"""Systems as people see them on the page as it came, in fractions of its width and height."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from earmark.errors import BadInput
from earmark.schema import Box, PageImage, System
from earmark.sheet.read import layout_of, read_piece
from earmark.sheet.systems.find import Layout
from earmark.sheet.systems.warp import in_fractions


@dataclass(frozen=True)
class SystemOnPage:
    """A system on the page image, all in fractions of its width and height.

    ``box`` holds the system with room for its notes (`outline`), ``staves`` the boxes around the lines of every staff
    from top to bottom, ``bars`` the upper and the lower end (x0, y0, x1, y1) of every bar line from left to right.
    """

    box: Box
    staves: tuple[Box, ...]
    bars: tuple[Box, ...]


@dataclass(frozen=True)
class SeenPage(PageImage):
    """A page as it came, with its systems in reading order; or why it is ``missing``, "" if it is not."""

    systems: tuple[SystemOnPage, ...] = ()
    missing: str = ""


def see_pages(files: Sequence[Path]) -> Iterator[SeenPage]:
    """All pages of ``files``, in order; raises BadInput as `earmark.sheet.read.read_piece` does."""
    for page in read_piece(files):
        if isinstance(page, BadInput):
            yield SeenPage(1, np.zeros((1, 1), np.uint8), missing=f"{Path(page.path).name} {page.what}; {page.remedy}")
        else:
            yield SeenPage(page.number, page.image, page.part, systems_on_page(layout_of(page)))


def systems_on_page(layout: Layout) -> tuple[SystemOnPage, ...]:
    """All systems of a page in reading order."""
    return tuple(_on_page(layout, system) for system in layout.systems)


def outline(system: System) -> Box:
    """The system's box with room around it for brace and notes, in px of its image; may reach beyond it.

    The room above and below is a quarter of a staff's height, and more the more staves there are: with two, about three
    line distances, as people draw boxes around systems.
    """
    x0, y0, x1, y1 = system.box
    staff = system.staff_height_px
    room = 0.25 * staff + 0.2 * (y1 - y0 - staff)
    return x0 - 0.25 * staff, y0 - room, x1, y1 + room


def _on_page(layout: Layout, system: System) -> SystemOnPage:
    x0, y0, x1, y1 = system.box
    staves = tuple(layout.box_on_page((x0, top, x1, bottom)) for top, bottom in system.staves)
    bars = tuple(layout.line_on_page(bar, y0, bar, y1) for bar in system.bars)
    return SystemOnPage(
        in_fractions(layout.box_on_page(outline(system)), layout.page_size),
        tuple(in_fractions(staff, layout.page_size) for staff in staves),
        tuple(in_fractions(bar, layout.page_size) for bar in bars),
    )
