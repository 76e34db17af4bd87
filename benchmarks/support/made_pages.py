"""Page images and PDFs of every kind that is read, made from engraved pages."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import PIL.Image
import pypdfium2 as pdfium

from benchmarks.support.made import Made
from earmark.schema import Image
from earmark.sheet.images import read_pages
from earmark.sheet.systems.find import read_layout
from tests.sheet.test_images import save_tiff

WIDTH_PX = 1240
FEW = 3
_DEPTHS = (("u1", 255), ("u2", 65535), ("u2", 4095), ("i2", 32767), ("u4", 2**32 - 1), ("i4", 65535), ("f4", 1))
_ORIENTATIONS = {1: 0, 3: 2, 6: 1, 8: 3}
"""EXIF's, and how often a page is turned by 90 degrees to the left to be stored so."""
_ORIENTATION = 0x0112
Drawn = tuple[Path, Image, int]
Change = Callable[[Any], object]
"""Of a page of pypdfium2's."""


class Pages:
    """Makes files of the first pages of ``pdfs``, another for each file."""

    def __init__(self, pdfs: list[Path], rng: np.random.Generator) -> None:
        self._rng = rng
        self._pages = {pdf: _page_of(pdf) for pdf in pdfs}
        self._boxes = {pdf: [system.box for system in read_layout(page).systems] for pdf, page in self._pages.items()}

    def _drawn(self) -> Drawn:
        """One of the PDFs, its page, and the number of its systems."""
        pdf = list(self._pages)[self._rng.integers(len(self._pages))]
        return pdf, self._pages[pdf], len(self._boxes[pdf])

    def upper(self) -> Drawn:
        """The same of the upper part of the page, with a few systems: small files take little time."""
        pdf, page, _ = self._drawn()
        boxes = self._boxes[pdf]
        if len(boxes) > FEW:
            page = page[: round((boxes[FEW - 1][3] + boxes[FEW][1]) / 2)]
        return pdf, page, min(FEW, len(boxes))

    def images(self) -> Iterator[Made]:
        """All modes that Pillow writes of each format, names in any case or of another kind, cameras' rotations."""
        modes = {
            "png": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
            "jpg": ("L", "RGB", "CMYK"),
            "webp": ("L", "RGB", "RGBA"),
            "avif": ("L", "RGB", "RGBA"),
            "jp2": ("L", "LA", "RGB", "RGBA", "I;16"),
            "j2k": ("L", "RGB"),
            "gif": ("1", "L", "P", "RGB"),
            "bmp": ("1", "L", "P", "RGB", "RGBA"),
            "pbm": ("1",),
            "pgm": ("L", "I;16"),
            "ppm": ("RGB",),
            "pnm": ("L",),
        }
        for ending, names in modes.items():
            for mode in names:
                yield self._image(f"{mode.replace(';', '-')}.{ending}", mode, ending)
        more: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
            ("two-bit.png", "P", "PNG", {"bits": 2}),
            ("small.png", "L", "PNG", {"compress_level": 0}),
            ("progressive.jpg", "RGB", "JPEG", {"progressive": True}),
            ("poor.jpeg", "RGB", "JPEG", {"quality": 30}),
            ("lossless.webp", "RGB", "WEBP", {"lossless": True}),
            ("camera.mpo.jpg", "RGB", "MPO", {}),
            ("interlaced.gif", "L", "GIF", {"interlace": 1}),
            ("tiled.jp2", "RGB", "JPEG2000", {"tile_size": (256, 256)}),
            ("SHOUTED.PNG", "L", "PNG", {}),
            ("renamed.jpg", "L", "PNG", {}),
            ("renamed.png", "RGB", "JPEG", {}),
            ("renamed.tif", "RGB", "WEBP", {}),
            ("no-ending", "L", "PNG", {}),
            ("untold.dat", "RGB", "JPEG", {}),
            ("untold.tmp", "L", "TIFF", {}),
        )
        for name, mode, form, options in more:
            yield self._image(name, mode, form, **options)
        for orientation, turns in _ORIENTATIONS.items():
            pdf, page, systems = self.upper()
            photo = PIL.Image.fromarray(np.rot90(page, turns).copy())
            tags = photo.getexif()
            tags[_ORIENTATION] = orientation
            save = partial(photo.save, format="JPEG", exif=tags)
            yield Made("images", f"camera-{orientation}.jpg", save, systems=systems, asks=pdf.stem)
        for ending in ("png", "tif"):
            pdf, page, systems = self.upper()
            deep = np.repeat(page[:, :, None].astype(np.uint16) * 257, 3, axis=2)
            yield Made("images", f"deep-colour.{ending}", partial(_by_opencv, deep), systems=systems, asks=pdf.stem)

    def tiffs(self) -> Iterator[Made]:
        """All depths, orders of bytes and photometrics; Pillow's compressions and modes; several pages."""
        for form, white in _DEPTHS:
            for order in "<>":
                for zero in (0, 1):
                    pdf, page, systems = self.upper()
                    share = page / 255
                    values = ((share if zero else 1 - share) * white).astype(order + form)
                    name = f"{form}-{white}-{'little' if order == '<' else 'big'}-{('white', 'black')[zero]}.tif"
                    save = partial(save_tiff, values=values, photometric=zero)
                    yield Made("TIFF", name, save, systems=systems, asks=pdf.stem)
        for mode, compression in (
            *(("1", each) for each in ("group3", "group4", "tiff_ccitt", "packbits")),
            *(("L", each) for each in ("tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "jpeg", "zstd", "lzma")),
            *((mode, "tiff_lzw") for mode in ("LA", "P", "RGB", "RGBA", "CMYK", "LAB")),
            ("YCbCr", "jpeg"),
        ):
            made = self._image(f"{mode}-{compression}.tif", mode, "TIFF", compression=compression)
            yield Made("TIFF", made.name, made.write, systems=made.systems, asks=made.asks)
        made = self._image("big.tiff", "L", "TIFF", big_tiff=True)
        yield Made("TIFF", made.name, made.write, systems=made.systems, asks=made.asks)
        for count in (2, 3):
            drawn = [self.upper() for _ in range(count)]
            first, *others = (PIL.Image.fromarray(page) for _, page, _ in drawn)
            save = partial(first.save, format="TIFF", save_all=True, append_images=others)
            yield Made("TIFF", f"{count}-pages.tif", save, pages=count, systems=sum(systems for *_, systems in drawn))

    def pdfs(self) -> Iterator[Made]:
        """Drawings and scans: turned, with odd boxes, of odd sizes, with junk around them, repaired, books."""
        for turn in (0, 90, 180, 270):
            yield self._pdf(f"drawn-{turn}.pdf", partial(_turned, turn))
        boxes: dict[str, Change] = {
            "crop-outside": lambda page: page.set_cropbox(9000, 9000, 9100, 9100),
            "crop-empty": lambda page: page.set_cropbox(10, 10, 10, 10),
            "crop-larger": lambda page: page.set_cropbox(-500, -500, 5000, 5000),
            "trim-small": lambda page: page.set_trimbox(100, 100, 200, 200),
            "bleed-outside": lambda page: page.set_bleedbox(-50, -50, 5000, 5000),
            "art-empty": lambda page: page.set_artbox(0, 0, 0, 0),
            "media-moved": lambda page: page.set_mediabox(-20, -20, page.get_width() + 20, page.get_height() + 20),
        }
        for name, change in boxes.items():
            yield self._pdf(f"{name}.pdf", change)
        for resolution in (30, 72, 100, 300, 600):
            yield self._image(f"scan-{resolution}-dpi.pdf", "L", "PDF", kind="PDF", resolution=resolution)
        for mode in ("1", "RGB", "CMYK", "P"):
            yield self._image(f"scan-{mode}.pdf", mode, "PDF", kind="PDF", resolution=150)
        scans: dict[str, Callable[[bytes], bytes]] = {
            "junk-before.pdf": lambda data: b"\0mail header\r\n" * 20 + data,
            "junk-after.pdf": lambda data: data + b"\0" * 3000,
            "no-table.pdf": lambda data: data[: data.rindex(b"startxref")],
            "wrong-table.pdf": lambda data: data[: data.rindex(b"startxref")] + b"startxref\n7\n%%EOF",
            "crop-of-scan-outside.pdf": lambda data: data.replace(
                b"/Type /Page\n", b"/Type /Page /CropBox [9000 9000 9100 9100]\n"
            ),
            "unit.pdf": lambda data: data.replace(b"/Type /Page\n", b"/Type /Page /UserUnit 2\n"),
            "odd-rotation.pdf": lambda data: data.replace(b"/Type /Page\n", b"/Type /Page /Rotate 45\n"),
            "turned-twice-round.pdf": lambda data: data.replace(b"/Type /Page\n", b"/Type /Page /Rotate -270\n"),
        }
        for name, change_bytes in scans.items():
            pdf, page, systems = self.upper()
            content = change_bytes(encoded(page, "L", "PDF", resolution=150))
            yield Made("PDF", name, partial(_write, content), systems=systems, asks=pdf.stem)
        for pages in (1, 2, 3):
            drawn = [self._drawn() for _ in range(pages)]
            systems = sum(systems for *_, systems in drawn)
            save = partial(_book, [pdf for pdf, *_ in drawn])
            yield Made("PDF", f"title-page-and-{pages}.pdf", save, pages=1 + pages, systems=systems)

    def spreads(self) -> Iterator[Made]:
        """Open books, negatives, pages that lie on their side, pages among empty paper."""
        for ending, form in (("png", "PNG"), ("jpg", "JPEG"), ("pdf", "PDF"), ("tif", "TIFF"), ("webp", "WEBP")):
            left, right = self._drawn(), self._drawn()
            both = np.concatenate(
                [left[1], np.full((left[1].shape[0], 60), 230, np.uint8), _as_high(right[1], left[1])], 1
            )
            content = encoded(both, "L", form)
            systems = left[2] + right[2]
            yield Made("open books, negatives", f"spread.{ending}", partial(_write, content), pages=2, systems=systems)
        for ending, form in (("png", "PNG"), ("jpg", "JPEG"), ("pdf", "PDF"), ("gif", "GIF")):
            pdf, page, systems = self._drawn()
            content = encoded(255 - page, "L", form)
            yield Made(
                "open books, negatives", f"negative.{ending}", partial(_write, content), systems=systems, asks=pdf.stem
            )
        for turns in (1, 2, 3):
            pdf, page, systems = self._drawn()
            content = encoded(np.rot90(page, turns).copy(), "L", "PNG")
            name = f"turned-{turns}.png"
            yield Made("open books, negatives", name, partial(_write, content), systems=systems, asks=pdf.stem)

    def _image(self, name: str, mode: str, form: str, kind: str = "images", **options: Any) -> Made:
        pdf, page, systems = self.upper()
        save = partial(_save, page, mode, form, options)
        return Made(kind, name, save, systems=systems, asks=pdf.stem)

    def _pdf(self, name: str, change: Change) -> Made:
        pdf, _, systems = self._drawn()
        return Made("PDF", name, partial(_changed, pdf, change), systems=systems, asks=pdf.stem)


def _page_of(pdf: Path) -> Image:
    """The first page of a PDF, at 150 dpi."""
    image = PIL.Image.fromarray(next(read_pages(pdf)).image)
    return np.asarray(image.resize((WIDTH_PX, round(image.height * WIDTH_PX / image.width))))


def encoded(page: Image, mode: str, form: str, **options: Any) -> bytes:
    """A page image, uint8, in a mode and format of Pillow's; ``form`` may be an ending."""
    content = io.BytesIO()
    if mode == "I;16":
        image = PIL.Image.fromarray(page.astype(np.uint16) * 257)
    elif mode == "LAB":
        neutral = PIL.Image.new("L", (page.shape[1], page.shape[0]), 128)
        image = PIL.Image.merge("LAB", (PIL.Image.fromarray(page), neutral, neutral))
    else:
        image = PIL.Image.fromarray(page).convert(mode)
    known = PIL.Image.registered_extensions()
    image.save(content, known.get(f".{form}", form), **{"no_jp2": form == "j2k", **options})
    return content.getvalue()


def _save(page: Image, mode: str, form: str, options: dict[str, Any], path: Path) -> None:
    path.write_bytes(encoded(page, mode, form, **options))


def _write(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def _by_opencv(values: npt.NDArray[np.uint16], path: Path) -> None:
    """Images of 16 bits a colour, which Pillow does not write."""
    assert cv2.imwrite(str(path), values)


def _as_high(page: Image, other: Image) -> Image:
    """A page with paper below, or without its lowest rows, as high as another."""
    height = other.shape[0]
    return np.pad(page, ((0, max(0, height - len(page))), (0, 0)), constant_values=255)[:height]


def _changed(pdf: Path, change: Change, path: Path) -> None:
    """A PDF whose first page, the only one that is kept, is changed."""
    with pdfium.PdfDocument(pdf) as document, pdfium.PdfDocument.new() as one:
        one.import_pages(document, [0])
        change(one[0])
        one.save(path)


def _turned(turn: int, page: Any) -> None:
    page.set_rotation(turn)


def _book(pdfs: list[Path], path: Path) -> None:
    """An empty page, then the first page of each."""
    with pdfium.PdfDocument.new() as book:
        book.new_page(595, 842)
        for pdf in pdfs:
            with pdfium.PdfDocument(pdf) as document:
                book.import_pages(document, [0])
        book.save(path)
