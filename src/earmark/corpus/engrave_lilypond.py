"""LilyPond file → PDF, MIDI and the exact box, pitch and moment of every notehead.

LilyPond runs with ``notes.ily``, which logs every notehead and covers noteheads and staves with links; the PDF's
link annotations are then the boxes (``notes.ily`` documents both). Nothing is recognised or guessed.
"""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from earmark.corpus.sources import translate
from earmark.errors import EarmarkError
from earmark.schema import Box

_NOTES_ILY = Path(__file__).with_name("notes.ily")
_TIMEOUT_S = 300
_FINE = 1_000_000  # steps of a page's width and height in which places are asked for
# LilyPond 2.25.12's garbage collector at times frees what is still in use, and LilyPond crashes or hangs. Without it
# the longest pieces take 0.9 GB, and all a third less time.
_NO_GARBAGE_COLLECTION = {"GC_DONT_GC": "1"}
# Noteheads and stems shifted by hand can crash LilyPond too. The shift is given to a property that nothing reads.
_HAND_SHIFT = re.compile(r"(?:NoteHead|Stem)\.X-offset(?=\s*=)")


class EngravingError(EarmarkError):
    """LilyPond made no score of the file; the message is the first of its complaints."""


@dataclass(frozen=True)
class NoteHead:
    """One engraved notehead.

    ``score`` counts the scores of the file from 1; ``main`` and ``grace`` are the two parts of its moment in whole
    notes since the beginning of the score; ``pitch`` is a MIDI note number or -1; ``held`` is True at the right end of
    a tie. ``page`` counts from 0; ``box`` is in fractions of the page's width and height, from its top left corner.
    """

    score: int
    main: Fraction
    grace: Fraction
    pitch: int
    held: bool
    rank: int
    staff: int
    page: int
    box: Box


@dataclass(frozen=True)
class EngravedStaff:
    """One staff of one system; ``box`` (fractions of the page) runs along its top and bottom line's centres."""

    score: int
    rank: int
    staff: int
    page: int
    box: Box


@dataclass(frozen=True)
class Engraving:
    """What LilyPond made of one file."""

    pdfs: tuple[Path, ...]
    midis: tuple[Path, ...]
    header: dict[str, str]
    noteheads: tuple[NoteHead, ...]
    staves: tuple[EngravedStaff, ...]


def engrave(main: Path, root: Path, scratch: Path, semitones: int = 0) -> Engraving:
    """Engrave the LilyPond file ``main`` of the source folder ``root`` inside the empty folder ``scratch``.

    ``semitones`` is how much higher than it is written it is printed and played (``keys.ily``).

    Raises EngravingError when no page comes out.
    """
    copy = translate(main, root, scratch / "source")
    for attempt in ("as-it-is", "without-hand-shifts", "converted-in-steps"):
        if attempt == "without-hand-shifts":
            _drop_hand_shifts(scratch / "source")
        elif attempt == "converted-in-steps":
            copy = translate(main, root, scratch / "again", in_steps=True)
        folder = scratch / attempt
        folder.mkdir()
        complaint = _run_lilypond(copy, folder, semitones)
        pdfs, midis = _outputs(folder, ".pdf"), _outputs(folder, ".midi")
        if pdfs and midis:  # the exit code says little: old files have faults that cost no note
            for pdf in pdfs:
                _turn_upright(pdf)
            return _read_engraving(folder / "NOTES.tsv", pdfs, midis)
    raise EngravingError(complaint)


def _run_lilypond(main: Path, folder: Path, semitones: int) -> str:
    """Engrave into ``folder`` as ``score*.pdf`` and ``score*.midi``; return what LilyPond complains of."""
    from lilypond import executable

    command = [
        str(executable("lilypond")),
        # Of the backends this is the quick one: SVG takes ten times as long.
        *("-dbackend=ps", "-dno-point-and-click", "-dmidi-extension=midi", f"-dinclude-settings={_NOTES_ILY}"),
        *("--loglevel=ERROR", "--output=score"),
        # Files that are included name others from the main file's folder, too.
        *(f"--include={main.resolve().parent}", str(main.resolve())),
    ]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | _NO_GARBAGE_COLLECTION | {"EARMARK_SEMITONES": str(semitones)},
            check=False,
            capture_output=True,
            timeout=_TIMEOUT_S,
            start_new_session=True,  # ctrl-C lets the piece at hand be finished
        )
    except subprocess.TimeoutExpired:
        return f"LilyPond took more than {_TIMEOUT_S} s"
    lines = [line.strip() for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line] or lines[-1:]
    if errors:
        return errors[0].removeprefix(f"{main.resolve().parent}/")
    return f"LilyPond ended with {done.returncode}, and printed no page"


def _drop_hand_shifts(folder: Path) -> None:
    for file in folder.rglob("*.*ly*"):
        text = file.read_text(encoding="utf-8")
        file.write_text(_HAND_SHIFT.sub("TextScript.details.by-hand", text), encoding="utf-8")


def _outputs(folder: Path, suffix: str) -> tuple[Path, ...]:
    """The files ``score.pdf``, ``score-1.pdf``, ``score-2-1.pdf``, … in the order LilyPond wrote them."""
    files = [file for file in folder.glob(f"score*{suffix}") if file.stat().st_size]
    return tuple(sorted(files, key=lambda file: [int(number) for number in re.findall(r"-(\d+)", file.stem)]))


@dataclass
class _Log:
    """The records of NOTES.tsv."""

    header: dict[str, str] = field(default_factory=dict)
    notes: dict[int, tuple[int, Fraction, Fraction, int]] = field(default_factory=dict)
    places: dict[int, tuple[int, int]] = field(default_factory=dict)
    held: set[int] = field(default_factory=set)


def _read_log(path: Path) -> _Log:
    log = _Log()
    for line in path.read_text(encoding="utf-8").splitlines():
        kind, *fields = line.split("\t")
        if kind == "header":
            log.header.setdefault(fields[0], fields[1])
        elif kind == "note":
            note, score, main, grace, pitch = fields
            log.notes[int(note)] = int(score), Fraction(main), Fraction(grace), round(Fraction(pitch))
        elif kind == "place":
            note, rank, staff = fields
            log.places[int(note)] = int(rank), int(staff)
        elif kind == "tied":
            log.held.add(int(fields[0]))
    return log


def _read_engraving(notes: Path, pdfs: tuple[Path, ...], midis: tuple[Path, ...]) -> Engraving:
    log = _read_log(notes)
    boxes: dict[int, list[tuple[int, Box]]] = defaultdict(list)
    staves = []
    for page, address, box in read_links(pdfs):
        kind, _, numbers = address.removeprefix("earmark:").partition("/")
        if kind == "note":
            boxes[int(numbers)].append((page, box))
        elif kind == "staff":
            score, rank, staff = map(int, numbers.split("/"))
            staves.append(EngravedStaff(score, rank, staff, page, box))
    noteheads = [
        NoteHead(*log.notes[note], note in log.held, *log.places[note], *printed[0])
        for note, printed in sorted(boxes.items())
    ]
    return Engraving(pdfs, midis, log.header, tuple(noteheads), tuple(staves))


def read_links(pdfs: tuple[Path, ...]) -> Iterator[tuple[int, str, Box]]:
    """(page from 0, address, box) of every web link of the PDFs, whose pages are counted through.

    Boxes are in fractions of the page's width and height, from its top left corner.
    """
    first_page = 0
    for path in pdfs:
        with pdfium.PdfDocument(path) as document:
            for number in range(len(document)):
                page = document[number]
                for address, box in _page_links(document, page):
                    yield first_page + number, address, box
                page.close()
            first_page += len(document)


def _page_links(document: pdfium.PdfDocument, page: pdfium.PdfPage) -> Iterator[tuple[str, Box]]:
    position, link, rectangle = ctypes.c_int(0), pdfium_c.FPDF_LINK(), pdfium_c.FS_RECTF()
    while pdfium_c.FPDFLink_Enumerate(page, position, link):
        action = pdfium_c.FPDFLink_GetAction(link)
        size = pdfium_c.FPDFAction_GetURIPath(document, action, None, 0)
        if not size or not pdfium_c.FPDFLink_GetAnnotRect(link, rectangle):
            continue
        address = ctypes.create_string_buffer(size)
        pdfium_c.FPDFAction_GetURIPath(document, action, address, size)
        yield address.value.decode("utf-8", "replace"), _as_shown(page, rectangle)


def _turn_upright(path: Path) -> None:
    """Turn a PDF whose staves run upwards: LilyPond prints landscape pages on upright paper."""
    with pdfium.PdfDocument(path) as document:
        links = (link for page in document for link in _page_links(document, page))
        x0, y0, x1, y1 = next((box for address, box in links if address.startswith("earmark:staff")), (0, 0, 1, 0))
        if y1 - y0 <= x1 - x0:
            return
        for page in document:
            page.set_rotation(90)
        turned = path.with_suffix(".turned")
        document.save(turned)
    turned.replace(path)


def _as_shown(page: pdfium.PdfPage, rectangle: pdfium_c.FS_RECTF) -> Box:
    """A rectangle of a page in fractions of the page as it is shown: landscape pages are turned."""
    x, y = ctypes.c_int(0), ctypes.c_int(0)
    corners = []
    for corner in ((rectangle.left, rectangle.top), (rectangle.right, rectangle.bottom)):
        pdfium_c.FPDF_PageToDevice(page, 0, 0, _FINE, _FINE, 0, *corner, x, y)
        corners.append((x.value / _FINE, y.value / _FINE))
    (x0, x1), (y0, y1) = (sorted(values) for values in zip(*corners, strict=True))
    return x0, y0, x1, y1
