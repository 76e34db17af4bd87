"""Files of several pieces are split where a title stands above the first system."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pypdfium2 as pdfium
import pytest
from PIL import Image, ImageDraw, ImageFont

from earmark.library.library import Library
from earmark.sheet.parts import Part, find_parts, read_headings

if TYPE_CHECKING:
    from tests.conftest import Music
    from tests.fake_encoders import FakeEncoders

SCORES = Path(__file__).parents[2] / "demo" / "scores"


def titled(page: np.ndarray[tuple[int, int], np.dtype[np.uint8]], title: str) -> Image.Image:
    """The page pushed down by a third, with a title in the space."""
    height, width = page.shape
    taller = Image.new("L", (width, height + 300), 255)
    taller.paste(Image.fromarray(page), (0, 300))
    ImageDraw.Draw(taller).text((width / 2, 200), title, fill=0, anchor="mm", font=ImageFont.load_default(40))
    return taller


@pytest.fixture
def scan(music: Music, tmp_path: Path) -> Path:
    """Two pieces of two pages each as images in one TIFF, after a cover."""
    first, second = music.pages(music.melody(0, 144)), music.pages(music.melody(1, 144))
    pages = [
        titled(first[0], "ARIA"),
        Image.fromarray(first[1]),
        titled(second[0], "RONDO"),
        Image.fromarray(second[1]),
    ]
    cover = Image.new("L", (1160, 900), 255)
    cover.save(tmp_path / "book.tif", save_all=True, append_images=pages)
    return tmp_path / "book.tif"


def test_titles_in_text_split_a_pdf_and_name_its_pieces(tmp_path: Path) -> None:
    with pdfium.PdfDocument.new() as book:
        for name in ("bach-prelude", "petzold-menuet"):
            with pdfium.PdfDocument(SCORES / f"{name}.pdf") as piece:
                book.import_pages(piece)
        book.save(tmp_path / "book.pdf")
    assert find_parts(read_headings(tmp_path / "book.pdf")) == [Part(1, 2, "Prelude in C major"), Part(3, 3, "Menuet")]


def test_titles_in_pictures_split_a_scan(scan: Path) -> None:
    assert find_parts(read_headings(scan)) == [Part(1, 3, ""), Part(4, 5, "")]


def test_a_file_without_a_second_title_is_one_piece(music: Music, tmp_path: Path) -> None:
    path = music.write_pdf(tmp_path / "one.pdf", music.melody(0, 216))
    assert find_parts(read_headings(path)) == [Part(1, 3, "")]


def test_parts_are_pieces_of_their_own_with_the_files_page_numbers(
    scan: Path, encoders: FakeEncoders, music: Music, tmp_path: Path
) -> None:
    library = Library.open(tmp_path / "library", encoders)
    library.add(scan)
    assert [piece.name for piece in library.pieces()] == ["book"]
    outcomes = library.add(scan, split=True)
    assert [outcome.status for outcome in outcomes] == ["added", "added"]
    assert [(piece.name, piece.pages) for piece in library.pieces()] == [("book p1", 3), ("book p4", 2)]
    assert [outcome.status for outcome in library.add(scan, split=True)] == ["unchanged", "unchanged"]
    library.remove("book p4")  # as if it had been stopped before
    assert [outcome.status for outcome in library.add(scan, split=True)] == ["replaced", "added"]
    clip = music.write_recording(tmp_path / "clip.wav", music.melody(1, 144), first=90)
    hit = library.find(clip).hits[0]
    assert (hit.piece, hit.page, hit.source) == ("book p4", 5, f"{scan}#page=4-5")
