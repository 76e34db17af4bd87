"""A page of a piece with a place marked on it, for people to look at."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw

from earmark.schema import BadInput, Box, PageImage
from earmark.sheets import read_sheets

MARK = (213, 94, 0)
"""Vermillion of Okabe and Ito's palette: told from ink and paper with any colour vision, and in print."""
TINT = (255, 226, 204)
"""The same, as paper: ink stays black on it."""
LINE_PX = 6


def find_page(files: Iterable[str | Path], number: int) -> PageImage:
    """Page ``number``, from 1, of a piece read from ``files`` in order; raises BadInput when there is none
    now."""
    pages = (page for file in files for page in read_sheets(file))
    for count, page in enumerate(pages, start=1):
        if count == number:
            return page
    raise BadInput(next(iter(files), ""), f"has no page {number} any more", "add it to the library again")


def mark_place(page: PageImage, box: Box) -> Image.Image:
    """The page in colour with ``box`` (fractions of its width and height) framed and tinted."""
    image = Image.fromarray(page.image).convert("RGB")
    x0, y0, x1, y1 = (round(value * size) for value, size in zip(box, (*image.size, *image.size), strict=True))
    inside = (max(0, x0), max(0, y0), min(image.width, max(x1, x0 + 1)), min(image.height, max(y1, y0 + 1)))
    part = image.crop(inside)
    image.paste(ImageChops.multiply(part, Image.new("RGB", part.size, TINT)), inside[:2])
    ImageDraw.Draw(image).rectangle(
        (inside[0] - LINE_PX, inside[1] - LINE_PX, inside[2] + LINE_PX, inside[3] + LINE_PX),
        outline=MARK,
        width=LINE_PX,
    )
    return image
