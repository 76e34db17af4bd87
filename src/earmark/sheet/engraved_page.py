"""A page of Verovio's SVG → its image, and what the engraver knows of it: systems, staves, measures, beats, noteheads.

The SVG nests page-margin > system > measure > staff > note; lengths are in hundredths of a millimetre or so, a staff's
lines are its own five paths, a notehead is a glyph drawn from its left edge. Nothing has to be recognised.
"""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from pathlib import Path

import numpy as np
import PIL.Image
import resvg_py

from earmark.schema import Image, PageImage, System
from earmark.sheet.beats import Beats

WIDTH_PX = 1654  # A4 at 200 dpi, as PDF pages are drawn
PERCUSSION, TABLATURE = "percussion on one line", "tablature"
_BLANK = (2339, WIDTH_PX)
_FEWEST_LINES, _MOST_LINES = 4, 5  # of staves that are read, chant's among them
_TRANSLATE = re.compile(r"translate\(([-\d.]+), ?([-\d.]+)\)(?: scale\(([-\d.]+))?")
_LINE = re.compile(r"M([-\d.]+) ([-\d.]+) L([-\d.]+) ([-\d.]+)")
# Half the widths of noteheads in glyph units, 250 a staff space: breve, whole note, all others (SMuFL, Bravura's).
_HALF_HEADS = {"E0A0": 300, "E0A1": 300, "E0A2": 211}
_HALF_HEAD = 148
_SVG = "{http://www.w3.org/2000/svg}"
_PARTS = "circle defs desc ellipse g line path polygon polyline rect style symbol text title tspan use"
_DRAWN = frozenset(f"{_SVG}{name}" for name in _PARTS.split())
_AUTHORS = frozenset(("fig", "graphic", "svg"))
_LEAST_BEAT = 0.01


@dataclass(frozen=True)
class Measure:
    """One measure of one system: its number as the score says, and its left and right end in page px.

    ``beats`` are (page px, beat) of its notes and of where it ends, or the next one's first note is, both rising; empty
    where they are not known. See `earmark.sheet.beats`.
    """

    number: str
    x0: float
    x1: float
    beats: tuple[tuple[float, float], ...] = ()

    def beat_at(self, x_px: float) -> float | None:
        """The beat at ``x_px``, to a hundredth: between notes by the distances from them, before the first its own."""
        if not self.beats:
            return None
        x, beats = zip(*self.beats, strict=True)
        return round(min(float(np.interp(x_px, x, beats)), float(beats[-1]) - _LEAST_BEAT), 2)


@dataclass(frozen=True)
class NoteHead:
    """A notehead: its note's id in the engraving, its system (row of the page's ``systems``), its staff (row of the
    system's ``staves``) and its centre in page px."""

    note: str
    system: int
    staff: int
    x_px: float
    y_px: float


@dataclass(frozen=True)
class EngravedPage(PageImage):
    """A page with its systems in reading order and, a row each, their measures from left to right.

    ``title`` and ``composer`` are the whole score's, "" where it has none. ``unread`` is what the page should
    have and ``systems`` has not: `PERCUSSION`, `TABLATURE`, or a tune that cannot be engraved.
    """

    title: str = ""
    composer: str = ""
    unread: frozenset[str] = frozenset()
    systems: tuple[System, ...] = ()
    measures: tuple[tuple[Measure, ...], ...] = ()
    noteheads: tuple[NoteHead, ...] = ()


def measure_at(measures: Sequence[Measure], x_px: float) -> Measure | None:
    """The measure of a system that is at ``x_px``, or the nearest one; None if there is none."""
    before = [measure for measure in measures if measure.x0 <= x_px] or measures[:1]
    return before[-1] if before else None


@dataclass
class _System:
    """What is read of one system, in px; staves by their top line."""

    staves: dict[float, float] = field(default_factory=dict)
    measures: list[Measure] = field(default_factory=list)
    heads: list[tuple[str, float, float, float]] = field(default_factory=list)
    """Note id, top line of its staff, centre."""
    unread: dict[float, str] = field(default_factory=dict)
    """Top lines of percussion on few lines and of tablature, and which of the two it is."""


def read_page(svg: Path, number: int, beats: Beats, counted: int = 0) -> tuple[EngravedPage, int]:
    """Page ``number`` and the number of measures up to its end; ``counted`` are those of the pages before it, and
    ``beats`` the score's.

    A measure without a number of its own (in ABC) gets its count through the score, from 1.
    """
    if not svg.stat().st_size:
        blank = np.full(_BLANK, 255, np.uint8)
        return EngravedPage(number, blank, unread=frozenset((f"tune {number}, which cannot be engraved",))), counted
    root = ET.parse(svg).getroot()
    _leave_out_pictures(root)
    image = _draw(root)
    margin, frame = _frame(root, image.shape[1])
    systems: list[System] = []
    measures, heads, unread = [], [], set()
    for element in _of_class(margin, "system"):
        read = _read_system(element, frame, beats, counted)
        counted += len(read.measures)
        unread |= set(read.unread.values())
        if not read.staves:
            continue
        tops = sorted(read.staves)
        lines = tuple((top, read.staves[top]) for top in tops)
        box = (
            read.measures[0].x0,
            lines[0][0],
            max(measure.x1 for measure in read.measures),
            max(read.staves.values()),
        )
        heads += [NoteHead(note, len(systems), tops.index(top), x, y) for note, top, x, y in read.heads]
        systems.append(System(box, lines, sum(bottom - top for top, bottom in lines) / len(lines)))
        measures.append(tuple(read.measures))
    page = EngravedPage(
        number,
        image,
        unread=frozenset(unread),
        systems=tuple(systems),
        measures=tuple(measures),
        noteheads=tuple(heads),
    )
    return page, counted


@dataclass(frozen=True)
class _Frame:
    """The SVG's lengths → page px."""

    x: float
    y: float
    scale: float

    def px(self, x: float, y: float) -> tuple[float, float]:
        return (self.x + x) * self.scale, (self.y + y) * self.scale


def _frame(root: ET.Element, width_px: int) -> tuple[ET.Element, _Frame]:
    """The page's margin, which holds all music, and where it lies."""
    page = next(element for element in root.iter() if element.get("class") == "definition-scale")
    margin = next(_of_class(page, "page-margin"))
    x, y, _ = _placed(margin)
    return margin, _Frame(x, y, width_px / float(page.attrib["viewBox"].split()[2]))


def _read_system(element: ET.Element, frame: _Frame, beats: Beats, counted: int) -> _System:
    read = _System()
    for count, measure in enumerate(_of_class(element, "measure"), start=counted + 1):
        ends, heads = [], list[tuple[str, float]]()
        for staff in _of_class(measure, "staff"):
            lines = [frame.px(x0, y) + frame.px(x1, y) for x0, y, x1 in _staff_lines(staff)]
            if not lines:
                continue
            top, bottom = lines[0][1], lines[-1][1]
            ends += [lines[0][0], lines[0][2]]
            if len(lines) > _MOST_LINES or any(_of_class(staff, "tabGrp")):
                read.unread[top] = TABLATURE
            elif len(lines) < _FEWEST_LINES:  # a percussionist's single line cannot be scaled
                read.unread[top] = PERCUSSION
            else:
                read.staves[top] = bottom
            found = [(note, top, *frame.px(x, y)) for note, x, y in _noteheads(staff)]
            heads += [(note, x) for note, _, x, _ in found]
            read.heads += found
        if ends:
            x0, x1 = min(ends), max(ends)
            told = _beats(beats, measure.get("id", ""), heads, x0, x1)
            read.measures.append(Measure(measure.get("data-n") or str(count), x0, x1, told))
    read.staves = {top: bottom for top, bottom in read.staves.items() if top not in read.unread}
    read.heads = [head for head in read.heads if head[1] in read.staves]
    read.measures = [_up_to(one, other) for one, other in zip_longest(read.measures, read.measures[1:])]
    return read


def _beats(
    beats: Beats, measure: str, heads: Sequence[tuple[str, float]], x0: float, x1: float
) -> tuple[tuple[float, float], ...]:
    """`Measure.beats` of a measure with these (note id, page px), as far as its own right end."""
    if measure not in beats.measures:
        return ()
    first, end = beats.measures[measure]
    at: dict[float, list[float]] = {first: []}
    for note, x in heads:
        if note in beats.notes and x < x1:
            at.setdefault(beats.notes[note], []).append(x)
    told = [(sum(px) / len(px) if px else x0, beat) for beat, px in sorted(at.items()) if beat < end] + [(x1, end)]
    return tuple(point for i, point in enumerate(told) if all(point[0] > x for x, _ in told[:i]))


def _up_to(measure: Measure, following: Measure | None) -> Measure:
    """The measure with its last beat going on until the first note of the one that follows on its system."""
    if following is None or not measure.beats or not following.beats:
        return measure
    *notes, (_, end) = measure.beats
    return replace(measure, beats=(*notes, (following.beats[0][0], end)))


def _staff_lines(staff: ET.Element) -> list[tuple[float, float, float]]:
    """(left end, y, right end) of the staff's lines from top to bottom: the only paths that are its own."""
    found = [_LINE.match(path.get("d", "")) for path in staff if path.tag.endswith("}path")]
    lines = [tuple(map(float, line.groups())) for line in found if line]
    return sorted(((x0, y, x1) for x0, y, x1, y1 in lines if y == y1), key=lambda line: line[1])


def _noteheads(staff: ET.Element) -> Iterator[tuple[str, float, float]]:
    """(Note id, x, y) of the middle of every notehead of a staff."""
    for note in _of_class(staff, "note"):
        for head in _of_class(note, "notehead"):
            for glyph in head.iter():
                if glyph.tag.endswith("}use"):
                    x, y, scale = _placed(glyph)
                    code = next(value for name, value in glyph.items() if name.endswith("href"))[1:5]
                    yield note.get("id", ""), x + scale * _HALF_HEADS.get(code, _HALF_HEAD), y


def _placed(element: ET.Element) -> tuple[float, float, float]:
    """Translation and scale of an element."""
    found = _TRANSLATE.match(element.get("transform", ""))
    if found is None:
        return 0.0, 0.0, 1.0
    return float(found[1]), float(found[2]), float(found[3] or 1)


def _of_class(element: ET.Element, name: str) -> Iterator[ET.Element]:
    return (found for found in element.iter() if name in found.get("class", "").split())


def _leave_out_pictures(root: ET.Element) -> None:
    """Take out all but music and text, in place: a score file's author may put pictures into it, by the names of files.

    What stays is what Verovio itself draws with, and refers to nothing but its own parts: no picture, no drawing of the
    author's own, no filter, script or link.
    """
    page = root.findall(f"{_SVG}svg")
    for parent in list(root.iter()):
        for child in list(parent):
            is_authors = not _AUTHORS.isdisjoint(child.get("class", "").split())
            if is_authors or (child.tag not in _DRAWN and child not in page):
                parent.remove(child)
    for element in root.iter():
        for name in [name for name in element.attrib if name.rpartition("}")[2] == "href"]:
            if not element.attrib[name].startswith("#"):
                del element.attrib[name]


def _draw(root: ET.Element) -> Image:
    png = resvg_py.svg_to_bytes(svg_string=ET.tostring(root, "unicode"), width=WIDTH_PX, background="white")
    with PIL.Image.open(io.BytesIO(png)) as image:
        return np.array(image.convert("L"))
