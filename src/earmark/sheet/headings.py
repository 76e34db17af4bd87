"""What stands above the first system of a PDF's page, and in its metadata: the title and the composer of the piece.

Where a PDF has text, a title is its largest line of letters above the first system, if these are at least
``TITLE_SIZE`` staff heights large; headings of movements and tempi are smaller. A composer is the uppermost line that
ends at the right margin.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from earmark.schema import Box, Image, System
from earmark.sheet.images import open_page

TITLE_SIZE = 0.75
"""Of the staff height: the point size of a title's letters. Titles are set in 16 pt and more over a 20 pt staff."""
_MIN_LETTERS = 3
_AT_RIGHT = 0.75  # of the width: where a composer's name ends, at least
_GAP = 1.5  # letter sizes between two columns of one line: a poet's and a composer's names
# What programs write where a title or an author should be.
_NO_NAME = re.compile(
    r"untitled|unknown|none|null|admin(istrator)?|user|owner|microsoft .*"
    r"|.*\.(docx?|indd|ly|mscz|musx?|pdf|ps|sib|tex|tiff?)"
    r"|(scan|img|imslp|page|document)?[\W\d_]*",
    re.IGNORECASE,
)
_DATES = re.compile(r"\s*\([^()]*\d[^()]*\)\s*$")


@dataclass(frozen=True)
class Line:
    """A line of letters: their size in page px, the text, its box in points from the page's lower left corner."""

    size_px: float
    text: str
    box: Box


def read_names(path: Path, index: int, image: Image, first: System) -> tuple[str, str]:
    """Title and composer of a PDF whose page ``index``, from 0, drawn as ``image``, is the first with a system.

    What the page says goes before what the file's metadata say; "" where neither says anything.
    """
    with pdfium.PdfDocument(path) as document:
        metadata = {key: _name(value) for key, value in document.get_metadata_dict().items()}
        lines = lines_above(document, index, image, first)
        page_width, _ = open_page(document, index).get_size()
    title = title_of(lines, first) or metadata.get("Title", "")
    composer = _composer_of([line for line in lines or () if line.text != title], page_width)
    return title, composer or metadata.get("Author", "")


def lines_above(document: pdfium.PdfDocument, index: int, image: Image, first: System) -> list[Line] | None:
    """The lines of letters above the first system of a page, from top to bottom; None if the page has no text."""
    page = open_page(document, index)
    text = page.get_textpage()
    try:
        height = page.get_height()
        per_point = image.shape[0] / height
        rows: dict[tuple[int, int], list[tuple[str, Box]]] = {}
        any_letter = False
        for i in range(text.count_chars()):
            character = chr(pdfium_c.FPDFText_GetUnicode(text, i) or 32)
            box = text.get_charbox(i, loose=True)
            any_letter = any_letter or character.isalpha()
            from_top = height - box[1]
            if from_top * per_point < first.box[1]:
                size = round(pdfium_c.FPDFText_GetFontSize(text, i))
                rows.setdefault((size, round(from_top / max(size, 1))), []).append((character, box))
    finally:
        text.close()
        page.close()
    if not any_letter:
        return None
    found = [line for (size, _), row in rows.items() for line in _parted(size, per_point, row)]
    return sorted(found, key=lambda line: -line.box[3])


def _parted(size: float, per_point: float, row: list[tuple[str, Box]]) -> list[Line]:
    """The lines in a row of characters: wide gaps part them."""
    parts: list[list[tuple[str, Box]]] = []
    for character, box in row:
        if not parts or box[0] - parts[-1][-1][1][2] > _GAP * size:
            parts.append([])
        parts[-1].append((character, box))
    lines = []
    for part in parts:
        text = " ".join("".join(character for character, _ in part).split())
        boxes = [box for _, box in part]
        if sum(map(str.isalpha, text)) >= _MIN_LETTERS:  # musical glyphs are no letters
            around = (
                min(b[0] for b in boxes),
                min(b[1] for b in boxes),
                max(b[2] for b in boxes),
                max(b[3] for b in boxes),
            )
            lines.append(Line(size * per_point, text, around))
    return lines


def title_of(lines: list[Line] | None, first: System) -> str | None:
    """The largest of the lines, "" if none is a title's size, None if the page has no text."""
    if lines is None:
        return None
    large = [line for line in lines if line.size_px >= TITLE_SIZE * first.staff_height_px]
    return max(large, key=lambda line: line.size_px).text if large else ""


def _composer_of(lines: list[Line], page_width: float) -> str:
    """The uppermost line that stands at the right margin, without the years of a life."""
    at_right = [line for line in lines if line.box[2] > _AT_RIGHT * page_width and line.box[0] > page_width / 2]
    return _name(_DATES.sub("", at_right[0].text)) if at_right else ""


def _name(text: str) -> str:
    """A name that a person has given; "" for what programs write."""
    told = " ".join(text.split())
    return "" if _NO_NAME.fullmatch(told) else told
