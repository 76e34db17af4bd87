"""A page with a place, or with what was found on it, marked: for people to look at."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw

from earmark.errors import BadInput
from earmark.schema import Box, PageImage
from earmark.schema import Image as GreyImage
from earmark.sheet.on_page import SystemOnPage
from earmark.sheet.read import read_piece

MARK = (213, 94, 0)
"""Vermillion of Okabe and Ito's palette: told from ink and paper with any colour vision, and in print."""
TINT = (255, 226, 204)
"""The same, as paper: ink stays black on it."""
STAVES, BARS = (0, 114, 178), (0, 158, 115)
"""Blue and green of the same palette."""
LINE_PX = 6
THUMBNAIL_PX, GREYS = 480, 16
"""How wide a thumbnail is, and how many greys it has."""


def find_page(files: Sequence[Path], number: int) -> Iterator[PageImage | None]:
    """At last page ``number``, from 1, of a piece read from ``files`` in order; None for every page before.

    Raises BadInput when there is none now, or its file cannot be read.
    """
    for count, page in enumerate(read_piece(files), start=1):
        if count == number:
            if isinstance(page, BadInput):
                raise page
            yield page
            return
        yield None
    raise BadInput(files[0], f"has no page {number} any more", "add it to the library again")


def scaled(image: Image.Image, width: int) -> Image.Image:
    """A grey image, ``width`` px wide."""
    height = max(1, round(image.height * width / image.width))
    return image.resize((width, height), Image.Resampling.BOX if width < image.width else None)


def thumbnail(page: GreyImage) -> bytes:
    """A page, grey uint8 [height, width], as a PNG `THUMBNAIL_PX` wide."""
    memory = io.BytesIO()
    scaled(Image.fromarray(page), THUMBNAIL_PX).quantize(GREYS).save(memory, "PNG", optimize=True)
    return memory.getvalue()


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


def mark_systems(page: PageImage, systems: Sequence[SystemOnPage]) -> Image.Image:
    """The page in colour with every system framed and numbered, its staves framed and its bar lines drawn."""
    image = Image.fromarray(page.image).convert("RGB")
    pen = ImageDraw.Draw(image)
    width = max(1, round(image.width / 550))

    def px(box: Box) -> tuple[float, float, float, float]:
        x0, y0, x1, y1 = box
        return x0 * image.width, y0 * image.height, x1 * image.width, y1 * image.height

    for number, system in enumerate(systems, start=1):
        pen.rectangle(px(system.box), outline=MARK, width=width)
        pen.text(px(system.box)[:2], str(number), fill=MARK, font_size=12 * width)
        for staff in system.staves:
            pen.rectangle(px(staff), outline=STAVES, width=width)
        for bar in system.bars:
            pen.line(px(bar), fill=BARS, width=2 * width)
    return image
