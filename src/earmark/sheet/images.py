"""PDF or an image of any common kind → grey page images, uint8 [height, width], 255 = paper.

PDF pages are drawn by PDFium at 200 dpi, so that an A4 page is 1654 px wide. Pages whose size on paper is no
paper's (a PDF made from photographs, say) are drawn 1654 px wide instead. Images keep their pixels unless
they are wider than 2500 px, or than 5000 px where they are wider than high, as a double spread is. White notes on black
become black ones on white. One page is in memory at a time.
"""

from __future__ import annotations

import math
import struct
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pi_heif
import PIL.Image
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL import ImageOps, TiffImagePlugin, UnidentifiedImageError

from earmark.errors import EMPTY, WEB_PAGE, BadInput, is_web_page, reading
from earmark.schema import Image, PageImage

DPI = 200
PAGE_WIDTH_PX = 1654  # A4 at 200 dpi
MAX_WIDTH_PX = 2500
MAX_PIXELS = 40_000_000
IMAGE_FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "HEIF", "AVIF", "JPEG2000", "GIF", "BMP", "PPM")
"""Pillow's names of what is read."""

# Short sides of music paper, in PDF points (1/72 inch): from a pocket score's 100 mm to A2's 420 mm.
_PAPER_PT = (100 / 25.4 * 72, 420 / 25.4 * 72)

# An image is decoded whole before it is reduced; this keeps the worst (a palette with transparency)
# under 1 GB.
_MAX_DECODED_PIXELS = 100_000_000
# The whitest values that images of more than 8 bits commonly have: 1.0, 8, 12, 15 (16 with a sign) and 16 bits.
_WHITES = (1.0, 255.0, 4095.0, 32767.0, 65535.0)
# TIFF tags and values.
_PHOTOMETRIC, _WHITE_IS_ZERO, _BLACK_IS_ZERO = 262, 0, 1
_SAMPLE_FORMAT, _UNSIGNED = 339, 1

pi_heif.register_heif_opener()


def _register_deep_tiffs() -> None:
    """Lets Pillow open TIFFs of more than 8 bits whichever grey is zero: `_eight_bits` turns them, if need be."""
    known = TiffImagePlugin.OPEN_INFO
    known.setdefault((b"MM", _BLACK_IS_ZERO, (_UNSIGNED,), 1, (32,), ()), ("I", "I;32B"))
    for key, modes in tuple(known.items()):
        if key[1] == _BLACK_IS_ZERO and modes[0].startswith(("I", "F")):
            known.setdefault((key[0], _WHITE_IS_ZERO, *key[2:]), modes)


_register_deep_tiffs()


def read_pages(path: str | Path) -> Iterator[PageImage]:
    """The pages of one file, in order; pages count from 1.

    A PDF or a multi-page TIFF has many pages, any other image one. The file's content decides what it is,
    not its name. Transparency is laid on white paper, a camera's rotation is applied.

    Raises BadInput when the file is missing, unreadable, empty, damaged, encrypted, too large or of another
    type.
    """
    for page in _read(Path(path)):
        yield replace(page, image=_positive(page.image))


def _read(path: Path) -> Iterator[PageImage]:
    try:
        with path.open("rb") as file:
            start = file.read(1024)
    except FileNotFoundError as error:
        raise BadInput(path, "does not exist", "check the name") from error
    except IsADirectoryError as error:
        raise BadInput(path, "is a folder", "give one PDF or image") from error
    except PermissionError as error:
        raise BadInput(path, "may not be read", "give yourself permission to read it") from error
    if not start:
        raise BadInput(path, *EMPTY)
    if is_web_page(start):
        raise BadInput(path, *WEB_PAGE)
    with reading(path):
        yield from _read_pdf(path) if b"%PDF-" in start else _read_image(path)


def _read_pdf(path: Path) -> Iterator[PageImage]:
    try:
        document = pdfium.PdfDocument(path)
    except pdfium.PdfiumError as error:
        # The code alone can be the last file's: PDFium does not set it for a PDF without pages.
        if error.err_code == pdfium_c.FPDF_ERR_PASSWORD and b"/Encrypt" in path.read_bytes():
            remedy = "save a copy without password (qpdf --decrypt) and give that"
            raise BadInput(path, "is encrypted", remedy) from error
        raise BadInput(path, "is a damaged PDF or one without pages", "copy or download it again") from error
    with document:
        for index in range(len(document)):
            try:
                page = open_page(document, index)
                if min(page.get_size()) < 1:
                    raise BadInput(path, f"page {index + 1} has no size", "print it to a new PDF and give that")
                bitmap = page.render(scale=_scale(*page.get_size()), grayscale=True, draw_annots=False)
            except pdfium.PdfiumError as error:
                raise BadInput(path, f"page {index + 1} is damaged", "copy or download it again") from error
            image = bitmap.to_numpy().reshape(bitmap.height, bitmap.width).copy()
            bitmap.close()
            page.close()
            yield PageImage(index + 1, image)


def open_page(document: pdfium.PdfDocument, index: int) -> Any:
    """Page ``index`` of a PDF, from 0, whole where what shall be shown of it lies outside; raises PdfiumError."""
    page = document[index]
    if min(page.get_size()) < 1:  # pt
        page.set_cropbox(*page.get_mediabox())
    return page


def _scale(width_pt: float, height_pt: float) -> float:
    """Pixels per PDF point for a page of this size."""
    scale = DPI / 72
    if not _PAPER_PT[0] <= min(width_pt, height_pt) <= _PAPER_PT[1]:
        scale = PAGE_WIDTH_PX / width_pt
    return min(scale, math.sqrt(MAX_PIXELS / (width_pt * height_pt)))


def _read_image(path: Path) -> Iterator[PageImage]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's about size; the limit is ours
            opened = PIL.Image.open(path, formats=IMAGE_FORMATS)
    except PIL.Image.DecompressionBombError as error:
        raise _too_large(path) from error
    except UnidentifiedImageError as error:
        what = "is damaged, or not a PDF or an image that is read"
        raise BadInput(path, what, "save it again, as PNG or TIFF") from error
    except _PILLOW_ERRORS as error:
        raise BadInput(path, "is a damaged image", "copy or download it again") from error
    with opened:
        frames = getattr(opened, "n_frames", 1) if opened.format == "TIFF" else 1
        for index in range(frames):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # about odd tags
                    opened.seek(index)
                    if opened.width * opened.height > _MAX_DECODED_PIXELS:
                        raise _too_large(path)
                    image = np.array(_reduced(_grey(opened)))
            except _PILLOW_ERRORS as error:
                what = f"page {index + 1} is damaged" if frames > 1 else "is damaged"
                raise BadInput(path, what, "copy or download it again") from error
            yield PageImage(index + 1, image)


# What Pillow's decoders raise on damaged files.
_PILLOW_ERRORS = (OSError, SyntaxError, ValueError, EOFError, TypeError, AssertionError, struct.error)


def _too_large(path: Path) -> BadInput:
    what = f"has more than {_MAX_DECODED_PIXELS // 10**6} million pixels"
    return BadInput(path, what, "save it at 300 dpi")


def _grey(image: PIL.Image.Image) -> PIL.Image.Image:
    """Upright 8-bit grey on white paper, from any mode of a file just opened."""
    image.draft("L", (_widest(image), _widest(image)))  # JPEG only: decodes fewer pixels where that is enough
    tags = dict(getattr(image, "tag_v2", {}))
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode.startswith(("I", "F")):  # more than 8 bits
        values = np.asarray(image)
        if image.mode == "I" and _UNSIGNED in tags.get(_SAMPLE_FORMAT, ()):
            values = values.view(np.uint32)
        return PIL.Image.fromarray(_eight_bits(values, tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO))
    if image.has_transparency_data:
        ink = image if image.mode == "RGBA" else image.convert("RGBA")
        paper = PIL.Image.new("L", ink.size, 255)
        paper.paste(ink.convert("L"), mask=ink.getchannel("A"))
        return paper
    return image.getchannel("L") if image.mode == "LAB" else image.convert("L")


def _eight_bits(values: npt.NDArray[Any], white_is_zero: bool) -> Image:
    """Grey values of any range as uint8; what is no number is paper."""
    finite = np.isfinite(values)
    most = float(values.max(where=finite, initial=0))
    white = next((white for white in _WHITES if most <= white), most)
    grey = np.clip(np.where(finite, values, 0).astype(np.float32) * np.float32(255 / white), 0, 255)
    eight: Image = np.where(finite, 255 - grey if white_is_zero else grey, 255).round().astype(np.uint8)
    return eight


def _positive(image: Image) -> Image:
    """The image, its greys turned if it is a negative: most of its middle is dark, and the rest much lighter."""
    height, width = image.shape
    middle = image[height // 4 : height - height // 4, width // 4 : width - width // 4 : 7]
    darkest, usual, lightest = np.percentile(middle, (1, 50, 99)) if middle.size else (255, 255, 255)
    is_negative = usual < 128 and lightest - usual > max(usual - darkest, 64)
    return np.asarray(255 - image, np.uint8) if is_negative else image


def _widest(image: PIL.Image.Image) -> int:
    """The width to which an image is reduced: two pages beside each other need twice that of one."""
    return MAX_WIDTH_PX * (2 if image.width > image.height else 1)


def _reduced(image: PIL.Image.Image) -> PIL.Image.Image:
    scale = min(_widest(image) / image.width, math.sqrt(MAX_PIXELS / (image.width * image.height)))
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, PIL.Image.Resampling.BOX, reducing_gap=2.0)
