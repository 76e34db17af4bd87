"""Music for every instrument, played by those of a soundfont that no model was trained on.

20 s of each test piece (`benchmarks.support.clips`), once as synthesised, once recorded somewhere, somehow
(`earmark.corpus.acoustics`), and once played lower than written, as by transposing instruments, are looked up among
many pieces: those of the split, and others of the corpora taken evenly. Every tenth piece of the split is left out of
the library; whatever is called sure about it is wrong. A piece that has nearly all the notes of the right one, or the
other way round, such as a part and its score, is as right.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from zlib import crc32

import mido
import numpy as np

from benchmarks.support.answers import Answer
from benchmarks.support.clips import RATE_HZ, Score, write_wav
from benchmarks.support.pieces import Piece, evenly_chosen, kept_library, read_pieces
from earmark.corpus.acoustics import record
from earmark.corpus.instruments import families
from earmark.corpus.render import render, timed
from earmark.library.library import Library
from earmark.results.findings import Findings
from earmark.schema import FloatArray

PLAYERS = "musescore-score"
CLIP_S = 20.0
LOWER = (1, 2, 3, 5, 7, 9)
"""Semitones: what is played in another key is so much lower. At old pitch it is 1; the others are of instruments."""
LEFT_OUT = 10
"""One piece in so many is not in the library."""
IN_ANOTHER_KEY = "in another key"
SAME = 0.9
"""Share of the notes of the smaller one that two pieces of the same music have in common."""
Notes = frozenset[tuple[int, int]]


def ask(
    corpus: Path, split: str, count: int | None, more: Path | None, among: int, work: Path, model: str
) -> Iterator[Answer]:
    """Answers for the pieces of the split, or for ``count`` of them: of all kinds together, then kind by kind.

    The library has ``among`` pieces, or all that there are.
    """
    pieces = read_pieces(corpus, split)
    notes = {piece.name: notes_of(mido.MidiFile(piece.midi)) for piece in pieces}
    twins = {name: [other for other in notes if are_same(notes[name], notes[other])] for name in notes}
    alone = [piece for piece in pieces if len(twins[piece.name]) == 1]
    missing = {piece.name for piece in alone[LEFT_OUT - 1 :: LEFT_OUT]}
    there = [piece for piece in pieces if piece.name not in missing]
    names = {piece.name for piece in pieces}
    others = [piece for of in (corpus, more) if of for piece in read_pieces(of) if piece.name not in names]
    held = [*there, *evenly_chosen(others, max(0, among - len(there)))]
    print(f"{len(held)} pieces in the library, {len(missing)} of the split are not", flush=True)
    answers = []
    library = kept_library(held, work, model, f"instruments-{len(held)}")
    with Library.open(library, model) as opened, tempfile.TemporaryDirectory() as folder:
        for piece in evenly_chosen(pieces, count):
            right = {str(other.pdf) for other in there if other.name in twins[piece.name]}
            for way, samples, start_s in clips(piece):
                found = opened.find(write_wav(Path(folder) / "clip.wav", samples))
                if piece.name in missing:
                    answers.append(judge(f"not in the library, {way}", piece, start_s, found, right))
                    continue
                answers.append(judge(f"all, {way}", piece, start_s, found, right))
                kind = kind_of(mido.MidiFile(piece.midi))
                if way != IN_ANOTHER_KEY:
                    answers.append(judge(f"{kind}, {way}", piece, start_s, found, right))
    yield from sorted(answers, key=lambda answer: (not answer.row.startswith("all"), answer.row))


def clips(piece: Piece) -> Iterator[tuple[str, FloatArray, float]]:
    """A clip of a piece in all ways, and the second it begins at."""
    rng = np.random.default_rng(crc32(piece.name.encode()))
    start_s = round(float(rng.uniform(0, max(0.0, Score(piece).onset_s[-1] - CLIP_S))), 2)
    performance = mido.MidiFile(piece.midi)

    def clip() -> FloatArray:
        played = render(performance, PLAYERS, draw=piece.name)
        return played[round(start_s * RATE_HZ) :][: round(CLIP_S * RATE_HZ)]

    dry = clip()
    yield "dry", dry, start_s
    yield "recorded", record(dry, rng), start_s
    lower = int(rng.choice(LOWER))
    for message in chain(*performance.tracks):
        if message.type in ("note_on", "note_off"):
            message.note = max(0, message.note - lower)
    yield IN_ANOTHER_KEY, clip(), start_s


def judge(row: str, piece: Piece, start_s: float, found: Findings, right: set[str]) -> Answer:
    """The answer to one clip; ``right`` are the files that have its music."""
    return Answer(
        row=row,
        piece=piece.name,
        start_s=start_s,
        rank=next((hit.rank for hit in found.hits if hit.source in right), None),
        confident=found.confident,
        first=Path(found.hits[0].source).parent.name if found.hits else None,
    )


def kind_of(performance: mido.MidiFile) -> str:
    """What music is for, by the families of its instruments."""
    playing = families(performance)
    kinds = set(playing)
    if "voice" in kinds:
        return "choir" if kinds == {"voice"} else "songs"
    if kinds <= {"strings", "low strings"}:
        return "solo strings" if len(playing) == 1 else "strings"
    if kinds <= {"winds", "brass"}:
        return "winds"
    if len(kinds) == 1:
        return {"plucked": "guitar", "keyboards": "keyboard"}.get(playing[0], playing[0] or "others")
    if kinds & {"strings", "low strings"} and kinds & {"winds", "brass"}:
        return "orchestra"
    return "chamber with piano" if "keyboards" in kinds else "others"


def notes_of(performance: mido.MidiFile) -> Notes:
    """When which pitch begins, in ticks."""
    every = timed(performance)
    return frozenset((tick, note.note) for tick, note in every if note.type == "note_on" and note.velocity)


def are_same(one: Notes, other: Notes) -> bool:
    """Whether two pieces are of the same music, or one is a part of the other."""
    return len(one & other) >= SAME * min(len(one), len(other))
