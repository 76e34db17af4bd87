"""Music that is only a part of what was recorded.

Pieces of the split, played by a piano that no model was trained on (`benchmarks.support.clips`): 20 s and whole, alone,
after a minute of one person talking, in the middle of 100 s of applause, and three pieces on one tape, 40 s of each.
The split's pieces make two libraries, every second piece in each; a tape is looked up in the one that has its pieces
and in the other, where whatever is called confident is wrong. A tape of three pieces is right about one of them when
that is among its first three hits. A place is right when the stretch of the tape that a hit names and the one that was
played share more than half of their union.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.support.answers import Answer
from benchmarks.support.clips import RATE_HZ, play, write_wav
from benchmarks.support.disturb import babble
from benchmarks.support.forms import applause
from benchmarks.support.overlap import is_same
from benchmarks.support.pieces import Piece, read_pieces
from earmark.library.library import Library
from earmark.schema import FloatArray

COUNT = 24
CLIP_S = 20.0
TALKING_S = 60.0
APPLAUSE_S = 50.0
ON_ONE_TAPE, EACH_S = 3, 40.0
LOUDNESS = 0.05  # root mean square of talking and applause; the music's is about as much


@dataclass(frozen=True)
class Part:
    """A piece that a tape has from ``start_s`` to ``end_s``."""

    piece: Piece
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Tape:
    """Samples of a ``kind``, float32 [n], and the pieces on them."""

    kind: str
    samples: FloatArray
    parts: tuple[Part, ...]


def record(kind: str, *sounds: tuple[Piece | None, FloatArray]) -> Tape:
    """Sounds one after the other, of a piece or of none."""
    ends_s = np.cumsum([len(samples) for _, samples in sounds]) / RATE_HZ
    starts_s = ends_s - [len(samples) / RATE_HZ for _, samples in sounds]
    parts = [
        Part(piece, float(start_s), float(end_s))
        for (piece, _), start_s, end_s in zip(sounds, starts_s, ends_s, strict=True)
        if piece
    ]
    return Tape(kind, np.concatenate([samples for _, samples in sounds]), tuple(parts))


def tapes_of(pieces: Sequence[Piece]) -> Iterator[Tape]:
    """The tapes of one piece after the other, and those of several."""
    rng = np.random.default_rng(1)
    before: list[tuple[Piece | None, FloatArray]] = []
    for piece in pieces:
        whole = play(piece)
        talk, clap = talking(rng, TALKING_S), [to_loudness(applause(rng, round(APPLAUSE_S * RATE_HZ))) for _ in "ab"]
        clip = cut(rng, whole, CLIP_S)
        yield record("20 s", (piece, clip))
        yield record("20 s after a minute of talking", (None, talk), (piece, clip))
        yield record("20 s between 50 s and 50 s of applause", (None, clap[0]), (piece, clip), (None, clap[1]))
        yield record("whole", (piece, whole))
        yield record("whole, talking before, applause after", (None, talk), (piece, whole), (None, clap[0]))
        before.append((piece, cut(rng, whole, EACH_S)))
        if len(before) == ON_ONE_TAPE:
            yield record("three pieces, 40 s of each", *before)
            before = []


def cut(rng: np.random.Generator, samples: FloatArray, length_s: float) -> FloatArray:
    """A stretch from anywhere, or all where that is not longer."""
    length = round(length_s * RATE_HZ)
    start = int(rng.integers(max(0, len(samples) - length) + 1))
    return samples[start : start + length]


def talking(rng: np.random.Generator, length_s: float) -> FloatArray:
    """One person."""
    return to_loudness(babble(round(length_s * RATE_HZ), rng, talkers=1))


def to_loudness(samples: FloatArray) -> FloatArray:
    """The same with a root mean square of ``LOUDNESS``."""
    scaled: FloatArray = samples * np.float32(LOUDNESS / np.sqrt(np.mean(samples**2)))
    return scaled


def ask(corpus: Path, split: str, count: int | None, model: str) -> Iterator[Answer]:
    """The answers to all tapes of ``count`` pieces (24), evenly from both halves of the split; a multiple of six."""
    pieces = read_pieces(corpus, split)
    halves = [pieces[::2], pieces[1::2]]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        libraries = [stack.enter_context(Library.open(Path(folder) / name, model)) for name in "ab"]
        names = [name_all(library, half) for library, half in zip(libraries, halves, strict=True)]
        for half, own, other, known in zip(halves, libraries, libraries[::-1], names, strict=True):
            asked = [half[i] for i in np.linspace(0, len(half) - 1, (count or COUNT) // 2).astype(int)]
            for tape in tapes_of(asked):
                yield from look_up(tape, own, other, known, Path(folder) / "tape.wav")


def look_up(tape: Tape, own: Library, other: Library, names: Mapping[str, Piece], path: Path) -> Iterator[Answer]:
    """One answer per part; ``names`` are those of ``own``'s pieces."""
    write_wav(path, tape.samples)
    findings, absent = own.find(path), other.find(path)
    hits = {names[hit.piece]: hit for hit in findings.hits[: len(tape.parts)]}
    for part in tape.parts:
        hit = hits.get(part.piece)
        yield Answer(
            row=tape.kind,
            piece=part.piece.name,
            start_s=part.start_s,
            rank=1 if hit else None,
            confident=findings.confident,
            place=hit is not None and hit.heard_s is not None and is_same(hit.heard_s, (part.start_s, part.end_s)),
            absent=absent.confident,
            first=names[findings.hits[0].piece].name if findings.hits else None,
        )


def name_all(library: Library, pieces: Sequence[Piece]) -> dict[str, Piece]:
    """Adds the pieces; which is which by its name in the library."""
    by_source = {str(piece.pdf): piece for piece in pieces}
    added = library.add(list(by_source))
    return {outcome.piece.name: by_source[outcome.source] for outcome in added if outcome.piece}
