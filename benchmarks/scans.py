"""Where music lands among real scans: ``python -m benchmarks.scans CORPUS SCANS [--model NAME] [--json FILE]``.

The movements of Beethoven's Op. 49 and Op. 79 that CORPUS has are played by a piano that no model was trained on and
cut into clips of 20 s every 10 s. They are looked up among the pieces of CORPUS that are in the published split and
SCANS, folders of page images, one a work: with the movement's engraved edition in the library, and without it. Right is
the scan of the work; of its pages those that the movement, aligned with the scan, is on during the clip
(`benchmarks.among_scans.Turns`).
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.among_scans import Turns, added_from, library_among_scans, published, title
from benchmarks.clips import RATE_HZ, play, write_wav
from benchmarks.pieces import Piece
from benchmarks.questions import opus
from benchmarks.report import describe, machine, table, write_json
from earmark.library.library import DEFAULT_MODEL, Library
from earmark.library.store import Piece as Entry
from earmark.library.undo import put_back, take_out

OPERA = (49, 79)
CLIP_S = 20.0
EVERY_S = 10.0
TOP = 10


@dataclass(frozen=True)
class Answer:
    """What a clip found; ``library`` says whether the movement's engraved edition was in it.

    ``rank`` and ``page`` are those of its work's scan, None if that is not among the first ten; ``pages`` are the
    scan's that are played. ``work_first``: the first piece is that scan or that edition.
    """

    movement: str
    library: str
    start_s: float
    rank: int | None
    page: int | None
    pages: tuple[int, ...]
    first: str | None
    work_first: bool
    confident: bool

    @property
    def right_page(self) -> bool:
        return self.page in self.pages


@dataclass(frozen=True)
class Movement:
    """A rendered movement: its engraved edition and its work's scan in the library, and when the scan is turned."""

    name: str
    path: Path
    duration_s: float
    edition: Entry
    scan: Entry
    turns: Turns


def render(library: Library, piece: Piece, scan: Path, folder: Path) -> Movement:
    samples = play(piece)
    path = write_wav(folder / f"{piece.name}.wav", samples)
    edition, scanned = added_from(library, piece.pdf), added_from(library, scan)
    turns = Turns(library.align(path, scanned.name))
    return Movement(piece.name, path, len(samples) / RATE_HZ, edition, scanned, turns)


def look_up(library: Library, movement: Movement, which: str) -> Iterator[Answer]:
    """The answers to all clips of a movement."""
    for i in range(int((movement.duration_s - CLIP_S) // EVERY_S) + 1):
        start_s, end_s = i * EVERY_S, i * EVERY_S + CLIP_S
        findings = library.find(movement.path, top=TOP, start_s=start_s, end_s=end_s)
        own = next((hit for hit in findings.hits if hit.piece == movement.scan.name), None)
        first = findings.hits[0] if findings.hits else None
        yield Answer(
            movement=movement.name,
            library=which,
            start_s=start_s,
            rank=own.rank if own else None,
            page=own.page if own else None,
            pages=tuple(sorted(movement.turns.pages_between(start_s, end_s))),
            first=title(first.source) if first else None,
            work_first=first is not None and first.piece in (movement.scan.name, movement.edition.name),
            confident=findings.confident,
        )


def measure(library: Library, pieces: Sequence[Piece], scans: Path) -> Iterator[Answer]:
    """The answers of all movements whose work is among the scans, with and without the engraved edition."""
    works = {opus(folder.name): folder for folder in scans.iterdir() if folder.is_dir()}
    with tempfile.TemporaryDirectory() as folder:
        for piece in pieces:
            work = opus(piece.name)
            if work is None or work[0] not in OPERA or work not in works:
                continue
            movement = render(library, piece, works[work], Path(folder))
            turns = movement.turns
            print(f"{piece.name}: {turns.doubtful:.0%} of the alignment doubtful; page {turns}", flush=True)
            yield from look_up(library, movement, "with it")
            removed = take_out(library.store, movement.edition)
            try:
                yield from look_up(library, movement, "without it")
            finally:
                put_back(library.store, removed)


def row(name: str, answers: Sequence[Answer]) -> tuple[object, ...]:
    shares = (
        [answer.work_first for answer in answers],
        *([answer.rank is not None and answer.rank <= rank for answer in answers] for rank in (1, 2, TOP)),
        [answer.right_page for answer in answers],
        [answer.confident for answer in answers],
        [answer.confident and not answer.work_first for answer in answers],
    )
    return name, answers[0].library, len(answers), *(f"{sum(share) / len(answers):.1%}" for share in shares)


def print_table(answers: Sequence[Answer]) -> None:
    header = (
        "movement",
        "its engraved edition",
        "clips",
        "work first",
        "scan first",
        "scan in the first two",
        f"scan in the first {TOP}",
        "right page of the scan",
        "confident",
        "confidently wrong",
    )
    rows = []
    for which in ("without it", "with it"):
        here = [answer for answer in answers if answer.library == which]
        rows += [
            row(name, [one for one in here if one.movement == name])
            for name in dict.fromkeys(one.movement for one in here)
        ]
        rows.append(row("**all**", here))
    print(f"\n{table(header, rows)}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("scans", type=Path)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--work", type=Path, default=Path("data/bench"))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    about = machine()
    print(describe(about), "\n", sep="")
    pieces = published(given.corpus)
    kept = library_among_scans(pieces, [], given.scans, given.work, given.model)
    with tempfile.TemporaryDirectory() as folder:  # editions are taken out and put back
        copy = shutil.copytree(kept, Path(folder) / "library")
        with Library.open(copy, given.model) as library:
            answers = list(measure(library, pieces, given.scans))
    print_table(answers)
    for answer in answers:
        if answer.rank != 1 and answer.library == "without it":
            print(f"{answer.movement} at {answer.start_s:g} s: scan {answer.rank or 'not found'}, first {answer.first}")
    if given.json:
        write_json(given.json, {"machine": about, "model": given.model, "clips": [asdict(one) for one in answers]})


if __name__ == "__main__":
    main()
