"""PDF, PNG, JPEG, TIFF or WebP → grey page images, uint8 [height, width], 255 = paper.

PDF pages are drawn by PDFium at 200 dpi, so that an A4 page is 1654 px wide. Pages whose size on paper is no
paper's (a PDF made from photographs, say) are drawn 1654 px wide instead. Images keep their pixels unless
they are wider than 2500 px. One page is in memory at a time.
"""

from __future__ import annotations

import math
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import PIL.Image
import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL import ImageOps, UnidentifiedImageError

from earmark.errors import BadInput, reading
from earmark.schema import PageImage

DPI = 200
PAGE_WIDTH_PX = 1654  # A4 at 200 dpi
MAX_WIDTH_PX = 2500
MAX_PIXELS = 40_000_000

# Short sides of music paper, in PDF points (1/72 inch): from a pocket score's 100 mm to A2's 420 mm.
_PAPER_PT = (100 / 25.4 * 72, 420 / 25.4 * 72)

# An image is decoded whole before it is reduced; this keeps the worst (a palette with transparency)
# under 1 GB.
_MAX_DECODED_PIXELS = 100_000_000


def read_pages(path: str | Path) -> Iterator[PageImage]:
    """The pages of one file, in order; pages count from 1.

    A PDF or a multi-page TIFF has many pages, any other image one. The file's content decides what it is,
    not its name. Transparency is laid on white paper, a camera's rotation is applied.

    Raises BadInput when the file is missing, unreadable, empty, damaged, encrypted, too large or of another
    type.
    """
    path = Path(path)
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
        raise BadInput(path, "is empty (0 bytes)", "copy or download it again")
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
                page = document[index]
                bitmap = page.render(scale=_scale(*page.get_size()), grayscale=True, draw_annots=False)
            except pdfium.PdfiumError as error:
                raise BadInput(path, f"page {index + 1} is damaged", "copy or download it again") from error
            image = bitmap.to_numpy().reshape(bitmap.height, bitmap.width).copy()
            bitmap.close()
            page.close()
            yield PageImage(index + 1, image)


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
            opened = PIL.Image.open(path, formats=["PNG", "JPEG", "TIFF", "WEBP"])
    except PIL.Image.DecompressionBombError as error:
        raise _too_large(path) from error
    except UnidentifiedImageError as error:
        raise BadInput(path, "is not a PDF, PNG, JPEG, TIFF or WebP", "convert it to one of these") from error
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
                raise BadInput(path, f"page {index + 1} is damaged", "copy or download it again") from error
            yield PageImage(index + 1, image)


# What Pillow's decoders raise on damaged files.
_PILLOW_ERRORS = (OSError, SyntaxError, ValueError, EOFError, struct.error)


def _too_large(path: Path) -> BadInput:
    what = f"has more than {_MAX_DECODED_PIXELS // 10**6} million pixels"
    return BadInput(path, what, "save it at 300 dpi")


def _grey(image: PIL.Image.Image) -> PIL.Image.Image:
    """Upright 8-bit grey on white paper, from any mode of a file just opened."""
    image.draft("L", (MAX_WIDTH_PX, MAX_WIDTH_PX))  # JPEG only: decodes fewer pixels where that is enough
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode.startswith("I"):  # 16 bits
        return PIL.Image.fromarray(np.clip(np.asarray(image) // 257, 0, 255).astype(np.uint8))
    if image.has_transparency_data:
        ink = image if image.mode == "RGBA" else image.convert("RGBA")
        paper = PIL.Image.new("L", ink.size, 255)
        paper.paste(ink.convert("L"), mask=ink.getchannel("A"))
        return paper
    return image.convert("L")


def _reduced(image: PIL.Image.Image) -> PIL.Image.Image:
    scale = min(MAX_WIDTH_PX / image.width, math.sqrt(MAX_PIXELS / (image.width * image.height)))
    if scale >= 1:
        return image
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, PIL.Image.Resampling.BOX, reducing_gap=2.0)
