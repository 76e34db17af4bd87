"""Files of sheet music → what of each page is encoded and shown: its strip, and the way from there back to the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import PIL.Image

from earmark.errors import BadInput
from earmark.schema import WHOLE, Page, PageImage, SheetSpec, Side
from earmark.sheet.draw import thumbnail
from earmark.sheet.engraved_page import EngravedPage, Measure
from earmark.sheet.formats import kind
from earmark.sheet.headings import read_names
from earmark.sheet.read import layout_of, read_piece
from earmark.sheet.strips import Strip, cut_strip, staves_in_strip
from earmark.sheet.systems.find import read_layout
from earmark.sheet.systems.warp import Warp

SPEC = SheetSpec()
_MISSING_PX = (1654, 2339)  # the size of a page that cannot be read


@dataclass(frozen=True)
class FlatPage:
    """One page, laid flat and cut into its strip; ``warp`` leads back to the page as it came, None if it was flat.

    ``measures`` of each of its systems, none where they are not known; ``title`` and ``composer`` are a score file's
    or PDF's own, "" where there is none; ``unread`` are the kinds of its staves that are not read. Of the system with
    the most staves ``tallest`` says how many it has, and how many its strip shows. ``missing`` says why the page could
    not be read, "" if it was. ``thumbnail`` is a small PNG of the first page as it came, b"" of the others.
    """

    page: Page
    strip: Strip
    warp: Warp | None
    measures: tuple[tuple[Measure, ...], ...]
    title: str = ""
    composer: str = ""
    unread: tuple[str, ...] = ()
    tallest: tuple[int, int] = (0, 0)
    missing: str = ""
    thumbnail: bytes = b""


def warm_up() -> None:
    """Finds the systems of a small page: what is slow the first time is done before processes that read fork.

    They are many, so each uses one core.
    """
    cv2.setNumThreads(1)
    PIL.Image.preinit()  # imports what reads images
    page = np.full((300, 400), 255, np.uint8)
    for top in (60, 120, 200):
        for line in range(5):
            page[top + 7 * line : top + 7 * line + 2, 40:360] = 0
    cut_strip(page, read_layout(page).systems, SPEC)


def read_flat_pages(files: Sequence[Path]) -> Iterator[FlatPage]:
    """All pages of ``files``, in order, numbered from 1 through the piece.

    Pages may lie aside, lean or bend. Raises BadInput as `earmark.sheet.read.read_piece` does.
    """
    names: tuple[str, str] | None = None
    images = 0
    for number, page in enumerate(read_piece(files), start=1):
        images += isinstance(page, BadInput) or not page.part[0]  # a right half is of the image before
        if isinstance(page, BadInput):
            nothing = cut_strip(np.full((1, 1), 255, np.uint8), (), SPEC, number)
            yield FlatPage(
                Page(number, *_MISSING_PX, 0, images), nothing, None, (), missing=f"{Path(page.path).name} {page.what}"
            )
            continue
        layout = layout_of(page)
        described = Page(number, *layout.page_size, len(layout.systems), images, _side(page))
        strip = cut_strip(layout.image, layout.systems, SPEC, number)
        tallest = max((staves_in_strip(system, SPEC) for system in layout.systems), default=(0, 0))
        found = FlatPage(described, strip, layout.warp, ((),) * len(layout.systems), tallest=tallest)
        if number == 1:
            found = replace(found, thumbnail=thumbnail(page.image))
        if isinstance(page, EngravedPage):
            unread = tuple(sorted(page.unread))
            found = replace(found, measures=page.measures, title=page.title, composer=page.composer, unread=unread)
        elif layout.systems and names is None and kind(files[0]) == "pdf":
            names = read_names(files[0], page.number - 1, layout.image, layout.systems[0])
            found = replace(found, title=names[0], composer=names[1])
        yield found


def _side(page: PageImage) -> Side | None:
    """Which half of an image a page is, if it is one."""
    if page.part == WHOLE:
        return None
    return "right" if page.part[0] else "left"
