"""Real recordings, as they come and disturbed, among engraved pieces and real scans.

The recordings (their names are in `PIECE_OF`) are cut into clips of 5, 10, 20 and 40 s, one every 5 s, and looked up
among the pieces of the corpus that are in the published split, those of ``more`` and the scans. Then all of it again in
every way of `benchmarks.support.disturb`. A page is right when the recording as it came, aligned with its own piece, is
on it during the clip (`benchmarks.support.among_scans.Turns`). Recordings whose piece is in neither corpus are passed
over.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.support.among_scans import Turns, added_from, library_among_scans, published, title
from benchmarks.support.answers import Answer
from benchmarks.support.clips import RATE_HZ, write_wav
from benchmarks.support.disturb import WAYS
from benchmarks.support.pieces import Piece, read_pieces
from earmark.audio.decode import read_samples
from earmark.library.library import Library

LENGTHS_S = (5.0, 10.0, 20.0, 40.0)
EVERY_S = 5.0
PIECE_OF = {
    "bwv846-prelude": "BachJS__BWV846__wtk1-prelude1__wtk1-prelude1",  # MSMD has the fugue only
    "bwv849-fugue": "BachJS__BWV849__bwv849b",
    "bwv850-prelude": "BachJS__BWV850__bwv850a",
    "bwv924a-prelude": "BachJS__BWV924a__bach-prelude-bwv924a",
    "kv331-variation-1": "MozartWA__KV331__KV331_1_2_var1",
}
"""The corpus piece that a recording is of."""


@dataclass(frozen=True)
class Recording:
    """A recording, its piece's name in the library, and when its pages are turned."""

    path: Path
    piece: str
    turns: Turns


def ask(corpus: Path, scans: Path, recordings: Path, more: Path | None, work: Path, model: str) -> Iterator[Answer]:
    """The answers to all clips, way after way."""
    pieces, others = published(corpus), read_pieces(more) if more else []
    with Library.open(library_among_scans(pieces, others, scans, work, model), model) as library:
        found = find_recordings(library, recordings, [*pieces, *others])
        for way in WAYS:
            for recording in found:
                yield from look_up(library, recording, way)


def find_recordings(library: Library, folder: Path, pieces: Sequence[Piece]) -> list[Recording]:
    """The recordings of `PIECE_OF` in ``folder`` whose piece is among ``pieces``, aligned with it."""
    pdfs = {piece.name: piece.pdf for piece in pieces}
    found = []
    for path in sorted(path for path in folder.iterdir() if path.stem in PIECE_OF):
        pdf = pdfs.get(PIECE_OF[path.stem])
        if pdf is None:
            print(f"{path.name}: passed over, its piece {PIECE_OF[path.stem]} is in no corpus")
            continue
        name = added_from(library, pdf).name
        turns = Turns(library.align(path, name))
        print(f"{path.name}: {turns.doubtful:.0%} of the alignment doubtful; page {turns}", flush=True)
        found.append(Recording(path, name, turns))
    return found


def look_up(library: Library, recording: Recording, way: str) -> Iterator[Answer]:
    """All clips of a recording, disturbed in this way; it is decoded only once."""
    with tempfile.TemporaryDirectory() as folder:
        samples = np.concatenate(list(read_samples(WAYS[way].disturb(recording.path, Path(folder)))))
        path = write_wav(Path(folder) / "decoded.wav", samples)
        for length_s in LENGTHS_S:
            for start_s in starts(len(samples) / RATE_HZ, length_s):
                yield judge(library, recording, way, path, start_s, length_s)


def starts(duration_s: float, length_s: float) -> list[float]:
    """Where the clips of this length begin."""
    return [i * EVERY_S for i in range(int((duration_s - length_s) // EVERY_S) + 1)]


def judge(library: Library, recording: Recording, way: str, path: Path, start_s: float, length_s: float) -> Answer:
    """The answer to one clip, whose times are the disturbed recording's."""
    findings = library.find(path, start_s=start_s, end_s=start_s + length_s)
    first = findings.hits[0] if findings.hits else None
    rank = next((hit.rank for hit in findings.hits if hit.piece == recording.piece), None)
    speed = WAYS[way].speed
    pages = recording.turns.pages_between(start_s * speed, (start_s + length_s) * speed)
    return Answer(
        row=f"{way}, {length_s:g} s",
        piece=recording.path.stem,
        start_s=start_s,
        rank=rank,
        confident=findings.confident,
        page=first is not None and rank == 1 and first.page in pages,
        first=title(first.source) if first else None,
    )
