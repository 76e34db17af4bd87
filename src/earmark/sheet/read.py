"""Any file of sheet music → its pages: PDF and images as they are, score files as they are engraved.

A double spread is two pages, the left one first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from earmark.errors import BadInput, reading
from earmark.schema import PageImage
from earmark.sheet.engrave import engraved
from earmark.sheet.engraved_page import EngravedPage
from earmark.sheet.formats import kind
from earmark.sheet.images import read_pages
from earmark.sheet.spreads import parted
from earmark.sheet.systems.find import Layout, read_layout


def read_sheets(path: str | Path) -> Iterator[PageImage]:
    """The pages of one file, in order, from 1; those of a score file are `EngravedPage`.

    Raises BadInput as `earmark.sheet.images.read_pages` and `earmark.sheet.engrave.engraved` do.
    """
    if kind(path) != "notation":
        for page in read_pages(path):
            yield from parted(page)
        return
    with reading(path), engraved(path) as engraving:
        yield from engraving.read()


def read_piece(files: Sequence[str | Path]) -> Iterator[PageImage | BadInput]:
    """The pages of a piece in ``files``, in order.

    Where one of several files cannot be read, the error that says so stands for its page, so that the others keep their
    numbers. Raises that of a single file, and the first if no file can be read.
    """
    errors: list[BadInput] = []
    for file in files:
        try:
            yield from read_sheets(file)
        except BadInput as error:
            errors.append(error)
            if len(errors) == len(files):
                raise errors[0] from None
            yield error


def needs_engraver(files: Iterable[str | Path]) -> bool:
    """Whether reading one of these files starts a program."""
    return any(kind(file) == "notation" for file in files)


def layout_of(page: PageImage) -> Layout:
    """The page laid flat with its systems in reading order: the engraver's own, or else what is found in the image."""
    if not isinstance(page, EngravedPage):
        return read_layout(page.image)
    return Layout(page.image, tuple(page.systems), None, (page.image.shape[1], page.image.shape[0]))
