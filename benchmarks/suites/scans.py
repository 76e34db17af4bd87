"""Music among real scans.

The movements of Op. 49 and Op. 79 (Beethoven) that the corpus has are played by a piano that no model was trained on,
and cut into clips of 20 s every 10 s. They are looked up among the pieces of the published split and the scans, one a
work: without the movement's engraved edition in the library, and with it. The right piece is the scan of the work, or
that edition. The page is that of the scan's hit, wherever it ranks; right are those that the movement, aligned with the
scan, is on during the clip (`benchmarks.support.among_scans.Turns`).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.suites.pages import opus
from benchmarks.support.among_scans import Turns, added_from, library_among_scans, published, title
from benchmarks.support.answers import Answer
from benchmarks.support.clips import RATE_HZ, play, write_wav
from benchmarks.support.pieces import Piece
from earmark.library.library import Library

OPERA = (49, 79)
CLIP_S = 20.0
EVERY_S = 10.0
TOP = 10


@dataclass(frozen=True)
class Movement:
    """A rendered movement: its scan's and its edition's name in the library, and when the scan is turned."""

    piece: Piece
    path: Path
    duration_s: float
    scan: str
    edition: str
    turns: Turns


def ask(corpus: Path, scans: Path, work: Path, model: str) -> Iterator[Answer]:
    """The answers of all movements whose work is among the scans."""
    pieces = published(corpus)
    kept = library_among_scans(pieces, [], scans, work, model)
    works = {opus(folder.name): folder for folder in scans.iterdir() if folder.is_dir()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy = shutil.copytree(kept, folder / "library")  # editions are taken out of it and added again
        with Library.open(copy, model) as library:
            for piece in pieces:
                own = opus(piece.name)
                if own is not None and own[0] in OPERA and own in works:
                    yield from look_up(library, render(library, piece, works[own], folder))


def render(library: Library, piece: Piece, scan: Path, folder: Path) -> Movement:
    """Plays a movement into ``folder`` and aligns it with its scan."""
    samples = play(piece)
    path = write_wav(folder / f"{piece.name}.wav", samples)
    scanned, edition = added_from(library, scan).name, added_from(library, piece.pdf).name
    turns = Turns(library.align(path, scanned))
    print(f"{piece.name}: {turns.doubtful:.0%} of the alignment doubtful; page {turns}", flush=True)
    return Movement(piece, path, len(samples) / RATE_HZ, scanned, edition, turns)


def look_up(library: Library, movement: Movement) -> Iterator[Answer]:
    """The answers to all clips of a movement, with its edition and without."""
    yield from clips(library, movement, "its engraved edition beside the scan")
    library.remove(movement.edition)
    yield from clips(library, movement, "the scan alone")
    library.add([movement.piece.pdf])


def clips(library: Library, movement: Movement, row: str) -> Iterator[Answer]:
    for i in range(int((movement.duration_s - CLIP_S) // EVERY_S) + 1):
        start_s, end_s = i * EVERY_S, i * EVERY_S + CLIP_S
        findings = library.find(movement.path, top=TOP, start_s=start_s, end_s=end_s)
        right = [hit for hit in findings.hits if hit.piece in (movement.scan, movement.edition)]
        own = next((hit for hit in right if hit.piece == movement.scan), None)
        yield Answer(
            row=row,
            piece=movement.piece.name,
            start_s=start_s,
            rank=right[0].rank if right else None,
            confident=findings.confident,
            page=own is not None and own.page in movement.turns.pages_between(start_s, end_s),
            first=title(findings.hits[0].source) if findings.hits else None,
        )
