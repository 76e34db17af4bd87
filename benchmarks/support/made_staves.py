"""Systems of many staves, percussion and tablature: engraved, and as images in which they are to be found."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.support.made import Made
from benchmarks.support.made_pages import encoded
from earmark.sheet.engrave import engraved
from earmark.sheet.engraved_page import PERCUSSION, TABLATURE
from tests.sheet.test_engrave import orchestra

_STAVES = range(3, 31)
_MEASURES = 8
_KINDS = {1: PERCUSSION, 3: PERCUSSION, 6: TABLATURE}
"""What staves of so many lines are."""


def staves(rng: np.random.Generator) -> Iterator[Made]:
    """Of each number of staves one system, as a score file or as an image of it."""
    for number in _STAVES:
        score = _longer(orchestra(number), _MEASURES)
        write, ending = (_write, "musicxml") if rng.random() < 0.5 else (_draw, "png")
        name = f"{number}-staves.{ending}"
        yield Made("3 to 30 staves", name, partial(write, score), pages=1, systems=1, staves=number)


def unread_staves() -> Iterator[Made]:
    """Percussion on one line and tablature: alone, and among other staves."""
    for lines, kind in _KINDS.items():
        for others in (0, 1, 3):
            score = _with_lines(_longer(orchestra(others + 1), _MEASURES), lines)
            name = f"{lines}-lines-among-{others}.musicxml"
            says = f"not read: {kind}" if others else kind
            pieces = min(1, others)
            yield Made("percussion, tablature", name, partial(_write, score), pieces, says=says)


def _longer(score: str, measures: int) -> str:
    """The one measure of every part, so often."""
    begin, end = '<measure number="1">', "</measure>"
    parts = []
    for part in score.split("</part>"):
        head, found, measure = part.partition(begin)
        rest = measure.partition("</attributes>")[2]
        more = [f'<measure number="{number}">{rest}' for number in range(2, measures + 1)] if found else []
        parts.append(head + found + measure + "".join(more))
    assert end in score
    return "</part>".join(parts)


def _with_lines(score: str, lines: int) -> str:
    """The last part on a staff of so many lines."""
    at = score.rindex("</divisions>") + len("</divisions>")
    return f"{score[:at]}<staff-details><staff-lines>{lines}</staff-lines></staff-details>{score[at:]}"


def _write(score: str, path: Path) -> None:
    path.write_text(score, encoding="utf-8")


def _draw(score: str, path: Path) -> None:
    """The first page of a score as an image."""
    _write(score, path)
    with engraved(path) as engraving:
        path.write_bytes(encoded(next(iter(engraving.read())).image, "L", "PNG"))
