"""Any file of sheet music → its pages: PDF and images as they are, score files as they are engraved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from earmark.schema import PageImage
from earmark.sheet.engrave import engraved, is_score_file
from earmark.sheet.engraved_page import EngravedPage
from earmark.sheet.images import is_page_file, read_pages
from earmark.sheet.systems.find import Layout, read_layout


def is_sheet_file(path: Path) -> bool:
    """Whether a file is one that `read_sheets` reads: by its name's ending, and an ``.xml`` file by its beginning."""
    return is_page_file(path) or is_score_file(path)


def read_sheets(path: str | Path) -> Iterator[PageImage]:
    """The pages of one file, in order, from 1; those of a score file are `EngravedPage`.

    Raises BadInput as `earmark.sheet.images.read_pages` and `earmark.sheet.engrave.engraved` do.
    """
    if not is_score_file(Path(path)):
        yield from read_pages(path)
        return
    with engraved(path) as engraving:
        yield from engraving.read()


def layout_of(page: PageImage) -> Layout:
    """The page laid flat with its systems in reading order: the engraver's own, or else what is found in the image."""
    if not isinstance(page, EngravedPage):
        return read_layout(page.image)
    return Layout(page.image, tuple(page.systems), None, (page.image.shape[1], page.image.shape[0]))
