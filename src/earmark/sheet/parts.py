"""One file of several pieces → the pages that each begins on: those with a title above the first system.

Where a PDF has text, `earmark.sheet.headings` says what a title is. Where a page is only an image, a title is a line of
ink that high in the page's middle columns, above a first system that stands lower than most pages' do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import pypdfium2 as pdfium

from earmark.errors import reading
from earmark.schema import Image, System
from earmark.sheet.engrave import engraved
from earmark.sheet.formats import kind
from earmark.sheet.headings import lines_above, title_of
from earmark.sheet.read import read_sheets
from earmark.sheet.systems.find import find_systems

TITLE_INK = 0.55
"""Of the staff height: how high the ink of a title's line is, capitals without descenders."""
LOWERED = 2.0
"""Staff heights by which the first system of a page with a title stands lower than on other pages."""
_INK = 128


@dataclass(frozen=True)
class Part:
    """A piece of a file: its first and last page, from 1, its title, "" where that is only an image, and its
    composer, "" where nothing says."""

    first: int
    last: int
    title: str
    composer: str = ""


@dataclass(frozen=True)
class Heading:
    """What stands above a page's first system: a title's text, if it is text; whether ink looks like one; and how many
    staff heights are above the system. ``space`` is None on pages without a system. Of a score file it is known whether
    a piece ``begins`` there, and its composer."""

    text: str | None
    ink: bool
    space: float | None
    begins: bool | None = None
    composer: str = ""

    def is_title(self, usual_space: float) -> bool:
        if self.begins is not None:
            return self.begins
        if self.space is None:
            return False
        if self.text is not None:
            return bool(self.text)
        return self.ink and self.space >= usual_space + LOWERED


def read_headings(path: Path) -> Iterator[Heading]:
    """What stands at the top of every page of a PDF, multi-page TIFF or score file; a tune of an ABC book has a page.

    Raises BadInput as `earmark.sheet.read.read_sheets` does.
    """
    if kind(path) == "notation":
        yield from _engraved_headings(path)
        return
    with reading(path):
        yield from _headings(path)


def _engraved_headings(path: Path) -> Iterator[Heading]:
    with engraved(path) as engraving:
        whole = (engraving.title, engraving.composer)
        for number in range(engraving.pages):
            title, composer = engraving.tunes[number] if engraving.tunes else whole
            yield Heading(title, False, 0.0, bool(engraving.tunes) or number == 0, composer)


def _headings(path: Path) -> Iterator[Heading]:
    with ExitStack() as stack:
        document = None
        for page in read_sheets(path):
            if document is None and kind(path) == "pdf":
                document = stack.enter_context(pdfium.PdfDocument(path))
            systems = find_systems(page.image)
            if not systems:
                yield Heading(None, False, None)
                continue
            first = systems[0]
            text = title_of(lines_above(document, page.number - 1, page.image, first), first) if document else None
            space = first.box[1] / first.staff_height_px
            yield Heading(text, _has_title_ink(page.image, first), space)


def find_parts(read: Iterable[Heading]) -> list[Part]:
    """The pieces of the file that `read_headings` read, in order; one part where no title is found after the first
    page.

    Pages without a system (covers, text) belong to the piece that follows them.
    """
    headings = list(read)
    spaces = [heading.space for heading in headings if heading.space is not None]
    usual = median(spaces) if spaces else 0.0
    starts: list[tuple[int, str]] = []
    for number, heading in enumerate(headings, start=1):
        if not starts or heading.is_title(usual):
            first = number if starts else 1
            while starts and first - 1 > starts[-1][0] and headings[first - 2].space is None:
                first -= 1
            title = heading.text or ""
            if starts and all(earlier.space is None for earlier in headings[starts[-1][0] - 1 : first - 1]):
                starts[-1] = (starts[-1][0], title)  # only a cover so far
            else:
                starts.append((first, title))
    ends = [first - 1 for first, _ in starts[1:]] + [len(headings)]
    return [
        Part(first, last, title, headings[first - 1].composer)
        for (first, title), last in zip(starts, ends, strict=True)
    ]


def _has_title_ink(image: Image, first: System) -> bool:
    """Whether a line of ink as high as a title's stands in the middle columns above the first system."""
    width = image.shape[1]
    bottom = max(0, round(first.box[1] - first.staff_height_px))
    middle = image[:bottom, round(0.25 * width) : round(0.75 * width)]
    inked = (middle < _INK).sum(axis=1) >= 3
    edges = np.flatnonzero(np.diff(np.concatenate([[False], inked, [False]])))
    heights = edges[1::2] - edges[::2]
    return bool((heights >= TITLE_INK * first.staff_height_px).any())
