"""A PDF's title and composer are read from its first page of music, else from its metadata."""

from __future__ import annotations

from pathlib import Path

import pypdfium2 as pdfium
import pytest

from earmark.schema import System
from earmark.sheet.headings import read_names
from earmark.sheet.images import read_pages
from earmark.sheet.systems.find import find_systems
from tests.sheet.test_images import save

SCORES = Path(__file__).parents[2] / "demo" / "scores"
FIRST = System((100, 900, 1500, 956), ((900, 956),), 56)


def names(path: Path, first: System | None = FIRST) -> tuple[str, str]:
    image = next(read_pages(path)).image
    return read_names(path, 0, image, first or find_systems(image)[0])


@pytest.mark.parametrize(
    ("piece", "expected"),
    [
        ("bach-prelude", ("Prelude in C major", "Johann Sebastian Bach")),
        ("joplin-entertainer", ("The Entertainer", "Scott Joplin")),
    ],
)
def test_the_page_says_title_and_composer(piece: str, expected: tuple[str, str]) -> None:
    assert names(SCORES / f"{piece}.pdf", None) == expected


def text_pdf(path: Path, content: str, information: str = "") -> Path:
    """An A4 page with this content, in Helvetica as /F, and this information dictionary."""
    stream = content.encode("latin-1")
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [4 0 R] >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Page /Parent 2 0 R /Contents 3 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F "
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        b"<< %s >>" % information.encode("latin-1"),
    ]
    data = b"%PDF-1.4\n" + b"".join(b"%d 0 obj\n%s\nendobj\n" % (n, body) for n, body in enumerate(bodies, 1))
    return save(path, data + b"trailer\n<< /Size 6 /Root 1 0 R /Info 5 0 R >>\n%%EOF\n")


def shown(size: int, x: int, y: int, text: str) -> str:
    return f"BT /F {size} Tf {x} {y} Td ({text}) Tj ET\n"


def test_a_poet_and_a_composer_on_one_line_are_told_apart(tmp_path: Path) -> None:
    content = (
        shown(30, 200, 780, "Das Lied") + shown(12, 40, 740, "W. Poet") + shown(12, 400, 740, "C. Writer (1797 - 1828)")
    )
    path = text_pdf(tmp_path / "song.pdf", content, "/Title (other) /Author (Somebody Else)")
    assert names(path) == ("Das Lied", "C. Writer")


def test_metadata_say_what_the_page_does_not(tmp_path: Path) -> None:
    path = text_pdf(tmp_path / "scan.pdf", "", "/Title (Partita No. 2) /Author (J. S. Bach)")
    assert names(path) == ("Partita No. 2", "J. S. Bach")


@pytest.mark.parametrize(
    "title", ["untitled", "Microsoft Word - x", "score.ly", "IMSLP00123", "scan_0001", " ", "12-34"]
)
def test_what_programs_write_is_no_title(tmp_path: Path, title: str) -> None:
    assert names(text_pdf(tmp_path / "a.pdf", "", f"/Title ({title}) /Author (Administrator)")) == ("", "")


def test_text_below_the_first_system_and_small_text_are_no_title(tmp_path: Path) -> None:
    content = shown(40, 100, 100, "Publisher") + shown(8, 100, 800, "Andante con moto")
    assert names(text_pdf(tmp_path / "a.pdf", content)) == ("", "")
    with pdfium.PdfDocument(tmp_path / "a.pdf") as document:
        assert len(document) == 1
