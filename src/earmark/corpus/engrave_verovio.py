"""Score file → PDF, MIDI and the place, pitch and moment of every notehead: the second engraver.

Verovio gives every note an id, by which its pages, its time map and its ties are joined; its MIDI file is then the
same independent witness of every onset that LilyPond's is (`earmark.corpus.onsets`). Font, spacing, staff size and
page size are drawn from the file's contents, so that equal files look equal and a corpus looks like many publishers'.
"""

from __future__ import annotations

import hashlib
import json
import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import mido
import pypdfium2 as pdfium
from PIL import Image

from earmark.corpus.engrave_lilypond import EngravedStaff, Engraving, EngravingError, NoteHead
from earmark.corpus.onsets import TICKS_PER_WHOLE
from earmark.errors import BadInput
from earmark.schema import System
from earmark.sheet.engrave import engraved
from earmark.sheet.engraved_page import EngravedPage
from earmark.sheet.images import DPI

FONTS = ("Bravura", "Gootville", "Leipzig", "Leland", "Petaluma")
PAPERS = ((2100, 2970), (2159, 2794), (2300, 3050), (1900, 2700))
"""Width and height in tenths of a millimetre: A4, letter, Bach editions' size, octavo."""
_POINTS_PER_PX = 72 / DPI


def look(content: bytes) -> dict[str, Any]:
    """Verovio's options for a file of this content."""
    choice = random.Random(hashlib.sha256(content).digest())
    width, height = choice.choice(PAPERS)
    margin = choice.randint(60, 150)
    return {
        "font": choice.choice(FONTS),
        "pageWidth": width,
        "pageHeight": height,
        **{f"pageMargin{side}": margin for side in ("Bottom", "Left", "Right", "Top")},
        "unit": round(choice.uniform(7.5, 10.5), 2),
        "spacingLinear": round(choice.uniform(0.2, 0.35), 3),
        "spacingNonLinear": round(choice.uniform(0.5, 0.65), 3),
        "spacingStaff": choice.randint(6, 13),
        "spacingSystem": choice.randint(4, 14),
        "staffLineWidth": round(choice.uniform(0.1, 0.2), 3),
        "stemWidth": round(choice.uniform(0.15, 0.28), 3),
        "barLineWidth": round(choice.uniform(0.2, 0.4), 3),
        "header": choice.choice(["auto", "none"]),
        "justifyVertically": choice.random() < 0.5,
    }


def engrave_score(main: Path, scratch: Path) -> Engraving:
    """Engrave the score file ``main`` inside the empty folder ``scratch``.

    Raises EngravingError when no page comes out.
    """
    try:
        with engraved(main, look(main.read_bytes()), performance=True) as engraving:
            notes = json.loads((engraving.folder / "notes.json").read_text(encoding="utf-8"))
            _rescale(engraving.folder / "score.mid", scratch / "score.midi")
            noteheads: list[NoteHead] = []
            staves: list[EngravedStaff] = []
            with pdfium.PdfDocument.new() as document:
                for page in engraving.read():
                    _add_page(document, page)
                    rank = staves[-1].rank + 1 if staves else 0
                    staves += _staves(page, rank)
                    noteheads += _noteheads(page, rank, notes)
                document.save(scratch / "score.pdf")
            header = {"title": engraving.title, "composer": engraving.composer}
    except BadInput as error:
        raise EngravingError(f"{error.what}") from error
    return Engraving((scratch / "score.pdf",), (scratch / "score.midi",), header, tuple(noteheads), tuple(staves))


def _rescale(midi: Path, path: Path) -> None:
    """Write a MIDI file with LilyPond's ticks, as few notes as possible off their place."""
    file = mido.MidiFile(midi)
    ratio = TICKS_PER_WHOLE / 4 / file.ticks_per_beat
    for track in file.tracks:
        before = after = 0
        for message in track:
            before += message.time
            message.time = round(before * ratio) - after
            after += message.time
    file.ticks_per_beat = TICKS_PER_WHOLE // 4
    file.save(path)


def _add_page(document: pdfium.PdfDocument, page: EngravedPage) -> None:
    """A page of the PDF that is, at 200 dpi, exactly the image."""
    height, width = page.image.shape
    sheet = document.new_page(width * _POINTS_PER_PX, height * _POINTS_PER_PX)
    picture = pdfium.PdfImage.new(document)
    picture.set_bitmap(pdfium.PdfBitmap.from_pil(Image.fromarray(page.image)))
    picture.set_matrix(pdfium.PdfMatrix().scale(width * _POINTS_PER_PX, height * _POINTS_PER_PX))
    sheet.insert_obj(picture)
    sheet.gen_content()
    sheet.close()


def _staves(page: EngravedPage, rank: int) -> list[EngravedStaff]:
    height, width = page.image.shape

    def box(system: System, top: float, bottom: float) -> tuple[float, float, float, float]:
        return system.box[0] / width, top / height, system.box[2] / width, bottom / height

    return [
        EngravedStaff(1, rank + row, staff, page.number - 1, box(system, top, bottom))
        for row, system in enumerate(page.systems)
        for staff, (top, bottom) in enumerate(system.staves)
    ]


def _noteheads(page: EngravedPage, rank: int, notes: dict[str, Any]) -> list[NoteHead]:
    """The page's noteheads; one that the time map does not know makes no sound."""
    height, width = page.image.shape
    found = []
    for head in page.noteheads:
        quarters, pitch, held = notes.get(head.note, (0.0, -1, False))
        main = Fraction(round(quarters * TICKS_PER_WHOLE / 4), TICKS_PER_WHOLE)
        x, y = head.x_px / width, head.y_px / height
        place = (rank + head.system, head.staff, page.number - 1, (x, y, x, y))
        found.append(NoteHead(1, main, Fraction(0), pitch, held, *place))
    return found
